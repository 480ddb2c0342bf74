package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"cashew/upgrade"
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

// logHandler is a slog.Handler that writes each record as one line, with one Write, in the format that is set at the
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
type logHandler struct {
	shared *logShared
	level  slog.Leveler
	attrs  slog.Handler // writes the attributes of a line into shared.buf
	json   slog.Handler
}

// logShared is what a logHandler and all that derive from it share.
type logShared struct {
	isJSON atomic.Bool

	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer
}

func newLogHandler(out io.Writer, level slog.Leveler) *logHandler {
	shared := &logShared{out: out}
	const all = slog.LevelDebug - maxVerbose
	return &logHandler{
		shared: shared,
		level:  level,
		attrs:  slog.NewTextHandler(&shared.buf, &slog.HandlerOptions{Level: all, ReplaceAttr: dropBuiltin}),
		json:   slog.NewJSONHandler(out, &slog.HandlerOptions{Level: all, ReplaceAttr: nameAlways}),
	}
}

// setFormat takes global.log_format: "json", or anything else for lines. It is for this handler and all that derive from
// it, from the next record on.
func (h *logHandler) setFormat(format string) { h.shared.isJSON.Store(format == "json") }

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

// nameAlways calls levelAlways by the name that nutcracker and syslog have for what is no mistake and yet worth a line.
func nameAlways(_ []string, a slog.Attr) slog.Attr {
	if level, ok := a.Value.Any().(slog.Level); ok && level == levelAlways {
		a.Value = slog.StringValue("NOTICE")
	}
	return a
}

// Enabled reports whether lines of level l are written.
func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// Handle writes one line. A message of several lines becomes one.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
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
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.shared, h.level, h.attrs.WithAttrs(attrs), h.json.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts name and a dot before the attributes that follow; in JSON they are an object.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.shared, h.level, h.attrs.WithGroup(name), h.json.WithGroup(name)}
}

// logFile is where log lines go: a file that can be reopened after it was moved away, or stderr. Any goroutine may
// use it. The runtime writes there, too, why the process crashed: see takeStderr.
type logFile struct {
	path string // "": stderr

	mu     sync.Mutex
	f      *os.File
	stderr *os.File // what was descriptor 2 before takeStderr; nil: it still is
}

// openLog opens path to append to it, or stderr if path is empty. The error is the system's alone, without the path.
func openLog(path string) (*logFile, error) {
	if path == "" {
		return &logFile{f: os.Stderr}, nil
	}
	// A daemon leads a session without a terminal, and a terminal that is its log must not become the session's.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOCTTY, 0o644)
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
	if l.stderr != nil {
		err = upgrade.SetStderr(l.f)
	}
	return errors.Join(err, old.Close())
}

// takeStderr makes descriptor 2 lead to the log file, and after Reopen to the next one, for that is where the runtime says
// why the process crashes: with a panic that nobody recovers, a fatal error, or a signal such as SIGSEGV. The standard
// error of before, of which a daemon has none, gets the trace as well. debug.SetCrashOutput alone would not do for the log:
// the line "fatal error: ..." comes before what it copies. It does nothing where the log is stderr. Call it once, when
// nothing is left to be said on stderr.
func (l *logFile) takeStderr() error {
	if l.path == "" {
		return nil
	}
	fd, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, unix.Stderr+1)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stderr = os.NewFile(uintptr(fd), "stderr")
	if !sameFile(l.f, l.stderr) {
		err = debug.SetCrashOutput(l.stderr, debug.CrashOptions{})
	}
	return errors.Join(err, upgrade.SetStderr(l.f))
}

// standardError is what was given to the process as such.
func (l *logFile) standardError() *os.File {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stderr != nil {
		return l.stderr
	}
	return os.Stderr
}

func sameFile(a, b *os.File) bool {
	is, errA := a.Stat()
	was, errB := b.Stat()
	return errA == nil && errB == nil && os.SameFile(is, was)
}

// systemError takes the operation and the path off an error of package os: the texts around it name them already.
func systemError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
