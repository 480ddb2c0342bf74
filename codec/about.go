package codec

import "time"

// Reports answers what clients ask about the proxy as a whole. It alone always runs on a goroutine off the loops, at most
// eight of them at once, and may allocate and wait. cl and frame are copies that belong to the call.
type Reports interface {
	// AppendReport appends the reply to a command of Kind Report, whose Op and Frame are given; cl is a copy of the client
	// as the command found it. last says that the client is closed once it has this reply.
	AppendReport(dst []byte, cl Client, op uint16, frame []byte, proxy Proxy) (out []byte, last bool)
}

// Proxy is what AppendReport can ask of the proxy. It answers for the asking client's pool alone: other pools may be
// other people's. Asking may take as long as the busiest loop needs to answer; it never runs on one. What is returned
// belongs to the caller.
type Proxy interface {
	// Facts are about the process and the pool, as they are now.
	Facts() *Facts

	// Clients are the pool's, by ID.
	Clients() []ClientLine

	// Kill closes the clients that match and returns how many. The one that asks is left alone; self says that it, too,
	// matched. match is only called until Kill returns.
	Kill(match func(*ClientLine) bool) (n int, self bool)

	// Slow are the newest n entries of the slow log, the newest first; all of them for n < 0.
	Slow(n int) []SlowLine

	// SlowLen is how many entries Slow(-1) has.
	SlowLen() int

	// SlowReset forgets the entries so far, as far as the pool's clients see them.
	SlowReset()
}

// ClientLine is one client in a list.
type ClientLine struct {
	ID          uint64
	Addr        string // remote address; "unix" for a unix socket
	LAddr       string // the address that it connected to; "unix" likewise
	Profile     uint8  // its codec.Profile
	Name        string // CLIENT SETNAME
	Lib, LibVer string // CLIENT SETINFO
	Age, Idle   time.Duration
	InBytes     int // input kept
	InRoom      int // what more fits there
	OutBytes    int // replies that it has not taken
	InFlight    int // commands whose replies are owed
	Commands    int64
	LastCommand string // in lower case
}

// SlowLine is one command in the slow log.
type SlowLine struct {
	ID         int64 // counts up
	At         time.Time
	Took       time.Duration
	Command    string // in lower case
	Key        string // its first; cut if it is long
	Keys       int
	Client     string // address
	ClientName string
}
