//go:build unix

package cluster

import (
	"syscall"
	"testing"
	"time"

	"cashew/ring"
	"cashew/tests/processtest"
)

// TestMasterStops: a master that is stopped looks like one behind a network that is cut: its connections stay, and nothing comes. A pool
// without timeout waits, and gives what was written up once another has the slots; one with a timeout fails what takes longer. Both go on
// once the cluster does.
func TestMasterStops(t *testing.T) {
	processtest.Beside(t)
	for _, tt := range []struct{ name, setting, says string }{
		{"no timeout", "timeout: 0", " -ERR Connection reset by peer"},
		{"timeout", "timeout: 1000", " -ERR Connection timed out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := processtest.StartCluster(t, 3, 1, "--cluster-node-timeout", "1000")
			p := startProxy(t, seeds(c.Nodes...), tt.setting)
			l := startLoad(t, p.addr, 4, 6)
			l.loses.Store(true)
			master := c.Owner(t, ring.SlotOf([]byte(tags[0])))
			direct := startProber(t, "direct"+tags[0], seeds(c.Nodes...)...)
			through := startProber(t, "through"+tags[0], p.addr)
			direct.await(t, time.Now())
			through.await(t, time.Now())
			master.Pause(t)
			stopped := time.Now()
			direct.await(t, stopped)
			through.await(t, stopped)
			l.More(t)
			down, up := direct.end(stopped), through.end(stopped)
			t.Logf("nobody wrote to the cluster itself for %v; through the proxy for %v, which is %v later", down, up, up.since(down))
			t.Logf("the prober itself had %v", through.refused)
			master.Signal(syscall.SIGCONT)
			c.AwaitAgreement(t)
			l.end(t)
			l.wantSome(t, tt.says, " -ERR Connection reset by peer")
		})
	}
}
