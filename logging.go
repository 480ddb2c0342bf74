package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// maxVerbose is the highest log level of the command line and of SIGTTIN.
	maxVerbose = 11
	// levelAlways is for lines that every log level shows: the banner, signals, why the process ends.
	levelAlways = slog.LevelError + 4
)

// slogLevel maps nutcracker's log levels to the lowest slog level that is shown: 0 only what is always shown, 1 to 3
// errors, 4 warnings, 5 (the default) and 6 information, 7 debug, and from 8 to 11 one slog level further down each.
func slogLevel(verbose int) slog.Level {
	switch {
	case verbose <= 0:
		return levelAlways
	case verbose <= 3:
		return slog.LevelError
	case verbose == 4:
		return slog.LevelWarn
	case verbose <= 6:
		return slog.LevelInfo
	}
	return slog.LevelDebug - slog.Level(min(verbose, maxVerbose)-7)
}

// lineHandler is a slog.Handler that writes nutcracker's log lines, each with one Write:
//
//	[2006-01-02 15:04:05.000] message key=value key="a value"
//
// The times are local. Levels choose which lines are written but are not part of them. Any goroutine may use it.
type lineHandler struct {
	shared *lineBuffer
	level  slog.Leveler
	attrs  slog.Handler // writes the attributes into shared.buf
}

// lineBuffer is what a lineHandler and all that derive from it share.
type lineBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer
}

func newLineHandler(out io.Writer, level slog.Leveler) *lineHandler {
	shared := &lineBuffer{out: out}
	return &lineHandler{
		shared: shared,
		level:  level,
		attrs: slog.NewTextHandler(&shared.buf, &slog.HandlerOptions{
			Level:       slog.LevelDebug - maxVerbose,
			ReplaceAttr: dropBuiltin,
		}),
	}
}

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

// Enabled reports whether lines of level l are written.
func (h *lineHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle writes one line. A message of several lines becomes one.
func (h *lineHandler) Handle(ctx context.Context, r slog.Record) error {
	s := h.shared
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
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &lineHandler{h.shared, h.level, h.attrs.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts name and a dot before the attributes that follow.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	return &lineHandler{h.shared, h.level, h.attrs.WithGroup(name)}
}

// logFile is where log lines go: a file that can be reopened after it was moved away, or stderr. Any goroutine may
// use it.
type logFile struct {
	path string // "": stderr

	mu sync.Mutex
	f  *os.File
}

// openLog opens path to append to it, or stderr if path is empty. The error is the system's alone, without the path.
func openLog(path string) (*logFile, error) {
	if path == "" {
		return &logFile{f: os.Stderr}, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, systemError(err)
	}
	return &logFile{path: path, f: f}, nil
}

// Write appends one line.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(line)
}

// Reopen opens the path again. If that fails the lines go on into the old file. It does nothing for stderr.
func (l *logFile) Reopen() error {
	if l.path == "" {
		return nil
	}
	next, err := openLog(l.path)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.f
	l.f = next.f
	return old.Close()
}

// systemError takes the operation and the path off an error of package os: the texts around it name them already.
func systemError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
