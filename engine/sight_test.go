package engine

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/work"
	"cashew/stats"
)

// ask runs f, which asks s's loop for something, as another goroutine would.
func ask[T any](s *sim, f func() T) T {
	ch := make(chan T, 1)
	go func() { ch <- f() }()
	for {
		select {
		case v := <-ch:
			return v
		default:
			s.Settle()
			runtime.Gosched()
		}
	}
}

func (s *sim) snapshot() stats.Pool { return ask(s, s.proxy.Snapshot).Pools[0] }

// connected is a sim whose servers accept.
func connected(t testing.TB, servers int, edit func(*Options, *PoolOptions)) *sim {
	s := newSim(t, servers, edit)
	s.AcceptAll()
	return s
}

// counts are a server's figures without its times and names, and what it found.
func counts(v stats.Server) stats.Server {
	v.Latency, v.Profiles, v.Refuses, v.Pushes = [work.Classes]stats.Latency{}, nil, nil, nil
	v.Name, v.PName, v.Addr, v.Weight, v.State, v.Share = "", "", "", 0, "", 0
	v.KeyspaceHits, v.KeyspaceMisses = 0, 0
	return v
}

// TestTimes: the time of a request is split where it was written, and a slow one is told with both parts.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connected(t, 1, nil)
		c, v := s.connect(), s.Servers[0]
		c.Send(array("CLIENT", "SETNAME", "me"))
		c.Send(array("GET", "warm"))
		s.Settle()
		v.Reply(bulk("x"))
		s.Settle()

		v.Sock.Room = 0
		c.Send(array("SET", strings.Repeat("k", 100), "secret"))
		s.Settle()
		s.Passes(5 * time.Millisecond)
		s.DrainRoom(v.Sock, -1)
		s.Passes(20 * time.Millisecond)
		v.Reply("+O")
		s.Passes(10 * time.Millisecond)
		c.Sock.Room = 0
		v.Reply("K\r\n")
		s.Settle()
		s.Passes(3 * time.Millisecond)
		s.DrainRoom(c.Sock, -1)

		st := s.snapshot()
		w := &st.Servers[0].Latency[work.Write]
		if w.Queue.Count() != 1 || w.Queue.Sum != 5*time.Millisecond {
			t.Errorf("queue: %d in %v; want 1 in 5ms", w.Queue.Count(), w.Queue.Sum)
		}
		if w.Server.Count() != 1 || w.Server.Sum != 30*time.Millisecond {
			t.Errorf("server: %d in %v; want 1 in 30ms", w.Server.Count(), w.Server.Sum)
		}
		if st.WriteBack.Count() != 3 || st.WriteBack.Sum != 3*time.Millisecond {
			t.Errorf("write-back: %d in %v; want 3 in 3ms", st.WriteBack.Count(), st.WriteBack.Sum)
		}
		if n := st.Servers[0].Latency[work.Read].Server.Count(); n != 1 {
			t.Errorf("%d reads; want 1", n)
		}
		log := ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(-1) })
		want := []stats.SlowEntry{{
			At: time.Now().Add(-3 * time.Millisecond), Pool: "sim", Command: "set", Key: strings.Repeat("k", stats.MaxShownKey), Keys: 1,
			Server: "s0", Addr: "s0", Client: "client", ClientName: "me", Queue: 5 * time.Millisecond, ServerTime: 30 * time.Millisecond,
			Own: 30 * time.Millisecond, Bytes: 5,
		}}
		for i := range log {
			log[i].At = log[i].At.Truncate(0) // without the monotonic part
		}
		want[0].At = want[0].At.Truncate(0)
		if d := cmp.Diff(want, log); d != "" {
			t.Errorf("slow log (-want +got):\n%s", d)
		}
	})
}

