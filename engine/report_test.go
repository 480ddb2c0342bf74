package engine

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/memcached"
	"cashew/stats"
)

// fakeSight is a proxy that answers what a test says, once its gate is open.
type fakeSight struct {
	gate    chan struct{} // nil: open
	clients []stats.Client
	slow    []stats.SlowEntry
	stats   stats.Pool
	panics  bool

	mu           sync.Mutex
	killed       []uint64
	asking, most int // at the same time
}

func (f *fakeSight) pass() {
	f.mu.Lock()
	f.asking++
	f.most = max(f.most, f.asking)
	f.mu.Unlock()
	if f.gate != nil {
		<-f.gate
	}
	f.mu.Lock()
	f.asking--
	f.mu.Unlock()
	if f.panics {
		panic("no sight")
	}
}

func (f *fakeSight) Snapshot() *stats.Snapshot {
	f.pass()
	at := time.Unix(1700000000, 0)
	return &stats.Snapshot{
		At: at, Started: at.Add(-25 * time.Hour), Version: "9.9", Loops: 3, Draining: true, Panics: 1,
		Reload: stats.ReloadStatus{Succeeded: 4, Failed: 5, At: at.Add(-time.Minute), Err: "other: bad"},
		Pools:  []stats.Pool{{Name: "other", LocalCommands: 1000}, f.stats},
	}
}

func (f *fakeSight) Clients() []stats.Client {
	f.pass()
	return f.clients
}

func (*fakeSight) Unblock(pool string, id uint64, failing bool) bool {
	return pool == "sim" && id == 5 && failing
}

func (f *fakeSight) Kill(match func(*stats.Client) bool) (n int) {
	f.pass()
	for i := range f.clients {
		if match(&f.clients[i]) {
			f.killed = append(f.killed, f.clients[i].ID)
			n++
		}
	}
	return n
}

func (f *fakeSight) SlowLog(n int) []stats.SlowEntry {
	f.pass()
	if n < 0 {
		n = len(f.slow)
	}
	return f.slow[:min(n, len(f.slow))]
}

// simReports runs f in a bubble on a sim of two servers whose reports are made of sight.
func simReports(t *testing.T, sight *fakeSight, edit func(*Options, *PoolOptions), f func(*sim)) {
	synctest.Test(t, func(t *testing.T) {
		if sight.gate != nil {
			sight.gate = make(chan struct{})
		}
		s := newSim(t, 2, edit)
		s.AcceptAll()
		s.pool.reports.sight = sight
		f(s)
	})
}

// rest runs the reports as far as they go, and what they bring to the loop.
func (s *sim) rest() {
	synctest.Wait()
	s.Settle()
}

// TestReportOverReload: a report that was asked for before a reload is made as if there had been none.
func TestReportOverReload(t *testing.T) {
	sight := &fakeSight{gate: make(chan struct{}), stats: stats.Pool{Name: "sim"}}
	simReports(t, sight, nil, func(s *sim) {
		c := s.connect()
		c.Send(array("SLOWLOG", "LEN"))
		s.Settle()
		s.reload(func(_ *Options, po *PoolOptions) { po.Timeout = time.Second })
		close(sight.gate)
		s.rest()
		if got := c.Sock.Take(); got != ":0\r\n" {
			t.Errorf("the client gets %q", got)
		}
	})
}

