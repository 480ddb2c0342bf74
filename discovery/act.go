package discovery

import (
	"errors"
	"fmt"
	"time"

	"cashew/stats"
	"cashew/topology"
)

// maxTold is how many names a line of the log has of a kind.
const maxTold = 8

// act has come into force what the rules say: by apply, and in the log. It returns when it is to be called again
// though nothing is heard; 0: never.
func (f *Follower) act(apply func([]topology.ServerOptions) error) (again time.Duration) {
	f.acting.Lock()
	defer f.acting.Unlock()
	f.mu.Lock()
	was, wanted := f.keeper.InForce(), f.keeper.wanted
	v := f.keeper.Decide(time.Now())
	f.figures.Held, f.figures.Reason = v.Held, string(v.Reason)
	f.figures.Waiting = len(v.Waiting.Joined) + len(v.Waiting.Left) + len(v.Waiting.Weighed)
	f.mu.Unlock()
	f.tellWaiting(&v, was, wanted)
	if v.Servers != nil {
		v.Again = sooner(v.Again, f.take(&v, was, apply))
	}
	return v.Again
}

// take has v's list come into force in place of was. Whoever asks meanwhile is told of was. The caller holds f.acting, and not f.mu.
func (f *Follower) take(v *Verdict, was []topology.ServerOptions, apply func([]topology.ServerOptions) error) (again time.Duration) {
	if apply != nil {
		if err := apply(v.Servers); err != nil {
			if errors.Is(err, ErrOver) {
				return retryAfter
			}
			f.mu.Lock()
			f.figures.Refused++
			f.mu.Unlock()
			f.Log.Error("servers that were found can't be used", "pool", f.Pool.Name, "source", f.Pool.Discovery, "error", err)
			return retryAfter
		}
	}
	f.mu.Lock()
	f.keeper.Take(v.Servers, time.Now())
	f.figures.Moved += int64(len(v.Moved))
	if v.Members() {
		f.figures.Changed++
	}
	f.cache.stale = true
	f.mu.Unlock()
	text := "servers changed"
	if was == nil {
		text = "servers found"
	}
	f.Log.Info(text, f.about(&v.Change, was, v.Servers, "moved", some(v.Moved))...)
	return 0
}

// ErrOver is what apply returns once other lists are to come into force: f is about to be stopped.
var ErrOver = errors.New("discovery: this is over")

// retryAfter is after how long a list is tried again that could not be applied.
const retryAfter = 10 * time.Second

// about are the words of a line about a change from was to next.
func (f *Follower) about(c *Change, was, next []topology.ServerOptions, more ...any) []any {
	words := []any{"pool", f.Pool.Name, "source", f.Pool.Discovery, "servers", len(next), "joined", some(c.Joined), "left", some(c.Left), "weighed", some(c.Weighed)}
	if share := movedShare(f.Pool, was, next); share >= 0 && c.Members() {
		words = append(words, "keys_moved", fmt.Sprintf("%.1f %%", 100*share))
	}
	return append(words, more...)
}

// tellWaiting has the log tell, once, of what waits to have inForce's place: wanted. The caller holds f.acting.
func (f *Follower) tellWaiting(v *Verdict, inForce, wanted []topology.ServerOptions) {
	told := fmt.Sprint(v.Waiting, v.Reason)
	if told == f.told {
		return
	}
	f.told = told
	if v.Waiting.Members() || v.Reason == Doubted {
		text := "servers would change"
		if len(wanted) == 0 {
			text = "told an empty list of servers, those in force stay"
		}
		f.Log.Warn(text, f.about(&v.Waiting, inForce, wanted, "not_yet", v.Reason)...)
	}
}

func some(names []string) []string { return names[:min(len(names), maxTold)] }

// Kept is what is in force, for a file or another process; nil: nothing is.
func (f *Follower) Kept() *Kept {
	_, servers, _ := f.heard()
	return f.keptOf(servers)
}

func (f *Follower) keptOf(servers []topology.ServerOptions) *Kept {
	if servers == nil {
		return nil
	}
	return &Kept{Source: f.Pool.Discovery, Begin: f.Lines(f.Pool.Begin), Lines: f.Lines(servers)}
}

// Accept has the list come into force that the source told last, whatever the rules say; but none that is empty.
func (f *Follower) Accept(apply func([]topology.ServerOptions) error) error {
	f.acting.Lock()
	defer f.acting.Unlock()
	f.mu.Lock()
	was := f.keeper.InForce()
	v, ok := f.keeper.Accept()
	f.mu.Unlock()
	if !ok {
		return fmt.Errorf("pool %s: no list was told that has servers", f.Pool.Name)
	}
	if f.take(&v, was, apply) > 0 {
		return fmt.Errorf("pool %s: the list can't be used; the log says why", f.Pool.Name)
	}
	f.told = ""
	f.mu.Lock()
	f.figures.Waiting, f.figures.Reason = 0, ""
	f.mu.Unlock()
	f.wake() // Run writes it
	return nil
}

// Figures are those of now.
func (f *Follower) Figures() stats.Discovery {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.figures
	s.Source, s.Known, s.Up = f.Pool.Discovery, len(f.keeper.InForce()), f.err == nil && !f.last.IsZero()
	s.Unkept = f.cache.path != "" && f.cache.failed > 0
	if !f.last.IsZero() {
		s.Told = f.last.Unix()
	}
	return s
}
