package engine

import (
	"cmp"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"cashew/codec/about"
	"cashew/stats"
	"cashew/world"
)

var _ about.Proxy = (*view)(nil)

// view implements about.Proxy for one report to a client of pool.
type view struct {
	rp    *reporter
	pool  *pool
	asker uint64
}

// Facts implements about.Proxy.
func (v *view) Facts() *about.Facts {
	s := v.rp.sight.Snapshot()
	p := v.stats(s)
	f := &about.Facts{Process: processFacts(s, v.rp.proxy.world), Pool: poolFacts(p), Servers: make([]about.ServerFacts, 0, len(p.Servers))}
	f.Process.MaxMemoryBytes = int64(v.rp.proxy.now.Load().maxMemory)
	f.Pool.Port, f.Pool.ClientLimit = portOf(&v.pool.opts.Listen), v.clientLimit()
	for i := range p.Servers {
		f.Servers = append(f.Servers, serverFacts(&p.Servers[i]))
	}
	return f
}

// stats are the pool's figures in s. Of a pool that a reload took away while the client asked there are only those that no
// loop counts.
func (v *view) stats(s *stats.Snapshot) *stats.Pool {
	for i := range s.Pools {
		if s.Pools[i].Name == v.pool.Name {
			return &s.Pools[i]
		}
	}
	p := v.pool.stats()
	return &p
}

// clientLimit is how many clients the pool may have: its own limit, or the process's if that is less.
func (v *view) clientLimit() int64 {
	limit := int64(v.pool.opts.ClientConnections)
	if all := v.rp.proxy.clientLimit.Load(); limit == 0 || all < limit {
		limit = all
	}
	return limit
}

// portOf is a listener's port as configured; "" for a unix socket.
func portOf(l *Listen) string {
	if l.Network == "unix" {
		return ""
	}
	_, port, err := net.SplitHostPort(l.Addr)
	if err != nil {
		return ""
	}
	return port
}

// processFacts are those of s, and what the system says of the process.
func processFacts(s *stats.Snapshot, w world.Memory) about.ProcessFacts {
	f := about.ProcessFacts{
		Version: s.Version, System: runtime.GOOS, Machine: runtime.GOARCH, WordBits: strconv.IntSize,
		GoVersion: runtime.Version(), PID: os.Getpid(),
		At: s.At, Uptime: s.At.Sub(s.Started),
		Loops: s.Loops, Pools: len(s.Pools), Draining: s.Draining, Panics: s.Panics,
		ReloadsSucceeded: s.Reload.Succeeded, ReloadsFailed: s.Reload.Failed,
		ReloadAt: s.Reload.At, ReloadFailed: s.Reload.Err != "",
		HeapBytes: int64(w.HeapBytes()), ResidentBytes: residentBytes(),
	}
	if path, err := os.Executable(); err == nil {
		f.Executable = path
	}
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) == nil {
		f.HasCPU, f.SystemCPU, f.UserCPU = true, time.Duration(u.Stime.Nano()), time.Duration(u.Utime.Nano())
	}
	return f
}

// residentBytes is the process's resident size; -1 where the system does not tell it in Linux's way.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return -1
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return -1
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return -1
	}
	return pages * int64(os.Getpagesize())
}

func poolFacts(p *stats.Pool) about.PoolFacts {
	return about.PoolFacts{
		Name:    p.Name,
		Clients: p.ClientConnections, Blocked: p.ClientWaiting, InFlight: p.InFlight,
		Accepted: p.ClientsAccepted, Rejected: p.ClientsRejected + p.ClientsTurnedAway(), LoginsFailed: p.LoginsFailed, EOF: p.ClientEOF, Err: p.ClientErr,
		Slow: p.ClientsSlow, OverMemory: p.ClientsOverMemory, Malformed: p.ClientsMalformed, Foreign: p.ClientsForeign,
		BytesIn: p.RequestBytesFromClients, BytesOut: p.ReplyBytesToClients, Local: p.LocalCommands, Fragments: p.Fragments,
		ForwardError: p.ForwardError, FailureMisses: p.FailureMisses, LostKeys: p.LostKeys, CrossServerScripts: p.CrossServerScripts,
		Live: p.Live, Ejects: p.ServerEjects, OutOfSteps: p.ServerOutOfStep,
	}
}