// TestReportKeepsOrder has reports in a pipeline among commands for servers and local ones, with the servers' replies
// before the reports and behind them.
func TestReportKeepsOrder(t *testing.T) {
	for _, first := range []string{"servers", "reports"} {
		t.Run(first, func(t *testing.T) {
			sight := &fakeSight{gate: make(chan struct{}), stats: stats.Pool{Name: "sim"}}
			simReports(t, sight, nil, func(s *sim) {
				c := s.connect()
				c.Send(array("GET", "a") + array("SLOWLOG", "LEN") + array("PING") + array("GET", "a") + array("CLIENT", "KILL", "ID", "9") +
					array("CLIENT", "ID"))
				s.Settle()
				answer := func() {
					for _, v := range s.Servers {
						if v.Sock != nil && v.Sock.Take() != "" {
							v.Reply(bulk("1") + bulk("2"))
						}
					}
					s.Settle()
				}
				want := bulk("1") + ":0\r\n+PONG\r\n" + bulk("2") + ":0\r\n:1\r\n"
				if first == "servers" {
					answer()
					if got := c.Sock.Take(); got != bulk("1") {
						t.Errorf("before the reports the client gets %q", got)
					}
					want = strings.TrimPrefix(want, bulk("1"))
					close(sight.gate)
					s.rest()
				} else {
					close(sight.gate)
					s.rest()
					if got := c.Sock.Take(); got != "" {
						t.Errorf("before the first reply the client gets %q", got)
					}
					answer()
				}
				if got := c.Sock.Take(); got != want {
					t.Errorf("the client gets %q; want %q", got, want)
				}
				if n := s.local.Infos()[0].InFlight; n != 0 || s.Loop.Busy != 0 {
					t.Errorf("%d in flight, %d busy", n, s.Loop.Busy)
				}
			})
		})
	}
}

// TestReportOfClientThatLeft resets, or half-closes, a client while its reports are made.
func TestReportOfClientThatLeft(t *testing.T) {
	sight := &fakeSight{gate: make(chan struct{})}
	simReports(t, sight, nil, func(s *sim) {
		gone, other := s.connect(), s.connect()
		gone.Send(array("SLOWLOG", "LEN") + array("GET", "a") + array("INFO", "proxy"))
		other.Send(array("SLOWLOG", "LEN"))
		s.rest()
		gone.HangUp(io.ErrUnexpectedEOF)
		s.Settle()
		close(sight.gate)
		s.rest()
		if got := gone.Sock.Take(); got != "" {
			t.Errorf("who left gets %q", got)
		}
		if got := other.Sock.Take(); got != ":0\r\n" {
			t.Errorf("the other gets %q", got)
		}
		// The requests that the reports held are free again, and only once: the next commands take them.
		other.Send(strings.Repeat(array("SLOWLOG", "LEN"), 4))
		s.rest()
		if got, want := other.Sock.Take(), strings.Repeat(":0\r\n", 4); got != want {
			t.Errorf("the other then gets %q; want %q", got, want)
		}
	})
}

// TestReportLimits floods the proxy: few reports of a client are under way, few are made at a time, all are answered in
// their turn, and past what may wait an error is.
func TestReportLimits(t *testing.T) {
	sight := &fakeSight{gate: make(chan struct{})}
	simReports(t, sight, nil, func(s *sim) {
		const atOnce = 4 // of a client, what session has as maxClientReports
		const each = 3 * atOnce
		clients := maxWaitingReports/atOnce + maxReporters
		for range clients {
			c := s.connect()
			c.Send(strings.Repeat(array("SLOWLOG", "LEN"), each) + array("ECHO", "end"))
			s.rest()
		}
		// The first eight, and as many as may wait, are under way; the rest was answered at once.
		const room = maxReporters + maxWaitingReports
		if full := s.pool.reports.running + len(s.pool.reports.waiting); full != room || sight.most != maxReporters {
			t.Errorf("%d reports under way and %d made at a time; want %d and %d", full, sight.most, room, maxReporters)
		}
		close(sight.gate)
		for range each {
			s.rest()
		}
		const tooMany = "-ERR too many clients ask about the proxy\r\n"
		made, refused := 0, 0
		for i, c := range s.Clients {
			got := c.Sock.Take()
			made += strings.Count(got, ":0\r\n")
			refused += strings.Count(got, tooMany)
			if n := strings.Count(got, ":0\r\n") + strings.Count(got, tooMany); n != each || !strings.HasSuffix(got, bulk("end")) {
				t.Fatalf("client %d gets %d replies of %d: %q", i, n, each, got)
			}
		}
		if made < room || refused == 0 {
			t.Errorf("%d reports made, %d refused; want %d or more, and some", made, refused, room)
		}
		if s.pool.reports.running != 0 || len(s.pool.reports.waiting) != 0 {
			t.Errorf("%d still run, %d still wait", s.pool.reports.running, len(s.pool.reports.waiting))
		}
	})
}

