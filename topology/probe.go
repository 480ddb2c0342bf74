package topology

import (
	"errors"
	"fmt"
	"net"

	"cashew/codec"
)

// Probe asks whether s is well. It blocks.
func (p *Pool) Probe(s *Server) error {
	if p.opts.Probe != nil {
		return p.opts.Probe(p.Entry(s))
	}
	return p.ping(s)
}

// ping connects to s, logs in as a Conn would, and asks for a sign of life. It blocks for DialTimeout at most, or the
// pool's timeout if that is shorter, and runs on a goroutine of its own.
func (p *Pool) ping(s *Server) error {
	o := &p.opts
	timeout := p.dialTimeout()
	c, err := p.Dial(s)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing was written that could be lost
	if err := c.SetDeadline(p.world.Now().Add(timeout)); err != nil {
		return err
	}
	as := codec.Login{Server: p.Entry(s).Name}
	err = logIn(c, o.Protocol, as)
	if refused := (*codec.LoginError)(nil); errors.As(err, &refused) {
		as.Former = true
		err = logIn(c, o.Protocol, as)
	}
	if err != nil {
		return err
	}
	reply, err := ask(c, o.Protocol, o.Protocol.Probe())
	if err != nil {
		return err
	}
	return o.Protocol.CheckProbe(reply)
}

// logIn makes the handshake.
func logIn(c net.Conn, p codec.Protocol, as codec.Login) error {
	home := p.Home()
	for i, step := range p.Handshake(as, 0, home) {
		reply, err := ask(c, p, step)
		if err == nil {
			err = p.CheckHandshake(as, 0, home, i, reply)
		}
		var remark *codec.RemarkError
		if err != nil && !errors.As(err, &remark) {
			return err
		}
	}
	return nil
}

// maxProbeReply bounds what a server may answer to a command that is answered with a line.
const maxProbeReply = 64 << 10

// ask sends one command and returns its reply.
func ask(c net.Conn, p codec.Replies, command []byte) ([]byte, error) {
	if _, err := c.Write(command); err != nil {
		return nil, err
	}
	var scan codec.ReplyScan
	var reply []byte
	buf := make([]byte, 4<<10)
	for len(reply) < maxProbeReply {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		m, done, err := p.ScanReply(&scan, buf[:n])
		if err != nil {
			return nil, err
		}
		reply = append(reply, buf[:m]...)
		if done {
			return reply, nil
		}
	}
	return nil, fmt.Errorf("topology: reply of more than %d bytes to a command of %d", maxProbeReply, len(command)) // which may hold a secret
}
