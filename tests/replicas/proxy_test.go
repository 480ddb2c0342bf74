//go:build unix

package replicas

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// proxy is a running cashew with one pool.
type proxy struct {
	*processtest.Process
	addr, admin string
}

// runProxy starts a proxy of one pool, whose servers and other settings are these lines.
func runProxy(t *testing.T, servers string, settings ...string) *proxy {
	t.Helper()
	p := &proxy{addr: "127.0.0.1:" + processtest.FreePort(t), admin: "127.0.0.1:" + processtest.FreePort(t)}
	var conf strings.Builder
	fmt.Fprintf(&conf, "r:\n  listen: %s\n  redis: true\n", p.addr)
	if !strings.Contains(strings.Join(settings, " "), "replica_interval") {
		settings = append(settings, "replica_interval: 50")
	}
	for _, line := range settings {
		fmt.Fprintf(&conf, "  %s\n", line)
	}
	fmt.Fprintf(&conf, "  servers:\n%sglobal:\n  admin: %s\n  loops: 2\n", servers, p.admin)
	file := filepath.Join(processtest.TempDir(t), "r.yml")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Process = processtest.Run(t, cashew, "-c", file, "-v", "6", "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	p.Shown = 16 << 10
	t.Cleanup(func() { p.Stop(t) })
	return p
}

// awaitReplicas waits until just so many replicas get reads.
func (p *proxy) awaitReplicas(t *testing.T, n int) {
	t.Helper()
	processtest.Await(t, patience, fmt.Sprintf("%d replicas get reads", n), func() bool {
		p.WantAlive(t)
		return p.well() == n
	})
}

// well is how many replicas get reads; below 0: the proxy does not tell.
func (p *proxy) well() (n int) {
	text := p.metrics()
	if !strings.Contains(text, "cashew_replica_well{") {
		return -1
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "cashew_replica_well{") && strings.HasSuffix(line, " 1\n") {
			n++
		}
	}
	return n
}

// await waits for a line of the proxy's log.
func (p *proxy) await(t *testing.T, text string) {
	t.Helper()
	processtest.Await(t, patience, "the log has "+text, func() bool { return bytes.Contains(p.Printed(), []byte(text)) })
}

// metrics are the proxy's figures; "": it does not tell them yet.
func (p *proxy) metrics() string { return p.page("/metrics") }

// page is one of the admin pages.
func (p *proxy) page(path string) string {
	reply, err := http.Get("http://" + p.admin + path)
	if err != nil {
		return ""
	}
	defer reply.Body.Close()
	text, _ := io.ReadAll(reply.Body)
	return string(text)
}

// node is a redis-server.
type node struct {
	*processtest.Process
	addr, port string
}

// newNode starts a server, a replica of one unless that is nil.
func newNode(t *testing.T, of *node, args ...string) *node {
	t.Helper()
	n := nodeAt(t, processtest.FreePort(t), of, args...)
	n.up(t)
	return n
}

// nodeAt is newNode at a port, not started yet.
func nodeAt(t *testing.T, port string, of *node, args ...string) *node {
	t.Helper()
	args = append([]string{"--bind", "127.0.0.1", "--port", port, "--repl-diskless-sync-delay", "0"}, args...)
	if of != nil {
		args = append(args, "--replicaof", "127.0.0.1", of.port)
	}
	return &node{processtest.Redis(t, args...), "127.0.0.1:" + port, port}
}

// up starts n, again if it was killed.
func (n *node) up(t *testing.T) {
	t.Helper()
	n.Up(t, func() bool { _, err := processtest.Ask(n.addr, "PING"); return err == nil })
}

// ask asks n.
func (n *node) ask(t *testing.T, args ...string) string {
	t.Helper()
	reply, err := processtest.Ask(n.addr, args...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// linked waits until n, a replica, has its master's data.
func (n *node) linked(t *testing.T) *node {
	t.Helper()
	processtest.Await(t, patience, "a replica has its master's data", func() bool {
		return strings.Contains(n.ask(t, "INFO", "replication"), "master_link_status:up")
	})
	return n
}

// calls is how often n was sent a command.
func (n *node) calls(t *testing.T, command string) int {
	t.Helper()
	_, rest, ok := strings.Cut(n.ask(t, "INFO", "commandstats"), "cmdstat_"+command+":calls=")
	if !ok {
		return 0
	}
	text, _, _ := strings.Cut(rest, ",")
	count, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// awaitReads waits until n, which has been up for as long as clients read, was asked for reads.
func (n *node) awaitReads(t *testing.T, p *proxy) {
	t.Helper()
	key := 0
	processtest.Await(t, patience, "reads at "+n.addr, func() bool {
		for range 8 { // by clients that write nothing, and of all servers: those of a load may find that no replica is as far as they are
			key++
			if _, err := processtest.Ask(p.addr, "GET", fmt.Sprint("unread", key)); err != nil {
				t.Fatal(err)
			}
		}
		return n.calls(t, "get")+n.calls(t, "mget") > 0
	})
}

// serversOf is the list of servers of a pool: a master with its replicas.
func serversOf(master *node, replicas ...*node) string {
	text := fmt.Sprintf("   - %s:1 shard1:\n      replicas:\n", master.addr)
	for _, r := range replicas {
		text += fmt.Sprintf("       - %s\n", r.addr)
	}
	return text
}
