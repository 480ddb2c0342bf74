//go:build unix

package difftest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

func TestClientConnections(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it ignores client_connections, 2.2")
	server := startRedis(t)
	p := startProxy(t,
		pool{name: "five", servers: entries([]*redisServer{server}), settings: []string{"client_connections: 5"}},
		pool{name: "other", servers: entries([]*redisServer{server})},
	)
	// The client that saw the proxy start may not be gone yet.
	serve := func(t *testing.T) *client {
		var c *client
		await(t, "there is room for a client", func() bool {
			c = dial(t, p.addr("five"))
			c.conn.Write(command("PING"))
			reply, err := readReply(c.r)
			return err == nil && string(reply) == "+PONG\r\n"
		})
		return c
	}
	var clients []*client
	for range 5 {
		clients = append(clients, serve(t))
	}
	for range 3 {
		c := dial(t, p.addr("five"))
		c.conn.Write(command("PING"))
		if got := c.drain(); got != "" && got != "-ERR max number of clients reached\r\n" {
			t.Errorf("a client too many got %q", got)
		}
		for i, c := range clients {
			c.want("+OK\r\n", "SET", "a", fmt.Sprint(i))
		}
		dial(t, p.addr("other")).want("+PONG\r\n", "PING")
	}
	for i := range 20 {
		clients[i%5].close()
		clients[i%5] = serve(t)
	}
}

// TestDeepPipeline writes requests until nothing more is taken, and only then begins to read.
func TestDeepPipeline(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	p := startProxy(t, poolOf(servers, spread...))
	const n = 100_000
	value := strings.Repeat("v", 500) // 50 MB of replies in all, more than sockets hold
	var b []byte
	want := make([]string, 0, n)
	for i := range n {
		k := fmt.Sprint("key:", i%1000)
		switch {
		case i < 1000:
			b, want = appendCommand(b, []string{"SET", k, k + value}), append(want, "+OK\r\n")
		case i%10 == 0:
			b, want = appendCommand(b, []string{"PING"}), append(want, "+PONG\r\n")
		case i%97 == 0:
			b = appendCommand(b, []string{"MGET", k, "missing", k})
			want = append(want, "*3\r\n"+bulk(k+value)+"$-1\r\n"+bulk(k+value))
		default:
			b, want = appendCommand(b, []string{"GET", k}), append(want, bulk(k+value))
		}
	}
	c, other := dial(t, p.addr("p")), dial(t, p.addr("p"))
	var sent atomic.Int64
	done := make(chan error, 1)
	go func() {
		for rest := b; len(rest) > 0; {
			m, err := c.conn.Write(rest[:min(len(rest), 4096)])
			sent.Add(int64(m))
			if err != nil {
				done <- err
				return
			}
			rest = rest[m:]
		}
		done <- nil
	}()
	for last := int64(-1); last != sent.Load(); { // until the writer is stuck, or has written all
		last = sent.Load()
		for range 10 {
			other.want("+PONG\r\n", "PING")
			time.Sleep(10 * time.Millisecond)
		}
	}
	t.Logf("%d of %d bytes were taken before the first reply was read; the proxy's memory is %d MB",
		sent.Load(), len(b), p.Memory(t, "VmRSS")>>20)
	for i := range want {
		if got := c.reply(); got != want[i] {
			t.Fatalf("reply %d = %q; want %q", i, clip(got), clip(want[i]))
		}
	}
	if err := <-done; err != nil {
		t.Errorf("write: %v", err)
	}
	c.want("+PONG\r\n", "PING")
}

