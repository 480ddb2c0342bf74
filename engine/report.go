package engine

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cashew/codec"
	"cashew/session"
	"cashew/stats"
)

// This file answers clients that ask about the proxy as a whole (codec.Report), on goroutines off the loops:
//
//	Session.report -> pool.Ask -> reporter.ask -> work, off the loop -> Report.Answer -> Session.reported

const (
	// maxReporters is how many reports are made at a time; maxWaitingReports how many more may wait their turn.
	maxReporters      = 8
	maxWaitingReports = 1 << 10
)

// sight is a Proxy, as far as reports ask it, or a test's.
type sight interface {
	Snapshot() *stats.Snapshot
	Clients() []stats.Client
	Kill(match func(*stats.Client) bool) int
	SlowLog(n int) []stats.SlowEntry
}

// reporter has the reports of all clients made.
type reporter struct {
	proxy *Proxy
	sight sight

	mu      sync.Mutex
	running int // goroutines that make reports
	waiting []*asked
}

// asked is a report under way, or about to be.
type asked struct {
	*session.Report
	pool *pool // the client's as it asked: a reload may give it another
}

// Ask implements Host.
func (p *pool) Ask(r *session.Report) bool { return p.reports.ask(&asked{r, p}) }

// ask has j made, soon; false: too many are waiting.
func (rp *reporter) ask(j *asked) bool {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	switch {
	case rp.running < maxReporters:
		rp.running++
		rp.proxy.world.Go(func() { rp.work(j) })
	case len(rp.waiting) < maxWaitingReports:
		rp.waiting = append(rp.waiting, j)
	default:
		return false
	}
	return true
}

// work makes reports while any wait.
func (rp *reporter) work(j *asked) {
	for ; j != nil; j = rp.next() {
		j.Answer(&about{rp: rp, pool: j.pool, asker: j.Client})
	}
}

// next is the report that has waited longest. nil: none waits, and the caller is no longer counted.
func (rp *reporter) next() *asked {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if len(rp.waiting) == 0 {
		rp.waiting = nil
		rp.running--
		return nil
	}
	j := rp.waiting[0]
	rp.waiting[0] = nil
	rp.waiting = rp.waiting[1:]
	return j
}

var _ codec.About = (*about)(nil)

// about implements codec.About for one report to a client of pool.
type about struct {
	rp    *reporter
	pool  *pool
	asker uint64
}

// stats returns the proxy's figures and those of the pool.
func (a *about) stats() (*stats.Snapshot, *stats.Pool) {
	s := a.rp.sight.Snapshot()
	for i := range s.Pools {
		if s.Pools[i].Name == a.pool.Name {
			return s, &s.Pools[i]
		}
	}
	return s, &stats.Pool{Name: a.pool.Name} // it was taken away while the client asked
}

// figures are what a section is made of.
type figures []codec.Figure

func (f *figures) text(name, value string) { *f = append(*f, codec.Figure{Name: name, Value: value}) }

func (f *figures) count(name string, n int64) { f.text(name, strconv.FormatInt(n, 10)) }

func (f *figures) flag(name string, on bool) {
	if on {
		f.count(name, 1)
	} else {
		f.count(name, 0)
	}
}

// Sections implements codec.About.
func (a *about) Sections() []codec.Section {
	snap, p := a.stats()
	return []codec.Section{
		{Name: "server", Figures: a.server(snap)},
		{Name: "clients", Figures: a.clients(p)},
		{Name: "memory", Figures: a.memory()},
		{Name: "persistence", Figures: []codec.Figure{{Name: "loading", Value: "0"}}}, // clients wait while it is not 0
		{Name: "stats", Figures: traffic(p)},
		{Name: "replication", Figures: []codec.Figure{{Name: "role", Value: "master"}, {Name: "connected_slaves", Value: "0"}}},
		{Name: "cluster", Figures: []codec.Figure{{Name: "cluster_enabled", Value: "0"}}},
		{Name: "cpu", Figures: cpu("used_cpu_sys", "used_cpu_user")},
		{Name: "proxy", Figures: ourselves(snap, p)},
		{Name: "servers", Figures: servers(p)},
	}
}

