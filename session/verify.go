//go:build invariants

package session

import (
	"fmt"
	"slices"

	"cashew/backend"
)

// Totals are what one loop has of what all loops share.
type Totals struct{ Granted, Unread, Clients int64 }

// checker is what must hold of all clients of a loop, between two callbacks. The first that does not hold stands in Err.
type checker struct {
	*backend.Audit
	local  *Local
	handed bool // another process may be taking clients
	totals Totals

	owed   map[*backend.Request]*Session // in a client's order, or a fragment of one
	extra  int                           // by how many requests are held besides clients and outqs: by reports
	busy   int                           // clients with something in flight that does not block
	kept   int                           // bytes of calls of the client that is looked at
	shards map[*shard]*sums

	subscriptions map[*shard]int64 // of their clients
}

// sums are those of a shard's clients.
type sums struct{ inFlight, blocked, waiting, clients int64 }

// Verify says what does not hold of l's clients, of its server connections, and of the loop. handed: another process may be taking
// clients.
func (l *Local) Verify(handed bool) (Totals, error) {
	a := &checker{
		Audit: l.servers.Audit(), local: l, handed: handed, owed: make(map[*backend.Request]*Session), shards: make(map[*shard]*sums),
		subscriptions: make(map[*shard]int64),
	}
	for _, h := range l.shards {
		a.shards[h] = new(sums)
	}
	for s := range l.sessions.all {
		a.session(s)
		if a.Err != nil {
			return a.totals, a.Err
		}
	}
	a.lists()
	a.requests()
	for _, h := range l.shards {
		a.shard(h)
		if h.hub != nil {
			a.hub(h.hub)
		}
	}
	a.SharedHeld(l)
	a.Check(a.busy == l.loop.Busy, l, "%d clients have something in flight, and %d are counted", a.busy, l.loop.Busy)
	a.totals.Clients = l.clients.Load()
	a.Check(a.totals.Clients >= int64(l.sessions.n), l, "%d clients are counted, and there are %d", a.totals.Clients, l.sessions.n)
	return a.totals, a.Err
}

// String names l.
func (l *Local) String() string { return "sessions" }

// String names s.
func (s *Session) String() string { return fmt.Sprintf("client %d, %s", s.cl.ID, s.cl.Addr) }

// session: what s has fits its state, and somebody looks after all that it waits for.
func (a *checker) session(s *Session) {
	a.Check(s.life < closed && s.sock != nil, s, "it is closed and not forgotten")
	a.Out(&s.out, s.sock, s.dirty, s)
	resume, _, n := a.Flushes(s)
	a.Check(n == 1 == s.dirty && n <= 1, s, "dirty is %v, and the next flush looks at it %d times", s.dirty, n)
	a.Check(resume == 1 == s.resuming && resume <= 1, s, "resuming is %v, and the next flush resumes it %d times", s.resuming, resume)
	if s.in != nil {
		a.Buffer(s.in.B, s)
	}
	if t := a.shards[s.shard]; t != nil {
		t.inFlight += int64(s.inFlight)
		t.clients++
		if s.blocks.lease != nil {
			t.waiting++
		}
		if s.blocked {
			t.blocked++
		}
	}
	if s.inFlight > 0 && s.blocks.lease == nil {
		a.busy++
	}
	if t := s.transaction; t != nil {
		a.Buffer(t.bb.B, s)
		a.Check(s.inTransaction(), s, "it has commands queued, and is in no transaction")
	}
	c := s.watches.lease
	a.Check(c == nil || a.Leases(c, s), s, "it has a connection for itself, and that is not its")
	b := s.blocks.lease
	a.Check(b == nil || a.Leases(b, s) && s.head != nil && s.head.Next == nil, s, "it may block, and that is not all it is owed")
	a.Check((b != nil) == s.links[inBlocked].in, s, "it may block, and is not looked at, or the other way round")
	a.subscriber(s)
	a.order(s)
	a.reading(s)
	a.waiting(s)
	a.ending(s)
	a.memory(s)
}

