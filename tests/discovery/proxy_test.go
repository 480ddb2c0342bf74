//go:build unix

package discovery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"cashew/tests/processtest"
)

// keys is how many keys each server has: its value of "k7" is "k7@PORT".
const keys = 100

// startServers starts redis-servers and returns their ports.
func startServers(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		port := processtest.FreePort(t)
		s := processtest.Redis(t, "--port", port, "--bind", "127.0.0.1")
		s.Up(t, func() bool {
			reply, err := processtest.Ask("127.0.0.1:"+port, "PING")
			return err == nil && reply == "+PONG"
		})
		words := []string{"MSET"}
		for i := range keys {
			words = append(words, fmt.Sprint("k", i), fmt.Sprint("k", i, "@", port))
		}
		if reply, err := processtest.Ask("127.0.0.1:"+port, words...); err != nil || reply != "+OK" {
			t.Fatal(reply, err)
		}
		ports = append(ports, port)
	}
	return ports
}

// proxy is a running cashew with one pool.
type proxy struct {
	*processtest.Process
	addr, admin string
	dir         string
	settings    []string
}

// startProxy starts a proxy whose pool has these settings, in which DIR is a directory of its own.
func startProxy(t *testing.T, settings ...string) *proxy {
	t.Helper()
	p := &proxy{addr: "127.0.0.1:" + processtest.FreePort(t), admin: "127.0.0.1:" + processtest.FreePort(t), dir: processtest.TempDir(t), settings: settings}
	p.run(t)
	t.Cleanup(func() { p.end(t) })
	return p
}

// run starts the process, and waits until it listens.
func (p *proxy) run(t *testing.T) {
	t.Helper()
	p.configure(t)
	p.Process = processtest.New(t, cashew, "-c", p.dir+"/conf.yml", "-v", "6", "-a", "127.0.0.1", "-s", processtest.FreePort(t), "-p", p.dir+"/pid")
	p.Shown = 16 << 10
	p.Up(t, func() bool { return processtest.Listens("tcp", p.addr) })
}

