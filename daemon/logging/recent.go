package logging

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxEvents = 256 // that are remembered
	maxOfKind = 32  // of them, with the same text: what happens often must not displace what is rare
)

// Event is a record of the log that is remembered.
type Event struct {
	At           time.Time
	Level        string // "info", "warn", "error" or "notice"
	Text         string
	Pool, Server string
	More         string // the other attributes, as name=value
}

// Recent is a slog.Handler in front of another: it remembers what happened lately, whatever the level of the log is, from information on. Any
// goroutine may use it.
type Recent struct {
	events *events
	next   slog.Handler
	attrs  []slog.Attr // from WithAttrs
	group  string      // from WithGroup, with a dot behind it
}

// events are what a Recent and all that derive from it remember, oldest first.
type events struct {
	mu   sync.Mutex
	list []Event
}

// NewRecent returns a Recent in front of next.
func NewRecent(next slog.Handler) *Recent { return &Recent{events: new(events), next: next} }

// Events are copies of what is remembered, newest first.
func (h *Recent) Events() []Event {
	h.events.mu.Lock()
	defer h.events.mu.Unlock()
	list := slices.Clone(h.events.list)
	slices.Reverse(list)
	return list
}

// Enabled reports whether records of level l are remembered or written.
func (h *Recent) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || h.next.Enabled(ctx, l)
}

// Handle remembers r, and passes it on if it is to be written.
func (h *Recent) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		h.events.add(h.event(r))
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs returns a handler that remembers in the same place.
func (h *Recent) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := slices.Clone(h.attrs)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		more = append(more, a)
	}
	return &Recent{h.events, h.next.WithAttrs(attrs), more, h.group}
}

// WithGroup returns a handler that remembers in the same place.
func (h *Recent) WithGroup(name string) slog.Handler {
	return &Recent{h.events, h.next.WithGroup(name), h.attrs, h.group + name + "."}
}

// maxMore bounds what is kept of a record's attributes, as of a stack.
const maxMore = 1 << 10

func (h *Recent) event(r slog.Record) Event {
	e := Event{At: r.Time, Level: levelName(r.Level), Text: r.Message}
	var more strings.Builder
	take := func(a slog.Attr) {
		value := a.Value.Resolve().String()
		switch a.Key {
		case "pool":
			e.Pool = value
		case "server":
			e.Server = value
		default:
			if more.Len() > 0 {
				more.WriteByte(' ')
			}
			if strings.ContainsAny(value, " \"=\n") || value == "" {
				value = fmt.Sprintf("%q", value)
			}
			more.WriteString(a.Key + "=" + value)
		}
	}
	for _, a := range h.attrs {
		take(a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.group + a.Key
		take(a)
		return true
	})
	e.More = strings.ToValidUTF8(more.String()[:min(more.Len(), maxMore)], "")
	return e
}

func levelName(l slog.Level) string {
	switch {
	case l >= LevelAlways:
		return "notice"
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warn"
	}
	return "info"
}

// add makes room for e and keeps it.
func (s *events) add(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	alike, first := 0, -1
	for i := range s.list {
		if s.list[i].Text == e.Text {
			if alike++; first < 0 {
				first = i
			}
		}
	}
	switch {
	case alike >= maxOfKind:
		s.list = slices.Delete(s.list, first, first+1)
	case len(s.list) >= maxEvents:
		s.list = slices.Delete(s.list, 0, 1)
	}
	s.list = append(s.list, e)
}