// TestReportPanic costs the client an error and nobody anything else.
func TestReportPanic(t *testing.T) {
	simReports(t, &fakeSight{panics: true}, nil, func(s *sim) {
		c := s.connect()
		c.Send(array("INFO", "proxy") + array("PING"))
		s.rest()
		if got := c.Sock.Take(); got != "-ERR the proxy could not tell\r\n+PONG\r\n" {
			t.Errorf("the client gets %q", got)
		}
		if got := s.Loop.Panics.Load(); got != 1 {
			t.Errorf("%d panics counted", got)
		}
	})
}

// TestReportSeesItsPool asks from one of two pools: the other's clients, slow commands and figures are not told, its
// clients not killed.
func TestReportSeesItsPool(t *testing.T) {
	sight := &fakeSight{
		clients: []stats.Client{
			{ID: 5, Pool: "sim", Addr: "a:5", Age: time.Minute, Commands: 7, LastCommand: "get"},
			{ID: 2, Pool: "other", Addr: "a:2"},
			{ID: 1, Pool: "sim", Addr: "a:1"},
		},
		slow: []stats.SlowEntry{
			{ID: 8, Pool: "sim", Command: "get", Key: "k", Keys: 1, Queue: time.Millisecond, ServerTime: time.Second, Client: "a:5"},
			{ID: 7, Pool: "other", Command: "get", Key: "secret", Keys: 1},
			{ID: 6, Pool: "sim", Command: "lolwut"},
		},
		stats: stats.Pool{
			Name: "sim", ClientConnections: 2, ClientsAccepted: 6, ClientsRejected: 1, LocalCommands: 10, Live: 1,
			RequestBytesFromClients: 100, ReplyBytesToClients: 200,
			Servers: []stats.Server{
				{Name: "s0", Addr: "h:1", State: "live", Share: 0.5, Requests: 20},
				{Name: "s1", Addr: "h:2", State: "ejected", Requests: 3},
			},
		},
	}
	simReports(t, sight, func(o *Options, po *PoolOptions) { o.MaxMemoryBytes, po.ClientConnections = 1<<30, 9 }, func(s *sim) {
		s.pool.reports.proxy.clientLimit.Store(1000)
		c := s.connect() // with ID 1
		ask := func(args ...string) string {
			c.Send(array(args...))
			s.rest()
			return c.Sock.Take()
		}
		list := ask("CLIENT", "LIST")
		if !strings.Contains(list, "\nid=1 ") || !strings.Contains(list, "\nid=5 addr=a:5 ") || strings.Contains(list, "id=2") {
			t.Errorf("CLIENT LIST: %q", list)
		}
		if got := ask("SLOWLOG", "LEN"); got != ":2\r\n" {
			t.Errorf("SLOWLOG LEN: %q", got)
		}
		if got := ask("SLOWLOG", "GET"); !strings.HasPrefix(got, "*2\r\n*6\r\n:8\r\n") || !strings.Contains(got, ":1001000\r\n") || strings.Contains(got, "secret") {
			t.Errorf("SLOWLOG GET: %q", got)
		}
		info := ask("INFO", "proxy", "SERVERS")
		for _, want := range []string{
			"pool:sim", "pools:2", "draining:1",
			"reloads_succeeded:4", "reloads_failed:5", "last_reload_time:1699999940", "last_reload_failed:1", "servers_live:1",
			"server0:name=s0,addr=h:1,state=live,share=0.5000,connections=0,requests=20,",
			"server1:name=s1,addr=h:2,state=ejected,",
		} {
			if !strings.Contains(info, "\r\n"+want) {
				t.Errorf("INFO has no %q: %s", want, info)
			}
		}
		if strings.Contains(info, "other") {
			t.Errorf("INFO tells of the other pool: %s", info)
		}

		if got := ask("CLIENT", "KILL", "TYPE", "normal"); got != ":1\r\n" || fmt.Sprint(sight.killed) != "[5]" {
			t.Errorf("CLIENT KILL TYPE normal: %q; killed %v", got, sight.killed)
		}
		if got := ask("SLOWLOG", "RESET") + ask("SLOWLOG", "LEN") + ask("SLOWLOG", "GET", "1"); got != "+OK\r\n:0\r\n*0\r\n" {
			t.Errorf("SLOWLOG RESET, LEN and GET: %q", got)
		}
		sight.slow = append([]stats.SlowEntry{{ID: 9, Pool: "sim", Command: "set", Key: "k", Keys: 1}}, sight.slow...)
		if got := ask("SLOWLOG", "LEN"); got != ":1\r\n" {
			t.Errorf("SLOWLOG LEN after one more: %q", got)
		}
	})
}

