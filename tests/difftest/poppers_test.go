//go:build unix

package difftest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// TestPoppers: of 2,000 elements that are pushed to 50 poppers, of whom half leave at any moment and come back, none goes to two. Who
// leaves may have popped one before the server notices, at the server itself, too; so many may be lost, and no more.
func TestPoppers(t *testing.T) {
	t.Parallel()
	wantCashew(t, "BLPOP closes the client, 6.2")
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		direct, server := startRedis(t), startRedis(t)
		p := startLoops(t, 2, poolOf([]*redisServer{server}))
		want, leaves := popAll(t, direct.addr, direct, seed)
		got, left := popAll(t, p.addr("p"), server, seed)
		t.Logf("seed %d: %d of %d lost as somebody left, %d times; directly %d, %d times", seed, got, elements, left, want, leaves)
	}
}

const elements = 2000

// popAll returns how many elements were lost, and how often poppers left.
func popAll(t *testing.T, addr string, server *redisServer, seed uint64) (lost, left int) {
	t.Helper()
	const stay, leave = 25, 25
	var popped [elements]atomic.Int32
	var pushed, leaves atomic.Int32
	var staying, leaving sync.WaitGroup
	take := func(reply string) (end bool) {
		if reply == "*-1\r\n" {
			return false
		}
		last := bulks(t, reply)[1]
		if last == "end" {
			return true
		}
		n, err := strconv.Atoi(last)
		if err != nil {
			t.Errorf("popped %q", reply)
			return true
		}
		popped[n].Add(1)
		return false
	}
	for range stay {
		c := dial(t, addr)
		staying.Go(func() {
			for !take(c.do("BLPOP", "q", "other", "0")) {
			}
		})
	}
	for i := range uint64(leave) {
		rng := newRand(seed<<8 + i)
		leaving.Go(func() {
			for pushed.Load() < elements {
				leaves.Add(1)
				popAndLeave(t, addr, rng, take)
			}
		})
	}
	c, rng := dial(t, addr), newRand(seed<<8+leave)
	for n := 0; n < elements; {
		args := []string{"RPUSH", "q"}
		for range min(1+rng.IntN(12), elements-n) {
			args = append(args, strconv.Itoa(n))
			n++
		}
		if got := c.do(args...); !strings.HasPrefix(got, ":") {
			t.Fatalf("RPUSH: %q", got)
		}
		if rng.IntN(8) == 0 {
			c.do("PING")
		}
		pushed.Store(int32(n))
	}
	leaving.Wait()
	await(t, "all to be popped, and nobody but those who stay to wait", func() bool {
		return server.do(t, "LLEN", "q") == ":0\r\n" && strings.Contains(server.do(t, "INFO", "clients"), fmt.Sprintf("\r\nblocked_clients:%d\r\n", stay))
	})
	for range stay {
		c.wantPrefix(":", "RPUSH", "q", "end")
	}
	staying.Wait()
	for n := range popped {
		switch times := popped[n].Load(); {
		case times == 0:
			lost++
		case times > 1:
			t.Errorf("element %d went to %d poppers", n, times)
		}
	}
	if left = int(leaves.Load()); lost > left {
		t.Errorf("%d elements lost by %d who left", lost, left)
	}
	return lost, left
}

