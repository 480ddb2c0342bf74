//go:build unix

package discovery

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// at is a line of a list.
func at(port, name string) string { return fmt.Sprintf("127.0.0.1:%s:1 %s", port, name) }

// TestFile: a list in a file changes in all ways, with nonsense in between, under load: no client sees anything of it; what was known outlives a
// reload, an upgrade, and a restart without the file.
func TestFile(t *testing.T) {
	processtest.Beside(t)
	s := startServers(t, 4)
	p := startProxy(t, "discovery: file DIR/list", "on_membership: apply", "discovery_settle_msecs: 300", "discovery_cache: DIR/kept", "discovery_wait_msecs: 300")
	for _, command := range []string{"GET", "SUBSCRIBE"} {
		if reply, err := processtest.Ask(p.addr, command, "k1"); err != nil || reply != "-ERR nobody has told yet where the server is" {
			t.Errorf("before there is a list %s is answered %q, %v", command, reply, err)
		}
	}
	p.writeList(t, `- "`+at(s[0], "a")+`"`, "'"+at(s[1], "b")+"' # as below servers")
	p.await(t, s[0], s[1])
	l := startLoad(t, p, 4)
	p.writeList(t, at(s[2], "a"), at(s[1], "b")) // another address
	p.await(t, s[2], s[1])
	p.writeList(t, at(s[1], "a"), at(s[2], "b"), at(s[3], "c")) // one joins, two change places
	p.await(t, s[1], s[2], s[3])
	p.writeList(t, at(s[0], "a"), at(s[3], "c")) // one leaves
	p.await(t, s[0], s[3])
	p.writeList(t, at(s[0], "a"), at(s[3], "b")) // one has another name
	p.await(t, s[0], s[3])
	p.writeList(t, at(s[0], "a"), at(s[1], "b"))
	p.await(t, s[0], s[1])
	refused := 0
	for _, nonsense := range []struct {
		list    string
		doubted int // servers that would join or leave; 0: it is refused
	}{
		{"", 2},
		{"what is this?", 0},
		{at(s[2], "a") + "\n" + at(s[3], "a"), 0},
		{at(s[2], "x") + "\n" + at(s[3], "y"), 4},
		{at(s[2], `a"`) + "\n" + at(s[3], "b"), 0},
	} {
		p.writeList(t, nonsense.list)
		if nonsense.doubted > 0 {
			p.awaitDoubt(t, nonsense.doubted)
		} else {
			refused++
			p.awaitFound(t, "the list is refused", func(f *found) bool { return f.Refused == refused && !f.Up })
		}
		p.want(t, s[0], s[1])
	}
	if err := os.Remove(p.dir + "/list"); err != nil {
		t.Fatal(err)
	}
	p.settings = append(p.settings, "timeout: 20000")
	p.configure(t)
	p.reload(t)
	p.want(t, s[0], s[1])
	p.upgrade(t)
	p.want(t, s[0], s[1])
	p.writeList(t, at(s[0], "a"), at(s[2], "b"), at(s[3], "c"))
	p.await(t, s[0], s[2], s[3])
	l.end(t)

	if err := os.Remove(p.dir + "/list"); err != nil {
		t.Fatal(err)
	}
	p.end(t)
	p.run(t)
	p.want(t, s[0], s[2], s[3])
	text, err := exec.Command(cashew, "explain", "-c", p.dir+"/conf.yml", "k1", "k2", "k3").CombinedOutput()
	if err != nil || !strings.Contains(string(text), "127.0.0.1:") || !strings.Contains(string(text), "nobody tells") {
		t.Errorf("cashew explain: %v: %s", err, text)
	}
}

