package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLateOutOfTurn: a request runs out of time before its turn came, and its reply comes all the same. The client gets the
// error in its turn and nothing behind it. What is before it in the client's order waits longer because a reload allowed it.
func TestLateOutOfTurn(t *testing.T) {
	for _, late := range []string{"$4\r\nlate\r\n", "$4\r\nla"} {
		synctest.Test(t, func(t *testing.T) {
			s := newSim(t, 2, func(_ *Options, po *PoolOptions) { po.Timeout = 100 * time.Millisecond })
			s.AcceptAll()
			c, other := s.connect(), s.connect()
			c.Send(array("GET", "b") + array("GET", "a"))
			s.Settle()
			other.Send(array("GET", "c"))
			s.Settle()
			s.reload(func(_ *Options, po *PoolOptions) { // a's server goes, and its connection keeps the old timeout
				po.Timeout = time.Second
				po.Servers = po.Servers[1:]
			})
			s.Passes(110 * time.Millisecond)
			s.Servers[0].Reply(late)
			s.Passes(10 * time.Millisecond)
			if got := c.Sock.Take(); got != "" {
				t.Fatalf("before its turn the client got %q", got)
			}
			s.Servers[1].Reply("$1\r\nB\r\n")
			s.Settle()
			c.Send(array("PING"))
			s.Settle()
			if got, want := c.Sock.Take(), "$1\r\nB\r\n-ERR Connection timed out\r\n+PONG\r\n"; got != want {
				t.Errorf("a late reply %q: the client got %q; want %q", late, got, want)
			}
		})
	}
}
