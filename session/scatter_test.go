package session

import (
	"strings"
	"testing"
)

// TestCutError: the error of a fragment is the same however it comes in pieces, and so is what its connection makes of it: a server that is
// no master any more is connected to anew.
func TestCutError(t *testing.T) {
	says := "-READONLY You can't write against a read only replica.\r\n"
	for cut := range len(says) {
		s, c := steady(t, 2)
		c.Send(array("DEL", "a", "b", "c", "d", "e", "f"))
		s.Settle()
		if first, second := s.Servers[0].Sock.Take(), s.Servers[1].Sock.Take(); first == "" || second == "" {
			t.Fatalf("the servers have %q and %q", first, second)
		}
		before := s.Servers[0].Sock
		s.Servers[0].Reply(says[:cut])
		s.Settle()
		s.Servers[0].Reply(says[cut:])
		s.Settle()
		s.Servers[1].Reply(":3\r\n")
		s.Settle()
		c.has(t, says)
		c.Send(array("GET", "a") + array("GET", "b"))
		s.Settle()
		if s.Servers[0].Sock == before {
			t.Errorf("cut at %d: its server is not connected to anew", cut)
		}
		if got := s.Servers[0].Sock.Take() + s.Servers[1].Sock.Take(); strings.Count(got, "GET") != 2 {
			t.Errorf("cut at %d: the servers have %q", cut, got)
		}
	}
}
