package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"cashew/codec"
	"cashew/world"
)

// TakeOver takes clients from the process at the other end of conn, which calls HandOver. The proxy has been started. It
// returns how many it took, once there are no more, or with an error when ctx ends or conn fails; then the caller closes
// conn at once, and the other process keeps its clients.
func (p *Proxy) TakeOver(ctx context.Context, conn world.Channel) (taken int, err error) {
	if err := conn.Write(ctx, []byte{ready}, -1); err != nil {
		return 0, err
	}
	enrolling := world.NewGroup(p.world)
	defer enrolling.Wait(context.Background()) //nolint:errcheck // a context that does not end
	for {
		c, more, err := p.receive(ctx, conn)
		if err != nil {
			return taken, fmt.Errorf("engine: taking over clients: %w", err)
		}
		if !more {
			return taken, nil
		}
		s, nc, err := p.restore(c, true)
		if err != nil {
			p.log.Warn("client refused from the other process", "pool", c.state.pool(), "client", c.state.Addr, "err", err)
			if err := conn.Write(ctx, []byte{yours}, -1); err != nil {
				return taken, err
			}
			continue
		}
		if err := conn.Write(ctx, []byte{mine}, -1); err != nil {
			s.from.left(s)
			_ = nc.Close()
			return taken, err
		}
		taken++
		enrolling.Go(func() { _ = s.enroll(nc) })
	}
}

// receive reads one client; more is false at the end of all.
func (p *Proxy) receive(ctx context.Context, conn world.Channel) (c parted, more bool, err error) {
	c.fd = -1
	defer func() {
		if err != nil && c.fd >= 0 {
			p.world.Drop(c.fd)
		}
	}()
	var head [4]byte
	if c.fd, err = conn.Take(ctx, head[:]); err != nil {
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
	if _, err := conn.Read(ctx, state); err != nil {
		return c, false, err
	}
	if err := json.Unmarshal(state, &c.state); err != nil {
		return c, false, err
	}
	c.input = make([]byte, max(c.state.Input, 0))
	if _, err := conn.Read(ctx, c.input); err != nil {
		return c, false, err
	}
	return c, true, nil
}

// restore makes c, whose descriptor is used up, a client of the pool of that name: it is counted in, and s.enroll(nc) puts
// it on its loop. limited asks whether there may be one more, which one that was ours is not asked.
func (p *Proxy) restore(c parted, limited bool) (s *Session, nc net.Conn, err error) {
	pl := named(p.pools(), c.state.pool())
	if pl == nil || int(c.state.Profile) >= len(pl.protocol.Profiles()) {
		p.world.Drop(c.fd)
		return nil, nil, fmt.Errorf("engine: no pool %q for profile %d", c.state.pool(), c.state.Profile)
	}
	if limit := int64(pl.opts.ClientConnections); limited &&
		(limit > 0 && pl.clients.Load() >= limit || p.clients.Load() >= p.clientLimit.Load()) {
		p.world.Drop(c.fd)
		return nil, nil, errors.New("engine: max number of clients reached")
	}
	if nc, err = p.world.Adopt(c.fd); err != nil {
		return nil, nil, err
	}
	if t, ok := nc.(tcpConn); ok {
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
