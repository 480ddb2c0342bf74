package session

import "sync/atomic"

// What the replies owed to a client may have is bounded for the process, not for the client: a client that writes its whole
// pipeline before it reads must not wait for ever for a proxy that reads no more before it does. So each client has
// firstAllowed; more comes from a budget of the process, up to its pool's client_output_buffer, and goes back once the
// client has caught up. Only past that does its input wait.
//
//	owed = bytes that the kernel has not taken + commands in flight x what replies have lately had
//
// Replies that were asked for come, whatever happens to the client; that is why they count before they are there. Where many
// clients were allowed their first and read none of it, those that hold most are closed once all hold unreadShare.
const (
	// firstAllowed is what each client may be owed without asking, or the firstShare of max_memory if that is less.
	firstAllowed = 8 << 20
	firstShare   = 32
	// firstReplies are so many that are expected to fill what a client is allowed, before the first came; small ones bring
	// the expectation down, by an eighth each.
	firstReplies = 32
	// outputShare of max_memory is a client's bound where its pool names none, and twice that the budget of all.
	outputShare = 4
	// unreadShare of max_memory is what all clients together may leave unread.
	unreadShare = 0.6
)

// Pressure is how near the process is to its max_memory, and what its clients are owed. The sessions of all loops share it;
// the proxy around them sets the level.
type Pressure struct {
	Level   atomic.Int32 // Calm, High or Critical
	Dropped atomic.Int64 // bytes of buffers that the loops let go of since the proxy last looked

	output  outputBudget
	slowIDs atomic.Int64 // entries of slow logs, ever
	moves   atomic.Int64 // clients that were told to go, ever
}

// The levels of Pressure.
const (
	Calm = iota
	// High: no more input is taken from clients that hold memory, be it half a command or replies that they do not read.
	High
	// Critical: the client that holds most is closed, one on each loop and look, until it is over.
	Critical
)

// causeBytes is what a client must hold to be a cause of pressure.
const causeBytes = 64 << 10

// outputBudget is what clients have been allowed beyond their first, and what they have not read, of all loops.
type outputBudget struct{ granted, unread atomic.Int64 }

// grant takes n bytes of a budget of so many; false: it has not so many left.
func (b *outputBudget) grant(n, of int) bool {
	if b.granted.Add(int64(n)) <= int64(of) {
		return true
	}
	b.granted.Add(int64(-n))
	return false
}

// owed is what is owed to s, as far as can be told.
func (s *Session) owed() int { return s.out.Pending() + s.inFlight*s.replySize }

// outputBuffer is what a client of s's pool may be owed at most.
func (s *Session) outputBuffer() int {
	if n := s.pool.opts.ClientOutputBuffer; n > 0 {
		return n
	}
	return s.local.limits.MaxMemoryBytes / outputShare
}

// allowMore doubles what may be owed to s until that does, if its pool and the process's memory allow it; false: s has to
// wait. What is in flight comes without that, so only a client that has half of its bound before it, unread, gets more: by
// then it is known how large its replies are.
func (s *Session) allowMore() bool {
	for s.owed() >= s.allowed {
		more := min(2*s.allowed, s.outputBuffer()) - s.allowed
		if more <= 0 || s.out.Pending() < s.allowed/2 || s.local.pressure.Level.Load() >= High ||
			!s.local.pressure.output.grant(more, s.local.limits.MaxMemoryBytes/outputShare*2) {
			return false
		}
		s.allowed += more
		s.granted += more
		s.local.holders.add(s)
	}
	return true
}

// allowFirst resets the allowance to the first one and returns the grant to the budget.
func (s *Session) allowFirst() {
	if s.granted > 0 {
		s.local.pressure.output.granted.Add(int64(-s.granted))
		s.granted = 0
	}
	s.allowed = min(s.local.firstAllowed(), s.outputBuffer())
}

func (l *Local) firstAllowed() int { return min(firstAllowed, l.limits.MaxMemoryBytes/firstShare) }

// noteUnread brings what is known of s's unread replies up to date; it is called where there are any, or were.
func (s *Session) noteUnread() {
	n := s.out.Own() // what is shared is there once, whoever has not read it
	if n == s.unreadBytes {
		return
	}
	unread := s.local.pressure.output.unread.Add(int64(n - s.unreadBytes))
	s.local.overfull = n > s.unreadBytes && unread > s.local.mayBeUnread()
	s.unreadBytes = n
}

func (l *Local) mayBeUnread() int64 { return int64(unreadShare * float64(l.limits.MaxMemoryBytes)) }

// relieveOutput closes the clients of l that have most unread, until all loops' have less than they may.
func (l *Local) relieveOutput() {
	l.overfull = false
	for l.pressure.output.unread.Load() > l.mayBeUnread() && l.closeGreatest() {
	}
}

// mayGoOn says of a blocked client that what it is owed does not hold it up any more: half of it is gone, or nothing but
// the client itself could change it, and it may be owed more.
func (s *Session) mayGoOn() bool {
	return s.owed() <= s.allowed/2 || s.inFlight == 0 && s.allowMore()
}

// caughtUp returns the grant once half of the first allowance covers what is owed, and says whether nothing is granted.
func (s *Session) caughtUp() bool {
	if s.granted > 0 && s.owed() <= s.local.firstAllowed()/2 {
		s.allowFirst()
	}
	return s.granted == 0
}
