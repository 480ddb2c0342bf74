// Package audit keeps who did what, for those who have to answer for it: logins, what was refused, what changed the proxy and, by
// choice, commands. What happens is an Event; Log makes a line of it and keeps that until somebody takes and writes it:
//
//	a loop, the door, the admin pages --Record--> Log --Take--> whoever has the file
//
// Nobody waits for the file: a Log that is full drops what comes, and counts it. No Event has a place for a value, or for a password.
// The package imports nothing of the proxy; event.go has what a line looks like.
package audit

import (
	"sync"
	"sync/atomic"
	"time"
)

// Kind is what an Event is about; a Policy has several.
type Kind uint8

// The kinds of events.
const (
	Logins   Kind = 1 << iota // who logged in, and who did not
	Refusals                  // commands that were refused, and connections that did not become clients
	Admin                     // what changed the proxy, or asked it to: the admin pages, reloads, CLIENT KILL
	Commands                  // all others that were taken
)

// Policy is which events are kept, and what of them.
type Policy struct {
	Kinds Kind
	Keys  bool // events have the keys
}

// MaxPending is how many bytes of lines wait at most to be taken.
const MaxPending = 4 << 20

// Log has the lines that nobody has taken yet. Any goroutine may call any method; of a nil Log, as of one without a policy, nothing is
// kept.
type Log struct {
	policy   atomic.Pointer[Policy] // nil: nothing is kept
	recorded atomic.Int64           // lines that were kept
	dropped  atomic.Int64           // that were not, or were lost later

	mu      sync.Mutex
	pending []byte
	told    int64  // of dropped, by a line
	wake    func() // whoever takes lines, early; nil: he looks by himself
}

// Set has l keep what p says; nil: nothing. p is not changed afterwards.
func (l *Log) Set(p *Policy) { l.policy.Store(p) }

// Wakes has f called when half of MaxPending waits. f is called on the goroutine that records, and must not wait.
func (l *Log) Wakes(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake = f
}

// Wants says whether events of that kind are kept. It is cheap.
func (l *Log) Wants(k Kind) bool {
	if l == nil {
		return false
	}
	p := l.policy.Load()
	return p != nil && p.Kinds&k != 0
}

// Record keeps e, if events of that kind are kept, and nothing that e points to.
func (l *Log) Record(k Kind, e *Event) {
	if !l.Wants(k) {
		return
	}
	var room [lineRoom]byte
	line := e.appendTo(room[:0], l.policy.Load().Keys)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending)+len(line) > MaxPending {
		l.dropped.Add(1)
		return
	}
	before := len(l.pending)
	l.pending = append(l.pending, line...)
	l.recorded.Add(1)
	if l.wake != nil && before < MaxPending/2 && len(l.pending) >= MaxPending/2 {
		l.wake()
	}
}

// lineRoom is what most lines have room in.
const lineRoom = 1 << 10

// Take returns what is kept, whole lines, and takes buf, which is not used any more, in its place. If lines were lost since the last
// time, the last line says how many.
func (l *Log) Take(buf []byte, now time.Time) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.pending
	l.pending = buf[:0]
	if lost := l.dropped.Load() - l.told; lost > 0 {
		l.told += lost
		lines = (&Event{At: now, Name: "lost", Count: lost}).appendTo(lines, false)
	}
	return lines
}

// Lose counts lines that were taken and could not be written.
func (l *Log) Lose(lines int) { l.dropped.Add(int64(lines)) }

// Counts are how many lines were kept, and how many events were dropped, before or after that.
func (l *Log) Counts() (recorded, dropped int64) { return l.recorded.Load(), l.dropped.Load() }
