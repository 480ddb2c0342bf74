package logging

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// linesPerSecond is how many records that say the same of the same thing are written in a second.
	linesPerSecond = 5
	// maxWindows bounds what a Limiter remembers. Past it, records of all further kinds count as one.
	maxWindows = 4096
)

// Limiter is a slog.Handler that passes on at most linesPerSecond records of a kind in a second. The last of those
// beyond is kept and written when the second is over, with the number of those before it as "suppressed". A kind is
// where the record is made, its text but for the digits, its pool and its server. Any goroutine may use it.
//
// A record of LevelAlways passes always.
type Limiter struct {
	shared *windows
	next   slog.Handler
	pool   string // from WithAttrs
	server string
}

// windows is what a Limiter and all that derive from it share.
type windows struct {
	mu     sync.Mutex
	byKind map[kind]*window
}

type kind struct {
	pc           uintptr
	text         string
	pool, server string
}

// window is one kind's second. It is over at end; then it is forgotten unless records were held back.
type window struct {
	n    int // records seen
	end  time.Time
	last slog.Record
	next slog.Handler // last's
}

// NewLimiter returns a Limiter in front of next.
func NewLimiter(next slog.Handler) *Limiter {
	return &Limiter{shared: &windows{byKind: make(map[kind]*window)}, next: next}
}

// Enabled reports what the next handler does.
func (h *Limiter) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// Handle passes r on, or keeps it.
func (h *Limiter) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= LevelAlways || h.shared.admit(h.kind(r), r, h.next) {
		return h.next.Handle(ctx, r)
	}
	return nil
}

// WithAttrs returns a handler that shares the count.
func (h *Limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := &Limiter{h.shared, h.next.WithAttrs(attrs), h.pool, h.server}
	for _, a := range attrs {
		subject(a, &derived.pool, &derived.server)
	}
	return derived
}

// WithGroup returns a handler that shares the count.
func (h *Limiter) WithGroup(name string) slog.Handler {
	return &Limiter{h.shared, h.next.WithGroup(name), h.pool, h.server}
}

func (h *Limiter) kind(r slog.Record) kind {
	k := kind{r.PC, strings.Map(maskDigit, r.Message), h.pool, h.server}
	r.Attrs(func(a slog.Attr) bool { subject(a, &k.pool, &k.server); return true })
	return k
}

func subject(a slog.Attr, pool, server *string) {
	switch a.Key {
	case "pool":
		*pool = a.Value.String()
	case "server":
		*server = a.Value.String()
	}
}

// maskDigit makes one text of those that differ in a descriptor, a port or a size.
func maskDigit(r rune) rune {
	if r >= '0' && r <= '9' {
		return '0'
	}
	return r
}

// admit counts r and reports whether it may be written now.
func (s *windows) admit(k kind, r slog.Record, next slog.Handler) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	w := s.byKind[k]
	if w == nil && len(s.byKind) >= maxWindows {
		s.forget(now)
		if len(s.byKind) >= maxWindows {
			k = kind{}
			w = s.byKind[k]
		}
	}
	if w == nil || w.n <= linesPerSecond && !now.Before(w.end) { // a window with records held back ends itself
		w = &window{end: now.Add(time.Second)}
		s.byKind[k] = w
	}
	w.n++
	if w.n <= linesPerSecond {
		return true
	}
	if w.n == linesPerSecond+1 {
		time.AfterFunc(w.end.Sub(now), func() { s.resume(k, w) })
	}
	w.last, w.next = r.Clone(), next
	return false
}

// resume ends a window that held records back.
func (s *windows) resume(k kind, w *window) {
	s.mu.Lock()
	delete(s.byKind, k)
	r, suppressed := w.last, w.n-linesPerSecond-1
	s.mu.Unlock()
	if suppressed > 0 {
		r.AddAttrs(slog.Int("suppressed", suppressed))
	}
	_ = w.next.Handle(context.Background(), r)
}

// forget drops the windows that are over.
func (s *windows) forget(now time.Time) {
	for k, w := range s.byKind {
		if w.n <= linesPerSecond && !now.Before(w.end) {
			delete(s.byKind, k)
		}
	}
}
