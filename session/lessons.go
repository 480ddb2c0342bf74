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
	is    any           // the protocol's
	at    int64         // Loop.Now
	asked *atomic.Int64 // when a loop last began to ask again, as Loop.Now; nil: of a name that no server knows
}

const (
	maxLessons = 4096 // of names that servers know, and as many of those that none does
	// What servers know may become something else, with a module that takes another's place. A command in use is asked for again after
	// freshTime, and goes on by what is known until that is answered; after knownTime, if it was not used, it waits for the answer.
	freshTime = time.Second
	knownTime = 2 * time.Second
	// What they do not know may come at any time, with a module that is loaded.
	missingTime = time.Second
)

// find is what is known of a command; due: who asks is to ask the servers again, without waiting for them, as nobody else does. It does
// not allocate.
func (l *lessons) find(name []byte, now int64) (is any, ok, due bool) {
	if known := l.known.Load(); known != nil {
		if e, ok := (*known)[string(name)]; ok {
			asked := e.asked.Load()
			ok = e.at >= l.since.Load() && now-e.at < int64(knownTime)
			return e.is, ok, ok && now-asked >= int64(freshTime) && e.asked.CompareAndSwap(asked, now)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.missing[string(name)]
	return e.is, ok && now-e.at < int64(missingTime), false
}

// last is what is known of a command whose servers were asked, however long ago; nil: nothing.
func (l *lessons) last(name []byte) any {
	known := l.known.Load()
	if known == nil {
		return nil
	}
	return (*known)[string(name)].is
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
			next[name] = lesson{is, now, new(atomic.Int64)}
			next[name].asked.Store(now)
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
	l.missing[name] = lesson{is, now, nil}
	return false
}

// drop forgets a command that a server knew, if it is known: the next who sends it asks.
func (l *lessons) drop(name []byte) {
	known := l.known.Load()
	if known == nil {
		return
	}
	if _, ok := (*known)[string(name)]; !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	next := maps.Clone(*l.known.Load())
	delete(next, string(name))
	l.known.Store(&next)
}

// unlearn drops the command of which a server said that it does not have it.
func (h *shard) unlearn(reply []byte) {
	var name [64]byte
	h.pool.lessons.drop(h.pool.Protocol.UnknownTo(name[:0], reply))
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
