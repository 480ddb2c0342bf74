package engine

import (
	"container/list"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"cashew/engine/proxyproto"
	"cashew/session"
	"cashew/tlsconn"
)

// What stands between accept and the session, off the loops, on the goroutine that enrolls the client. A connection there counts as
// a client, is closed when the proxy drains or stops, and has handshake_timeout for all that it is to send first:
//
//	admit --> letIn --> greet:   what the client's addresses are (PROXY header)
//	                --> judge:   may it come from there, are there too many, did too many logins fail
//	                --> secure:  TLS's handshake, see handshake.go
//	                --> session.New, Enroll
//
// Of a pool that has nothing to ask, stops is false, and admit goes straight to the last line.

// door is what a pool's clients pass, and what it counts. A pool has that of the one that it replaced.
type door struct {
	refused [reasons]atomic.Int64
	rooms   perAddress
	logins  *logins
	tls     handshakes
	idle    atomic.Int64 // ClientIdleTimeout of the pool in force, for those who have said nothing yet
	look    atomic.Int64 // idleLook, but in tests
}

func newDoor() *door {
	d := &door{rooms: perAddress{n: make(map[netip.Addr]int)}, logins: newLogins()}
	d.look.Store(int64(idleLook))
	return d
}

// reason is why a connection did not become a client, besides that there were too many.
type reason uint8

const (
	refusedAddress reason = iota // allow_from, deny_from
	refusedCrowd                 // client_connections_per_address
	refusedHeader                // a PROXY header that is wrong, or missing
	refusedLate                  // handshake_timeout
	refusedLogins                // auth_failures
	refusedTLS                   // a TLS handshake that failed, or what is none
	reasons
)

var reasonNames = [reasons]string{"not_allowed", "too_many_of_address", "proxy_header", "handshake_timeout", "failed_logins", "tls_handshake"}

// comer is a connection of which it is to be seen whether it becomes a client.
type comer struct {
	nc          net.Conn
	addr, laddr string            // as CLIENT LIST shows them; laddr "": as the socket says
	from        netip.Addr        // which allow_from and deny_from are about; not valid: it came by a unix socket
	counts      bool              // it is one of those from that address, for limits for each
	first       []byte            // that it has sent already, of its commands
	cert        *x509.Certificate // nil: it showed none
	waited      bool              // too many logins of its address have failed
}

// turnedAway is an error that says why a comer is refused. reply is what it is told, "": nothing.
type turnedAway struct {
	reason reason
	reply  string
	text   string
}

func (e *turnedAway) Error() string { return e.text }

// stops says that there is something that a new client of p has to stop for.
func (p *pool) stops() bool {
	o := &p.opts.DoorOptions
	return p.tls != nil || len(o.ProxyProtocolFrom.Networks) > 0 || o.ProxyProtocolFrom.Unix || len(o.AllowFrom) > 0 || len(o.DenyFrom) > 0 ||
		o.ClientConnectionsPerAddress > 0 || o.AuthFailures > 0 && p.door.logins.any()
}

// letIn makes nc, which is counted in, a client, or closes it. It waits, and so runs on a goroutine of its own.
func (p *pool) letIn(nc net.Conn, addr string) {
	c := &comer{nc: nc, addr: addr, from: addrOf(nc.RemoteAddr())}
	c.counts = c.from.IsValid()
	err := p.greet(c)
	var leave func()
	if err == nil {
		leave, err = p.judge(c)
	}
	if err == nil && p.tls != nil {
		if err = p.proxy.hall.with(c.nc, func() error { return p.secure(c) }); err != nil && leave != nil {
			leave()
		}
	}
	if err != nil {
		p.turnAway(c, err)
		return
	}
	p.clients.accepted.Add(1)
	s := session.New(p.proxy.leastLoop().sessions, p.Pool, p.proxy.ids.Add(1), c.addr)
	p.proxy.hall.clients.Add(-1)
	s.CameThrough(c.laddr, leave)
	s.Begin(c.first)
	if c.waited {
		s.WaitedToLogIn()
	}
	if c.cert != nil {
		s.Certified(tlsconn.Names(c.cert))
	}
	_ = s.Enroll(c.nc)
}

// addrOf is the address of a that limits are about; not valid for a unix socket.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// addrShown is addrOf for a client that the log shows as addr; one on a unix socket has none.
func addrShown(addr string) (a netip.Addr, ok bool) {
	ap, err := netip.ParseAddrPort(addr)
	return ap.Addr().Unmap().WithZone(""), err == nil
}

// greet hears who c is.
func (p *pool) greet(c *comer) error {
	if !p.sendsHeader(c.from) {
		return nil
	}
	return p.proxy.hall.with(c.nc, func() error {
		if err := c.nc.SetDeadline(p.proxy.world.Now().Add(p.opts.HandshakeTimeout)); err != nil {
			return err
		}
		if err := c.readHeader(); err != nil {
			return err
		}
		return c.nc.SetDeadline(time.Time{})
	})
}

// sendsHeader says whether who comes from there sends a PROXY header.
func (p *pool) sendsHeader(from netip.Addr) bool {
	senders := &p.opts.ProxyProtocolFrom
	return from.IsValid() && senders.Have(from) || !from.IsValid() && senders.Unix
}

