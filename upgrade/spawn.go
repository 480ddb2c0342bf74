package upgrade

import (
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

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
	pid, err := syscall.ForkExec(u.path, os.Args, &syscall.ProcAttr{Env: successorEnviron(), Files: fds}) // #nosec G702 -- our own program with our own arguments
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
	if u.opts.State != nil {
		s.hello.State = u.opts.State()
	}
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
