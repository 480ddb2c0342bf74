package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// hello is the first message to a successor; those that follow have no content.
type hello struct {
	Pid   int
	Names []string // of the files from firstFile on
	State []byte   `json:",omitempty"` // see Options.State
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
