package codec

// Tracked is how replies of servers may be kept, and how servers tell that they are not good any more. A session calls it on its
// client's loop. dst is the caller's, and nothing that is passed is kept.
type Tracked interface {
	// Keeps says that a server gives the same reply to cmd, which asks for one key or, as its fragments do, for each of several, until that is
	// written, or its time is over; if Stays says so of the reply. shares is false if that may be another for the next who asks.
	Keeps(cmd *Command) (is, shares bool)
	Stays(op uint16, reply []byte) bool

	// AppendNothing appends what asks a server for nothing, which it answers behind what came before. dst is the caller's.
	AppendNothing(dst []byte, pr Profile) []byte

	// TracksIn is the profile that a connection has over which servers tell of writes; ok is false for a protocol whose servers do not, of which nothing
	// below is called.
	TracksIn() (pr Profile, ok bool)

	// AppendTracker appends what such a connection is sent first: with prefixes, to be told of all keys that begin so; without, to learn by
	// which number other connections name it. TrackerNumber is that by the reply, or 1 with prefixes; ok is false for a refusal.
	AppendTracker(dst []byte, prefixes []string) []byte
	TrackerNumber(reply []byte) (number int64, ok bool)

	// AppendTracks appends what another connection is sent so that the one with that number is told of what is read by commands behind
	// AppendTracksNext, one each. Tracks says by the reply to either that it is so.
	AppendTracks(dst []byte, number int64) []byte
	AppendTracksNext(dst []byte) []byte
	Tracks(reply []byte) bool

	// Later says of a reply to one of these that it refuses for now: the server loads, or runs a script.
	Later(reply []byte) bool

	// AppendLife appends what asks how long a key still has, and Life is that by the reply, in milliseconds: below 0 for ever, and -2 if there is none.
	// ok is false for a reply that does not say.
	AppendLife(dst, key []byte) []byte
	Life(reply []byte) (ms int64, ok bool)

	// AppendCaching appends what has a server remember the keys of the next command, or not remember them.
	AppendCaching(dst []byte, yes bool) []byte

	// KeepsCaching says that commands of Op op leave what the client has said of its next command.
	KeepsCaching(op uint16) bool

	// AppendForgotten tells a client that tracks that it has to forget all; Tells says that what a server told unasked is for such a client.
	AppendForgotten(dst []byte) []byte
	Tells(push []byte) bool

	// Invalidates calls yield for each key that is not as it was, by what a server told unasked. all: none is.
	Invalidates(push []byte, yield func(key []byte)) (all bool)
}

// Tracking is what a client wants to be told of: that keys are not as it has read them.
type Tracking struct {
	First    []byte // what each server connection of it is sent first
	All      bool   // of all keys that begin with one of Prefixes, or of any if there are none; else of those that it reads
	Prefixes []string
	OptIn    bool // of those that it reads: of a command's behind CLIENT CACHING YES
	OptOut   bool // of those that it reads: not of a command's behind CLIENT CACHING NO
	NoLoop   bool // not of what it writes itself
}