func (a *about) server(s *stats.Snapshot) (f figures) {
	up := s.At.Sub(s.Started)
	port := "0" // what Redis says of a unix socket
	if l := a.pool.opts.Listen; l.Network != "unix" {
		if _, p, err := net.SplitHostPort(l.Addr); err == nil {
			port = p
		}
	}
	f.text("cashew_version", s.Version)
	f.text("os", runtime.GOOS+" "+runtime.GOARCH)
	f.count("arch_bits", strconv.IntSize)
	f.text("go_version", runtime.Version())
	f.count("process_id", int64(os.Getpid()))
	f.text("tcp_port", port)
	f.count("server_time_usec", s.At.UnixMicro())
	f.count("uptime_in_seconds", int64(up/time.Second))
	f.count("uptime_in_days", int64(up/(24*time.Hour)))
	if path, err := os.Executable(); err == nil {
		f.text("executable", path)
	}
	return f
}

func (a *about) clients(p *stats.Pool) (f figures) {
	limit := int64(a.pool.opts.ClientConnections)
	if all := a.rp.proxy.clientLimit.Load(); limit == 0 || all < limit {
		limit = all
	}
	f.count("connected_clients", p.ClientConnections)
	f.count("maxclients", limit)
	f.count("blocked_clients", p.ClientBlocked)
	return f
}

// memory is the process's: pools share it.
func (a *about) memory() (f figures) {
	f.count("used_memory", int64(a.rp.proxy.world.HeapBytes()))
	if n, ok := residentBytes(); ok {
		f.count("used_memory_rss", n)
	}
	f.count("maxmemory", int64(a.rp.proxy.now.Load().maxMemory))
	f.text("maxmemory_policy", "noeviction") // the proxy keeps no keys; queues ask for it
	return f
}

// residentBytes is the process's resident size, where the system tells it in Linux's way.
func residentBytes() (int64, bool) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err == nil
}

// traffic is the section stats. A command that went to several servers counts once for each.
func traffic(p *stats.Pool) (f figures) {
	commands := p.LocalCommands
	for i := range p.Servers {
		commands += p.Servers[i].Requests
	}
	f.count("total_connections_received", p.ClientsAccepted)
	f.count("total_commands_processed", commands)
	f.count("total_net_input_bytes", p.RequestBytesFromClients)
	f.count("total_net_output_bytes", p.ReplyBytesToClients)
	f.count("rejected_connections", p.ClientsRejected)
	return f
}

// cpu is the processor time that the process has had, in seconds, under these names.
func cpu(system, user string) (f figures) {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return nil
	}
	f.text(system, fmt.Sprintf("%.6f", time.Duration(u.Stime.Nano()).Seconds()))
	f.text(user, fmt.Sprintf("%.6f", time.Duration(u.Utime.Nano()).Seconds()))
	return f
}

func ourselves(s *stats.Snapshot, p *stats.Pool) (f figures) {
	f.text("pool", p.Name)
	f.count("pools", int64(len(s.Pools)))
	f.count("loops", int64(s.Loops))
	f.flag("draining", s.Draining)
	f.count("panics", s.Panics)
	f.count("reloads_succeeded", s.Reload.Succeeded)
	f.count("reloads_failed", s.Reload.Failed)
	if !s.Reload.At.IsZero() {
		f.count("last_reload_time", s.Reload.At.Unix())
		f.flag("last_reload_failed", s.Reload.Err != "")
	}
	f.count("in_flight", p.InFlight)
	f.count("local_commands", p.LocalCommands)
	f.count("fragments", p.Fragments)
	f.count("forward_error", p.ForwardError)
	f.count("failure_misses", p.FailureMisses)
	f.count("lost_keys", p.LostKeys)
	f.count("cross_server_scripts", p.CrossServerScripts)
	f.count("server_ejects", p.ServerEjects)
	f.count("server_out_of_step", p.ServerOutOfStep)
	f.count("client_eof", p.ClientEOF)
	f.count("client_err", p.ClientErr)
	f.count("slow_clients", p.ClientsSlow)
	f.count("over_memory_clients", p.ClientsOverMemory)
	f.count("malformed_clients", p.ClientsMalformed)
	return f
}

