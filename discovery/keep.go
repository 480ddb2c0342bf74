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

// keep has the file have what is in force, and returns when that is to be looked at again; 0: as soon as there is something to keep. Run calls
// it alone, and nobody waits for the disk but Run.
func (f *Follower) keep() (again time.Duration) {
	f.mu.Lock()
	c, servers := f.cache, f.keeper.InForce()
	f.cache.stale = false // what comes into force meanwhile is still to be written
	f.mu.Unlock()
	if c.path == "" || servers == nil {
		return 0
	}
	k := f.keptOf(servers)
	if !c.stale {
		if as := c.find(k); as != nil {
			f.wrote(as, nil)
			return lookAfter
		}
		f.Log.Warn("the file that keeps the servers in force is gone, or another's; it is written again", "pool", f.Pool.Name, "file", c.path)
	}
	as, err := k.Write(c.path)
	failed := f.wrote(as, err)
	switch {
	case failed == 1:
		f.Log.Error("the servers in force can't be kept; that is tried again", "pool", f.Pool.Name, "file", c.path, "error", err)
	case failed == 0 && c.failed > 0:
		f.Log.Info("the servers in force are kept again", "pool", f.Pool.Name, "file", c.path)
	}
	if failed > 0 {
		return Backoff(min(failed-1, maxPatience))
	}
	return lookAfter
}

// wrote notes what came of a write, and returns how many in a row have failed.
func (f *Follower) wrote(as fs.FileInfo, err error) (failed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &f.cache
	if err != nil {
		c.stale = true
		c.failed++
		return c.failed
	}
	c.as, c.failed = as, 0
	return 0
}

// find is how the file looks if it has k: it looks as it did, or somebody who says the same has written it. Else it is nil.
func (c *cacheFile) find(k *Kept) fs.FileInfo {
	fi, err := os.Stat(c.path)
	if err != nil {
		return nil
	}
	if os.SameFile(fi, c.as) && fi.Size() == c.as.Size() && fi.ModTime().Equal(c.as.ModTime()) {
		return fi
	}
	is, err := ReadKept(c.path)
	if err != nil || is == nil || k.Source != is.Source || !slices.Equal(k.Begin, is.Begin) || !slices.Equal(k.Lines, is.Lines) {
		return nil
	}
	return fi
}

// LeaveFile has f write no file any more: another process does, and writes it again, within lookAfter, where f was about to.
func (f *Follower) LeaveFile() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cache.path = ""
}
