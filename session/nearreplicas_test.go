package session

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/session/sessiontest"
	"cashew/topology"
)

// playNearReplicas runs f in a bubble, before a master that tells of writes and its replicas, which have all that was written.
func playNearReplicas(t *testing.T, policy topology.ReadPolicy, edit func(*NearOptions), f func(r *replicated, c *simClient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newReplicatedWith(t, policy, func(o *topology.Options) { o.ReadYourWrites = 0 }, func(_ *Limits, o *ClientOptions) {
			o.Near.Bytes, o.Near.Check = 1<<20, 0
			edit(&o.Near)
		})
		r.local.Track(r.pool)
		r.Settle()
		track := array("CLIENT", "ID")
		if len(r.pool.opts.Near.Patterns) > 0 {
			track = array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "k")
		}
		for _, step := range [][2]string{{hello3, "%1\r\n+proto\r\n:3\r\n"}, {track, map[bool]string{true: ":7\r\n", false: "+OK\r\n"}[track == clientID]}} {
			if got := r.master.Feed.Sock.Take(); got != step[0] {
				t.Fatalf("the tracker has sent %q; want %q", got, step[0])
			}
			r.master.Feed.Reply(step[1])
			r.Settle()
		}
		if r.r0.Feed.Up != nil || r.r1.Feed.Up != nil {
			t.Error("a replica is to tell of writes")
		}
		r.fresh(0, 1)
		f(r, r.connect())
	})
}

// asksReplica has a client be answered by a replica alone.
func (r *replicated) asksReplica(c *simClient, sent, reply string) {
	r.t.Helper()
	c.Send(sent)
	r.Settle()
	asked := ""
	for _, v := range []*sessiontest.Server{r.r0, r.r1} {
		if v.Sock != nil {
			asked += v.Sock.Take()
			v.Reply(reply)
		}
	}
	if r.master.Sock != nil && r.master.Sock.Take() != "" || asked != sent {
		r.t.Errorf("behind %q replicas have %q, or the master is asked", sent, asked)
	}
	r.Settle()
	c.has(r.t, reply)
}

// TestNearReplicas: what is worth keeping is asked of the master, and given to all; what replicas say is not kept.
func TestNearReplicas(t *testing.T) {
	playNearReplicas(t, topology.PreferReplica, patterns, func(r *replicated, c *simClient) {
		r.asksReplica(c, array("GET", "other"), bulk("o"))
		r.want(c, get, get+pttl, "", "")
		r.master.Reply(bulk("v") + ":-1\r\n")
		r.Settle()
		c.has(t, bulk("v"))
		r.want(c, get, "", "", "")
		c.has(t, bulk("v"))
		r.master.Feed.Reply(wroteK)
		r.Settle()
		r.want(c, get, get+pttl, "", "")
	})
}

// TestNearReplicasAuto: until it is known that many ask, replicas answer.
func TestNearReplicasAuto(t *testing.T) {
	playNearReplicas(t, topology.PreferReplica, func(*NearOptions) {}, func(r *replicated, c *simClient) {
		for range hotReads - 1 {
			r.asksReplica(c, get, bulk("v"))
		}
		if y := r.local.shards[0].near.tally; y.Kept != 0 || y.Misses != hotReads-1 {
			t.Errorf("%+v", y)
		}
		r.want(c, get, trackWith+cachingYes+get+pttl, "", "")
		r.master.Reply("+OK\r\n+OK\r\n" + bulk("v") + ":-1\r\n")
		r.Settle()
		c.has(t, bulk("v"))
		r.want(c, get, "", "", "")
		c.has(t, bulk("v"))
	})
}

// TestNearReplicasAlone: where replicas alone may be asked, the master is not, and nothing is kept.
func TestNearReplicasAlone(t *testing.T) {
	playNearReplicas(t, topology.FromReplica, patterns, func(r *replicated, c *simClient) {
		for range 4 {
			r.asksReplica(c, get, bulk("v"))
		}
	})
}

// TestNearReplicasStale: where the master can't be asked, a replica is, before anything stale is given.
func TestNearReplicasStale(t *testing.T) {
	playNearReplicas(t, topology.PreferReplica, func(o *NearOptions) { patterns(o); o.Life, o.Stale = 500*time.Millisecond, time.Minute }, func(r *replicated, c *simClient) {
		r.want(c, get, get+pttl, "", "")
		r.master.Reply(bulk("v") + ":-1\r\n")
		r.Settle()
		c.has(t, bulk("v"))
		r.asksReplica(c, array("GET", "other"), bulk("o"))
		r.Passes(600 * time.Millisecond)
		r.fresh(0, 1)
		r.Redial = nil
		r.master.HangUp()
		r.Settle()
		set := r.connect()
		set.Send(array("SET", "other", "1"))
		r.Settle()
		r.master.Refuse(syscall.ECONNREFUSED)
		r.Settle()
		if _, err := c.session.conns.Conn(r.pool.Servers()[0], 0); err == nil {
			t.Fatal("the master can be reached")
		}
		r.asksReplica(c, get, bulk("w"))
	})
}
