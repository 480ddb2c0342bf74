package session

// A flight is a read on its way whose reply several may get: those who sent the same command before the reply began to come, over the same
// connection. So of what many ask for at once the server is asked once. No Session is the Owner of its Request, the flight is; those who wait
// for it have each a Request in their order that is queued on no Conn:
//
//	client 1 --GET a--\
//	client 2 --GET a---+--> flight --[CLIENT CACHING YES] GET a [PTTL a]--> server
//	client 3 --GET a--/
//
// What was written in between, as package near counts it, ends the joining, and nothing is kept. A client's order holds: whatever it sent before
// stands ahead of the flight on that connection, or writes no key of it, and what it sends afterwards stands behind.

import (
	"bytes"
	"math"
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/near"
	"cashew/topology"
)

// flight is a read on its way, and the Owner of its Request.
type flight struct {
	n       *nearby
	command near.Command // Frame is its own
	op      uint16
	key     []byte
	mark    near.Mark
	conn    *backend.Conn
	era     int   // of conn
	number  int64 // of the server's tracker, which is told of writes; 0: none is
	at      int64 // Loop.Now, when it was sent
	place   int
	parts   int // of what was sent for it, those that are not answered

	flying  *near.Flying // as other loops know it; nil: they do not
	readers []reader
	fetches bool   // it is for nobody: see fetch
	begun   bool   // the reply has
	keep    bool   // it is to be kept
	reply   []byte // of what is to be kept, so far
	whole   bool   // it is there
	life    int64  // as codec.Tracked's Life
	part    []byte // of a reply to what was sent besides
}

// reader is a command that is answered with what the flight is.
type reader struct {
	s *Session
	r *backend.Request
}

// fly has s, which sent cmd, get the reply of a flight, its own or another's; false: it is to be sent as any other, the way that it would go.
// shares is false if nobody else may have that reply before it is there.
func (n *nearby) fly(s *Session, cmd *codec.Command, c *near.Command, way uint8, shares bool) bool {
	hot := n.wants(cmd.Key, c.Hash)
	if way == wayReplica && (!hot || s.reads.policies[cmd.Op] == topology.FromReplica) {
		return false
	}
	mark := n.cache.Mark(near.Slot(cmd.Key)) // first: whoever has the key now may not have it when it is counted
	if s.wroteTo(mark.Slot) {
		return false
	}
	place, server := s.pool.Router().Route(cmd.Key)
	conn, err := s.conns.Conn(server, s.cl.ID)
	if err != nil {
		return way != wayReplica && n.giveStale(s, cmd, c)
	}
	at := &n.flights[c.Hash%flights]
	switch f := *at; {
	case !shares:
		if hot {
			n.launch(s, cmd, c, mark, place, server, conn, hot).board(s, cmd)
		}
		return hot
	case f == nil && s.head == nil && n.several && n.awaitOther(s, cmd, c, place):
		return true
	case f == nil:
		f = n.launch(s, cmd, c, mark, place, server, conn, hot)
		*at = f
		n.announce(f)
		f.board(s, cmd)
		return true
	case f.takes(c, conn):
		n.tally.Joined++
		f.board(s, cmd)
		return true
	}
	return false
}

// giveStale answers cmd, whose server can't be asked, with what is kept of it all the same; false: there is nothing.
func (n *nearby) giveStale(s *Session, cmd *codec.Command, c *near.Command) bool {
	e := n.stale(c)
	if e == nil {
		return false
	}
	s.count(cmd)
	s.give(e.Reply)
	return true
}

// stale is what is kept of a command whose server is gone, and given all the same; nil: there is nothing.
func (n *nearby) stale(c *near.Command) *near.Entry {
	if n.opts.Stale == 0 {
		return nil
	}
	e := n.cache.GetStale(c, n.local.loop.Now)
	if e != nil {
		n.tally.Stale++
	}
	return e
}

// wants says that the reply to a command is worth keeping.
func (n *nearby) wants(key []byte, hash uint64) bool {
	if n.sketch != nil {
		return n.sketch.Add(hash) >= hotReads
	}
	return n.opts.Has(key)
}

