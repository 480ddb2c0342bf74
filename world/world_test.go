package world

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSignal: a signal that was set before anybody waits wakes one, and not two.
func TestSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(time.Now())
		s := w.NewSignal()
		s.Set()
		s.Set()
		if err := s.Wait(t.Context()); err != nil {
			t.Errorf("Wait for a signal that is set: %v", err)
		}
		ctx, cancel := w.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait for a signal that woke somebody: %v; want %v", err, context.DeadlineExceeded)
		}
	})
}

// TestGroup: Wait returns once all have ended, those that begin meanwhile among them, or when its context ends.
func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(time.Now())
		g := NewGroup(w)
		var ended atomic.Int32
		for range 3 {
			g.Go(func() {
				_ = w.Sleep(t.Context(), time.Second)
				g.Go(func() { _ = w.Sleep(t.Context(), time.Second); ended.Add(1) })
				ended.Add(1)
			})
		}
		ctx, cancel := w.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := g.Wait(ctx); err == nil {
			t.Error("Wait returns before anything has ended")
		}
		if err := g.Wait(t.Context()); err != nil || ended.Load() != 6 {
			t.Errorf("Wait: %v with %d ended; want 6", err, ended.Load())
		}
		if err := g.Wait(t.Context()); err != nil {
			t.Errorf("Wait for nobody: %v", err)
		}
	})
}

// TestBoth: it ends when either context does, and not before.
func TestBoth(t *testing.T) {
	for _, first := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := New(time.Now())
			a, endA := w.WithCancel(t.Context())
			b, endB := w.WithCancel(t.Context())
			both, cancel := w.Both(a, b)
			defer cancel()
			if synctest.Wait(); both.Err() != nil {
				t.Fatalf("it ended while both go on: %v", both.Err())
			}
			if first {
				endA()
			} else {
				endB()
			}
			if synctest.Wait(); both.Err() == nil {
				t.Errorf("it goes on though one has ended; the first: %v", first)
			}
			endA()
			endB()
		})
	}
}

// channels are the two ends of one.
func channels(t *testing.T) (a, b Channel, far *net.UnixConn) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	x, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	y, err := ln.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = x.Close(), y.Close() })
	return NewChannel(x), NewChannel(y), y
}

// TestChannel: bytes come with a descriptor, which leads to the same file, or without; a context that ends, ends a Read, but not the one
// after it; and what a process wrote is read though it has ended.
func TestChannel(t *testing.T) {
	a, b, far := channels(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, give := range []int{-1, int(f.Fd())} {
		if err := a.Write(t.Context(), []byte("head"), give); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 4)
		fd, err := b.Take(t.Context(), p)
		if err != nil || string(p) != "head" || (fd >= 0) != (give >= 0) {
			t.Fatalf("Take: %q, descriptor %d, %v; sent with %d", p, fd, err, give)
		}
		if fd >= 0 {
			same := os.NewFile(uintptr(fd), "same")
			_, _ = io.WriteString(same, "x")
			_ = same.Close()
		}
	}
	if fi, err := f.Stat(); err != nil || fi.Size() != 1 {
		t.Errorf("the descriptor leads elsewhere: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if n, err := b.Read(ctx, make([]byte, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("Read: %d, %v; want %v", n, err, context.Canceled)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if n, err := b.Read(ctx, make([]byte, 1)); n != 0 || !TimedOut(err) {
		t.Errorf("Read: %d, %v; want that time ran out", n, err)
	}
	if err := a.Write(t.Context(), []byte("ab"), -1); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 2)
	if n, err := b.Read(t.Context(), p); n != 2 || err != nil || string(p) != "ab" {
		t.Errorf("Read: %d, %q, %v", n, p, err)
	}
	if err := errors.Join(a.Write(t.Context(), []byte("unread"), -1), b.Write(t.Context(), []byte("xy"), -1)); err != nil {
		t.Fatal(err)
	}
	_ = far.Close()
	if n, err := a.Read(t.Context(), p); n != 2 || err != nil || string(p) != "xy" { // else clients would be taken back that it has
		t.Errorf("Read of what a process wrote that is gone: %d, %q, %v", n, p, err)
	}
	if _, err := a.Take(t.Context(), p); err == nil || TimedOut(err) {
		t.Errorf("Take from a process that is gone: %v", err)
	}
}

// TestNanos: they are the time since the world began, also where that was before the process did.
func TestNanos(t *testing.T) {
	for _, began := range []time.Time{time.Now(), time.Now().Add(-time.Hour)} {
		making := time.Now()
		w := New(began)
		slack := time.Since(making) // it reads two clocks, one after the other
		before := time.Since(began)
		n := time.Duration(w.Nanos())
		if after := time.Since(began); n < before-slack || n > after+slack {
			t.Errorf("Nanos: %v; want %v to %v, or %v beside that", n, before, after, slack)
		}
		if at := w.Time(int64(n)); at.Sub(began) != n {
			t.Errorf("Time(%v) is %v after the beginning", n, at.Sub(began))
		}
	}
}
