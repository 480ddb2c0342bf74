// Package codec is the border between the event loops and a wire protocol. The engine and the backends know a protocol
// only as parts of a [Protocol]; the Redis protocol lives in codec/resp, the memcached text protocol in codec/memcached.
//
// Nothing here takes a lock, reads a clock or does I/O, and on the hot path nothing allocates, so that event loops can call
// it; each interface says who does, and what runs elsewhere. A parser has three outcomes, never two: whole, not yet,
// malformed. A length is bounded before it is believed.
//
//	client bytes --ParseCommand--> Command --route--> server connection
//	server bytes --ScanReply-----> Request --order--> client
package codec

import (
	"errors"
	"fmt"
	"strings"
)

// ErrMalformed is wrapped by every error that means "the framing of this stream is lost". After it the connection can
// only be closed; the error's text is what Answers.AppendMalformed tells the client.
var ErrMalformed = errors.New("malformed")

// ErrForeign is wrapped as well if what was read is another protocol: memcached's binary one, HTTP. Such clients are
// counted apart, so that an operator sees who still uses it.
var ErrForeign = fmt.Errorf("%w: another protocol", ErrMalformed)

// Protocol is all that tells a Redis pool from a memcached pool: what configs hands to engine.PoolOptions. One value serves
// one pool; it is immutable once built and may be used by all loops at once. Whoever calls it declares the parts that it
// needs: a client's side Commands, Answers, Reports and Fragments, a server's side Replies and Health, both Catalogue.
type Protocol interface {
	Commands
	Answers
	Reports
	Fragments
	Replies
	Health
	Catalogue
}

// Commands understands what clients send. A session calls it on its client's loop; Guarded is asked by whoever makes the
// session, on the goroutine that accepts. buf is the session's, and with it all that a Command points to; cl, s and cmd are
// the caller's, and reused from call to call.
type Commands interface {
	// Guarded says that clients have to log in first.
	Guarded() bool

	// ParseCommand finds one command at the front of buf, which always starts at the first byte of a frame.
	//
	// n > 0: a whole frame of n bytes; cmd describes it and points into buf. n == 0 with a nil error: buf ends inside
	// the frame; call again with the same bytes and more: s keeps what is known, so that no byte is scanned twice, and
	// s.Need is a lower bound of the frame's length. An error wraps ErrMalformed: framing is lost. After a whole frame
	// or an error s is ready for the next frame.
	//
	// A frame that is well-formed but not servable (unknown command, wrong arity, not authenticated) is whole, with
	// cmd.Kind == Refuse. cmd and s are reused by the caller from call to call. Does not allocate once cmd.Keys grew.
	// It may write into the frame, once that is whole (to take out a flag that no server must see).
	ParseCommand(cl *Client, s *Scan, buf []byte, cmd *Command) (n int, err error)

	// Target is the profile that a client has after a command of Kind Switch; its own if the command will fail.
	Target(cl *Client, cmd *Command) Profile
}

// Answers is what the proxy says to a client in place of a server, and what it keeps from it. A session calls it on its
// client's loop; AppendError is also called where a client is turned away and where a report fails, each on a goroutine of
// its own. dst is the caller's, often a batch that other replies stand in: bytes go behind what is there, and nothing of dst
// or of the other arguments is kept.
type Answers interface {
	// AppendLocal appends the reply to a command of Kind Local, Switch, Refuse or Quit, and may change cl (AUTH, CLIENT
	// SETNAME, HELLO). It is called once for each such command, in the order of the client's commands.
	AppendLocal(dst []byte, cl *Client, cmd *Command) []byte

	// AppendMiss appends what a server answers, to a client of that profile, that has none of the keys of a command with
	// Op op and so many keys. ok is false, and dst as it was, if the command writes or its reply to a miss is not always
	// the same.
	AppendMiss(dst []byte, pr Profile, op uint16, keys int) (out []byte, ok bool)

	// AppendError appends an error reply that says text, which is one line without CR or LF: "-ERR text" for Redis,
	// "SERVER_ERROR text" for memcached. Source: twemproxy 0.5.0 msg_get_error.
	AppendError(dst []byte, text string) []byte

	// AppendCrossServer appends the error for a command whose keys live on different servers and which is not scattered.
	AppendCrossServer(dst []byte) []byte

	// AppendMalformed appends the last reply before a client is closed because ParseCommand returned err.
	AppendMalformed(dst []byte, err error) []byte

	// Suppress says whether the whole reply to a command whose Quiet was not 0 is kept from the client.
	Suppress(quiet uint16, reply []byte) bool
}

