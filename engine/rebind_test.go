package engine

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cashew/world"
)

// comers connect to addr again and again, ask for a key, and leave, until the function that is returned is called. It
// returns how many were served. An error fails the test.
func comers(t *testing.T, addr string, n int) (stop func() int64) {
	t.Helper()
	var served atomic.Int64
	var all sync.WaitGroup
	done := make(chan struct{})
	ask := func() error {
		c, err := net.DialTimeout("tcp", addr, time.Minute)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetLinger(0); err != nil { // thousands would wait for late segments
			return err
		}
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		if _, err := io.WriteString(c, array("GET", "a")); err != nil {
			return err
		}
		if v, err := readBulk(bufio.NewReader(c)); err != nil || !strings.HasSuffix(v, ":a") {
			return fmt.Errorf("GET a: %q, %w", v, err)
		}
		return nil
	}
	for range n {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := ask(); err != nil {
					t.Errorf("after %d that were served: %v", served.Load(), err)
					return
				}
				served.Add(1)
			}
		})
	}
	return sync.OnceValue(func() int64 { close(done); all.Wait(); return served.Load() })
}

// listenOn is po at host and port.
func listenOn(po PoolOptions, host, port string) PoolOptions {
	addr := net.JoinHostPort(host, port)
	po.Listen = Listen{Text: addr, Network: "tcp", Addr: addr}
	return po
}

// startOn starts a pool on a port of host that the kernel chooses, and then has it as if the configuration had named it.
func startOn(t *testing.T, po PoolOptions, host string) (p *Proxy, port string) {
	t.Helper()
	free, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(free.Addr().String())
	_ = free.Close()
	return startPools(t, withPools(2, listenOn(po, host, port))), port
}

// refused reports whether nobody listens on host and port.
func refused(host, port string) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Minute)
	if err == nil {
		_ = c.Close()
	}
	return err != nil
}

// TestChangeOfHost changes a listener's host while its port stays, there and back, while clients come and go: all of them
// are served, and those whom the new host does not let in are not.
func TestChangeOfHost(t *testing.T) {
	server := startKeyServer(t, "s")
	for _, first := range []string{"127.0.0.1", "0.0.0.0"} {
		t.Run(first, func(t *testing.T) {
			main := poolBefore("main", server)
			p, port := startOn(t, main, first)
			stop := comers(t, "127.0.0.1:"+port, 4)
			defer stop()
			hosts := []string{"127.0.0.1", "0.0.0.0"}
			if first == "127.0.0.1" {
				hosts[0], hosts[1] = hosts[1], hosts[0]
			}
			for i := range 40 {
				host := hosts[i%2]
				if _, err := p.Reload(withPools(2, listenOn(main, host, port))); err != nil {
					t.Fatalf("to %s: %v", host, err)
				}
				if host == "0.0.0.0" && refused("127.0.0.2", port) {
					t.Error("127.0.0.2 is refused although all interfaces are open")
				}
				if !refused("::1", port) {
					t.Errorf("%s lets clients in by IPv6", host)
				}
				if a := p.Addrs(); len(a) != 1 {
					t.Errorf("listening on %v", a)
				}
			}
			narrow := withPools(2, listenOn(main, "127.0.0.1", port))
			if _, err := p.Reload(narrow); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(time.Minute); !refused("127.0.0.2", port); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("127.0.0.2 is let in although 127.0.0.1 alone is configured")
				}
			}
			if n := stop(); n == 0 {
				t.Error("nobody was served")
			}
		})
	}
}

// TestChangeOfHostFails: a reload that can't be done for another reason leaves the listener as it was, alone on its port.
func TestChangeOfHostFails(t *testing.T) {
	server := startKeyServer(t, "s")
	main := poolBefore("main", server)
	p, port := startOn(t, main, "127.0.0.1")
	taken := poolBefore("taken", server)
	taken.Listen = Listen{Text: "there", Network: "tcp", Addr: server.Addr().String()}
	_, err := p.Reload(withPools(2, listenOn(main, "0.0.0.0", port), taken))
	if err == nil || !strings.Contains(err.Error(), "bind to addr 'there' failed") || strings.Contains(err.Error(), "main") {
		t.Errorf("Reload: %v; want that there cannot be bound, and nothing else", err)
	}
	if !refused("127.0.0.2", port) {
		t.Error("the new listener is left open")
	}
	if was, err := p.listeners()[0].nl.SharePort(false); was || err != nil {
		t.Errorf("SO_REUSEPORT is left on: %v, %v", was, err)
	}
	stop := comers(t, "127.0.0.1:"+port, 1)
	for end := time.Now().Add(time.Minute); p.clients.Load() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	stop()

	// A port of another process is not had by this.
	other, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, theirs, _ := net.SplitHostPort(other.Addr().String())
	_, err = p.Reload(withPools(2, listenOn(main, "0.0.0.0", theirs)))
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("Reload to another's port: %v", err)
	}
}

