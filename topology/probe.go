package topology

import (
	"cmp"
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
	c, err := p.enter(s, p.loginTo(s), o.Protocol.Home())
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // nothing was written that could be lost
	reply, err := ask(c, o.Protocol, o.Protocol.Probe(), maxProbeReply)
	if err != nil {
		return err
	}
	return o.Protocol.CheckProbe(reply)
}

// loginTo is with what a connection to s, a server of p, logs in.
func (p *Pool) loginTo(s *Server) codec.Login { return p.Login(p.Entry(s), codec.Attempt{}) }

// Login is with what a connection to a server of p logs in, at that attempt.
func (p *Pool) Login(s *ServerOptions, a codec.Attempt) codec.Login {
	return codec.Login{Server: cmp.Or(s.Of, s.Name), Attempt: a, Master: s.Master != "", Replica: s.Of != ""}
}

// enter connects to s and logs in as a Conn would, for a database. What is asked over the connection has the time that Dial has.
func (p *Pool) enter(s *Server, as codec.Login, db int) (c net.Conn, err error) {
	timeout := p.dialTimeout()
	if c, err = p.Dial(s); err != nil {
		return nil, err
	}
	if err = c.SetDeadline(p.world.Now().Add(timeout)); err == nil {
		err = logIn(c, p.opts.Protocol, as, db)
		for refused := (*codec.LoginError)(nil); errors.As(err, &refused); {
			as.Attempt = refused.Next
			err = logIn(c, p.opts.Protocol, as, db)
		}
	}
	if err != nil {
		_ = c.Close() // nothing was written that could be lost
		return nil, err
	}
	return c, nil
}

// logIn makes the handshake.
func logIn(c net.Conn, p codec.Protocol, as codec.Login, db int) error {
	for i, step := range p.Handshake(as, 0, db) {
		reply, err := ask(c, p, step, maxProbeReply)
		if err == nil {
			err = p.CheckHandshake(as, 0, db, i, reply)
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

// ask sends one command and returns its reply, of so many bytes at most.
func ask(c net.Conn, p codec.Replies, command []byte, most int) ([]byte, error) {
	if _, err := c.Write(command); err != nil {
		return nil, err
	}
	var scan codec.ReplyScan
	var reply []byte
	buf := make([]byte, 4<<10)
	for len(reply) < most {
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
	return nil, fmt.Errorf("topology: reply of more than %d bytes to a command of %d", most, len(command)) // which may hold a secret
}
