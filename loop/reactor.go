package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	gneterrors "github.com/panjf2000/gnet/v2/pkg/errors"
	"github.com/panjf2000/gnet/v2/pkg/logging"
	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"github.com/panjf2000/gnet/v2/pkg/queue"
	"golang.org/x/sys/unix"

	"cashew/world"
)

// Reactor runs event loops. The machine's polls with gnet; a World may have another.
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

// gnetReactor runs event loops on gnet's pollers, as the package comment says. Nothing outside this package knows gnet.
type gnetReactor struct {
	loops   []*Loop
	bases   []*gnetBase
	running *world.Group
}

// startGnet starts n loops.
func startGnet(n, readBuffer int, w world.World, log *slog.Logger) (r *gnetReactor, err error) {
	logging.SetDefaultLoggerAndFlusher(gnetLogger{log}, nil)
	watcher, err := NewWatcher()
	if err != nil {
		return nil, err
	}
	spareProcessor(n)
	r = &gnetReactor{running: world.NewGroup(w)}
	for range n {
		b, err := newGnetBase(readBuffer, watcher, w)
		if err != nil {
			r.Stop()
			return nil, err
		}
		b.loop = NewLoop(b, w, log)
		r.bases, r.loops = append(r.bases, b), append(r.loops, b.loop)
		r.running.Go(b.run)
	}
	return r, nil
}

// spareProcessor sees to it that of Go's processors one is left when all of n loops wait in epoll_wait, each of which keeps its own. With
// none idle, sysmon looks every 20 µs and takes the processors of those who wait, and a loop that wakes up has to find another one first.
func spareProcessor(n int) {
	if runtime.GOMAXPROCS(0) <= n {
		runtime.GOMAXPROCS(n + 1)
	}
}

// Loops implements Reactor.
func (r *gnetReactor) Loops() []*Loop { return r.loops }

// Stop implements Reactor.
func (r *gnetReactor) Stop() {
	for _, b := range r.bases {
		if b.tasks.take(true) {
			_ = b.poller.Trigger(queue.LowPriority, b.task, func() {})
		}
	}
	_ = r.running.Wait(context.Background())
}

// gnetBase is a Base on one of gnet's pollers.
type gnetBase struct {
	*Watcher
	loop    *Loop
	poller  *netpoll.Poller
	set     interests
	polled  []polled // by descriptor; nil: not polled
	buffer  []byte   // for what one read brings
	meter   meter
	tasks   tasks
	task    queue.Func      // runTask
	running context.Context // until it has ended
	ended   context.CancelFunc
}

// polled is what a poller waits for: a plainSocket, or an acceptor.
type polled interface {
	told(readable bool) // of bytes, or clients; false: only of the end
	end(err error)
	lost() // after end: the loop has failed
}

func newGnetBase(readBuffer int, watcher *Watcher, w world.World) (b *gnetBase, err error) {
	b = &gnetBase{Watcher: watcher, buffer: make([]byte, readBuffer)}
	b.task = b.runTask
	if b.poller, err = netpoll.OpenPoller(); err != nil {
		return nil, fmt.Errorf("loop: %w", err)
	}
	if b.set, err = interestsOf(b.poller); err != nil {
		_ = b.poller.Close()
		return nil, err
	}
	b.running, b.ended = w.WithCancel(context.Background())
	return b, nil
}

// run is the event loop. An event may be of a descriptor that was closed since the poller looked, or even of what had its number
// before: so those who are told look for themselves.
func (b *gnetBase) run() {
	err := b.poller.Polling(func(fd int, ev netpoll.IOEvent, _ netpoll.IOFlags) error {
		switch p := b.at(fd); {
		case p == nil:
		case b.meter.due():
			m := b.begin()
			p.told(readable(ev))
			m.end(b)
		default:
			p.told(readable(ev))
		}
		return nil
	})
	failed := !errors.Is(err, gneterrors.ErrEngineShutdown)
	if failed {
		b.loop.Log.Error("an event loop has ended", "err", err)
	}
	b.tasks.take(true) // from now on none
	for _, p := range b.polled {
		if p != nil {
			p.end(nil)
			if failed {
				p.lost()
			}
		}
	}
	b.ended()
	_ = b.poller.Close()
}

func (b *gnetBase) at(fd int) polled {
	if fd < len(b.polled) {
		return b.polled[fd]
	}
	return nil
}

