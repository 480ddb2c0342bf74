package session

import "testing"

// TestHoldsOn: a client in the middle of a command is given away with its input, but not one on whose connection more hangs.
func TestHoldsOn(t *testing.T) {
	s, c := steady(t, 1)
	half := array("SET", "a", "1")[:9]
	c.Send(array("GET", "a") + half)
	s.Settle()
	s.Servers[0].Reply(bulk("A"))
	s.Settle()
	if !c.session.atBoundary() {
		t.Error("a client with half a command can't be given away")
	}
	other := s.connect()
	other.Send(array("MULTI") + array("SET", "a", "1") + half)
	s.Settle()
	if other.session.atBoundary() {
		t.Error("a client in a transaction, with half a command, would be given away without it")
	}
	other.session.dropTransaction()
	other.HangUp(nil)
}
