package session

// Of what is given from what is kept near, a share is asked for all the same, so that it is known how often it is not what the server has, though
// nobody had told of a write. A write that is being told of is none of it: what differs is looked at once more after a moment.

import (
	"bytes"
	"time"

	"cashew/backend"
	"cashew/near"
	"cashew/ring"
)

// toldWithin is in what time a server tells of a write.
const toldWithin = 100 * time.Millisecond

// check is a reply that was given, and the Owner of what its server says.
type check struct {
	n     *nearby
	entry *near.Entry
	said  []byte
}

// nextCheck has chance decide which hit is checked next.
func (n *nearby) nextCheck() {
	n.checkIn = 0
	if n.opts.Check > 0 {
		n.checkIn = 1 + n.local.loop.World.IntN(2*ring.Whole/n.opts.Check)
	}
}

// check asks the server what it has of a key, where s is given e by a command of Op op. What is in no order is not checked.
func (n *nearby) check(s *Session, op uint16, key []byte, e *near.Entry) {
	n.nextCheck()
	if !s.pool.Protocol.Compares(op) {
		return
	}
	_, server := s.pool.Router().Route(key)
	c, err := s.conns.Conn(server, s.cl.ID)
	if err != nil || c.Full() {
		return
	}
	c.Insert(&check{n: n, entry: e}, e.Frame)
}

// Replied implements backend.Owner.
func (k *check) Replied(_ *backend.Request, chunk []byte, last bool) {
	n := k.n
	if k.said = append(k.said, chunk...); !last || n.shard.pool.Protocol.IsError(k.said) {
		return
	}
	n.tally.Checked++
	if bytes.Equal(k.said, k.entry.Reply) {
		return
	}
	n.local.loop.After(toldWithin, func() {
		if e := k.entry; n.cache.Unchanged(&e.Mark) && n.local.loop.Now < e.Until {
			n.tally.Wrong++
			n.cache.Wrote(e.Slot)
		}
	})
}

// Failed implements backend.Owner.
func (*check) Failed(*backend.Request, error) {}
