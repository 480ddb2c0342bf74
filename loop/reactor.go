package loop

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"golang.org/x/sys/unix"

	"cashew/world"
)

// Reactor runs event loops. The machine's is gnet; a World may have another.
type Reactor interface {
	Loops() []*Loop
	Stop() // closes all connections and ends the loops
}

// StartReactor starts n loops that read up to readBuffer bytes at once: of the reactor that w has itself, or of gnet.
func StartReactor(n, readBuffer int, w world.World, log *slog.Logger) (Reactor, error) {
	if own, ok := w.(interface {
		StartReactor(n, readBuffer int, log *slog.Logger) (Reactor, error)
	}); ok {
		return own.StartReactor(n, readBuffer, log)
	}
	return startGnet(n, readBuffer, w, log)
}

// gnetReactor runs event loops that gnet polls for; the package comment says what gnet lacks. Nothing outside this file, link.go
// and poller.go knows gnet, whose loops are used without its listeners: those take no backlog and no mode, and are fixed at start.
type gnetReactor struct {
	gnet.BuiltinEventEngine
	client *gnet.Client
	loops  []*Loop
}

// startGnet starts gnet's loops.
func startGnet(n, readBuffer int, w world.World, log *slog.Logger) (r *gnetReactor, err error) {
	watcher, err := NewWatcher()
	if err != nil {
		return nil, err
	}
	r = new(gnetReactor)
	r.client, err = gnet.NewClient(r,
		gnet.WithNumEventLoop(n),
		gnet.WithReadBufferCap(readBuffer),
		gnet.WithLogger(gnetLogger{log}),
	)
	if err != nil {
		return nil, fmt.Errorf("loop: %w", err)
	}
	if err := r.client.Start(); err != nil {
		return nil, fmt.Errorf("loop: starting event loops: %w", err)
	}
	if err := r.findLoops(n, watcher, w, log); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

// findLoops makes a Loop of each of gnet's.
func (r *gnetReactor) findLoops(n int, watcher *Watcher, w world.World, log *slog.Logger) error {
	for range n {
		el, far, err := r.find()
		if err != nil {
			return err
		}
		defer unix.Close(far) //nolint:errcheck // only once all are found: an open anchor keeps its loop from being picked again
		poller, err := newPoller(el)
		if err != nil {
			return err
		}
		r.loops = append(r.loops, NewLoop(&gnetBase{Watcher: watcher, el: el, poller: poller}, w, log))
	}
	return nil
}

// Loops implements Reactor.
func (r *gnetReactor) Loops() []*Loop { return r.loops }

// Stop implements Reactor.
func (r *gnetReactor) Stop() { _ = r.client.Stop() }

// find returns an event loop that was not found yet and the far end of the connection that found it, which the caller closes.
// gnet's loops have no number and can only be had from a connection; its client puts each new connection on the loop with
// the fewest, so one end of a socket pair for each finds them all.
func (r *gnetReactor) find() (el gnet.EventLoop, far int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, -1, fmt.Errorf("loop: socketpair: %w", err)
	}
	f := os.NewFile(uintptr(fds[0]), "socketpair")
	defer f.Close() //nolint:errcheck // FileConn has its own descriptor
	nc, err := net.FileConn(f)
	if err != nil {
		_ = unix.Close(fds[1])
		return nil, -1, fmt.Errorf("loop: socketpair: %w", err)
	}
	gc, err := r.client.EnrollContext(nc, anchor{})
	if err != nil {
		_ = unix.Close(fds[1])
		return nil, -1, fmt.Errorf("loop: enroll: %w", err)
	}
	return gc.EventLoop(), fds[1], nil
}

// anchor is the context of a connection that found a loop.
type anchor struct{}

// entry is the context of any other: whose it is, and its socket, once it opened.
type entry struct {
	loop    *Loop
	base    *gnetBase
	handler Handler
	sock    *plainSocket
}

// Enroll implements Base.
func (b *gnetBase) Enroll(l *Loop, nc net.Conn, h Handler) error {
	// gnet gives the memory of an IPv6 zone's name to its buffer pool when the connection closes; the string is not
	// its to give.
	for _, a := range []net.Addr{nc.LocalAddr(), nc.RemoteAddr()} {
		if t, ok := a.(*net.TCPAddr); ok {
			t.Zone = ""
		}
	}
	ch, err := b.el.Enroll(gnet.NewContext(context.Background(), &entry{loop: l, base: b, handler: h}), nc)
	if err != nil {
		_ = nc.Close()
		return err
	}
	return (<-ch).Err
}

// OnOpen implements gnet.EventHandler.
func (*gnetReactor) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	if e, ok := c.Context().(*entry); ok {
		e.sock = &plainSocket{fdSocket: fdSocket(c.Fd()), gc: c, base: e.base}
		if !e.loop.Opened(e.handler, e.sock) {
			e.sock.gone = true
			return nil, gnet.Close
		}
	}
	return nil, gnet.None
}

// OnTraffic implements gnet.EventHandler.
func (*gnetReactor) OnTraffic(c gnet.Conn) gnet.Action {
	buf, _ := c.Next(-1)
	if e, ok := c.Context().(*entry); ok {
		e.loop.Data(e.handler, buf)
	}
	return gnet.None
}

// OnClose implements gnet.EventHandler. It runs inside Socket.Close, too, when there is nothing to tell.
func (*gnetReactor) OnClose(c gnet.Conn, err error) gnet.Action {
	e, ok := c.Context().(*entry)
	if !ok || e.sock == nil {
		return gnet.None
	}
	if err == io.EOF { //nolint:errorlint // as it is, it comes from an event that told of the end alone; a read that found it wraps it
		err = e.readRest()
	}
	if !e.sock.gone {
		e.sock.gone = true
		e.loop.Ended(e.handler, err)
	}
	return gnet.None
}

// readRest hands over what the kernel has of a connection that the peer has ended, and returns how it ended. The event may be of when
// it was paused: since then another, of the same poll, has let it go on.
func (e *entry) readRest() error {
	var buf []byte
	for !e.sock.paused && !e.sock.gone {
		if buf == nil {
			buf = make([]byte, largeBytes)
		}
		n, err := e.sock.Read(buf)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		e.loop.Data(e.handler, buf[:n])
	}
	return io.EOF
}

// gnetBase is a Base on one of gnet's event loops.
type gnetBase struct {
	*Watcher
	el     gnet.EventLoop
	poller poller
}

func (b *gnetBase) Run(f func()) bool { return b.el.Execute(context.Background(), runnable(f)) == nil }
func (*gnetBase) Nap(d time.Duration) { nap(d) }
func (*gnetBase) Yield()              { runtime.Gosched() }

// runnable is a gnet.Runnable.
type runnable func()

func (f runnable) Run(context.Context) error { f(); return nil }

// gnetLogger sends gnet's own messages to our log. What it calls info is our debug, as is that an event came for a connection which an
// earlier one of the same pass has closed: that is in order.
type gnetLogger struct{ log *slog.Logger }

var _ logging.Logger = gnetLogger{}

func (g gnetLogger) Debugf(f string, a ...any) { g.log.Debug(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Infof(f string, a ...any)  { g.log.Debug(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Errorf(f string, a ...any) { g.log.Error(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Fatalf(f string, a ...any) { g.log.Error(fmt.Sprintf("gnet: "+f, a...)) }

func (g gnetLogger) Warnf(f string, a ...any) {
	if strings.Contains(f, "stale connection") {
		g.Debugf(f, a...)
		return
	}
	g.log.Warn(fmt.Sprintf("gnet: "+f, a...))
}