// TestPipelineTimes: requests that were written at different times each have their own.
func TestPipelineTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.SlowerThan, po.SlowMaxLen = 0, 10 })
		c, v := s.connect(), s.Servers[0]
		s.Passes(time.Millisecond) // at 0 nothing was ever written
		for range 4 {              // at 1, 3, 5, 7 ms
			c.Send(array("GET", "a"))
			s.Settle()
			s.Passes(2 * time.Millisecond)
		}
		for range 4 { // at 9, 13, 17, 21 ms
			v.Reply(bulk("x"))
			s.Settle()
			s.Passes(4 * time.Millisecond)
		}
		l := s.snapshot().Servers[0].Latency[work.Read]
		if l.Queue.Sum != 0 || l.Server.Sum != (8+10+12+14)*time.Millisecond || l.Server.Count() != 4 {
			t.Errorf("queue %v, server %v of %d; want 0s, 44ms of 4", l.Queue.Sum, l.Server.Sum, l.Server.Count())
		}
		wantOwn(t, s, 8, 4, 4, 4)
	})
}

// wantOwn checks how many milliseconds the commands of the slow log took themselves, oldest first; the rest they waited for others.
func wantOwn(t *testing.T, s *sim, want ...int) {
	t.Helper()
	var got []int
	for _, e := range slices.Backward(ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(-1) })) {
		got = append(got, int(e.Own.Milliseconds()))
		if e.Waited() != e.Queue+e.ServerTime-e.Own || e.Waited() < 0 {
			t.Errorf("%+v waited for %v", e, e.Waited())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("they took %v ms themselves; want %v", got, want)
	}
}

// TestOwnTime: what waits behind a slow command of its connection, whosever that is, is not slow itself; nor is what was written late, or what comes
// in the same breath. One that runs out of time has waited for those before it as well.
func TestOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connected(t, 1, func(_ *Options, po *PoolOptions) {
			po.SlowerThan, po.SlowMaxLen, po.Timeout = 0, 10, 100*time.Millisecond
		})
		c, d, v := s.connect(), s.connect(), s.Servers[0]
		s.Passes(time.Millisecond) // at 0 nothing was ever written
		c.Send(array("EVAL", "slow", "1", "a"))
		s.Settle()
		d.Send(array("GET", "a") + array("GET", "b"))
		s.Settle()
		s.Passes(50 * time.Millisecond)
		v.Reply(bulk("x"))
		s.Settle()
		s.Passes(3 * time.Millisecond)
		v.Reply(bulk("x") + bulk("x"))
		s.Settle()
		s.Passes(5 * time.Millisecond)
		d.Send(array("GET", "a"))
		s.Settle()
		s.Passes(2 * time.Millisecond)
		v.Reply(bulk("x"))
		s.Settle()
		wantOwn(t, s, 50, 3, 0, 2)

		ask(s, func() int { s.proxy.SlowLogReset(); return 0 })
		c.Send(array("EVAL", "slow", "1", "a"))
		s.Settle()
		d.Send(array("GET", "late"))
		s.Settle()
		s.Passes(70 * time.Millisecond)
		v.Reply(bulk("x"))
		s.Settle()
		s.Passes(30 * time.Millisecond)
		wantOwn(t, s, 70, 30)
	})
}

// TestBlameStays: what made others wait is still to be seen when those have displaced it in the slow log, once.
func TestBlameStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.SlowerThan, po.SlowMaxLen = 10*time.Millisecond, 3 })
		c, v := s.connect(), s.Servers[0]
		s.Passes(time.Millisecond)
		for i := range 5 {
			c.Send(array("EVAL", fmt.Sprint("slow", i), "1", "a") + strings.Repeat(array("GET", "b"), 7))
			s.Settle()
			s.Passes(20 * time.Millisecond)
			v.Reply(bulk("x"))
			s.Settle()
			s.Passes(2 * time.Millisecond)
			v.Reply(strings.Repeat(bulk("x"), 7))
			s.Settle()
		}
		commands := func(list []stats.SlowEntry) (names string) {
			for _, e := range list {
				names += e.Command + " "
			}
			return names
		}
		if got, want := commands(ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(-1) })), "get get get "; got != want {
			t.Errorf("the slow log has %s; want %s", got, want)
		}
		if got, want := commands(ask(s, s.proxy.SlowBlame)), "get get get eval eval eval "; got != want {
			t.Errorf("to blame are %s; want %s", got, want)
		}
		s.reload(func(_ *Options, po *PoolOptions) { po.SlowMaxLen = 2 })
		if got, want := commands(ask(s, s.proxy.SlowBlame)), "get get eval eval "; got != want {
			t.Errorf("after a reload to blame are %s; want %s", got, want)
		}
		ask(s, func() int { s.proxy.SlowLogReset(); return 0 })
		c.Send(array("EVAL", "slow", "1", "a"))
		s.Settle()
		s.Passes(20 * time.Millisecond)
		v.Reply(bulk("x"))
		s.Settle()
		if got, want := commands(ask(s, s.proxy.SlowBlame)), "eval "; got != want {
			t.Errorf("one that both have is told as %s; want %s", got, want)
		}
	})
}

