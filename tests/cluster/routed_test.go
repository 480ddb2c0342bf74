//go:build unix

package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cashew/ring"
	"cashew/tests/processtest"
)

// routed is a proxy with two doors to the same keys: the plain pool front, which routes half of the tags to the cluster c, and c, which routes the
// others to front. So each key is at the same place, whichever door its client came through.
type routed struct {
	*processtest.Process
	front, c string
	plain    []*processtest.Process // servers of front
	addrs    []string               // theirs
}

// inCluster says that the cluster has the keys with a tag.
func inCluster(tag string) bool { return slices.Index(tags, tag)%2 == 0 }

// startRouted starts it before a cluster and two servers of its own; others are more pools of the file.
func startRouted(t *testing.T, c *processtest.Cluster, others ...string) *routed {
	t.Helper()
	p := &routed{front: "127.0.0.1:" + processtest.FreePort(t), c: "127.0.0.1:" + processtest.FreePort(t)}
	for range 2 {
		port := processtest.FreePort(t)
		addr := "127.0.0.1:" + port
		server := processtest.Redis(t, "--bind", "127.0.0.1", "--port", port)
		server.Up(t, func() bool { return processtest.Listens("tcp", addr) })
		p.plain, p.addrs = append(p.plain, server), append(p.addrs, addr)
	}
	routes := func(pool string, there bool) string {
		line := pool
		for _, tag := range tags {
			if inCluster(tag) == there {
				for _, kind := range []string{"n", "m", "s", "t"} { // load's names of keys
					line += " " + kind + tag + "*"
				}
				line += " " + tag + "*"
			}
		}
		return "  routes:\n   - " + line + "\n"
	}
	conf := fmt.Sprintf("global:\n  admin: 127.0.0.1:%s\n", processtest.FreePort(t)) +
		"front:\n  listen: " + p.front + "\n  redis: true\n" + routes("c", true) + "  servers:\n   - " + strings.Join(p.addrs, ":1\n   - ") + ":1\n" +
		"c:\n  listen: " + p.c + "\n  redis: true\n  cluster: true\n" + routes("front", false) + "  servers:\n   - " + c.Nodes[0].Addr + "\n" + strings.Join(others, "")
	file := filepath.Join(processtest.TempDir(t), "c.yml")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Process = processtest.Run(t, cashew, "-c", file, "-v", "4", "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	t.Cleanup(func() { p.Stop(t) })
	processtest.Await(t, patience, "the proxy serves each slot", func() bool {
		p.WantAlive(t)
		for _, addr := range []string{p.front, p.c} {
			if reply, err := processtest.Ask(addr, append([]string{"MGET"}, tags...)...); err != nil || strings.HasPrefix(reply, "-") {
				return false
			}
		}
		return true
	})
	return p
}

// wantAtHome fails the test if a key is at a server where it does not belong, or none is where some do.
func (p *routed) wantAtHome(t *testing.T, c *processtest.Cluster) {
	t.Helper()
	count := map[bool]int{}
	look := func(addr string, isCluster bool) {
		for _, key := range strings.Split(ask(addr, "KEYS", "*"), "\n") {
			at := strings.Index(key, "{")
			if at < 0 {
				continue
			}
			if tag := key[at : at+3]; inCluster(tag) != isCluster {
				t.Errorf("key %q is at %s", key, addr)
			}
			count[isCluster]++
		}
	}
	for _, addr := range p.addrs {
		look(addr, false)
	}
	for _, n := range c.Nodes {
		look(n.Addr, true)
	}
	if count[true] == 0 || count[false] == 0 {
		t.Errorf("%d keys are in the cluster, and %d are not", count[true], count[false])
	}
}

// TestRouted: no client sees, but for halved, that slots move and that replicas take their masters' places in a cluster that its pool routes to, or that routes to
// others; what has keys of both is one command, and each key is where it belongs.
func TestRouted(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 1, "--cluster-node-timeout", "2000")
	p := startRouted(t, c)
	loads := []*load{startLoadFrom(t, p.front, 0, 5, 6), startLoadFrom(t, p.c, 100, 5, 6)}
	m := newMover(t, c, 3)
	for end := time.Now().Add(lasts(2 * time.Second)); time.Now().Before(end); {
		m.move(t, tags[m.moves%len(tags)])
	}
	for i := range 2 {
		c.Failover(t, c.ReplicaOf(t, c.Owner(t, ring.SlotOf([]byte(tags[2*i])))))
		for _, l := range loads {
			l.More(t)
		}
	}
	for _, l := range loads {
		l.end(t)
		l.wantHalved(t, m.moves)
	}
	p.wantAtHome(t, c)
	t.Logf("%d slots moved", m.moves)
}

// TestRoutedMasterDies: of a master that is killed in a cluster that a pool routes to only what was written and not answered fails, and nothing
// else.
func TestRoutedMasterDies(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 1, "--cluster-node-timeout", "1000")
	p := startRouted(t, c)
	loads := []*load{startLoadFrom(t, p.front, 0, 5, 6), startLoadFrom(t, p.c, 100, 5, 6)}
	for _, l := range loads {
		l.loses.Store(true)
	}
	master := c.Owner(t, ring.SlotOf([]byte(tags[0])))
	through := startProber(t, "through"+tags[0], p.c)
	through.await(t, time.Now())
	master.Kill()
	killed := time.Now()
	through.await(t, killed)
	for _, l := range loads {
		l.end(t)
		l.wantFewErrors(t, []time.Time{killed})
	}
	p.wantAtHome(t, c)
}

