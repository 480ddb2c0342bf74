package engine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/tests/certtest"
	"cashew/tlsconn"
	"cashew/world"
)

// networks parses what a file would have.
func networks(words ...string) (all Networks) {
	for _, w := range words {
		all = append(all, netip.MustParsePrefix(w))
	}
	return all
}

// doored is a proxy before one server, with these settings of who may come in.
func doored(t *testing.T, edit func(*PoolOptions)) *Proxy {
	t.Helper()
	po := poolBefore("main", startKeyServer(t, "s"))
	edit(&po)
	return startPools(t, withPools(2, po))
}

// say sends bytes over c and reads the first line that comes back; "" if none does.
func say(c net.Conn, text string) string {
	_, _ = io.WriteString(c, text)
	line, _ := bufio.NewReader(c).ReadString('\n')
	return line
}

const (
	ping = "PING\r\n"
	pong = "+PONG\r\n"
)

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// refusals are how often p refused somebody, by reason, without those that are 0.
func refusals(p *Proxy) map[string]int64 {
	all := p.Snapshot().Pools[0].ClientsRefused
	for name, n := range all {
		if n == 0 {
			delete(all, name)
		}
	}
	return all
}

// v2 is a PROXY header of version 2 for IPv4, of 192.0.2.9:1000 to 198.51.100.2:2000, with a TLV.
const v2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xc0\x00\x02\x09\xc6\x33\x64\x02\x03\xe8\x07\xd0\x04\x00\x01x"

// TestProxyHeader: a client that a listed sender passes on has the addresses of the header, and its bytes are those behind it.
func TestProxyHeader(t *testing.T) {
	p := doored(t, func(o *PoolOptions) { o.ProxyProtocolFrom.Networks = networks("192.0.2.0/24", "127.0.0.0/8") })
	for _, c := range []struct{ name, header, addr, laddr string }{
		{"v1", "PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n", "192.0.2.7:40000", "198.51.100.1:6379"},
		{"v1 of IPv6", "PROXY TCP6 2001:db8::7 2001:db8::1 40000 6379\r\n", "[2001:db8::7]:40000", "[2001:db8::1]:6379"},
		{"v2", v2, "192.0.2.9:1000", "198.51.100.2:2000"},
		{"UNKNOWN", "PROXY UNKNOWN\r\n", "", ""},
		{"LOCAL", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "", ""},
		{"unix", "\r\n\r\n\x00\r\nQUIT\n\x21\x31\x00\xd8" + strings.Repeat("\x00", 216), "unix", "unix"},
	} {
		for _, cut := range []int{0, 1, len(c.header) / 2, len(c.header)} {
			nc := dial(t, p)
			_, _ = io.WriteString(nc, c.header[:cut])
			if got := say(nc, c.header[cut:]+ping); got != pong {
				t.Fatalf("%s, cut at %d: PING gets %q", c.name, cut, got)
			}
			want := []string{c.addr, c.laddr}
			if c.addr == "" {
				want = []string{nc.LocalAddr().String(), nc.RemoteAddr().String()}
			}
			if all := p.Clients(); len(all) != 1 || all[0].Addr != want[0] || all[0].LAddr != want[1] {
				t.Errorf("%s: clients %+v; want one with %q", c.name, all, want)
			}
			_ = nc.Close()
			eventually(t, "the client is gone", func() bool { return p.clients.Load() == 0 })
		}
	}
	if n := p.Snapshot().Pools[0]; n.ClientsAccepted != 24 || len(refusals(p)) > 0 {
		t.Errorf("%d accepted, refused %v", n.ClientsAccepted, refusals(p))
	}
}

