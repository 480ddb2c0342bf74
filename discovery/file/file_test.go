package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cashew/discovery"
)

// TestWatch: a file is read at the beginning and each time that it has changed, by whatever way; that it is away is told.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "servers")
	heard := make(chan string, 100)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(want string) {
		t.Helper()
		for {
			select {
			case got := <-heard:
				if got == want {
					return
				}
				if strings.HasPrefix(got, "error") && got != want {
					continue // between two
				}
				t.Fatalf("told %q, want %q", got, want)
			case <-time.After(20 * time.Second):
				t.Fatalf("nothing is told; want %q", want)
			}
		}
	}
	write(path, "# servers\n\n  - 10.0.0.1:6379:1 a\n10.0.0.2:6379:1 b\r\n")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		New(path).Watch(ctx, func(lines []string, err error) {
			if _, ok := errors.AsType[*discovery.Nonsense](err); ok {
				heard <- "nonsense"
				return
			}
			if err != nil {
				heard <- "error"
				return
			}
			heard <- strings.Join(lines, ",")
		})
	}()
	want("10.0.0.1:6379:1 a,10.0.0.2:6379:1 b")
	write(path, "10.0.0.1:6379:1 a\n")
	want("10.0.0.1:6379:1 a")
	write(dir+"/next", "10.0.0.3:6379:1 c\n") // renamed into its place
	if err := os.Rename(dir+"/next", path); err != nil {
		t.Fatal(err)
	}
	want("10.0.0.3:6379:1 c")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("error")
	write(dir+"/there", "10.0.0.4:6379:1 d\n")
	if err := os.Symlink(dir+"/there", path); err != nil { // as mounts of Kubernetes have it
		t.Fatal(err)
	}
	want("10.0.0.4:6379:1 d")
	write(path, "# in quotes\n- \"10.0.0.1:6379:1 a\"  # the first\n'10.0.0.2:6379:1 b'\n")
	want("10.0.0.1:6379:1 a,10.0.0.2:6379:1 b")
	write(path, "10.0.0.1:6379:1 a\n\n\"10.0.0.2:6379:1 b\n")
	want("nonsense")
	write(path, "")
	want("")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	want("nonsense")
	cancel()
	<-ended
}

// TestUnreadable: a file that stays as it is, and can't be read for now, is tried again.
func TestUnreadable(t *testing.T) {
	const failing = "/proc/self/mem" // there is no memory at 0
	if _, err := os.Stat(failing); err != nil {
		t.Skip(err)
	}
	heard := make(chan error, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		New(failing).Watch(ctx, func(_ []string, err error) { heard <- err })
	}()
	for range 3 {
		select {
		case err := <-heard:
			if _, nonsense := errors.AsType[*discovery.Nonsense](err); err == nil || nonsense {
				t.Fatalf("told %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it is not read again")
		}
	}
	cancel()
	<-ended
}

// TestMark: the mark with which editors of some systems begin a file is no part of a host.
func TestMark(t *testing.T) {
	got, err := lines("\ufeff10.0.0.1:6379:1 a\n")
	if err != nil || len(got) != 1 || got[0] != "10.0.0.1:6379:1 a" {
		t.Errorf("lines = %q, %v", got, err)
	}
}
