//go:build unix

package cluster

import (
	"testing"
	"time"

	"cashew/ring"
	"cashew/tests/processtest"
)

// TestFailover: no client sees that replicas take their masters' places in peace.
func TestFailover(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 1, "--cluster-node-timeout", "2000")
	p := startProxy(t, seeds(c.Nodes[0]))
	l := startLoad(t, p.addr, 8, 6)
	for i, end := 0, time.Now().Add(lasts(time.Second)); i < 3 || time.Now().Before(end); i++ {
		tag := tags[i%3]
		direct := startProber(t, "direct"+tag, seeds(c.Nodes...)...)
		through := startProber(t, "through"+tag, p.addr)
		direct.await(t, time.Now())
		through.await(t, time.Now())
		from := time.Now()
		c.Failover(t, c.ReplicaOf(t, c.Owner(t, ring.SlotOf([]byte(tag)))))
		l.More(t)
		down, up := direct.end(from), through.end(from)
		t.Logf("nobody wrote to the cluster itself for %v; through the proxy for %v, which is %v later", down, up, up.since(down))
		if i >= 2 {
			time.Sleep(min(time.Until(end), electionTime))
		}
	}
	l.end(t)
	l.wantNoError(t)
}

// electionTime is four times the timeout of a node: one that is elected twice within it counts the votes that it had before (Redis 7.0), and
// who is the master then is settled after seconds.
const electionTime = 8 * time.Second

// TestMasterDies: of a master that is killed only what was written and not answered fails, once each, and what is written later waits for
// its replica. What it had acknowledged and its replica had not may be lost: that is Redis's.
func TestMasterDies(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 1, "--cluster-node-timeout", "1000")
	p := startProxy(t, seeds(c.Nodes...), "timeout: 15000")
	l := startLoad(t, p.addr, 8, 6)
	l.loses.Store(true)
	var kills []time.Time
	for i, end := 0, time.Now().Add(lasts(time.Second)); i == 0 || time.Now().Before(end); i++ {
		tag := tags[i%3]
		master := c.Owner(t, ring.SlotOf([]byte(tag)))
		direct := startProber(t, "direct"+tag, seeds(c.Nodes...)...)
		through := startProber(t, "through"+tag, p.addr)
		direct.await(t, time.Now())
		through.await(t, time.Now())
		master.Kill()
		killed := time.Now() // what it answers later it has not answered
		kills = append(kills, killed)
		direct.await(t, killed)
		through.await(t, killed)
		l.More(t)
		down, up := direct.end(killed), through.end(killed)
		t.Logf("nobody wrote to the cluster itself for %v; through the proxy for %v, which is %v later", down, up, up.since(down))
		master.Up(t)
		c.AwaitAgreement(t)
		if i >= 2 {
			time.Sleep(min(time.Until(end), electionTime/2))
		}
	}
	l.end(t)
	l.wantFewErrors(t, kills)
}
