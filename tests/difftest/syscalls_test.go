//go:build unix

package difftest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSystemCalls holds the proxy to the reads and writes that a request cannot do without. The proxy has one loop; clients
// and servers are the test itself, in lock step, so what goes out in one write arrives in one piece and the counts
// of a round are the same each time. What the proxy does of itself (looking at its memory, mostly) is a fraction of a call
// for each round.
//
// Calls that wait and wake (epoll_wait, futex) are not counted: how many there are is up to the scheduler.
func TestSystemCalls(t *testing.T) {
	wantCashew(t, "it is not ours to hold")
	one, four := startLocks(t, 1, readReply), startLocks(t, 4, readReply)
	line := func(r *bufio.Reader) ([]byte, error) { return r.ReadBytes('\n') }
	mcOne, mcFour := startLocks(t, 1, line), startLocks(t, 4, line)
	greeted := greet(append(mcOne, mcFour...))
	p := startLoops(t, 1,
		lockPool("one", false, one), lockPool("four", false, four), lockPool("mcone", true, mcOne), lockPool("mcfour", true, mcFour))
	greeted()
	value := strings.Repeat("v", 64)
	keys := make([]string, 40)
	for i := range keys {
		keys[i] = "key:" + strconv.Itoa(i)
	}
	get, mget := string(command("GET", "a")), string(command(append([]string{"MGET"}, keys...)...))

	type round struct {
		name          string
		pool          string
		clients       int
		send          string // of each client
		requests      int    // of a client: those that each server gets are to be answered in one write
		servers       []*lockServer
		answer        func(request string) string
		replyBytes    int // that each client gets
		reads, writes float64
		stopped       bool // the proxy is stopped while the clients send, so that it finds them all ready
	}
	hit := func(string) string { return bulk(value) }
	hits := func(request string) string {
		n := strings.Count(request, "$") - 1
		return fmt.Sprintf("*%d\r\n", n) + strings.Repeat(bulk(value), n)
	}
	mcHits := func(request string) (reply string) {
		for _, k := range strings.Fields(request)[1:] {
			reply += mcBlock(k, value)
		}
		return reply + "END\r\n"
	}
	for _, r := range []round{
		{"get", "one", 1, get, 1, one, hit, len(hit("")), 2, 2, false},
		{"get pipelined by 16", "one", 1, strings.Repeat(get, 16), 16, one, hit, 16 * len(hit("")), 2, 2, false},
		{"ping", "one", 1, string(command("PING")), 0, nil, nil, len("+PONG\r\n"), 1, 1, false},
		{"ping pipelined by 16", "one", 1, strings.Repeat(string(command("PING")), 16), 0, nil, nil, 16 * len("+PONG\r\n"), 1, 1, false},
		{"mget of 40 keys from four servers", "four", 1, mget, 1, four, hits, len("*40\r\n") + 40*len(hit("")), 5, 5, false},
		{"mgets pipelined by 16", "four", 1, strings.Repeat(mget, 16), 16, four, hits, 16 * (len("*40\r\n") + 40*len(hit(""))), 5, 5, false},
		{"memcached get", "mcone", 1, mcGet("a"), 1, mcOne, mcHits, len(mcHits("get a")), 2, 2, false},
		{"memcached get pipelined by 16", "mcone", 1, strings.Repeat(mcGet("a"), 16), 16, mcOne, mcHits, 16 * len(mcHits("get a")), 2, 2, false},
		{"memcached get of 40 keys from four servers", "mcfour", 1, mcGet(keys...), 1, mcFour, mcHits, len(mcHits(mcGet(keys...))), 5, 5, false},
		// Each client is read from and written to. The first two requests leave at once, as nobody may follow them; all others
		// share a write, and one more write has the loop run the flush that they wait for.
		{"16 clients that are ready together", "one", 16, get, 1, one, hit, len(hit("")), 16 + 1, 16 + 3 + 1, true},
	} {
		t.Run(r.name, func(t *testing.T) {
			var clients []*client
			for range r.clients {
				clients = append(clients, dial(t, p.addr(r.pool)))
			}
			share := 1
			if len(r.servers) == 1 {
				share = r.clients
			}
			play := func(stop bool) {
				if stop {
					p.Pause(t)
				}
				for _, c := range clients {
					c.send([]byte(r.send))
				}
				if stop {
					p.Signal(syscall.SIGCONT)
				}
				for _, s := range r.servers {
					s.serve(share*r.requests, r.answer)
				}
				for _, c := range clients {
					c.skip(r.replyBytes)
				}
			}
			for range 40 { // connections open, and the proxy learns how large the replies are
				play(false)
			}
			rounds := 300
			if r.stopped {
				rounds = 20
			}
			before := p.io(t)
			for range rounds {
				play(r.stopped)
			}
			after := p.io(t)
			per := func(field string) float64 { return float64(after[field]-before[field]) / float64(rounds) }
			t.Logf("%.2f reads and %.2f writes a round", per("syscr"), per("syscw"))
			const own = 0.5
			if per("syscr") > r.reads+own || per("syscw") > r.writes+own {
				t.Errorf("%.2f reads and %.2f writes a round; want %v and %v at most", per("syscr"), per("syscw"), r.reads, r.writes)
			}
		})
	}
}

