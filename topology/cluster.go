package topology

import (
	"math"
	"slices"

	"cashew/codec"
	"cashew/ring"
)

// troubled says that a server that has slots has not answered since a while ago: another may be about to take its place.
func (d *discovery) troubled(now int64) bool {
	if d.known == nil || !slices.ContainsFunc(d.known.nodes, func(n mapNode) bool { return n.isOwner && (d.failing[n.addr] || d.asking[n.addr]) }) {
		d.trouble = math.MaxInt64
		return false
	}
	d.trouble = min(d.trouble, now)
	return now-d.trouble < int64(troubledTime)
}

// learnMapLocked has the map be what a round came to.
func (d *discovery) learnMapLocked(answers []answer) {
	was := d.known
	if d.moved && !slices.ContainsFunc(answers, func(a answer) bool { return was.knows(a.view) }) {
		was = nil // another cluster
	}
	m := merge(was, answers, d.lower >= settledAfter)
	if m.next == nil {
		return
	}
	d.known, d.doubts, d.moved = m.next, m.doubts, false
	if d.lower++; !m.lower {
		d.lower = 0
	}
	if m.soon || m.lower {
		d.poked.Store(true)
	}
}

// newMap is the map that is known, if it is not in force in p.
func (p *Pool) newMap() *Found {
	d := &p.registry.discovery
	d.mu.Lock()
	known := d.known
	d.mu.Unlock()
	if known == nil {
		return nil
	}
	f := &Found{Epoch: known.epoch()}
	if f.Servers, f.Slots = known.lineup(); p.opts.Reads() {
		f.Replicas = known.replicas(f.Servers)
	}
	was := p.opts.Slots
	if was == nil {
		was = &noSlots
	}
	if slices.Equal(f.Servers, p.opts.Servers) && slices.Equal(f.Replicas, p.opts.Replicas) && *f.Slots == *was {
		return nil
	}
	f.compare(p.opts.Servers, was)
	return f
}

// compare finds what is new.
func (f *Found) compare(servers []ServerOptions, slots *ring.Slots) {
	now := make(map[string]int, len(f.Servers))
	for i := range f.Servers {
		now[f.Servers[i].Addr] = i
	}
	stays := make(map[string]bool, len(servers))
	place := make([]int, len(servers)) // of servers that were, where they are now; -1: nowhere
	for i := range servers {
		addr := servers[i].Addr
		at, is := now[addr]
		if place[i] = at; !is {
			place[i] = -1
			f.Left = append(f.Left, addr)
		}
		stays[addr] = true
	}
	for i := range f.Servers {
		if addr := f.Servers[i].Addr; !stays[addr] {
			f.Joined = append(f.Joined, addr)
		}
	}
	for s, owner := range f.Slots {
		if owner == ring.NoServer {
			f.Unowned++
		}
		was := slots[s]
		if (was == ring.NoServer) != (owner == ring.NoServer) || was != ring.NoServer && place[was] != int(owner) {
			f.Moved++
		}
	}
}

// ClusterFigures are a cluster's.
type ClusterFigures struct {
	Epoch           uint64 // the highest with which a slot is had
	Applied, Failed int64  // maps that came into force; rounds in which no server answered
	Unowned         int    // slots that nobody has
}

// ClusterFigures are those of p's cluster, also of the pools that p replaced; nil: it is none.
func (p *Pool) ClusterFigures() *ClusterFigures {
	if !p.opts.Cluster {
		return nil
	}
	d := &p.registry.discovery
	f := &ClusterFigures{Applied: d.applied.Load(), Failed: d.failed.Load(), Unowned: ring.SlotCount}
	d.mu.Lock()
	if d.known != nil {
		f.Epoch = d.known.epoch()
	}
	d.mu.Unlock()
	if p.opts.Slots != nil {
		f.Unowned = 0
		for _, owner := range p.opts.Slots {
			if owner == ring.NoServer {
				f.Unowned++
			}
		}
	}
	return f
}

// view asks one server for its view. It blocks.
func (p *Pool) view(s *ServerOptions) (*codec.View, error) {
	protocol := p.opts.Protocol
	c, err := p.enter(&Server{Network: s.Network, Addr: s.Addr}, codec.Login{Server: s.Name}, p.opts.Protocol.Home())
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // nothing was written that could be lost
	var replies [][]byte
	for _, command := range protocol.ViewCommands() {
		reply, err := ask(c, protocol, command, maxViewReply)
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
	return protocol.ParseView(s.Addr, replies)
}
