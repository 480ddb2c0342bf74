//go:build unix

package near

import (
	"testing"
	"time"

	"cashew/tests/processtest"
)

// TestSentinelForeign: what is written at masters that sentinels know is seen, whichever server that is by then.
func TestSentinelForeign(t *testing.T) {
	processtest.Beside(t)
	s := processtest.StartSentinels(t, "mymaster", 1, 3, "down-after-milliseconds NAME 1000", "failover-timeout NAME 10000")
	p := runProxy(t, []string{s.Name}, "redis: true", "sentinels: "+s.Watchers[0].Addr, "near_cache: 4mb", "near_cache_msecs: 600000", "timeout: 15000")
	reader := dial(t, p.addr)
	sees := func(what string, at *processtest.Node, v string) {
		t.Helper()
		began := time.Now()
		at.Want(t, "+OK", "SET", "k", v)
		reader.await(t, v, "GET", "k")
		t.Logf("%s: seen after %v", what, time.Since(began).Round(time.Millisecond))
		reader.await(t, "", "GET", "none")
		p.heat(t, reader, "GET", "k")
		p.heat(t, reader, "GET", "none")
	}
	was := s.Nodes[0]
	sees("at the master", was, "1")
	sees("at the master, again", was, "2")
	s.AwaitReplicas(t, 1)
	s.Failover(t)
	now := s.AwaitSwitch(t, was)
	sees("its replica is the master", now, "3")
	now.Want(t, "+OK", "SET", "none", "1")
	reader.await(t, "1", "GET", "none")
	now.Want(t, ":1", "DEL", "none")
	sees("at the next master", now, "4")
}
