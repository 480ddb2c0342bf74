//go:build unix

package loop

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cashew/world"
)

// TestEndBehindRest: an event that tells of a peer's end alone is of when its connection was paused. If that goes on by then, what the
// kernel has of it comes first; if not, the handler reads it when it likes. It may also be of what had the descriptor before.
func TestEndBehindRest(t *testing.T) {
	sent := strings.Repeat("0123456789", largeBytes/8)
	for _, c := range []struct {
		name string
		open bool // the peer has not ended
		when func(s *plainSocket, h *taker)
		want int
		end  bool
	}{
		{"goes on", false, func(*plainSocket, *taker) {}, len(sent), true},
		{"is paused", false, func(s *plainSocket, _ *taker) { s.paused = true }, 0, true},
		{"pauses again", false, func(s *plainSocket, h *taker) { h.onData = func([]byte) { s.paused = true } }, largeBytes, false},
		{"closes", false, func(s *plainSocket, h *taker) { h.onData = func([]byte) { s.Close() } }, largeBytes, false},
		{"goes on and has not ended", true, func(*plainSocket, *taker) {}, len(sent), false},
		{"is paused and has not ended", true, func(s *plainSocket, _ *taker) { s.paused = true }, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, peer, h := newPlainSocket(t, largeBytes)
			if n, err := unix.Write(peer, []byte(sent)); n != len(sent) || err != nil {
				t.Fatalf("write %d: %v", n, err)
			}
			if !c.open {
				if err := unix.Shutdown(peer, unix.SHUT_WR); err != nil {
					t.Fatal(err)
				}
			}
			c.when(s, h)
			s.told(false)
			ended := len(h.ended) == 1 && errors.Is(h.ended[0], io.EOF)
			if string(h.got) != sent[:c.want] || ended != c.end || s.gone != (c.end || c.name == "closes") {
				t.Errorf("%d bytes came before Ended %v, gone %v; want %d, %v", len(h.got), h.ended, s.gone, c.want, c.end)
			}
		})
	}
}

// newPlainSocket returns a socket that no loop polls, which reads so many bytes at once, and its peer.
func newPlainSocket(t *testing.T, buffer int) (s *plainSocket, peer int, h *taker) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	b, err := newGnetBase(buffer, nil, world.New(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	b.loop, h = newTestLoop(), new(taker)
	s = &plainSocket{fdSocket: fdSocket(fds[0]), base: b, handler: h}
	if err := b.poll(fds[0], s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		_ = unix.Close(fds[1])
		_ = b.poller.Close()
	})
	return s, fds[1], h
}

// TestPausedTold: bytes that a poller tells of, and that came before its loop paused the connection, wait until it goes on.
func TestPausedTold(t *testing.T) {
	s, peer, h := newPlainSocket(t, largeBytes)
	if _, err := unix.Write(peer, []byte("x")); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	s.told(true)
	if len(h.got) > 0 {
		t.Errorf("a paused connection got %q", h.got)
	}
	s.Resume()
	s.told(true)
	if string(h.got) != "x" {
		t.Errorf("then it got %q", h.got)
	}
}

// TestSpareProcessor: one of Go's processors is left when all loops wait.
func TestSpareProcessor(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(was)
	for _, c := range []struct{ loops, have, want int }{{1, 1, 2}, {2, 2, 3}, {3, 2, 4}, {1, 2, 2}, {2, 8, 8}} {
		runtime.GOMAXPROCS(c.have)
		r, err := startGnet(c.loops, 4<<10, world.New(time.Now()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if got := runtime.GOMAXPROCS(0); got != c.want {
			t.Errorf("%d loops on %d processors: there are %d; want %d", c.loops, c.have, got, c.want)
		}
		r.Stop()
	}
}

// TestGnetLogger: what gnet says at which level.
func TestGnetLogger(t *testing.T) {
	for _, c := range []struct {
		says  func(g gnetLogger)
		level string
	}{
		{func(g gnetLogger) { g.Warnf("anything: %d", 1) }, "WARN"},
		{func(g gnetLogger) { g.Infof("x") }, "DEBUG"},
		{func(g gnetLogger) { g.Errorf("x") }, "ERROR"},
	} {
		var log bytes.Buffer
		c.says(gnetLogger{slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		if !strings.Contains(log.String(), "level="+c.level+" msg=\"gnet: ") {
			t.Errorf("%q; want level %s", log.String(), c.level)
		}
	}
}

// TestTasksBeforeEnd: what a loop has taken is done, also as it stops, and with more of it than gnet's poller does in a pass.
func TestTasksBeforeEnd(t *testing.T) {
	for range 20 {
		r, err := startGnet(1, 4<<10, world.New(time.Now()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var taken, done atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for r.loops[0].Execute(func() { done.Add(1) }) {
					taken.Add(1)
				}
			})
		}
		for taken.Load() < 5000 {
			runtime.Gosched()
		}
		r.Stop()
		all.Wait()
		if taken.Load() != done.Load() {
			t.Fatalf("of %d tasks that were taken %d are done", taken.Load(), done.Load())
		}
	}
}

// TestHungUp: a descriptor of which nothing is known has not hung up.
func TestHungUp(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("kqueue tells of no end alone")
	}
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(fds[1])
	if !hungUp(fds[0]) {
		t.Error("a pipe without a writer has not hung up")
	}
	_ = unix.Close(fds[0])
	if hungUp(1 << 30) {
		t.Error("a descriptor that is none has hung up")
	}
}