// poll has p told of fd.
func (b *gnetBase) poll(fd int, p polled) error {
	if err := b.poller.AddRead(&netpoll.PollAttachment{FD: fd}, false); err != nil {
		return err
	}
	if fd >= len(b.polled) {
		b.polled = append(b.polled, make([]polled, fd+1-len(b.polled))...)
	}
	b.polled[fd] = p
	return nil
}

// close closes fd, which is polled. shared: there may be other descriptors of it, for which the kernel would go on polling.
func (b *gnetBase) close(fd int, shared bool) {
	b.polled[fd] = nil
	if shared {
		_ = b.poller.Delete(fd)
	}
	_ = unix.Close(fd)
}

// Run implements Base.
func (b *gnetBase) Run(f func()) bool {
	return b.tasks.take(false) && b.poller.Trigger(queue.LowPriority, b.task, f) == nil
}

// tasks counts those of a gnetBase, so that what was taken is done before it ends: a client may come with it, whom nobody else would
// close. It is twice the number of those that are not done, and 1 more once no other is taken.
type tasks struct{ n atomic.Int64 }

// take says whether one more is taken. last: none is after it.
func (t *tasks) take(last bool) bool {
	for {
		n := t.n.Load()
		more := n + 2
		if last {
			more |= 1
		}
		if n&1 != 0 {
			return false
		}
		if t.n.CompareAndSwap(n, more) {
			return true
		}
	}
}

// done says that one is done, and whether that is all.
func (t *tasks) done() (all bool) { return t.n.Add(-2) == 1 }

// runTask does one.
func (b *gnetBase) runTask(f any) error {
	if b.meter.due() {
		m := b.begin()
		defer m.end(b)
	}
	f.(func())()
	if b.tasks.done() {
		return gneterrors.ErrEngineShutdown
	}
	return nil
}

// call runs f on the loop, and waits for what it returns.
func (b *gnetBase) call(f func() error) (err error) {
	var ran atomic.Bool
	done := world.NewGroup(b.loop.World)
	done.Add(1)
	taken := b.Run(func() { err = f(); ran.Store(true); done.Done() })
	if done.Wait(b.running) != nil && !ran.Load() || !taken { // one that stops is waited for; one that fails leaves tasks undone
		return errStopped
	}
	return err
}

// errStopped is why a connection is not enrolled once the reactor has stopped.
var errStopped = errors.New("loop: the event loop has stopped")

func (b *gnetBase) Nap(d time.Duration) {
	began := b.loop.World.Nanos()
	nap(d)
	b.meter.napped += time.Duration(b.loop.World.Nanos() - began)
}

func (*gnetBase) Yield() { runtime.Gosched() }

// Enroll implements Base. A loop has a descriptor of its own: that of nc is in Go's poller. The process that a client came from may have
// one for a moment more.
func (b *gnetBase) Enroll(_ *Loop, nc net.Conn, h Handler) error {
	fd, err := descriptorOf(nc)
	remote := nc.RemoteAddr()
	_ = nc.Close()
	if err != nil {
		return err
	}
	err = b.call(func() error { return b.open(fd, remote, h, true) })
	if errors.Is(err, errStopped) {
		_ = unix.Close(fd)
	}
	return err
}

// descriptorOf returns another descriptor of nc.
func descriptorOf(nc net.Conn) (fd int, err error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("loop: a %T has no descriptor: %w", nc, errors.ErrUnsupported)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	if e := rc.Control(func(of uintptr) { fd, err = fdSocket(of).Dup() }); e != nil {
		return -1, e
	}
	return fd, err
}

// open begins to poll a connection. shared: there may be other descriptors of it.
func (b *gnetBase) open(fd int, remote net.Addr, h Handler, shared bool) error {
	s := &plainSocket{fdSocket: fdSocket(fd), base: b, handler: h, remote: remote, shared: shared}
	if err := b.poll(fd, s); err != nil {
		_ = unix.Close(fd)
		return err
	}
	if !b.loop.Opened(h, s) {
		s.Close()
	}
	return nil
}

// gnetLogger sends gnet's own messages to our log. What it calls info is our debug.
type gnetLogger struct{ log *slog.Logger }

var _ logging.Logger = gnetLogger{}

func (g gnetLogger) Debugf(f string, a ...any) { g.log.Debug(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Infof(f string, a ...any)  { g.log.Debug(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Warnf(f string, a ...any)  { g.log.Warn(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Errorf(f string, a ...any) { g.log.Error(fmt.Sprintf("gnet: "+f, a...)) }
func (g gnetLogger) Fatalf(f string, a ...any) { g.log.Error(fmt.Sprintf("gnet: "+f, a...)) }
