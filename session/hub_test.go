package session

import (
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/session/sessiontest"
)

// TestOneRefuses: a pattern that one server of several refuses is refused, whichever of them answers last, to the first client and to those
// after it. Who had it before hears the others, and that one as soon as it lets it.
func TestOneRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const refusal, ok = "-NOPERM no\r\n", "*3\r\n$10\r\npsubscribe\r\n$2\r\na*\r\n:1\r\n"
		s, first := steady(t, 2)
		asks := func(c *simClient, answers ...string) string {
			t.Helper()
			c.Send(array("PSUBSCRIBE", "a*"))
			s.Settle()
			for i, a := range answers {
				if got, want := s.Servers[i].Feed.Sock.Take(), array("psubscribe", "a*"); a != "" && got != want {
					t.Fatalf("server %d was sent %q; want %q", i, got, want)
				}
			}
			for i, a := range answers {
				if a != "" {
					s.Servers[i].Feed.Reply(a)
				}
			}
			s.Settle()
			return c.Sock.Take()
		}
		if got := asks(first, ok, refusal); got != refusal {
			t.Errorf("refused by the second it has %q", got)
		}
		s.confirmAll() // the first is told that it was in vain
		if got := asks(first, refusal, ok); got != refusal {
			t.Errorf("refused by the first it has %q", got)
		}
		s.confirmAll()
		if got := asks(first, ok, ok); got != ok {
			t.Errorf("refused by none it has %q", got)
		}
		other := s.connect()
		s.Servers[0].Feed.HangUp()
		s.Passes(300 * time.Millisecond)
		s.Servers[0].Feed.Sock.Take()
		s.Servers[0].Feed.Reply(refusal)
		s.Settle()
		if got := asks(other, refusal); got != refusal {
			t.Errorf("another, while one refuses, has %q", got)
		}
		s.Servers[1].Feed.Reply("*4\r\n" + bulk("pmessage") + bulk("a*") + bulk("a") + bulk("x"))
		s.Settle()
		if got := first.Sock.Take(); got != "*4\r\n"+bulk("pmessage")+bulk("a*")+bulk("a")+bulk("x") {
			t.Errorf("from the other server the first hears %q", got)
		}
		s.Passes(2 * time.Second)
		s.confirmAll()
		if n := s.local.Figures(s.pool).Servers[0].Subscriptions; n != 1 {
			t.Errorf("it is subscribed to %d at the server that lets it", n)
		}
		if got := asks(other, ""); got != ok {
			t.Errorf("now the other has %q", got)
		}
	})
}

// TestNowhereToGo: a reload takes the server away at which a client's channels are asked for, and the one that has them now can't be reached.
// The client is told once, and nothing of its channels is left.
func TestNowhereToGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other := steady(t, 2)
		c := s.connect()
		there := func(v *sessiontest.Server) (names []string) { // three that v has
			for i := 0; len(names) < 3; i++ {
				if name := strconv.Itoa(i); s.feed(name) == v {
					names = append(names, name)
				}
			}
			return names
		}
		stays, goes := s.Servers[1].Feed, s.Servers[0].Feed
		other.Send(array("SUBSCRIBE", there(stays)[0]))
		s.Settle()
		s.confirmAll()
		other.Sock.Take()
		s.Redial = nil
		stays.HangUp()
		s.Passes(110 * time.Millisecond)
		stays.Refuse(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
		names := there(goes)
		s.AcceptAll()
		c.Send(array(append([]string{"SUBSCRIBE"}, names...)...))
		s.Settle()
		o := *s.pool.Options()
		o.Servers = o.Servers[1:]
		bp, err := s.pool.Successor(o)
		if err != nil {
			t.Fatal(err)
		}
		next := NewPool(bp, s.pool.opts, alone{})
		next.Adopt(s.pool)
		s.Loop.Execute(func() {
			s.local.Apply(&Change{Limits: s.local.limits, Replaced: []Replaced{{s.pool, next}}})
		})
		s.Settle()
		if got := c.Sock.Take(); strings.Count(got, "\r\n") != 1 || got[0] != '-' {
			t.Errorf("it has %q; want one error", got)
		}
		h := c.session.hub
		links := 0
		for _, v := range h.lines {
			links += v.links
		}
		if links != 1 || h.all.n != 1 || len(h.topics[0]) != 1 {
			t.Errorf("%d links and %d topics are left; want those of the other client", links, len(h.topics[0]))
		}
		s.pool = next
		s.Passes(2 * time.Second)
	})
}
