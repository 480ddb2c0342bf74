package world

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestListenerRests: a listener that rests is in nobody's hands, and has its clients, its settings and its deadline when it accepts
// again; so do duplicates of it. It closes from there as well.
func TestListenerRests(t *testing.T) {
	for _, c := range []struct{ network, addr string }{
		{"tcp", "127.0.0.1:0"}, {"unix", filepath.Join(t.TempDir(), "s")},
	} {
		t.Run(c.network, func(t *testing.T) {
			ln, err := New(time.Now()).Listen(c.network, c.addr, ListenOptions{Backlog: 10, Mode: 0o600, ReusePort: true})
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			addr := ln.Addr()
			comes := func() {
				t.Helper()
				nc, err := net.Dial(addr.Network(), addr.String())
				if err != nil {
					t.Fatal(err)
				}
				_ = nc.Close()
			}
			accepts := func(ln Listener) {
				t.Helper()
				nc, err := ln.Accept()
				if err != nil {
					t.Fatal(err)
				}
				_ = nc.Close()
			}
			comes()
			accepts(ln)
			for range 2 {
				if err := ln.Rest(); err != nil {
					t.Fatal(err)
				}
			}
			comes()
			if ln.Addr() != addr || ln.SharesPort() != (c.network == "tcp") {
				t.Errorf("it is at %s, shares %v", ln.Addr(), ln.SharesPort())
			}
			if err := ln.Prepare(ListenOptions{Backlog: 20, Mode: 0o666}); err != nil {
				t.Error(err)
			}
			dup, err := ln.Dup()
			if err != nil {
				t.Fatal(err)
			}
			accepts(dup)
			_ = dup.Close()
			comes()
			accepts(ln)
			_ = ln.Rest()
			ln.AcceptBy(time.Now().Add(-time.Second))
			if _, err := ln.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Accept by a time that is over: %v", err)
			}
			ln.AcceptBy(time.Time{})
			comes()
			accepts(ln)
			_ = ln.Rest()
			if err := ln.Close(); err != nil {
				t.Error(err)
			}
			if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Accept once it is closed: %v", err)
			}
			if err := errors.Join(ln.Rest(), ln.Close()); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Rest and Close once it is closed: %v", err)
			}
			if c, err := net.Dial(addr.Network(), addr.String()); err == nil {
				_ = c.Close()
				t.Error("one can connect to it still")
			}
			if _, err := os.Stat(c.addr); c.network == "unix" && err != nil {
				t.Errorf("its file: %v", err) // another process may have it by then
			}
		})
	}
}

// TestFileDoesNotBlock: a listener whose socket is given to another process goes on as it is, for an event loop that accepts from it would
// wait for clients.
func TestFileDoesNotBlock(t *testing.T) {
	ln, err := New(time.Now()).Listen("tcp", "127.0.0.1:0", ListenOptions{Backlog: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	f, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
}