// TestCacheAway: what is in force is in discovery_cache though its directory was away as it came, also if a reload has others look for servers by then.
func TestCacheAway(t *testing.T) {
	processtest.Beside(t)
	s := startServers(t, 3)
	p := startProxy(t, "discovery: file DIR/list", "on_membership: apply", "discovery_settle_msecs: 100", "discovery_cache: DIR/cache/kept", "discovery_wait_msecs: 300")
	isUnkept := func(want float64) {
		t.Helper()
		p.awaitMetric(t, "discovery_unkept", func(n float64) bool { return n == want })
	}
	restart := func(ports ...string) {
		t.Helper()
		if err := os.Rename(p.dir+"/list", p.dir+"/away"); err != nil {
			t.Fatal(err)
		}
		p.end(t)
		p.run(t)
		p.want(t, ports...)
	}
	p.writeList(t, at(s[0], "a"), at(s[1], "b"))
	p.await(t, s[0], s[1])
	isUnkept(1)
	if err := os.Mkdir(p.dir+"/cache", 0o700); err != nil {
		t.Fatal(err)
	}
	isUnkept(0)
	restart(s[0], s[1])
	if err := os.Rename(p.dir+"/cache", p.dir+"/cache.away"); err != nil {
		t.Fatal(err)
	}
	p.writeList(t, at(s[0], "a"), at(s[1], "b"), at(s[2], "c"))
	p.await(t, s...)
	isUnkept(1)
	p.settings = append(p.settings, "timeout: 20000")
	p.configure(t)
	p.reload(t)
	p.settings[2] = "discovery_settle_msecs: 101"
	p.configure(t)
	p.reload(t)
	isUnkept(1)
	if err := os.Rename(p.dir+"/cache.away", p.dir+"/cache"); err != nil {
		t.Fatal(err)
	}
	isUnkept(0)
	restart(s...)
}

// TestWarn: with on_membership: warn the ring stays, whatever joins or leaves; a person has it come into force.
func TestWarn(t *testing.T) {
	processtest.Beside(t)
	s := startServers(t, 3)
	p := startProxy(t, "discovery: file DIR/list", "discovery_wait_msecs: 100", "servers:", "  - "+at(s[0], "a"), "  - "+at(s[1], "b"))
	p.want(t, s[0], s[1])
	p.writeList(t, at(s[2], "a"), at(s[1], "b"), at(s[0], "c"))
	p.await(t, s[2], s[1])
	p.awaitMetric(t, "discovery_waiting_servers", func(n float64) bool { return n == 1 })
	if log := string(p.Printed()); !strings.Contains(log, "servers would change") || !strings.Contains(log, "joined=[c]") || !strings.Contains(log, "keys_moved=") {
		t.Errorf("the log does not say what would change")
	}
	p.writeList(t, at(s[2], "c"))
	p.awaitMetric(t, "discovery_waiting_servers", func(n float64) bool { return n == 3 })
	p.want(t, s[2], s[1])
	p.accept(t)
	p.want(t, s[2])
	p.writeList(t, "nonsense")
	p.awaitFound(t, "the list is refused", func(f *found) bool { return f.Refused == 1 })
	p.upgrade(t) // which has no file of what was known
	p.want(t, s[2])
}

// TestHuge: 500 servers of which one in five is exchanged, and comes back, under load; many are at one address.
func TestHuge(t *testing.T) {
	processtest.Beside(t)
	s := startServers(t, 3)
	list := func(from, to int) (lines []string) {
		for i := from; i < to; i++ {
			lines = append(lines, at(s[i%3], fmt.Sprint("n", i)))
		}
		return lines
	}
	p := startProxy(t, "discovery: file DIR/list", "discovery_wait_msecs: 10", "on_membership: apply", "discovery_settle_msecs: 100")
	p.writeList(t, list(0, 500)...)
	p.await(t, s...)
	l := startLoad(t, p, 4)
	for n, from := range []int{100, 0} {
		p.writeList(t, list(from, from+500)...)
		p.awaitMetric(t, "discovery_changes_total", func(changes float64) bool { return changes == float64(n+2) })
		p.want(t, s...)
	}
	l.end(t)
}