// TestProxyHeaderMissing: a listed sender that sends no header, or a wrong one, is closed without a word; one that is not listed
// and sends one has sent no command.
func TestProxyHeaderMissing(t *testing.T) {
	p := doored(t, func(o *PoolOptions) { o.ProxyProtocolFrom.Networks = networks("127.0.0.1/32") })
	for i, wrong := range []string{"*1\r\n$4\r\nPING\r\n*1\r\n", "PROXY TCP4 here there 1 2\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 40000 65536\r\n"} {
		if got := say(dial(t, p), wrong); got != "" {
			t.Errorf("%q gets %q", wrong, got)
		}
		eventually(t, "it is counted", func() bool { return refusals(p)["proxy_header"] == int64(i+1) })
	}
	nc := dial(t, p)
	_, _ = io.WriteString(nc, "PROXY TC")
	_ = nc.Close()
	eventually(t, "one that hangs up is counted", func() bool { return refusals(p)["proxy_header"] == 4 && p.clients.Load() == 0 })

	_ = dial(t, p).Close() // who only looks whether somebody listens has done nothing wrong
	eventually(t, "it came and went", func() bool { return p.clients.Load() == 0 })
	if got := refusals(p); got["proxy_header"] != 4 || len(got) != 1 {
		t.Errorf("refused: %v", got)
	}

	p = doored(t, func(o *PoolOptions) { o.ProxyProtocolFrom.Networks = networks("192.0.2.0/24") })
	if got := say(dial(t, p), "PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n"+ping); !strings.HasPrefix(got, "-ERR unknown command") {
		t.Errorf("a header of who is not listed gets %q", got)
	}
}

// TestProxyHeaderLate: whoever says nothing is a client while it may still do so, and is closed when its time is up.
func TestProxyHeaderLate(t *testing.T) {
	p := doored(t, func(o *PoolOptions) {
		o.ProxyProtocolFrom.Networks, o.HandshakeTimeout = networks("127.0.0.0/8"), 50*time.Millisecond
	})
	if got := say(dial(t, p), "PROXY "); got != "" {
		t.Errorf("it gets %q", got)
	}
	eventually(t, "it is counted", func() bool { return refusals(p)["handshake_timeout"] == 1 && p.clients.Load() == 0 })
}

// TestDoorCounts: who is being greeted has a place among the clients, and is closed when the proxy drains, or stops.
func TestDoorCounts(t *testing.T) {
	for _, end := range []string{"drain", "stop"} {
		p := doored(t, func(o *PoolOptions) {
			o.ProxyProtocolFrom.Networks, o.HandshakeTimeout, o.ClientConnections = networks("127.0.0.0/8"), time.Hour, 1
		})
		first := dial(t, p)
		eventually(t, "it is counted", func() bool { return p.pools()[0].clients.now.Load() == 1 })
		if got := say(dial(t, p), "PROXY UNKNOWN\r\n"+ping); got != "-ERR max number of clients reached\r\n" {
			t.Errorf("the second gets %q", got)
		}
		if end == "drain" {
			if err := p.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		} else {
			p.Stop()
		}
		if b, err := io.ReadAll(first); len(b) > 0 || err != nil {
			t.Errorf("%s: who is being greeted gets %q, %v", end, b, err)
		}
		eventually(t, "it is counted out", func() bool { return p.clients.Load() == 0 })
		if n := p.hall.clients.Load(); n != 0 {
			t.Errorf("%s: %d are at the door", end, n)
		}
	}
}

// TestDoorHandOver: who is being greeted while clients go over to another process is given time for that, and goes with them.
func TestDoorHandOver(t *testing.T) {
	po := poolBefore("main", startKeyServer(t, "s"))
	po.ProxyProtocolFrom.Networks = networks("127.0.0.0/8")
	o := withPools(1, po)
	p := startPools(t, o)
	nc := dial(t, p)
	_, _ = io.WriteString(nc, v2[:20])
	eventually(t, "it is counted", func() bool { return p.clients.Load() == 1 })
	q := heir(t, p, o)
	here, there := socketPair(t)
	go func() { _, _ = q.TakeOver(t.Context(), world.NewChannel(there)) }()
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := p.HandOver(t.Context(), world.NewChannel(here))
		done <- result{n, err}
	}()
	eventually(t, "the hand-over has begun", p.Draining)
	_, _ = io.WriteString(nc, v2[20:])
	if got := <-done; got.n != 1 || got.err != nil {
		t.Fatalf("HandOver = %d, %v", got.n, got.err)
	}
	if got := say(nc, ping); got != pong {
		t.Errorf("PING gets %q", got)
	}
	if all := q.Clients(); len(all) != 1 || all[0].Addr != "192.0.2.9:1000" || all[0].LAddr != "198.51.100.2:2000" {
		t.Errorf("clients: %+v", all)
	}
}