// readHeader reads the PROXY header that c has to begin with, and takes its addresses from there. Of one that has none the socket's
// are kept; a client that came to the sender by a unix socket is judged by the sender's, for there it is.
func (c *comer) readHeader() error {
	nc := heeded{Conn: c.nc}
	h, err := proxyproto.Read(&nc)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &turnedAway{reason: refusedLate, text: "no PROXY header in time"}
	case errors.Is(err, io.EOF), err != nil && !nc.came:
		return err // it only looked whether we are here, and closed, or reset the connection
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &turnedAway{reason: refusedHeader, text: "the connection ended within the PROXY header"}
	case err != nil:
		return &turnedAway{reason: refusedHeader, text: err.Error()}
	case h.Unix:
		c.addr, c.laddr, c.counts = "unix", "unix", false
	case h.Source.IsValid():
		c.addr, c.laddr, c.from, c.counts = h.Source.String(), h.Destination.String(), h.Source.Addr(), true
	}
	return nil
}

// heeded is a connection of which it matters whether anything has come.
type heeded struct {
	net.Conn
	came bool
}

// Read implements net.Conn.
func (c *heeded) Read(p []byte) (n int, err error) {
	n, err = c.Conn.Read(p)
	c.came = c.came || n > 0
	return n, err
}

// judge says whether c may be a client, and who is to be told when it leaves; nil: nobody.
func (p *pool) judge(c *comer) (leave func(), err error) {
	o := &p.opts.DoorOptions
	if a := c.from; a.IsValid() && (o.DenyFrom.Have(a) || len(o.AllowFrom) > 0 && !o.AllowFrom.Have(a)) {
		return nil, &turnedAway{refusedAddress, fmt.Sprintf("clients from %s are not allowed", a), "its address is not allowed"}
	}
	if !c.counts {
		return nil, nil
	}
	if err := p.holdUp(c); err != nil {
		return nil, err
	}
	if o.ClientConnectionsPerAddress == 0 {
		return nil, nil
	}
	if !p.door.rooms.enter(c.from, o.ClientConnectionsPerAddress) {
		return nil, &turnedAway{refusedCrowd, "max number of clients reached for your address", "too many clients of its address"}
	}
	return func() { p.door.rooms.leave(c.from) }, nil
}

// countAgain counts a client that there was before, and that is not asked whether it may be there. What it returns is told when it
// leaves.
func (p *pool) countAgain(addr string) (leave func()) {
	from, ok := addrShown(addr)
	if !ok || p.opts.ClientConnectionsPerAddress == 0 {
		return nil
	}
	p.door.rooms.enter(from, 0)
	return func() { p.door.rooms.leave(from) }
}

const (
	// farewellTime is how long a connection that was told why it is refused has to read that: to close it while bytes of it are unread
	// would take the words back.
	farewellTime = time.Second
	// maxFarewells is how many are seen off so at once. The others are closed with the words on their way.
	maxFarewells = 64
)

// turnAway closes c, says why if that is anybody's concern, and counts it out.
func (p *pool) turnAway(c *comer, err error) {
	var why *turnedAway
	switch {
	case errors.Is(err, errStopping): // the hall closed it
	case !errors.As(err, &why):
		p.proxy.log.Debug("a connection ended before it was a client", "pool", p.Name, "client", c.addr, "err", err)
		_ = c.nc.Close()
	default:
		p.door.refused[why.reason].Add(1)
		p.auditAway(c, why)
		p.proxy.log.Warn("client refused", "pool", p.Name, "client", c.addr, "err", why)
		if why.reply == "" || p.encrypts() || p.proxy.hall.with(c.nc, func() error { p.sayNo(c.nc, why.reply); return nil }) == nil {
			_ = c.nc.Close()
		}
	}
	p.proxy.hall.clients.Add(-1)
	p.Left()
}

// sayNo tells nc why it is refused, and gives it a moment to read that.
func (p *pool) sayNo(nc net.Conn, reply string) {
	h := &p.proxy.hall
	defer h.farewells.Add(-1)
	_ = nc.SetDeadline(p.proxy.world.Now().Add(farewellTime))
	_, _ = nc.Write(p.Protocol.AppendError(nil, reply))
	half, ok := nc.(interface{ CloseWrite() error })
	if n := h.farewells.Add(1); ok && n <= maxFarewells && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, nc, 64<<10)
	}
}

// refusals are how often each reason was one, by its name.
func (d *door) refusals() map[string]int64 {
	all := make(map[string]int64, reasons)
	for i, name := range reasonNames {
		all[name] = d.refused[i].Load()
	}
	return all
}

// hall has the connections of all pools that are being greeted, in the order in which they came.
type hall struct {
	mu        sync.Mutex
	conns     list.List // of net.Conn
	closed    bool
	farewells atomic.Int64
	clients   atomic.Int64 // that are counted in, and have no session yet
	silent    atomic.Int64 // of those, the ones that may be plain or not, and have said nothing

	open context.Context // until it is closed
	end  context.CancelFunc
}

// with calls f, which may wait for what nc brings, while nc is in the hall. If the hall is closed before f returns, nc is closed, and
// the error is errStopping.
func (h *hall) with(nc net.Conn, f func() error) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		_ = nc.Close()
		return errStopping
	}
	e := h.conns.PushBack(nc)
	h.mu.Unlock()
	err := f()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errStopping
	}
	h.conns.Remove(e)
	return err
}

// close closes whoever is there, and all who come.
func (h *hall) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	h.end()
	for e := h.conns.Front(); e != nil; e = e.Next() {
		_ = e.Value.(net.Conn).Close()
	}
}

// perAddress counts clients by address.
type perAddress struct {
	mu sync.Mutex
	n  map[netip.Addr]int // looked up, and never walked over
}

// enter counts one more client of a in, unless there are as many as may be; 0: any number.
func (t *perAddress) enter(a netip.Addr, limit int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if limit > 0 && t.n[a] >= limit {
		return false
	}
	t.n[a]++
	return true
}

func (t *perAddress) leave(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n[a]--; t.n[a] <= 0 {
		delete(t.n, a)
	}
}
