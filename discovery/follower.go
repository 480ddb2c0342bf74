package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"cashew/stats"
	"cashew/topology"
)

// Config is what a Follower is made of.
type Config struct {
	Pool   *topology.Options
	Source Source
	Parse  func(lines []string) ([]topology.ServerOptions, error)
	Lines  func(servers []topology.ServerOptions) []string
	Log    *slog.Logger
	Given  *Kept // what another process, or the pool's options before, had in force; nil: nothing
}

// Follower looks for a pool's servers, from Follow to Stop.
type Follower struct {
	Config

	stop  context.CancelFunc
	ended sync.WaitGroup
	news  chan struct{} // Run is to act: the source has said something, for one

	garbage   string // of a list that can't be read: hear's alone
	unwatched bool   // the source said that it can't watch: hear's alone
	origin    string // whose the servers are with which it began

	acting sync.Mutex // whoever has a list come into force, until it is; before mu
	told   string     // what the log was told of the last verdict that waits

	mu      sync.Mutex // nobody waits for anything under it: not for apply, nor for a disk
	keeper  Keeper
	first   chan struct{} // closed once there is a list, be it empty
	asked   bool          // it is
	err     error         // what the source said last; nil: a list
	begun   time.Time
	last    time.Time // when it told a list
	figures stats.Discovery
	cache   cacheFile
}

// Follow begins to look for the servers of a pool. What it finds is not in force anywhere before Run.
func Follow(c Config) *Follower {
	f := &Follower{
		Config: c, news: make(chan struct{}, 1), first: make(chan struct{}), begun: time.Now(), cache: cacheFile{path: c.Pool.DiscoveryCache, stale: true},
		keeper: Keeper{Apply: c.Pool.ApplyMembership, Settle: c.Pool.DiscoverySettle},
	}
	f.keeper.Begin(f.begin())
	var ctx context.Context
	ctx, f.stop = context.WithCancel(context.Background())
	f.ended.Go(func() { c.Source.Watch(ctx, f.hear) })
	return f
}

// begin is the list to begin with: the one that was given, or the one that is kept if it is of this source; but if the configuration has servers, and
// others than it began with, these.
func (f *Follower) begin() []topology.ServerOptions {
	for i, k := range []*Kept{f.Given, f.kept()} {
		origin := []string{"those of before", "those of discovery_cache"}[i]
		if k == nil || i > 0 && k.Source != f.Pool.Discovery || len(f.Pool.Begin) > 0 && !slices.Equal(k.Begin, f.Lines(f.Pool.Begin)) {
			continue
		}
		servers, err := f.Parse(k.Lines)
		if err == nil && len(servers) == 0 {
			err = errNone
		}
		if err == nil {
			f.keeper.Warm, f.origin = i == 0, origin
			return servers
		}
		f.Log.Warn("servers that were in force can't be used", "pool", f.Pool.Name, "whose", origin, "error", err)
	}
	if len(f.Pool.Begin) == 0 {
		return nil
	}
	f.origin = "those below servers"
	return f.Pool.Begin
}

// errNone is of a list that was in force, as it says, and has nothing.
var errNone = errors.New("there are none")

// kept is what the pool's file keeps; nil: nothing.
func (f *Follower) kept() *Kept {
	if f.cache.path == "" {
		return nil
	}
	k, err := ReadKept(f.cache.path)
	if err != nil {
		f.Log.Warn("the file of discovery_cache can't be read", "pool", f.Pool.Name, "file", f.cache.path, "error", err)
	}
	return k
}