// TestProxyHeaderUnix: who listens on a unix socket may have senders, too, and limits are about the addresses that they tell.
func TestProxyHeaderUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	p := doored(t, func(o *PoolOptions) {
		o.Listen = Listen{Text: path, Network: "unix", Addr: path}
		o.ProxyProtocolFrom.Unix, o.DenyFrom = true, networks("192.0.2.7/32")
	})
	nc := dial(t, p)
	if got := say(nc, v2+ping); got != pong || p.Clients()[0].Addr != "192.0.2.9:1000" {
		t.Errorf("PING gets %q; %+v", got, p.Clients())
	}
	if got := say(dial(t, p), "PROXY UNKNOWN\r\n"+ping); got != pong || p.Clients()[1].Addr != "unix" {
		t.Errorf("PING gets %q; %+v", got, p.Clients())
	}
	if got := say(dial(t, p), "PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n"+ping); got != "-ERR clients from 192.0.2.7 are not allowed\r\n" {
		t.Errorf("one that is denied gets %q", got)
	}
}

// TestAllowDeny: deny_from wins, an empty allow_from is for all, and a reload is for those who come after it.
func TestAllowDeny(t *testing.T) {
	for _, c := range []struct {
		name        string
		allow, deny Networks
		header      string
		from        string // who is refused; "": nobody is
	}{
		{"allowed", networks("10.0.0.0/8", "127.0.0.0/8"), nil, "", ""},
		{"not allowed", networks("10.0.0.0/8"), nil, "", "127.0.0.1"},
		{"denied", nil, networks("127.0.0.1/32"), "", "127.0.0.1"},
		{"both", networks("127.0.0.0/8"), networks("127.0.0.1/32"), "", "127.0.0.1"},
		{"another is denied", networks("127.0.0.0/8"), networks("127.0.0.2/32", "::/0"), "", ""},
		{"allowed by header", networks("192.0.2.0/24"), networks("127.0.0.0/8"), v2, ""},
		{"denied by header", nil, networks("192.0.2.9/32"), v2, "192.0.2.9"},
		{"the sender for itself", networks("192.0.2.0/24"), nil, "PROXY UNKNOWN\r\n", "127.0.0.1"},
		{"IPv6", nil, networks("2001:db8::/32"), "PROXY TCP6 2001:db8::7 2001:db8::1 40000 6379\r\n", "2001:db8::7"},
		{"IPv4 in IPv6", nil, networks("192.0.2.0/24"), "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.8 40000 6379\r\n", "192.0.2.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := startKeyServer(t, "s")
			po := poolBefore("main", server)
			if c.header != "" {
				po.ProxyProtocolFrom.Networks = networks("127.0.0.0/8")
			}
			open := po
			p := startPools(t, withPools(1, po))
			old := dial(t, p)
			if got := say(old, c.header+ping); got != pong {
				t.Fatalf("before: %q", got)
			}
			po.AllowFrom, po.DenyFrom = c.allow, c.deny
			if _, err := p.Reload(withPools(1, po)); err != nil {
				t.Fatal(err)
			}
			want, times := pong, int64(0)
			if c.from != "" {
				want, times = "-ERR clients from "+c.from+" are not allowed\r\n", 1
			}
			nc := dial(t, p)
			if got := say(nc, c.header+ping); got != want {
				t.Errorf("PING gets %q; want %q", got, want)
			}
			if got := refusals(p)["not_allowed"]; got != times {
				t.Errorf("%d refusals are counted", got)
			}
			if got := say(old, ping); got != pong {
				t.Errorf("who was there gets %q", got)
			}
			if _, err := p.Reload(withPools(1, open)); err != nil {
				t.Fatal(err)
			}
			if got := say(dial(t, p), c.header+ping); got != pong {
				t.Errorf("once all may come again: %q", got)
			}
			_, _ = old.Close(), nc.Close()
		})
	}
}

