package about

import "time"

// Facts are what the proxy tells of itself and of the asking client's pool, in plain values: a protocol chooses among them and
// has its own words, order and units for them, so that 90 seconds of Uptime are "uptime_in_seconds:90" to Redis's clients and
// "STAT uptime 90" to memcached's. Counts are of all loops together, since the process began or the pool was first configured,
// unless they say "now".
type Facts struct {
	Process ProcessFacts
	Pool    PoolFacts
	Servers []ServerFacts // the pool's, in the order of its ring
}

// ProcessFacts are the same for all pools.
type ProcessFacts struct {
	Version    string // the program's: "0.1.0"
	System     string // as Go calls it: "linux"
	Machine    string // likewise: "amd64"
	WordBits   int    // of its addresses: 32 or 64
	GoVersion  string // "go1.26.1"
	PID        int
	Executable string // its path; "": the system does not tell

	At     time.Time // when these facts were collected
	Uptime time.Duration

	Loops    int
	Pools    int
	Draining bool
	Panics   int64 // survived

	ReloadsSucceeded int64
	ReloadsFailed    int64
	ReloadAt         time.Time // the last attempt; zero: there was none
	ReloadFailed     bool      // the last attempt

	HeapBytes      int64         // that objects have, now
	ResidentBytes  int64         // that the process has of the machine's memory, now; negative: the system does not tell
	MaxMemoryBytes int64         // that all buffers together may have
	HasCPU         bool          // the system tells the next two
	SystemCPU      time.Duration // that processors worked in the kernel for the process
	UserCPU        time.Duration // that they worked in the process itself
}

// PoolFacts are about the asking client's pool. Clients closed are not among those rejected, who never became clients.
type PoolFacts struct {
	Name string
	Port string // in decimal; "": clients come by a unix socket

	Clients     int64 // now
	ClientLimit int64 // that there may be, by the pool's limit or that of the process, whichever is less
	Blocked     int64 // clients that wait at a server, with a command that may block, now
	InFlight    int64 // commands whose reply is owed, now
	Accepted    int64 // clients
	Rejected    int64 // clients beyond the limit, or not allowed

	LoginsFailed int64

	EOF        int64 // clients that closed their connection
	Err        int64 // clients whose connection failed
	Slow       int64 // clients closed because they did not read
	OverMemory int64 // clients closed because they held most when memory ran out
	Malformed  int64 // clients closed because their framing was lost
	Foreign    int64 // of those, the ones that spoke another protocol

	BytesIn            int64 // of commands, from clients
	BytesOut           int64 // of replies, to clients
	Local              int64 // commands that the proxy answered
	Fragments          int64 // that commands with keys on several servers were split into
	ForwardError       int64 // errors of the proxy's own in place of a server's reply
	FailureMisses      int64 // reads answered as a miss because their server failed
	LostKeys           int64 // keys that a reply leaves out, or has as nil, because their server failed
	CrossServerScripts int64 // scripts whose keys live on several servers

	Live       int   // servers that are not ejected, now
	Ejects     int64 // of servers
	OutOfSteps int64 // connections to servers closed because a reply was not the one to its request
}

// ServerFacts are about one server.
type ServerFacts struct {
	Name  string // in the ring
	Addr  string
	State string  // "live", "ejected" or "trial"
	Share float64 // of the hash space that it has, from 0 to 1

	Connections int64 // now
	Requests    int64
	Responses   int64
	InQueue     int64 // requests that are not yet written to it, now
	OutQueue    int64 // requests whose reply is awaited, now
	Expired     int64 // requests that it did not answer in time
	Err         int64 // connections that failed
	EOF         int64 // connections that it closed
}
