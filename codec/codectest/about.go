package codectest

import (
	"time"

	"cashew/codec"
)

// About is a proxy with three clients and three slow commands. Client 7 is on a unix socket.
type About struct {
	ID     uint64   // the client that asks
	Killed []uint64 // clients
	reset  bool
}

var _ codec.About = (*About)(nil)

var aboutClients = []codec.ClientLine{
	{
		ID: 3, Addr: "10.0.0.3:1003", Name: "three", Lib: "lib", LibVer: "1.2", Age: 90 * time.Second, Idle: 1500 * time.Millisecond,
		InBytes: 10, OutBytes: 20, Commands: 30, LastCommand: "get",
	},
	{ID: 7, Addr: "unix", Age: 10 * time.Second},
	{ID: 42, Addr: "[::1]:1042", Age: 5 * time.Second, Commands: 2, LastCommand: "client|setname"},
}

var aboutSlow = []codec.SlowLine{
	{ID: 9, At: time.Unix(1700000009, 5e8), Took: 12345678 * time.Nanosecond, Command: "mget", Key: "a", Keys: 3, Client: "10.0.0.3:1003", ClientName: "three"},
	{ID: 8, At: time.Unix(1700000008, 0), Took: time.Second, Command: "get", Key: "k", Keys: 1, Client: "unix"},
	{ID: 4, At: time.Unix(1700000004, 0), Took: 999 * time.Nanosecond, Command: "lolwut", Client: "10.0.0.3:1003"},
}

// Sections implements codec.About.
func (*About) Sections() []codec.Section {
	return []codec.Section{
		{Name: "server", Figures: []codec.Figure{{Name: "process_id", Value: "12"}}},
		{Name: "cpu", Figures: []codec.Figure{{Name: "used_cpu_sys", Value: "0.5"}}},
		{Name: "proxy", Figures: []codec.Figure{{Name: "pools", Value: "2"}, {Name: "draining", Value: "0"}}},
	}
}

// Figures implements codec.About.
func (*About) Figures() []codec.Figure {
	return []codec.Figure{{Name: "version", Value: "1.2"}, {Name: "pool", Value: "cache"}}
}

// Clients implements codec.About.
func (*About) Clients() []codec.ClientLine { return append([]codec.ClientLine(nil), aboutClients...) }

// Kill implements codec.About.
func (a *About) Kill(match func(*codec.ClientLine) bool) (n int, self bool) {
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

// Slow implements codec.About.
func (a *About) Slow(n int) []codec.SlowLine {
	if a.reset {
		return nil
	}
	if n < 0 {
		n = len(aboutSlow)
	}
	return aboutSlow[:min(n, len(aboutSlow))]
}

// SlowLen implements codec.About.
func (a *About) SlowLen() int { return len(a.Slow(-1)) }

// SlowReset implements codec.About.
func (a *About) SlowReset() { a.reset = true }