// Reports answers what clients ask about the proxy as a whole. It alone always runs on a goroutine off the loops, at most
// eight of them at once, and may allocate and wait. cl and frame are copies that belong to the call.
type Reports interface {
	// AppendReport appends the reply to a command of Kind Report, whose Op and Frame are given; cl is a copy of the client
	// as the command found it. last says that the client is closed once it has this reply.
	AppendReport(dst []byte, cl Client, op uint16, frame []byte, about About) (out []byte, last bool)
}

// Fragments takes a command whose keys live on several servers apart, and puts the replies together: MGET of 100 keys on 3
// servers is 3 fragments and 1 reply. A session calls it on its client's loop. dst is the caller's: a server connection's
// batch for AppendFragment, the client's for AppendCoalesced. cmd is as ParseCommand left it; a Gather and all in it belong to
// the session.
type Fragments interface {
	// AppendFragment begins, in dst, the part of a Scatter command that goes to one server and holds keys of the
	// command's keys. The caller then appends cmd.Frame[k.Start:k.End] for each of those keys, in the command's order,
	// and finishes with AppendFragmentEnd.
	AppendFragment(dst []byte, cmd *Command, keys int) []byte

	// AppendFragmentEnd ends what AppendFragment began.
	AppendFragmentEnd(dst []byte, cmd *Command) []byte

	// AppendKeys appends what AppendCoalesced will need to know of the command's keys once its frame is gone; Redis
	// needs nothing and returns dst as it is.
	AppendKeys(dst []byte, cmd *Command) []byte

	// AppendCoalesced appends the one reply to a Scatter command made of the replies to its fragments. Work is linear
	// in keys and bytes. If any fragment's reply cannot be merged (an error, another type) the result is one error.
	AppendCoalesced(dst []byte, g *Gather) []byte
}

// Replies understands what servers send. A server connection calls it on its loop; a probe, which has a connection of its own,
// calls ScanReply on its own goroutine. The bytes belong to the caller, are read and neither changed nor kept; s is the
// connection's.
type Replies interface {
	// ScanReply takes the bytes at the front of buf that belong to the current reply: n of them, all of buf if the
	// reply goes on beyond it (done == false). s keeps the state between calls, so that a reply can be passed on as it
	// comes, cut at any byte. done == true: byte n-1 was the reply's last, and s is ready for the next reply. An error
	// wraps ErrMalformed: the server connection is lost. Does not allocate, whatever the reply declares.
	ScanReply(s *ReplyScan, buf []byte) (n int, done bool, err error)

	// Judge looks at the beginning of a server's reply, one byte or more, to a command that had Op op, on a connection of
	// that profile.
	Judge(pr Profile, op uint16, reply []byte) Verdict

	// PushKind names what a server sends unasked (see Push) by the beginning of it, 64 bytes or all; one of few names.
	PushKind(push []byte) string
}

// Health is what a server is asked besides the clients' commands: as a connection opens (Handshake), on a connection of its own
// while it is ejected (Probe), and to prove that replies are in step (Canary). A server connection calls it on its loop; a probe
// calls Handshake, CheckHandshake, Probe and CheckProbe on its own goroutine. Commands and promised replies that are returned
// may be shared and are read-only; those that are passed in are read only until the call returns.
type Health interface {
	// Handshake is what a new server connection of a profile sends before user traffic: whole commands, each sent alone
	// and awaited. Empty means none. The slices are shared and read-only.
	Handshake(pr Profile) [][]byte

	// CheckHandshake looks at the whole reply to command step of Handshake; an error fails the server connection. If it
	// is a *RefusalError the server is well but has not this profile; a *RemarkError fails nothing.
	CheckHandshake(pr Profile, step int, reply []byte) error

	// Probe is a whole command that any healthy server answers at once; read-only.
	Probe() []byte

	// CheckProbe looks at the whole reply to Probe: an error says why the server should not get traffic yet.
	CheckProbe(reply []byte) error

	// Canary is a whole command that any server answers with reply, which holds token where the protocol allows that.
	Canary(token string) (command, reply []byte)

	// JudgeCanary looks at the whole reply that came to a canary where want was promised.
	JudgeCanary(want, reply []byte) Proof
}

