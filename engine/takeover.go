package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cashew/codec"
)

// TakeOver takes clients from the process at the other end of conn, which calls HandOver. The proxy has been started. It
// returns how many it took, once there are no more, or with an error when ctx ends or conn fails; then the caller closes
// conn at once, and the other process keeps its clients.
func (p *Proxy) TakeOver(ctx context.Context, conn *net.UnixConn) (taken int, err error) {
	_ = conn.SetDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	if _, err := conn.Write([]byte{ready}); err != nil {
		return 0, err
	}
	var enrolling sync.WaitGroup
	defer enrolling.Wait()
	for {
		c, more, err := receive(conn)
		if err != nil {
			return taken, errors.Join(ctx.Err(), fmt.Errorf("engine: taking over clients: %w", err))
		}
		if !more {
			return taken, nil
		}
		s, nc, err := p.restore(c, true)
		if err != nil {
			p.log.Warn("client refused from the other process", "pool", c.state.pool(), "client", c.state.Addr, "err", err)
			if _, err := conn.Write([]byte{yours}); err != nil {
				return taken, err
			}
			continue
		}
		if _, err := conn.Write([]byte{mine}); err != nil {
			s.from.left(s)
			_ = nc.Close()
			return taken, err
		}
		taken++
		enrolling.Go(func() { _ = s.enroll(nc) })
	}
}

// receive reads one client; more is false at the end of all.
func receive(conn *net.UnixConn) (c parted, more bool, err error) {
	c.fd = -1
	defer func() {
		if err != nil && c.fd >= 0 {
			_ = unix.Close(c.fd)
		}
	}()
	var head [4]byte
	rights := make([]byte, unix.CmsgSpace(4))
	n, rn, _, _, err := conn.ReadMsgUnix(head[:], rights)
	if err != nil {
		return c, false, err
	}
	if n == 0 {
		return c, false, io.ErrUnexpectedEOF
	}
	if rn > 0 {
		if c.fd, err = descriptor(rights[:rn]); err != nil {
			return c, false, err
		}
	}
	if _, err := io.ReadFull(conn, head[n:]); err != nil {
		return c, false, err
	}
	size := binary.BigEndian.Uint32(head[:])
	switch {
	case size == 0:
		return c, false, nil
	case size > maxStateBytes || c.fd < 0:
		return c, false, errors.New("not a client")
	}
	state := make([]byte, size)
	if _, err := io.ReadFull(conn, state); err != nil {
		return c, false, err
	}
	if err := json.Unmarshal(state, &c.state); err != nil {
		return c, false, err
	}
	c.input = make([]byte, max(c.state.Input, 0))
	if _, err := io.ReadFull(conn, c.input); err != nil {
		return c, false, err
	}
	return c, true, nil
}

// descriptor is the one that came with a message.
func descriptor(rights []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1, errors.Join(err, errors.New("not one control message"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.Join(err, errors.New("not one descriptor"))
	}
	unix.CloseOnExec(fds[0])
	return fds[0], nil
}

// restore makes c, whose descriptor is used up, a client of the pool of that name: it is counted in, and s.enroll(nc) puts
// it on its loop. limited asks whether there may be one more, which one that was ours is not asked.
func (p *Proxy) restore(c parted, limited bool) (s *Session, nc net.Conn, err error) {
	f := os.NewFile(uintptr(c.fd), "client")
	defer f.Close() //nolint:errcheck // FileConn has its own descriptor
	pl := named(p.pools(), c.state.pool())
	if pl == nil || int(c.state.Profile) >= len(pl.protocol.Profiles()) {
		return nil, nil, fmt.Errorf("engine: no pool %q for profile %d", c.state.pool(), c.state.Profile)
	}
	if limit := int64(pl.opts.ClientConnections); limited &&
		(limit > 0 && pl.clients.Load() >= limit || p.clients.Load() >= p.clientLimit.Load()) {
		return nil, nil, errors.New("engine: max number of clients reached")
	}
	if nc, err = net.FileConn(f); err != nil {
		return nil, nil, err
	}
	if t, ok := nc.(*net.TCPConn); ok {
		_ = t.SetKeepAlive(pl.opts.TCPKeepalive)
	}
	l := p.leastLoop()
	l.clients.Add(1)
	pl.clients.Add(1)
	p.clients.Add(1)
	pl.count.accepted.Add(1)
	s = newSession(l, pl, p.ids.Add(1), c.state.Addr)
	s.cl = codec.Client{
		ID: s.cl.ID, Profile: c.state.Profile, Bar: c.state.Bar, Addr: c.state.Addr, Authed: c.state.Authed,
		Name: c.state.Name, Lib: c.state.Lib, LibVer: c.state.LibVer,
	}
	s.handed = c.input
	return s, nc, nil
}
