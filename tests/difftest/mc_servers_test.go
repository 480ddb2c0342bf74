//go:build unix

package difftest

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// mcServer is one memcached. It can be killed and started again in the same place.
type mcServer struct {
	*processtest.Process
	addr string
}

// startMemcached starts a memcached on a loopback port. A later option overrides an earlier one.
func startMemcached(t testing.TB, args ...string) *mcServer {
	t.Helper()
	return startMemcachedAt(t, "127.0.0.1", processtest.FreePort(t), args...)
}

func startMemcachedAt(t testing.TB, host, port string, args ...string) *mcServer {
	t.Helper()
	args = append([]string{"-l", host, "-p", port, "-U", "0", "-m", "64"}, args...)
	s := &mcServer{Process: processtest.Memcached(t, args...), addr: net.JoinHostPort(host, port)}
	s.start(t)
	return s
}

// startMemcacheds starts n of them.
func startMemcacheds(t testing.TB, n int, args ...string) []*mcServer {
	t.Helper()
	var all []*mcServer
	for range n {
		all = append(all, startMemcached(t, args...))
	}
	return all
}

// start starts the server, again if it was killed, and waits until it answers.
func (s *mcServer) start(t testing.TB) {
	t.Helper()
	s.Up(t, func() bool { return mcAnswers(s.addr) })
}

// entry is the server's line in a servers list: "host:port:weight name".
func (s *mcServer) entry(weight int, name string) string {
	return strings.TrimSpace(fmt.Sprintf("%s:%d %s", strings.TrimPrefix(s.addr, overTLS), weight, name))
}

// ask sends one command directly to the server, on a connection of its own, and returns the raw reply.
func (s *mcServer) ask(t testing.TB, text string) string {
	t.Helper()
	c := dial(t, s.addr)
	defer c.close()
	return c.ask(text)
}

// stat is one line of the server's statistics.
func (s *mcServer) stat(t testing.TB, name string) string {
	t.Helper()
	for line := range strings.Lines(s.ask(t, "stats\r\n")) {
		if f := strings.Fields(line); len(f) == 3 && f[1] == name {
			return f[2]
		}
	}
	t.Fatalf("%s has no stat %s", s.addr, name)
	return ""
}

// mcFlush empties all servers.
func mcFlush(t testing.TB, servers ...*mcServer) {
	t.Helper()
	for _, s := range servers {
		if got := s.ask(t, "flush_all\r\n"); got != "OK\r\n" {
			t.Fatalf("flush_all at %s = %q", s.addr, got)
		}
	}
}

// mcEntries are the servers' lines, all of weight 1 and without names.
func mcEntries(servers []*mcServer) []string {
	var lines []string
	for _, s := range servers {
		lines = append(lines, s.entry(1, ""))
	}
	return lines
}

// mcPoolOf is a pool named p before the servers.
func mcPoolOf(servers []*mcServer, settings ...string) pool {
	return pool{name: "p", servers: mcEntries(servers), settings: settings, memcached: true}
}

// mcWhereabouts maps each of the keys to the index of the server that has it. A key on no server is left out.
func mcWhereabouts(t testing.TB, servers []*mcServer, keys []string) map[string]int {
	t.Helper()
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, "get %s\r\n", k)
	}
	where := map[string]int{}
	for i, s := range servers {
		c := dial(t, s.addr)
		go c.conn.Write([]byte(b.String())) // ends when the connection does
		for _, k := range keys {
			if c.mcReply() == "END\r\n" {
				continue
			}
			if j, ok := where[k]; ok {
				t.Errorf("key %q is on servers %d and %d", k, j, i)
			}
			where[k] = i
		}
		c.close()
	}
	return where
}

// mcOwners tells for each of n keys, named by format, which server the proxy at addr puts it on. Each key's value names
// it.
func mcOwners(t testing.TB, addr string, servers []*mcServer, format string, n int) map[string]int {
	t.Helper()
	keys := keysOf(format, n)
	mcSetAll(t, addr, keys)
	where := mcWhereabouts(t, servers, keys)
	if len(where) != n {
		t.Fatalf("%d of %d keys are on the servers", len(where), n)
	}
	return where
}

// keysOf are n keys, named by format.
func keysOf(format string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(format, i)
	}
	return keys
}

// mcSetAll sets each of the keys to a value that names it, pipelined.
func mcSetAll(t testing.TB, addr string, keys []string) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	var b []byte
	for _, k := range keys {
		b = append(b, mcSet(k, mcValue(k))...)
	}
	go c.conn.Write(b) // ends when the connection does
	for _, k := range keys {
		if got := c.mcReply(); got != "STORED\r\n" {
			t.Fatalf("through %s: set %q = %q", addr, clip(k), clip(got))
		}
	}
}

// mcGetAll checks that each of the keys has the value of mcSetAll.
func mcGetAll(t testing.TB, addr string, keys []string) {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	var b []byte
	for _, k := range keys {
		b = append(b, mcGet(k)...)
	}
	go c.conn.Write(b) // ends when the connection does
	for _, k := range keys {
		if got, want := c.mcReply(), mcHit(k, mcValue(k)); got != want {
			t.Fatalf("through %s: get %q = %q; want %q", addr, clip(k), clip(got), clip(want))
		}
	}
}