// Catalogue is what a protocol has, by name, for those who count and show it: sessions and server connections on their loops,
// and on any other goroutine a reload, a scrape, the slow log's reader. All of it is as fixed as the program; slices that are
// returned are shared and read-only.
type Catalogue interface {
	// Name is "redis" or "memcached".
	Name() string

	// Profiles are the names of the profiles, MaxProfiles at most, as figures show them: "resp2", "resp3".
	Profiles() []string

	// Ops is how many Ops there are: those that ParseCommand gives are below it.
	Ops() int

	// Describe names the command of an Op in lower case, "" if it is none, and says what kind of work it is.
	Describe(op uint16) (name string, class Class)

	// CommandName names cmd in lower case, also one that is unknown, and is then cut where names end. "": what was sent
	// there is no name.
	CommandName(cmd *Command) string
}

// Profile is a way to speak with a server that a connection chooses as it opens, and keeps: 0 is the protocol's plain one
// (RESP2, memcached's text), further ones are the protocol's own (RESP3). Each client has one; its commands travel on
// connections of that profile, and replies come back as they are.
type Profile uint8

// MaxProfiles is how many a protocol may have.
const MaxProfiles = 2

// RefusalError is a server's answer that it has not the profile which a connection asked for.
type RefusalError struct {
	Profile string // as users know it: "RESP3"
	Reply   []byte // what the client is told that asked: a whole error reply, the server's own
}

func (e *RefusalError) Error() string {
	return e.Profile + " was refused: " + strings.TrimRight(strings.TrimPrefix(string(e.Reply), "-"), "\r\n")
}

// RemarkError is an answer to a command of the handshake that is not what was hoped for, and good enough.
type RemarkError struct{ Text string }

func (e *RemarkError) Error() string { return e.Text }

// Class is what kind of work a command is, for those who count.
type Class uint8

// The classes.
const (
	Read Class = iota
	Write
	Other   // scripts, and what neither reads nor writes keys
	Classes // how many there are
)

func (c Class) String() string { return [...]string{"read", "write", "other"}[c] }

// Verdict is what Judge makes of a reply.
type Verdict uint8

const (
	// Fine is a reply that may be passed on.
	Fine Verdict = iota
	// Busy is passed on, too: the server says that it can't just now, for what some request asked of it (it runs a script, is
	// out of memory). Nobody's failure.
	Busy
	// Ailing is passed on, too, but reports trouble of the server as a whole (it is loading, has lost its master) and not of
	// a request; health counts it.
	Ailing
	// Demoted is passed on, too: the server is no master any more. Whoever connects anew may find the one that is.
	Demoted
	// Last is passed on, too: the server closes the connection behind it, for a request that it can't take.
	Last
	// Unfit does not look like a reply to that command: the connection may be out of step, which has to be proved.
	Unfit
	// Push is no reply: the server sent it unasked, and nobody's turn goes by with it.
	Push
)

// Proof is what the reply to a canary says of its connection.
type Proof uint8

const (
	// OutOfStep is another command's reply.
	OutOfStep Proof = iota
	// InStep can be no other command's reply.
	InStep
	// Unproved is what the server says to any command just now, or to all that it does not know.
	Unproved
)

// Kind says what the engine does with a command.
type Kind uint8

const (
	// Forward goes as it is to the server that owns Key, or all of Keys.
	Forward Kind = iota
	// Scatter goes in fragments to the servers that own Keys; their replies are coalesced.
	Scatter
	// Fanout goes as it is to every server of the pool; their replies are coalesced like a Scatter's.
	Fanout
	// Local is answered by the proxy, in its turn.
	Local
	// Refuse is answered with an error by the proxy, in its turn; the connection stays.
	Refuse
	// Ignore asks for nothing and gets no reply: an empty line, an empty array.
	Ignore
	// Report asks about the proxy as a whole, which no loop knows: it is answered off the loops by AppendReport, in its
	// turn.
	Report
	// Switch is answered like Local and may change the client's Profile (see Commands.Target): it waits until nothing is
	// owed to the client, so that no command runs beside an older one on another connection.
	Switch
	// Quit is answered like Local (perhaps with nothing); later input is ignored and the client is closed once all
	// replies owed to it are written.
	Quit
)

