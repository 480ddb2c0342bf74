//go:build unix

package processtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Sentinels are a Redis master with replicas, and the sentinels that look after them, of real servers on loopback.
type Sentinels struct {
	Name     string // of the master
	Nodes    []*Node
	Watchers []*Node // sentinels
}

// StartSentinels starts a master with so many replicas, and so many sentinels, who agree by majority; settings are lines of theirs behind
// "sentinel", in which NAME stands for the master's name. It waits until all know one another.
func StartSentinels(t testing.TB, name string, replicas, sentinels int, settings ...string) *Sentinels {
	t.Helper()
	s := &Sentinels{Name: name}
	for i := range 1 + replicas {
		var master *Node
		if i > 0 {
			master = s.Nodes[0]
		}
		n := NewNode(t, FreePort(t), master)
		n.Up(t)
		s.Nodes = append(s.Nodes, n)
	}
	for _, n := range s.Nodes[1:] {
		n.AwaitLink(t)
	}
	for range sentinels {
		s.Watchers = append(s.Watchers, s.newWatcher(t, sentinels/2+1, settings))
	}
	for _, w := range s.Watchers {
		Await(t, Patience, "a sentinel knows all others, and the replicas", func() bool {
			known, err := Ask(w.Addr, "SENTINEL", "MASTER", name)
			return err == nil && strings.Contains(known, fmt.Sprintf("\nnum-other-sentinels\n%d\n", sentinels-1)) &&
				strings.Contains(known, fmt.Sprintf("\nnum-slaves\n%d\n", replicas))
		})
	}
	return s
}

func (s *Sentinels) newWatcher(t testing.TB, quorum int, settings []string) *Node {
	t.Helper()
	port, dir := FreePort(t), TempDir(t)
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\nsentinel monitor %s 127.0.0.1 %s %d\n", port, dir, s.Name, s.Nodes[0].Port, quorum)
	for _, line := range settings {
		text += "sentinel " + strings.ReplaceAll(line, "NAME", s.Name) + "\n"
	}
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil { // which the sentinel writes, too
		t.Fatal(err)
	}
	w := &Node{Process: New(t, LookPath(t, "redis-server"), file, "--sentinel"), Addr: "127.0.0.1:" + port, Port: port}
	w.Up(t)
	return w
}

// Master is the node that is the master, as most of the sentinels that run say; nil: they do not agree.
func (s *Sentinels) Master() *Node {
	votes := make(map[string]int)
	for _, w := range s.Watchers {
		if w.Ended() {
			continue
		}
		reply, err := Ask(w.Addr, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Name)
		if addr := strings.ReplaceAll(reply, "\n", ":"); err == nil {
			if votes[addr]++; votes[addr] > len(s.Watchers)/2 {
				i := slices.IndexFunc(s.Nodes, func(n *Node) bool { return n.Addr == addr })
				if i >= 0 {
					return s.Nodes[i]
				}
			}
		}
	}
	return nil
}

// AwaitSwitch waits until most sentinels say that another node than was is the master, and it says so itself.
func (s *Sentinels) AwaitSwitch(t testing.TB, was *Node) (now *Node) {
	t.Helper()
	Await(t, Patience, "another node is the master", func() bool {
		if now = s.Master(); now == nil || now == was {
			return false
		}
		role, err := Ask(now.Addr, "ROLE")
		return err == nil && strings.HasPrefix(role, "master")
	})
	return now
}

// AwaitReplicas waits until the master has so many replicas that have all that it has, as it says, and every sentinel knows of no failover.
func (s *Sentinels) AwaitReplicas(t testing.TB, n int) {
	t.Helper()
	Await(t, Patience, "the master has its replicas", func() bool {
		master := s.Master()
		if master == nil {
			return false
		}
		info, err := Ask(master.Addr, "INFO", "replication")
		if err != nil || strings.Count(info, "state=online") < n {
			return false
		}
		for _, w := range s.Watchers {
			known, err := Ask(w.Addr, "SENTINEL", "MASTER", s.Name)
			if !w.Ended() && (err != nil || !strings.Contains(known, "\nflags\nmaster\n")) {
				return false
			}
		}
		return true
	})
}

// Failover has the sentinels put a replica in the place of the master, which is well.
func (s *Sentinels) Failover(t testing.TB) {
	t.Helper()
	s.FailoverBy(t, s.Watchers[0])
}

// FailoverBy is Failover led by one of them.
func (s *Sentinels) FailoverBy(t testing.TB, w *Node) {
	t.Helper()
	w.Want(t, "+OK", "SENTINEL", "FAILOVER", s.Name)
}
