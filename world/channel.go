package world

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Channel leads to another process on this machine, and can carry descriptors. One goroutine uses it.
type Channel interface {
	// Read fills p, or returns how much came before ctx ended or the channel did.
	Read(ctx context.Context, p []byte) (n int, err error)

	// Write writes all of p, with a descriptor beside it unless that is negative. The descriptor stays the caller's.
	Write(ctx context.Context, p []byte, fd int) error

	// Take is Read for the beginning of a message that may have a descriptor beside it, which is the caller's; -1: it has none.
	Take(ctx context.Context, p []byte) (fd int, err error)
}

// NewChannel returns the Channel over a connection, which stays the caller's to close.
func NewChannel(conn *net.UnixConn) Channel { return channel{conn} }

type channel struct{ conn *net.UnixConn }

// Read implements Channel.
func (c channel) Read(ctx context.Context, p []byte) (n int, err error) {
	err = c.within(ctx, func() error { n, err = io.ReadFull(c.conn, p); return err })
	return n, err
}

// Write implements Channel.
func (c channel) Write(ctx context.Context, p []byte, fd int) error {
	return c.within(ctx, func() error {
		if fd < 0 {
			_, err := c.conn.Write(p)
			return err
		}
		_, _, err := c.conn.WriteMsgUnix(p, unix.UnixRights(fd), nil)
		return err
	})
}

// Take implements Channel.
func (c channel) Take(ctx context.Context, p []byte) (fd int, err error) {
	fd = -1
	err = c.within(ctx, func() error {
		rights := make([]byte, unix.CmsgSpace(4))
		n, rn, _, _, err := c.conn.ReadMsgUnix(p, rights)
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		if rn > 0 {
			if fd, err = descriptor(rights[:rn]); err != nil {
				return err
			}
		}
		_, err = io.ReadFull(c.conn, p[n:])
		return err
	})
	if err != nil && fd >= 0 {
		_ = unix.Close(fd)
		fd = -1
	}
	return fd, err
}

// descriptor is the one that came with a message.
func descriptor(rights []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(err, errors.New("world: not one control message"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.Join(err, errors.New("world: not one descriptor"))
	}
	unix.CloseOnExec(fds[0])
	return fds[0], nil
}

// within has f, which reads or writes, end when ctx does.
func (c channel) within(ctx context.Context, f func() error) error {
	until, _ := ctx.Deadline()
	_ = c.conn.SetDeadline(until)
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = c.conn.SetDeadline(time.Unix(1, 0))
	})
	err := f()
	if !stop() {
		<-ended // or it would end what comes next
	}
	if err != nil && ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return err
}

// TimedOut says that err, of a Channel, means that time ran out, and not that the other process is gone.
func TimedOut(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}
