package session

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// lessons are what a pool has learned of commands that its protocol does not know (see codec.Lessons). All loops share them: what
// servers know is read by one atomic load, what they do not know under a mutex, for that is not asked for often.
type lessons struct {
	known atomic.Pointer[map[string]lesson] // a map never changes: another takes its place
	since atomic.Int64                      // what was learned before, as Loop.Now, is to be asked for again

	mu      sync.Mutex
	missing map[string]lesson // of names that no server knows
}

// lesson is one of them.
type lesson struct {
	is any   // the protocol's
	at int64 // Loop.Now
}

const (
	maxLessons = 4096 // of names that servers know, and as many of those that none does
	// A name is asked for again after so long: what servers know may become something else, what they do not know may come at any time,
	// with a module that is loaded.
	knownTime   = time.Minute
	missingTime = time.Second
)

// find is what is known of a command. It does not allocate.
func (l *lessons) find(name []byte, now int64) (is any, ok bool) {
	if known := l.known.Load(); known != nil {
		if e, ok := (*known)[string(name)]; ok {
			return e.is, e.at >= l.since.Load() && now-e.at < int64(knownTime)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.missing[string(name)]
	return e.is, ok && now-e.at < int64(missingTime)
}

// add keeps what was learned, and says whether it is of a command that was not known before. Where there is no room all else is
// forgotten.
func (l *lessons) add(name string, is any, known bool, now int64) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var old map[string]lesson
	if m := l.known.Load(); m != nil {
		old = *m
	}
	_, had := old[name]
	if known || had {
		next := maps.Clone(old)
		if next == nil || len(next) >= maxLessons && !had {
			next = make(map[string]lesson)
		}
		if delete(next, name); known {
			next[name] = lesson{is, now}
		}
		l.known.Store(&next)
	}
	if known {
		delete(l.missing, name)
		return !had
	}
	if l.missing == nil || len(l.missing) >= maxLessons {
		l.missing = make(map[string]lesson)
	}
	l.missing[name] = lesson{is, now}
	return false
}

// outdate has all that servers know be asked for again: a server may be another one by now.
func (l *lessons) outdate(now int64) { l.since.Store(now) }

// Lessons is how many commands p knows that its protocol does not.
func (p *Pool) Lessons() int64 {
	if known := p.lessons.known.Load(); known != nil {
		return int64(len(*known))
	}
	return 0
}
