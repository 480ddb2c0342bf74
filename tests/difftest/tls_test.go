//go:build unix

package difftest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"testing"

	"cashew/tests/certtest"
	"cashew/tests/processtest"
)

// keychain is an authority and what both sides of the proxy need of it.
type keychain struct {
	ca    *certtest.Authority
	proxy *certtest.Pair // shown to clients
	srv   *certtest.Pair // of the servers
}

func newKeychain(t testing.TB) *keychain {
	t.Helper()
	wantCashew(t, "it speaks no TLS")
	ca := certtest.New(t, "difftest")
	return &keychain{ca: ca, proxy: ca.Issue(t, certtest.Of{Name: "proxy"}), srv: ca.Issue(t, certtest.Of{Name: "server"})}
}

// clients are settings of a pool whose clients speak TLS.
func (k *keychain) clients(more ...string) []string {
	return append([]string{"tls: on", "tls_cert_file: " + k.proxy.Cert, "tls_key_file: " + k.proxy.Key}, more...)
}

// servers are settings of a pool whose servers speak it.
func (k *keychain) servers(more ...string) []string {
	return append([]string{"server_tls: true", "server_tls_ca_cert_file: " + k.ca.File}, more...)
}

func (k *keychain) both(more ...string) []string { return append(k.clients(more...), k.servers()...) }

// config is a client's that trusts the authority.
func (k *keychain) config() *tls.Config {
	return &tls.Config{RootCAs: k.ca.Pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(4)}
}

// dial connects to addr with the client's settings.
func (*keychain) dial(t testing.TB, addr string, o *tls.Config) (*client, error) {
	t.Helper()
	nc, err := net.DialTimeout("tcp", strings.TrimPrefix(addr, overTLS), patience)
	if err != nil {
		return nil, err
	}
	c := newClient(t, tls.Client(nc, o))
	if err := c.conn.(*tls.Conn).Handshake(); err != nil {
		return nil, err
	}
	return c, nil
}

// mustDial is dial of a client that is let in.
func (k *keychain) mustDial(t testing.TB, addr string, o *tls.Config) *client {
	t.Helper()
	c, err := k.dial(t, addr, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// state is what is known of c's connection.
func (c *client) state() tls.ConnectionState { return c.conn.(*tls.Conn).ConnectionState() }

// startTLSRedis starts a redis-server to which proxies speak TLS. Tests look at it without.
func (k *keychain) startTLSRedis(t testing.TB, args ...string) *redisServer {
	t.Helper()
	port := processtest.FreePort(t)
	out, _ := exec.Command(processtest.LookPath(t, "redis-server"), "--tls-session-caching", "maybe").CombinedOutput()
	if !bytes.Contains(out, []byte("argument must be 'yes' or 'no'")) { // it does not even know the setting
		t.Skipf("this redis-server has no TLS: %s", out)
	}
	s := startRedis(t, append([]string{
		"--tls-port", port, "--tls-auth-clients", "no",
		"--tls-cert-file", k.srv.Cert, "--tls-key-file", k.srv.Key, "--tls-ca-cert-file", k.ca.File,
	}, args...)...)
	s.tls = "127.0.0.1:" + port
	return s
}

func (k *keychain) startTLSRedises(t testing.TB, n int) (all []*redisServer) {
	t.Helper()
	for range n {
		all = append(all, k.startTLSRedis(t))
	}
	return all
}

// startTLSMemcacheds starts n memcacheds that speak nothing but TLS.
func (k *keychain) startTLSMemcacheds(t testing.TB, n int) (all []*mcServer) {
	t.Helper()
	if out, _ := exec.Command(processtest.LookPath(t, "memcached"), "-h").CombinedOutput(); !bytes.Contains(out, []byte("--enable-ssl")) {
		t.Skip("this memcached has no TLS")
	}
	for range n {
		port := processtest.FreePort(t)
		s := &mcServer{addr: overTLS + "127.0.0.1:" + port}
		s.Process = processtest.Memcached(t, "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "64", "-Z",
			"-o", "ssl_chain_cert="+k.srv.Cert+",ssl_key="+k.srv.Key)
		s.start(t)
		all = append(all, s)
	}
	return all
}

// TestTLSDifferential: what clients and servers say to each other over TLS is what they say to each other directly: all cases, and
// streams at random.
func TestTLSDifferential(t *testing.T) {
	t.Parallel()
	notRaced(t)
	k := newKeychain(t)
	servers := k.startTLSRedises(t, 4)
	p := startLoops(t, 2,
		pool{name: "one", servers: entries(servers[:1]), tls: true, settings: k.both()},
		pool{name: "four", servers: entries(servers), tls: true, settings: k.both(append([]string{`hash_tag: "{}"`}, spread...)...)},
	)
	w := &ways{servers: servers, routes: routes{direct: servers[0].addr, one: p.addr("one"), four: p.addr("four")}}
	for i, c := range diffCases {
		t.Run(c.name, func(t *testing.T) { w.run(t, c, uint64(i)+1, random) })
	}
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w.run(t, diffCase{commands: randomStream(newRand(seed), 300)}, seed, whole, random)
		})
	}
}