// takes says that f may answer a command c, which would go over conn.
func (f *flight) takes(c *near.Command, conn *backend.Conn) bool {
	return !f.begun && f.at >= f.n.from && f.conn == conn && f.era == conn.Era() && f.command.Hash == c.Hash && f.command.Form == c.Form && bytes.Equal(f.command.Frame, c.Frame) &&
		f.n.cache.Unchanged(&f.mark)
}

// launch sends cmd as a flight, which nobody is aboard of.
func (n *nearby) launch(s *Session, cmd *codec.Command, c *near.Command, mark near.Mark, place int, server *topology.Server, conn *backend.Conn, hot bool) *flight {
	f := n.getFlight()
	f.n, f.mark, f.conn, f.era, f.place, f.at = n, mark, conn, conn.Era(), place, s.loop.Now
	f.op = cmd.Op
	f.command.Hash, f.command.Form, f.command.Frame = c.Hash, c.Form, append(f.command.Frame[:0], c.Frame...)
	f.key = append(f.key[:0], cmd.Key...)
	f.life, f.keep = -1, hot
	p := s.pool.Protocol
	conn.Touch()
	if hot && n.tracks {
		f.hears(server, p)
	}
	q := s.local.servers.NewRequest(f)
	q.Op, q.Keys, q.Server, q.Frame, q.Mark = cmd.Op, 1, uint16(place), uint32(len(cmd.Frame)), 0
	q.SetKey(cmd.Key)
	conn.Queue(q)
	s.local.servers.Unref(q)
	f.parts++
	s.pastCrowd(conn)
	conn.Out().Append(s.loop, cmd.Frame)
	if f.keep && n.tracks {
		f.parts++
		n.words = p.AppendLife(n.words[:0], f.key)
		conn.Insert((*living)(f), n.words)
	}
	return f
}

// announce has other loops know of f, which was just launched.
func (n *nearby) announce(f *flight) {
	if n.several && f.at >= n.from {
		f.flying = &near.Flying{Command: f.command, Mark: f.mark, At: f.at}
		if !n.cache.Launch(f.flying) {
			f.flying = nil
		}
	}
}

// hears has the server tell of writes to what f, which is about to be sent, reads. If it will, and does not yet, nothing is kept.
func (f *flight) hears(server *topology.Server, p codec.Tracked) {
	told := server.Told()
	f.mark.From(told) // first: a number of a later era is none of this
	switch f.number = told.Number(); {
	case f.number == 0:
		f.keep = false
	case f.number != near.Untold && f.n.sketch != nil:
		f.conn.Tracks(f.number, p)
		f.parts++
		f.n.words = p.AppendTracksNext(f.n.words[:0])
		f.conn.Insert((*caching)(f), f.n.words)
	}
}

// board has s, which sent cmd, be answered with what f is.
func (f *flight) board(s *Session, cmd *codec.Command) {
	s.count(cmd)
	f.takeAboard(s, s.expect(cmd, f.place))
}

// takeAboard has r, which s is owed and no Conn has, be answered with what f is.
func (f *flight) takeAboard(s *Session, r *backend.Request) {
	r.Ref()
	f.readers = append(f.readers, reader{s, r})
	f.n.local.joined++
}

// Replied implements backend.Owner.
func (f *flight) Replied(r *backend.Request, chunk []byte, last bool) {
	f.begun = true
	r.Size += len(chunk) // what has begun is not sent again
	f.hold(chunk)
	for _, w := range f.readers {
		if w.r.Owner != nil { // else its client is gone
			w.s.Replied(w.r, chunk, last)
		}
	}
	if last {
		f.whole = true
		f.landed()
	}
}

// hold keeps the next bytes of the reply, if somebody will ask for them.
func (f *flight) hold(chunk []byte) {
	switch {
	case !f.keep && f.flying == nil:
	case len(f.reply)+len(chunk) <= maxNearReply:
		f.reply = append(f.reply, chunk...)
	default:
		if f.keep {
			f.n.tally.TooLarge++
		}
		f.keep, f.reply = false, nil
		f.land(nil)
	}
}

// land ends the waiting of other loops for f.
func (f *flight) land(reply []byte) {
	if f.flying != nil {
		f.n.cache.Land(f.flying, reply)
		f.flying = nil
	}
}

