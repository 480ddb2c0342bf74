package session

// A tracker is a connection over which a server tells of writes to what is kept of it. One loop has it for all, the one at the server's slot, and
// all go by what it says in near.Source: by number while it is known to be well, and by eras.
//
// Whether it is well is asked each second. As soon as an answer is late, nothing more is given of what was kept of the server: it may have told of
// writes that have not come.

import (
	"errors"
	"slices"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/near"
	"cashew/topology"
)

// tracker is the connection to one server, and its Hearer.
type tracker struct {
	n       *nearby
	server  *topology.Server
	feed    *backend.Conn
	asked   bool  // what it is to tell
	open    bool  // it has said so
	waiting bool  // for an answer to whether it is well
	refused bool  // the server does not tell, which is not said again
	again   int64 // when a server that does not is asked again, as Loop.Now
}

// askAgain is for how long a server that does not tell is believed: it may have been busy with a script, or become another.
const askAgain = int64(time.Minute)

// Track has servers of p tell of writes, if it keeps replies near.
func (l *Local) Track(p *Pool) {
	if h := l.shardOf(p); h != nil {
		h.near.track(false)
	}
}

// track sees to it that the servers of the pool that are this loop's have trackers; each: it is time to ask whether those that tell are well.
func (n *nearby) track(each bool) {
	if n == nil || !n.tracks || n.shard.removed {
		return
	}
	p := n.shard.pool
	n.trackers = slices.DeleteFunc(n.trackers, func(t *tracker) bool {
		gone := !slices.Contains(p.Servers(), t.server)
		if gone {
			t.end()
		}
		return gone
	})
	for _, server := range p.Servers() {
		if server.Slot()%len(p.groups) == n.local.index && !slices.ContainsFunc(n.trackers, func(t *tracker) bool { return t.server == server }) {
			n.trackers = append(n.trackers, &tracker{n: n, server: server})
		}
	}
	for _, t := range n.trackers {
		if each || !t.asked {
			t.look()
		}
	}
}

// Tracking says whether a server tells of writes: "on"; "off", while nothing is kept of it; "refused", or "none" of a protocol without such a thing.
func (p *Pool) Tracking(server *topology.Server) string {
	if _, tracks := p.Protocol.TracksIn(); !tracks {
		return "none"
	}
	switch server.Told().Number() {
	case 0:
		return "off"
	case near.Untold:
		return "refused"
	}
	return "on"
}

// look has t tell if it does not, and asks whether it is well.
func (t *tracker) look() {
	switch {
	case t.server.Told().Number() == near.Untold:
		if t.refuses(); t.n.local.loop.Now < t.again {
			return
		}
		t.again = 0
		t.lose(nil)
	case t.waiting:
		t.lose(errLateTracker)
	}
	if t.feed == nil {
		t.feed = t.n.shard.group.NewTracker(t.server, t, t.n.profile)
	}
	if t.feed.Open() != nil {
		return
	}
	p := t.n.shard.pool.Protocol
	if !t.asked {
		t.asked = true
		t.feed.Ask((*tracking)(t), p.AppendTracker(nil, t.n.prefixes()))
		return
	}
	if t.open {
		t.waiting = true
		t.feed.Ask((*wellness)(t), p.AppendStay(nil))
	}
}

// errLateTracker is why a tracker is given up that did not answer.
var errLateTracker = errors.New("it did not answer within a second")

// prefixes are what servers are to tell of; none: what is read.
func (n *nearby) prefixes() (list []string) {
	for _, p := range n.opts.Patterns {
		if p[len(p)-1] == '*' {
			p = p[:len(p)-1]
		}
		list = append(list, p)
	}
	return list
}

// refuses takes note that t's server does not tell.
func (t *tracker) refuses() {
	if t.again == 0 {
		t.again = t.n.local.loop.Now + askAgain
	}
	if !t.refused {
		t.refused = true
		t.n.local.loop.Log.Warn("server does not tell of writes; its replies are kept for near_cache_untracked_msecs", t.n.shard.pool.About(t.server)...)
	}
}

// lose gives t up, and has another connection made.
func (t *tracker) lose(err error) {
	feed := t.feed
	t.feed = nil
	if t.lost(err); feed != nil {
		feed.Shut()
	}
}

// lost takes note that the server may not have told of a write.
func (t *tracker) lost(err error) {
	was := t.open
	t.asked, t.open, t.waiting = false, false, false
	if !was {
		return
	}
	untold := t.server.Told().Number() == near.Untold
	if t.server.Told().Close(); untold {
		return
	}
	t.n.tally.Dropped++
	if !errors.Is(err, backend.ErrStopped) {
		t.n.local.loop.Log.Warn("server may not have told of a write; what was kept of it is given up", append(t.n.shard.pool.About(t.server), "err", err)...)
	}
}

// end is the end of t.
func (t *tracker) end() { t.lose(backend.ErrStopped) }

// end is the end of n: its pool is gone, or keeps nothing any more.
func (n *nearby) end() {
	if n == nil {
		return
	}
	for _, t := range n.trackers {
		t.end()
	}
	n.trackers = nil
}

// Heard implements backend.Hearer.
func (t *tracker) Heard(_ *backend.Conn, _ int, _, frame []byte, _ *bytebufferpool.ByteBuffer) (kept bool) {
	n := t.n
	all := n.shard.pool.Protocol.Invalidates(frame, func(key []byte) {
		n.tally.Invalidated++
		n.cache.Wrote(near.Slot(key))
	})
	if all {
		n.cache.WroteAny()
	}
	return false
}

// Dropped implements backend.Hearer.
func (*tracker) Dropped(*backend.Conn, int, []byte) (unasked bool) { return false }

// FeedLost implements backend.Hearer.
func (t *tracker) FeedLost(_ *backend.Conn, err error) {
	if t.lost(err); backend.Unable(err) {
		t.open = true
		t.server.Told().Open(near.Untold)
		t.refuses()
		return
	}
	if !t.n.shard.removed {
		t.lookLater()
	}
}

// lookLater has t tell in a moment, if it is to.
func (t *tracker) lookLater() {
	t.n.local.loop.After(mendTime, func() {
		if n := t.n; slices.Contains(n.trackers, t) && !t.asked {
			t.look()
		}
	})
}

// tracking is a tracker as the Owner of what it is to tell.
type tracking tracker

// Replied implements backend.Owner.
func (k *tracking) Replied(_ *backend.Request, reply []byte, _ bool) {
	t := (*tracker)(k)
	p := t.n.shard.pool.Protocol
	number, ok := p.TrackerNumber(reply)
	switch {
	case !ok && p.Later(reply):
		t.asked = false
		t.lookLater()
		return
	case !ok:
		t.open = true
		t.server.Told().Open(near.Untold)
		t.refuses()
		return
	}
	t.open = true
	t.server.Told().Open(number)
}

// Failed implements backend.Owner: FeedLost has seen to it.
func (*tracking) Failed(*backend.Request, error) {}

// wellness is a tracker as the Owner of whether it is well.
type wellness tracker

// Replied implements backend.Owner.
func (k *wellness) Replied(_ *backend.Request, reply []byte, _ bool) {
	t := (*tracker)(k)
	if t.waiting = false; !t.n.shard.pool.Protocol.AnswersStay(reply) {
		t.feed.Distrust()
	}
}

// Failed implements backend.Owner.
func (*wellness) Failed(*backend.Request, error) {}
