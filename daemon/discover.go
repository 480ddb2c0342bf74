package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"cashew/configs"
	"cashew/discovery"
	"cashew/discovery/sources"
	"cashew/engine"
	"cashew/stats"
	"cashew/topology"
)

// Where servers of a pool are looked for elsewhere than in the file, package discovery does that, a Follower for each such pool:
//
//	start   load: prepare --Await--> the options' servers --> engine.New, Start --> run: what comes later, by Proxy.SetServers
//	reload  prepare: Followers for pools whose settings of discovery are others --> Proxy.Reload --> run; or discard
//	end     stop; a successor is told what is in force, as it may find nobody to ask

// finder has a process's Followers.
type finder struct {
	followers map[string]*follower // by pool
}

// follower is one with the settings that it was made of.
type follower struct {
	*discovery.Follower
	of      topology.DiscoveryOptions
	running bool
}

// prepare makes the finder that is to take f's place, which has f's Followers for the pools whose settings stay, and has o's pools begin with
// what is found. given is what a predecessor had in force. It waits for the first lists of all that are new at once. f may be nil.
func (f *finder) prepare(o *engine.Options, given map[string]*discovery.Kept, log *slog.Logger) (*finder, error) {
	next := &finder{followers: make(map[string]*follower)}
	for i := range o.Pools {
		po := &o.Pools[i]
		if po.Discovery == "" {
			continue
		}
		var old *follower
		if f != nil {
			old = f.followers[po.Name]
		}
		if old != nil && reflect.DeepEqual(old.of, po.DiscoveryOptions) {
			next.followers[po.Name] = old
			continue
		}
		known := given[po.Name]
		if old != nil {
			known = old.Kept()
		}
		pool := po.Options
		found, err := sources.Follow(&pool, known, log)
		if err != nil {
			next.discard(f)
			return nil, err
		}
		next.followers[po.Name] = &follower{Follower: found, of: po.DiscoveryOptions}
	}
	for i := range o.Pools {
		if follower := next.followers[o.Pools[i].Name]; follower != nil && !follower.running {
			o.Pools[i].Servers = follower.Await(context.Background())
		}
	}
	return next, nil
}

// discard ends those Followers of f that old has not: f is not to be.
func (f *finder) discard(old *finder) {
	for name, follower := range f.followers {
		if old == nil || old.followers[name] != follower {
			follower.Stop()
		}
	}
}

// run has what f's Followers find come into force, now that the proxy has the options that prepare saw. Those of old that f has not end.
func (f *finder) run(old *finder, p *process) {
	if old != nil {
		old.discard(f)
	}
	for name, follower := range f.followers {
		if follower.running {
			continue
		}
		follower.running = true
		follower.Run(follower.applyTo(p, name))
	}
}

// applyTo has the proxy take lists, and the audit log tell of it.
func (f *follower) applyTo(p *process, pool string) func([]topology.ServerOptions) error {
	return func(servers []topology.ServerOptions) error {
		err := p.proxy.SetServers(pool, &f.of, servers)
		switch {
		case errors.Is(err, engine.ErrSuperseded):
			return discovery.ErrOver
		case err == nil:
			p.audit("servers", fmt.Sprintf("pool %s has %d: %s", pool, len(servers), strings.Join(configs.ServerLines(servers[:min(len(servers), auditedServers)]), ", ")))
		}
		return err
	}
}

// auditedServers is how many of a list the audit log names.
const auditedServers = 16

// acceptDiscovered has a pool go on with the list that its source told last: a person says that it is meant.
func (p *process) acceptDiscovered(pool string) error {
	p.reloading.Lock() // a reload may be about to have others looked for
	defer p.reloading.Unlock()
	follower := p.found.Load().followers[pool]
	if follower == nil {
		return fmt.Errorf("there is no pool %q whose servers are looked for", pool)
	}
	return follower.Accept(follower.applyTo(p, pool))
}

// stop ends all. f may be nil.
func (f *finder) stop() {
	if f != nil {
		f.discard(nil)
	}
}

// leaveFiles has f's Followers write no file: a successor does. f may be nil.
func (f *finder) leaveFiles() {
	if f != nil {
		for _, follower := range f.followers {
			follower.LeaveFile()
		}
	}
}

// kept is what a successor is told. f may be nil.
func (f *finder) kept() map[string]*discovery.Kept {
	all := make(map[string]*discovery.Kept)
	if f != nil {
		for name, follower := range f.followers {
			if k := follower.Kept(); k != nil {
				all[name] = k
			}
		}
	}
	return all
}

// seen is the proxy as the admin pages see it: what is known of discovery is not the engine's.
type seen struct {
	*engine.Proxy
	found func() *finder
}

// Snapshot is the engine's, with what is known of discovery.
func (s seen) Snapshot() *stats.Snapshot {
	snap := s.Proxy.Snapshot()
	found := s.found()
	if snap == nil || found == nil {
		return snap
	}
	for i := range snap.Pools {
		if follower := found.followers[snap.Pools[i].Name]; follower != nil {
			figures := follower.Figures()
			snap.Pools[i].Discovery = &figures
		}
	}
	return snap
}

// legacy is what a successor has to know besides its clients: what Proxy.Tickets says, which is JSON as well, and beside it what is discovered.
type legacy struct {
	Discovered map[string]*discovery.Kept `json:",omitempty"`
}

// withDiscovered adds what is discovered to a state of Proxy.Tickets.
func withDiscovered(tickets []byte, kept map[string]*discovery.Kept) []byte {
	var state map[string]json.RawMessage
	if len(kept) == 0 || json.Unmarshal(tickets, &state) != nil {
		return tickets
	}
	more, err := json.Marshal(kept)
	if err != nil {
		return tickets
	}
	if state == nil {
		state = make(map[string]json.RawMessage)
	}
	state["Discovered"] = more
	if all, err := json.Marshal(state); err == nil {
		return all
	}
	return tickets
}

// discoveredIn is what a state of withDiscovered says.
func discoveredIn(state []byte) map[string]*discovery.Kept {
	var l legacy
	if json.Unmarshal(state, &l) != nil {
		return nil
	}
	return l.Discovered
}
