package discovery

import (
	"io/fs"
	"os"
	"slices"
	"time"
)

// cacheFile is the file of discovery_cache, which is to have what is in force:
//
//	stale --written--> as it was written, looked at each lookAfter --it is gone, or another's--> stale
//	  ^--not written, tried again after a pause--+
type cacheFile struct {
	path   string      // "": there is none, or another process writes it
	stale  bool        // what is in force is not in it
	as     fs.FileInfo // how it looked when it had what is in force; nil: it never had
	failed int         // writes in a row that failed
}

const (
	lookAfter   = time.Second // it costs a stat
	maxPatience = 2           // Backoff of so many, a second, is the longest pause between writes that fail
)

// keep has the file have what is in force, and returns when that is to be looked at again; 0: as soon as there is something to keep. The
// caller holds f.mu.
func (f *Follower) keep() (again time.Duration) {
	c := &f.cache
	if c.path == "" || f.keeper.InForce() == nil {
		return 0
	}
	if !c.stale && !f.isCached() {
		c.stale = true
		f.Log.Warn("the file that keeps the servers in force is gone, or another's; it is written again", "pool", f.Pool.Name, "file", c.path)
	}
	if !c.stale {
		return lookAfter
	}
	as, err := f.keptLocked().Write(c.path)
	if err != nil {
		if c.failed++; c.failed == 1 {
			f.Log.Error("the servers in force can't be kept; that is tried again", "pool", f.Pool.Name, "file", c.path, "error", err)
		}
		return Backoff(min(c.failed-1, maxPatience))
	}
	if c.failed > 0 {
		f.Log.Info("the servers in force are kept again", "pool", f.Pool.Name, "file", c.path)
	}
	c.stale, c.as, c.failed = false, as, 0
	return lookAfter
}

// isCached says that the file still has what is in force: it looks as it did, or somebody who says the same has written it.
func (f *Follower) isCached() bool {
	c := &f.cache
	fi, err := os.Stat(c.path)
	if err != nil {
		return false
	}
	if os.SameFile(fi, c.as) && fi.Size() == c.as.Size() && fi.ModTime().Equal(c.as.ModTime()) {
		return true
	}
	k, err := ReadKept(c.path)
	is := f.keptLocked()
	if err != nil || k == nil || k.Source != is.Source || !slices.Equal(k.Begin, is.Begin) || !slices.Equal(k.Lines, is.Lines) {
		return false
	}
	c.as = fi
	return true
}

// LeaveFile has f write no file any more: another process does.
func (f *Follower) LeaveFile() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cache.path = ""
}
