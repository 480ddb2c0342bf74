package engine

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// moodyServer answers PING, ECHO and GET; what it does to its first connection, once that had a GET, is up to spoil.
func moodyServer(t *testing.T, spoil func(c *net.TCPConn)) (ln net.Listener, accepted *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	accepted = new(atomic.Int64)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			first := accepted.Add(1) == 1
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					args, err := readCommand(r)
					if err != nil {
						return
					}
					reply := map[string]string{"PING": "+PONG\r\n", "GET": "$1\r\nv\r\n"}[args[0]]
					if args[0] == "ECHO" {
						reply = bulk(args[1])
					}
					if _, err := io.WriteString(c, reply); err != nil {
						return
					}
					if first && args[0] == "GET" {
						spoil(c.(*net.TCPConn))
						<-t.Context().Done() // nothing else is read
						return
					}
				}
			}()
		}
	}()
	return ln, accepted
}

// dropAll has the kernel throw away, unacknowledged, all that comes on c: as a firewall does that forgot the connection.
func dropAll(t *testing.T) func(c *net.TCPConn) {
	return func(c *net.TCPConn) {
		rc, err := c.SyscallConn()
		if err == nil {
			_ = rc.Control(func(fd uintptr) {
				drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
				err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
			})
		}
		if err != nil {
			t.Errorf("SO_ATTACH_FILTER: %v", err)
		}
	}
}

// ignore reads on and answers nothing more, though the server is well.
func ignore(c *net.TCPConn) { go func() { _, _ = io.Copy(io.Discard, c) }() }

// TestSilence: a server connection that died in silence is given up without a timeout of the pool, whether nothing is
// acknowledged on it or nothing answered while the server answers others; the next request is served.
func TestSilence(t *testing.T) {
	for _, tt := range []struct {
		name     string
		spoil    func(c *net.TCPConn)
		interval time.Duration
	}{
		{"nothing is acknowledged", dropAll(t), 0},
		{"nothing is answered", ignore, 0},
		{"nothing is answered, canaries neither", ignore, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			spoiled := make(chan struct{})
			ln, accepted := moodyServer(t, func(c *net.TCPConn) {
				tt.spoil(c)
				close(spoiled)
			})
			p := startProxy(t, ln, func(o *Options, po *PoolOptions) {
				o.Loops, po.Timeout = 1, 0
				po.ServerUserTimeout, po.IntegrityInterval = time.Second, tt.interval
				po.AutoEjectHosts, po.ServerFailureLimit = true, 2
			})
			c := dial(t, p)
			r := bufio.NewReader(c)
			ask := func() string {
				t.Helper()
				_ = c.SetDeadline(time.Now().Add(30 * time.Second))
				_, _ = io.WriteString(c, array("GET", "a"))
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if line[0] == '$' {
					_, _ = r.ReadString('\n')
				}
				return line
			}
			if got := ask(); got != "$1\r\n" {
				t.Fatalf("the first GET gets %q", got)
			}
			<-spoiled // else the kernel may have taken the next before
			if got := ask(); got != "-ERR Connection timed out\r\n" {
				t.Errorf("the GET that nobody takes note of gets %q", got)
			}
			if got := ask(); got != "$1\r\n" {
				t.Errorf("the next GET gets %q", got)
			}
			if n := accepted.Load(); n < 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestBusyServerKeepsItsConnection: a server that answers nobody is busy, and no canary costs it its connection.
func TestBusyServerKeepsItsConnection(t *testing.T) {
	var busy atomic.Bool
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	goOn := make(chan struct{})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					args, err := readCommand(r)
					if err != nil {
						return
					}
					if busy.Load() {
						<-goOn
					}
					reply := "$1\r\nv\r\n"
					if args[0] == "ECHO" {
						reply = bulk(args[1])
					}
					_, _ = io.WriteString(c, reply)
				}
			}()
		}
	}()
	p := startProxy(t, ln, func(o *Options, po *PoolOptions) {
		o.Loops, po.Timeout = 1, 0
		po.ServerUserTimeout, po.IntegrityInterval = time.Second, time.Second
	})
	c := dial(t, p)
	r := bufio.NewReader(c)
	get := func() {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		if got, err := readBulk(r); err != nil || got != "v" {
			t.Fatalf("GET gets %q, %v", got, err)
		}
	}
	_, _ = io.WriteString(c, array("GET", "a"))
	get()
	busy.Store(true)
	_, _ = io.WriteString(c, array("GET", "a"))
	time.Sleep(4 * time.Second) // there is nothing to be awaited: nothing happens
	busy.Store(false)
	close(goOn)
	get()
	if n := p.pools()[0].OutOfSteps(); n != 0 {
		t.Errorf("%d connections out of step", n)
	}
}

// readCommand reads one command as clients and the proxy send it.
func readCommand(r *bufio.Reader) ([]string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "*")))
	if err != nil {
		return nil, err
	}
	var args []string
	for range n {
		arg, err := readBulk(r)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}
