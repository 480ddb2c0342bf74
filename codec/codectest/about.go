package codectest

import (
	"time"

	"cashew/codec/about"
)

// About is a proxy with three clients and three slow commands. Client 7 is on a unix socket.
type About struct {
	ID     uint64   // the client that asks
	Killed []uint64 // clients
	reset  bool
}

var _ about.Proxy = (*About)(nil)

var aboutClients = []about.ClientLine{
	{
		ID: 3, Addr: "10.0.0.3:1003", DB: 3, Name: "three", Lib: "lib", LibVer: "1.2", Age: 90 * time.Second, Idle: 1500 * time.Millisecond,
		InBytes: 10, OutBytes: 20, Commands: 30, LastCommand: "get", Subscribed: []int{70, 71, 72},
	},
	{ID: 7, Addr: "unix", Age: 10 * time.Second, Waits: true, Begun: true, Queued: 4, QueuedBytes: 55, Watched: 6, Unwatched: true},
	{ID: 42, Addr: "[::1]:1042", Age: 5 * time.Second, Commands: 2, LastCommand: "client|setname"},
}

var aboutSlow = []about.SlowLine{
	{ID: 9, At: time.Unix(1700000009, 5e8), Took: 12345678 * time.Nanosecond, Command: "mget", Key: "a", Keys: 3, Client: "10.0.0.3:1003", ClientName: "three"},
	{ID: 8, At: time.Unix(1700000008, 0), Took: time.Second, Command: "get", Key: "k", Keys: 1, Client: "unix"},
	{ID: 4, At: time.Unix(1700000004, 0), Took: 999 * time.Nanosecond, Command: "lolwut", Client: "10.0.0.3:1003"},
}

// Facts implements about.Proxy. No two numbers are the same, so that none can stand in another's place.
func (*About) Facts() *about.Facts {
	at := time.Unix(1700000100, 250_000_000)
	return &about.Facts{
		Process: about.ProcessFacts{
			Version: "1.2", System: "plan9", Machine: "mips", WordBits: 32, GoVersion: "go1.99", PID: 12, Executable: "/bin/cashew",
			At: at, Uptime: 49*time.Hour + 1999*time.Millisecond,
			Loops: 3, Pools: 4, Draining: true, Panics: 5,
			ReloadsSucceeded: 6, ReloadsFailed: 7, ReloadAt: at.Add(-time.Minute), ReloadFailed: true,
			HeapBytes: 1 << 20, ResidentBytes: 1 << 21, MaxMemoryBytes: 1 << 30,
			HasCPU: true, SystemCPU: 1500 * time.Millisecond, UserCPU: 2*time.Second + time.Microsecond,
		},
		Pool: about.PoolFacts{
			Name: "cache", Port: "22121",
			Clients: 101, ClientLimit: 102, Blocked: 103, InFlight: 104, Accepted: 105, Rejected: 106, LoginsFailed: 123, EOF: 107, Err: 108,
			Slow: 109, OverMemory: 110, Malformed: 111, Foreign: 112,
			BytesIn: 113, BytesOut: 114, Local: 115, Fragments: 116, ForwardError: 117, FailureMisses: 118, LostKeys: 119,
			CrossServerScripts: 120, Live: 1, Ejects: 121, OutOfSteps: 122,
		},
		Servers: []about.ServerFacts{
			{
				Name: "a", Addr: "10.0.1.1:6379", State: "live", Share: 0.75, Connections: 201, Requests: 202, Responses: 203,
				InQueue: 204, OutQueue: 205, Expired: 206, Err: 207, EOF: 208,
			},
			{Name: "b", Addr: "10.0.1.2:6379", State: "ejected", Requests: 302},
		},
	}
}

// Clients implements about.Proxy.
func (*About) Clients() []about.ClientLine { return append([]about.ClientLine(nil), aboutClients...) }

// Unblock implements about.Proxy: the client 3 is blocked.
func (*About) Unblock(id uint64, _ bool) bool { return id == 3 }

// Kill implements about.Proxy.
func (a *About) Kill(match func(*about.ClientLine) bool) (n int, self bool) {
	for i := range aboutClients {
		c := aboutClients[i]
		switch {
		case !match(&c):
		case c.ID == a.ID:
			self = true
		default:
			a.Killed = append(a.Killed, c.ID)
		}
	}
	return len(a.Killed), self
}

// Slow implements about.Proxy.
func (a *About) Slow(n int) []about.SlowLine {
	if a.reset {
		return nil
	}
	if n < 0 {
		n = len(aboutSlow)
	}
	return aboutSlow[:min(n, len(aboutSlow))]
}

// SlowLen implements about.Proxy.
func (a *About) SlowLen() int { return len(a.Slow(-1)) }

// SlowReset implements about.Proxy.
func (a *About) SlowReset() { a.reset = true }

// Denials implements about.Proxy.
func (a *About) Denials(n int) []about.DenialLine {
	if a.reset {
		return nil
	}
	return []about.DenialLine{{Count: 2, Reason: 2, Object: "k", User: "alice", Age: 1500 * time.Millisecond, Client: aboutClients[0]}}[:min(n, 1)]
}

// DenialsReset implements about.Proxy.
func (a *About) DenialsReset() { a.reset = true }
