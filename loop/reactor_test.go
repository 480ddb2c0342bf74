//go:build unix

package loop

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// toldConn is a gnet.Conn of which only the context is asked.
type toldConn struct {
	gnet.Conn
	e *entry
}

func (c toldConn) Context() any { return c.e }

// TestEndBehindRest: an event that tells of a peer's end alone is of when its connection was paused. If that goes on by then, what the
// kernel has of it comes first; if not, the handler reads it when it likes.
func TestEndBehindRest(t *testing.T) {
	sent := strings.Repeat("0123456789", largeBytes/8)
	for _, c := range []struct {
		name string
		when func(e *entry, h *taker)
		want int
		end  bool
	}{
		{"goes on", func(*entry, *taker) {}, len(sent), true},
		{"is paused", func(e *entry, _ *taker) { e.sock.paused = true }, 0, true},
		{"pauses again", func(e *entry, h *taker) { h.onData = func([]byte) { e.sock.paused = true } }, largeBytes, true},
		{"closes", func(e *entry, h *taker) { h.onData = func([]byte) { e.sock.gone = true } }, largeBytes, false},
	} {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			defer unix.Close(fd)
			if err := unix.SetNonblock(fd, true); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := unix.Write(fds[1], []byte(sent)); n != len(sent) || err != nil {
			t.Fatalf("write %d: %v", n, err)
		}
		if err := unix.Shutdown(fds[1], unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		h := new(taker)
		e := &entry{loop: newTestLoop(), handler: h, sock: &plainSocket{fdSocket: fdSocket(fds[0])}}
		c.when(e, h)
		new(gnetReactor).OnClose(toldConn{e: e}, io.EOF)
		ended := len(h.ended) == 1 && errors.Is(h.ended[0], io.EOF)
		if string(h.got) != sent[:c.want] || ended != c.end || !e.sock.gone {
			t.Errorf("a connection that %s: %d bytes came before Ended %v; want %d, %v", c.name, len(h.got), h.ended, c.want, c.end)
		}
	}
}

// TestGnetLogger: what gnet says at which level; an event of a connection that was just closed is no warning.
func TestGnetLogger(t *testing.T) {
	for _, c := range []struct {
		says  func(g gnetLogger)
		level string
	}{
		{func(g gnetLogger) { g.Warnf("received event[fd=%d|ev=%d] of a stale connection", 1, 25) }, "DEBUG"},
		{func(g gnetLogger) { g.Warnf("anything else: %d", 1) }, "WARN"},
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