// TestChangeOfHostOnTheWay: a listener changes its host with the process, and from one pool to another.
func TestChangeOfHostOnTheWay(t *testing.T) {
	server, second := startKeyServer(t, "s"), startKeyServer(t, "second")
	for _, hosts := range [][2]string{{"127.0.0.1", "0.0.0.0"}, {"0.0.0.0", "127.0.0.1"}} {
		t.Run(hosts[0]+" to "+hosts[1], func(t *testing.T) {
			main := poolBefore("main", server)
			p, port := startOn(t, main, hosts[0])
			stop := comers(t, "127.0.0.1:"+port, 2)
			defer stop()
			q := heir(t, p, withPools(2, listenOn(main, hosts[1], port)))
			here, there := socketPair(t)
			taken := make(chan error, 1)
			go func() {
				_, err := q.TakeOver(t.Context(), world.NewChannel(there))
				taken <- err
			}()
			if _, err := p.HandOver(t.Context(), world.NewChannel(here)); err != nil {
				t.Error(err)
			}
			if err := <-taken; err != nil {
				t.Error(err)
			}
			if err := p.Drain(t.Context()); err != nil {
				t.Error(err)
			}
			p.Stop()
			if wide := hosts[1] == "0.0.0.0"; refused("127.0.0.2", port) == wide {
				t.Errorf("127.0.0.2 is let in: %v; want %v", !wide, wide)
			}
			if n := stop(); n == 0 {
				t.Error("nobody was served")
			}

			other := listenOn(poolBefore("other", second), hosts[0], port)
			if _, err := q.Reload(withPools(2, other)); err != nil {
				t.Fatal(err)
			}
			c, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, array("GET", "a"))
			if v, err := readBulk(bufio.NewReader(c)); v != "second:a" || err != nil {
				t.Errorf("GET a of the other pool: %q, %v", v, err)
			}
		})
	}
}

// TestReusePortStays: whether a listener shares its port is a matter of its bind, and the settings in force say so, after a
// reload, in a process that inherits it, and until the pool has another listener.
func TestReusePortStays(t *testing.T) {
	main := poolBefore("main", startKeyServer(t, "s"))
	p, port := startOn(t, main, "127.0.0.1")
	shared := func(p *Proxy) bool { return p.Options().Pools[0].ReusePort }
	main.ReusePort = true
	ch, err := p.Reload(withPools(2, listenOn(main, "127.0.0.1", port)))
	if want := "pool main: reuseport: stays as it is until a restart"; err != nil || len(ch.Unchanged) != 1 || !slices.Equal(ch.Notes, []string{want}) {
		t.Errorf("Reload: %v, %q, %v", ch, ch.Notes, err)
	}
	if shared(p) || p.listeners()[0].nl.SharesPort() {
		t.Error("reuseport is in force after a reload")
	}
	q := heir(t, p, withPools(2, listenOn(main, "127.0.0.1", port)))
	if shared(q) {
		t.Error("reuseport is in force for an inherited listener")
	}
	if ch, err = q.Reload(withPools(2, listenOn(main, "0.0.0.0", port))); err != nil || strings.Contains(strings.Join(ch.Notes, ""), "reuseport: stays") {
		t.Errorf("Reload: %q, %v", ch.Notes, err)
	}
	if !shared(q) || !q.listeners()[0].nl.SharesPort() {
		t.Error("reuseport is not in force for a new listener")
	}
}

// placedListener is at an address and does nothing.
type placedListener struct {
	world.Listener
	addr net.TCPAddr
}

func (l *placedListener) Addr() net.Addr { return &l.addr }

// TestSeatInOrder: listeners that no pool wants are given up in the order of their keys, each time, and so are those kept beside a
// wider one.
func TestSeatInOrder(t *testing.T) {
	wide := &pool{opts: &PoolOptions{Listen: Listen{Network: "tcp", Addr: "0.0.0.0:1"}}}
	for range 20 {
		have := map[string]*listener{"tcp 0.0.0.0:1": {nl: &placedListener{addr: net.TCPAddr{IP: net.IPv4zero, Port: 1}}}}
		for i := range 9 {
			for port := 1; port <= 2; port++ {
				key := fmt.Sprintf("tcp 10.0.0.%d:%d", i, port)
				have[key] = &listener{key: key, nl: &placedListener{addr: net.TCPAddr{IP: net.IPv4(10, 0, 0, byte(i)), Port: port}}}
			}
		}
		s, err := new(Proxy).seat([]*pool{wide}, have)
		if err != nil {
			t.Fatal(err)
		}
		byKey := func(a, b *listener) int { return strings.Compare(a.key, b.key) }
		if len(s.narrower) != 9 || len(s.gone) != 9 || !slices.IsSortedFunc(s.narrower, byKey) || !slices.IsSortedFunc(s.gone, byKey) {
			t.Fatalf("%d narrower, %d gone; want 9 and 9 in the order of their keys", len(s.narrower), len(s.gone))
		}
	}
}
