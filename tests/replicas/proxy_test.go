//go:build unix

package replicas

import (
	"bytes"
	"fmt"
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
	_, text, _ := processtest.Page(http.MethodGet, "http://"+p.admin+path)
	return text
}

// newNode starts a server, a replica of one unless that is nil.
func newNode(t *testing.T, of *processtest.Node, args ...string) *processtest.Node {
	t.Helper()
	n := processtest.NewNode(t, processtest.FreePort(t), of, args...)
	n.Up(t)
	return n
}

// newReplica is newNode of one that has its master's data.
func newReplica(t *testing.T, of *processtest.Node, args ...string) *processtest.Node {
	t.Helper()
	n := newNode(t, of, args...)
	n.AwaitLink(t)
	return n
}

// calls is how often n was sent a command.
func calls(t *testing.T, n *processtest.Node, command string) int {
	t.Helper()
	_, rest, ok := strings.Cut(n.Want(t, "", "INFO", "commandstats"), "cmdstat_"+command+":calls=")
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
func (p *proxy) awaitReads(t *testing.T, n *processtest.Node) {
	t.Helper()
	key := 0
	processtest.Await(t, patience, "reads at "+n.Addr, func() bool {
		for range 8 { // by clients that write nothing, and of all servers: those of a load may find that no replica is as far as they are
			key++
			if _, err := processtest.Ask(p.addr, "GET", fmt.Sprint("unread", key)); err != nil {
				t.Fatal(err)
			}
		}
		return calls(t, n, "get")+calls(t, n, "mget") > 0
	})
}

// serversOf is the list of servers of a pool: a master with its replicas.
func serversOf(master *processtest.Node, replicas ...*processtest.Node) string {
	text := fmt.Sprintf("   - %s:1 shard1:\n      replicas:\n", master.Addr)
	for _, r := range replicas {
		text += fmt.Sprintf("       - %s\n", r.Addr)
	}
	return text
}
