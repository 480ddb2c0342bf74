//go:build unix

package sentinel

import (
	"testing"
	"time"

	"cashew/tests/processtest"
)

// TestFailover: no client sees that a replica takes the place of a master that is well, and hardly anything is lost.
func TestFailover(t *testing.T) {
	processtest.Beside(t)
	s := processtest.StartSentinels(t, "mymaster", 2, 3, "down-after-milliseconds NAME 5000", "failover-timeout NAME 10000")
	p := startProxy(t, s, []string{s.Watchers[1].Addr})
	l := startLoad(t, p.addr, 8, 6)
	for i, end := 0, time.Now().Add(lasts(0)); i == 0 || time.Now().Before(end); i++ {
		s.AwaitReplicas(t, 2)
		was := s.Master()
		s.Failover(t)
		s.AwaitSwitch(t, was)
		l.More(t)
	}
	l.end(t)
	l.wantErrors(t)
	if l.lost*100 > l.acked {
		t.Errorf("%d of %d increments were acknowledged and lost", l.lost, l.acked)
	}
}

// TestMasterDies: of a master that is killed only what was written and not answered fails, once each, and what is written later waits for
// its replica.
func TestMasterDies(t *testing.T) {
	processtest.Beside(t)
	s := processtest.StartSentinels(t, "mymaster", 2, 3, "down-after-milliseconds NAME 1000", "failover-timeout NAME 10000")
	p := startProxy(t, s, []string{s.Watchers[0].Addr}, "timeout: 15000")
	l := startLoad(t, p.addr, 8, 6)
	killed := 0
	for i, end := 0, time.Now().Add(lasts(0)); i == 0 || time.Now().Before(end); i++ {
		was := s.Master()
		was.Kill()
		killed++
		s.AwaitSwitch(t, was)
		l.More(t)
		if lasts(0) > 0 {
			was.Up(t)
			s.AwaitReplicas(t, 2)
		}
	}
	l.end(t)
	l.wantErrors(t, "-ERR Connection reset by peer")
	if n := l.errors["-ERR Connection reset by peer"]; n > killed*l.clients*l.pipe {
		t.Errorf("%d increments failed of %d masters that were killed; want those under way alone, %d clients with %d each", n, killed, l.clients, l.pipe)
	}
}