// TestClientsPerAddress: one address has so many, others have theirs, and a place is free again when its client leaves; after a
// hand-over the same holds.
func TestClientsPerAddress(t *testing.T) {
	po := poolBefore("main", startKeyServer(t, "s"))
	po.ProxyProtocolFrom.Networks, po.ClientConnectionsPerAddress = networks("127.0.0.0/8"), 2
	o := withPools(2, po)
	p := startPools(t, o)
	from := func(p *Proxy, addr string, port int) (net.Conn, string) {
		nc := dial(t, p)
		family := "TCP4"
		if strings.Contains(addr, ":") {
			family = "TCP6"
		}
		return nc, say(nc, fmt.Sprintf("PROXY %s %s %s %d 6379\r\n", family, addr, addr, port)+ping)
	}
	full := "-ERR max number of clients reached for your address\r\n"
	var held []net.Conn
	for _, c := range []struct{ addr, want string }{
		{"192.0.2.7", pong},
		{"192.0.2.7", pong},
		{"192.0.2.7", full},
		{"192.0.2.8", pong},
		{"2001:db8::7", pong},
		{"2001:db8::7", pong},
		{"2001:db8::8", pong},
		{"2001:db8::7", full},
		{"192.0.2.7", full},
	} {
		nc, got := from(p, c.addr, 1000+len(held))
		if got != c.want {
			t.Fatalf("%s gets %q; want %q", c.addr, got, c.want)
		}
		held = append(held, nc)
	}
	if got := refusals(p)["too_many_of_address"]; got != 3 {
		t.Errorf("%d refusals are counted", got)
	}
	before := p.Clients()
	q := heir(t, p, o)
	here, there := socketPair(t)
	go func() { _, _ = q.TakeOver(t.Context(), world.NewChannel(there)) }()
	if n, err := p.HandOver(t.Context(), world.NewChannel(here)); n != 6 || err != nil {
		t.Fatalf("HandOver = %d, %v", n, err)
	}
	var was, is []string
	eventually(t, "all are there", func() bool { return len(q.Clients()) == 6 })
	for i, c := range q.Clients() {
		was, is = append(was, before[i].Addr+" to "+before[i].LAddr), append(is, c.Addr+" to "+c.LAddr)
	}
	slices.Sort(was)
	if slices.Sort(is); !slices.Equal(was, is) {
		t.Errorf("clients %q; before %q", is, was)
	}
	if _, got := from(q, "192.0.2.7", 2000); got != full {
		t.Errorf("after the hand-over one too many gets %q", got)
	}
	_ = held[0].Close()
	eventually(t, "the place is free", func() bool {
		nc, got := from(q, "192.0.2.7", 3000)
		if got != pong {
			_ = nc.Close()
		}
		return got == pong
	})
	for _, nc := range held {
		_ = nc.Close()
	}
	eventually(t, "all but one are gone", func() bool { return q.clients.Load() == 1 })
	rooms := &q.pools()[0].door.rooms
	rooms.mu.Lock()
	defer rooms.mu.Unlock()
	if len(rooms.n) != 1 {
		t.Errorf("counts %v are left", rooms.n)
	}
}

// guarded has a password.
func guarded(po *PoolOptions) { po.Protocol = resp.New(resp.Options{Password: "secret"}) }

const (
	wrongAuth  = "*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n"
	rightAuth  = "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"
	wrongHello = "*5\r\n$5\r\nHELLO\r\n$1\r\n2\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$1\r\nx\r\n"
)

