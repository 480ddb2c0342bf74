package session

// A client that tracks keys (CLIENT TRACKING) is told by its servers when what it has read is no more so. What a server remembers it remembers of a
// connection; so such a client has connections of its own, one to each server that it sends to, or to all if it wants to be told of all keys:
//
//	client --GET a------> own connection --CLIENT TRACKING ON, GET a--> server
//	       <--reply, invalidate a-------------------------------------
//
// What a server says comes to the client behind all replies that are owed when it is said: so behind the reply that it is about. Whenever a
// connection is lost, or a key may have another server, the client is told to forget all, for some of it nobody would tell it of. So is one that is to
// be told of all keys, whenever a server begins to tell: what others have read for it before, and what was written since, nobody told it of.

import (
	"slices"

	"cashew/backend"
	"cashew/codec"
	"cashew/topology"
)

// private is what a client has of its own.
type private struct {
	s      *Session
	set    *backend.Set
	as     *codec.Tracking
	router *topology.Router // by which keys were sent
	behind int              // bytes that the client was told since it was last counted how many of those wait
}

// ownConns has s send over connections of its own to database db if it tracks keys, and over those of all if it does not any more.
func (s *Session) ownConns(db int) {
	o, t := s.own, s.cl.Tracks
	if o != nil && o.as == t && o.set.Profile() == s.cl.Profile && o.set.Database() == db && !o.set.Closed() {
		s.conns = o.set
		return
	}
	s.leaveOwn()
	if t == nil {
		return
	}
	s.own = &private{s: s, as: t, router: s.pool.Router()}
	s.own.set = s.group.PrivateSet(s.cl.Profile, db, t.First, s.own)
	s.conns = s.own.set
	s.owns = append(s.owns, s.own)
	if s.tracked { // what it has read over connections that it has no more
		s.own.forget()
	}
	s.tracked = true
	s.own.tidy()
}

// leaveOwn gives up what s has of its own.
func (s *Session) leaveOwn() {
	o := s.own
	if o == nil {
		return
	}
	s.own = nil
	s.owns = slices.DeleteFunc(s.owns, func(other *private) bool { return other == o })
	o.set.Close()
}

// tidy is called every second or so.
func (o *private) tidy() {
	o.look()
	if o.as.All {
		_ = o.set.OpenAll(o.s.pool.Servers()) // those that can't be reached are told of once they can
	}
}

// look takes note that keys may have other servers than before.
func (o *private) look() {
	if r := o.s.pool.Router(); r != o.router {
		o.router = r
		o.forget()
	}
}

// steer carries cmd out. It returns false if the command has to wait, and then nothing is taken of it.
func (o *private) steer(cmd *codec.Command, way uint8) bool {
	s := o.s
	o.look()
	apart := o.apart(cmd)
	if s.cl.Caching && !apart {
		o.before(cmd)
	}
	if !s.carryNear(cmd, way) {
		return false
	}
	if s.cl.Caching && !s.inTransaction() && !s.pool.Protocol.KeepsCaching(cmd.Op) {
		s.cl.Caching = false
	}
	if apart && s.own == o {
		o.forget()
	}
	return true
}

// apart says that cmd goes over a connection that is not the client's to stay, and may read there: nobody would tell of that.
func (o *private) apart(cmd *codec.Command) bool {
	s := o.s
	return cmd.Kind == codec.Lease && cmd.Wait != 0 || cmd.Kind == codec.Exec && (s.watches.on() || s.transaction != nil && len(s.transaction.selects) > 0)
}

// before has servers do with the keys of cmd, which is about to be sent, what CLIENT CACHING said. Where cmd is not sent that would hold for the
// command behind it.
func (o *private) before(cmd *codec.Command) {
	s := o.s
	switch cmd.Kind {
	case codec.Exec:
		if s.transaction != nil {
			o.caching(s.transaction.server)
		}
	case codec.Forward:
		_, server := o.router.Route(cmd.Key)
		o.caching(server)
	case codec.Scatter:
		var told []*topology.Server
		for i := range cmd.Keys {
			if _, server := o.router.Route(cmd.KeyAt(i)); !slices.Contains(told, server) {
				told = append(told, server)
				o.caching(server)
			}
		}
	}
}

// caching has a server do with the keys of the next command what CLIENT CACHING said.
func (o *private) caching(server *topology.Server) {
	if server == nil {
		return
	}
	c, err := o.set.Conn(server, o.s.cl.ID)
	if err != nil {
		return // nor will the command be sent
	}
	c.Insert(ignored{}, o.s.pool.Protocol.AppendCaching(nil, o.as.OptIn))
}

// ignored is the Owner of an answer that says nothing.
type ignored struct{}

// Replied implements backend.Owner.
func (ignored) Replied(*backend.Request, []byte, bool) {}

// Failed implements backend.Owner.
func (ignored) Failed(*backend.Request, error) {}

// Pushed implements backend.Told.
func (o *private) Pushed(frame []byte) {
	if o.s.pool.Protocol.Tells(frame) {
		o.tell(frame)
	}
}

// Telling implements backend.Told.
func (o *private) Telling() {
	if o.as.All {
		o.forget()
	}
}

// Untold implements backend.Told.
func (o *private) Untold(err error) {
	s := o.s
	if err == backend.ErrUntracked { //nolint:errorlint // it is made for this
		s.loop.Log.Warn("server refuses CLIENT TRACKING; closing the client", "pool", s.pool.Name, "client", s.cl.Addr)
		s.broken = true
		s.touch()
		return
	}
	o.forget()
}

// forget tells the client to forget all.
func (o *private) forget() { o.tell(o.s.pool.Protocol.AppendForgotten(nil)) }

// tell tells the client something behind all that it is owed, unless it does not read.
func (o *private) tell(frame []byte) {
	s := o.s
	if s.life >= quitting || s.own != o {
		return
	}
	if n := o.waits(); n > s.subscriberBuffer() {
		s.tooSlow(n)
		return
	}
	o.behind += len(frame)
	bb := s.loop.GetBuffer()
	s.loop.Grow(bb, len(frame), 0)
	s.loop.Copies.Add(len(frame))
	bb.B = append(bb.B, frame...)
	s.tell(bb)
}

// waits is how many bytes wait that the client was told: it does not read, or they are behind a reply that does not come. They may be fewer, if they
// are few.
func (o *private) waits() int {
	s := o.s
	if o.behind > s.subscriberBuffer() {
		o.behind = 0
		for r := s.head; r != nil; r = r.Next {
			if r.Owner == nil {
				o.behind += stored(r)
			}
		}
	}
	return max(o.behind, s.out.Pending())
}
