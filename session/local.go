package session

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/loop"
	"cashew/quota"
	"cashew/stats"
)

// Local is all that this package has on one event loop: its sessions, and what they share. Only the loop's own goroutine touches
// it; others send a function with Execute.
type Local struct {
	index   int // of the loop
	loop    *loop.Loop
	servers *backend.Local
	shards  []*shard // one for each pool

	limits   Limits
	pressure *Pressure

	sessions sessions // inAll
	draining bool     // all leave
	idleFrom int64    // no client can be idle for too long before, see closeIdle; 0: whoever asks has to look

	holders sessions // inHolders
	blocked sessions // inBlocked

	retries retries

	cmd          codec.Command             // reused from command to command
	past         *quota.Limit              // of a command of Kind over, which rule it is past
	name         []byte                    // scratch of lookup
	parts        []uint16                  // scratch of scatter: server of each key
	shares       []share                   // scratch of scatter: what each server gets
	targets      []target                  // scratch of scatter: where they go
	lastReply    bytebufferpool.ByteBuffer // of the fragment that is being joined
	slots        *slotted                  // scratch of scatterSlots; nil: never used
	gathers      []*codec.Gather           // not in use
	transactions []*transaction            // not in use
	calls        []*call                   // not in use
	copies       []*copied                 // not in use
	twins        []*twin                   // not in use
	comparing    int                       // twins that are asked again
	askings      []*asking                 // not in use
	pairs        []*pair                   // not in use
	legs         [2]legs                   // scratch of twice
	skips        stats.MirrorSkips         // of pools without a mirror, which nobody asks for
	loaded       [8]loading                // lately, the next in place of the one at nextLoaded
	reads, asked bool                      // the command that is being taken may be asked of replicas, and was
	near         bool                      // the command that is being taken was answered with what is kept near
	mute         *backend.Conn             // where the command that is being taken went, if it has no reply
	readKey      []byte                    // scratch of scatterSlots: the first key of a fragment that replicas may be asked for
	nextLoaded   int
	idle         int          // the smallest number of them since the last tidy: that many were never needed
	clients      atomic.Int64 // on the loop or on their way to it

	hot, big stats.Sketch
	sampleIn int // keys until the next is sampled
	decayAt  int64
	auditIn  int // commands until the audit log has the next
	access   accessing

	joined   int   // commands that are answered with what another was sent for, see flight.go and otherflight.go
	reports  int   // that are being answered, also for clients that have left
	level    int32 // of Pressure, as Relieve was last told
	overfull bool  // all clients together have more unread than they may
}

// target is where the keys of one server go while a command is scattered.
type target struct {
	part    uint16 // index of the fragment
	request *backend.Request
	conn    *backend.Conn // nil if the server can't be reached
	err     error         // why, if the fragment is to be held
	home    *shard        // where, then
	held    *bytebufferpool.ByteBuffer
	batch   []byte // what the fragment is appended to: held's, or that of conn, which gets it back; nil: there is no fragment
}

// NewLocal returns what this package has on a loop, the index-th, beside what backend has there.
func NewLocal(index int, servers *backend.Local, limits Limits, p *Pressure) *Local {
	on := servers.Loop()
	return &Local{
		index: index, loop: on, servers: servers, limits: limits, pressure: p,
		sessions: sessions{which: inAll}, holders: sessions{which: inHolders}, blocked: sessions{which: inBlocked}, sampleIn: stats.NextSample(on.World),
	}
}

// Clients is how many clients are on the loop or on their way to it. Any goroutine may ask.
func (l *Local) Clients() int64 { return l.clients.Load() }

// countOut counts s, a client of p, out.
func (l *Local) countOut(s *Session, p *Pool) {
	l.clients.Add(-1)
	if s.left != nil {
		s.left()
	}
	p.host.Left()
}

// Drain has all clients leave, those there are and those that still come, within so long.
func (l *Local) Drain(within time.Duration) {
	l.draining, l.limits.DrainTimeout = true, within
	for s := range l.sessions.all {
		s.leave()
	}
}

