package engine

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cashew/world"
	"cashew/world/worldtest"
)

// standing is a World in which no time passes for those who wait.
type standing struct{ world.World }

func (standing) Sleep(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }

func (standing) WithTimeout(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

// exhausted is a listener for whose clients there are no descriptors.
type exhausted struct {
	world.Listener
	asked  chan struct{}
	closed atomic.Bool
}

func (*exhausted) Rest() error { return net.ErrClosed }

func (e *exhausted) Accept() (net.Conn, error) {
	if e.closed.Load() {
		return nil, net.ErrClosed
	}
	e.asked <- struct{}{}
	return nil, syscall.EMFILE
}

func (e *exhausted) AcceptBy(time.Time) {}
func (e *exhausted) Close() error       { e.closed.Store(true); return nil }

// TestCloseWithoutDescriptors: a listener that waits for descriptors is closed at once, and one that stops does not wait for some.
func TestCloseWithoutDescriptors(t *testing.T) {
	o := withPools(1, poolBefore("main", startKeyServer(t, "s")))
	p, err := New(o, standing{worldtest.New(time.Now())}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	for name, end := range map[string]func(*listener){
		"close": (*listener).close,
		"stop":  func(ln *listener) { ln.stop(); _ = ln.ended.Wait(context.Background()) },
	} {
		nl := &exhausted{asked: make(chan struct{}, 10)}
		ln := p.newListener(name, nl, false)
		ln.pool.Store(p.pools()[0])
		p.accept(ln)
		<-nl.asked
		ended := make(chan struct{})
		go func() { end(ln); close(ended) }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s waits for descriptors", name)
		}
	}
}
