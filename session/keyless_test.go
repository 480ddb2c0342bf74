package session

import (
	"strings"
	"testing"
	"time"
)

// TestKeyless: a command without a key is in figures as one, whichever server it goes to, and so is a long reply to it.
func TestKeyless(t *testing.T) {
	for _, n := range []int{1, 2} {
		s := newSim(t, n, func(_ *Limits, o *ClientOptions) { o.SlowerThan = 0 }) // all is slow
		c := s.connect()
		ask := func(command string) {
			c.Send(command)
			s.Settle()
			for _, v := range s.Servers {
				if v.Sock != nil && strings.HasSuffix(v.Sock.Take(), command) {
					v.Reply(bulk(strings.Repeat("x", bigBytes)))
				}
			}
			s.Settle()
			if !strings.HasPrefix(c.Sock.Take(), "$") {
				t.Fatalf("%d servers: %q has no answer", n, command)
			}
		}
		ask(array("LOLWUT"))
		ask(array("GET", "a"))
		for i, e := range s.local.shards[0].slowLog.Records(false) {
			r := e.Entry(time.Time{})
			if want := []string{"", "a"}[i]; r.Key != want || r.Keys != len(want) {
				t.Errorf("%d servers: %+v", n, r)
			}
		}
		if big := s.local.big.Entries(); len(big) != 1 {
			t.Errorf("%d servers: large are %d keys", n, len(big))
		}
	}
}