// TestAuthFailures: past auth_failures each failed login is a client's last, and who comes from there next waits; those who know the
// password get in nevertheless.
func TestAuthFailures(t *testing.T) {
	p := doored(t, func(o *PoolOptions) { guarded(o); o.AuthFailures = 3 })
	nc := dial(t, p)
	r := bufio.NewReader(nc)
	for i := range 3 {
		_, _ = io.WriteString(nc, []string{wrongAuth, wrongHello}[i%2])
		if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "invalid") {
			t.Fatalf("login %d: %q, %v", i+1, line, err)
		}
	}
	other := dial(t, p)
	if got := say(other, rightAuth); got != "+OK\r\n" {
		t.Errorf("the right password: %q", got)
	}
	_, _ = io.WriteString(nc, wrongAuth+rightAuth+wrongAuth)
	if rest, err := io.ReadAll(r); string(rest) != "-ERR invalid password\r\n" || err != nil {
		t.Errorf("the last login that may fail: %q, %v", rest, err)
	}
	if got := say(other, ping); got != pong {
		t.Errorf("who is logged in gets %q", got)
	}
	began := time.Now()
	if got := say(dial(t, p), rightAuth+ping); got != "+OK\r\n" || time.Since(began) < loginDelay {
		t.Errorf("who comes next gets %q, after %v", got, time.Since(began))
	}
	if got, err := io.ReadAll(askOnce(dial(t, p), wrongAuth)); string(got) != "-ERR invalid password\r\n" || err != nil {
		t.Errorf("who comes next and guesses gets %q, %v", got, err)
	}
	if s := p.Snapshot().Pools[0]; s.LoginsFailed != 5 {
		t.Errorf("%d failed logins are counted", s.LoginsFailed)
	}
	po := p.Options().Pools[0]
	po.AuthFailures = 0
	if _, err := p.Reload(withPools(2, po)); err != nil {
		t.Fatal(err)
	}
	for range 9 {
		if got := say(other, wrongAuth); got != "-ERR invalid password\r\n" {
			t.Fatalf("without a limit: %q", got)
		}
	}
}

func askOnce(nc net.Conn, text string) net.Conn {
	_, _ = io.WriteString(nc, text)
	return nc
}

// TestResetAtTheDoor: who connects and resets the connection without a byte only looked whether somebody listens, whatever was to come first;
// behind a byte it is a handshake, or a header, that failed.
func TestResetAtTheDoor(t *testing.T) {
	pair := certtest.New(t, "door").Issue(t, certtest.Of{})
	for _, c := range []struct {
		name   string
		edit   func(*PoolOptions)
		said   string
		reason reason // reasons: none
	}{
		{"TLS", secureDoor(pair, tlsconn.On), "", reasons},
		{"TLS, or not", secureDoor(pair, tlsconn.Optional), "", reasons},
		{"TLS, a byte", secureDoor(pair, tlsconn.On), "\x16", refusedTLS},
		{"TLS, or not, a byte", secureDoor(pair, tlsconn.Optional), "\x16", refusedTLS},
		{"header", behindProxy, "", reasons},
		{"header, a byte", behindProxy, "P", refusedHeader},
		{"header, and then TLS", func(o *PoolOptions) { behindProxy(o); secureDoor(pair, tlsconn.On)(o) }, v2, reasons},
	} {
		p := doored(t, c.edit)
		pl := p.pools()[0]
		nc := &resetsAfter{saysOnce{said: bytes.NewReader([]byte(c.said))}}
		in := &comer{nc: nc, from: addrOf(nc.RemoteAddr())}
		err := pl.greet(in)
		if err == nil && pl.tls != nil {
			err = pl.secure(in)
		}
		why, got := (*turnedAway)(nil), reasons
		if errors.As(err, &why) {
			got = why.reason
		}
		if failed := pl.door.tls.failed.Load(); err == nil || got != c.reason || (failed == 1) != (got == refusedTLS) {
			t.Errorf("%s: %v, handshakes that failed: %d", c.name, err, failed)
		}
		if c.said != "" {
			continue
		}
		sock := dial(t, p).(*net.TCPConn)
		_ = sock.SetLinger(0)
		eventually(t, "it is at the door", func() bool { return p.hall.clients.Load() == 1 })
		_ = sock.Close()
		eventually(t, "it is gone", func() bool { return p.clients.Load() == 0 })
		if got := refusals(p); len(got) != 0 {
			t.Errorf("%s: refused: %v", c.name, got)
		}
	}
}

