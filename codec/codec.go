// Package codec is the border between the event loops and a wire protocol. Packages session, backend and topology know a
// protocol only as parts of a [Protocol]; the Redis protocol lives in codec/resp, memcached's two in codec/memcached.
//
// Nothing here takes a lock, reads a clock or does I/O, and on the hot path nothing allocates, so that event loops can call
// it; each interface says who does, and what runs elsewhere. A parser has three outcomes, never two: whole, not yet,
// malformed. A length is bounded before it is believed.
//
//	client bytes --ParseCommand--> Command --route--> server connection
//	server bytes --ScanReply-----> Request --order--> client
//
// Read codec.go, then what a session calls: commands.go, users.go, client.go, answers.go, fragments.go, transactions.go, pubsub.go and lessons.go; what a server
// connection calls: replies.go, health.go, cluster.go, sentinel.go and replication.go; names of both: catalogue.go; what a client asks about the proxy: about.go and facts.go; which databases it may be in: databases.go. decimal.go and
// name.go are for the protocols themselves.
package codec

import (
	"errors"
	"fmt"
)

// Protocol is all that tells a Redis pool from a memcached pool: what configs hands to engine.PoolOptions. One value serves
// one pool; it is immutable once built and may be used by all loops at once. Whoever calls it declares the parts that it
// needs: a client's side Commands, Users, Answers, Reports, Fragments, Transactions and Lessons, a server's side Replies, Health, Clustered, Sentinels and Replicated, both PubSub, Databases and Catalogue; a client's side Tracked.
type Protocol interface {
	Commands
	Users
	Answers
	Reports
	Fragments
	Transactions
	PubSub
	Lessons
	Databases
	Replies
	Health
	Clustered
	Sentinels
	Replicated
	Catalogue
	Tracked
}

// ErrMalformed is wrapped by every error that means "the framing of this stream is lost". After it the connection can
// only be closed; the error's text is what Answers.AppendMalformed tells the client.
var ErrMalformed = errors.New("malformed")

// IsTLS says that p, of the beginning of what a client sends, is a handshake of TLS: a record of the handshake, of some version, with
// a ClientHello. No command begins so, and what is rubbish on a line of its own is still that. Source: RFC 8446, sections 4 and 5.1.
func IsTLS(p []byte) bool {
	return len(p) >= 6 && p[0] == 0x16 && p[1] == 0x03 && p[2] <= 0x04 && p[5] == 0x01
}

// ErrForeign is wrapped as well if what was read is another protocol, as HTTP is. Such clients are
// counted apart, so that an operator sees who still uses it.
var ErrForeign = fmt.Errorf("%w: another protocol", ErrMalformed)

// ProfileError is ParseCommand's error for a frame that only a client of another profile sends, by its first byte: memcached's
// binary protocol. A client of which nothing was taken yet goes on in that profile, with the same bytes; for any other the framing
// is lost.
type ProfileError struct {
	Profile Profile
	Name    string // as errors tell it
}

func (e *ProfileError) Error() string { return e.Name + " behind other commands" }

// Unwrap says that framing is lost.
func (*ProfileError) Unwrap() error { return ErrForeign }

// Mark is what the reply to a command has to bear besides its place in the order, in the protocol's own bits: memcached's opcode
// and opaque. 0: nothing.
type Mark uint64