// Relieve acts on the level of memory pressure: clients that were blocked for it are looked at again, and at the
// critical level the one that holds most is closed.
func (l *Local) Relieve(level int32) {
	l.level = level
	if level >= High {
		l.pressure.Dropped.Add(int64(l.loop.DropSpares()))
		l.gathers, l.idle = nil, 0
	}
	for s := range l.holders.all {
		if level < High && s.blocked {
			s.unblock()
		}
	}
	if level == Critical {
		l.closeGreatest()
	}
}

// closeGreatest closes the client that holds most memory; false: none holds much.
func (l *Local) closeGreatest() bool {
	var most *Session
	for s := range l.holders.all {
		if most == nil || s.holds() > most.holds() {
			most = s
		}
	}
	if most == nil || most.holds() < causeBytes {
		return false
	}
	l.loop.Log.Warn("closing the client that holds most memory", "pool", most.pool.Name, "client", most.cl.Addr,
		"bytes", most.holds())
	most.pool.Count.OverMemory.Add(1)
	most.close()
	return true
}

// closeSlow closes clients that have not taken a byte for their pool's client_write_timeout, and forgets those that
// hold nothing any more.
func (l *Local) closeSlow() {
	for s := range l.holders.all {
		t := int64(s.pool.opts.ClientWriteTimeout)
		at, stalled := s.out.Stalled()
		switch {
		case t > 0 && stalled && l.loop.Now-at >= t:
			l.loop.Log.Warn("closing a client that does not read", "pool", s.pool.Name, "client", s.cl.Addr,
				"unread_bytes", s.out.Pending(), "allowed", s.allowed,
				SettingName(l.limits.SettingNames, "ClientWriteTimeout"), time.Duration(t))
			s.pool.Count.Slow.Add(1)
			s.close()
		case s.caughtUp() && !stalled && !s.blocked && s.holds() < causeBytes:
			l.holders.remove(s)
		}
	}
}

// decayEvery is how long it takes for a key that nobody asks for any more to lose half of its count.
const decayEvery = time.Minute

// Tidy is called every second or so: it drops what only very wide commands, large values and slow clients needed.
func (l *Local) Tidy() {
	l.closeSlow()
	l.closeIdle()
	l.recall()
	for _, h := range l.shards {
		if h.hub != nil {
			h.hub.tidy()
		}
		if h.near != nil {
			h.near.tidy()
		}
		for _, o := range slices.Clone(h.owns) { // one may leave
			o.tidy()
		}
	}
	l.pressure.Dropped.Add(int64(l.loop.Tidy() + l.servers.Tidy()))
	if l.loop.Now >= l.decayAt {
		l.hot.Decay(true)
		l.big.Decay(false)
		l.decayAt = l.loop.Now + int64(decayEvery)
	}
	l.gathers = slices.Delete(l.gathers, 0, l.idle)
	l.idle = len(l.gathers)
	if cap(l.cmd.Keys) > maxGatherKeys {
		l.cmd.Keys = nil
	}
	if cap(l.parts) > maxGatherKeys {
		l.parts = nil
	}
}

// What a loop keeps of gathered commands, as long as so many are under way at once: 1,024, fewer of many keys. Beyond
// maxGatherKeys, scratch goes with the next tidy.
const (
	maxGathers    = 1 << 10
	maxGatherKeys = 4 << 10
)

func (l *Local) getGather() *codec.Gather {
	n := len(l.gathers)
	if n == 0 {
		return new(codec.Gather)
	}
	g := l.gathers[n-1]
	l.gathers[n-1] = nil
	l.gathers, l.idle = l.gathers[:n-1], min(l.idle, n-1)
	return g
}

func (l *Local) putGather(g *codec.Gather) {
	if n := len(l.gathers); n == maxGathers || cap(g.Part) > maxGatherKeys || n*cap(g.Part) > 16*maxGatherKeys {
		return
	}
	clear(g.Replies)
	*g = codec.Gather{Part: g.Part[:0], Replies: g.Replies[:0], Keys: g.Keys[:0], Cursor: g.Cursor[:0]}
	l.gathers = append(l.gathers, g)
}
