package session

import (
	"strings"
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
		told.Send(array("CLIENT", "MAINT_NOTIFICATIONS", "ON", "moving-endpoint-type", "none") + array("GET", "a"))
		s.Settle()
		s.Loop.Execute(func() { s.local.Drain(30 * time.Second) })
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

// TestMovingInShort: where there is little time to drain, clients have half of it, and with less than a second of that they are not told; who
// waits in a command that blocks hears it in time as well.
func TestMovingInShort(t *testing.T) {
	for _, tt := range []struct {
		within, life time.Duration
		told         string
	}{
		{5 * time.Second, 2 * time.Second, ">4\r\n$6\r\nMOVING\r\n:1\r\n:2\r\n_\r\n"},
		{1500 * time.Millisecond, 1500 * time.Millisecond / 8, ""},
	} {
		t.Run(tt.within.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := steady(t, 1)
				c := s.connect()
				c.Send(array("HELLO", "3"))
				s.Settle()
				s.Servers[0].Three.Reply("%1\r\n$5\r\nproto\r\n:3\r\n")
				s.Settle()
				c.Send(array("CLIENT", "MAINT_NOTIFICATIONS", "ON"))
				c.Send(array("BLPOP", "a", "0"))
				s.Settle()
				s.AcceptAll()
				s.Settle()
				c.Sock.Take()
				s.Loop.Execute(func() { s.local.Drain(tt.within) })
				s.Settle()
				if got := c.Sock.Take(); got != tt.told {
					t.Errorf("it is told %q; want %q", got, tt.told)
				}
				s.Passes(tt.life - 10*time.Millisecond)
				if got := c.Sock.Take(); got != "" {
					t.Errorf("before its time it has %q", got)
				}
				s.Passes(20 * time.Millisecond)
				if got := c.Sock.Take(); !strings.HasPrefix(got, "-UNBLOCKED ") {
					t.Errorf("after its time it has %q", got)
				}
				s.Passes(tt.within / 4)
				if c.session.life != closed {
					t.Errorf("life %d before the time to drain is over", c.session.life)
				}
			})
		})
	}
}