// TestNextIsCluster: what a pool does not have is found in a cluster, and what it can't send goes there, also while slots move.
func TestNextIsCluster(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 0)
	own := "127.0.0.1:" + processtest.FreePort(t)
	processtest.Redis(t, "--bind", "127.0.0.1", "--port", own[len("127.0.0.1:"):]).Up(t, func() bool { return processtest.Listens("tcp", own) })
	pages, away := "127.0.0.1:"+processtest.FreePort(t), "127.0.0.1:"+processtest.FreePort(t)
	pool := func(name, addr, line, server string) string {
		return name + ":\n  listen: " + addr + "\n  redis: true\n  " + line + "\n  servers:\n   - " + server + ":1\n"
	}
	p := startRouted(t, c, pool("pages", pages, "miss: c ttl=60", own), pool("away", away, "failover: c send=all\n  auto_eject_hosts: true\n  on_server_failure: error\n  server_failure_limit: 1", "127.0.0.1:"+processtest.FreePort(t)))
	direct := newClient(t, p.c)
	processtest.Await(t, patience, "the pool has found out that its server is away", func() bool { return ask(away, "GET", "k{a}") == "$-1" })
	l := startLoadFrom(t, p.c, 100, 4, 6)
	m := newMover(t, c, 3)
	reader, writer := newClient(t, pages), newClient(t, away)
	for i, end := 0, time.Now().Add(lasts(time.Second)); i < 20 || time.Now().Before(end); i++ {
		tag := tags[2*(i%3)] // of the cluster's
		key, there := fmt.Sprintf("k%s%d", tag, i), fmt.Sprintf("w%s%d", tag, i)
		direct.want("+OK", "SET", key, "v")
		m.move(t, tag)
		reader.want("v", "GET", key)
		reader.want("v", "GET", key)
		if got := ask(own, "GET", key); got != "v" {
			t.Errorf("the pool was not filled with %s: %q", key, got)
		}
		writer.want("+OK", "SET", there, "w")
		writer.want("w", "GET", there)
		reader.want("w", "GET", there)
		writer.want("(v,w)", "MGET", key, there)
		other := tags[(2*(i%3)+2)%len(tags)]
		writer.want("+OK", "MSET", there, "1", "x"+other, "2", "y"+tag, "3")
		writer.want(":3", "EXISTS", there, "x"+other, "y"+tag)
	}
	l.end(t)
	l.wantHalved(t, m.moves)
	t.Logf("%d slots moved", m.moves)
}

// TestRampToCluster: a cluster answers a plain pool's reads, and its clients read what they wrote; as a replica takes its master's place there, they go back to
// the pool, and no client sees it.
func TestRampToCluster(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 1, "--cluster-node-timeout", "2000")
	own, addr := "127.0.0.1:"+processtest.FreePort(t), "127.0.0.1:"+processtest.FreePort(t)
	processtest.Redis(t, "--bind", "127.0.0.1", "--port", own[len("127.0.0.1:"):]).Up(t, func() bool { return processtest.Listens("tcp", own) })
	p := startRouted(t, c, "ring:\n  listen: "+addr+"\n  redis: true\n  mirror: c compare=true ramp=100%\n  servers:\n   - "+own+":1\n")
	const probe = "k{a}"
	answeredBy := func() string {
		if got := ask(addr, "SET", probe, "ring"); got != "+OK" {
			return got
		}
		processtest.Await(t, patience, "the copy is there", func() bool { return ask(p.c, "GET", probe) == "ring" })
		ask(p.c, "SET", probe, "cluster")
		return ask(addr, "GET", probe)
	}
	if got := answeredBy(); got != "cluster" {
		t.Fatalf("reads are answered by %q", got)
	}
	stop, failed := make(chan struct{}), make(chan string, 8)
	var rounds [8]atomic.Int64
	for i := range rounds {
		go func() {
			failed <- func() string {
				conn, err := processtest.Dial(addr, patience)
				if err != nil {
					return err.Error()
				}
				defer conn.Close()
				for n := 0; ; n++ {
					select {
					case <-stop:
						return ""
					default:
					}
					key, value := fmt.Sprintf("r%s%d", tags[n%len(tags)], i), fmt.Sprint(n)
					_ = conn.SetDeadline(time.Now().Add(2 * patience))
					if _, err := conn.Write(processtest.AppendCommand(processtest.AppendCommand(nil, "SET", key, value), "GET", key)); err != nil {
						return err.Error()
					}
					for _, want := range []string{"+OK", value} {
						if got, err := conn.Reply(); got != want || err != nil {
							return fmt.Sprintf("%s is %q, %v; want %q", key, got, err, want)
						}
					}
					rounds[i].Add(1)
				}
			}()
		}()
	}
	more := func() {
		for i := range rounds {
			from := rounds[i].Load()
			processtest.Await(t, patience, "a client is answered", func() bool { return rounds[i].Load() > from+10 || len(failed) > 0 })
		}
	}
	more()
	c.Failover(t, c.ReplicaOf(t, c.Owner(t, ring.SlotOf([]byte(tags[0])))))
	more()
	close(stop)
	for range rounds {
		if why := <-failed; why != "" {
			t.Error(why)
		}
	}
	processtest.Await(t, patience, "the cluster serves again", func() bool { return ask(p.c, "GET", probe) != "" && !strings.HasPrefix(ask(p.c, "GET", probe), "-") })
	if got := answeredBy(); got != "ring" {
		t.Errorf("reads are answered by %q after a failover", got)
	}
}