// configure writes the configuration.
func (p *proxy) configure(t *testing.T) {
	t.Helper()
	var conf strings.Builder
	fmt.Fprintf(&conf, "p:\n  listen: %s\n  hash: md5\n", p.addr) // which spreads keys that are alike
	if !slices.Contains(p.settings, "redis: false") {
		conf.WriteString("  redis: true\n")
	}
	for _, line := range p.settings {
		fmt.Fprintf(&conf, "  %s\n", strings.ReplaceAll(line, "DIR", p.dir))
	}
	fmt.Fprintf(&conf, "global:\n  admin: %s\n", p.admin)
	if err := os.WriteFile(p.dir+"/conf.yml", []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pid is that of the process that serves now.
func (p *proxy) pid() int {
	text, _ := os.ReadFile(p.dir + "/pid")
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// upgrade has another process take over, and waits until it has.
func (p *proxy) upgrade(t *testing.T) {
	t.Helper()
	before := p.pid()
	if err := syscall.Kill(before, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	processtest.Await(t, patience, "another process has taken over", func() bool {
		pid := p.pid()
		return pid != 0 && pid != before && syscall.Kill(before, 0) != nil || before == p.Pid() && pid != before && p.Ended()
	})
}

// end ends the process that serves.
func (p *proxy) end(t *testing.T) {
	t.Helper()
	if pid := p.pid(); pid != 0 && pid != p.Pid() { // a successor
		_ = syscall.Kill(pid, syscall.SIGTERM)
		processtest.Await(t, patience, "the successor ends", func() bool { return syscall.Kill(pid, 0) != nil })
		return
	}
	if !p.Ended() {
		p.Stop(t)
	}
}

// reload has the proxy read its configuration again, and waits until it has.
func (p *proxy) reload(t *testing.T) {
	t.Helper()
	p.page(t, http.MethodPost, "/reload")
}

// page is what the admin pages say.
func (p *proxy) page(t *testing.T, method, path string) string {
	t.Helper()
	status, body, err := processtest.Page(method, "http://"+p.admin+path)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s %s: %d %s, %v", method, path, status, body, err)
	}
	return body
}

// awaitMetric waits until a figure of the pool is as it is to be.
func (p *proxy) awaitMetric(t *testing.T, name string, is func(float64) bool) {
	t.Helper()
	processtest.Await(t, patience, name, func() bool {
		for line := range strings.Lines(p.page(t, http.MethodGet, "/metrics")) {
			if value, ok := strings.CutPrefix(line, "cashew_"+name+`{pool="p"} `); ok {
				n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
				return err == nil && is(n)
			}
		}
		return false
	})
}

// found is what /pools says of how the pool's servers are found.
type found struct {
	Up               bool
	Waiting, Refused int
	Reason           string
}

// awaitFound waits until that is as it is to be.
func (p *proxy) awaitFound(t *testing.T, what string, is func(f *found) bool) {
	t.Helper()
	processtest.Await(t, patience, what, func() bool {
		var page struct{ Pools []struct{ Discovery found } }
		if err := json.Unmarshal([]byte(p.page(t, http.MethodGet, "/pools")), &page); err != nil || len(page.Pools) != 1 {
			t.Fatalf("/pools: %+v, %v", page, err)
		}
		return is(&page.Pools[0].Discovery)
	})
}

// awaitDoubt waits until a list has been told by which so many servers would join or leave, and which nothing but a person has come into force.
func (p *proxy) awaitDoubt(t *testing.T, servers int) {
	t.Helper()
	p.awaitFound(t, "the list is doubted", func(f *found) bool {
		return f.Up && f.Waiting == servers && strings.HasPrefix(f.Reason, "it is empty, or lacks more than half")
	})
}

// servers are the ports of those that answer for all keys, sorted.
func (p *proxy) servers() (ports []string, err error) {
	c, err := processtest.Dial(p.addr, patience)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var text []byte
	for i := range keys {
		text = processtest.AppendCommand(text, "GET", fmt.Sprint("k", i))
	}
	if _, err := c.Write(text); err != nil {
		return nil, err
	}
	for i := range keys {
		reply, err := c.Reply()
		if err != nil {
			return nil, err
		}
		port, ok := strings.CutPrefix(reply, fmt.Sprint("k", i, "@"))
		if !ok {
			return nil, fmt.Errorf("GET k%d = %q", i, reply)
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	slices.Sort(ports)
	return ports, nil
}

// await waits until the servers at these ports have all keys among them, and no other has one.
func (p *proxy) await(t *testing.T, ports ...string) {
	t.Helper()
	ports = slices.Sorted(slices.Values(ports))
	var got []string
	var err error
	if !processtest.Poll(patience, func() bool { got, err = p.servers(); return slices.Equal(got, ports) }) {
		t.Fatalf("keys are at %v, %v; want %v\n%s", got, err, ports, p.Tail(8<<10))
	}
}

// want wants the servers at these ports to have all keys, now.
func (p *proxy) want(t *testing.T, ports ...string) {
	t.Helper()
	ports = slices.Sorted(slices.Values(ports))
	if got, err := p.servers(); !slices.Equal(got, ports) {
		t.Errorf("keys are at %v, %v; want %v", got, err, ports)
	}
}

// writeList writes a file with a list of servers, in one go.
func (p *proxy) writeList(t *testing.T, lines ...string) {
	t.Helper()
	file := filepath.Join(p.dir, "list")
	if err := os.WriteFile(file+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// load is steady traffic of several clients, each of whom reads keys that all servers have, and knows what the reply to each begins with.
type load struct {
	addr    string
	stop    atomic.Bool
	running sync.WaitGroup

	mu      sync.Mutex
	wrong   []string
	replies int
}

func startLoad(t *testing.T, p *proxy, clients int) *load {
	t.Helper()
	l := &load{addr: p.addr}
	for i := range clients {
		l.running.Go(func() { l.run(i) })
	}
	t.Cleanup(func() { l.stop.Store(true); l.running.Wait() })
	return l
}

func (l *load) report(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// run is one client, who stays connected to the end.
func (l *load) run(client int) {
	c, err := processtest.Dial(l.addr, patience)
	if err != nil {
		l.report("client %d: %v", client, err)
		return
	}
	defer c.Close()
	own := fmt.Sprint("own", client)
	for n := client * 7; !l.stop.Load(); n += 16 {
		text := processtest.AppendCommand(nil, "SET", own, fmt.Sprint(own, "@", n))
		want := []string{"+OK"}
		for i := range 16 {
			key := fmt.Sprint("k", (n+i*(client+1))%keys)
			text, want = processtest.AppendCommand(text, "GET", key), append(want, key+"@")
		}
		text, want = processtest.AppendCommand(text, "MGET", "k1", "k2", "k3"), append(want, "(k1@")
		if _, err := c.Write(processtest.AppendCommand(text, "GET", own)); err != nil {
			l.report("client %d: %v", client, err)
			return
		}
		for _, w := range append(want, "own") {
			reply, err := c.Reply()
			if err != nil {
				l.report("client %d: %v", client, err)
				return
			}
			if w == "own" {
				l.judge(reply, own, n)
			} else if !strings.HasPrefix(reply, w) {
				l.report("client %d: %q where %s... was asked for", client, reply, w)
			}
		}
		l.mu.Lock()
		l.replies += len(want) + 1
		l.mu.Unlock()
	}
}

// judge looks at what a client wrote last, or before, where the server is another by now.
func (l *load) judge(reply, own string, n int) {
	if reply == "" || reply == "$-1" { // that server never had it
		return
	}
	text, ok := strings.CutPrefix(reply, own+"@")
	if was, err := strconv.Atoi(text); !ok || err != nil || was > n {
		l.report("GET %s = %q, where %d was written last", own, reply, n)
	}
}

// end stops the clients and tells what they saw: nothing wrong.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop.Store(true)
	l.running.Wait()
	for _, text := range l.wrong[:min(len(l.wrong), 10)] {
		t.Error(text)
	}
	if l.replies == 0 {
		t.Error("no client was answered")
	}
	t.Logf("%d replies, %d wrong", l.replies, len(l.wrong))
}

// accept has what was discovered last come into force.
func (p *proxy) accept(t *testing.T) {
	t.Helper()
	p.page(t, http.MethodPost, "/discovery/accept?pool=p")
}
