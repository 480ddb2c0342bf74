package session

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"cashew/ring"
)

const crossSlot = "-CROSSSLOT Keys in request don't hash to the same slot\r\n"

// sameServer are two keys of different slots that one server has, of n.
func sameServer(n int) (a, b string) {
	a = keyOf(0, n, 1)
	for i := 2; ; i++ {
		if b = keyOf(0, n, i); ring.SlotOf([]byte(a)) != ring.SlotOf([]byte(b)) {
			return a, b
		}
	}
}

// TestCrossSlot: keys of several slots are refused as by a server of a cluster, also where one server has them, and scripts that name them.
func TestCrossSlot(t *testing.T) {
	s := cluster(t, 2, nil)
	c := clusterClient(t, s, 2)
	a, b := sameServer(2)
	other := keyOf(1, 2, 1)
	for _, frame := range []string{
		array("SINTER", a, b), array("SINTER", a, other), array("EVAL", "s", "2", a, b), array("EVAL", "s", "2", a, other), array("FCALL", "f", "2", a, other),
		array("MSETNX", a, "1", b, "2"), array("WATCH", a, b), array("BLPOP", a, b, "0"), array("EVALSHA", strings.Repeat("0", 40), "2", a, b),
	} {
		c.Send(frame)
		s.Settle()
		if got := c.Sock.Take(); got != crossSlot {
			t.Errorf("%q: the client has %q", frame, got)
		}
	}
	for _, v := range s.Servers {
		if got := v.Sock.Take(); got != "" {
			t.Errorf("server %s has %q", v.Name, got)
		}
	}
}

// TestCrossSlotQueued: a command with keys of several slots spoils its transaction, and commands with keys of different ones are refused by EXEC;
// so it is at a server.
func TestCrossSlotQueued(t *testing.T) {
	const queued = "+QUEUED\r\n"
	a, b := sameServer(2)
	other := keyOf(1, 2, 1)
	get := func(key string) string { return array("GET", key) }
	for name, tt := range map[string]struct{ in, want string }{
		"one command":              {array("SINTER", a, b) + get(a) + array("EXEC"), crossSlot + queued + "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		"MGET":                     {array("MGET", a, b) + array("EXEC"), crossSlot + "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		"slots of one server":      {get(a) + get(b) + array("EXEC"), queued + queued + crossSlot},
		"slots of several servers": {get(a) + get(other) + get(a) + array("EXEC"), queued + queued + queued + crossSlot},
		"and both":                 {get(a) + get(b) + array("MGET", a, b) + array("EXEC"), queued + queued + crossSlot + "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		"and both, elsewhere":      {get(b) + array("MGET", a, b) + array("EXEC"), queued + crossSlot + "-EXECABORT Transaction discarded because of previous errors.\r\n"},
		"and discarded":            {get(a) + get(b) + array("DISCARD"), queued + queued + "+OK\r\n"},
	} {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		c.Send(array("MULTI") + tt.in + array("PING"))
		s.Settle()
		if got, want := c.Sock.Take(), "+OK\r\n"+tt.want+"+PONG\r\n"; got != want {
			t.Errorf("%s: the client has %q; want %q", name, got, want)
		}
		for _, v := range s.Servers {
			if got := v.Sock.Take(); got != "" {
				t.Errorf("%s: server %s has %q", name, v.Name, got)
			}
		}
		c.Send(array("MULTI") + get(other) + array("EXEC")) // nothing is left of it
		s.Settle()
		if got, want := s.Servers[1].Sock.Take(), array("MULTI")+get(other)+array("EXEC"); got != want {
			t.Errorf("%s: the next transaction is %q", name, got)
		}
	}
}

// TestKeylessScript: a script without keys goes to one server, which is given it if it lacks it.
func TestKeylessScript(t *testing.T) {
	s := cluster(t, 2, nil)
	c := clusterClient(t, s, 2)
	taken := func() (at int, got string) {
		t.Helper()
		s.Settle()
		for i, v := range s.Servers {
			if text := v.Sock.Take(); text != "" {
				if got != "" {
					t.Fatalf("both servers have something: %q and %q", got, text)
				}
				at, got = i, text
			}
		}
		return at, got
	}
	eval := array("EVAL", "return 1", "0")
	c.Send(eval)
	at, got := taken()
	if got != eval {
		t.Fatalf("a server has %q", got)
	}
	s.Servers[at].Reply(":1\r\n")
	call := array("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0")
	c.Send(call)
	if at, got = taken(); got != array("SCRIPT", "LOAD", "return 1")+call {
		t.Fatalf("a server has %q", got)
	}
	s.Servers[at].Reply(bulk("e0e1f9fabfc9d4800c877a703b823ac0578ff8db") + ":2\r\n")
	s.Settle()
	if got := c.Sock.Take(); got != ":1\r\n:2\r\n" {
		t.Errorf("the client has %q", got)
	}
	c.Send(array("MULTI") + eval + array("GET", keyOf(1, 2, 1)) + array("EXEC"))
	if at, got = taken(); at != 1 || got != array("MULTI")+eval+array("GET", keyOf(1, 2, 1))+array("EXEC") {
		t.Errorf("within a transaction: server %d has %q", at, got)
	}
}

// TestSlotsOwner: what is asked of a slot goes to its owner, and again where that says that it is later.
func TestSlotsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, nil)
		c := clusterClient(t, s, 2)
		for slot, owner := range map[int]int{0: 0, ring.SlotCount/2 - 1: 0, ring.SlotCount / 2: 1, ring.SlotCount - 1: 1} {
			for _, frame := range []string{array("CLUSTER", "COUNTKEYSINSLOT", strconv.Itoa(slot)), array("CLUSTER", "GETKEYSINSLOT", strconv.Itoa(slot), "10")} {
				c.Send(frame)
				s.Settle()
				if got := s.Servers[owner].Sock.Take(); got != frame {
					t.Errorf("slot %d: server %d has %q", slot, owner, got)
				}
				s.Servers[owner].Reply("-LOADING Redis is loading the dataset in memory\r\n")
				s.Settle()
				s.Passes(2 * parkedTick)
				if got := s.Servers[owner].Sock.Take(); got != frame {
					t.Errorf("slot %d, again: server %d has %q", slot, owner, got)
				}
				s.Servers[owner].Reply(":1\r\n")
				s.Settle()
				if got := c.Sock.Take(); got != ":1\r\n" {
					t.Errorf("slot %d: the client has %q", slot, got)
				}
			}
		}
	})
}