// hear takes what the source says.
func (f *Follower) hear(lines []string, err error) {
	var list []topology.ServerOptions
	garbage := ""
	unwatched, _ := errors.AsType[*Unwatched](err)
	if unwatched != nil {
		err = nil
	}
	if err == nil {
		if list, err = f.Parse(lines); err != nil {
			err = &Nonsense{err}
		}
	}
	if _, ok := errors.AsType[*Nonsense](err); ok {
		garbage = err.Error()
	}
	f.tellHeard(err, garbage)
	if err == nil {
		f.tellWatched(unwatched)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.garbage = err, garbage
	if garbage != "" {
		f.figures.Refused++
	}
	if err != nil {
		f.keeper.Lost()
		return
	}
	f.last = time.Now()
	f.keeper.Hear(list, f.last)
	if !f.asked { // that it is empty is an answer, too
		f.asked = true
		close(f.first)
	}
	f.wake()
}

// tellHeard has the log tell what the source says, if it is not as before.
func (f *Follower) tellHeard(err error, garbage string) {
	_, _, was := f.heard()
	switch {
	case garbage != "":
		if garbage != f.garbage {
			f.Log.Error("list of servers refused, those in force stay", "pool", f.Pool.Name, "source", f.Pool.Discovery, "error", garbage)
		}
	case err != nil && was == nil:
		f.Log.Warn("servers can't be looked for, those in force stay", "pool", f.Pool.Name, "source", f.Pool.Discovery, "error", err)
	case err == nil && was != nil:
		f.Log.Info("servers can be looked for again", "pool", f.Pool.Name, "source", f.Pool.Discovery)
	}
}

// tellWatched has the log tell that a source that tells lists can't tell of changes, nil: that it can; once.
func (f *Follower) tellWatched(unwatched *Unwatched) {
	is := unwatched != nil
	switch {
	case is && !f.unwatched:
		f.Log.Warn("servers can't be watched, their list is read now and then", "pool", f.Pool.Name, "source", f.Pool.Discovery, "error", unwatched)
	case !is && f.unwatched:
		f.Log.Info("servers are watched again", "pool", f.Pool.Name, "source", f.Pool.Discovery)
	}
	f.unwatched = is
}

// wake has Run act.
func (f *Follower) wake() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// Await is what the pool is to begin with: what the source says, if it does within discovery_wait_msecs and the rules take it, else what was known
// before. With nothing it is topology.Nowhere.
func (f *Follower) Await(ctx context.Context) []topology.ServerOptions {
	patience := time.NewTimer(f.Pool.DiscoveryWait - time.Since(f.begun))
	defer patience.Stop()
	select {
	case <-f.first:
	case <-patience.C:
	case <-ctx.Done():
	}
	if asked, known, err := f.heard(); !asked {
		if err == nil {
			err = errSilent
		}
		f.Log.Warn("nobody has told yet where the servers are", "pool", f.Pool.Name, "source", f.Pool.Discovery, "known", len(known), "error", err)
	}
	f.act(nil)
	if _, servers, _ := f.heard(); servers != nil {
		return servers
	}
	return topology.Nowhere()
}

// errSilent is of a source that says nothing at all.
var errSilent = errors.New("it says nothing")

// Instead says why Await has other servers than the source tells, and whose these are; "": it has not.
func (f *Follower) Instead() string {
	asked, _, _ := f.heard()
	s := f.Figures()
	why := ""
	switch {
	case !asked:
		why = "nobody tells where its servers are"
	case s.Reason != "":
		f.mu.Lock()
		told := len(f.keeper.wanted)
		f.mu.Unlock()
		if why = fmt.Sprintf("a list of %d servers is told, whose names and weights are not in force: %s", told, s.Reason); told == 0 {
			why = "an empty list of servers is told"
		}
	default:
		return ""
	}
	if f.origin == "" {
		return why + ", and none are known from before"
	}
	return why + "; " + f.origin + " count"
}

// heard says whether there was a list, what is in force, and what the source said last.
func (f *Follower) heard() (asked bool, inForce []topology.ServerOptions, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked, f.keeper.InForce(), f.err
}

// Run has apply take each list that comes into force, until Stop, on a goroutine of its own, and the file keep it: not before, for a reload for
// which it was found may come to nothing.
func (f *Follower) Run(apply func([]topology.ServerOptions) error) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := f.stop
	f.stop = func() { cancel(); stop() }
	f.ended.Go(func() {
		again, write := time.NewTimer(0), time.NewTimer(lookAfter)
		defer again.Stop()
		defer write.Stop()
		for {
			select {
			case <-ctx.Done():
				f.keep() // the last chance
				return
			case <-write.C:
				resetTo(write, f.keep())
				continue
			case <-f.news:
			case <-again.C:
			}
			resetTo(again, f.act(apply))
			resetTo(write, f.keep())
		}
	})
}

// resetTo has t fire after d; 0: never.
func resetTo(t *time.Timer, d time.Duration) {
	if t.Stop(); d > 0 {
		t.Reset(d)
	}
}

// Stop ends it, and waits until nothing of it runs.
func (f *Follower) Stop() {
	f.stop()
	f.ended.Wait()
}
