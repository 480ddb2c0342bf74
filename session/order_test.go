package session

import (
	"testing"

	"cashew/backend"
)

// TestOrder: whatever went wrong with what a client is owed, it is closed before it gets what is another's.
func TestOrder(t *testing.T) {
	for name, spoil := range map[string]func(s, other *Session){
		"a reply too few is in flight":   func(s, _ *Session) { s.inFlight-- },
		"a reply too many is in flight":  func(s, _ *Session) { s.inFlight++; s.head.Next = nil; s.tail = s.head },
		"the reply is another client's":  func(s, other *Session) { s.head.Owner = other; s.head.Done = true; s.passDue() },
		"the whole is another command's": func(s, _ *Session) { s.head.Done = true; foreign(s); s.passDue() },
		"its list goes on in another's": func(s, other *Session) {
			s.head.Done = true
			s.store(s.head, nil)
			s.head.Next = other.head
			done(other)
			s.passDue()
		},
		"the list of another client is its": func(s, other *Session) { s.head = other.head; done(other); s.passDue() },
	} {
		t.Run(name, func(t *testing.T) {
			s, c := steady(t, 1)
			other := s.connect()
			c.Send(array("GET", "a") + array("GET", "b"))
			other.Send(array("GET", "c"))
			s.Settle()
			spoil(c.session, other.session)
			s.Settle()
			if !c.Conn.Closed {
				s.Servers[0].Reply(bulk("A"))
				s.Settle()
			}
			if got := c.Sock.Take(); !c.Conn.Closed || got != "" && got != bulk("A") {
				t.Errorf("closed: %v; it got %q", c.Conn.Closed, got)
			}
			if n := s.Loop.Panics.Load(); n != 1 {
				t.Errorf("counted %d times; want once", n)
			}
		})
	}
}

// done has the oldest reply of s be there.
func done(s *Session) {
	s.store(s.head, []byte("secret"))
	s.head.Done = true
}

// foreign has a fragment of another command be one of the oldest of s.
func foreign(s *Session) {
	s.head.Gather = s.local.getGather()
	s.head.Fragments = []*backend.Request{s.local.servers.NewRequest(s)}
}
