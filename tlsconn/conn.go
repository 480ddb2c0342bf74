// Package tlsconn is TLS for connections that end on an event loop. crypto/tls does all that is cryptography; what is here is how it
// is fed. A handshake blocks: it runs off the loops, over the real socket. Then the connection joins a loop, and the same tls.Conn
// opens and seals records in memory, of which the loop's socket reads and writes the bytes (package loop, sealed.go).
//
//	Acceptor.Handshake, Connector.Handshake   any goroutine: blocks    tls.Conn <--> pipe <--> net.Conn
//	Conn.Join                               from here on: memory     tls.Conn <--> pipe <--> what comes; what is to be sent
//
// Read options.go for the settings, keys.go for the files that they name, validity.go for how long these are good, tickets.go for what resumes sessions; gate.go bounds what
// handshakes may take of the machine.
package tlsconn

import (
	"crypto/tls"
	"net"
	"time"
)

// Conn is a connection that speaks TLS. Before Join it is a net.Conn that blocks; after it nobody but Package loop's layer has it,
// on one goroutine, and Read and Write pass nothing but memory.
type Conn struct {
	*tls.Conn
	Apart bool // the peer has to get commands in records of their own
	pipe  pipe
}

// ErrAgain is what Read has after Join when no whole record is left. It is temporary, so that crypto/tls reads on afterwards.
var ErrAgain net.Error = again{}

type again struct{}

func (again) Error() string   { return "tlsconn: nothing has come" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

// Wire is what is beneath a joined Conn. Pull reads what has come into p, 0 if nothing has; Push takes sealed bytes, all of them, and
// keeps no slice of them.
type Wire interface {
	Pull(p []byte) (n int, err error)
	Push(sealed []byte)
}

// Join turns c from its socket, which it returns for a loop to read and write, to w.
func (c *Conn) Join(w Wire) net.Conn {
	nc := c.pipe.Conn
	if p, ok := nc.(*prefixed); ok {
		nc = p.Conn
	}
	c.pipe = pipe{Conn: nc, wire: w, frames: c.pipe.frames, whole: c.pipe.whole}
	return nc
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (n int, err error) {
	n, err = c.Conn.Read(p)
	switch {
	case c.pipe.wire == nil:
	case err != nil:
		c.pipe.whole = 0
	case n < len(p):
		c.pipe.whole-- // and those before it that held nothing for us; the next Read that finds nothing says so
	}
	return n, err
}

// More says that Read may have something without a Pull.
func (c *Conn) More() bool { return c.pipe.whole > 0 || len(c.pipe.came) > 0 }

// Half says that of a record some bytes have come, and not all.
func (c *Conn) Half() bool { return c.pipe.frames.has > 0 }

// Open has Read open the records of p. They have to be read until ErrAgain, or to be given up by Open(nil), before p dies.
func (c *Conn) Open(p []byte) { c.pipe.came = p }

// Pulls says whether Read goes on, once what Open gave is read, with what Wire.Pull has.
func (c *Conn) Pulls(on bool) { c.pipe.pulls = on }

// Overhead is what sealing adds to each record; 0: that depends on the record.
func (c *Conn) Overhead() int {
	if c.ConnectionState().Version == tls.VersionTLS13 {
		return 5 + 1 + 16 // header, type, tag: all its ciphers are alike. Source: RFC 8446, section 5.2
	}
	return 0
}

// pipe is the net.Conn that a tls.Conn stands on: a socket, and after Join memory.
type pipe struct {
	net.Conn
	seat  *seat // at the gate, in the handshake; nil: nobody counts
	heard bool  // something came in the handshake

	wire   Wire   // nil before Join
	came   []byte // of the wire, and not read
	pulls  bool   // Read asks the wire when came is empty
	frames framing
	whole  int // records that came whole, less those that crypto/tls gave us: at least so many as it has
}

// Read implements net.Conn. Who waits for a peer's bytes holds no place at the gate.
func (p *pipe) Read(b []byte) (n int, err error) {
	if p.wire == nil {
		p.seat.leave()
		n, err = p.Conn.Read(b)
		p.heard = p.heard || n > 0
		p.whole += p.frames.scan(b[:n]) // the last of them may be no more of the handshake
		if e := p.seat.enter(); err == nil {
			err = e
		}
		return n, err
	}
	if len(p.came) > 0 {
		n = copy(b, p.came)
		p.came = p.came[n:]
		p.whole += p.frames.scan(b[:n])
		return n, nil
	}
	if !p.pulls {
		return 0, ErrAgain
	}
	switch n, err = p.wire.Pull(b); {
	case err != nil:
		return 0, err
	case n == 0:
		return 0, ErrAgain
	}
	p.whole += p.frames.scan(b[:n])
	return n, nil
}

// Write implements net.Conn.
func (p *pipe) Write(b []byte) (int, error) {
	if p.wire == nil {
		return p.Conn.Write(b)
	}
	p.wire.Push(b)
	return len(b), nil
}

// Close implements net.Conn. A joined connection is closed by its loop.
func (p *pipe) Close() error {
	if p.wire == nil {
		return p.Conn.Close()
	}
	return nil
}

// SetDeadline implements net.Conn.
func (p *pipe) SetDeadline(t time.Time) error {
	if p.wire == nil {
		return p.Conn.SetDeadline(t)
	}
	return nil
}

// SetReadDeadline implements net.Conn.
func (p *pipe) SetReadDeadline(t time.Time) error {
	if p.wire == nil {
		return p.Conn.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline implements net.Conn. crypto/tls sets one before it says good-bye.
func (p *pipe) SetWriteDeadline(t time.Time) error {
	if p.wire == nil {
		return p.Conn.SetWriteDeadline(t)
	}
	return nil
}

// Prefixed is nc, of which first was read already.
func Prefixed(nc net.Conn, first []byte) net.Conn { return &prefixed{nc, first} }

type prefixed struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
