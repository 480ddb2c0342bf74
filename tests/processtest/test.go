//go:build unix

package processtest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait for something that must happen.
const Patience = 20 * time.Second

// Poll waits until cond holds and reports whether it did in time.
func Poll(limit time.Duration, cond func() bool) bool {
	end := time.Now().Add(limit)
	for wait := time.Millisecond; !cond(); wait = min(2*wait, 20*time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(wait)
	}
	return true
}

// Await fails the test if cond does not hold in time.
func Await(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	if !Poll(limit, cond) {
		t.Fatalf("waited %v in vain: %s", limit, what)
	}
}

// FreePort is a loopback port for a child to listen on. On Linux it stays reserved until the test ends: a socket that is
// bound but never listens keeps the kernel from giving the port away while the child is down, and does not hinder a child
// that listens with SO_REUSEADDR, which redis-server, memcached and the proxies do.
func FreePort(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	err = errors.Join(
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		t.Cleanup(func() { _ = syscall.Close(fd) })
	} else {
		_ = syscall.Close(fd) // elsewhere it would be in the way of the child
	}
	return strconv.Itoa(sa.(*syscall.SockaddrInet4).Port)
}

// TempDir is a new directory with a short name, since a unix socket's path has 107 bytes at most. It is gone after the
// test.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cashew-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// LookPath finds a program that a test cannot do without: if it is not there the test is skipped, or fails under CI=true.
func LookPath(t testing.TB, name string) string {
	t.Helper()
	for _, file := range []string{name, "/usr/sbin/" + name} { // Debian's place for nutcracker, not in everyone's PATH
		if path, err := exec.LookPath(file); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not in PATH, and CI=true", name)
	}
	t.Skipf("%s is not in PATH", name)
	return ""
}

// Build builds the proxy, with flags for go build, into a directory that remove takes away. It is for a TestMain.
func Build(flags ...string) (path string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "cashew-bin-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	path = filepath.Join(dir, "cashew")
	args := append(append([]string{"build", "-o", path}, flags...), "cashew")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("go %v: %w\n%s", args, err, out)
	}
	return path, remove, nil
}

// Proxy is the proxy under test: the one that was given, by a path from the module's root, or one that is built, with the race detector if the
// tests are. It is for a TestMain, which calls remove at its end.
func Proxy(given string, race bool) (path string, remove func(), err error) {
	switch {
	case given == "" && race:
		return Build("-race", "-tags", "invariants")
	case given == "":
		return Build()
	case !filepath.IsAbs(given):
		given = filepath.Join("..", "..", given)
	}
	return given, func() {}, nil
}

// Main is a TestMain of tests that wait for servers most of the time: so many of them run at once, unless the command line says otherwise.
// found is told where the proxy under test is, which is proxy, or built and removed again; name begins what goes wrong.
func Main(m *testing.M, name, proxy string, race bool, parallel int, found func(path string)) (code int) {
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(parallel))
	}
	path, remove, err := Proxy(proxy, race)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	defer remove()
	found(path)
	return m.Run()
}

// Beside is what a test that takes seconds begins with: it runs beside the others.
func Beside(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes seconds; run without -short")
	}
	t.Parallel()
}