// TestSlowReader asks for more than a gigabyte and does not read: the proxy stops taking from this client at
// client_output_buffer, its memory stays bounded, and others are served.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	long(t)
	wantCashew(t, "it has no back-pressure, 9.7")
	servers := startRedises(t, 2)
	p := startProxy(t, poolOf(servers, append(spread, "client_output_buffer: 64mb")...))
	other := dial(t, p.addr("p"))
	value := strings.Repeat("x", 64<<10)
	other.want("+OK\r\n", "SET", "big", value)
	const n = 20_000
	c := dial(t, p.addr("p"))
	go c.conn.Write(bytes.Repeat(command("GET", "big"), n)) // ends when the connection does
	for range 100 {
		other.want("+PONG\r\n", "PING")
		other.want("$-1\r\n", "GET", "missing")
		time.Sleep(10 * time.Millisecond)
	}
	if most := p.Memory(t, "VmHWM"); most > 256<<20 && !raceEnabled {
		t.Errorf("the proxy took %d MB for a client that does not read", most>>20)
	}
	want := bulk(value)
	for i := range n {
		if got := c.reply(); got != want {
			t.Fatalf("reply %d is of %d bytes and wrong", i, len(got))
		}
	}
	other.want("+PONG\r\n", "PING")
	t.Logf("most memory: %d MB", p.Memory(t, "VmHWM")>>20)
}

func TestHalfClose(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 4)
	addr := startProxy(t, poolOf(servers, spread...)).addr("p")
	where := owners(t, addr, servers, "key:%d", 100)
	keys := sortedKeys(where)
	for _, c := range []struct {
		name string
		tail string // behind the last whole request
	}{
		{"after a request", ""},
		{"inside a request", "*2\r\n$3\r\nGET\r\n$5\r\nke"},
	} {
		t.Run(c.name, func(t *testing.T) {
			servers[0].Signal(syscall.SIGSTOP) // so that replies are owed when the client closes
			client := dial(t, addr)
			var commands [][]string
			var want []string
			for i := range 2000 {
				commands = append(commands, []string{"GET", keys[i%len(keys)]})
				want = append(want, bulk("x"))
			}
			client.send(append(stream(commands), c.tail...))
			client.closeWrite()
			dial(t, addr).want("+PONG\r\n", "PING")
			servers[0].Signal(syscall.SIGCONT)
			if diff := diffReplies(commands, want, client.replies(len(want))); diff != "" {
				t.Error(diff)
			}
			client.wantEOF()
		})
	}
	t.Run("nothing owed", func(t *testing.T) {
		client := dial(t, addr)
		client.want("+PONG\r\n", "PING")
		client.closeWrite()
		client.wantEOF()
	})
}

func TestQuit(t *testing.T) {
	t.Parallel()
	servers := startRedises(t, 2)
	addr := startProxy(t, poolOf(servers, spread...)).addr("p")
	for _, c := range []struct{ name, script, want string }{
		{"alone", "QUIT", ""},
		{"lower case", "quit", ""},
		{"behind requests", "SET a 1\nGET a\nMGET a b\nPING\nQUIT", "+OK\r\n$1\r\n1\r\n*2\r\n$1\r\n1\r\n$-1\r\n+PONG\r\n"},
		{"before requests", "SET a 1\nQUIT\nSET a 2\nGET a\nPING", "+OK\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := dial(t, addr)
			client.send(stream(diffCase{script: c.script}.stream()))
			got := client.drain()
			if got != c.want && got != c.want+"+OK\r\n" { // twemproxy says nothing to QUIT, Redis says OK
				t.Errorf("got %q; want %q, and OK perhaps", got, c.want)
			}
		})
	}
	c := dial(t, addr)
	c.want(bulk("1"), "GET", "a") // the SET behind QUIT was not executed
}

