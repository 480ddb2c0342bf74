package generator

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	dialTimeout = 10 * time.Second
	// A server accepts in order: after so many connections one more is opened and answered, so that the queue of those
	// that wait to be accepted never holds more. (redis-server's takes 511.)
	connectAtOnce = 128
)

// newGenerator returns one that is not connected yet.
func newGenerator(o options) *generator {
	g := &generator{
		options: o,
		conns:   make([]conn, 0, o.clients), queue: make([]*conn, 0, o.clients),
		target:  o.requests,
		latency: newHistogram(),
		in:      make([]byte, readBytes+maxLineBytes),
	}
	value := strings.Repeat("x", o.size) + "\r\n"
	g.single = append(make([]byte, headRoom, headRoom+len(value)), value...)
	switch end := g.single[headRoom:]; {
	case o.protocolName != "redis":
		g.protocol = newMemcached(o, end)
	case o.test.fields > 0:
		g.protocol = newHashes(o, end)
	case o.test.name == transaction:
		g.protocol = newTransactions(o, end)
	default:
		g.protocol = newRedis(o, end)
	}
	r := g.random
	g.requestBytes = len(g.protocol.appendRequest(nil, &r, true)) + len(value)
	return g
}

// connect opens all connections, those that stay idle too. Close has to be called even after an error.
func (g *generator) connect() error {
	if err := g.poller.open(); err != nil {
		return err
	}
	to := g.addr
	if networkOf(to) == "tcp" {
		resolved, err := net.ResolveTCPAddr("tcp", to)
		if err != nil {
			return err
		}
		to = resolved.String()
	}
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: -1} // no probes of idle connections: they would be a load of their own
	active := g.clients
	if g.test.name == fanOut {
		active++ // who publishes
	}
	all := active + g.idleClients
	for i := range all {
		fd, err := dial(&d, to)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i+1, err)
		}
		if i < active {
			g.conns = append(g.conns, conn{id: i, fd: fd})
		} else {
			g.idle = append(g.idle, fd)
		}
		if err := g.poller.add(fd, i); err != nil {
			return err
		}
		if (i+1)%connectAtOnce == 0 || i == all-1 {
			if err := ping(&d, to, g.protocol.ping()); err != nil {
				return fmt.Errorf("after %d connections: %w", i+1, err)
			}
		}
	}
	if g.test.name == fanOut {
		return g.subscribe()
	}
	return nil
}

func (g *generator) close() {
	for i := range g.conns {
		_ = unix.Close(g.conns[i].fd)
	}
	for _, fd := range g.idle {
		_ = unix.Close(fd)
	}
	g.poller.close()
}

// dial returns the descriptor of a new connection, which does not block and which the Go runtime does not watch.
func dial(d *net.Dialer, addr string) (fd int, err error) {
	c, err := d.DialContext(context.Background(), networkOf(addr), addr)
	if err != nil {
		return -1, err
	}
	defer func() { _ = c.Close() }() // the duplicate stays open
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1, err
	}
	failed := raw.Control(func(original uintptr) { fd, err = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = failed
	}
	return fd, err
}

// ping returns when a connection of its own was accepted and answered.
func ping(d *net.Dialer, addr, request string) error {
	c, err := d.DialContext(context.Background(), networkOf(addr), addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	if _, err := c.Write([]byte(request)); err != nil {
		return err
	}
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		return fmt.Errorf("%q: %w", request, err)
	}
	return nil
}

// networkOf is that of an address: one with a slash is a path.
func networkOf(addr string) string {
	if strings.Contains(addr, "/") {
		return "unix"
	}
	return "tcp"
}
