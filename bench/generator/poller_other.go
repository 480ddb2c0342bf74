//go:build !linux

package generator

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// poller uses poll(2), which every system has: its cost grows with the connections and its timeouts are milliseconds. See
// poller_linux.go for what its methods do.
type poller struct {
	fds   []unix.PollFd // by the number that they were added with
	ready []event
}

type event struct {
	id                 int
	readable, writable bool
}

func (p *poller) open() error { return nil }
func (p *poller) close()      {}

func (p *poller) add(fd, _ int) error {
	p.fds = append(p.fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	return nil
}

func (p *poller) wantWrite(_, id int, on bool) error {
	p.fds[id].Events = unix.POLLIN
	if on {
		p.fds[id].Events |= unix.POLLOUT
	}
	return nil
}

func (p *poller) wait(d time.Duration) ([]event, error) {
	p.ready = p.ready[:0]
	_, err := unix.Poll(p.fds, int((d+time.Millisecond-1)/time.Millisecond))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return nil, os.NewSyscallError("poll", err)
	}
	for id, f := range p.fds {
		if err == nil && f.Revents != 0 {
			p.ready = append(p.ready, event{
				id:       id,
				readable: f.Revents&^unix.POLLOUT != 0,
				writable: f.Revents&unix.POLLOUT != 0,
			})
		}
	}
	return p.ready, nil
}