// servers has a line for each server, in the shape of Redis's lines for replicas.
func servers(p *stats.Pool) (f figures) {
	f.count("servers", int64(len(p.Servers)))
	f.count("servers_live", int64(p.Live))
	for i := range p.Servers {
		s := &p.Servers[i]
		f.text("server"+strconv.Itoa(i), fmt.Sprintf(
			"name=%s,addr=%s,state=%s,share=%.4f,connections=%d,requests=%d,responses=%d,in_queue=%d,out_queue=%d,timedout=%d,err=%d,eof=%d",
			s.Name, s.Addr, s.State, s.Share, s.ServerConnections, s.Requests, s.Responses, s.InQueue, s.OutQueue,
			s.Expired, s.ServerErr, s.ServerEOF))
	}
	return f
}

// Figures implements codec.About.
func (a *about) Figures() []codec.Figure {
	_, p := a.stats()
	f := figures(a.pool.figures())
	f = append(f, cpu("rusage_system", "rusage_user")...)
	f.count("bytes_read", p.RequestBytesFromClients)
	f.count("bytes_written", p.ReplyBytesToClients)
	f.count("local_commands", p.LocalCommands)
	f.count("fragments", p.Fragments)
	f.count("in_flight", p.InFlight)
	for i := range p.Servers {
		s := &p.Servers[i]
		f.text("server_"+s.Name+"_state", s.State)
		f.count("server_"+s.Name+"_requests", s.Requests)
	}
	return f
}

// Clients implements codec.About.
func (a *about) Clients() []codec.ClientLine {
	infos := a.rp.sight.Clients()
	lines := make([]codec.ClientLine, 0, len(infos))
	for i := range infos {
		if infos[i].Pool == a.pool.Name {
			lines = append(lines, lineOf(&infos[i]))
		}
	}
	slices.SortFunc(lines, func(x, y codec.ClientLine) int { return cmp.Compare(x.ID, y.ID) })
	return lines
}

func lineOf(c *stats.Client) codec.ClientLine {
	return codec.ClientLine{
		ID: c.ID, Addr: c.Addr, LAddr: c.LAddr, InRoom: c.InRoom, InFlight: c.InFlight, Profile: c.Profile, Name: c.Name, Lib: c.Lib, LibVer: c.LibVer, Age: c.Age, Idle: c.Idle,
		InBytes: c.InBytes, OutBytes: c.OutBytes, Commands: c.Commands, LastCommand: c.LastCommand,
	}
}

// Kill implements codec.About.
func (a *about) Kill(match func(*codec.ClientLine) bool) (n int, self bool) {
	n = a.rp.sight.Kill(func(c *stats.Client) bool {
		if c.Pool != a.pool.Name {
			return false
		}
		line := lineOf(c)
		if !match(&line) {
			return false
		}
		if c.ID == a.asker {
			self = true
			return false
		}
		return true
	})
	return n, self
}

// Slow implements codec.About. SLOWLOG RESET hides entries from the pool's clients only: the log is not theirs alone.
func (a *about) Slow(n int) []codec.SlowLine {
	var lines []codec.SlowLine
	from := a.pool.slowFrom.Load()
	for _, e := range a.rp.sight.SlowLog(-1) {
		if len(lines) == n {
			break
		}
		if e.Pool != a.pool.Name || e.ID < from {
			continue
		}
		lines = append(lines, codec.SlowLine{
			ID: e.ID, At: e.At, Took: e.Queue + e.ServerTime, Command: e.Command, Key: e.Key, Keys: e.Keys,
			Client: e.Client, ClientName: e.ClientName,
		})
	}
	return lines
}

// SlowLen implements codec.About.
func (a *about) SlowLen() int { return len(a.Slow(-1)) }

// SlowReset implements codec.About.
func (a *about) SlowReset() {
	if newest := a.Slow(1); len(newest) > 0 {
		a.pool.slowFrom.Store(newest[0].ID + 1)
	}
}
