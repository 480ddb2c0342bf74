package file

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	write(path, "")
	want("")
	cancel()
	<-ended
}