// TestBytesOnce: each byte is read once and written once, large values too, whoever waits for whom.
func TestBytesOnce(t *testing.T) {
	wantCashew(t, "it is not ours to hold")
	servers := startLocks(t, 1, readReply)
	p := startLoops(t, 1, lockPool("p", false, servers))
	value := strings.Repeat("0123456789abcdef", 1<<16)
	for _, c := range []struct{ name, request, reply string }{
		{"set", string(command("SET", "a", value)), "+OK\r\n"},
		{"get", string(command("GET", "a")), bulk(value)},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := dial(t, p.addr("p"))
			play := func() {
				client.send([]byte(c.request))
				servers[0].serve(1, func(string) string { return c.reply })
				client.skip(len(c.reply))
			}
			play()
			before := p.io(t)
			const rounds = 10
			for range rounds {
				play()
			}
			after := p.io(t)
			through := int64(len(c.request) + len(c.reply))
			for _, field := range []string{"rchar", "wchar"} {
				if n := (after[field] - before[field]) / rounds; n < through || n > through+2048 {
					t.Errorf("%s is %d for a round; want %d", field, n, through)
				}
			}
		})
	}
}

// lockServer is a server that the test plays itself, on one connection of the proxy's to it.
type lockServer struct {
	t    testing.TB
	addr string
	ln   *net.TCPListener
	conn net.Conn // the latest
	r    *bufio.Reader
	read func(*bufio.Reader) ([]byte, error) // one request
}

func startLocks(t testing.TB, n int, read func(*bufio.Reader) ([]byte, error)) (servers []*lockServer) {
	t.Helper()
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &lockServer{t: t, addr: ln.Addr().String(), ln: ln.(*net.TCPListener), read: read}
		t.Cleanup(func() {
			ln.Close()
			if s.conn != nil {
				s.conn.Close()
			}
		})
		servers = append(servers, s)
	}
	return servers
}

// lockPool is a pool before such servers, with several of which all have some of forty keys.
func lockPool(name string, memcached bool, servers []*lockServer) pool {
	p := pool{name: name, memcached: memcached, settings: spread}
	for _, s := range servers {
		p.servers = append(p.servers, s.addr+":1")
	}
	return p
}

// greet has memcached servers answer what startProxy asks a proxy of theirs, until the returned function is called.
func greet(servers []*lockServer) (stop func()) {
	var greeting sync.WaitGroup
	accepted := make(chan *lockServer, len(servers))
	for _, s := range servers {
		greeting.Go(func() {
			ok := s.accept() == nil
			accepted <- s
			for ok {
				_, err := s.read(s.r)
				if ok = err == nil; ok {
					io.WriteString(s.conn, "VERSION 1\r\n")
				}
			}
		})
	}
	return func() {
		for _, s := range servers {
			s.ln.SetDeadline(time.Now())
		}
		for range servers {
			if s := <-accepted; s.conn != nil {
				s.conn.SetReadDeadline(time.Now())
			}
		}
		greeting.Wait()
	}
}

// accept waits for the proxy's connection.
func (s *lockServer) accept() error {
	conn, err := s.ln.Accept()
	if err == nil {
		s.conn, s.r = conn, bufio.NewReaderSize(conn, 1<<20)
	}
	return err
}

// serve reads n requests and writes the answers to all of them at once.
func (s *lockServer) serve(n int, answer func(request string) string) {
	s.t.Helper()
	var replies bytes.Buffer
	for range n {
		if s.conn == nil {
			s.ln.SetDeadline(time.Now().Add(patience))
			if err := s.accept(); err != nil {
				s.t.Fatal(err)
			}
		}
		s.conn.SetDeadline(time.Now().Add(patience))
		request, err := s.read(s.r)
		if err != nil {
			s.t.Fatalf("a server got %q, %v", clip(string(request)), err)
		}
		replies.WriteString(answer(string(request)))
	}
	if _, err := s.conn.Write(replies.Bytes()); err != nil {
		s.t.Fatal(err)
	}
}

// skip reads n bytes.
func (c *client) skip(n int) {
	c.t.Helper()
	c.renew()
	if m, err := c.r.Discard(n); err != nil {
		c.t.Fatalf("%d bytes of %d: %v", m, n, err)
	}
}

// io is what /proc/PID/io counts: syscr and syscw, system calls of the kind of read and write; rchar and wchar, bytes of
// them. It skips the test where there is no /proc.
func (p *proxy) io(t testing.TB) map[string]int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", p.Pid()))
	if errors.Is(err, os.ErrNotExist) && runtime.GOOS != "linux" {
		t.Skip("no /proc here")
	}
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		name, n, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if counts[name], err = strconv.ParseInt(n, 10, 64); err != nil {
			t.Fatalf("/proc/PID/io: %q", line)
		}
	}
	return counts
}

// TestSystemCallsOfConnecting: a client that connects for each request costs one write to its server and one to itself, and three
// reads, the last of which finds that it has gone. Nobody is woken for it.
func TestSystemCallsOfConnecting(t *testing.T) {
	wantCashew(t, "it is not ours to hold")
	servers := startLocks(t, 1, readReply)
	p := startLoops(t, 1, lockPool("p", false, servers))
	get, reply := command("GET", "a"), bulk("value")
	play := func() {
		c := dial(t, p.addr("p"))
		c.send(get)
		servers[0].serve(1, func(string) string { return reply })
		c.skip(len(reply))
		c.conn.Close()
	}
	play()
	const rounds = 300
	before := p.io(t)
	for range rounds {
		play()
	}
	after := p.io(t)
	per := func(field string) float64 { return float64(after[field]-before[field]) / rounds }
	t.Logf("%.2f reads and %.2f writes a client", per("syscr"), per("syscw"))
	const own = 0.5
	if per("syscr") > 3+own || per("syscw") > 2+own {
		t.Errorf("%.2f reads and %.2f writes a client; want 3 and 2 at most", per("syscr"), per("syscw"))
	}
}