// TestOwed: a request that a server owes is answered by it, though it has left the list meanwhile, and what comes behind it waits for no other.
func TestOwed(t *testing.T) {
	processtest.Beside(t)
	s := startServers(t, 1)
	port := processtest.FreePort(t)
	slow := processtest.Redis(t, "--port", port, "--bind", "127.0.0.1")
	slow.Up(t, func() bool {
		reply, err := processtest.Ask("127.0.0.1:"+port, "SET", "k", "slow")
		return err == nil && reply == "+OK"
	})
	if reply, err := processtest.Ask("127.0.0.1:"+s[0], "SET", "k", "fast"); err != nil || reply != "+OK" {
		t.Fatal(reply, err)
	}
	p := startProxy(t, "discovery: file DIR/list", "discovery_wait_msecs: 10", "servers:", "  - "+at(port, "a"))
	p.writeList(t, at(port, "a"))
	p.awaitMetric(t, "discovery_up", func(n float64) bool { return n == 1 })
	owed, err := processtest.Dial(p.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer owed.Close()
	if reply, err := processtest.Ask(p.addr, "GET", "k"); err != nil || reply != "slow" {
		t.Fatalf("GET k = %q, %v", reply, err)
	}
	slow.Pause(t)
	get := processtest.AppendCommand(nil, "GET", "k")
	if _, err := owed.Write(get); err != nil {
		t.Fatal(err)
	}
	processtest.Await(t, patience, "the server owes a reply", func() bool { return strings.Contains(p.page(t, http.MethodGet, "/pools"), `"out_queue":1`) })
	p.writeList(t, at(s[0], "a"))
	p.awaitMetric(t, "discovery_moves_total", func(n float64) bool { return n == 1 })
	if reply, err := processtest.Ask(p.addr, "GET", "k"); err != nil || reply != "fast" {
		t.Errorf("GET k = %q, %v", reply, err)
	}
	if _, err := owed.Write(get); err != nil {
		t.Fatal(err)
	}
	slow.Signal(syscall.SIGCONT)
	for _, want := range []string{"slow", "fast"} {
		if reply, err := owed.Reply(); err != nil || reply != want {
			t.Errorf("the client that was owed a reply gets %q, %v; want %q", reply, err, want)
		}
	}
}

// TestMemcached: a pool of memcacheds has its servers from elsewhere likewise.
func TestMemcached(t *testing.T) {
	processtest.Beside(t)
	var ports []string
	for range 2 {
		port := processtest.FreePort(t)
		processtest.Memcached(t, "-l", "127.0.0.1", "-p", port, "-U", "0").Up(t, func() bool { return processtest.Listens("tcp", "127.0.0.1:"+port) })
		ports = append(ports, port)
	}
	p := startProxy(t, "redis: false", "discovery: file DIR/list")
	c, err := net.DialTimeout("tcp", p.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(4 * patience)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	ask := func(command, want string) bool {
		t.Helper()
		if _, err := io.WriteString(c, command+"\r\n"); err != nil {
			t.Fatal(err)
		}
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		for strings.HasPrefix(line, "VALUE ") {
			if line, err = r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if end, err := r.ReadString('\n'); err != nil || end != "END\r\n" {
				t.Fatalf("%q, %v", end, err)
			}
		}
		return strings.TrimSpace(line) == want
	}
	if !ask("get k", "SERVER_ERROR nobody has told yet where the server is") {
		t.Error("before there is a list there is another error")
	}
	p.writeList(t, at(ports[0], "a"))
	processtest.Await(t, patience, "a value is stored", func() bool { return ask("set k 0 0 3\r\none", "STORED") })
	if !ask("get k", "one") {
		t.Error("the value is another")
	}
	p.writeList(t, at(ports[1], "a"))
	processtest.Await(t, patience, "another server answers", func() bool { return ask("get k", "END") })
}
