package session

// A client waits while no more of its commands may be taken: the reactor does not read from it, what it sends stays in the kernel,
// and TCP makes it wait. Every cause has one row in waits: when it begins, and when it is over, which is later for what is counted
// (a client with 1,024 commands in flight goes on at 512), so that a client is not stopped and started at each reply. A client
// goes on once all rows are over, whichever stopped it.

// causes are those that a session is told of; the other rows of waits are read from its counters.
type causes uint16

const (
	// behindServer: a server that it sent to has as much outstanding as it may, or is being asked what it speaks. Roomy ends it.
	behindServer causes = 1 << iota
	// behindOrder: its next command takes other connections than those that owe it replies, or what it is owed may be the last. It ends once
	// nothing is owed.
	behindOrder
	// behindHandOver: another process is to have it, between two commands. goesOn ends it.
	behindHandOver
	// behindLesson: servers are being asked about its next command. told, of the lookup, ends it.
	behindLesson
	// behindLimit: its next command is past a limit that delays. A timer ends it, a reload that has other limits, or the client's end.
	behindLimit
	// behindLogin: its next command is a login, and too many of its address have failed. A timer ends it.
	behindLogin
	// behindRetry: a command of it is sent again, or waits to be. It ends once all of those are answered.
	behindRetry
	// behindMap: nobody has said yet where any server is, or of which servers the cluster is. A pool that has been told ends it, or a timer.
	behindMap
	// behindReads: its next command writes, and replicas have not answered what they were asked before. It ends once they have.
	behindReads
	// behindFlight: another loop has asked for what it wants to read. What comes of that ends it.
	behindFlight
)

var waits = [...]struct {
	name         string
	begins, over func(s *Session) bool
}{
	{
		"server",
		func(s *Session) bool { return s.waitsFor&behindServer != 0 },
		func(s *Session) bool { return s.waitsFor&behindServer == 0 },
	},
	{
		"order",
		func(s *Session) bool { return !s.settled() },
		func(s *Session) bool { return s.settled() },
	},
	{
		"hand-over",
		func(s *Session) bool { return s.waitsFor&behindHandOver != 0 && s.between() },
		func(s *Session) bool { return s.waitsFor&behindHandOver == 0 },
	},
	{
		"lesson",
		func(s *Session) bool { return s.waitsFor&behindLesson != 0 },
		func(s *Session) bool { return s.waitsFor&behindLesson == 0 },
	},
	{
		"limit",
		func(s *Session) bool { return s.waitsFor&behindLimit != 0 },
		func(s *Session) bool { return s.waitsFor&behindLimit == 0 },
	},
	{
		"login",
		func(s *Session) bool { return s.waitsFor&behindLogin != 0 },
		func(s *Session) bool { return s.waitsFor&behindLogin == 0 },
	},
	{
		"retry",
		func(s *Session) bool { return s.waitsFor&behindRetry != 0 },
		func(s *Session) bool { return s.waitsFor&behindRetry == 0 },
	},
	{
		"map",
		func(s *Session) bool { return s.waitsFor&behindMap != 0 },
		func(s *Session) bool { return s.waitsFor&behindMap == 0 },
	},
	{
		"reads",
		func(s *Session) bool { return s.waitsFor&behindReads != 0 },
		func(s *Session) bool { return s.waitsFor&behindReads == 0 },
	},
	{
		"flight",
		func(s *Session) bool { return s.waitsFor&behindFlight != 0 },
		func(s *Session) bool { return s.waitsFor&behindFlight == 0 },
	},
	{
		"pipeline",
		func(s *Session) bool { return s.inFlight >= s.local.limits.MaxPipeline },
		func(s *Session) bool { return s.inFlight <= s.local.limits.MaxPipeline/2 },
	},
	{
		"reports",
		func(s *Session) bool { return s.reports >= maxClientReports },
		func(s *Session) bool { return s.reports <= maxClientReports/2 },
	},
	{
		"output",
		func(s *Session) bool { return s.owed() >= s.allowed && !s.allowMore() },
		func(s *Session) bool { return s.mayGoOn() },
	},
	{
		"memory",
		func(s *Session) bool { return s.local.pressure.Level.Load() >= High && s.holds() >= causeBytes },
		func(s *Session) bool { return s.local.pressure.Level.Load() < High || s.holds() < causeBytes },
	},
}

// perhapsWaits is the cheap test before each command; false means that no row of waits can begin.
func (s *Session) perhapsWaits() bool {
	l := s.local
	return s.waitsFor != 0 || s.inFlight >= l.limits.MaxPipeline || s.owed() >= s.allowed || s.reports >= maxClientReports ||
		l.pressure.Level.Load() >= High
}

// mustWait says that a row of waits begins.
func (s *Session) mustWait() bool {
	for i := range waits {
		if waits[i].begins(s) {
			return true
		}
	}
	return false
}

// mayResume says that all rows of waits are over.
func (s *Session) mayResume() bool {
	for i := range waits {
		if !waits[i].over(s) {
			return false
		}
	}
	return true
}

// holds is how much memory is held for this client: input, what is queued, and replies that it has not read.
func (s *Session) holds() int {
	n := s.out.Pending() + s.keptCalls + s.parkedBytes
	if s.in != nil {
		n += cap(s.in.B)
	}
	if s.transaction != nil {
		n += cap(s.transaction.bb.B) + s.transaction.ownBytes
	}
	if s.subscriber != nil {
		n += s.subscriber.bytes + s.subscriber.heldBytes
	}
	return n
}

// block stops taking input.
func (s *Session) block() {
	s.setBlocked(true)
	s.local.holders.add(s)
	if !s.paused && s.attached() {
		s.paused = true
		s.sock.Pause()
	}
}

// unblock has the next flush take input again if nothing holds it up any more.
func (s *Session) unblock() {
	if s.blocked { // rarely, and flush asks each time
		s.resumeSoon()
	}
}

// resumeSoon is unblock for a session that is blocked.
func (s *Session) resumeSoon() {
	if !s.resuming && s.mayResume() {
		s.resuming = true
		s.loop.Resume(s)
	}
}

// Resume implements loop.Resumer: it takes input that was kept.
func (s *Session) Resume() {
	s.resuming = false
	s.goOn()
}

// Roomy implements backend.Waiter.
func (s *Session) Roomy() {
	s.waitsFor &^= behindServer
	s.unblock()
}