// TestHits: what was there and what was not is counted by what servers say, whole or in pieces; errors aside, all that can say so counts.
func TestHits(t *testing.T) {
	for _, c := range []struct {
		name           string
		protocol       codec.Protocol
		hello          string
		command, reply string
		hits, misses   int64
	}{
		{"GET of what is there", nil, "", array("GET", "k"), bulk("x"), 1, 0},
		{"GET of nothing", nil, "", array("GET", "k"), "$-1\r\n", 0, 1},
		{"GET of nothing, in RESP3", nil, array("HELLO", "3"), array("GET", "k"), "_\r\n", 0, 1},
		{"GET of an empty value", nil, "", array("GET", "k"), "$0\r\n\r\n", 1, 0},
		{"EXISTS of nothing", nil, "", array("EXISTS", "k"), ":0\r\n", 0, 1},
		{"HGETALL of nothing", nil, "", array("HGETALL", "k"), "*0\r\n", 0, 1},
		{"LRANGE of nothing", nil, "", array("LRANGE", "k", "0", "1"), "*0\r\n", 0, 0},
		{"SET", nil, "", array("SET", "k", "v"), "+OK\r\n", 0, 0},
		{"SET NX in vain", nil, "", array("SET", "k", "v", "NX"), "$-1\r\n", 0, 0},
		{"a value that ends as a miss does", nil, "", array("GET", "k"), bulk("x$-1"), 1, 0},
		{"get of memcached", memcached.New(memcached.Options{}), "", "get k\r\n", "VALUE k 0 1\r\nx\r\nEND\r\n", 1, 0},
		{"get of nothing of memcached", memcached.New(memcached.Options{}), "", "get k\r\n", "END\r\n", 0, 1},
		{"mg of what is there", memcached.New(memcached.Options{}), "", "mg k\r\n", "HD\r\n", 1, 0},
		{"mg of nothing", memcached.New(memcached.Options{}), "", "mg k\r\n", "EN\r\n", 0, 1},
	} {
		for _, cut := range []int{0, 1, 5, 6} {
			s := connected(t, 1, func(_ *Options, po *PoolOptions) {
				if c.protocol != nil {
					po.Protocol = c.protocol
				}
			})
			client, v := s.connect(), s.Servers[0]
			if c.hello != "" {
				client.Send(c.hello)
				s.Settle()
				v = v.Three
				v.Reply("%1\r\n$5\r\nproto\r\n:3\r\n")
				s.Settle()
			}
			client.Send(c.command)
			s.Settle()
			if cut >= len(c.reply) {
				continue
			}
			if cut > 0 && strings.HasPrefix(c.reply, "VALUE") || cut > 1 {
				v.Reply(c.reply[:len(c.reply)-cut]) // the last piece is as short as a miss
				v.Reply(c.reply[len(c.reply)-cut:])
			} else {
				v.Reply(c.reply)
			}
			s.Settle()
			if got := s.snapshot().Servers[0]; got.KeyspaceHits != c.hits || got.KeyspaceMisses != c.misses {
				t.Errorf("%s, cut %d bytes before its end: %d hits, %d misses; want %d, %d", c.name, cut, got.KeyspaceHits, got.KeyspaceMisses, c.hits, c.misses)
			}
		}
	}
}

