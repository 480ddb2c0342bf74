//go:build unix

package processtest

import (
	"strings"
	"testing"
)

// Node is a redis-server on loopback, or a sentinel.
type Node struct {
	*Process
	Addr string // host:port
	Port string
}

// NewNode describes a server at a port, with further args, which replicates another unless that is nil.
func NewNode(t testing.TB, port string, of *Node, args ...string) *Node {
	t.Helper()
	args = append([]string{"--bind", "127.0.0.1", "--port", port, "--repl-diskless-sync-delay", "0", "--maxclients", "1000"}, args...)
	if of != nil {
		args = append(args, "--replicaof", "127.0.0.1", of.Port)
	}
	return &Node{Process: Redis(t, args...), Addr: "127.0.0.1:" + port, Port: port}
}

// Up starts the node, again if it was killed, and waits until it answers.
func (n *Node) Up(t testing.TB) {
	t.Helper()
	n.Process.Up(t, func() bool {
		_, err := Ask(n.Addr, "PING")
		return err == nil
	})
}

// Want sends the node a command and fails the test unless the reply, as Ask gives it, begins with prefix; "": with anything but an error.
func (n *Node) Want(t testing.TB, prefix string, args ...string) (reply string) {
	t.Helper()
	reply, err := Ask(n.Addr, args...)
	if err != nil || !strings.HasPrefix(reply, prefix) || prefix == "" && strings.HasPrefix(reply, "-") {
		t.Fatalf("%s: %q = %q, %v; want %q", n.Addr, args, reply, err, prefix)
	}
	return reply
}

// AwaitLink waits until the node, a replica, has its master's data and hears of all that is written there.
func (n *Node) AwaitLink(t testing.TB) {
	t.Helper()
	Await(t, Patience, "a replica has its master's data", func() bool {
		reply, err := Ask(n.Addr, "INFO", "replication")
		return err == nil && strings.Contains(reply, "master_link_status:up")
	})
}
