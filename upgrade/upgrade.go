// Package upgrade replaces the running program by a new one without an outage. The old process starts the new one with
// its listening sockets, so that no connection is refused in between, and lives on until the new one is ready; if that
// fails, nothing has changed. It knows nothing of what the sockets are for.
//
//	old process                            new process
//
//	Upgrader.Start  -- exec, sockets --->  Inherit
//	     | waits                             | configuration, listeners from the sockets
//	     | <------------------ ready ------  Predecessor.Ready
//	Successor.Commit -- yours ---------->    | returns; writes the pid file
//	     | clients over Successor.Conn --->  | from Predecessor.Conn
//	drains, exits                          goes on
//
// Between Start and Commit both have the sockets and either may accept. The two conns are socket pairs: one for ready and
// yours, and one for whatever the two processes want to hand each other afterwards. What systemd is told is in systemd.go;
// how an operator asks for all this is in pidfile.go.
//
// tableflip does much of this. It keeps its own duplicate of every listener from the start, with no way to give one up,
// so a listener that a reload closed would go on taking connections that nobody accepts.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// DefaultTimeout is how long a successor may take to be ready.
const DefaultTimeout = time.Minute

// environ tells a process that it has a predecessor. The descriptors are always the same, see spawn.
const environ = "CASHEW_UPGRADE"

// ErrBusy is that an upgrade is under way, or was made: a process has one successor.
var ErrBusy = errors.New("upgrade: one is under way already")

// errFirst is why the first process of a container has no successor.
var errFirst = errors.New("upgrade: process 1 can't be replaced, for the container ends with it; start a new container")

// Failure is why a successor did not take over.
type Failure struct {
	Err    error
	Output string // the beginning of what it wrote to standard error, where it says why
}

func (f *Failure) Error() string { return "upgrade: the new process failed: " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// Options say how a successor is started.
type Options struct {
	// Files are the listening sockets of this moment by any names; Start closes them. The successor finds them under the
	// same names.
	Files func() (map[string]*os.File, error)

	// State is what a successor has to know besides, Predecessor.State there; nil: nothing. It may be secret: no other process sees it.
	State func() []byte

	// Stderr is the standard error that a successor gets once it has taken over; nil: os.Stderr.
	Stderr func() *os.File

	Timeout time.Duration // 0: DefaultTimeout
}

// Upgrader starts successors, one at a time. Its methods may be called from any goroutine.
type Upgrader struct {
	opts Options
	path string
	busy atomic.Bool
}

// New finds out where the program is, so call it early. What stands there when Start is called is what is started: a file
// that took the old one's place, or what a symbolic link, if the program was started by one, leads to by then.
func New(o Options) (*Upgrader, error) {
	path, err := executable()
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Stderr == nil {
		o.Stderr = func() *os.File { return os.Stderr }
	}
	return &Upgrader{opts: o, path: path}, nil
}

// executable is the program's path as its user gave it, if that is to be found. os.Executable alone has followed links.
func executable() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	given, err := exec.LookPath(os.Args[0])
	if err != nil {
		return exe, nil // called by a name that leads nowhere
	}
	if given, err = filepath.Abs(given); err != nil {
		return "", err
	}
	a, errA := os.Stat(exe)
	b, errB := os.Stat(given) // #nosec G703 -- the path by which whoever started us did
	if errA == nil && errB == nil && os.SameFile(a, b) {
		return given, nil
	}
	return exe, nil
}

// Start starts the successor with this process's arguments and waits until it is ready. It must then be told with Commit
// that it is the one. On error there is no new process any more, also when ctx ends, and this one goes on as it was; the
// error is then a *Failure, ErrBusy or the system's.
func (u *Upgrader) Start(ctx context.Context) (_ *Successor, err error) {
	if os.Getpid() == 1 {
		return nil, errFirst
	}
	if !u.busy.CompareAndSwap(false, true) {
		return nil, ErrBusy
	}
	defer func() {
		if err != nil {
			u.busy.Store(false)
		}
	}()

	files, err := u.opts.Files()
	if err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	defer closeFiles(files)
	s, err := u.spawn(files)
	if err != nil {
		return nil, fmt.Errorf("upgrade: starting %s: %w", u.path, err)
	}

	ctx, cancel := context.WithTimeoutCause(ctx, u.opts.Timeout, fmt.Errorf("not ready after %s", u.opts.Timeout))
	defer cancel()
	if err := s.awaitReady(ctx); err != nil {
		return nil, s.failed(err)
	}
	return s, nil
}
