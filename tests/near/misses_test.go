//go:build unix

package near

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// TestOneMiss: of a key that a thousand ask for at once, the server is asked once by each loop.
func TestOneMiss(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	p := runProxy(t, []string{r.addr}, "redis: true", "near_cache: 1mb", "near_cache_keys: k*")
	dial(t, r.addr, "SET k v", "SET other v")
	clients := make([]*client, ifShort(50, 1000))
	for i := range clients {
		clients[i] = dial(t, p.addr)
		clients[i].ask(t, "GET", "other") // the connections to the server are open
	}
	gets, misses := r.calls(t, "get"), p.figures(t).Misses
	r.Pause(t) // so that no answer comes before all have asked
	for _, c := range clients {
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write(processtest.AppendCommand(nil, "GET", "k")); err != nil {
			t.Fatal(err)
		}
	}
	processtest.Await(t, patience, "all have asked", func() bool { return p.figures(t).Misses-misses == int64(len(clients)) })
	r.Signal(syscall.SIGCONT)
	for _, c := range clients {
		if reply, err := c.Reply(); err != nil || reply != "v" {
			t.Fatalf("%q, %v", reply, err)
		}
	}
	n := r.calls(t, "get") - gets
	t.Logf("%d clients asked at once, and the server was asked %d times: %+v", len(clients), n, p.figures(t))
	if n > 2 {
		t.Errorf("the server was asked %d times by two loops", n)
	}
}

// TestUsers: who may not read a key is given nothing that is kept of it.
func TestUsers(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	p := runProxy(t, []string{r.addr}, "redis: true", "near_cache: 1mb", "near_cache_keys: k*",
		"users:", "  - default on nopass ~* +@all", "  - app on >secret ~app:* +@all", "  - counts on >secret ~* +@all -get")
	dial(t, r.addr, "SET k v")
	reader := dial(t, p.addr)
	p.heat(t, reader, "GET", "k")
	p.heat(t, reader, "MGET", "k", "kk")
	for _, user := range []string{"app", "counts"} {
		c := dial(t, p.addr, "AUTH "+user+" secret")
		if reply := c.ask(t, "GET", "k"); !strings.HasPrefix(reply, "-NOPERM") {
			t.Errorf("%s is given %q", user, reply)
		}
		if reply := c.ask(t, "MGET", "k", "kk"); user == "app" && !strings.HasPrefix(reply, "-NOPERM") || user == "counts" && reply != "(v,)" {
			t.Errorf("%s is given %q", user, reply)
		}
	}
	if reply := reader.ask(t, "GET", "k"); reply != "v" {
		t.Errorf("%q", reply)
	}
}

// memcache is a connection that speaks memcached's text.
type memcache struct {
	*client
	r *bufio.Reader
}

func dialMemcached(t *testing.T, addr string) *memcache {
	t.Helper()
	c := dial(t, addr)
	return &memcache{c, bufio.NewReader(c)}
}

func (c *memcache) ask(t *testing.T, command string) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	var reply []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			t.Fatalf("%q: %v", command, err)
		}
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "VALUE") {
			value, _ := c.r.ReadString('\n')
			reply = append(reply, strings.TrimSpace(value))
			continue
		}
		if strings.HasPrefix(line, "VA ") {
			_, _ = c.r.ReadString('\n')
		}
		return strings.Join(append(reply, line), " ")
	}
}

