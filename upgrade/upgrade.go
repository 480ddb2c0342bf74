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
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	b, errB := os.Stat(given)
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

// hello is the first message to a successor; those that follow have no content.
type hello struct {
	Pid   int
	Names []string // of the files from firstFile on
}

// The descriptors of a successor. It keeps firstFile-1 for the standard error that is to be its own: until it has taken
// over, what it writes there goes to its predecessor, who logs it if that is all there is to be had.
const (
	controlFile = 3
	connFile    = 4
	stderrFile  = 5
	firstFile   = 6
)

// spawn starts the process and sends it the hello.
func (u *Upgrader) spawn(files map[string]*os.File) (_ *Successor, err error) {
	control, theirControl, err := pair()
	if err != nil {
		return nil, err
	}
	defer theirControl.Close() //nolint:errcheck // nothing is written through it
	conn, theirConn, err := pair()
	if err != nil {
		_ = control.Close()
		return nil, err
	}
	defer theirConn.Close() //nolint:errcheck // nothing is written through it
	stderr, theirStderr, err := os.Pipe()
	if err != nil {
		_ = control.Close()
		_ = conn.Close()
		return nil, err
	}
	defer theirStderr.Close() //nolint:errcheck // nothing is written through it

	s := &Successor{Conn: conn, upgrader: u, control: control, exited: make(chan struct{}), read: make(chan struct{})}
	defer func() {
		if err != nil {
			s.Close()
			_ = stderr.Close()
		}
	}()
	names := slices.Sorted(maps.Keys(files))
	inherited := []*os.File{os.Stdin, os.Stdout, theirStderr, theirControl, theirConn, u.opts.Stderr()}
	for _, name := range names {
		inherited = append(inherited, files[name])
	}
	fds, err := descriptors(inherited)
	if err != nil {
		return nil, err
	}
	pid, err := syscall.ForkExec(u.path, os.Args, &syscall.ProcAttr{Env: successorEnviron(), Files: fds})
	if err != nil {
		return nil, err
	}
	if s.process, err = os.FindProcess(pid); err != nil {
		return nil, err
	}
	s.Pid = pid
	go s.wait()
	go func() {
		_, _ = io.Copy(&s.output, stderr)
		_ = stderr.Close()
		close(s.read)
	}()
	s.hello = hello{Pid: os.Getpid(), Names: names}
	return s, nil
}

// successorEnviron is ours, without what is true of this process alone.
func successorEnviron() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "WATCHDOG_PID=") || strings.HasPrefix(v, environ+"=")
	})
	return append(env, environ+"=1")
}

// descriptors are those of files. Unlike os.File.Fd it leaves them non-blocking: a duplicate shares that state, and one
// accept that blocks could never be ended.
func descriptors(files []*os.File) ([]uintptr, error) {
	fds := make([]uintptr, len(files))
	for i, f := range files {
		rc, err := f.SyscallConn()
		if err != nil {
			return nil, err
		}
		if err := rc.Control(func(fd uintptr) { fds[i] = fd }); err != nil {
			return nil, err
		}
	}
	return fds, nil
}

// pair is a socket pair: our end, and the other's, which is for the other process.
func pair() (ours *net.UnixConn, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "successor")
	if ours, err = unixConn(os.NewFile(uintptr(fds[0]), "predecessor")); err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// unixConn makes f a conn and closes it.
func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close() //nolint:errcheck // nothing is written through it
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	uc, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("descriptor %s is no unix socket", f.Name())
	}
	return uc, nil
}

func closeFiles(files map[string]*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// Successor is a process that is ready to take this one's place.
type Successor struct {
	Pid  int
	Conn *net.UnixConn // the other end of the successor's Predecessor.Conn

	upgrader *Upgrader
	control  *net.UnixConn
	hello    hello
	process  *os.Process
	output   output
	read     chan struct{} // closed when its standard error is not ours any more
	exited   chan struct{} // closed after state is set
	state    string
}

func (s *Successor) wait() {
	s.state = "it ended"
	if ps, err := s.process.Wait(); err == nil {
		s.state = ps.String()
	}
	close(s.exited)
}

// awaitReady returns nil once the successor said that it is ready. That it closed its end says nothing: how it ends does.
func (s *Successor) awaitReady(ctx context.Context) error {
	said := make(chan struct{})
	go func() {
		if s.greet() == nil {
			close(said)
		}
	}()
	select {
	case <-said:
		return nil
	case <-s.exited:
		return errors.New(s.state)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// greet sends the hello and reads the answer.
func (s *Successor) greet() error {
	text, err := json.Marshal(s.hello)
	if err != nil {
		return err
	}
	if _, err := s.control.Write(text); err != nil {
		return err
	}
	var b [1]byte
	_, err = io.ReadFull(s.control, b[:])
	return err
}

// failed ends the successor and says why it did.
func (s *Successor) failed(reason error) error {
	_ = s.process.Kill()
	<-s.exited
	select {
	case <-s.read:
	case <-time.After(time.Second): // a child of its own has the pipe
	}
	s.Close()
	return &Failure{Err: reason, Output: s.output.String()}
}

// Commit tells the successor that it is the one and waits until it knows. On error it has ended and this process must go
// on.
func (s *Successor) Commit() error {
	_, err := s.control.Write([]byte{yours})
	if err == nil {
		select {
		case <-s.read: // it has a standard error of its own
		case <-s.exited:
			err = errors.New(s.state)
		case <-time.After(commitTimeout):
		}
	}
	if err != nil {
		defer s.upgrader.busy.Store(false)
		return s.failed(err)
	}
	s.output.release(s.upgrader.opts.Stderr())
	return nil
}

// commitTimeout is how long Commit waits for a successor that is ready but on a machine that is not.
const commitTimeout = 10 * time.Second

// ready and yours are the messages after the hello.
const ready, yours = 'r', 'y'

// Close closes the conns to the successor, which lives on.
func (s *Successor) Close() {
	_ = s.control.Close()
	_ = s.Conn.Close()
}

// maxOutput is how much of a successor's standard error is kept.
const maxOutput = 16 << 10

// output keeps what is written to it until it is released, and then passes it on.
type output struct {
	mu   sync.Mutex
	kept []byte
	to   io.Writer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.to != nil {
		_, _ = o.to.Write(b)
	} else {
		o.kept = append(o.kept, b[:min(len(b), maxOutput-len(o.kept))]...)
	}
	return len(b), nil
}

func (o *output) release(w io.Writer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = w.Write(o.kept)
	o.kept, o.to = nil, w
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.kept)
}
