package session

import (
	"testing"
	"time"

	"cashew/near"
	"cashew/topology"
)

// TestNearGuests: clients who waited for another loop's flight that has no reply are answered by one of their own, or with what is kept all the same if their
// server is gone.
func TestNearGuests(t *testing.T) {
	for name, ends := range map[string]struct {
		then   func(n *nearSim)
		value  string
		stale  int64
		joined int64
	}{
		"it answers":    {func(n *nearSim) { n.answer(bulk("w") + ":-1\r\n") }, "w", 0, 2},
		"it is ejected": {nil, "v", 2, 2},
		"it fails":      {func(n *nearSim) { n.server.HangUp(); n.Settle() }, "v", 2, 2},
	} { // in no order: each is a test of its own
		playNear(t, name, func(o *NearOptions) { patterns(o); o.Life, o.Stale = time.Second, 10*time.Second }, func(n *nearSim, c *simClient) {
			n.keeps(c, "v")
			n.Passes(time.Second)
			nearby, other := n.local.shards[0].near, n.connect()
			nearby.several = true
			f := &near.Flying{Command: c.session.nearForm([]byte(get)), Mark: nearby.cache.Mark(near.Slot([]byte("k"))), At: n.Loop.Now}
			if !nearby.cache.Launch(f) {
				n.t.Fatal("another flies")
			}
			n.want(c, get, "")
			n.want(other, get, "")
			if ends.then == nil {
				o := n.pool.Options()
				o.AutoEjectHosts, o.OnServerFailure, o.ServerFailureLimit, o.ServerRetryTimeout = true, topology.FailFast, 1, time.Minute
				n.pool.Failure(n.pool.Servers()[0], "it does not answer")
			}
			nearby.cache.Land(f, nil)
			n.Settle()
			if ends.then != nil {
				if got := n.server.Sock.Take(); got != get+pttl {
					n.t.Errorf("the server has %q; want one command", got)
				}
				ends.then(n)
			}
			n.replies(c, bulk(ends.value))
			n.replies(other, bulk(ends.value))
			if y := n.tally(); y.Stale != ends.stale || y.Joined != ends.joined || n.local.joined != 0 {
				n.t.Errorf("%+v, and %d wait", y, n.local.joined)
			}
			if ends.stale == 0 {
				n.given(c, ends.value)
			}
		})
	}
}