// order: what s is owed is in its list, each once, and each is on its way.
func (a *checker) order(s *Session) {
	n := 0
	a.kept = 0
	var tail *backend.Request
	fragments := false
	for r := s.head; r != nil; r = r.Next {
		n++
		tail = r
		a.own(r, s)
		a.Check(!r.Streaming || r == s.head, s, "reply %d streams, and it is not its turn", n)
		if r.Gather == nil {
			a.Check(r.Done || s.broken || a.InQueue(r) && owes(r, s) || a.Refs(r) > 1 || s.subscriber != nil && s.subscriber.request == r, s, "nobody answers request %d of %d", n, s.inFlight)
		} else {
			fragments = true
			a.gathered(r, s)
		}
		if a.Err != nil {
			return
		}
	}
	a.Check(a.kept == s.keptCalls, s, "%d bytes of calls are kept, and %d are counted", a.kept, s.keptCalls)
	a.Check(n == s.inFlight, s, "%d replies are owed, and %d are in flight", n, s.inFlight)
	a.Check(tail == s.tail, s, "the tail of its order is not its last")
	a.Check(s.head == nil || !s.head.Done || s.broken, s, "the reply whose turn it is, of %d, is whole and is not passed on", n)
	if !fragments {
		a.overtaken(s)
	}
}

// own: r is owed to s and to nobody else, and has a buffer of its own.
func (a *checker) own(r *backend.Request, s *Session) {
	other := a.owed[r]
	a.Check(other == nil, s, "a request of it is also that of %v", other)
	a.owed[r] = s
	a.Check(r.Owner == nil || owes(r, s), s, "a request in its order has another owner")
	if o, ok := r.Owner.(*call); ok {
		a.Buffer(o.frames.B, s)
		a.kept += len(o.frames.B)
		a.Check(len(o.ends) > 0 && int(o.ends[len(o.ends)-1]) == len(o.frames.B), s, "what a call keeps does not end where its last command does")
	}
	if o, ok := r.Owner.(*asking); ok {
		if a.kept += o.kept; o.value != nil {
			a.Buffer(o.value.B, s)
		}
	}
	if r.Reply != nil {
		a.Buffer(r.Reply.B, s)
	}
	held := a.Refs(r) - 1
	if a.InQueue(r) || s.isParked(r) {
		held--
	}
	a.Check(held == 0 || held == 1 && !a.InQueue(r), s, "a request of it is held %d times too often", held)
	a.extra += held
}

// owes says that the reply to r is passed on to s, at once or by way of a call.
func owes(r *backend.Request, s *Session) bool {
	return waitsFor(r) == s
}

// gathered: as many fragments of whole are awaited as are counted.
func (a *checker) gathered(whole *backend.Request, s *Session) {
	awaited := 0
	for _, f := range whole.Fragments {
		a.own(f, s)
		a.Check(f.Parent == whole, s, "a fragment is part of another command")
		if (a.InQueue(f) || s.isParked(f)) && f.Owner != nil {
			awaited++
		}
	}
	a.Check(awaited == whole.Pending, s, "%d fragments of a command are awaited, and %d are counted", awaited, whole.Pending)
	a.Check((whole.Pending == 0) == whole.Done, s, "a command with %d fragments to come is done: %v", whole.Pending, whole.Done)
}

// overtaken: no request of s can be executed before an older one to the same server.
func (a *checker) overtaken(s *Session) {
	var last []*backend.Request // of each server
	for r := s.head; r != nil; r = r.Next {
		if !a.InQueue(r) || r.Owner == nil {
			continue
		}
		found := false
		for i, older := range last {
			if a.Server(older) == a.Server(r) {
				a.Check(!a.Overtaken(older, r), s, "a request may overtake an older one, on another connection to the same server")
				last[i], found = r, true
			}
		}
		if !found {
			last = append(last, r)
		}
	}
}

// reading: the reactor reads from s unless s waits.
func (a *checker) reading(s *Session) {
	a.Check(s.blocked || !s.paused, s, "it does not wait, and is paused")
	a.Check(!s.blocked || s.paused || !s.attached() || s.lastAt == s.openedAt || s.life >= quitting, s, "it waits, and is read from")
	a.Check(!s.paused || s.attached(), s, "it is paused without a reactor")
	a.Check(!s.rest || s.detached && s.blocked || s.life >= quitting, s, "the kernel has input of it that nobody will read")
	need := s.scan.Need
	a.Check(s.in == nil || s.blocked || s.life >= quitting || need == 0 || len(s.in.B) < need, s, "a whole command is kept, and nobody takes it")
}

