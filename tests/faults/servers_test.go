//go:build unix

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// server is one redis-server or memcached. One goroutine at a time starts, stops and kills it.
type server struct {
	*processtest.Process
	d    dialect
	addr string
}

// startServer starts a server of d's kind on a loopback port. It keeps nothing on disk.
func startServer(t testing.TB, d dialect) *server {
	t.Helper()
	port := processtest.FreePort(t)
	s := &server{d: d, addr: "127.0.0.1:" + port}
	switch d {
	case redis:
		s.Process = processtest.Redis(t, "--bind", "127.0.0.1", "--port", port, "--enable-debug-command", "local",
			"--maxclients", "2000", "--busy-reply-threshold", "100")
	case memcached:
		s.Process = processtest.Memcached(t, "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "512", "-c", "2000")
	}
	if err := s.up(); err != nil {
		t.Fatal(err)
	}
	return s
}

func startServers(t testing.TB, d dialect, n int) []*server {
	t.Helper()
	var all []*server
	for range n {
		all = append(all, startServer(t, d))
	}
	return all
}

// up starts the server, again if it was killed, and waits until it answers.
func (s *server) up() error {
	if err := s.Start(); err != nil {
		return err
	}
	if !processtest.Poll(processtest.Patience, func() bool { return s.Ended() || s.d.answers(s.addr) }) || s.Ended() {
		return fmt.Errorf("%s on %s does not come up: %s", s.Name, s.addr, s.Tail(500))
	}
	return nil
}

// served counts the reads that the server has answered since it was started; -1: it does not say.
func (s *server) served() int {
	text := "stats\r\n"
	if s.d == redis {
		text = redisCommand("INFO", "stats")
	}
	c, err := dialRaw(s.addr)
	if err != nil {
		return -1
	}
	defer c.close()
	reply, err := c.ask(s.d, text)
	if err != nil {
		return -1
	}
	n := 0
	for line := range bytes.Lines(reply) {
		f := strings.FieldsFunc(string(line), func(r rune) bool { return strings.ContainsRune(" :\r\n", r) })
		if len(f) < 2 {
			continue
		}
		switch f[len(f)-2] {
		case "keyspace_hits", "keyspace_misses", "get_hits", "get_misses":
			v, _ := strconv.Atoi(f[len(f)-1])
			n += v
		}
	}
	return n
}

// pool is one pool of a configuration.
type pool struct {
	name     string
	d        dialect
	servers  []string // addresses; their names in the ring are s0, s1, ...
	settings []string // lines like "timeout: 300"
}

func addrs(servers []*server) []string {
	var all []string
	for _, s := range servers {
		all = append(all, s.addr)
	}
	return all
}

// proxy is one running cashew.
type proxy struct {
	*processtest.Process
	addrs map[string]string // where each pool listens
	file  string            // its configuration
	conf  string            // what that says in calm times
	dump  int               // where in its output a dump of goroutines begins, if there is one
}

// maxMemory is what proxies are told to keep to.
const maxMemory = 192 << 20

// startProxy starts a proxy for the pools and waits until each of them answers. It is asked to end with the test, and has
// to do so in peace.
func startProxy(t testing.TB, loops int, pools ...pool) *proxy {
	t.Helper()
	p := &proxy{addrs: map[string]string{}}
	var conf bytes.Buffer
	fmt.Fprintf(&conf, "global:\n  loops: %d\n  max_memory: %d\n", loops, maxMemory)
	for _, pl := range pools {
		listen := "127.0.0.1:" + processtest.FreePort(t)
		p.addrs[pl.name] = listen
		fmt.Fprintf(&conf, "%s:\n  listen: %s\n  redis: %v\n", pl.name, listen, pl.d == redis)
		for _, line := range pl.settings {
			fmt.Fprintf(&conf, "  %s\n", line)
		}
		fmt.Fprint(&conf, "  servers:\n")
		for i, addr := range pl.servers {
			fmt.Fprintf(&conf, "   - %s:1 s%d\n", addr, i)
		}
	}
	file := filepath.Join(t.TempDir(), "cashew.yml")
	if err := os.WriteFile(file, conf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p.file, p.conf = file, conf.String()
	p.Process = processtest.New(t, cashew, "-c", file, "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	p.Shown = 1 << 20
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(t) })
	for _, pl := range pools {
		processtest.Await(t, processtest.Patience, "pool "+pl.name+" answers", func() bool {
			if p.Ended() {
				t.Fatalf("cashew ended: %v\n%s", p.State(), conf.Bytes())
			}
			return pl.d.answers(p.addrs[pl.name])
		})
	}
	return p
}

// reload has the proxy go on with another configuration, and waits until it does.
func (p *proxy) reload(conf string) error {
	if err := os.WriteFile(p.file, []byte(conf), 0o600); err != nil {
		return err
	}
	reloads := func() int { return bytes.Count(p.Printed(), []byte("configuration reloaded")) }
	n := reloads()
	p.Signal(syscall.SIGHUP)
	if !processtest.Poll(processtest.Patience, func() bool { return reloads() > n || p.Ended() }) || p.Ended() {
		return errors.New("the proxy does not reload")
	}
	return nil
}

// check looks for what may never happen to a proxy.
func (p *proxy) check(t testing.TB) {
	t.Helper()
	if p.Ended() {
		t.Fatalf("cashew ended: %v", p.State())
	}
	out := p.Printed()
	for _, bad := range []string{"panic", "fatal error:", "DATA RACE", "invariant"} {
		if i := bytes.Index(out, []byte(bad)); i >= 0 {
			t.Fatalf("cashew printed %q:\n%s", bad, out[max(0, i-200):min(len(out), i+4000)])
		}
	}
}

// stop has the proxy end, as an operator would.
func (p *proxy) stop(t testing.TB) {
	t.Helper()
	if p.dump > 0 {
		return // goroutines has ended it
	}
	p.check(t)
	p.Signal(syscall.SIGTERM)
	if !processtest.Poll(processtest.Patience, p.Ended) {
		t.Error("cashew goes on after SIGTERM")
		p.Kill()
	}
}

// goroutines ends the proxy in the way that has it print all its goroutines, and counts them. Those of the runtime do
// not count.
func (p *proxy) goroutines(t testing.TB) int {
	t.Helper()
	p.check(t)
	p.dump = len(p.Printed())
	p.Signal(syscall.SIGQUIT)
	if !processtest.Poll(processtest.Patience, p.Ended) {
		t.Fatal("cashew goes on after SIGQUIT")
	}
	n := 0
	for one := range bytes.SplitSeq(p.Printed()[p.dump:], []byte("\n\n")) {
		if bytes.HasPrefix(one, []byte("goroutine ")) && !bytes.Contains(one, []byte("created by runtime.")) {
			n++
		}
	}
	return n
}
