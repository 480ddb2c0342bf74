package session

// A link is a subscription of the loop's to one name at one server, over the line to it:
//
//	lost --ask--> asked --its server says so--> in force
//	  ^             | '--its server refuses--> refused --after a second--> asked
//	  '---- the feed ends, or can't be opened ----'
//
// It is left, and its server told, once its topic belongs elsewhere, or nobody hears that any more.

import (
	"cashew/backend"
	"cashew/codec/verdict"
	"cashew/topology"
)

// line is a feed with the links over it.
type line struct {
	server *topology.Server
	feed   *backend.Conn
	links  int
	idleAt int64 // since when it has none, as Loop.Now
	lost   bool  // it ended, and is to be opened again
}

// state is how far a link is.
type state uint8

const (
	lost    state = iota // not asked for, or that was in vain
	asked                // the server was asked
	inForce              // it has said so
	refused              // it will not, and is asked again in a second
)

// link is a subscription of the loop's at one server.
type link struct {
	topic  *topic // nil: it was left
	line   *line
	sort   int
	name   []byte
	state  state
	was    bool // in force, ever
	wanted bool // the topic belongs to the server
	hops   int  // how often the server, of a cluster, has said that it belongs elsewhere, since it was in force

	refusal []byte // what the server said, as it refused
}

// line is that to a server.
func (h *hub) line(server *topology.Server) *line {
	for _, v := range h.lines {
		if v.server == server {
			return v
		}
	}
	v := &line{server: server, feed: h.shard.group.NewFeed(server, h)}
	h.lines = append(h.lines, v)
	return v
}

// ask asks for k, unless that was done.
func (k *link) ask() error {
	if k.state == asked || k.state == inForce {
		return nil
	}
	if err := k.line.feed.Open(); err != nil {
		k.state = lost
		k.line.lost = true
		k.topic.hub.mendSoon()
		return err
	}
	h := k.topic.hub
	k.state = asked
	h.command = h.shard.pool.Protocol.AppendSubscribe(h.command[:0], k.sort, k.name, true)
	k.line.feed.Ask(k, h.command)
	return nil
}

// Replied implements backend.Owner.
func (k *link) Replied(_ *backend.Request, frame []byte, _ bool) {
	fits, refuses := k.line.feed.Protocol().AnswersSubscribe(frame, k.sort, k.name, true)
	t := k.topic
	switch {
	case !fits:
		k.line.feed.Distrust()
	case t == nil:
	case refuses && k.hops < maxHops && t.hub.shard.pool.patient && k.line.feed.Protocol().Judge(0, 0, frame) >= verdict.Moved:
		k.hops++
		k.state = lost // and those who wait for it wait on
		t.hub.mislaid(k)
	case refuses:
		if k.refusal == nil { // else that was said
			t.hub.local.loop.Log.Warn("server refuses a subscription", append(k.line.feed.About(), "err", string(frame))...)
		}
		k.state, k.refusal = refused, append(k.refusal[:0], frame...)
		t.review(nil)
	default:
		k.state, k.refusal, k.hops = inForce, nil, 0
		k.counts(1)
		if k.was {
			k.line.feed.Tally().Resubscribed++
		}
		k.was = true
		t.leaveOld()
		t.review(nil)
	}
}

// Failed implements backend.Owner: FeedLost has seen to it.
func (*link) Failed(*backend.Request, error) {}

// counts counts a link that is in force, or is so no more.
func (k *link) counts(n int) {
	k.line.feed.Tally().Subscriptions += int64(n)
	h := k.topic.hub
	if n > 0 {
		h.shard.pool.census.begin(h, k.sort, string(k.name), k.line.server)
	} else {
		h.shard.pool.census.end(h, k.sort, string(k.name), k.line.server)
	}
}

// leave ends k, which is no more in its topic's list.
func (k *link) leave() {
	h := k.topic.hub
	if k.state == inForce {
		k.counts(-1)
	}
	if k.state == asked || k.state == inForce {
		h.command = h.shard.pool.Protocol.AppendSubscribe(h.command[:0], k.sort, k.name, false)
		k.line.feed.Ask((*left)(k), h.command)
	}
	k.topic, k.state = nil, lost
	if k.line.links--; k.line.links == 0 {
		k.line.idleAt = h.local.loop.Now
	}
}

// left is a link that was left, as the Owner of what its server was told.
type left link

// Replied implements backend.Owner.
func (k *left) Replied(_ *backend.Request, frame []byte, _ bool) {
	if fits, _ := k.line.feed.Protocol().AnswersSubscribe(frame, k.sort, k.name, false); !fits {
		k.line.feed.Distrust()
	}
}

// Failed implements backend.Owner.
func (*left) Failed(*backend.Request, error) {}
