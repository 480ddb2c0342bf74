// Package logging has the log of a process: what its lines look like, how many of a kind there are in a second, and the file
// that they go to.
//
//	slog.Logger --> Limiter --> Handler --> File
//	                limit.go    logging.go  file.go
//
// A server that fails a thousand times in a second has five lines and a sixth that says how many are missing. Levels are
// nutcracker's, 0 to 11. The package knows nothing of a proxy but that records have a pool and a server.
package logging

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxVerbose is the highest log level of the command line and of SIGTTIN.
	MaxVerbose = 11
	// LevelAlways is for lines that every log level shows: the banner, signals, why the process ends.
	LevelAlways = slog.LevelError + 4
)

// Level maps nutcracker's log levels to the lowest slog level that is shown: 0 only what is always shown, 1 to 3
// errors, 4 warnings, 5 (the default) and 6 information, 7 debug, and from 8 to 11 one slog level further down each.
func Level(verbose int) slog.Level {
	switch {
	case verbose <= 0:
		return LevelAlways
	case verbose <= 3:
		return slog.LevelError
	case verbose == 4:
		return slog.LevelWarn
	case verbose <= 6:
		return slog.LevelInfo
	}
	return slog.LevelDebug - slog.Level(min(verbose, MaxVerbose)-7)
}

// Handler is a slog.Handler that writes each record as one line, with one Write, in the format that is set at the
// moment: nutcracker's log lines
//
//	[2006-01-02 15:04:05.000] message key=value key="a value"
//
// or JSON
//
//	{"time":"2006-01-02T15:04:05.000000000Z","level":"INFO","msg":"message","key":"value"}
//
// In a line the times are local, and levels choose which records are written but are not part of them. Any goroutine may
// use it.
type Handler struct {
	shared *shared
	level  slog.Leveler
	attrs  slog.Handler // writes the attributes of a line into shared.buf
	json   slog.Handler
}

// shared is what a Handler and all that derive from it share.
type shared struct {
	isJSON atomic.Bool

	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer
}

// NewHandler returns a Handler that writes to out what is of level or above, in lines.
func NewHandler(out io.Writer, level slog.Leveler) *Handler {
	shared := &shared{out: out}
	const all = slog.LevelDebug - MaxVerbose
	return &Handler{
		shared: shared,
		level:  level,
		attrs:  slog.NewTextHandler(&shared.buf, &slog.HandlerOptions{Level: all, ReplaceAttr: dropBuiltin}),
		json:   slog.NewJSONHandler(out, &slog.HandlerOptions{Level: all, ReplaceAttr: nameAlways}),
	}
}

// SetFormat takes global.log_format: "json", or anything else for lines. It is for this handler and all that derive from
// it, from the next record on.
func (h *Handler) SetFormat(format string) { h.shared.isJSON.Store(format == "json") }

// dropBuiltin removes the level and the empty message that slog.TextHandler would write. The time is zero and left out
// already. An attribute of the same name has another value and stays.
func dropBuiltin(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	_, isLevel := a.Value.Any().(slog.Level)
	if a.Key == slog.LevelKey && isLevel || a.Key == slog.MessageKey && a.Value.String() == "" {
		return slog.Attr{}
	}
	return a
}

// nameAlways calls LevelAlways by the name that nutcracker and syslog have for what is no mistake and yet worth a line.
func nameAlways(_ []string, a slog.Attr) slog.Attr {
	if level, ok := a.Value.Any().(slog.Level); ok && level == LevelAlways {
		a.Value = slog.StringValue("NOTICE")
	}
	return a
}

// Enabled reports whether lines of level l are written.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle writes one line. A message of several lines becomes one.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.shared
	if s.isJSON.Load() {
		return h.json.Handle(ctx, r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Reset()
	s.buf.WriteString(r.Time.Format("[2006-01-02 15:04:05.000] "))
	s.buf.WriteString(strings.ReplaceAll(r.Message, "\n", "; "))
	s.buf.WriteByte(' ')

	attrs := slog.NewRecord(time.Time{}, r.Level, "", 0)
	r.Attrs(func(a slog.Attr) bool { attrs.AddAttrs(a); return true })
	if err := h.attrs.Handle(ctx, attrs); err != nil {
		return err
	}
	_, err := s.out.Write(append(bytes.TrimRight(s.buf.Bytes(), " \n"), '\n'))
	return err
}

// WithAttrs returns a handler whose lines also end in attrs.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.shared, h.level, h.attrs.WithAttrs(attrs), h.json.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts name and a dot before the attributes that follow; in JSON they are an object.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.shared, h.level, h.attrs.WithGroup(name), h.json.WithGroup(name)}
}
