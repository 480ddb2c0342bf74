//go:build unix

package near

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/near"
	"cashew/tests/processtest"
)

// proxy is a running cashew with one pool.
type proxy struct {
	*processtest.Process
	addr, admin, file string
}

// runProxy starts a proxy of one pool before servers, with other settings as these lines.
func runProxy(t *testing.T, servers []string, settings ...string) *proxy {
	t.Helper()
	dir := processtest.TempDir(t)
	p := &proxy{addr: "127.0.0.1:" + processtest.FreePort(t), admin: "127.0.0.1:" + processtest.FreePort(t), file: filepath.Join(dir, "n.yml")}
	p.configure(t, servers, settings...)
	p.Process = processtest.Run(t, cashew, "-c", p.file, "-v", "6", "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	p.Shown = 8 << 10
	t.Cleanup(func() { p.Stop(t) })
	processtest.Await(t, patience, "the proxy serves", func() bool {
		p.WantAlive(t)
		return processtest.Listens("tcp", p.addr)
	})
	return p
}

// configure writes the proxy's file.
func (p *proxy) configure(t *testing.T, servers []string, settings ...string) {
	t.Helper()
	var conf strings.Builder
	fmt.Fprintf(&conf, "n:\n  listen: %s\n", p.addr)
	for _, line := range settings {
		fmt.Fprintf(&conf, "  %s\n", line)
	}
	conf.WriteString("  servers:\n")
	for i, addr := range servers {
		if slices.Contains(settings, "cluster: true") {
			fmt.Fprintf(&conf, "   - %s\n", addr)
		} else {
			fmt.Fprintf(&conf, "   - %s:1 s%d\n", addr, i)
		}
	}
	fmt.Fprintf(&conf, "global:\n  admin: %s\n  loops: 2\n", p.admin)
	if err := os.WriteFile(p.file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reload has the proxy take another file.
func (p *proxy) reload(t *testing.T, servers []string, settings ...string) {
	t.Helper()
	before := bytes.Count(p.Printed(), []byte("configuration reloaded"))
	p.configure(t, servers, settings...)
	p.Signal(syscall.SIGHUP)
	processtest.Await(t, patience, "a reload", func() bool {
		p.WantAlive(t)
		return bytes.Count(p.Printed(), []byte("configuration reloaded")) > before
	})
}

// figures are those of what is kept.
func (p *proxy) figures(t *testing.T) near.Tally {
	t.Helper()
	var all struct {
		Pools []struct {
			Near *near.Tally `json:"near"`
		} `json:"pools"`
	}
	if text := p.page("/pools"); json.Unmarshal([]byte(text), &all) != nil || len(all.Pools) != 1 {
		t.Fatalf("/pools: %s", text)
	}
	if all.Pools[0].Near == nil {
		return near.Tally{}
	}
	return *all.Pools[0].Near
}

// page is one of the admin pages.
func (p *proxy) page(path string) string {
	_, text, _ := processtest.Page(http.MethodGet, "http://"+p.admin+path)
	return text
}

// heat reads a key until its reply is given from what is kept.
func (p *proxy) heat(t *testing.T, c *client, args ...string) {
	t.Helper()
	processtest.Await(t, patience, fmt.Sprintf("%q is kept", args), func() bool {
		before := p.figures(t).Hits
		c.ask(t, args...)
		return p.figures(t).Hits > before
	})
}

// redis is a redis-server.
type redis struct {
	*processtest.Process
	addr string
}

// newRedis starts a server.
func newRedis(t *testing.T, args ...string) *redis {
	t.Helper()
	port := processtest.FreePort(t)
	r := &redis{addr: "127.0.0.1:" + port}
	r.Process = processtest.Redis(t, append([]string{"--bind", "127.0.0.1", "--port", port}, args...)...)
	r.up(t)
	return r
}

// up starts r, again if it was killed.
func (r *redis) up(t *testing.T) {
	t.Helper()
	r.Up(t, func() bool { _, err := processtest.Ask(r.addr, "PING"); return err == nil })
}

// calls is how often r was sent a command.
func (r *redis) calls(t *testing.T, command string) int {
	t.Helper()
	text, err := processtest.Ask(r.addr, "INFO", "commandstats")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(text, "cmdstat_"+command+":calls=")
	if !ok {
		return 0
	}
	text, _, _ = strings.Cut(rest, ",")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// client is a connection of a test, to a proxy or a server.
type client struct{ *processtest.Conn }

// dial connects, and logs in or chooses its version and database as commands say.
func dial(t *testing.T, addr string, first ...string) *client {
	t.Helper()
	conn, err := processtest.Dial(addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &client{conn}
	for _, command := range first {
		if reply := c.ask(t, strings.Fields(command)...); strings.HasPrefix(reply, "-") {
			t.Fatalf("%s: %s", command, reply)
		}
	}
	return c
}

// ask sends a command and returns its reply.
func (c *client) ask(t *testing.T, args ...string) string {
	t.Helper()
	reply, err := c.do(args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return reply
}

func (c *client) do(args ...string) (string, error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(processtest.AppendCommand(nil, args...)); err != nil {
		return "", err
	}
	return c.Reply()
}