// TestSlowLogRing: each part of a scattered command is an entry; the newest stay.
func TestSlowLogRing(t *testing.T) {
	s := connected(t, 2, func(_ *Options, po *PoolOptions) { po.SlowerThan, po.SlowMaxLen = 0, 3 })
	c := s.connect()
	for i := range 10 {
		c.Send(array("MGET", fmt.Sprint("a", i), fmt.Sprint("b", i)))
		s.Settle()
		for _, v := range s.Servers {
			if v.Sock == nil {
				continue
			}
			if n := strings.Count(v.Sock.Take(), "$2\r\n"); n > 0 {
				v.Reply(fmt.Sprintf("*%d\r\n", n) + strings.Repeat(bulk("x"), n))
			}
		}
		s.Settle()
	}
	log := ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(-1) })
	if len(log) != 3 || log[0].ID != log[1].ID+1 || log[1].ID != log[2].ID+1 {
		t.Fatalf("slow log %v; want the last three", log)
	}
	if e := log[0]; e.Command != "mget" || !strings.HasSuffix(e.Key, "9") || e.Keys < 1 || e.Bytes == 0 {
		t.Errorf("newest entry %+v; want a part of the last MGET", e)
	}
	if got := ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(1) }); len(got) != 1 || got[0].ID != log[0].ID {
		t.Errorf("SlowLog(1) = %v; want the newest", got)
	}
	if n := ask(s, s.proxy.SlowLogLen); n != 3 {
		t.Errorf("SlowLogLen() = %d; want 3", n)
	}
	ask(s, func() int { s.proxy.SlowLogReset(); return 0 })
	if n := ask(s, s.proxy.SlowLogLen); n != 0 {
		t.Errorf("SlowLogLen() = %d after a reset", n)
	}
}

// TestTimeoutFigures: an expired request is in the slow log; its late reply is dropped, or its connection ends.
func TestTimeoutFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.Timeout = 50 * time.Millisecond })
		c, v := s.connect(), s.Servers[0]
		c.Send(array("GET", "late"))
		s.Settle()
		s.Passes(60 * time.Millisecond)
		v.Reply(bulk("x"))
		s.Settle()
		got := counts(s.snapshot().Servers[0])
		n := int64(len(array("GET", "late")))
		if d := cmp.Diff(stats.Server{ServerConnections: 1, Requests: 1, RequestBytes: n, Dropped: 1, Expired: 1}, got); d != "" {
			t.Errorf("after a late reply (-want +got):\n%s", d)
		}
		c.Send(array("GET", "lost"))
		s.Settle()
		s.Passes(120 * time.Millisecond)
		got = counts(s.snapshot().Servers[0])
		if d := cmp.Diff(stats.Server{
			Requests: 2, RequestBytes: 2 * n, Dropped: 1, Expired: 2, Failed: 1, TimedoutConnections: 1,
		}, got); d != "" {
			t.Errorf("after no reply (-want +got):\n%s", d)
		}
		log := ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(-1) })
		if len(log) != 2 || log[0].Key != "lost" || log[1].Key != "late" || log[0].ServerTime < 50*time.Millisecond {
			t.Errorf("slow log %+v; want lost and late, after 50ms", log)
		}
	})
}

// TestConnectTimeoutFigures: what waits for a connection that does not come about in time ran out of time, whoever says so.
func TestConnectTimeoutFigures(t *testing.T) {
	for _, cause := range []error{syscall.ETIMEDOUT, os.ErrDeadlineExceeded} {
		s := newSim(t, 1, nil)
		c, v := s.connect(), s.Servers[0]
		get := array("GET", "a")
		c.Send(get + get)
		s.Settle()
		v.Refuse(cause)
		s.Settle()
		want := stats.Server{Requests: 2, RequestBytes: int64(2 * len(get)), Failed: 2, Expired: 2, TimedoutConnections: 1}
		if d := cmp.Diff(want, counts(s.snapshot().Servers[0])); d != "" {
			t.Errorf("%v (-want +got):\n%s", cause, d)
		}
	}
}

