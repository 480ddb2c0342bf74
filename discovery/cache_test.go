package discovery

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/topology"
)

// TestWriteReplacesNothing: what stands at the cache's path and is no file, as a device is, stays there.
func TestWriteReplacesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := new(Kept).Write(path); !errors.Is(err, errNoFile) {
		t.Errorf("Write to a FIFO: %v", err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the FIFO is %v, %v", fi, err)
	}
	file := filepath.Join(filepath.Dir(path), "file")
	for range 2 {
		if _, err := new(Kept).Write(file); err != nil {
			t.Error(err)
		}
	}
}

// TestCacheHeals: a file that can't be written is tried again until it is, without anything new; one that is gone, or another's, is written again.
func TestCacheHeals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	path := filepath.Join(dir, "kept")
	r := follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Millisecond, DiscoveryCache: path, Begin: list(t, "a=1 b=2")}, nil)
	await := func(unkept bool, want string) {
		t.Helper()
		r.await(t, fmt.Sprintf("unkept is %v, kept is %s", unkept, want), func() bool {
			k, err := ReadKept(path)
			return r.Figures().Unkept == unkept && (unkept || err == nil && k != nil && strings.Join(k.Lines, " ") == want)
		})
	}
	line := func(ports ...int) string { return fmt.Sprintf("127.0.0.1:%d:1 a 127.0.0.1:%d:1 b", ports[0], ports[1]) }
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	r.Await(t.Context())
	r.run()
	await(true, "") // there is no such directory
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	await(false, line(1, 2))
	rename(dir, dir+".away")
	r.source.say([]string{"127.0.0.1:3:1 a", "127.0.0.1:2:1 b"}, nil)
	r.want(t, "a=3 b=2")
	await(true, "")
	rename(dir+".away", dir)
	await(false, line(3, 2))
	if n := strings.Count(r.log.String(), "can't be kept"); n != 2 {
		t.Errorf("the log says %d times that it can't be kept, of 2: %s", n, r.log)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	await(false, line(3, 2))
	other := *r.Kept()
	other.Lines = []string{"127.0.0.1:9:1 x"}
	if _, err := other.Write(path); err != nil {
		t.Fatal(err)
	}
	await(false, line(3, 2))
	if err := os.WriteFile(path, []byte("{garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(false, line(3, 2))
	same := *r.Kept() // as two processes write it in an upgrade
	as, err := same.Write(path)
	if err != nil {
		t.Fatal(err)
	}
	told := strings.Count(r.log.String(), "written again")
	r.LeaveFile()
	r.mu.Lock()
	c := r.cache
	r.mu.Unlock()
	c.path = path
	isCached := c.find(r.Kept()) != nil
	if fi, err := os.Stat(path); !isCached || err != nil || !os.SameFile(fi, as) || told != 3 {
		t.Errorf("what somebody wrote who says the same: %v, %v; the log says %d times that it is written again, of 3", isCached, err, told)
	}
}

// TestLastChance: what is in force is kept as a Follower ends, if it could not be before.
func TestLastChance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	path := filepath.Join(dir, "kept")
	r := follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Millisecond, DiscoveryCache: path, Begin: list(t, "a=1 b=2")}, nil)
	r.Await(t.Context())
	r.run()
	r.await(t, "it is not kept", func() bool { return r.Figures().Unkept })
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.Stop()
	if k, err := ReadKept(path); err != nil || k == nil || len(k.Lines) != 2 {
		t.Errorf("kept is %+v, %v", k, err)
	}
}