// Failed implements backend.Owner.
func (f *flight) Failed(_ *backend.Request, err error) {
	f.keep = false
	begun := f.begun
	f.begun = true
	for _, w := range f.readers {
		if w.r.Owner != nil && (begun || !f.stale(w)) {
			w.s.Failed(w.r, err)
		}
	}
	f.landed()
}

// stale answers w, whose server failed, with what is kept all the same; false: there is nothing.
func (f *flight) stale(w reader) bool {
	e := f.n.stale(&f.command)
	if e != nil {
		w.s.Replied(w.r, e.Reply, true)
	}
	return e != nil
}

// landed is the end of f as far as its readers are concerned.
func (f *flight) landed() {
	n := f.n
	if at := &n.flights[f.command.Hash%flights]; *at == f { // else it is one that nobody else may join
		*at = nil
	}
	n.local.joined -= len(f.readers)
	for i, w := range f.readers {
		n.local.servers.Unref(w.r)
		f.readers[i] = reader{}
	}
	f.readers = f.readers[:0]
	if f.whole {
		f.land(f.reply)
	}
	f.land(nil)
	f.answered()
}

// answered takes note that one of the things that were sent for f is.
func (f *flight) answered() {
	if f.parts--; f.parts > 0 {
		return
	}
	n := f.n
	if f.keep && f.whole && f.era == f.conn.Era() && n.shard.pool.Protocol.Stays(f.op, f.reply) {
		f.store()
	}
	*f = flight{command: near.Command{Frame: f.command.Frame[:0]}, key: f.key[:0], reply: f.reply[:0], readers: f.readers, part: f.part[:0]}
	if len(n.spares) < maxCopies && cap(f.reply) <= maxSpareKey<<4 && cap(f.readers) <= maxGatherKeys {
		n.spares = append(n.spares, f)
	}
}

// store keeps the reply of f.
func (f *flight) store() {
	n, life := f.n, f.n.opts.Life
	switch {
	case !n.tracks || f.number == near.Untold:
		life = n.opts.Untold
	case n.sketch != nil && !f.conn.Tracked(f.number):
		f.refused()
		return
	}
	life = f.untold(life)
	t := near.Times{At: f.at, Ends: math.MaxInt64}
	if f.life >= 0 {
		t.Ends = f.at + f.life*int64(time.Millisecond)
	}
	t.Until = min(f.at+int64(life), t.Ends)
	switch {
	case t.Until <= n.local.loop.Now || f.at < n.from:
	case !n.cache.Fits(&f.command, f.reply):
		n.tally.TooLarge++
	case n.cache.Keep(&f.command, f.mark, f.reply, f.place, t):
		n.tally.Kept++
	default:
		n.tally.Overtaken++
	}
}

// refused takes note that the server does not track what is read over f's connection, if it has said so.
func (f *flight) refused() {
	if !f.conn.Tracked(f.number) {
		f.conn.Server().Told().Refuse(f.number)
	}
}

// caching is a flight as the Owner of what says that its read is tracked.
type caching flight

// Replied implements backend.Owner.
func (f *caching) Replied(_ *backend.Request, chunk []byte, last bool) {
	if f.part = append(f.part, chunk...); !last {
		return
	}
	if !f.n.shard.pool.Protocol.Tracks(f.part) {
		f.keep = false
		(*flight)(f).refused()
	}
	f.part = f.part[:0]
	(*flight)(f).answered()
}

// Failed implements backend.Owner.
func (f *caching) Failed(*backend.Request, error) {
	f.keep = false
	(*flight)(f).answered()
}

// living is a flight as the Owner of how long its key has.
type living flight

// Replied implements backend.Owner.
func (f *living) Replied(_ *backend.Request, chunk []byte, last bool) {
	if f.part = append(f.part, chunk...); !last {
		return
	}
	ok := false
	f.life, ok = f.n.shard.pool.Protocol.Life(f.part)
	f.keep = f.keep && ok
	(*flight)(f).answered()
}

// Failed implements backend.Owner.
func (f *living) Failed(*backend.Request, error) {
	f.keep = false
	(*flight)(f).answered()
}

// getFlight returns one that is not in use.
func (n *nearby) getFlight() *flight {
	i := len(n.spares) - 1
	if i < 0 {
		return new(flight)
	}
	f := n.spares[i]
	n.spares = n.spares[:i]
	return f
}