// TestServerFigures: queues, bytes, and the causes of a connection's end.
func TestServerFigures(t *testing.T) {
	s := newSim(t, 1, nil)
	c, v := s.connect(), s.Servers[0]
	get := array("GET", "a")
	n := int64(len(get))
	check := func(when string, want stats.Server) {
		t.Helper()
		s.Settle()
		if d := cmp.Diff(want, counts(s.snapshot().Servers[0])); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
	}
	c.Send(get + get)
	check("dialing", stats.Server{Requests: 2, RequestBytes: 2 * n, InQueue: 2, InQueueBytes: 2 * n})
	v.Refuse(syscall.ECONNREFUSED)
	check("refused", stats.Server{ServerErr: 1, Requests: 2, RequestBytes: 2 * n, Failed: 2})

	s = newSim(t, 1, nil)
	c, v = s.connect(), s.Servers[0]
	c.Send(get + get)
	s.Settle()
	v.Accept()
	check("written", stats.Server{ServerConnections: 1, Requests: 2, RequestBytes: 2 * n, OutQueue: 2, OutQueueBytes: 2 * n})
	v.Sock.Room = 5
	c.Send(get + get)
	s.Settle()
	check("partly written", stats.Server{
		ServerConnections: 1, Requests: 4, RequestBytes: 4 * n, InQueue: 1, InQueueBytes: 2*n - 5, OutQueue: 3, OutQueueBytes: 2*n + 5,
	})
	v.Reply(bulk("x"))
	check("one reply", stats.Server{
		ServerConnections: 1, Requests: 4, RequestBytes: 4 * n, InQueue: 1, InQueueBytes: 2*n - 5, OutQueue: 2, OutQueueBytes: n + 5,
		Responses: 1, ResponseBytes: 7,
	})
	v.HangUp()
	check("closed", stats.Server{ServerEOF: 1, Requests: 4, RequestBytes: 4 * n, Failed: 3, Responses: 1, ResponseBytes: 7})

	s.AcceptAll()
	c.Send(get)
	s.Settle()
	v.Reply("HTTP/1.1 400\r\n")
	check("garbage", stats.Server{
		ServerEOF: 1, ServerErr: 1, Requests: 5, RequestBytes: 5 * n, Failed: 4, Responses: 1, ResponseBytes: 7,
	})
	st := s.snapshot()
	if st.ForwardError != 4 {
		t.Errorf("forward_error = %d; want 4", st.ForwardError)
	}
	c.HangUp(io.EOF)
	p := ask(s, s.proxy.Snapshot)
	// The simulation counts no client in or out; a listener, two server connections.
	if p.TotalConnections != 3 {
		t.Errorf("total_connections = %d; want 3", p.TotalConnections)
	}
}

// TestCanaryFigures: canaries are in no figure.
func TestCanaryFigures(t *testing.T) {
	s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.IntegrityInterval = time.Nanosecond })
	c, v := s.connect(), s.Servers[0]
	c.Send(array("GET", "a"))
	s.Settle()
	v.Sock.Take()
	v.Reply(bulk("x"))
	s.Loop.Tick()
	s.local.Tidy()
	s.Loop.Flush()
	canary := v.Sock.Take()
	if !strings.Contains(canary, "ECHO") {
		t.Fatalf("the server gets %q", canary)
	}
	v.Reply(bulk(strings.Split(canary, "\r\n")[4]))
	want := stats.Server{ServerConnections: 1, Requests: 1, RequestBytes: int64(len(array("GET", "a"))), Responses: 1, ResponseBytes: 7}
	st := s.snapshot().Servers[0]
	if d := cmp.Diff(want, counts(st)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := st.Latency[work.Other].Server.Count(); n != 0 {
		t.Errorf("%d canaries in the histogram", n)
	}
}

