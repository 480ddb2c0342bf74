package discovery

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWriteReplacesNothing: what stands at the cache's path and is no file, as a device is, stays there.
func TestWriteReplacesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := new(Kept).Write(path); !errors.Is(err, errNoFile) {
		t.Errorf("Write to a FIFO: %v", err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the FIFO is %v, %v", fi, err)
	}
	file := filepath.Join(filepath.Dir(path), "file")
	for range 2 {
		if err := new(Kept).Write(file); err != nil {
			t.Error(err)
		}
	}
}