// waiting: what s waits for is not over, or it is told by the next flush; and whoever it waits for will tell it.
func (a *checker) waiting(s *Session) {
	over := s.waitsFor&behindServer == 0 && (s.waitsFor&behindOrder == 0 || s.owedNothing()) && s.waitsFor&(behindHandOver|behindLesson|behindLimit|behindLogin|behindRetry|behindMap|behindReads|behindFlight) == 0 &&
		s.inFlight <= s.local.limits.MaxPipeline/2 && s.reports <= maxClientReports/2 && s.owed() <= s.allowed/2 &&
		(max(s.local.level, s.local.pressure.Level.Load()) < High || s.holds() < causeBytes)
	a.Check(!s.blocked || !over || s.resuming || s.dirty || s.life >= quitting, s, "it waits for nothing, with %d in flight, %d of them reports, and %d bytes owed", s.inFlight, s.reports, s.owed())
	a.Check(s.waitsFor&behindMap == 0 || s.asked, s, "it waits to be told where servers are, and for no time")
	if s.waitsFor&behindServer != 0 {
		told, known := false, true
		for _, h := range s.local.shards { // its routes lead to others as well
			t, k := a.Told(h.group, s)
			told, known = told || t, known && k
		}
		a.Check(told || !known, s, "it waits for a server, and none will tell it")
	}
	a.Check(s.waitsFor&behindLesson == 0 || s.lookup.tells(s), s, "it waits for what servers say of a command, and nobody will tell it")
	a.Check(s.waitsFor&behindLimit == 0 || s.blocked && s.held != nil, s, "it waits for a limit, and no command of it does")
	a.Check(s.waitsFor&behindLogin == 0 || s.blocked && s.turnOf == s.commands+1, s, "it waits to log in, and no command of it does")
	a.Check(s.limiter == s.shard.limits || s.shard.limits == nil && s.rewritten(), s, "it is under other limits than its pool's")
	a.retries(s)
	a.reads(s)
	a.Check(s.waitsFor&behindHandOver == 0 || a.handed, s, "it waits for a hand-over that is over")
}

// retries: as many commands of s are sent again, and parked, as are counted, and s waits for just that.
func (a *checker) retries(s *Session) {
	all := &s.local.retries
	again, parked, bytes := 0, 0, 0
	for r := range all.of { // in no order: they are counted
		if waitsFor(r) == s {
			again++
		}
	}
	for _, p := range all.parked {
		if waitsFor(p.r) == s {
			parked++
			bytes += cap(p.frame.B)
			a.Check(all.of[p.r] != nil, s, "a command of it is parked that is not to be sent again")
		}
	}
	a.Check(again == s.retrying && parked == s.parked, s, "%d and %d commands are sent again and parked, and %d and %d are counted", again, parked, s.retrying, s.parked)
	a.Check(bytes == s.parkedBytes, s, "what is parked of it has %d bytes, and %d are counted", bytes, s.parkedBytes)
	a.Check((s.waitsFor&behindRetry != 0) == (again > 0), s, "%d commands are sent again, and it waits for %b", again, s.waitsFor)
	a.Check(len(all.parked) == 0 || all.ticks, s, "commands are parked, and nobody looks at them")
}

// reads: as many commands of s write, and ask replicas, as are counted, and never both.
func (a *checker) reads(s *Session) {
	writing, asking := 0, 0
	for r := s.head; r != nil; r = r.Next {
		switch r.Way &^ wayBeside {
		case wayWrite:
			writing++
		case wayReplica:
			asking++
		}
	}
	a.Check(writing == s.writing && asking == s.asking, s, "%d and %d commands of it write and ask replicas, and %d and %d are counted", writing, asking, s.writing, s.asking)
	a.Check(writing == 0 || asking == 0, s, "%d commands of it write, and %d ask replicas", writing, asking)
	a.Check(s.expecting == s.retrying+s.writing+s.asking, s, "it expects %d replies", s.expecting)
	a.Check(s.waitsFor&behindReads == 0 || asking > 0, s, "it waits for what replicas answer, and none was asked")
}

// isParked says that r waits to be sent again.
func (s *Session) isParked(r *backend.Request) bool {
	return slices.ContainsFunc(s.local.retries.parked, func(p *parking) bool { return p.r == r })
}

// tells says that s is told once o is over.
func (o *lookup) tells(s *Session) bool {
	return o != nil && !o.over && o.pending > 0 && s.lookups[o.name] == o && slices.Contains(o.waiting, s)
}

// ending: a session that is to end does so once nothing is owed.
func (a *checker) ending(s *Session) {
	a.Check(s.life != leaving || s.unread > 0 || !s.between(), s, "all is taken from it, and it does not leave")
	a.Check(s.life != quitting || !s.owedNothing() || s.out.Pending() > 0 || s.dirty, s, "all is answered, and it does not end")
	a.Check(!s.broken || s.dirty, s, "it is broken, and nobody closes it")
}

