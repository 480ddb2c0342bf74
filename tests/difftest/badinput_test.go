//go:build unix

package difftest

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

// badInput is what no client should send.
type badInput struct {
	name  string
	bytes []byte
	want  outcome
}

// outcome of a bad input. In each case the replies owed before it come first, and no other client notices.
type outcome int

const (
	closes  outcome = iota // an error, then the connection is closed
	stays                  // an error or nothing, and the connection goes on
	waits                  // nothing: it is a request whose rest may still come
	anyhow                 // any of these
	upToNow                // as many replies as there were requests, and the connection goes on
)

func badInputs() []badInput {
	big := func(s string, n int) []byte { return bytes.Repeat([]byte(s), n) }
	rng := newRand(1)
	garbage := make([]byte, 1<<20)
	for i := range garbage {
		garbage[i] = byte(rng.Uint32())
	}
	return []badInput{
		{"garbage", garbage, anyhow},
		{"garbage after an array", append([]byte("*3\r\n"), garbage...), closes},
		{"http", []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), closes},
		{"tls hello", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"), closes},
		{"memcached", []byte("set a 0 0 1\r\nx\r\n"), anyhow},

		{"half a count", []byte("*"), waits},
		{"half a line end", []byte("*1\r"), waits},
		{"half a name", []byte("*1\r\n$4\r\nPI"), waits},
		{"half a key", []byte("*2\r\n$3\r\nGET\r\n$100\r\nabc"), waits},
		{"half a value", append([]byte("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000000\r\n"), big("x", 1<<20)...), waits},
		{"arguments missing", []byte("*3\r\n$3\r\nSET\r\n$1\r\na\r\n"), waits},
		{"a line end missing", []byte("*2\r\n$3\r\nGET\r\n$1\r\na"), waits},

		{"bulk too long", []byte("*2\r\n$3\r\nGET\r\n$9999999999\r\n"), closes},
		{"bulk of 513 MB", []byte("*2\r\n$3\r\nGET\r\n$537919488\r\n"), closes},
		{"bulk of 2^64+1", []byte("*2\r\n$3\r\nGET\r\n$18446744073709551617\r\n"), closes},
		{"bulk with endless digits", append([]byte("*2\r\n$3\r\nGET\r\n$"), big("1", 1<<20)...), closes},
		{"bulk -1", []byte("*2\r\n$3\r\nGET\r\n$-1\r\n"), closes},
		{"bulk -2", []byte("*2\r\n$3\r\nGET\r\n$-2\r\n"), closes},
		{"bulk of no digits", []byte("*2\r\n$3\r\nGET\r\n$abc\r\n"), closes},
		{"bulk not a bulk", []byte("*2\r\n$3\r\nGET\r\n:1\r\n"), closes},
		{"array in an array", []byte("*2\r\n*1\r\n$3\r\nGET\r\n"), closes},
		{"no bulk where one is due", []byte("*2\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), closes},
		{"array of two billion", []byte("*2000000000\r\n$3\r\nGET\r\n"), anyhow},
		{"array of 2^63", []byte("*9223372036854775808\r\n"), closes},
		{"array of no digits", []byte("*abc\r\n"), closes},
		{"array with endless digits", append([]byte("*"), big("1", 1<<20)...), closes},
		{"array of nothing", []byte("*\r\n"), anyhow},
		{"array -1", []byte("*-1\r\n"), anyhow},

		{"empty lines", []byte("\r\n\r\n\n\r\n"), stays},
		{"a million empty arrays", big("*0\r\n", 1_000_000), stays},
		{"a million empty names", big("*1\r\n$0\r\n\r\n", 1_000_000), anyhow},
		{"a million unknown commands", big("*1\r\n$1\r\nx\r\n", 1_000_000), upToNow},
		{"megabytes without a line end", big("x", 32<<20), closes},
		{"megabytes of zeros", big("\x00", 32<<20), closes},
		{"megabytes of line ends", big("\r\n", 4<<20), stays},
		{"a long command name", append(append([]byte("*1\r\n$1000000\r\n"), big("n", 1_000_000)...), "\r\n"...), anyhow},
		{"a name of control bytes", []byte("*1\r\n$4\r\n\r\n\x00\x1b\r\n"), stays},
	}
}

// TestBadInput sends bad input behind a good request, while others use the same pool.
func TestBadInput(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client and drops owed replies, 6.2")
	servers := startRedises(t, 2)
	p := startLoops(t, 2, poolOf(servers, spread...))
	addr := p.addr("p")
	l := startLoad(t, addr, owners(t, addr, servers, "key:%d", 40), 4)
	withstand(t, p, l, badInputs(), badTraffic)
}

// withstand has traffic send each of inputs to pool p of the proxy, and then sends all of them at once; meanwhile l goes on.
func withstand(t *testing.T, p *proxy, l *load, inputs []badInput, traffic func(*testing.T, string, badInput)) {
	t.Helper()
	addr := p.addr("p")
	for _, bad := range inputs {
		t.Run(bad.name, func(t *testing.T) {
			traffic(t, addr, bad)
			l.more(t, 1)
			p.WantAlive(t)
			if rss := p.Memory(t, "VmRSS"); rss > 300<<20 && !raceEnabled {
				t.Errorf("the proxy's memory is %d MB", rss>>20)
			}
		})
	}
	// All of them once more and at once.
	t.Run("all at once", func(t *testing.T) {
		var conns []net.Conn
		for _, bad := range inputs {
			conn, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			go conn.Write(bad.bytes) // ends when the connection does
		}
		l.more(t, 20)
		for _, conn := range conns {
			conn.Close()
		}
		l.more(t, 20)
		p.WantAlive(t)
	})
	l.end(t)
	if !raceEnabled {
		t.Logf("most memory: %d MB", p.Memory(t, "VmHWM")>>20)
	}
}

func badTraffic(t *testing.T, addr string, bad badInput) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	c.send(command("SET", "owed", "1"))
	wrote := make(chan error, 1)
	go func() {
		_, err := c.conn.Write(bad.bytes)
		wrote <- err
	}()
	if got := c.reply(); got != "+OK\r\n" {
		t.Fatalf("owed reply = %q", got)
	}
	switch bad.want {
	case closes:
		if got := c.untilEnd(); !strings.HasPrefix(got, "-ERR ") || strings.Count(got, "\r\n") != 1 {
			// A client that still writes may lose the error to a reset.
			if err := <-wrote; err == nil || got != "" {
				t.Errorf("got %q, want one error line and the end (write: %v)", clip(got), err)
			}
		}
	case stays:
		if err := <-wrote; err != nil {
			t.Fatalf("write: %v", err)
		}
		c.send(command("GET", "owed"))
		got := c.reply()
		for strings.HasPrefix(got, "-ERR ") {
			got = c.reply()
		}
		if got != bulk("1") {
			t.Errorf("the connection does not go on: %q", got)
		}
	case upToNow:
		for i := range bytes.Count(bad.bytes, []byte("*1\r\n")) {
			if got := c.reply(); !strings.HasPrefix(got, "-ERR unknown command") {
				t.Fatalf("reply %d = %q", i, got)
			}
		}
		c.want(bulk("1"), "GET", "owed")
	case waits:
		if err := <-wrote; err != nil {
			t.Fatalf("write: %v", err)
		}
		other := dial(t, addr)
		other.want(bulk("1"), "GET", "owed")
		c.closeWrite()
		if got := c.untilEnd(); got != "" {
			t.Errorf("got %q for half a request, want nothing", clip(got))
		}
	case anyhow:
		go func() {
			<-wrote
			c.conn.(*net.TCPConn).CloseWrite() // fails if it is closed already
		}()
		got := c.untilEnd()
		for line := range strings.Lines(got) {
			if !strings.HasPrefix(line, "-") {
				t.Errorf("got %q, want nothing but errors", clip(got))
				break
			}
		}
	}
}

// TestRefusedCommands: an error in its turn, and the connection goes on.
func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client, 6.2")
	servers := startRedises(t, 2)
	addr := startProxy(t, poolOf(servers, spread...)).addr("p")
	for line := range strings.Lines(`
		NOSUCHCOMMAND
		NOSUCHCOMMAND with arguments
		EXEC
		DISCARD
		MONITOR
		SHUTDOWN
		SHUTDOWN NOSAVE
		FLUSHALL
		FLUSHDB
		KEYS *
		SCAN 1
		LATENCY LATEST
		WAIT 1 0
		WAITAOF 1 1 0
		SYNC
		PSYNC ? -1
		DEBUG SLEEP 10
		REPLICAOF NO ONE
		CONFIG SET maxmemory 1
		MIGRATE 127.0.0.1 1 a 0 1
		MOVE a 1
		SWAPDB 0 1
		EVAL 'return 1' 0
		EVAL 'return 1' x
		EVAL 'return 1' -1 a
		EVAL 'return 1' 5 a
		AUTH wrong
		GET
		MSET a 1 b`) {
		args := words(line)
		if len(args) == 0 {
			continue
		}
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			c := dial(t, addr)
			defer c.close()
			c.send(stream([][]string{{"SET", "a", "1"}, args, {"GET", "a"}, {"PING"}}))
			got := c.replies(4)
			if changesState[args[0]] { // and what follows must not run as if it had not been refused
				if got[0] != "+OK\r\n" || !strings.HasPrefix(got[1], "-") || !strings.HasPrefix(got[2], "-ERR") || !strings.HasPrefix(got[3], "-ERR") {
					t.Errorf("replies %q; want OK and three errors", got)
				}
				c.want("+RESET\r\n", "RESET")
				c.want("+PONG\r\n", "PING")
				return
			}
			if got[0] != "+OK\r\n" || !strings.HasPrefix(got[1], "-") || got[2] != bulk("1") || got[3] != "+PONG\r\n" {
				t.Errorf("replies %q; want OK, an error, 1, PONG", got)
			}
		})
	}
}

