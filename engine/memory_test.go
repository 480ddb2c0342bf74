package engine

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"cashew/session"
	"cashew/world/worldtest"
)

// holder stands for clients.
type holder struct{ buf []byte }

// TestPressureEnds: what clients held is garbage once they are gone, and is not held against others, even if the collector
// sees no reason to run.
func TestPressureEnds(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	held := new(holder)
	held.buf = make([]byte, 512<<20) // other tests leave a few dozen
	runtime.GC()
	p, now := &Proxy{world: worldtest.New(time.Now()), log: slog.New(slog.DiscardHandler)}, &lineup{opts: new(Options)}
	p.now.Store(now)
	p.pressure.since = time.Now()
	now.maxMemory = int(float64(len(held.buf)) / 0.82)
	if p.watchMemory(); p.pressure.Level.Load() != session.High {
		t.Fatalf("level %d with %d of %d bytes; want %d", p.pressure.Level.Load(), p.world.HeapBytes(), now.maxMemory, session.High)
	}
	runtime.KeepAlive(held)
	held.buf = nil
	p.pressure.collected = p.pressure.collected.Add(-2 * collectEvery)
	if p.watchMemory(); p.pressure.Level.Load() != session.Calm {
		t.Errorf("level %d, %d of %d bytes, once nothing is held; want %d", p.pressure.Level.Load(), p.world.HeapBytes(), now.maxMemory, session.Calm)
	}
}

// TestRoomForWhatIsKept: what pools keep near is half of the memory at most, whether or not anybody says how much that is.
func TestRoomForWhatIsKept(t *testing.T) {
	l := &lineup{opts: &Options{Pools: make([]PoolOptions, 2)}, maxMemory: 100}
	l.opts.Pools[0].Near.Bytes, l.opts.Pools[1].Near.Bytes = 20, 30
	if err := l.roomy(); err != nil {
		t.Error(err)
	}
	l.opts.Pools[1].Near.Bytes++
	if err := l.roomy(); err == nil || err.Error() != "Near: 51 bytes in all pools; half of MaxMemoryBytes, 50, is what they may have" {
		t.Error(err)
	}
}
