package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"cashew/codec"
	"cashew/session"
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
		s, nc, err := p.restore(c, false)
		if err != nil {
			p.log.Warn("client refused from the other process", "pool", c.State.In(), "client", c.State.Addr, "err", err)
			if err := conn.Write(ctx, []byte{yours}, -1); err != nil {
				return taken, err
			}
			continue
		}
		if err := conn.Write(ctx, []byte{mine}, -1); err != nil {
			s.GiveUp(nc)
			return taken, err
		}
		taken++
		enrolling.Go(func() { _ = s.Enroll(nc) })
	}
}

// receive reads one client; more is false at the end of all.
func (p *Proxy) receive(ctx context.Context, conn world.Channel) (c session.Parted, more bool, err error) {
	c.FD = -1
	defer func() {
		if err != nil && c.FD >= 0 {
			p.world.Drop(c.FD)
		}
	}()
	var head [4]byte
	if c.FD, err = conn.Take(ctx, head[:]); err != nil {
		return c, false, err
	}
	size := binary.BigEndian.Uint32(head[:])
	switch {
	case size == 0:
		return c, false, nil
	case size > maxStateBytes || c.FD < 0:
		return c, false, errors.New("not a client")
	}
	state := make([]byte, size)
	if _, err := conn.Read(ctx, state); err != nil {
		return c, false, err
	}
	if err := json.Unmarshal(state, &c.State); err != nil {
		return c, false, err
	}
	c.Input = make([]byte, max(c.State.Input, 0))
	if _, err := conn.Read(ctx, c.Input); err != nil {
		return c, false, err
	}
	return c, true, nil
}

// restore makes c, whose descriptor is used up, a client of the pool of that name: it is counted in, and s.Enroll(nc) puts
// it on its loop. One that was ours is not asked whether there may be one more.
func (p *Proxy) restore(c session.Parted, ours bool) (s *session.Session, nc net.Conn, err error) {
	pl := named(p.pools(), c.State.In())
	if pl == nil || int(c.State.Profile) >= len(pl.Protocol.Profiles()) {
		p.world.Drop(c.FD)
		return nil, nil, fmt.Errorf("engine: no pool %q for profile %d", c.State.In(), c.State.Profile)
	}
	if db := c.State.DB; db != nil && !pl.Protocol.Serves(*db) && !ours {
		p.world.Drop(c.FD)
		return nil, nil, fmt.Errorf("engine: pool %q has no database %d", c.State.In(), *db)
	}
	if stays, _ := pl.Protocol.Rejoin(&codec.Client{Known: c.State.Known, Addr: c.State.Addr}, c.State.User); !stays {
		p.world.Drop(c.FD)
		return nil, nil, fmt.Errorf("engine: pool %q has no user %q who may log in", c.State.In(), c.State.User)
	}
	if !ours {
		pl.Learn(c.State.Scripts)
	}
	if limit := int64(pl.opts.ClientConnections); !ours &&
		(limit > 0 && pl.clients.now.Load() >= limit || p.clients.Load() >= p.clientLimit.Load()) {
		p.world.Drop(c.FD)
		return nil, nil, errors.New("engine: max number of clients reached")
	}
	if nc, err = p.world.Adopt(c.FD); err != nil {
		return nil, nil, err
	}
	if t, ok := nc.(tcpConn); ok {
		_ = t.SetKeepAlive(pl.opts.TCPKeepalive)
	}
	pl.clients.now.Add(1)
	p.clients.Add(1)
	pl.clients.accepted.Add(1)
	s = session.Restore(p.leastLoop().sessions, pl.Pool, p.ids.Add(1), c, ours)
	s.CameThrough(c.State.LAddr, pl.countAgain(c.State.Addr))
	return s, nc, nil
}
