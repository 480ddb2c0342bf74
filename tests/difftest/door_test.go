//go:build unix

package difftest

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// The proxy takes connections that HAProxy passes on, in both versions of its header. HAProxy connects from an address of its own, so
// that whoever looks whether the proxy is up is another's client.
const (
	balancer       = "127.0.0.2"
	proxyProtocols = "proxy_protocol_from: " + balancer
)

// versions are what HAProxy is told to send; the second with a checksum and another field behind the addresses.
var versions = []string{"send-proxy", "send-proxy-v2 proxy-v2-options crc32c,unique-id"}

// haproxy starts an HAProxy before the pool at addr, one port for each version, once it has found the pool to be up: it looks by
// connections of its own, which have headers, too.
func haproxy(t *testing.T, addr, check string) (addrs []string) {
	t.Helper()
	path := processtest.LookPath(t, "haproxy")
	dir := processtest.TempDir(t)
	var conf strings.Builder
	fmt.Fprintf(&conf, "global\n  maxconn 500\n  stats socket %s/stats\ndefaults\n  mode tcp\n  timeout connect 20s\n  timeout client 5m\n  timeout server 5m\n", dir)
	for i, version := range versions {
		addrs = append(addrs, "127.0.0.1:"+processtest.FreePort(t))
		fmt.Fprintf(&conf, "listen p%d\n  bind %s\n  unique-id-format %%ci\n  %s\n", i, addrs[i], check)
		fmt.Fprintf(&conf, "  server cashew %s source %s %s check check-send-proxy inter 200ms fall 1\n", addr, balancer, version)
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := processtest.Run(t, path, "-db", "-f", file)
	await(t, "HAProxy finds the pool up", func() bool {
		p.WantAlive(t)
		c, err := net.DialTimeout("unix", dir+"/stats", patience)
		if err != nil {
			return false
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, "show stat\n")
		b, _ := io.ReadAll(c)
		return strings.Count(string(b), "L7OK") == len(versions)
	})
	t.Cleanup(func() {
		if strings.Contains(string(p.Printed()), "DOWN") {
			t.Error("HAProxy found the pool to be down")
		}
	})
	return addrs
}

// TestHAProxy: clients that come by HAProxy are known by their own addresses, and are served as any, also when they send a lot at once.
func TestHAProxy(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it knows no PROXY header")
	servers := startRedises(t, 3)
	p := startProxy(t, poolOf(servers, append(spread, proxyProtocols)...))
	for i, addr := range haproxy(t, p.addr("p"), "option redis-check") {
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				c, err := tryDial(t, addr)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.close()
				var b []byte
				const keys = 300
				for k := range keys {
					name := fmt.Sprintf("%d:%d:%d", i, n, k)
					b = append(b, command("SET", name, strings.Repeat(name, 30))...)
					b = append(b, command("GET", name)...)
				}
				go c.conn.Write(b)
				for k := range keys {
					name := fmt.Sprintf("%d:%d:%d", i, n, k)
					for _, want := range []string{"+OK\r\n", bulk(strings.Repeat(name, 30))} {
						if got, err := readReply(c.r); string(got) != want || err != nil {
							t.Errorf("%s by %s: %q, %v", name, versions[i], clip(string(got)), err)
							return
						}
					}
				}
			})
		}
		all.Wait()
		c := dial(t, addr)
		line := c.do("CLIENT", "INFO")
		if want := fmt.Sprintf(" addr=%s laddr=%s ", c.conn.LocalAddr(), c.conn.RemoteAddr()); !strings.Contains(line, want) {
			t.Errorf("by %s CLIENT INFO is %q; want %q", versions[i], line, want)
		}
	}
}

// TestHAProxyMemcached is the same for memcached's clients, with what they have.
func TestHAProxyMemcached(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it knows no PROXY header")
	server := startMemcached(t)
	p := startProxy(t, pool{name: "p", memcached: true, servers: []string{server.addr + ":1"}, settings: []string{proxyProtocols, "deny_from: 127.0.0.1"}})
	for i, addr := range haproxy(t, p.addr("p"), "option tcp-check\n  tcp-check send version\\r\\n\n  tcp-check expect string VERSION") {
		c := dial(t, addr)
		if line, _ := c.r.ReadString('\n'); line != "SERVER_ERROR clients from 127.0.0.1 are not allowed\r\n" {
			t.Errorf("by %s a client that is denied gets %q", versions[i], line)
		}
	}
}

// TestDenied: clients are told why they are not let in, whatever they had sent by then.
func TestDenied(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it knows no networks")
	server := startRedis(t)
	p := startProxy(t, pool{name: "p", servers: entries([]*redisServer{server}), settings: []string{"allow_from: 10.0.0.0/8 ::1"}})
	_, port, _ := net.SplitHostPort(p.addr("p"))
	for range 20 {
		if got := tool(t, "", "redis-cli", "-p", port, "PING"); !strings.Contains(got, "ERR clients from 127.0.0.1 are not allowed") {
			t.Fatalf("redis-cli prints %q", got)
		}
	}
}

// TestGuesses: who guesses passwords is not let go on, as any other.
func TestGuesses(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it lets anybody guess")
	server := startRedis(t, "--requirepass", "secret")
	p := startProxy(t, pool{name: "p", servers: entries([]*redisServer{server}), settings: []string{"redis_auth: secret", "auth_failures: 3"}})
	c := dial(t, p.addr("p"))
	c.want("-ERR invalid password\r\n", "AUTH", "x")
	c.want("+OK\r\n", "AUTH", "secret")
	c.want("-WRONGPASS invalid username-password pair or user is disabled.\r\n", "HELLO", "3", "AUTH", "default", "x")
	c.want("-ERR invalid password\r\n", "AUTH", "default", "x")
	other := dial(t, p.addr("p"))
	other.want("+OK\r\n", "AUTH", "secret")
	c.want("-ERR invalid password\r\n", "AUTH", "x")
	if rest := c.drain(); rest != "" {
		t.Errorf("behind it comes %q", clip(rest))
	}
	other.want("+OK\r\n", "SET", "k", "v")
	late := dial(t, p.addr("p"))
	late.want("+OK\r\n", "AUTH", "secret")
	late.want(bulk("v"), "GET", "k")
}