// TestTLSMemcachedDifferential is the same of memcached.
func TestTLSMemcachedDifferential(t *testing.T) {
	t.Parallel()
	notRaced(t)
	k := newKeychain(t)
	servers := k.startTLSMemcacheds(t, 4)
	p := startLoops(t, 2,
		pool{name: "one", servers: mcEntries(servers[:1]), memcached: true, tls: true, settings: k.both()},
		pool{name: "four", servers: mcEntries(servers), memcached: true, tls: true, settings: k.both(spread...)},
	)
	w := &mcWays{servers: servers, routes: routes{direct: servers[0].addr, one: p.addr("one"), four: p.addr("four")}}
	for i, c := range mcCases {
		t.Run(c.name, func(t *testing.T) { w.run(t, c, uint64(i)+1, random) })
	}
}

// TestTLSMemcachedTogether: values of all sizes one behind the other, before a memcached that waits for ever if a record goes on behind a
// value.
func TestTLSMemcachedTogether(t *testing.T) {
	notRaced(t)
	t.Parallel()
	k := newKeychain(t)
	p := startLoops(t, 1, pool{name: "p", memcached: true, servers: mcEntries(k.startTLSMemcacheds(t, 1)), settings: k.servers()})
	rng := newRand(1)
	c := dial(t, p.addr("p"))
	for range 20 {
		var sent, want strings.Builder
		for i := range 40 {
			value := strings.Repeat("x", rng.IntN([]int{100, 4000, 40_000}[rng.IntN(3)]))
			fmt.Fprintf(&sent, "set k%d 0 0 %d\r\n%s\r\n", i, len(value), value)
			want.WriteString("STORED\r\n")
			if i%8 == 0 {
				fmt.Fprintf(&sent, "get k%d\r\n", i)
				fmt.Fprintf(&want, "VALUE k%d 0 %d\r\n%s\r\nEND\r\n", i, len(value), value)
			}
		}
		go io.WriteString(c.conn, sent.String())
		got := make([]byte, want.Len())
		if n, err := io.ReadFull(c.r, got); err != nil || string(got) != want.String() {
			t.Fatalf("%v after %d of %d bytes: %q", err, n, len(got), clip(string(got[:n])))
		}
	}
}

// TestTLSOneSide: clients alone speak TLS, or servers alone; and both, with TLS 1.2 and a cipher of it.
func TestTLSOneSide(t *testing.T) {
	notRaced(t)
	t.Parallel()
	k := newKeychain(t)
	plain, sealed := startRedises(t, 2), k.startTLSRedises(t, 2)
	only12 := []string{"tls_protocols: TLSv1.2", "tls_ciphers: ECDHE-ECDSA-AES256-GCM-SHA384", "server_tls_protocols: TLSv1.2"}
	p := startLoops(t, 2,
		pool{name: "clients", servers: entries(plain), tls: true, settings: k.clients(spread...)},
		pool{name: "servers", servers: entries(sealed), settings: k.servers(spread...)},
		pool{name: "old", servers: entries(sealed), tls: true, settings: append(k.both(spread...), only12...)},
	)
	for _, name := range []string{"clients", "servers", "old"} {
		servers := sealed
		if name == "clients" {
			servers = plain
		}
		for seed := range uint64(3) {
			commands := randomStream(newRand(seed), 200)
			flush(t, servers...)
			want := exchange(t, p.addr(name), commands, whole, newRand(seed))
			flush(t, servers...)
			report(t, fmt.Sprintf("pool %s, seed %d", name, seed), "",
				diffReplies(commands, want, exchange(t, p.addr(name), commands, random, newRand(seed))))
		}
	}
	s := k.mustDial(t, p.addr("old"), k.config()).state()
	if s.Version != tls.VersionTLS12 || s.CipherSuite != tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 {
		t.Errorf("version %x, cipher %x", s.Version, s.CipherSuite)
	}
}

// TestTLSLarge: values of many records in either direction, read slowly and fast, by clients that write all before they read.
func TestTLSLarge(t *testing.T) {
	notRaced(t)
	t.Parallel()
	k := newKeychain(t)
	servers := k.startTLSRedises(t, 2)
	p := startLoops(t, 2, pool{name: "p", servers: entries(servers), tls: true, settings: k.both(spread...)})
	rng := rand.New(rand.NewPCG(7, 7))
	value := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}
	var values []string
	for _, n := range []int{1, 16383, 16384, 16385, 65536, 100_000, 300_000, 1 << 20, 5 << 20} {
		values = append(values, value(n))
	}
	var commands [][]string
	var want []string
	for i, v := range values {
		key := fmt.Sprint("large:", i)
		commands = append(commands, []string{"SET", key, v}, []string{"GET", key}, []string{"STRLEN", key})
		want = append(want, "+OK\r\n", bulk(v), fmt.Sprintf(":%d\r\n", len(v)))
	}
	for _, how := range []cutting{whole, random} {
		got := exchange(t, p.addr("p"), commands, how, newRand(1))
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("cut %v: %s is answered with %d bytes %q; want %d", how, show(commands[i][:2]), len(got[i]), clip(got[i]), len(want[i]))
			}
		}
	}
	c := dial(t, p.addr("p"))
	const gets = 30
	for range gets {
		c.send(command("GET", "large:7"))
	}
	buf, total := make([]byte, 1000), 0
	for want := len(bulk(values[7])) * gets; total < want; { // slowly at first
		n, err := c.conn.Read(buf)
		if err != nil {
			t.Fatalf("%v behind %d bytes of %d", err, total, want)
		}
		total += n
		if total > 1<<20 && len(buf) < 1<<20 {
			buf = make([]byte, 1<<20)
		}
	}
	c.want("+PONG\r\n", "PING")
}