func serverFacts(s *stats.Server) about.ServerFacts {
	return about.ServerFacts{
		Name: s.Name, Addr: s.Addr, State: s.State, Share: s.Share,
		Connections: s.ServerConnections, Requests: s.Requests, Responses: s.Responses, InQueue: s.InQueue, OutQueue: s.OutQueue,
		Expired: s.Expired, Err: s.ServerErr, EOF: s.ServerEOF,
	}
}

// Clients implements about.Proxy.
func (v *view) Clients() []about.ClientLine {
	infos := v.rp.sight.Clients()
	lines := make([]about.ClientLine, 0, len(infos))
	for i := range infos {
		if infos[i].Pool == v.pool.Name {
			lines = append(lines, lineOf(&infos[i]))
		}
	}
	slices.SortFunc(lines, func(x, y about.ClientLine) int { return cmp.Compare(x.ID, y.ID) })
	return lines
}

func lineOf(c *stats.Client) about.ClientLine {
	return about.ClientLine{
		ID: c.ID, Addr: c.Addr, LAddr: c.LAddr, InRoom: c.InRoom, InFlight: c.InFlight, Profile: uint8(c.Profile), DB: c.DB, User: c.User, Name: c.Name, Lib: c.Lib, LibVer: c.LibVer, Age: c.Age, Idle: c.Idle,
		InBytes: c.InBytes, OutBytes: c.OutBytes, Commands: c.Commands, LastCommand: c.LastCommand,
		Subscribed: c.Subscribed, Waits: c.Waits, Begun: c.Begun, Queued: c.Queued, QueuedBytes: c.QueuedBytes, Watched: c.Watched, Unwatched: c.Unwatched,
		Wishes: c.Wishes,
	}
}

// Kill implements about.Proxy.
func (v *view) Kill(match func(*about.ClientLine) bool) (n int, self bool) {
	n = v.rp.sight.Kill(func(c *stats.Client) bool {
		if c.Pool != v.pool.Name {
			return false
		}
		line := lineOf(c)
		if !match(&line) {
			return false
		}
		if c.ID == v.asker {
			self = true
			return false
		}
		return true
	})
	v.auditAct("client|kill", n)
	return n, self
}

// Unblock implements about.Proxy.
func (v *view) Unblock(id uint64, failing bool) bool {
	return v.rp.sight.Unblock(v.pool.Name, id, failing)
}

// Slow implements about.Proxy. SLOWLOG RESET hides entries from the pool's clients only: the log is not theirs alone.
func (v *view) Slow(n int) []about.SlowLine {
	var lines []about.SlowLine
	from := v.pool.slowFrom.Load()
	for _, e := range v.rp.sight.SlowLog(-1) {
		if len(lines) == n {
			break
		}
		if e.Pool != v.pool.Name || e.ID < from {
			continue
		}
		lines = append(lines, about.SlowLine{
			ID: e.ID, At: e.At, Took: e.Queue + e.ServerTime, Command: e.Command, Key: e.Key, Keys: e.Keys,
			Client: e.Client, ClientName: e.ClientName,
		})
	}
	return lines
}

// SlowLen implements about.Proxy.
func (v *view) SlowLen() int { return len(v.Slow(-1)) }

// SlowReset implements about.Proxy.
func (v *view) SlowReset() {
	v.auditAct("slowlog|reset", 0)
	if newest := v.Slow(1); len(newest) > 0 {
		v.pool.slowFrom.Store(newest[0].ID + 1)
	}
}

// Denials implements about.Proxy.
func (v *view) Denials(n int) []about.DenialLine {
	now := time.Duration(v.rp.proxy.world.Nanos())
	var lines []about.DenialLine
	for _, d := range v.pool.Denials.Newest(n) {
		lines = append(lines, about.DenialLine{
			Count: d.Count, Reason: uint8(d.Reason), Multi: d.Multi, Object: d.Object, User: d.User, Age: max(now-d.At, 0), Client: lineOf(&d.Client),
		})
	}
	return lines
}

// DenialsReset implements about.Proxy.
func (v *view) DenialsReset() {
	v.auditAct("acl|log reset", 0)
	v.pool.Denials.Reset()
}
