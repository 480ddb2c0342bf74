package session

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestMoving: who has asked for it is told that it is to go, is served on, and leaves later; others leave at once.
func TestMoving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := steady(t, 1)
		told, untold := s.connect(), s.connect()
		for _, c := range []*simClient{told, untold} {
			c.Send(array("HELLO", "3"))
			s.Settle()
			if c == told {
				s.Servers[0].Three.Reply("%1\r\n$5\r\nproto\r\n:3\r\n")
				s.Settle()
			}
			c.Sock.Take()
		}
		told.Send(array("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "internal-ip") + array("GET", "a"))
		s.Settle()
		s.Loop.Execute(s.local.Drain)
		s.Settle()
		if got, want := told.Sock.Take(), "+OK\r\n>4\r\n$6\r\nMOVING\r\n:1\r\n:4\r\n_\r\n"; got != want {
			t.Errorf("it has %q; want %q", got, want)
		}
		if c.session.life == live || untold.session.life == live || told.session.life != live {
			t.Errorf("lives %d, %d, %d; want the first two to leave", c.session.life, untold.session.life, told.session.life)
		}
		s.Servers[0].Three.Reply(bulk("A"))
		told.Send(array("PING"))
		s.Passes(movingTime - 10*time.Millisecond)
		if got, want := told.Sock.Take(), bulk("A")+"+PONG\r\n"; got != want || told.session.life != live {
			t.Errorf("until its time is over it has %q; want %q", got, want)
		}
		s.Passes(movingTime)
		if told.session.life != closed {
			t.Errorf("life %d once its time is over; want it closed", told.session.life)
		}
	})
}
