package upgrade

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// systemd listens where a service manager would; its environment is returned.
func systemd(t *testing.T) (messages func() string, env []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // a unix socket's path is short, and t.TempDir's may not be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	addr := &net.UnixAddr{Net: "unixgram", Name: filepath.Join(dir, "s")}
	c, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	next := func() string {
		t.Helper()
		b := make([]byte, 4096)
		_ = c.SetReadDeadline(time.Now().Add(patience))
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	return next, []string{"NOTIFY_SOCKET=" + addr.Name}
}

// What systemd is told from the start through a failed and a good upgrade to the end.
func TestSystemd(t *testing.T) {
	next, env := systemd(t)
	p := start(t, os.Args[0], env...)
	want := func(expr string) {
		t.Helper()
		if got := next(); !regexp.MustCompile(`^` + expr + `$`).MatchString(got) {
			t.Errorf("systemd is told %q; want %s", got, expr)
		}
	}
	want(`READY=1`)

	p.mode("exit")
	if _, _, err := p.request(); !errors.Is(err, ErrNotReplaced) {
		t.Fatalf("Request() = %v; want %v", err, ErrNotReplaced)
	}
	want(`RELOADING=1\nMONOTONIC_USEC=\d+\n`)
	want(`READY=1`)

	p.mode("well")
	_, after, err := p.request()
	if err != nil {
		t.Fatal(err)
	}
	want(`RELOADING=1\nMONOTONIC_USEC=\d+\n`)
	want(fmt.Sprintf(`MAINPID=%d\nREADY=1`, after))

	p.terminate()
	want(`STOPPING=1`)
}

func TestWatchdog(t *testing.T) {
	next, env := systemd(t)
	for _, v := range append(env, "WATCHDOG_USEC=20000", "WATCHDOG_PID="+strconv.Itoa(os.Getpid())) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}

	t.Run("well", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			Watchdog(ctx, func(context.Context) error { return nil }, func(err error) { t.Error(err) })
			close(done)
		}()
		for range 3 {
			if got := next(); got != "WATCHDOG=1" {
				t.Errorf("systemd is told %q; want WATCHDOG=1", got)
			}
		}
		cancel()
		<-done
	})
	t.Run("hangs", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		failures := 0
		Watchdog(ctx, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, func(err error) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("failed(%v); want %v", err, context.DeadlineExceeded)
			}
			if failures++; failures == 3 {
				cancel()
			}
		})
		if err := NotifyReady(); err != nil {
			t.Fatal(err)
		}
		for got := next(); got != "READY=1"; got = next() {
			t.Errorf("systemd is told %q while nothing moves", got)
		}
	})
	t.Run("another's", func(t *testing.T) {
		t.Setenv("WATCHDOG_PID", "1")
		Watchdog(t.Context(), func(context.Context) error { t.Error("asked"); return nil }, func(err error) { t.Error(err) })
	})
}

func TestSuccessorEnviron(t *testing.T) {
	t.Setenv("WATCHDOG_PID", "1") // it would not be the successor's
	t.Setenv(environ, "0")
	var got []string
	for _, v := range successorEnviron() {
		if strings.HasPrefix(v, "WATCHDOG_PID=") || strings.HasPrefix(v, environ+"=") {
			got = append(got, v)
		}
	}
	if len(got) != 1 || got[0] != environ+"=1" {
		t.Errorf("successorEnviron() has %q; want only %s=1", got, environ)
	}
}

func TestRequestMistakes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no file", "", "no such file"},
		{"empty", " ", "holds no pid"},
		{"no number", "cashew", "holds no pid"},
		{"all processes", "-1", "holds no pid"},
		{"own group", "0", "holds no pid"},
		{"init", "1", "holds no pid"},
		{"nobody", "2147483646", "signal process 2147483646: no such process"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pid")
			if tt.text != "" {
				if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := Request(t.Context(), path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Request() = %v; want %q", err, tt.want)
			}
		})
	}
}
