//go:build unix

package processtest

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Cluster is a Redis Cluster of real servers on loopback.
type Cluster struct {
	Nodes []*ClusterNode // the masters that it began with, then their replicas
}

// ClusterNode is one server of a Cluster.
type ClusterNode struct {
	Node
	TLS string // host:port where it speaks TLS; "": nowhere
	ID  string
	bus string // port
}

// ClusterSlots is how many slots a cluster has.
const ClusterSlots = 16384

// StartCluster starts a cluster of so many masters, which share the slots in order and have config epochs from 1 on, each with so many
// replicas, and waits until all nodes agree on it. It takes 2 to 3 s: so long a master waits before it says that all is well. With
// "--tls-cluster" among args, which then say what else TLS needs, each node speaks TLS, too, on a port of its own.
func StartCluster(t testing.TB, masters, replicas int, args ...string) *Cluster {
	t.Helper()
	c := new(Cluster)
	for range masters * (1 + replicas) {
		c.Nodes = append(c.Nodes, newClusterNode(t, args))
	}
	for i, n := range c.Nodes {
		n.Want(t, "+OK", "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i < masters {
			first, last := i*ClusterSlots/masters, (i+1)*ClusterSlots/masters-1
			n.Want(t, "+OK", "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		}
	}
	c.meet(t)
	for i, n := range c.Nodes[masters:] {
		master := c.Nodes[i%masters]
		Await(t, Patience, "a node may replicate", func() bool {
			reply, err := Ask(n.Addr, "CLUSTER", "REPLICATE", master.ID)
			return err == nil && reply == "+OK"
		})
	}
	c.AwaitAgreement(t)
	for _, n := range c.Nodes[masters:] {
		n.AwaitLink(t)
	}
	return c
}

// Join starts another node, a master without slots, and waits until all know it.
func (c *Cluster) Join(t testing.TB, args ...string) *ClusterNode {
	t.Helper()
	n := newClusterNode(t, args)
	c.Nodes = append(c.Nodes, n)
	c.meet(t)
	c.AwaitAgreement(t)
	return n
}

// Replace gives all slots of a master, whose keys have been moved or may be lost, to another, resets it, and has the others forget it: it is
// a cluster of its own then, without slots, and no node of c any more.
func (c *Cluster) Replace(t testing.TB, from, to *ClusterNode) {
	t.Helper()
	var command []byte
	slots := from.slots(t)
	for _, slot := range slots {
		command = AppendCommand(command, "CLUSTER", "SETSLOT", strconv.Itoa(slot), "NODE", to.ID)
	}
	from.Want(t, "+OK", "FLUSHALL")
	to.all(t, command, len(slots), "+OK")
	for _, n := range c.Nodes {
		if n != to { // from may have heard of it from the others: it is a replica of the new master then
			n.all(t, command, len(slots), "+OK", "-ERR Please use SETSLOT only with masters.")
		}
	}
	c.AwaitAgreement(t)
	from.Want(t, "+OK", "CLUSTER", "RESET", "HARD")
	c.Nodes = slices.DeleteFunc(c.Nodes, func(n *ClusterNode) bool { return n == from })
	for _, n := range c.Nodes {
		n.Want(t, "+OK", "CLUSTER", "FORGET", from.ID)
	}
}

// slots are those that n has by its own word.
func (n *ClusterNode) slots(t testing.TB) (slots []int) {
	t.Helper()
	for line := range strings.Lines(n.Want(t, "", "CLUSTER", "NODES")) {
		if words := strings.Fields(line); words[0] == n.ID {
			for slot := range ClusterSlots {
				if slices.ContainsFunc(words[8:], func(s string) bool { return holds(s, slot) }) {
					slots = append(slots, slot)
				}
			}
		}
	}
	return slots
}

// all sends the node commands, of which there are so many, at once. Each is to be answered by one of these replies.
func (n *ClusterNode) all(t testing.TB, commands []byte, count int, wants ...string) {
	t.Helper()
	c, err := Dial(n.Addr, Patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // nothing is lost
	go func() { _, _ = c.Write(commands) }()
	for range count {
		if reply, err := c.Reply(); !slices.Contains(wants, reply) {
			t.Fatalf("%s: %q, %v", n.Addr, reply, err)
		}
	}
}

// meet has all nodes know one another.
func (c *Cluster) meet(t testing.TB) {
	t.Helper()
	for _, n := range c.Nodes[1:] {
		host, port, _ := net.SplitHostPort(cmp.Or(n.TLS, n.Addr))
		c.Nodes[0].Want(t, "+OK", "CLUSTER", "MEET", host, port, n.bus)
	}
	for _, n := range c.Nodes {
		Await(t, Patience, "a node knows all others", func() bool {
			nodes, err := Ask(n.Addr, "CLUSTER", "NODES")
			return err == nil && !strings.Contains(nodes, "handshake") && strings.Count(nodes, " connected") == len(c.Nodes)
		})
	}
}

func newClusterNode(t testing.TB, args []string) *ClusterNode {
	t.Helper()
	port, bus := FreePort(t), FreePort(t)
	n := &ClusterNode{bus: bus}
	if slices.Contains(args, "--tls-cluster") {
		tls := FreePort(t)
		n.TLS, args = "127.0.0.1:"+tls, append([]string{"--tls-port", tls}, args...)
	}
	n.Node = *NewNode(t, port, nil, append([]string{
		"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000", "--enable-debug-command", "local",
	}, args...)...)
	n.Up(t)
	n.ID = n.Want(t, "", "CLUSTER", "MYID")
	return n
}

// AwaitAgreement waits until all nodes that run say that all is well, and the same of who has which slot and of all epochs.
func (c *Cluster) AwaitAgreement(t testing.TB) {
	t.Helper()
	Await(t, Patience, "the nodes of the cluster agree", func() bool {
		var common []string
		for _, n := range c.Nodes {
			if n.Ended() {
				continue
			}
			view := n.view()
			if view == nil || common != nil && !slices.Equal(view, common) {
				return false
			}
			common = view
		}
		return true
	})
}

// view is what a node says of the cluster, line by line; nil: it does not say that all is well.
func (n *ClusterNode) view() (lines []string) {
	info, err := Ask(n.Addr, "CLUSTER", "INFO")
	if err != nil || !strings.Contains(info, "cluster_state:ok") {
		return nil
	}
	nodes, err := Ask(n.Addr, "CLUSTER", "NODES")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(nodes) {
		// id addr flags master ping-sent pong-received config-epoch link-state slots...
		words := strings.Fields(line)
		if len(words) < 8 {
			return nil
		}
		flags := strings.TrimPrefix(words[2], "myself,")
		lines = append(lines, fmt.Sprint(words[0], flags, words[3], words[6], words[8:]))
	}
	slices.Sort(lines)
	return lines
}

// Owner is the node whose the slot is, as the first node that runs says.
func (c *Cluster) Owner(t testing.TB, slot int) *ClusterNode {
	t.Helper()
	for _, n := range c.Nodes {
		if n.Ended() {
			continue
		}
		for line := range strings.Lines(n.Want(t, "", "CLUSTER", "NODES")) {
			words := strings.Fields(line)
			if len(words) > 8 && slices.ContainsFunc(words[8:], func(s string) bool { return holds(s, slot) }) {
				return c.node(words[0])
			}
		}
		break
	}
	return nil
}

// holds says that slot is in ranges' "first-last" or "slot".
func holds(ranges string, slot int) bool {
	low, high, isRange := strings.Cut(ranges, "-")
	if !isRange {
		high = low
	}
	first, err1 := strconv.Atoi(low)
	last, err2 := strconv.Atoi(high)
	return err1 == nil && err2 == nil && first <= slot && slot <= last
}

func (c *Cluster) node(id string) *ClusterNode {
	for _, n := range c.Nodes {
		if n.ID == id {
			return n
		}
	}
	return nil
}

// BeginMove has slot on its way between two masters: to imports it, from still has it, and sends elsewhere whoever asks for a key that
// it has not.
func (c *Cluster) BeginMove(t testing.TB, slot int, from, to *ClusterNode) {
	t.Helper()
	to.Want(t, "+OK", "CLUSTER", "SETSLOT", strconv.Itoa(slot), "IMPORTING", from.ID)
	from.Want(t, "+OK", "CLUSTER", "SETSLOT", strconv.Itoa(slot), "MIGRATING", to.ID)
}

// MoveKeys moves the keys of a slot, at most so many; -1: all. It returns how many there were.
func (c *Cluster) MoveKeys(t testing.TB, slot int, from, to *ClusterNode, most int) (moved int) {
	t.Helper()
	host, port, _ := net.SplitHostPort(cmp.Or(to.TLS, to.Addr))
	for moved != most {
		n := 100
		if most >= 0 {
			n = min(n, most-moved)
		}
		keys := strings.Fields(from.Want(t, "", "CLUSTER", "GETKEYSINSLOT", strconv.Itoa(slot), strconv.Itoa(n)))
		if len(keys) == 0 {
			break
		}
		from.Want(t, "+", append([]string{"MIGRATE", host, port, "", "0", "5000", "KEYS"}, keys...)...)
		moved += len(keys)
	}
	return moved
}

// EndMove gives the slot to the other master for good. It waits until all agree: with a second move before that, the epochs of two
// masters may be such that a third node believes neither.
func (c *Cluster) EndMove(t testing.TB, slot int, from, to *ClusterNode) {
	t.Helper()
	for _, n := range []*ClusterNode{to, from} {
		n.Want(t, "+OK", "CLUSTER", "SETSLOT", strconv.Itoa(slot), "NODE", to.ID)
	}
	c.AwaitAgreement(t)
}

// MoveSlot is a whole move, with all keys.
func (c *Cluster) MoveSlot(t testing.TB, slot int, from, to *ClusterNode) {
	t.Helper()
	c.BeginMove(t, slot, from, to)
	c.MoveKeys(t, slot, from, to, -1)
	c.EndMove(t, slot, from, to)
}

// Failover has a replica take its master's place by CLUSTER FAILOVER, in peace, and waits until all agree. One that does not hear its
// master never learns how far that has come, which lets nobody write for 5 s then: so it waits for that first.
func (c *Cluster) Failover(t testing.TB, replica *ClusterNode) {
	t.Helper()
	replica.AwaitLink(t)
	replica.Want(t, "+OK", "CLUSTER", "FAILOVER")
	Await(t, Patience, "a replica has become the master", func() bool {
		reply, err := Ask(replica.Addr, "ROLE")
		return err == nil && strings.HasPrefix(reply, "master")
	})
	c.AwaitAgreement(t)
}

// ReplicaOf is a node that runs and says that it is a replica of master; nil: there is none.
func (c *Cluster) ReplicaOf(t testing.TB, master *ClusterNode) *ClusterNode {
	t.Helper()
	for _, n := range c.Nodes {
		if n.Ended() {
			continue
		}
		for line := range strings.Lines(n.Want(t, "", "CLUSTER", "NODES")) {
			if words := strings.Fields(line); len(words) > 3 && words[0] == n.ID && words[3] == master.ID {
				return n
			}
		}
	}
	return nil
}