// TestMemcached: a write through the proxy is seen at once by whoever asks then, and one straight at the server once its time is over.
func TestMemcached(t *testing.T) {
	t.Parallel()
	port := processtest.FreePort(t)
	m := processtest.Memcached(t, "-l", "127.0.0.1", "-p", port)
	addr := "127.0.0.1:" + port
	m.Up(t, func() bool { return processtest.Listens("tcp", addr) })
	p := runProxy(t, []string{addr}, "near_cache: 1mb", "near_cache_untracked_msecs: 300")
	direct, c := dialMemcached(t, addr), dialMemcached(t, p.addr)
	others := []*memcache{dialMemcached(t, p.addr), dialMemcached(t, p.addr), dialMemcached(t, p.addr)}
	version := 0
	for _, write := range []string{"set k 0 0 %d\r\n%s", "cas k 0 0 %[1]d %[3]s\r\n%[2]s", "append k 0 0 %d\r\n%s", "ms k %d\r\n%s", "replace k 0 0 %d noreply\r\n%s"} {
		for range ifShort(5, 50) {
			version++
			v := fmt.Sprint(version)
			command := ""
			switch {
			case strings.HasPrefix(write, "cas"):
				if _, err := fmt.Fprintf(c, "gets k\r\n"); err != nil {
					t.Fatal(err)
				}
				line, _ := c.r.ReadString('\n')
				_, _ = c.r.ReadString('\n')
				_, _ = c.r.ReadString('\n')
				command = fmt.Sprintf(write, len(v), v, strings.Fields(line)[4])
			case strings.HasPrefix(write, "append"):
				c.ask(t, "set k 0 0 0\r\n")
				command = fmt.Sprintf(write, len(v), v)
			default:
				command = fmt.Sprintf(write, len(v), v)
			}
			if strings.Contains(write, "noreply") { // done once a reply behind it came
				if reply := c.ask(t, command+"\r\nget k"); reply != v+" END" {
					t.Fatalf("%q behind %q", reply, command)
				}
			} else if reply := c.ask(t, command); reply != "STORED" && reply != "HD" {
				t.Fatalf("%q: %q", command, reply)
			}
			for _, o := range others {
				for i := range 16 {
					read := []string{"get k", "get none k", "mg k v", "get k k"}[i%4]
					want := []string{v + " END", v + " END", fmt.Sprintf("VA %d", len(v)), v + " " + v + " END"}[i%4]
					if reply := o.ask(t, read); reply != want {
						t.Fatalf("%q to %s behind %q", reply, read, command)
					}
				}
			}
		}
	}
	if n := p.figures(t); n.Hits == 0 || n.Kept == 0 {
		t.Errorf("nothing was kept: %+v", n)
	}
	direct.ask(t, "set k 0 0 3\r\nnew")
	processtest.Await(t, patience, "a write at the server is seen", func() bool { return c.ask(t, "get k") == "new END" })
}

// TestReload: nothing stale is given while near_cache comes, goes and changes, and keys go other ways to their server.
func TestReload(t *testing.T) {
	t.Parallel()
	port := processtest.FreePort(t)
	a, b := "127.0.0.1:"+port, "127.0.0.2:"+port // one server
	if !processtest.Listens("tcp", a) {
		r := processtest.Redis(t, "--bind", "127.0.0.1", "127.0.0.2", "--port", port)
		r.Up(t, func() bool { _, err := processtest.Ask(b, "PING"); return err == nil })
	}
	always := []string{"redis: true", "databases: 2", "hash_tag: \"{}\""}
	with := func(keys ...string) []string { return append(always[:len(always):len(always)], keys...) }
	p := runProxy(t, []string{a}, with("near_cache: 1mb")...)
	f := &fresh{addr: p.addr, moving: true}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.run(t, 4, 12, patience)
	}()
	hits := int64(0)
	for i := range ifShort(4, 32) {
		settings, servers := with("near_cache: 2mb", "near_cache_msecs: 30000"), []string{a, b}[:1+i/2%2]
		switch {
		case i%16 == 15: // what is kept afterwards begins two seconds later
			settings = always
		case i%2 == 0:
			settings = with("near_cache: 1mb", "near_cache_keys: k*")
		}
		p.reload(t, servers, settings...)
		reads, before := f.reads.Load(), p.figures(t).Hits
		processtest.Await(t, patience, "reads", func() bool { return f.reads.Load() > reads+2000 || f.stop.Load() })
		hits += max(p.figures(t).Hits-before, 0)
	}
	f.stop.Store(true)
	<-done
	t.Logf("%d reads, of them %d of what was kept, and %d writes", f.reads.Load(), hits, f.wrote.Load())
	if hits == 0 {
		t.Error("nothing was kept")
	}
}

// TestRights: what docs/near-cache.md says that the server's user has to be allowed is enough: the server is asked whether it is well, and goes on
// telling.
func TestRights(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/near-cache.md")
	if err != nil {
		t.Fatal(err)
	}
	rights := regexp.MustCompile("`(\\+[+|a-z ]*)`").FindSubmatch(text)
	if rights == nil {
		t.Fatal("the page has no rights")
	}
	for name, keys := range both { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			r := newRedis(t)
			dial(t, r.addr, "ACL SETUSER proxy on >secret ~* +get "+string(rights[1]), "SET k v")
			p := runProxy(t, []string{r.addr}, "redis: true", "server_username: proxy", "server_password: secret", "near_cache: 1mb", "near_cache_keys: "+keys)
			reader := dial(t, p.addr)
			p.heat(t, reader, "GET", "k")
			before := r.calls(t, "ping")
			processtest.Await(t, patience, "the server is asked whether it is well", func() bool { return r.calls(t, "ping") > before+1 || p.figures(t).Dropped > 0 })
			if reply := reader.ask(t, "GET", "k"); reply != "v" || p.figures(t).Dropped > 0 || !strings.Contains(p.page("/metrics"), `state="on"} 1`) {
				t.Errorf("%q, %+v", reply, p.figures(t))
			}
		})
	}
}
