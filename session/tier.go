package session

// A pool may have a next tier: another pool that is asked for what the pool itself does not have. What is found there the client gets, and
// the pool is filled with it:
//
//	client --GET a--> own server    "there is none"
//	                  |
//	                  +--GET a--> next tier    "A"
//	                                           |
//	client <--"A"------------------------------+--SET a "A" EX 60 NX--> own server, which nobody waits for
//
// So it is for reads of one key that tell of its value and nothing else, and that the pool's own servers have answered: an error is no
// miss. The client's order holds: its reply is owed until the next tier has answered, failed, or time is up, and then it is a miss.
//
// A fill undoes no write that its client knows of. It goes over the connection of the read, before the client gets its reply: so it is behind what
// the client wrote before, and before what it writes later. What the client sent meanwhile may be before it: if any of that could be about the key
// there is no fill. What others write is not overwritten, for only what is not there is stored.

import (
	"time"

	"cashew/backend"
	"cashew/stats"
)

// MissOptions are of a pool's next tier.
type MissOptions struct {
	Pool     string // "": there is none
	Seconds  int    // for which what is found there is kept
	MaxBytes int    // of a reply that is; a longer one is passed on, and not kept
}

// lastResort bounds the wait for a next tier where neither pool has a timeout.
const lastResort = time.Second

// tier is what a shard has of its pool's next one, and the Owner of what fills the pool.
type tier struct {
	opts  *MissOptions
	local *Local
	to    *shard // nil: the pool is not there
	tally *stats.Tier

	wait    time.Duration // for what is asked; 0: the next pool's own timeout is none longer
	waiting []awaited     // oldest first
	ticks   bool          // expire will be called
}

// awaited is until when what is asked may be answered.
type awaited struct {
	of     *asking
	number uint64
	until  int64 // as Loop.Now
}

// tierOf is what h has of its pool's next tier, which is to.
func (l *Local) tierOf(h, to *shard) *tier {
	t := &tier{opts: &h.pool.opts.Miss, local: l, to: to, tally: h.tally.TierTally(), wait: h.pool.Options().Timeout}
	own := time.Duration(0)
	if to != nil {
		own = to.pool.Options().Timeout
	}
	switch {
	case t.wait == 0 && own == 0:
		t.wait = lastResort
	case own > 0 && own <= t.wait:
		t.wait = 0
	}
	return t
}

// shard is what t asks; nil for nil.
func (t *tier) shard() *shard {
	if t == nil {
		return nil
	}
	return t.to
}

// Replied implements backend.Owner.
func (t *tier) Replied(f *backend.Request, chunk []byte, last bool) {
	if !last || f.Reply != nil {
		if f.Reply == nil {
			f.Reply = t.local.loop.GetBuffer()
		}
		f.Reply.B = append(f.Reply.B, chunk...)
		chunk = f.Reply.B
	}
	p := t.to.pool.Protocol
	switch {
	case !last:
	case p.Filled(chunk):
		t.tally.Filled++
	case p.IsError(chunk):
		t.tally.FillFailed++
	default:
		t.tally.Overtaken++
	}
}

// Failed implements backend.Owner.
func (t *tier) Failed(*backend.Request, error) { t.tally.FillFailed++ }

// await has what o asks end in time.
func (t *tier) await(o *asking) {
	if t.wait == 0 {
		return
	}
	t.forgetOver()
	t.waiting = append(t.waiting, awaited{o, o.number, t.local.loop.Now + int64(t.wait)})
	t.tick()
}

// forgetOver forgets the oldest of what has ended.
func (t *tier) forgetOver() {
	n := 0
	for n < len(t.waiting) && t.waiting[n].of.number != t.waiting[n].number {
		n++
	}
	if n > len(t.waiting)/2 || n == len(t.waiting) {
		t.waiting = append(t.waiting[:0], t.waiting[n:]...)
	} else {
		t.waiting = t.waiting[n:]
	}
}

// tick has expire called when the oldest has waited for long enough.
func (t *tier) tick() {
	if t.ticks || len(t.waiting) == 0 {
		return
	}
	t.ticks = true
	t.local.loop.After(max(time.Duration(t.waiting[0].until-t.local.loop.Now), time.Millisecond), t.expire)
}

// expire ends what has waited for long enough.
func (t *tier) expire() {
	t.ticks = false
	for t.forgetOver(); len(t.waiting) > 0 && t.waiting[0].until <= t.local.loop.Now; t.forgetOver() {
		o := t.waiting[0].of
		if o.next != nil {
			o.next.Owner, o.next = nil, nil
		}
		o.fails(backend.ErrTimeout)
	}
	t.tick()
}
