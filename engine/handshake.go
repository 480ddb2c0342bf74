package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"cashew/tlsconn"
	"cashew/world"
)

// firstOfTLS is what a TLS client begins with: the type of a record of its handshake. No command of any protocol begins so.
const firstOfTLS = 0x16

// encrypts says that p's clients speak TLS alone: what is written past that means nothing to them.
func (p *pool) encrypts() bool { return p.tls != nil && p.tls.Mode() == tlsconn.On }

// secure makes c a connection that speaks TLS, or finds that it is a plain one where either kind may come. It blocks for HandshakeTimeout
// at most, and before that for a client's first byte, where it may be plain.
func (p *pool) secure(c *comer) error {
	nc := c.nc
	if p.tls.Mode() == tlsconn.Optional {
		first, err := p.firstByte(nc)
		if err != nil {
			return err
		}
		if first[0] != firstOfTLS {
			c.first = first
			return nil
		}
		nc = tlsconn.Prefixed(nc, first)
	}
	timeout := p.opts.HandshakeTimeout
	if err := nc.SetDeadline(p.proxy.world.Now().Add(timeout)); err != nil {
		return err
	}
	ctx, cancel := p.proxy.world.WithTimeout(p.proxy.hall.open, timeout)
	defer cancel()
	t, err := p.tls.Handshake(ctx, nc, p.proxy.gate)
	if err != nil {
		return p.insecure(err)
	}
	world.Acknowledge(c.nc) // nothing of ours follows a client's last word, and its first command may wait for that to be acknowledged
	p.door.tls.done.Add(1)
	if t.ConnectionState().DidResume {
		p.door.tls.resumed.Add(1)
	}
	if shown := t.ConnectionState().PeerCertificates; len(shown) > 0 {
		c.cert = shown[0]
	}
	c.nc = t
	return t.SetDeadline(time.Time{})
}

// idleLook is how often it is looked whether a reload has another client_idle_timeout for those who have said nothing yet.
const idleLook = time.Minute

var errIdle = errors.New("nothing came for client_idle_timeout")

// firstByte waits for what a client says first, who may be plain, and so as quiet as any, for ClientIdleTimeout.
func (p *pool) firstByte(nc net.Conn) (first []byte, err error) {
	w, first := p.proxy.world, make([]byte, 1)
	p.proxy.hall.silent.Add(1)
	defer p.proxy.hall.silent.Add(-1)
	for came := w.Now(); ; {
		patience := time.Duration(p.door.look.Load())
		if idle := time.Duration(p.door.idle.Load()); idle > 0 {
			if patience = min(patience, came.Add(idle).Sub(w.Now())); patience <= 0 {
				p.Count.Idle.Add(1)
				return nil, errIdle
			}
		}
		if err := nc.SetReadDeadline(w.Now().Add(patience)); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(nc, first); !errors.Is(err, os.ErrDeadlineExceeded) {
			return first, errors.Join(err, nc.SetReadDeadline(time.Time{}))
		}
	}
}

// handshakes counts a pool's, of TLS with clients.
type handshakes struct {
	done, resumed, failed atomic.Int64
}

// insecure is why a client with whom the handshake failed does not come in.
func (p *pool) insecure(err error) error {
	var plain tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, tlsconn.ErrNothing):
		return err // it only looked whether we are here
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		p.door.tls.failed.Add(1)
		return &turnedAway{reason: refusedLate, text: "its TLS handshake was not finished in time"}
	case errors.As(err, &plain):
		p.door.tls.failed.Add(1)
		return &turnedAway{reason: refusedTLS, text: "it does not speak TLS"}
	}
	p.door.tls.failed.Add(1)
	return &turnedAway{reason: refusedTLS, text: "TLS handshake: " + err.Error()}
}

// lookAtFiles reads certificates and keys again: who renews them need not tell the proxy. It may wait for a disk.
func (p *Proxy) lookAtFiles() {
	p.tickets.Turn()
	for _, pl := range p.pools() {
		pl.reread()
	}
}

// hasFiles says that a pool has any.
func (p *Proxy) hasFiles() bool {
	return slices.ContainsFunc(p.pools(), func(pl *pool) bool { return pl.tls != nil || pl.opts.ServerTLS })
}

// reread reads the files that p's options name again. Where one is wrong, what was read before stays in force.
func (p *pool) reread() {
	for _, f := range []struct {
		what   string
		reread func() (bool, error)
		doubts func(time.Time) []tlsconn.Doubt
	}{{"for clients", p.tls.Reread, p.opts.ClientDoubts}, {"for servers", p.RereadTLS, p.opts.ServerDoubts}} {
		changed, err := f.reread()
		switch {
		case err != nil:
			p.proxy.log.Error("TLS files "+f.what+" are wrong; going on with those before", "pool", p.Name, "err", err)
		case changed:
			p.proxy.log.Info("TLS files "+f.what+" read anew", "pool", p.Name)
			for _, d := range f.doubts(p.proxy.world.Now()) {
				p.proxy.log.Warn("TLS file "+d.Why, "pool", p.Name, "file", d.File)
			}
		}
	}
}
