package upgrade

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Predecessor is the process that started this one to take its place. On nil, which is a process that nobody waits for,
// all methods do nothing.
type Predecessor struct {
	Pid   int
	State []byte        // what the predecessor's Options.State said
	Conn  *net.UnixConn // the other end of the predecessor's Successor.Conn; its user closes it

	control *net.UnixConn
	stderr  *os.File
	files   map[string]*os.File
}

// Inherit takes what a predecessor left in this process's descriptors; nil if there is none. Call it first of all, before
// anything else is opened or started, and once.
func Inherit() (*Predecessor, error) {
	if os.Getenv(environ) == "" {
		return nil, nil
	}
	_ = os.Unsetenv(environ)
	for fd := controlFile; fd < firstFile; fd++ {
		syscall.CloseOnExec(fd)
	}
	p := &Predecessor{stderr: os.NewFile(stderrFile, "stderr"), files: make(map[string]*os.File)}
	var err error
	if p.control, err = unixConn(os.NewFile(controlFile, "control")); err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	if p.Conn, err = unixConn(os.NewFile(connFile, "conn")); err != nil {
		return nil, fmt.Errorf("upgrade: %w", err)
	}
	var h hello
	if err := json.NewDecoder(p.control).Decode(&h); err != nil {
		return nil, fmt.Errorf("upgrade: the process before did not say what it leaves: %w", err)
	}
	p.Pid, p.State = h.Pid, h.State
	for i, name := range h.Names {
		syscall.CloseOnExec(firstFile + i)
		p.files[name] = os.NewFile(uintptr(firstFile+i), name)
	}
	return p, nil
}

// Listeners are the inherited ones whose names begin with prefix, by the rest of the name.
func (p *Predecessor) Listeners(prefix string) (map[string]net.Listener, error) {
	found := make(map[string]net.Listener)
	if p == nil {
		return found, nil
	}
	for name := range maps.Clone(p.files) {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		nl, err := p.Listener(name)
		if err != nil {
			return nil, err
		}
		found[rest] = nl
	}
	return found, nil
}

// Listener is the inherited one of that name, or nil if there is none. A unix socket's file outlives it, as that of any
// listener that was given away. The caller sees to it that it is the address that is wanted.
func (p *Predecessor) Listener(name string) (net.Listener, error) {
	if p == nil || p.files[name] == nil {
		return nil, nil
	}
	defer p.files[name].Close() //nolint:errcheck // nothing is written through it
	nl, err := net.FileListener(p.files[name])
	delete(p.files, name)
	if err != nil {
		return nil, fmt.Errorf("upgrade: inherited %s: %w", name, err)
	}
	return nl, nil
}

// ListenerFile duplicates a listener's descriptor for Options.Files. A unix socket's file is not removed any more when nl
// is closed.
func ListenerFile(nl net.Listener) (*os.File, error) {
	if ul, ok := nl.(*net.UnixListener); ok {
		ul.SetUnlinkOnClose(false)
	}
	f, ok := nl.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("upgrade: %T has no descriptor to leave", nl)
	}
	return f.File()
}

// Ready says that this process can take over and waits until it has to: after that it is the one whom the pid file and
// supervisors should name. Inherited files that nobody took are closed. If the predecessor ended without an answer this
// process goes on in its place all the same; one that gave up kills it.
func (p *Predecessor) Ready() error {
	if p == nil {
		return nil
	}
	defer p.control.Close() //nolint:errcheck // all was said
	closeFiles(p.files)
	p.files = nil
	b := [1]byte{ready}
	_, err := p.control.Write(b[:])
	if err == nil {
		_, err = io.ReadFull(p.control, b[:])
	}
	if e := p.ownStderr(); e != nil {
		return fmt.Errorf("upgrade: standard error: %w", e)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("upgrade: %w", err)
	}
	return nil
}

// ownStderr makes descriptor 2 the predecessor's standard error; until now it led to the predecessor itself.
func (p *Predecessor) ownStderr() error {
	defer p.stderr.Close() //nolint:errcheck // nothing is written through it
	return SetStderr(p.stderr)
}

// SetStderr makes descriptor 2 lead where f does.
func SetStderr(f *os.File) error { return dup2(int(f.Fd()), unix.Stderr) }