// Key places one key of a command in its frame: offsets in bytes from the frame's start.
type Key struct {
	Off, Len   uint32 // the key's own bytes
	Start, End uint32 // what goes into a fragment for this key: the key (and its value) with its framing
}

// Command is what ParseCommand finds. It is reused from frame to frame; all slices die with the buffer they point into.
type Command struct {
	Kind    Kind
	NoReply bool   // memcached: forward it and expect no reply
	Script  bool   // several keys are what its author calls keys: if they lie on several servers, the first may decide
	Sole    bool   // of a Report: in a pool of one server it goes there as it is, for the server's own words
	Quiet   uint16 // memcached meta: not 0 if its reply may have to be swallowed; see Answers.Suppress
	Op      uint16 // the protocol's own number for the command, kept in the Request until its reply is coalesced
	Frame   []byte // the whole command as a server takes it: bytes of buf, or of Scan.Scratch if it was rewritten
	Key     []byte // decides the server; never nil for Forward, may be empty
	Keys    []Key  // all keys, if there is more than one or Kind is Scatter; else empty
	Arg     int    // the protocol's own: for example the number of arguments
	Err     string // the protocol's own: why it was refused
}

// KeyAt returns the bytes of key i of Keys; they point into Frame.
func (c *Command) KeyAt(i int) []byte {
	k := &c.Keys[i]
	return c.Frame[k.Off : k.Off+k.Len]
}

// Scan is where ParseCommand stopped inside a frame. The zero value is the start of a frame. Fields but Need belong to
// the protocol.
type Scan struct {
	Need  int   // lower bound of the frame's length in bytes, so far as known; do not call again with fewer
	Pos   int   // bytes of the frame already understood
	Left  int   // arguments (or data bytes) still to come
	Index int   // arguments seen
	Op    int   // the command, once its name was seen
	Keys  []Key // keys seen so far; handed to Command.Keys with the whole frame

	Scratch []byte // a frame rewritten for the servers (Redis inline commands), valid until the next call
}

// Reset prepares s for the next frame. It keeps Keys' memory unless a very wide command made it large.
func (s *Scan) Reset() {
	keys, scratch := s.Keys[:0], s.Scratch[:0]
	if cap(keys) > maxKeptKeys {
		keys = nil
	}
	if cap(scratch) > maxKeptScratch {
		scratch = nil
	}
	*s = Scan{Keys: keys, Scratch: scratch}
}

// What an idle client keeps of a wide command at most: 64 keys are 1 KiB.
const (
	maxKeptKeys    = 64
	maxKeptScratch = 1 << 10
)

// ReplyScan is the state of ScanReply. The zero value is the start of a reply. Fields but First and Skip belong to the
// protocol.
type ReplyScan struct {
	First byte     // first byte of the current reply once seen, 0 before: the reply's type
	State uint8    // the protocol's own
	Neg   bool     // a minus sign was seen in the current length
	Attr  bool     // Redis: an attribute stands before the reply
	Depth int16    // memcached: what kind of reply it is
	Num   int64    // the length being read, digit by digit
	Skip  int64    // body bytes (with their line end) still to come before the next thing to look at
	Line  int32    // bytes of the current line so far
	Word  [2]int64 // memcached: what was read of the word or number that the line is at
	Stack []int64  // Redis: elements still to come on each level; its memory is kept from reply to reply
}

// Gather is a Scatter command whose fragments have all been answered, for AppendCoalesced.
type Gather struct {
	Op      uint16
	Part    []uint16 // Part[i] is the index in Replies of the fragment that holds key i of the command
	Replies [][]byte // the whole reply to each fragment; never empty
	Keys    []byte   // what AppendKeys kept
	Cursor  []int    // scratch, one for each reply, zeroed: the protocol's place in it
}

// Client is what a protocol remembers of one client connection. The session owns it; only its loop touches it.
type Client struct {
	ID      uint64  // unique in the process, from 1
	Profile Profile // of the server connections that its commands take
	Authed  bool    // has given the pool's password, or the pool has none
	Bar     uint16  // the protocol's own: what refused commands would have changed
	Addr    string  // remote address as the log shows it; "" for a unix socket
	LAddr   string  // the address that it connected to
	Name    string  // CLIENT SETNAME
	Lib     string  // CLIENT SETINFO lib-name
	LibVer  string  // CLIENT SETINFO lib-ver
}