// changesState has refused commands that would change what later ones mean.
var changesState = map[string]bool{"MONITOR": true, "SYNC": true, "PSYNC": true}

// TestInline: inline commands have the replies that the server itself gives.
func TestInline(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client, 6.1")
	server := startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server})).addr("p")
	for _, text := range []string{
		"PING\r\n",
		"PING\n",
		"SET a 1\r\nGET a\r\n",
		"set a 1\nget a\n",
		"  GET   a  \r\n",
		"SET a \"with \\x41 \\\"quotes\\\" \\r\\n\"\r\nGET a\r\n",
		"SET a 'single \\' quoted \\x41'\r\nGET a\r\n",
		"MSET a 1 b 2\r\nMGET a b c\r\nDEL a b c\r\n",
		"\r\n\r\nPING\r\n",
		"GET\r\nPING\r\n",
		"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n",
		"SET a \"\"\r\nGET a\r\nSTRLEN a\r\n",
		"GET \"unbalanced\r\n",
		"GET 'a'b\r\n",
	} {
		for _, how := range []cutting{whole, everyByte} {
			want := talk(t, server.addr, text, whole)
			if got := talk(t, addr, text, how); got != want {
				t.Errorf("%q, cut %v: %q; want %q", text, how, got, want)
			}
		}
	}
}

// talk sends the text, then closes its side, and returns all that comes back.
func talk(t testing.TB, addr, text string, how cutting) string {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	c.sendCut([]byte(text), how.cuts(nil, []byte(text))) // the peer may have closed it already
	// The server does not wait for a reply that its client cannot hear; ask for one more and stop there.
	c.conn.Write([]byte("ECHO end-of-talk\r\n"))
	var got strings.Builder
	for {
		reply, err := readReply(c.r)
		if err != nil {
			return got.String() + "(closed)"
		}
		if string(reply) == bulk("end-of-talk") {
			return got.String()
		}
		got.Write(reply)
	}
}
