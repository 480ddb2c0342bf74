package session

// What the clients of a pool are subscribed to on one loop is a topic, and the loop is subscribed to it once, at the server that the ring
// gives its name; to what may come from any server, as a pattern, at all of them:
//
//	client --subscribe--> topic --link--> line ==feed==> server
//	client --subscribe--'     '----link--> line ==feed==> server
//
// A link is asked for, in force once its server has said so, and lost with its feed, until it is asked for anew. A topic that belongs to
// another server by now, since a reload or since servers were ejected, has a link there in force before it leaves the old one.

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/topology"
)

// hub is what the clients of one pool on one loop are subscribed to.
type hub struct {
	local *Local
	shard *shard

	topics  []map[string]*topic // by sort; looked up, and never walked over
	all     chain[topic]        // inHub
	lines   []*line
	router  *topology.Router // by which they are placed
	mending bool             // a timer will look after what is lost
	over    bool             // the pool is gone
	command []byte           // scratch

	fan
}

// getHub is the shard's hub, which is made for the first client that subscribes.
func (h *shard) getHub(l *Local) *hub {
	if h.hub == nil {
		h.hub = &hub{local: l, shard: h, router: h.pool.Router(), fan: fan{portion: portion}}
		for range h.pool.Protocol.Sorts() {
			h.hub.topics = append(h.hub.topics, make(map[string]*topic))
		}
	}
	return h.hub
}

// join enters s among those who hear a name; waits: it is not in force yet, and s is told by joined or notJoined.
func (h *hub) join(s *Session, sort int, name []byte) (u *subscription, waits bool, err error) {
	if h.over || h.shard.removed {
		return nil, false, backend.ErrClosed
	}
	t := h.topics[sort][string(name)]
	if t == nil {
		t = &topic{hub: h, sort: sort, name: bytes.Clone(name)}
		h.topics[sort][string(name)] = t
		h.all.add(t, inHub)
		h.shard.pool.census.topics.Add(1)
	}
	if !t.stands() {
		err = t.place()
	}
	_, inForce := t.count()
	if err != nil && !t.asks() && inForce == 0 {
		t.leaveIfUnheard()
		return nil, false, err
	}
	u = &subscription{topic: t, session: s}
	t.subscribers.add(u, inTopic)
	if waits = t.asks(); waits {
		t.waiting = append(t.waiting, u)
	}
	return u, waits, nil
}

// FeedLost implements backend.Hearer.
func (h *hub) FeedLost(c *backend.Conn, err error) {
	v := h.lines[slices.IndexFunc(h.lines, func(l *line) bool { return l.feed == c })]
	n := 0
	v.lost = v.links > 0
	var decided []*topic
	for t := h.all.first; t != nil; t = t.inHub.next {
		for _, k := range t.links {
			if k.line != v {
				continue
			}
			if k.state == inForce {
				k.counts(-1)
				n++
			}
			k.state = lost
			if len(t.waiting) > 0 {
				decided = append(decided, t)
			}
		}
	}
	if n > 0 && !errors.Is(err, backend.ErrStopped) {
		h.local.loop.Log.Warn("subscriptions lost; subscribing anew", append(v.feed.About(), "subscriptions", n, "err", err)...)
	}
	for _, t := range decided {
		t.review(err)
	}
	if v.lost {
		h.mendSoon()
	}
}

// Dropped implements backend.Hearer: the slot of a name is another server's by now.
func (h *hub) Dropped(c *backend.Conn, sort int, name []byte) (unasked bool) {
	t := h.topics[sort][string(name)]
	if t == nil {
		return false
	}
	for _, k := range t.links {
		if k.line.feed == c && k.state == inForce {
			k.counts(-1)
			k.state = lost
			h.mislaid(k)
			return true
		}
	}
	return false
}

// mislaid has k, which its server does not serve, be asked for where it belongs as soon as that is known.
func (h *hub) mislaid(k *link) {
	h.shard.pool.Stale()
	k.line.lost = true
	h.mendSoon()
}

// mendTime is how often what is lost is asked for.
const mendTime = 100 * time.Millisecond

// mendSoon has a timer look after what is lost.
func (h *hub) mendSoon() {
	if h.mending || h.over {
		return
	}
	h.mending = true
	h.local.loop.After(mendTime, func() {
		h.mending = false
		h.mend()
	})
}

// mend asks for what is lost, and for what belongs to another server by now.
func (h *hub) mend() {
	if h.over {
		return
	}
	router := h.shard.pool.Router()
	again := router != h.router
	h.router = router
	for _, v := range h.lines {
		if v.lost = v.lost && v.links > 0; v.lost && v.feed.Open() == nil {
			v.lost, again = false, true
		}
	}
	if again {
		h.placeAll()
	}
	for _, v := range h.lines {
		if v.lost {
			h.mendSoon()
		}
	}
}

// placeAll has all topics be where they belong.
func (h *hub) placeAll() {
	for t := h.all.first; t != nil; {
		next := t.inHub.next
		if t.subscribers.n > 0 { // else it ended with the one before, for which its client waited, too
			t.review(t.place())
		}
		t = next
	}
}

// tidy is called each second: it looks at what is refused, and shuts feeds that are not used.
func (h *hub) tidy() {
	h.mend()
	for t := h.all.first; t != nil; t = t.inHub.next {
		for _, k := range t.links {
			if k.state == refused {
				_ = k.ask()
			}
		}
	}
	h.lines = slices.DeleteFunc(h.lines, func(v *line) bool {
		idle := h.local.loop.Now-v.idleAt >= int64(idleFeed) || !slices.Contains(h.shard.pool.Servers(), v.server)
		if idle = idle && v.links == 0; idle {
			v.feed.Shut()
		}
		return idle
	})
}

// idleFeed is how long a feed is kept over which nothing is subscribed to.
const idleFeed = time.Minute

// end is the end of the pool, whose feeds are shut.
func (h *hub) end() {
	h.over = true
	for t := h.all.first; t != nil; t = t.inHub.next {
		for _, k := range t.links {
			if k.state == inForce {
				k.counts(-1)
			}
			k.state = lost
		}
	}
}

var _ backend.Hearer = (*hub)(nil)

// Heard implements backend.Hearer.
func (h *hub) Heard(_ *backend.Conn, sort int, name, frame []byte, bb *bytebufferpool.ByteBuffer) (kept bool) {
	t := h.topics[sort][string(name)]
	if t == nil || t.subscribers.n == len(t.waiting) {
		return false // nobody hears it any more, or yet
	}
	return t.pass(frame, bb)
}
