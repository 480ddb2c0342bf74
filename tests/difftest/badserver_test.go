//go:build unix

package difftest

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// fakeServer is a server that may misbehave. answer gets each request as it came and does what it wants with the
// connection; false closes it.
type fakeServer struct {
	addr     string
	accepted atomic.Int64
}

func startFake(t testing.TB, answer func(conn *net.TCPConn, request string) bool) *fakeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &fakeServer{addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			s.accepted.Add(1)
			go func() {
				defer conn.Close()
				for r := bufio.NewReader(conn); ; {
					request, err := readReply(r) // commands have the form of replies
					if err != nil || !answer(conn.(*net.TCPConn), string(request)) {
						return
					}
				}
			}()
		}
	}()
	return s
}

// TestBadServer: what a server does wrong costs the requests on its connection an error, never a wrong reply, and the
// next request finds a new connection.
func TestBadServer(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes clients at some of these")
	for _, c := range []struct {
		name   string
		answer func(conn *net.TCPConn) bool
		want   string // how the reply to the bad request begins; "" closes the client
		exact  bool
	}{
		{"garbage", func(conn *net.TCPConn) bool {
			fmt.Fprint(conn, "hello\r\n")
			return true
		}, "-ERR Invalid argument\r\n", true},
		{"bad length", func(conn *net.TCPConn) bool {
			fmt.Fprint(conn, "$abc\r\n")
			return true
		}, "-ERR ", false},
		{"closes instead", func(conn *net.TCPConn) bool { return false }, "-ERR ", false},
		{"resets instead", func(conn *net.TCPConn) bool {
			conn.SetLinger(0)
			return false
		}, "-ERR ", false},
		{"closes inside a line", func(conn *net.TCPConn) bool {
			fmt.Fprint(conn, ":12")
			return false
		}, "-ERR ", false},
		{"a reply too many", func(conn *net.TCPConn) bool {
			fmt.Fprint(conn, "+fine\r\n+stray\r\n")
			return true
		}, "+fine\r\n", true},
		{"byte by byte", func(conn *net.TCPConn) bool {
			for _, b := range []byte("*2\r\n$5\r\nhello\r\n*1\r\n:-12\r\n") {
				conn.Write([]byte{b})
			}
			return true
		}, "*2\r\n$5\r\nhello\r\n*1\r\n:-12\r\n", true},
		{"nested", func(conn *net.TCPConn) bool {
			fmt.Fprint(conn, strings.Repeat("*1\r\n", 30)+"$-1\r\n")
			return true
		}, strings.Repeat("*1\r\n", 30) + "$-1\r\n", true},
		{"transient error", func(conn *net.TCPConn) bool {
			fmt.Fprint(conn, "-LOADING Redis is loading the dataset in memory\r\n")
			return true
		}, "-LOADING Redis is loading the dataset in memory\r\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := startFake(t, func(conn *net.TCPConn, request string) bool {
				if strings.Contains(request, "bad") {
					return c.answer(conn)
				}
				fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(request), request)
				return true
			})
			addr := startProxy(t, pool{
				name: "p", servers: []string{server.addr + ":1"}, settings: []string{"timeout: 5000"},
			}).addr("p")
			client := dial(t, addr)
			echo := bulk(string(command("GET", "good")))
			for range 3 {
				client.want(echo, "GET", "good")
				got := client.do("SORT_RO", "bad") // any reply fits it
				if !strings.HasPrefix(got, c.want) || c.exact && got != c.want {
					t.Fatalf("SORT_RO bad = %q; want %q", got, c.want)
				}
				client.want("+PONG\r\n", "PING")
			}
			client.want(echo, "GET", "good")
		})
	}
}

// TestServerDiesInsideReply: a reply that has begun cannot be taken back. The client gets the rest, or an error in its
// place if nothing was sent yet, or is closed; it never gets other bytes in the middle of a value.
func TestServerDiesInsideReply(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it gathers replies before it sends them")
	servers := startRedises(t, 2)
	p := startProxy(t, poolOf(servers, append(spread, "timeout: 500")...))
	addr := p.addr("p")
	where := owners(t, addr, servers, "key:%d", 40)
	dying, live := pick(t, where, 0, 1)[0], pick(t, where, 1, 1)[0]
	value := strings.Repeat("0123456789abcdef", 2<<20) // 32 MB
	for _, c := range []struct {
		name string
		end  func()
	}{
		{"stopped", func() { servers[0].Signal(syscall.SIGSTOP) }},
		{"killed", func() { servers[0].Kill() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, other := dial(t, addr), dial(t, addr)
			client.want("+OK\r\n", "SET", dying, value)
			other.want("+OK\r\n", "SET", live, "x")
			client.send(stream([][]string{{"GET", dying}, {"GET", live}}))
			if b, err := client.r.Peek(1); err != nil || b[0] != '$' {
				t.Fatalf("the reply begins with %q, %v", b, err)
			}
			c.end()
			other.want(bulk("x"), "GET", live)
			got := client.drainReplies()
			full := bulk(value)
			switch {
			case got == full+bulk("x"):
			case strings.HasPrefix(full, got):
			default:
				w, g := around(full, got)
				t.Errorf("the reply goes wrong: want %s, got %s", w, g)
			}
			other.want(bulk("x"), "GET", live)
			servers[0].Signal(syscall.SIGCONT)
			if servers[0].Ended() {
				servers[0].start(t)
			}
			recovered(t, addr, dying)
		})
	}
}

// drainReplies reads two replies, or what comes until the connection ends.
func (c *client) drainReplies() string {
	var all []byte
	for range 2 {
		b, err := readReply(c.r)
		all = append(all, b...)
		if err != nil {
			break
		}
	}
	return string(all)
}