// popAndLeave pops a few elements, and leaves in the middle of popping another.
func popAndLeave(t *testing.T, addr string, rng *rand.Rand, take func(reply string) bool) {
	c, err := tryDial(t, addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.close()
	for range rng.IntN(4) {
		take(c.do("BLPOP", "q", "0.2"))
	}
	c.send(command("BLPOP", "q", "0"))
	switch rng.IntN(4) {
	case 0: // at once
	case 1:
		c.closeWrite()
		if reply := c.drain(); reply != "" {
			take(reply)
		}
	case 2: // once it is sent by whoever has it
		other, err := tryDial(t, addr)
		if err == nil {
			other.do("PING")
			other.close()
		}
	case 3: // by a reset
		c.conn.(*net.TCPConn).SetLinger(0)
	}
}

// TestLastPop: who sends a BLPOP and half-closes gets what is there, as from the server itself, and nothing is lost.
func TestLastPop(t *testing.T) {
	t.Parallel()
	wantCashew(t, "BLPOP closes the client, 6.2")
	server := startRedis(t)
	for _, addr := range []string{server.addr, startLoops(t, 2, poolOf([]*redisServer{server})).addr("p")} {
		does := dial(t, addr)
		for i := range 200 {
			does.want(":1\r\n", "RPUSH", "q", "v")
			c := dial(t, addr)
			lines := [][]string{{"BLPOP", "q", "0"}}
			switch i % 3 {
			case 1:
				lines = [][]string{{"WATCH", "k"}, {"GET", "k"}, {"BLPOP", "q", "0"}}
			case 2:
				lines = append(lines, []string{"RPUSH", "q", "w"}, []string{"BLPOP", "q", "0"})
			}
			c.send(stream(lines))
			c.closeWrite()
			popped := "*2\r\n" + bulk("q") + bulk("v")
			want := []string{popped, "+OK\r\n$-1\r\n" + popped, popped + ":1\r\n*2\r\n" + bulk("q") + bulk("w")}[i%3]
			if got := c.drain(); got != want {
				t.Fatalf("%s, client %d: %q; want %q", addr, i, got, want)
			}
			c.close()
		}
		for range 20 { // nothing is there
			c := dial(t, addr)
			c.send(stream([][]string{{"PING"}, {"BLPOP", "q", "0"}, {"RPUSH", "q", "late"}}))
			c.closeWrite()
			if got := c.drain(); got != "+PONG\r\n" {
				t.Fatalf("%s: %q; want an end behind PONG", addr, got)
			}
		}
		await(t, "nobody to wait", func() bool { return !hasBlocked(t, server) })
		does.want(":0\r\n", "LLEN", "q")
	}
}

// TestLeasesComeBack: whatever clients do in the middle of what needs a connection of their own, in the end nobody has one.
func TestLeasesComeBack(t *testing.T) {
	t.Parallel()
	s := newService(t)
	servers := startRedises(t, 2)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	pool := func(n int, settings ...string) string {
		text := "p:\n  listen: " + listen + "\n  redis: true\n  " + strings.Join(append(append([]string{"timeout: 2000"}, spread...), settings...), "\n  ") + "\n  servers:\n"
		for _, v := range servers[:n] {
			text += "   - " + v.entry(1, "") + "\n"
		}
		return text
	}
	s.configure(t, pool(1))
	s.start(t)
	leased := func() (n float64) {
		for name, v := range s.metrics(t) {
			if strings.HasPrefix(name, "cashew_server_connections_leased{") {
				n += v
			}
		}
		return n
	}
	var held []*client
	abuse := func(lines string) *client {
		c := dial(t, listen)
		for line := range strings.SplitSeq(lines, ";") {
			c.send(command(words(line)...))
		}
		held = append(held, c)
		return c
	}
	for round, change := range []func(){
		func() {},
		func() { s.configure(t, pool(2)) },                     // keys move
		func() { s.configure(t, pool(1)) },                     // a server goes
		func() { s.configure(t, pool(1, "redis_db: 1")) },      // all connections are opened anew
		func() { servers[0].Kill(); servers[0].start(t) },      // the server ends
		func() { s.configure(t, pool(1, "preconnect: true")) }, // nothing that matters changes
	} {
		for i := range 8 {
			abuse(fmt.Sprint("WATCH k", i))
			abuse("WATCH k;MULTI;SET k 1")
			abuse("WATCH k;EXEC")
			abuse("EXEC;WATCH k;EXEC;DISCARD;UNWATCH")
			abuse("WATCH k;HELLO 3;WATCH k;RESET")
			abuse("WATCH k;WATCH k l;MULTI;GET other;EXEC;UNWATCH")
			abuse("WATCH k;MULTI;NOSUCH;EXEC;BLPOP q 0")
			abuse("WATCH k;BLPOP q 0")
			abuse("BLPOP q 0;GET k;BLPOP q 0")
			abuse("HELLO 3;XREAD BLOCK 0 STREAMS s $")
			abuse("WAIT 3 0")
			abuse("BLPOP q 0").closeWrite()
			abuse("WATCH k").close()
			abuse("BLPOP q 0").close()
			abuse("MULTI;BLPOP q 0;EXEC;BLPOP q 0;QUIT").close()
			abuse("BLPOP q 0").conn.(*net.TCPConn).SetLinger(0)
		}
		await(t, "some to be leased", func() bool { return leased() >= 16 })
		if change(); round == 4 {
			await(t, "it to serve again", func() bool { return dial(t, listen).do("PING") == "+PONG\r\n" && dial(t, listen).do("GET", "k") != "" })
		} else {
			s.Signal(syscall.SIGHUP)
		}
		for i, c := range held {
			if i%3 == round%3 {
				c.conn.Write(command("UNWATCH")) // some are closed
			}
		}
		for _, c := range held {
			c.close()
		}
		held = nil
		await(t, fmt.Sprintf("nobody to have a connection in round %d", round), func() bool { return leased() == 0 })
		await(t, "nobody to wait", func() bool { return !hasBlocked(t, servers[0]) && !hasBlocked(t, servers[1]) })
	}
	c := dial(t, listen)
	c.want("+OK\r\n", "WATCH", "k")
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SET", "k", "v")
	c.want("*1\r\n+OK\r\n", "EXEC")
}
