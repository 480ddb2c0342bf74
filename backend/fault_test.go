package backend

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"cashew/world/worldtest"
)

func TestText(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"refused", dial(syscall.ECONNREFUSED), "Connection refused"},
		{"all ejected", ErrEjected, "Connection refused"},
		{"late", ErrTimeout, "Connection timed out"},
		{"connecting took too long", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "Connection timed out"},
		{"reset", os.NewSyscallError("read", syscall.ECONNRESET), "Connection reset by peer"},
		{"hung up", ErrClosed, "Connection reset by peer"},
		{"end of file", io.EOF, "Connection reset by peer"},
		{"no such host", dial(&net.DNSError{Err: "no such host", Name: "x"}), "Host is down"},
		{"no unix socket", dial(syscall.ENOENT), "No such file or directory"},
		{"bad reply", errors.Join(ErrBadReply, io.ErrUnexpectedEOF), "Invalid argument"},
		{"broken pipe", syscall.EPIPE, "Broken pipe"},
		{"no route", dial(syscall.EHOSTUNREACH), "No route to host"},
		{"no network", dial(syscall.ENETUNREACH), "Network is unreachable"},
		{"descriptors", os.NewSyscallError("socket", syscall.EMFILE), "Too many open files"},
		{"permission", dial(syscall.EACCES), "Permission denied"},
		{"handshake", &handshakeError{errors.New("SELECT 9:\r\nno")}, "server refused the connection: SELECT 9:  no"},
		{"anything else", fmt.Errorf("odd\n%w", errors.ErrUnsupported), "odd unsupported operation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Text(c.err); got != c.want {
				t.Errorf("Text(%v) = %q; want %q", c.err, got, c.want)
			}
		})
	}
}

func TestPause(t *testing.T) {
	for n, most := range map[int]int{1: 10, 2: 20, 6: 320, 7: 500, 1000: 500} {
		for range 100 {
			if d := int(pause(n, worldtest.New(time.Now())).Milliseconds()); d < most/2 || d > most {
				t.Fatalf("pause(%d) = %d ms; want %d..%d", n, d, most/2, most)
			}
		}
	}
}
