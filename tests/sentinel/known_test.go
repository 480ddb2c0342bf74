//go:build unix

package sentinel

import (
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// TestUnknown: what is asked before any sentinel has said where the master is waits, for as long as the pool's timeout, and is served once one
// does; a proxy that was told of one sentinel goes by the others when that is gone.
func TestUnknown(t *testing.T) {
	processtest.Beside(t)
	s := processtest.StartSentinels(t, "mymaster", 1, 3, "down-after-milliseconds NAME 5000", "failover-timeout NAME 10000")
	first := s.Watchers[0]
	first.Kill()
	p := runProxy(t, s, []string{first.Addr}, "timeout: 20000")
	processtest.Await(t, patience, "the proxy listens", func() bool { return processtest.Listens("tcp", p.addr) })
	answers := make(chan string, 5)
	for _, args := range [][]string{{"INCR", "k"}, {"MGET", "a", "b"}, {"DBSIZE"}, {"BLPOP", "l", "0.01"}, {"WATCH", "k"}} {
		go func() {
			reply, err := processtest.Ask(p.addr, args...)
			if err != nil {
				reply = err.Error()
			}
			answers <- reply
		}()
	}
	p.await(t, "no server says where masters are")
	first.Up(t)
	for range cap(answers) {
		switch reply := <-answers; reply {
		case ":1", "$-1\n$-1", ":0", "*-1", "", "+OK": // a null array has no elements
		default:
			t.Errorf("what waited was answered %q", reply)
		}
	}
	p.await(t, "masters changed")
	processtest.Await(t, patience, "the proxy knows all sentinels", func() bool {
		return strings.Contains(p.metrics(t), `cashew_sentinel_known{pool="s"} 3`)
	})
	first.Kill()
	was := s.Master()
	s.FailoverBy(t, s.Watchers[1])
	now := s.AwaitSwitch(t, was)
	if reply, err := processtest.Ask(p.addr, "INCR", "k"); err != nil || reply != ":2" {
		t.Errorf("behind the failover: %q, %v", reply, err)
	}
	if reply, err := processtest.Ask(now.Addr, "GET", "k"); err != nil || reply != "2" {
		t.Errorf("the new master has %q, %v", reply, err)
	}
}

// TestTimeout: what waits for a master that nobody knows fails once its time is up.
func TestTimeout(t *testing.T) {
	processtest.Beside(t)
	p := runProxy(t, &processtest.Sentinels{Name: "mymaster"}, []string{"127.0.0.1:" + processtest.FreePort(t)}, "timeout: 100")
	processtest.Await(t, patience, "the proxy listens", func() bool { return processtest.Listens("tcp", p.addr) })
	if reply, err := processtest.Ask(p.addr, "GET", "k"); err != nil || reply != "-ERR nobody has told yet where the server is" {
		t.Errorf("GET = %q, %v", reply, err)
	}
}

// TestNoMaster: a server that says that it is no master gets nothing, though sentinels name it.
func TestNoMaster(t *testing.T) {
	processtest.Beside(t)
	s := processtest.StartSentinels(t, "mymaster", 1, 1, "down-after-milliseconds NAME 60000")
	// For down-after-milliseconds a sentinel does nothing about a master that says that it is a replica.
	if reply, err := processtest.Ask(s.Nodes[0].Addr, "REPLICAOF", "127.0.0.1", s.Nodes[1].Port); err != nil || reply != "+OK" {
		t.Fatalf("REPLICAOF = %q, %v", reply, err)
	}
	p := runProxy(t, s, []string{s.Watchers[0].Addr}, "timeout: 300")
	processtest.Await(t, patience, "the proxy listens", func() bool { return processtest.Listens("tcp", p.addr) })
	for began := time.Now(); time.Since(began) < patience; {
		reply, err := processtest.Ask(p.addr, "GET", "k")
		if err != nil {
			t.Fatal(err)
		}
		if reply == "$-1" {
			t.Fatal("a replica was asked")
		}
		if strings.Contains(reply, "the server is no master") {
			return
		}
	}
	t.Error("nobody said that the server is no master")
}