// TestLargeValue passes 64 MB through without holding several copies. The collector comes often, so that what is measured is
// what is held, not what waits for it on a busy machine.
func TestLargeValue(t *testing.T) {
	t.Setenv("GOGC", "10") // the proxy's; not in parallel, therefore
	long(t)
	server := startRedis(t)
	p := startProxy(t, poolOf([]*redisServer{server}))
	before := p.Memory(t, "VmRSS")
	c := dial(t, p.addr("p"))
	const size = 64 << 20
	value := make([]byte, size)
	for i := range value {
		value[i] = byte(i*7 + i>>16)
	}
	want := bulk(string(value))
	for round := range 2 {
		c.renew()
		c.send(append(append(fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n", size), value...), "\r\n"...))
		if got := c.reply(); got != "+OK\r\n" {
			t.Fatalf("SET of 64 MB = %q", clip(got))
		}
		t.Logf("round %d: most memory after SET: %d MB", round, p.Memory(t, "VmHWM")>>20)
		if got := c.do("GET", "big"); got != want {
			t.Fatalf("round %d: GET of 64 MB: %d bytes, and not those that were set", round, len(got))
		}
		t.Logf("round %d: most memory after GET: %d MB", round, p.Memory(t, "VmHWM")>>20)
		c.want(bulk(string(value[size-100:])), "GETRANGE", "big", "-100", "-1")
	}
	if most := p.Memory(t, "VmHWM"); !raceEnabled && underTest.name == "cashew" {
		if most > before+3*size {
			t.Errorf("the proxy needed %d MB for a value of 64 MB", most>>20)
		}
	}
}

// TestBurstGoesBack: memory of a burst of large values is given back.
func TestBurstGoesBack(t *testing.T) {
	t.Parallel()
	long(t)
	wantCashew(t, "it keeps its peak for ever, 9.7")
	if raceEnabled {
		t.Skip("memory is not the proxy's own with the race detector")
	}
	servers := startRedises(t, 2)
	p := startProxy(t, poolOf(servers, spread...))
	before := p.Memory(t, "VmRSS")
	const clients, size = 16, 4 << 20
	value := strings.Repeat("x", size)
	done := make(chan error, clients)
	var conns []*client
	for id := range clients {
		c := dial(t, p.addr("p"))
		conns = append(conns, c)
		go func() {
			k1, k2 := fmt.Sprint("a", id), fmt.Sprint("b", id)
			for range 3 {
				c.conn.Write(stream([][]string{{"MSET", k1, value, k2, value}, {"MGET", k1, k2}, {"DEL", k1, k2}}))
				for range 3 {
					reply, err := readReply(c.r)
					if err == nil && reply[0] == '-' {
						err = fmt.Errorf("%s", reply)
					}
					if err != nil {
						done <- err
						return
					}
				}
			}
			done <- nil
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	peak := p.Memory(t, "VmHWM")
	limit := before + 64<<20
	end := time.Now().Add(30 * time.Second)
	for p.Memory(t, "VmRSS") > limit && time.Now().Before(end) {
		for _, c := range conns { // the clients stay and do little
			c.renew()
			c.want("+PONG\r\n", "PING")
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("before %d MB, peak %d MB, after %d MB", before>>20, peak>>20, p.Memory(t, "VmRSS")>>20)
	if now := p.Memory(t, "VmRSS"); now > limit {
		t.Errorf("30 seconds after a burst the proxy still has %d MB; before it had %d MB", now>>20, before>>20)
	}
}

// TestIdleClients: 10,000 clients that have been served and wait cost at most 100 MB.
func TestIdleClients(t *testing.T) {
	t.Parallel()
	long(t)
	const n = 10_000
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		t.Fatal(err)
	}
	if uint64(lim.Cur) < n+1000 {
		t.Skipf("RLIMIT_NOFILE is %d", lim.Cur)
	}
	servers := startRedises(t, 2)
	p := startProxy(t, poolOf(servers, append(spread, "backlog: 4096")...))
	request := stream([][]string{{"SET", "a", "1"}, {"GET", "a"}, {"MGET", "a", "b"}})
	reply := "+OK\r\n" + bulk("1") + "*2\r\n" + bulk("1") + "$-1\r\n"
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, conn := range conns {
			conn.Close()
		}
	}()
	for range n {
		conn, err := net.DialTimeout("tcp", p.addr("p"), patience)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	serve := func() {
		t.Helper()
		got := make([]byte, len(reply))
		for i, conn := range conns {
			conn.SetDeadline(time.Now().Add(patience))
			if _, err := conn.Write(request); err != nil {
				t.Fatalf("client %d: %v", i, err)
			}
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != reply {
				t.Fatalf("client %d: %q, %v", i, got, err)
			}
		}
	}
	serve()
	if raceEnabled || underTest.name != "cashew" {
		return
	}
	t.Logf("the proxy has %d MB for %d clients", p.Memory(t, "VmRSS")>>20, n)
	processtest.Await(t, 30*time.Second, "10,000 idle clients cost at most 100 MB", func() bool {
		return p.Memory(t, "VmRSS") <= 100<<20
	})
	serve()
}
