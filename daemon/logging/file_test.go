package logging

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFileReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cashew.log")
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(s string) {
		t.Helper()
		if _, err := l.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(path, want string) {
		t.Helper()
		if got, err := os.ReadFile(path); string(got) != want {
			t.Fatalf("%s holds %q, %v; want %q", filepath.Base(path), got, err, want)
		}
	}

	write("one\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("two\n")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	write("three\n")
	check(path+".1", "one\ntwo\n")
	check(path, "three\n")

	// A path that cannot be opened any more: the lines still go into the old file.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil || strings.Contains(err.Error(), path) {
		t.Errorf("Reopen of a directory = %v; want an error without the path", err)
	}
	write("four\n")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	if err := l.Reopen(); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("Reopen of a FIFO that nobody reads = %v", err)
	}
	write("five\n")
}