// TestReportOfKillingOneself delivers all that is owed, the reply last of it, before the client is closed.
func TestReportOfKillingOneself(t *testing.T) {
	sight := &fakeSight{clients: []stats.Client{{ID: 1, Pool: "sim", Addr: "client"}}}
	simReports(t, sight, nil, func(s *sim) {
		c := s.connect()
		c.Send(array("PING") + array("CLIENT", "KILL", "client"))
		s.rest()
		if got := c.Sock.Take(); got != "+PONG\r\n+OK\r\n" || !c.Sock.Shut {
			t.Errorf("the client gets %q, and is told the end: %v", got, c.Sock.Shut)
		}
		if len(sight.killed) != 0 {
			t.Errorf("%v were killed before they were told", sight.killed)
		}
	})
}

// TestReportMemcached asks for stats.
func TestReportMemcached(t *testing.T) {
	sight := &fakeSight{stats: stats.Pool{
		Name: "sim", RequestBytesFromClients: 11, ReplyBytesToClients: 22,
		Servers: []stats.Server{{Name: "s0", State: "live", Requests: 5}, {Name: "s1", State: "live"}},
	}}
	simReports(t, sight, func(_ *Options, po *PoolOptions) { po.Protocol = memcached.New(memcached.Options{Admin: true}) }, func(s *sim) {
		c := s.connect()
		c.Send("stats\r\nmn\r\n")
		s.rest()
		got := c.Sock.Take()
		for _, want := range []string{"bytes_read 11", "bytes_written 22", "server_s0_state live", "server_s0_requests 5", "pool sim", "servers 2"} {
			if !strings.Contains(got, "STAT "+want+"\r\n") {
				t.Errorf("stats have no %q: %q", want, got)
			}
		}
		if !strings.HasSuffix(got, "\r\nEND\r\nMN\r\n") {
			t.Errorf("stats end with %q", got[max(0, len(got)-30):])
		}
	})
}

// TestReportsUnderTraffic has clients of a real proxy ask about it while others work, come and go: each gets one reply to
// each command, in order.
func TestReportsUnderTraffic(t *testing.T) {
	ln, open := gatedServer(t)
	open()
	p := startProxy(t, ln, func(_ *Options, po *PoolOptions) { po.SlowMaxLen = 16 })
	pipeline := array("CLIENT", "SETNAME", "asker") + array("INFO", "proxy") + array("GET", "k") + array("CLIENT", "LIST") + array("ECHO", "x") +
		array("SLOWLOG", "GET") + array("SLOWLOG", "RESET") + array("CLIENT", "INFO") + array("CLIENT", "KILL", "ID", "1000000") +
		array("SLOWLOG", "LEN") + array("GET", "k")
	want := regexp.MustCompile(`(?s)^\+OK\r\n\$\d+\r\n# Proxy\r\n.*\$-1\r\n\$\d+\r\nid=.* cmd=client\|list .*\$1\r\nx\r\n\*\d+\r\n.*` +
		`\+OK\r\n\$\d+\r\nid=\d+ addr=\S+ .* name=asker .* cmd=client\|info .*:0\r\n:\d+\r\n\$-1\r\n\+OK\r\n$`)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for range 5 {
				c, err := net.Dial("tcp", p.Addrs()[0].String())
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				_, _ = io.WriteString(c, pipeline)
				if i%3 == 2 { // leaves while it is asked for
					_ = c.Close()
					continue
				}
				_, _ = io.WriteString(c, array("QUIT"))
				got, err := io.ReadAll(c)
				if err != nil || !want.Match(got) {
					t.Errorf("the client gets %q, %v", got, err)
				}
				_ = c.Close()
			}
		})
	}
	wg.Wait()
}