// TestClientFigures: how clients end, and what they are refused or told by the proxy itself.
func TestClientFigures(t *testing.T) {
	s := connected(t, 1, nil)
	end := func(send string, err error) {
		c := s.connect()
		c.Send(send)
		s.Settle()
		c.HangUp(err)
		s.Settle()
	}
	end("", io.EOF)
	end(array("PING"), io.EOF)
	end(array("QUIT"), syscall.ECONNRESET) // once told the end, how the client hangs up says nothing
	end(array("KEYS", "*"), syscall.ECONNRESET)
	end("*1\r\n%bad\r\n", io.EOF)
	c := s.connect()
	for i := range stats.MaxRefusedNames + 10 {
		c.Send(array(fmt.Sprint("nosuch", i), "secret"))
		c.Send(array(fmt.Sprint("nosuch", i)))
	}
	c.Send(array("\x00\x01"))
	s.Settle()
	st := s.snapshot()
	if st.ClientEOF != 3 || st.ClientErr != 2 {
		t.Errorf("client_eof, client_err = %d, %d; want 3, 2", st.ClientEOF, st.ClientErr)
	}
	if st.LocalCommands != 2 {
		t.Errorf("%d commands answered here; want PING and QUIT", st.LocalCommands)
	}
	if st.Refused["keys"] != 1 || st.Refused["nosuch7"] != 2 {
		t.Errorf("refused %v; want keys once, nosuch7 twice", st.Refused)
	}
	if n, other := len(st.Refused), st.Refused[stats.OtherCommand]; n > stats.MaxRefusedNames+1 || other != 2*11+1 {
		t.Errorf("%d names, %d others; want at most %d names, %d others", n, other, stats.MaxRefusedNames+1, 2*11+1)
	}
	if st.InFlight != 0 || st.ClientBlocked != 0 {
		t.Errorf("in flight %d, blocked %d", st.InFlight, st.ClientBlocked)
	}
}