// resetsAfter is a connection whose peer resets it behind what it has said.
type resetsAfter struct{ saysOnce }

func (c *resetsAfter) Read(p []byte) (int, error) {
	n, err := c.saysOnce.Read(p)
	if err != nil {
		err = &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

func behindProxy(o *PoolOptions) { o.ProxyProtocolFrom.Networks = networks("127.0.0.0/8") }

func secureDoor(pair *certtest.Pair, mode tlsconn.Mode) func(*PoolOptions) {
	return func(o *PoolOptions) { o.TLS, o.TLSCertFile, o.TLSKeyFile = mode, pair.Cert, pair.Key }
}

// waiting is how many connections and logins of an address wait for their turn.
func waiting(pl *pool, addr string) int {
	pl.door.logins.mu.Lock()
	defer pl.door.logins.mu.Unlock()
	return pl.door.logins.addrs[netip.MustParseAddr(addr)].Value.(*failures).waiting
}

// TestHeldUp: no more than auth_failures connections of an address are held up at once, a drain closes them, and other addresses are
// not concerned.
func TestHeldUp(t *testing.T) {
	p := doored(t, func(o *PoolOptions) {
		guarded(o)
		o.AuthFailures, o.ProxyProtocolFrom.Networks = 2, networks("127.0.0.0/8")
	})
	pl := p.pools()[0]
	pl.door.logins.delay.Store(int64(time.Hour))
	for range 3 {
		pl.LoginFailed("192.0.2.9:1")
	}
	first, second := askOnce(dial(t, p), v2), askOnce(dial(t, p), v2)
	eventually(t, "two are held up", func() bool { return waiting(pl, "192.0.2.9") == 2 })
	if got := say(dial(t, p), v2); got != "-ERR too many failed logins from your address; try again later\r\n" {
		t.Errorf("the third gets %q", got)
	}
	if got := say(dial(t, p), "PROXY TCP4 192.0.2.7 198.51.100.1 40000 6379\r\n"+rightAuth); got != "+OK\r\n" {
		t.Errorf("another address gets %q", got)
	}
	if err := p.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	for _, nc := range []net.Conn{first, second} {
		if b, err := io.ReadAll(nc); len(b) > 0 || err != nil {
			t.Errorf("who is held up gets %q, %v", b, err)
		}
	}
	if got := refusals(p); got["failed_logins"] != 1 || len(got) != 1 {
		t.Errorf("refused: %v", got)
	}
}

// TestHeldUpNetwork: who has a network of IPv6 has no more tries for that, and others are not concerned.
func TestHeldUpNetwork(t *testing.T) {
	l := newLogins()
	for n := range 6 {
		a := netip.MustParseAddr(fmt.Sprintf("2001:db8:0:1::%x:0:1", n+1))
		if got, want := l.add(a, 3, 0), n >= 3; got != want {
			t.Errorf("failure %d: too many: %v", n+1, got)
		}
	}
	for addr, want := range map[string]bool{
		"2001:db8:0:1:ffff::9": true, "2001:db8:0:2::1": false, "2001:db8::1": false, "::1": false, "192.0.2.1": false, "1.2.3.4": false,
	} {
		if waits, _ := l.hold(netip.MustParseAddr(addr), 3, 1); waits != want {
			t.Errorf("%s waits: %v", addr, waits)
		}
	}
	for n := range 6 {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
		if l.add(a, 3, 0) {
			t.Errorf("%s has failed too often", a)
		}
	}
}

// TestHeldLogins: past auth_failures a login has to wait for its turn also on connections that were there before, by whatever command.
// Who finds no place to wait is refused unjudged, and closed unless it is logged in.
func TestHeldLogins(t *testing.T) {
	for name, login := range map[string]struct{ wrong, right string }{
		"AUTH":  {wrongAuth, rightAuth},
		"HELLO": {wrongHello, strings.Replace(wrongHello, "$1\r\nx", "$6\r\nsecret", 1)},
	} {
		t.Run(name, func(t *testing.T) { heldLogins(t, login.wrong, login.right) })
	}
}

func heldLogins(t *testing.T, wrong, right string) {
	const refused = "-ERR too many failed logins from your address; try again later\r\n"
	p := doored(t, func(o *PoolOptions) { guarded(o); o.AuthFailures = 2 })
	pl := p.pools()[0]
	in, conns := dial(t, p), make([]net.Conn, 8)
	for i := range conns {
		if conns[i] = dial(t, p); say(conns[i], ping) == "" {
			t.Fatal("a client is closed")
		}
	}
	if got := say(in, rightAuth); got != "+OK\r\n" {
		t.Fatalf("the right password gets %q", got)
	}
	for i := range 3 {
		if got := say(conns[i], wrong); !strings.Contains(got, "invalid") {
			t.Fatalf("wrong password %d gets %q", i+1, got)
		}
	}
	pl.door.logins.delay.Store(int64(50 * time.Millisecond))
	if got := say(conns[3], right+ping); !strings.HasPrefix(got, "+OK") && !strings.HasPrefix(got, "*14") {
		t.Errorf("the right password, in its turn, gets %q", got)
	}
	if got, err := io.ReadAll(askOnce(conns[4], wrong+wrong)); strings.Count(string(got), "invalid") != 1 || err != nil {
		t.Errorf("two wrong ones, in their turn, get %q, %v", got, err)
	}
	pl.door.logins.delay.Store(int64(time.Hour))
	askOnce(conns[5], right)
	askOnce(conns[6], wrong)
	eventually(t, "two wait", func() bool { return waiting(pl, "127.0.0.1") == 2 })
	if got := say(in, wrong); got != refused {
		t.Errorf("who is logged in, and finds no place, gets %q", got)
	}
	if got := say(in, ping); got != pong {
		t.Errorf("who was refused that gets %q", got)
	}
	if got, err := io.ReadAll(askOnce(conns[7], right+right)); string(got) != refused || err != nil {
		t.Errorf("who is not logged in, and finds no place, gets %q, %v", got, err)
	}
	if s := p.Snapshot().Pools[0]; s.LoginsFailed != 4 {
		t.Errorf("%d failed logins are counted", s.LoginsFailed)
	}
}

// TestLogins: how failures are counted by address, and for how long; the table is bounded.
func TestLogins(t *testing.T) {
	const limit = 3
	l, now := newLogins(), int64(1)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range 5 {
		if got := l.add(a, limit, now); got != (i >= limit) {
			t.Errorf("failure %d is too many: %v", i+1, got)
		}
		now += int64(10 * time.Second)
	}
	if l.add(b, limit, now) {
		t.Error("the first of another address is too many")
	}
	holds := func(a netip.Addr) bool { waits, _ := l.hold(a, limit, now); return waits }
	now += int64(49 * time.Second)
	if !holds(a) || holds(b) {
		t.Error("59 seconds behind the last it is forgotten, or another is not")
	}
	if now += int64(time.Second); holds(a) {
		t.Error("a minute behind the last it is not forgotten")
	}
	for i := range 20 { // one in 25 seconds: never more than three within a minute
		if now += int64(25 * time.Second); l.add(a, limit, now) {
			t.Errorf("failure %d of slow ones is too many", i+1)
		}
	}
	for i := range 2 * maxLoginAddrs {
		l.add(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), limit, now)
		l.add(b, limit, now)
	}
	if n := l.oldest.Len(); n != maxLoginAddrs || len(l.addrs) != n || l.known.Load() != int64(n) || !holds(b) || l.addrs[a] != nil {
		t.Errorf("%d addresses in the list, %d in the map, %d counted", n, len(l.addrs), l.known.Load())
	}
	if now += int64(time.Hour); holds(b) || l.any() || len(l.addrs) != 0 {
		t.Errorf("%d addresses are left", len(l.addrs))
	}
}

// TestIdleAtTheDoor: where clients may be plain or not, who says nothing is closed after client_idle_timeout as well, also one that a
// reload brings, and has no place any more. A first byte is answered.
func TestIdleAtTheDoor(t *testing.T) {
	pair := certtest.New(t, "door").Issue(t, certtest.Of{})
	p := doored(t, func(o *PoolOptions) {
		o.TLS, o.TLSCertFile, o.TLSKeyFile, o.ClientConnections = tlsconn.Optional, pair.Cert, pair.Key, 2
	})
	pl := p.pools()[0]
	pl.door.look.Store(int64(time.Millisecond))
	silent := []net.Conn{dial(t, p), dial(t, p)}
	eventually(t, "two have a place", func() bool { return p.hall.silent.Load() == 2 })
	if got := say(dial(t, p), ping); got != "-ERR max number of clients reached\r\n" {
		t.Errorf("a third gets %q", got)
	}
	po := p.Options().Pools[0]
	po.ClientIdleTimeout = 20 * time.Millisecond
	if _, err := p.Reload(withPools(2, po)); err != nil {
		t.Fatal(err)
	}
	for _, nc := range silent {
		if b, err := io.ReadAll(nc); len(b) > 0 || err != nil {
			t.Errorf("who says nothing gets %q, %v", b, err)
		}
	}
	eventually(t, "they are counted out", func() bool { return p.Snapshot().Pools[0].ClientsIdle == 2 && p.clients.Load() == 0 })
	po.ClientIdleTimeout = time.Hour
	if _, err := p.Reload(withPools(2, po)); err != nil {
		t.Fatal(err)
	}
	nc := dial(t, p)
	eventually(t, "it has a place", func() bool { return p.hall.silent.Load() == 1 })
	if got := say(nc, ping); got != pong {
		t.Errorf("who speaks gets %q", got)
	}
	if got := refusals(p); len(got) != 0 {
		t.Errorf("refused: %v", got)
	}
}

// TestIdle: client_idle_timeout closes who sends nothing, and nobody else.
func TestIdle(t *testing.T) { synctest.Test(t, idleClients) }

func idleClients(t *testing.T) {
	s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.ClientIdleTimeout, po.BlockingConnections = 10*time.Second, 1 })
	idle, active, owed, heard := s.connect(), s.connect(), s.connect(), s.connect()
	owed.Send(array("GET", "k"))
	heard.Send(array("SUBSCRIBE", "c"))
	for range 3 {
		s.Passes(9 * time.Second)
		s.Tidy()
		active.Send(array("PING"))
		s.Settle()
	}
	closed := func() (all []bool) {
		for _, c := range []*simClient{idle, active, owed, heard} {
			all = append(all, c.Sock.Closed)
		}
		return all
	}
	if got := closed(); !slices.Equal(got, []bool{true, false, false, false}) {
		t.Fatalf("closed: %v", got)
	}
	s.Servers[0].Reply(bulk("v"))
	s.Settle()
	s.Passes(9 * time.Second)
	s.Tidy()
	if got := closed(); !slices.Equal(got, []bool{true, false, false, false}) {
		t.Errorf("closed, nine seconds later: %v", got)
	}
	s.reload(func(_ *Options, po *PoolOptions) { po.ClientIdleTimeout = 5 * time.Second })
	s.Tidy()
	if got := closed(); !slices.Equal(got, []bool{true, true, true, false}) {
		t.Errorf("closed, after a reload: %v", got)
	}
	if n := s.snapshot().ClientsIdle; n != 3 {
		t.Errorf("%d idle clients are counted", n)
	}
}