// memory: what is counted of s is what it has.
func (a *checker) memory(s *Session) {
	a.totals.Granted += int64(s.granted)
	a.totals.Unread += int64(s.unreadBytes)
	a.Check(s.dirty || s.unreadBytes == s.out.Own(), s, "%d bytes are unread, and %d are counted", s.out.Own(), s.unreadBytes)
	first := min(s.local.firstAllowed(), s.outputBuffer())
	a.Check(s.removed || s.allowed == first+s.granted, s, "it may be owed %d bytes: %d and %d that were granted", s.allowed, first, s.granted)
	_, stalled := s.out.Stalled()
	holds := s.granted > 0 || !s.dirty && (stalled || s.holds() >= causeBytes)
	a.Check(!holds || s.links[inHolders].in, s, "it holds memory and is not looked at")
}

// lists: those of the loop are whole.
func (a *checker) lists() {
	for _, list := range []*sessions{&a.local.sessions, &a.local.holders, &a.local.blocked} {
		n := 0
		var last *Session
		for s := list.first; s != nil; s = s.links[list.which].next {
			at := &s.links[list.which]
			a.Check(at.in && at.prev == last && s.life < closed, s, "it stands in a list of the loop, and does not know, or is closed")
			last = s
			n++
		}
		a.Check(n == list.n && last == list.last, a.local, "a list of the loop has %d clients, and %d are counted", n, list.n)
	}
}

// requests: whoever owns a request in an outq is owed it, and as many are held as are counted.
func (a *checker) requests() {
	inUse := len(a.owed)
	for _, r := range a.Queued {
		s := a.owed[r]
		if s == nil {
			inUse++
			a.Check(a.Refs(r) == 1, a.local, "a request that nobody waits for is held %d times", a.Refs(r))
		}
		if o, ok := r.Owner.(*Session); ok {
			a.Check(o == s, o, "a server owes it what is not in its order")
		} else if o, ok := r.Owner.(*call); ok {
			a.Check(o.s == s, o.s, "a server owes its call what is not in its order")
		} else if o, ok := r.Owner.(*side); ok {
			a.Check(o.s == s, a.local, "a server owes a side of a comparison what is not in its session's order")
		} else if o, ok := r.Owner.(*asking); ok {
			a.Check(r == o.read && o.s == s || r == o.next && s == nil, o.s, "a server owes what is asked for a session something else")
		}
	}
	for _, p := range a.local.retries.parked {
		if waitsFor(p.r) == nil { // its client is gone, and the next tick lets it go
			inUse++
		}
	}
	for _, h := range a.local.shards {
		if h.near != nil {
			a.near(h.near)
		}
	}
	a.Check(a.InUse()-inUse+a.extra == a.local.reports+a.local.joined, a.local, "%d requests are in use, and %d are counted; %d are held besides, by %d reports and %d that joined",
		inUse, a.InUse(), a.extra, a.local.reports, a.local.joined)
}

// shard: the sums of a pool's clients are what is counted.
func (a *checker) shard(h *shard) {
	t, profiles := a.shards[h], int64(0)
	for _, n := range h.tally.Profiles {
		profiles += n
	}
	a.Check(t.inFlight == h.tally.InFlight, a.local, "%d commands are in flight, and %d are counted", t.inFlight, h.tally.InFlight)
	a.Check(t.blocked == h.tally.Blocked, a.local, "%d clients wait, and %d are counted", t.blocked, h.tally.Blocked)
	a.Check(t.waiting == h.tally.Waiting, a.local, "%d clients wait at servers, and %d are counted", t.waiting, h.tally.Waiting)
	a.Check(a.subscriptions[h] == h.tally.Subscriptions, a.local, "clients have %d subscriptions, and %d are counted", a.subscriptions[h], h.tally.Subscriptions)
	a.Check(t.clients == profiles, a.local, "there are %d clients, and %d are counted", t.clients, profiles)
}

// Verify says whether p counts what the loops together have.
func (p *Pressure) Verify(sum Totals) error {
	if n := p.output.granted.Load(); n != sum.Granted {
		return fmt.Errorf("clients were granted %d bytes, and %d are counted", sum.Granted, n)
	}
	if n := p.output.unread.Load(); n != sum.Unread {
		return fmt.Errorf("clients have not read %d bytes, and %d are counted", sum.Unread, n)
	}
	return nil
}