// TestRefusedByLibrary: what is refused is counted by what the client said of its library, cut where that is long.
func TestRefusedByLibrary(t *testing.T) {
	s := connected(t, 1, nil)
	c := s.connect()
	c.Send(array("KEYS", "*"))
	c.Send(array("CLIENT", "SETINFO", "lib-name", strings.Repeat("l", 100)))
	c.Send(array("CLIENT", "SETINFO", "lib-ver", "5.0.1"))
	c.Send(array("KEYS", "*") + array("KEYS", "*") + array("SELECT"))
	c.Send(array("MULTI") + array("EXEC", "1"))
	s.Settle()
	library := strings.Repeat("l", 64)
	want := stats.Refusals{
		{Command: "keys"}: 1, {Command: "keys", Library: library, Version: "5.0.1"}: 2, {Command: "select", Library: library, Version: "5.0.1"}: 1,
		{Command: "exec", Library: library, Version: "5.0.1"}: 1,
	}
	if d := cmp.Diff(want, s.snapshot().RefusedOf); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestBlockedClients: a client whose commands are not taken is counted for as long.
func TestBlockedClients(t *testing.T) {
	s := connected(t, 1, func(o *Options, _ *PoolOptions) { o.MaxPipeline = 2 })
	c := s.connect()
	c.Send(strings.Repeat(array("GET", "a"), 5))
	s.Settle()
	if st := s.snapshot(); st.ClientBlocked != 1 || st.InFlight != 2 {
		t.Errorf("blocked %d, in flight %d; want 1, 2", st.ClientBlocked, st.InFlight)
	}
	list := ask(s, s.proxy.Clients)
	if len(list) != 1 || !list[0].Blocked || list[0].InFlight != 2 || list[0].Commands != 2 ||
		list[0].LastCommand != "get" || list[0].InBytes != 3*len(array("GET", "a")) {
		t.Errorf("clients %+v; want one that is blocked with 2 of 5 GETs in flight", list)
	}
	c.HangUp(syscall.ECONNRESET)
	if st := s.snapshot(); st.ClientBlocked != 0 || st.InFlight != 0 || st.ClientErr != 1 {
		t.Errorf("blocked %d, in flight %d, client_err %d; want 0, 0, 1", st.ClientBlocked, st.InFlight, st.ClientErr)
	}
	if list := ask(s, s.proxy.Clients); len(list) != 0 {
		t.Errorf("%d clients are left", len(list))
	}
}

func TestKill(t *testing.T) {
	s := connected(t, 1, nil)
	a, b := s.connect(), s.connect()
	if n := ask(s, func() int { return s.proxy.Kill(func(c *stats.Client) bool { return c.ID == 1 }) }); n != 1 {
		t.Errorf("Kill = %d; want 1", n)
	}
	if !a.Conn.Closed || b.Conn.Closed {
		t.Errorf("closed %v, %v; want the first only", a.Conn.Closed, b.Conn.Closed)
	}
}

// TestHotKeys: the key that half of the commands are for is found, with about their number, and is forgotten in time.
func TestHotKeys(t *testing.T) {
	s, c := steady(t, 2)
	rnd := rand.New(rand.NewPCG(1, 2))
	hot := 0
	for range 40_000 {
		key := fmt.Sprint("cold:", rnd.IntN(100_000))
		if rnd.IntN(2) == 0 {
			key = "hot"
			hot++
		}
		c.Send(array("GET", key))
		for _, v := range s.Servers {
			if v.Sock.Take() != "" {
				v.Reply("$-1\r\n")
			}
		}
		c.Sock.Take()
	}
	keys := ask(s, func() []stats.HotKey { return s.proxy.HotKeys(3) })
	if len(keys) != 1 || keys[0].Key != "hot" || keys[0].Pool != "sim" || keys[0].Server == "" {
		t.Fatalf("hot keys %+v; want hot alone: of the others nothing is known", keys)
	}
	if n, off := keys[0].Requests, keys[0].Error; int64(hot) < n-off || int64(hot) > n+off || off > int64(hot)/4 {
		t.Errorf("hot has %d requests, give or take %d; it has %d", n, off, hot)
	}
	want := int64(len(array("GET", "hot")) + len("$-1\r\n"))
	if b := keys[0].Bytes / keys[0].Requests; b < want-1 || b > want {
		t.Errorf("hot has %d bytes a request; want %d", b, want)
	}
	for range 20 {
		s.Loop.Now += int64(time.Minute)
		s.local.Tidy()
	}
	if keys := ask(s, func() []stats.HotKey { return s.proxy.HotKeys(3) }); len(keys) != 0 {
		t.Errorf("long after, hot keys are %+v", keys)
	}
}

// TestScatteredHotKey: a key is found among those of wide commands, too, at its own server.
func TestScatteredHotKey(t *testing.T) {
	s, c := steady(t, 2)
	wide := []string{"MGET"}
	for i := range 100 {
		wide = append(wide, fmt.Sprint("key:", i))
	}
	for range 2000 {
		for i := 1; i < 50; i++ {
			wide[i] = "hot"
		}
		c.Send(array(wide...))
		for _, v := range s.Servers {
			n := strings.Count(v.Sock.Take(), "\n") / 2
			v.Reply(fmt.Sprintf("*%d\r\n", n-1) + strings.Repeat("$-1\r\n", n-1))
		}
		c.Sock.Take()
	}
	keys := ask(s, func() []stats.HotKey { return s.proxy.HotKeys(1) })
	if len(keys) != 1 || keys[0].Key != "hot" || keys[0].Requests < 49*2000*3/4 || keys[0].Requests > 49*2000*5/4 {
		t.Fatalf("hot keys %+v; want hot with about %d requests", keys, 49*2000)
	}
	if want := s.pool.opts.serverName(s.home("hot")); keys[0].Server != want {
		t.Errorf("hot is at %s; want %s", keys[0].Server, want)
	}
}

// TestBigKeys: the largest requests and replies are kept by key.
func TestBigKeys(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	c.Send(array("SET", "wrote", strings.Repeat("x", 20_000)))
	s.Settle()
	v.Reply("+OK\r\n")
	for _, size := range []int{10_000, 60_000, 30_000} {
		c.Send(array("GET", "read"))
		s.Settle()
		v.Reply(bulk(strings.Repeat("x", size)))
		s.Settle()
	}
	c.Send(array("GET", "small"))
	s.Settle()
	v.Reply(bulk("x"))
	got := ask(s, func() []stats.HotKey { return s.proxy.BigKeys(10) })
	want := []stats.HotKey{
		{Pool: "sim", Key: "read", Server: "s0", Addr: "s0", Requests: 2, Bytes: int64(len(bulk(strings.Repeat("x", 60_000))))},
		{Pool: "sim", Key: "wrote", Server: "s0", Addr: "s0", Requests: 1, Bytes: int64(len(array("SET", "wrote", strings.Repeat("x", 20_000))))},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestNoReplyFigures: a memcached command without a reply counts as a request, and a large value of one is seen.
func TestNoReplyFigures(t *testing.T) {
	s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.Protocol = memcached.New(memcached.Options{}) })
	c := s.connect()
	cmd := "set k 0 0 20000 noreply\r\n" + strings.Repeat("x", 20_000) + "\r\n"
	c.Send(cmd)
	s.Settle()
	want := stats.Server{ServerConnections: 1, Requests: 1, NoReply: 1, RequestBytes: int64(len(cmd))}
	if d := cmp.Diff(want, counts(s.snapshot().Servers[0])); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if big := ask(s, func() []stats.HotKey { return s.proxy.BigKeys(1) }); len(big) != 1 || big[0].Key != "k" {
		t.Errorf("big keys %+v; want k", big)
	}
}

// TestExplain: the server that is named is the one that the key goes to, and the words say what is special.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name    string
		servers int
		edit    func(*Options, *PoolOptions)
		says    string
	}{
		{"modula", 3, nil, "modulo the weight"},
		{"ketama", 3, func(_ *Options, po *PoolOptions) { po.Distribution = "ketama" }, "point of the continuum"},
		{"hash tag", 3, func(_ *Options, po *PoolOptions) { po.HashTag = "{}" }, `within the hash tag "{}"`},
		{"one server", 1, nil, "only server"},
		{"random", 3, func(_ *Options, po *PoolOptions) { po.Distribution = "random" }, "any of 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, c.servers, c.edit)
			for i := range 100 {
				key := fmt.Sprintf("a{%d}b", i)
				places := s.proxy.Explain("", []byte(key))
				if len(places) != 1 || places[0].Pool != "sim" || places[0].Key != key || places[0].HashName != "fnv1a_64" {
					t.Fatalf("Explain(%q) = %+v", key, places)
				}
				p := places[0]
				want := ""
				if c.name != "random" {
					want = s.pool.opts.serverName(s.home(key))
				}
				if p.Server != want || p.Addr != want {
					t.Errorf("Explain(%q): server %q at %q; want %q", key, p.Server, p.Addr, want)
				}
				if !strings.Contains(p.Reason, c.says) {
					t.Errorf("Explain(%q): %q; want %q in it", key, p.Reason, c.says)
				}
			}
			if got := s.proxy.Explain("nosuch", []byte("k")); got != nil {
				t.Errorf("Explain of an unknown pool = %v", got)
			}
		})
	}
}

