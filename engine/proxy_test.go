package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cashew/codec/resp"
	"cashew/stats"
	"cashew/topology"
	"cashew/world/worldtest"
)

// startProxy runs a real Proxy before one server.
func startProxy(t *testing.T, server net.Listener, edit func(*Options, *PoolOptions)) *Proxy {
	t.Helper()
	name := server.Addr().String()
	po := DefaultPool("real")
	po.Protocol, po.Listen = resp.New(resp.Options{}), Listen{Text: "127.0.0.1:0", Network: "tcp", Addr: "127.0.0.1:0"}
	po.Servers = []topology.ServerOptions{{Name: name, PName: name, Network: server.Addr().Network(), Addr: name, Weight: 1}}
	o := withPools(2)
	if edit != nil {
		edit(&o, &po)
	}
	o.Pools = []PoolOptions{po}
	return startPools(t, o)
}

// gatedServer answers nil to each line-counted command, but only once the gate is open.
func gatedServer(t *testing.T) (ln net.Listener, open func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	gate := make(chan struct{})
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				w := bufio.NewWriter(c)
				<-gate
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if line[0] == '*' {
						fmt.Fprint(w, "$-1\r\n")
					}
					if r.Buffered() == 0 && w.Flush() != nil {
						return
					}
				}
			}()
		}
	}()
	return ln, func() { close(gate) }
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial(p.Addrs()[0].Network(), p.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// TestPausedHangsUp: a client that has to wait sends its last commands, which the proxy has not read, and its end, which the proxy
// sees all the same. It gets all its replies.
func TestPausedHangsUp(t *testing.T) {
	ln, open := gatedServer(t)
	p := startProxy(t, ln, func(o *Options, _ *PoolOptions) {
		o.Loops, o.MaxPipeline, o.ReadBufferBytes = 1, 4, 1<<10
	})
	c, other := dial(t, p), dial(t, p)
	const n = 2000
	_, _ = io.WriteString(c, strings.Repeat(array("GET", "a"), n))
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(other, "PING\r\n") // once it is answered the loop has polled, and found the end
	if _, err := io.ReadFull(other, make([]byte, len("+PONG\r\n"))); err != nil {
		t.Fatal(err)
	}
	open()
	if all, err := io.ReadAll(c); err != nil || string(all) != strings.Repeat("$-1\r\n", n) {
		t.Errorf("%d bytes of replies, %v; want %d", len(all), err, n*len("$-1\r\n"))
	}
}

// TestPause sends far more than a client may have in flight to a server that does not answer. The proxy must leave the
// rest in the kernel, so that the client's writes block; and when the server answers, all of it must come.
func TestPause(t *testing.T) {
	ln, open := gatedServer(t)
	p := startProxy(t, ln, nil)
	c := dial(t, p)
	chunk := bytes.Repeat([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), 10_000)
	most := 256 << 20
	sent := 0
	for sent < most {
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := c.Write(chunk)
		sent += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if sent >= most {
		t.Fatalf("the proxy took %d bytes for a server that does not answer", sent)
	}
	// The last write may have ended inside a command: finish it.
	rest := len("*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
	if cut := sent % rest; cut > 0 {
		go func() {
			_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
			_, _ = c.Write(chunk[cut:rest])
		}()
		sent += rest - cut
	}
	open()
	want := sent / rest * len("$-1\r\n")
	if n, err := io.CopyN(io.Discard, c, int64(want)); err != nil {
		t.Fatalf("%d of %d bytes of replies: %v", n, want, err)
	}
}

// TestHalfClose: a client that has shut its half still gets what it is owed, and then the end.
func TestHalfClose(t *testing.T) {
	for _, n := range []int{1, 100_000} { // the second is far more than one client may have in flight
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			ln, open := gatedServer(t)
			p := startProxy(t, ln, nil)
			c := dial(t, p).(*net.TCPConn)
			if n > 1 {
				open() // else the client could not even write it all
			}
			go func() {
				_, _ = c.Write(bytes.Repeat([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), n))
				_, _ = io.WriteString(c, "*2\r\n$3\r\nGE") // never to become a command
				_ = c.CloseWrite()
				if n == 1 {
					open()
				}
			}()
			got, err := io.ReadAll(c)
			if want := n * len("$-1\r\n"); err != nil || len(got) != want {
				t.Errorf("%d bytes, %v; want %d, nil", len(got), err, want)
			}
		})
	}
}

// TestClientLimit: one more than client_connections is told so, and a place that is free again can be had.
func TestClientLimit(t *testing.T) {
	ln, open := gatedServer(t)
	open()
	p := startProxy(t, ln, func(_ *Options, po *PoolOptions) { po.ClientConnections = 2 })
	ask := func(c net.Conn) string {
		_, _ = io.WriteString(c, "PING\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		return line
	}
	a, b := dial(t, p), dial(t, p)
	for _, c := range []net.Conn{a, b} {
		if got := ask(c); got != "+PONG\r\n" {
			t.Fatalf("PING within the limit: %q", got)
		}
	}
	if got := ask(dial(t, p)); got != "-ERR max number of clients reached\r\n" {
		t.Errorf("one too many is told %q", got)
	}
	_ = a.Close()
	for end := time.Now().Add(time.Minute); ; {
		if ask(dial(t, p)) == "+PONG\r\n" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the place of a client that left is not free again")
		}
	}
}

// peerOf is a descriptor of the other end of c, which is in this process, too.
func peerOf(t *testing.T, c net.Conn) int {
	t.Helper()
	port := c.LocalAddr().(*net.TCPAddr).Port
	for fd := range 1 << 12 {
		if a, err := unix.Getpeername(fd); err == nil {
			if in4, ok := a.(*unix.SockaddrInet4); ok && in4.Port == port {
				return fd
			}
		}
	}
	t.Fatal("it has no other end")
	return -1
}

// TestKeepalive: clients have what tcpkeepalive says, of listeners of our own and of inherited ones, over reloads too.
func TestKeepalive(t *testing.T) {
	server := startKeyServer(t, "s")
	options := func(on bool) Options {
		po := poolBefore("main", server)
		po.TCPKeepalive = on
		return withPools(1, po)
	}
	newest := func(p *Proxy) (on bool) {
		c := dial(t, p)
		_, _ = io.WriteString(c, "PING\r\n")
		if _, err := io.ReadFull(c, make([]byte, len("+PONG\r\n"))); err != nil {
			t.Fatal(err)
		}
		v, err := unix.GetsockoptInt(peerOf(t, c), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
		if err != nil {
			t.Error(err)
		}
		return v != 0
	}
	check := func(name string, p *Proxy) {
		t.Helper()
		for _, want := range []bool{false, true, false} {
			if _, err := p.Reload(options(want)); err != nil {
				t.Fatal(err)
			}
			if got := newest(p); got != want {
				t.Errorf("%s, tcpkeepalive: %v: clients have %v", name, want, got)
			}
		}
	}
	first := startPools(t, options(false))
	check("our own listener", first)
	second := heir(t, first, options(false))
	first.stopAccepting()
	check("an inherited listener", second)
}

// TestListen: what listen says of unix sockets and taken ports.
func TestListen(t *testing.T) {
	dir := t.TempDir()
	ln, open := gatedServer(t)
	open()
	path := filepath.Join(dir, "p.sock")
	if err := os.WriteFile(path+".txt", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProxy(t, ln, func(_ *Options, po *PoolOptions) {
		po.Listen = Listen{Text: path, Network: "unix", Addr: path, Mode: 0o600}
	})
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode of the socket: %v, %v; want 0600", fi.Mode(), err)
	}
	c := dial(t, p)
	_, _ = io.WriteString(c, "GET a\r\n")
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "$-1\r\n" {
		t.Errorf("over the unix socket: %q, %v", line, err)
	}
	for _, bad := range []struct {
		name   string
		listen Listen
		want   string
	}{
		{"taken", Listen{Text: "taken", Network: "tcp", Addr: ln.Addr().String()}, "bind to addr 'taken' failed: "},
		{"a file", Listen{Text: path + ".txt", Network: "unix", Addr: path + ".txt"}, "exists and is not a socket"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			q, err := New(withPools(0, PoolOptions{Options: p.Options().Pools[0].Options, Listen: bad.listen}),
				worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Start(); err == nil || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("Start: %v; want %q in it", err, bad.want)
			}
		})
	}
}

// bigServer answers each GET with a value of size bytes.
func bigServer(t *testing.T, size int) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	reply := append(fmt.Appendf(nil, "$%d\r\n", size), bytes.Repeat([]byte("v"), size)...)
	reply = append(reply, "\r\n"...)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if line[0] == '*' {
						if _, err := c.Write(reply); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return ln
}

// TestNeverReads: a client that asks for a million values of a megabyte and never reads costs what its pool's
// client_output_buffer says, a quarter of max_memory by default, and a few values more; it is closed when its time is up,
// and another client of the same server is served all the while.
func TestNeverReads(t *testing.T) {
	const memory = 128 << 20
	for name, buffer := range map[string]int{"by default": 0, "16mb": 16 << 20} {
		t.Run(name, func(t *testing.T) { neverReads(t, memory, buffer) })
	}
}

func neverReads(t *testing.T, memory, buffer int) {
	p := startProxy(t, bigServer(t, 1<<20), func(o *Options, po *PoolOptions) {
		o.Loops, o.MaxMemoryBytes = 1, memory
		po.ClientWriteTimeout, po.ClientOutputBuffer = 4*time.Second, buffer
	})
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	if buffer == 0 {
		buffer = memory / 4
	}
	greedy := dial(t, p)
	gone := make(chan error, 1)
	go func() {
		chunk := bytes.Repeat([]byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n"), 10_000)
		for range 100 {
			if _, err := greedy.Write(chunk); err != nil {
				gone <- err
				return
			}
		}
		gone <- nil
	}()
	other := dial(t, p)
	r := bufio.NewReaderSize(other, 1<<20)
	most := 0
	for {
		if _, err := io.WriteString(other, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); err != nil || line != "$1048576\r\n" {
			t.Fatalf("the other client gets %q, %v", line, err)
		}
		if _, err := r.Discard(1<<20 + 2); err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, c := range p.Clients() {
			held += c.InBytes + c.InRoom + c.OutBytes
		}
		most = max(most, held)
		select {
		case err := <-gone:
			if err == nil {
				t.Error("all of it was read from the client that does not read")
			}
			if few := 32 << 20; most < buffer/2 || most > buffer+few {
				t.Errorf("%d bytes were held for it at most; want %d to %d", most, buffer/2, buffer+few)
			}
			if n := int(p.world.HeapBytes()); n > memory {
				t.Errorf("%d bytes of heap with %d allowed", n, memory)
			}
			if got := p.pools()[0].Count.Slow.Load(); got != 1 {
				t.Errorf("slow clients: %d; want 1", got)
			}
			return
		default:
		}
	}
}

// TestManyNeverRead: clients that each ask for less than they may, and read none of it, are closed once they hold too much
// together, those first that hold most; another is served.
func TestManyNeverRead(t *testing.T) {
	const memory = 64 << 20
	p := startProxy(t, bigServer(t, 1<<20), func(o *Options, _ *PoolOptions) {
		o.Loops, o.MaxMemoryBytes = 2, memory
	})
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	get := []byte("*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
	for range 30 {
		c := dial(t, p)
		go func() { _, _ = c.Write(bytes.Repeat(get, 1000)) }()
	}
	other := dial(t, p)
	r := bufio.NewReaderSize(other, 1<<20)
	most := 0
	for p.pools()[0].Count.OverMemory.Load() < 10 {
		_, _ = other.Write(get)
		if line, err := r.ReadString('\n'); err != nil || line != "$1048576\r\n" {
			t.Fatalf("the other client gets %q, %v", line, err)
		}
		if _, err := r.Discard(1<<20 + 2); err != nil {
			t.Fatal(err)
		}
		unread := 0
		for _, c := range p.Clients() {
			unread += c.OutBytes
		}
		most = max(most, unread)
	}
	if bound := memory*6/10 + 4<<20; most > bound { // what loops read at once comes on top
		t.Errorf("%d bytes were unread at most; want %d", most, bound)
	}
	p.Kill(func(*stats.Client) bool { return true })
}

// TestMemoryPressure: with little memory allowed, many clients that hold some are stopped and at last closed, and the heap
// stays near its limit; a client that holds nothing is served.
func TestMemoryPressure(t *testing.T) {
	p := startProxy(t, bigServer(t, 100), func(o *Options, _ *PoolOptions) {
		o.Loops = 1
		o.MaxMemoryBytes = 64 << 20
	})
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	value := bytes.Repeat([]byte("x"), 8<<20)
	for range 40 { // 320 MiB of half a command each
		c := dial(t, p)
		go func() {
			_, _ = io.WriteString(c, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000000\r\n")
			_, _ = c.Write(value)
		}()
	}
	small := dial(t, p)
	r := bufio.NewReader(small)
	for end := time.Now().Add(time.Minute); p.pools()[0].Count.OverMemory.Load() == 0; {
		if _, err := io.WriteString(small, "PING\r\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); line != "+PONG\r\n" {
			t.Fatalf("PING under memory pressure: %q, %v", line, err)
		}
		if n := p.world.HeapBytes(); n > 256<<20 { // of 320 that are on offer
			t.Fatalf("%d MiB of heap with 64 allowed", n>>20)
		}
		if time.Now().After(end) {
			t.Fatal("no client is closed although memory has run out")
		}
	}
}
