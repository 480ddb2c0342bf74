// Package audit keeps who did what, for those who have to answer for it: logins, what was refused, what changed the proxy and, by
// choice, commands. What happens is an Event; Log makes a line of it and keeps that until somebody takes and writes it:
//
//	a loop, the door, the admin pages --Record--> Log --Take--> whoever has the file
//
// Nobody waits for the file: a Log that is full drops what comes, and counts it. No Event has a place for a value, or for a password.
// The package imports nothing of the proxy; event.go has what a line looks like.
package audit

import (
	"bytes"
	"slices"
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
	recorded atomic.Int64           // events that were kept: they have a line, or are counted in one
	summed   atomic.Int64           // of those, that have no line of their own
	dropped  atomic.Int64           // events that were not kept, or were lost later

	summing sync.Mutex // of Sum, before mu
	sums    []sums     // taken out of flood, and without room as yet

	mu      sync.Mutex // event loops wait for it: no line is formatted under it
	pending []byte
	flood   flood
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
func (l *Log) Wants(k Kind) bool { return l.policyFor(k) != nil }

// policyFor is what is kept of events of that kind; nil: nothing. A reload may have another any time.
func (l *Log) policyFor(k Kind) *Policy {
	if l == nil {
		return nil
	}
	p := l.policy.Load()
	if p == nil || p.Kinds&k == 0 {
		return nil
	}
	return p
}

// Record keeps e, if events of that kind are kept, and nothing that e points to. One of a client whose address has many is counted in
// one line with others (flood.go), but for those of kind Commands, which are asked for, and sampled.
func (l *Log) Record(k Kind, e *Event) {
	p := l.policyFor(k)
	if p == nil {
		return
	}
	if k != Commands && e.Client != "" && !l.admits(e) {
		return
	}
	var room [lineRoom]byte
	line := e.appendTo(room[:0], p.Keys)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.put(line) {
		l.dropped.Add(1)
		return
	}
	l.recorded.Add(1)
}

// admits says whether e has a line of its own; else it was counted.
func (l *Log) admits(e *Event) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flood.admits(e) {
		return true
	}
	l.recorded.Add(1)
	l.summed.Add(1)
	return false
}

// put has a line wait, if there is room.
func (l *Log) put(line []byte) bool {
	before := len(l.pending)
	if before+len(line) > MaxPending {
		return false
	}
	l.pending = append(l.pending, line...)
	if l.wake != nil && before < MaxPending/2 && len(l.pending) >= MaxPending/2 {
		l.wake()
	}
	return true
}

// Sum has what was counted together become lines, as far as there is room. It is called once a second, and at the end. There may be 4 MiB of
// them, for which no event loop waits.
func (l *Log) Sum(now time.Time) {
	l.summing.Lock()
	defer l.summing.Unlock()
	if !l.putSums() {
		return // there is no more of them than flood has room for
	}
	l.mu.Lock()
	l.sums = l.flood.take(now, l.sums[:0])
	l.mu.Unlock()
	l.putSums()
}

// putSums has l.sums become lines, and says whether all had room. The caller holds l.summing.
func (l *Log) putSums() bool {
	for i, of := range l.sums {
		for key, s := range of {
			var room [lineRoom]byte
			line := s.appendTo(room[:0], false)
			l.mu.Lock()
			ok := l.put(line)
			l.mu.Unlock()
			if !ok {
				l.sums = slices.Delete(l.sums, 0, i)
				return false
			}
			delete(of, key)
		}
	}
	clear(l.sums)
	l.sums = l.sums[:0]
	return true
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
		lines = (&Event{At: now, Name: lostEvent, Count: lost}).appendTo(lines, false)
	}
	return lines
}

// Lose counts the events of lines that were taken and are not written. Of those that such a line says are missing, the next says so.
func (l *Log) Lose(lines []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(lines) {
		events, missing := standsFor(line)
		l.dropped.Add(events)
		l.told -= missing
	}
}

// Counts are how many events were kept, and how many of those were summed; and how many were dropped, before or after that.
func (l *Log) Counts() (recorded, summed, dropped int64) {
	return l.recorded.Load(), l.summed.Load(), l.dropped.Load()
}