// TestExplainEjected: an ejected server's keys are told with the server that has them in good times.
func TestExplainEjected(t *testing.T) {
	synctest.Test(t, explainEjected)
}

func explainEjected(t *testing.T) {
	s := newSim(t, 3, func(_ *Options, po *PoolOptions) {
		po.Distribution, po.AutoEjectHosts, po.ServerFailureLimit, po.ServerRetryTimeout = "ketama", true, 1, time.Hour
	})
	const key = "k"
	home := s.home(key)
	c := s.connect()
	c.Send(array("GET", key))
	s.Settle()
	s.Servers[home].Refuse(syscall.ECONNREFUSED)
	s.Settle()
	synctest.Wait() // the ring is built beside
	p := s.proxy.Explain("sim", []byte(key))[0]
	if name := s.pool.opts.serverName(home); p.Server == name || !strings.Contains(p.Reason, name+", which has it in good times, is ejected") {
		t.Errorf("server %q, %q; want another than %s, and why", p.Server, p.Reason, name)
	}
	st := s.snapshot()
	v := st.Servers[home]
	if v.State != "ejected" || v.Share != 0 || st.ServerEjects != 1 || st.Live != 2 {
		t.Errorf("state %q, share %v, ejects %d, live %d; want ejected, 0, 1, 2", v.State, v.Share, st.ServerEjects, st.Live)
	}
	if age := time.Since(time.UnixMicro(v.ServerEjectedAt)); age < 0 || age > time.Minute {
		t.Errorf("ejected %v ago", age)
	}
	if i := slices.IndexFunc(st.Servers, func(v stats.Server) bool { return v.State == "live" && v.ServerEjectedAt != 0 }); i >= 0 {
		t.Errorf("server %d was never ejected", i)
	}
}
