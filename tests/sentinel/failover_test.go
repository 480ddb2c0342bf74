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
	const reset, pipe = "-ERR Connection reset by peer", "-ERR Broken pipe" // whether a read or a write is the first to see it
	l.wantErrors(t, reset, pipe)
	if n := l.errors[reset] + l.errors[pipe]; n > killed*l.clients*l.pipe {
		t.Errorf("%d increments failed of %d masters that were killed; want those under way alone, %d clients with %d each", n, killed, l.clients, l.pipe)
	}
}

// TestRouted: no client of a plain pool that routes to masters which sentinels know sees that a replica takes a master's place, and hardly
// anything is lost; nor does one of a pool with sentinels that routes to others.
func TestRouted(t *testing.T) {
	processtest.Beside(t)
	s := processtest.StartSentinels(t, "mymaster", 2, 3, "down-after-milliseconds NAME 5000", "failover-timeout NAME 10000")
	port, addr := processtest.FreePort(t), "127.0.0.1:"+processtest.FreePort(t)
	own := "127.0.0.1:" + port
	processtest.Redis(t, "--bind", "127.0.0.1", "--port", port).Up(t, func() bool { return processtest.Listens("tcp", own) })
	// What stands behind these lines is of the last pool.
	p := startProxy(t, s, []string{s.Watchers[1].Addr}, "routes:\n   - front f*", "servers:\n   - "+s.Name+":1 shard1\nfront:\n  listen: "+addr+"\n  redis: true\n  routes:\n   - s n*\n  servers:\n   - "+own+":1\nunused:\n  listen: 127.0.0.1:"+
		processtest.FreePort(t)+"\n  redis: true\n  sentinels: "+s.Watchers[1].Addr)
	l := startLoad(t, addr, 8, 6)
	s.AwaitReplicas(t, 2)
	was := s.Master()
	s.Failover(t)
	s.AwaitSwitch(t, was)
	l.end(t)
	l.wantErrors(t)
	if l.lost*100 > l.acked {
		t.Errorf("%d of %d increments were acknowledged and lost", l.lost, l.acked)
	}
	for _, through := range []string{p.addr, addr} {
		for key, at := range map[string]string{"n0": s.Master().Addr, "f0": own} {
			for _, args := range [][]string{{"SET", key, through}, {"MSET", key, through, key + "b", through}} {
				if got, err := processtest.Ask(through, args...); got != "+OK" || err != nil {
					t.Errorf("%q at %s: %q, %v", args, through, got, err)
				}
			}
			if got, err := processtest.Ask(at, "GET", key); got != through || err != nil {
				t.Errorf("%s is %q, %v at %s; want %q", key, got, err, at, through)
			}
		}
	}
}
