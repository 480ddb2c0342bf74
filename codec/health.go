package codec

import (
	"strconv"
	"strings"

	"cashew/codec/verdict"
)

// Health is what a server is asked besides the clients' commands: as a connection opens (Handshake), to learn whether it is
// well (Probe), and to prove that replies are in step (Canary). A server connection calls Handshake, CheckHandshake, Canary and
// JudgeCanary on its loop; a probe has a connection of its own, and calls the first two, Probe and CheckProbe on its own
// goroutine. Slices that are returned may be shared and are read-only; replies that are passed in are not kept.
type Health interface {
	// Handshake is what a new server connection of a profile and a database sends before user traffic: whole commands, each
	// sent alone and awaited. Empty means none.
	Handshake(as Login, pr Profile, db int) [][]byte

	// CheckHandshake looks at the whole reply to command step of Handshake; an error fails the server connection. If it
	// is a *RefusalError the server is well but has not this profile, or this database; a *RemarkError fails nothing, and at a
	// *LoginError, which it is only so often, the handshake begins again on the same connection with its Next. No error holds
	// a secret.
	CheckHandshake(as Login, pr Profile, db, step int, reply []byte) error

	// After is the protocol as it is once it takes the place of old, at a reload: it has the credentials of old, too, for servers
	// that refuse its own, and of those before the ones that servers took last. It is called off the loops, and changes neither. After again, of one that differs in nothing else, is the same.
	After(old Protocol) Protocol

	// Probe is a whole command that any healthy server answers at once.
	Probe() []byte

	// CheckProbe looks at the whole reply to Probe: an error says why the server should not get traffic yet.
	CheckProbe(reply []byte) error

	// TLSApart says that servers of it which speak TLS have to get commands in records that end with them.
	TLSApart() bool

	// Canary is a whole command that any server of that profile answers with reply, which holds token where the protocol allows that.
	Canary(pr Profile, token string) (command, reply []byte)

	// JudgeCanary looks at the whole reply that came to a canary where want was promised.
	JudgeCanary(want, reply []byte) verdict.Proof
}

// Attempt is which credentials a login tries of those that a protocol knows; the zero value: those that are in force.
type Attempt struct {
	Former uint8 // one that was in force before, counted from 1
	Tried  uint8 // of those, the ones that the server has refused, as bits
}

// Login says with what a server connection logs in.
type Login struct {
	Server string // its server's name in the pool: a server may have credentials of its own
	Attempt
	Master  bool // it has to be a master, as it says itself
	Replica bool // it is one, which reads are sent to
}

// LoginError is a server's answer that it does not take the credentials, where it may take others that were in force before: Next.
type LoginError struct{ Next Attempt }

func (*LoginError) Error() string { return "the server refuses the credentials" }

// RefusalError is a server's answer that it has not the profile, or not the database, which a connection asked for.
type RefusalError struct {
	Profile  string // as users know it: "RESP3"; "": it is about the database
	Database int
	Reply    []byte // what the client is told that asked: a whole error reply, the server's own
}

func (e *RefusalError) Error() string { return e.asked() + " was refused: " + e.Text() }

// Lacks says what a server can't, as in "server x has no database 9".
func (e *RefusalError) Lacks() string {
	if e.Profile != "" {
		return "does not speak " + e.Profile
	}
	return "has no " + e.asked()
}

// Text is Reply without what is around its words.
func (e *RefusalError) Text() string {
	return strings.TrimRight(strings.TrimPrefix(string(e.Reply), "-"), "\r\n")
}

func (e *RefusalError) asked() string {
	if e.Profile != "" {
		return e.Profile
	}
	return "database " + strconv.Itoa(e.Database)
}

// RemarkError is an answer to a command of the handshake that is not what was hoped for, and good enough.
type RemarkError struct{ Text string }

func (e *RemarkError) Error() string { return e.Text }
