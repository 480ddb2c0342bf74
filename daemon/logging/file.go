package logging

import (
	"errors"
	"os"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// File is where log lines go: a file that can be reopened after it was moved away, or stderr. Any goroutine may
// use it. The runtime writes there, too, why the process crashed: see TakeStderr.
type File struct {
	path string // "": stderr

	mu     sync.Mutex
	f      *os.File
	stderr *os.File               // what was descriptor 2 before TakeStderr; nil: it still is
	lead   func(f *os.File) error // from TakeStderr
}

// Open opens path to append to it, or stderr if path is empty. The error is the system's alone, without the path.
func Open(path string) (*File, error) {
	if path == "" {
		return &File{f: os.Stderr}, nil
	}
	return open(path, 0)
}

func open(path string, flag int) (*File, error) {
	// A daemon leads a session without a terminal, and a terminal that is its log must not become the session's.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|unix.O_NOCTTY|flag, 0o644)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	return &File{path: path, f: f}, nil
}

// Write appends one line.
func (l *File) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(line)
}

// Close closes it, unless it is stderr.
func (l *File) Close() error {
	if l.path == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}

// Reopen opens the path again. If that fails, as for a FIFO that nobody reads, the lines go on into the old file. It does nothing for stderr.
func (l *File) Reopen() error {
	if l.path == "" {
		return nil
	}
	next, err := open(l.path, unix.O_NONBLOCK) // whoever stops or reloads the process waits for this
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.f
	l.f = next.f
	if l.stderr != nil {
		err = l.lead(l.f)
	}
	return errors.Join(err, old.Close())
}

// TakeStderr makes descriptor 2 lead to the log file, and after Reopen to the next one, for that is where the runtime says
// why the process crashes: with a panic that nobody recovers, a fatal error, or a signal such as SIGSEGV. The standard
// error of before, of which a daemon has none, gets the trace as well. debug.SetCrashOutput alone would not do for the log:
// the line "fatal error: ..." comes before what it copies. It does nothing where the log is stderr. Call it once, when
// nothing is left to be said on stderr. lead makes descriptor 2 lead where a file does.
func (l *File) TakeStderr(lead func(f *os.File) error) error {
	if l.path == "" {
		return nil
	}
	fd, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, unix.Stderr+1)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stderr, l.lead = os.NewFile(uintptr(fd), "stderr"), lead
	if !sameFile(l.f, l.stderr) {
		err = debug.SetCrashOutput(l.stderr, debug.CrashOptions{})
	}
	return errors.Join(err, lead(l.f))
}

// Stderr is what was given to the process as its standard error: where TakeStderr has not been called, descriptor 2.
func (l *File) Stderr() *os.File {
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
