package codec

import "cashew/codec/acl"

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

	// Target is the profile and the database that a client has after a command of Kind Switch, and of any other: its own, also if the
	// command will fail. waits: the command is a barrier; else it changes nothing of the two, and is answered in its turn.
	Target(cl *Client, cmd *Command) (pr Profile, db int, waits bool)

	// Script says of a command with Script whether it brings a script, which servers keep under a name, calls one by that name, or has
	// servers forget all that they have. An empty body is none. The other methods are about those: the name of a body, and the name in the frame of a command that
	// calls; the command that has a server keep a body, what a server answers that lacks one, and the Op of that command; whether a reply says that the server does not have the script
	// and has executed nothing, or perhaps says so, with more bytes. Of a protocol without scripts nothing of this is called.
	Script(cmd *Command) (body []byte, calls, forgets bool)
	ScriptName(body []byte) string
	AppendCalled(dst, frame []byte) []byte
	AppendLoad(dst, body []byte) []byte
	AppendUnloaded(dst []byte) []byte
	LoadOp() uint16
	Unloaded(reply []byte) (is, perhaps bool)

	// FindUnloaded is Unloaded for a reply that has others within it: it says whether one of them is found in the next bytes of it.
	// matched is what it returned for those before, 0 at first.
	FindUnloaded(chunk []byte, matched int) (found bool, now int)

	// AppendMark appends what a connection is sent before a command that asks about all that its client has written, over whichever
	// connections; ops are of the two commands. Unmarked says by the reply to the second why that can't be asked after all.
	AppendMark(dst []byte) (out []byte, ops [2]uint16)
	Unmarked(reply []byte) (why string)
}

// Kind says what a session does with a command.
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
	// Ignore asks for nothing and gets no reply: an empty line, an empty array; what was refused and said noreply; bytes of
	// a data block that no server gets.
	Ignore
	// Report asks about the proxy as a whole, which no loop knows: it is answered off the loops by AppendReport, in its
	// turn.
	Report
	// Switch is answered like Local and may change the client's Profile or DB (see Commands.Target): if so, it waits until
	// nothing is owed to the client, so that no command runs beside an older one on another connection.
	Switch
	// Quit is answered like Local (perhaps with nothing); later input is ignored and the client is closed once all
	// replies owed to it are written.
	Quit
	// Queue is kept until the transaction that it stands in is executed or discarded; see Transactions. Keys are all
	// that it has, even one; with none it may go wherever the transaction goes. Own says that the proxy answers it, in its place among the replies, unless
	// Commands.Target says that it changes the database.
	Queue
	// Exec executes the transaction that the client began, or says why not.
	Exec
	// Discard is answered like Local, and ends what the client has queued, and what it watches.
	Discard
	// Lease goes to the server of Keys, which are all that it has, or to the only one, on a connection that the client has for itself: until its
	// reply if it may block, see Wait, else until Exec or Discard, for it is WATCH.
	Lease
	// Subscribe begins or ends subscriptions, see PubSub: Keys are their names.
	Subscribe
	// Publish goes to the server of Key. Its reply is how many heard it, which is made the number of clients by way of a Gather.
	Publish
	// Anywhere goes as it is to any server that can be reached: all of them would answer the same, or nobody cares which one does.
	Anywhere
	// Quietly is a Forward whose reply, whatever it is, the client does not want.
	Quietly
	// OfSlot is about the slot of a cluster that Key is in, which no client has sent: it goes to the server of that.
	OfSlot
	// Walk goes to one server after the other, from call to call: its cursor says which one is asked now; see Fragments.
	Walk
	// Unknown is a command that the protocol does not know, and that servers may know: see Lessons.
	Unknown
)

// Key places one key of a command in its frame: offsets in bytes from the frame's start.
type Key struct {
	Off, Len   uint32 // the key's own bytes
	Start, End uint32 // what goes into a fragment for this key: the key (and its value) with its framing
}

// Command is what ParseCommand finds. A loop has one for all its clients. Keys' memory is its own; all other slices die with
// the buffer they point into.
type Command struct {
	Kind    Kind
	NoReply bool   // memcached: forward it and expect no reply
	Script  bool   // of a Forward with Keys: they are what its author calls keys: if they lie on several servers, the first may decide; of an Anywhere: it has none. See Commands.Script
	Own     bool   // of a Queue: the proxy answers it. Of a Refuse with Apart: it waits for all that its client has written. Of a Report: it may end its client
	Sole    bool   // whatever its Kind, in a pool of one server it goes there as it is
	Apart   bool   // of a Refuse with Sole: as a Lease, on a connection that the client has for itself
	Some    bool   // of a Fanout: servers that can't be reached are left out, if there are others
	Alike   bool   // of a Fanout: it goes to the servers of all pools that keys of the client may be in, which are to be alike in what it is about
	Typed   bool   // Redis: it came as a line of words
	Quiet   uint16 // memcached: not 0 if its reply may have to be swallowed; see Answers.Suppress
	Op      uint16 // the protocol's own number for the command, kept in the Request until its reply is coalesced
	Mark    Mark   // what its reply bears, in a profile with marks: see Replies.Marks. It is also known of a frame of which no more than the header is there
	Frame   []byte // the whole command as a server takes it: bytes of buf, or of Scan.Scratch if it was rewritten
	Key     []byte // decides the server; never nil for Forward, may be empty; of a command about a slot of a cluster, any key of it, which is not in Frame
	Keys    []Key  // all keys, if there is more than one, or for a Queue, a Lease or a Script; else empty
	Wait    int64  // of a Lease, or of a Refuse with Apart: how long the server may let it wait, in nanoseconds; math.MaxInt64: for ever; 0: it is WATCH
	Arg     int    // the protocol's own: for example the number of arguments
	Err     string // the protocol's own: why it was refused, or what it is answered

	Question acl.Question // the protocol's own: what is asked of the client's user; its memory stays from command to command
}

// KeyAt returns the bytes of key i of Keys; they point into Frame.
func (c *Command) KeyAt(i int) []byte {
	k := &c.Keys[i]
	return c.Frame[k.Off : k.Off+k.Len]
}

// Scan is where ParseCommand stopped inside a frame. The zero value is the start of a frame. A session reads Need; the other
// fields belong to the protocol. What they mean for memcached depends on the state that its ParseCommand describes.
type Scan struct {
	Need  int   // lower bound of the frame's length in bytes, so far as known; do not call again with fewer
	Pos   int   // Redis: bytes of the frame already understood; memcached: bytes of the line, so far or in all
	Left  int   // Redis: arguments still to come; memcached: size of the data block, or what is left of it to skip
	Index int   // Redis: arguments seen; memcached: 1 for noreply
	Op    int   // the command, once its name was seen
	Keys  []Key // Redis: keys seen so far, which Command.Keys gets a copy of; memcached: the key and the place of a q flag

	Scratch []byte // Redis: an inline command as an array, which Command.Frame is until the next call; memcached: a key that was in base64, which Command.Key is
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
