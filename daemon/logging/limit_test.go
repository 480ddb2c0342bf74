package logging

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiter(t *testing.T) {
	fail := func(l *slog.Logger, pool, server string) { l.Warn("server fails", "pool", pool, "server", server) }
	repeat := func(n int, line string) string { return strings.Repeat(line+"\n", n) }
	tests := []struct {
		name string
		log  func(l *slog.Logger)
		want string
	}{
		{
			"few", func(l *slog.Logger) {
				for range linesPerSecond {
					fail(l, "a", "s")
				}
				time.Sleep(time.Second)
				fail(l, "a", "s")
			}, repeat(linesPerSecond+1, "server fails pool=a server=s"),
		},
		{
			"many: the last one comes when the second is over, and then all begins anew", func(l *slog.Logger) {
				for range 100 {
					fail(l, "a", "s")
				}
				time.Sleep(time.Second - 1)
				l.Info("nearly over")
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				fail(l, "a", "s")
			}, repeat(linesPerSecond, "server fails pool=a server=s") + "nearly over\n" +
				"server fails pool=a server=s suppressed=94\n" + "server fails pool=a server=s\n",
		},
		{
			"one too many", func(l *slog.Logger) {
				for range linesPerSecond + 1 {
					fail(l, "a", "s")
				}
				time.Sleep(time.Second)
			}, repeat(linesPerSecond+1, "server fails pool=a server=s"),
		},
		{
			"by pool and server, wherever they stand", func(l *slog.Logger) {
				for range linesPerSecond {
					fail(l, "a", "s")
				}
				fail(l, "b", "s")
				fail(l, "a", "t")
				for i := range linesPerSecond + 1 {
					l.With("pool", fmt.Sprint(i), "server", "s").Warn("with")
				}
			}, repeat(linesPerSecond, "server fails pool=a server=s") +
				"server fails pool=b server=s\nserver fails pool=a server=t\n" +
				"with pool=0 server=s\nwith pool=1 server=s\nwith pool=2 server=s\nwith pool=3 server=s\n" +
				"with pool=4 server=s\nwith pool=5 server=s\n",
		},
		{
			"digits make no difference", func(l *slog.Logger) {
				for i := range linesPerSecond + 2 {
					l.Error(fmt.Sprintf("fd %d", i))
				}
				time.Sleep(time.Second)
			}, "fd 0\nfd 1\nfd 2\nfd 3\nfd 4\nfd 6 suppressed=1\n",
		},
		{
			"always", func(l *slog.Logger) {
				for range 10 {
					l.Log(t.Context(), LevelAlways, "signal")
				}
			}, repeat(10, "signal"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out lockedBuffer
				tt.log(slog.New(NewLimiter(NewHandler(&out, slog.LevelInfo))))
				synctest.Wait()
				if got := withoutTimes(out.String()); got != tt.want {
					t.Errorf("lines:\n%swant:\n%s", got, tt.want)
				}
			})
		})
	}
}

// withoutTimes cuts the time off each line.
func withoutTimes(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		_, text, _ := strings.Cut(line, "] ")
		b.WriteString(text)
	}
	return b.String()
}

// kinds is how many are remembered.
func (s *windows) kinds() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byKind)
}

// lockedBuffer may be read while a timer writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) Len() int { return len(b.String()) }

func (b *lockedBuffer) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

// However many kinds there are, what is remembered of them is bounded, and a kind beyond is still limited.
func TestLimiterIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lockedBuffer
		h := NewLimiter(NewHandler(&out, slog.LevelInfo))
		l := slog.New(h)
		many := func() {
			for i := range maxWindows + 100 {
				l.Info("m", "server", i)
			}
		}
		many()
		if n := h.shared.kinds(); n > maxWindows+1 {
			t.Errorf("%d kinds are remembered; want at most %d", n, maxWindows+1)
		}
		if n := strings.Count(out.String(), "\n"); n != maxWindows+linesPerSecond {
			t.Errorf("%d lines; want %d", n, maxWindows+linesPerSecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		out.Reset()
		l.Info("m", "server", "new")
		if n := h.shared.kinds(); n != 1 {
			t.Errorf("%d kinds are remembered after their second; want 1", n)
		}
		if out.Len() == 0 {
			t.Error("a new kind is not written once the others' second is over")
		}
	})
}
