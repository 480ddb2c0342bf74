package topology

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// Replicas are servers that have what another has, a little later, and that take reads alone. A pool has them from its file, from the map
// of its cluster, or from its sentinels:
//
//	key --Router--> a server of the ring --Reader--> that one, or one of its replicas
//
// They are in no ring, and whatever goes to all servers goes to none of them. Their slots stand with those of the others, so a loop has
// connections and figures of them as of any. How they are is looked at off the loops, see replication.go; a loop reads what came of it
// with two atomic loads.

// ReadPolicy is where reads go.
type ReadPolicy uint8

const (
	// FromMaster has them go to the server that has the key, as writes do.
	FromMaster ReadPolicy = iota
	// PreferReplica has them go to a replica that is well, else to the master.
	PreferReplica
	// FromReplica has them go to replicas alone, but for what the client itself wrote a moment ago.
	FromReplica
	// NearestZone has them go to those of the proxy's zone, be it the master, as long as these are enough.
	NearestZone
	// FromAny has them go to the master and its replicas alike.
	FromAny
)

// ReadPolicies are the policies by name.
var ReadPolicies = func() map[string]ReadPolicy {
	all := make(map[string]ReadPolicy)
	for p := FromMaster; p <= FromAny; p++ {
		all[p.String()] = p
	}
	return all
}()

// String is the policy's name.
func (p ReadPolicy) String() string {
	return [...]string{"master", "prefer_replica", "replica", "nearest_zone", "any"}[p]
}

// ReadOptions are where a pool's reads go.
type ReadOptions struct {
	ReadPolicy ReadPolicy
	// ReadClasses are commands that have another policy, by name, or by category behind an "@". The most specific has its way.
	ReadClasses []ReadClass
	// ReadsByOp is what that comes to: of each Op of the protocol its policy, FromMaster for what does not only read; nil: all have that.
	ReadsByOp []ReadPolicy

	Zone  string     // where the proxy is, for NearestZone; "": nowhere
	Zones []ZoneRule // where servers are of which nothing else is said

	// MaxLag is how far a replica may be behind; 0: as far as it likes.
	MaxLag time.Duration
	// ReadYourWrites is how long after a client's own write its reads go to the master in any case. They do so until a replica has the write
	// as well, however long that takes.
	ReadYourWrites time.Duration
	// ReplicaInterval is the time between two looks at a replica.
	ReplicaInterval time.Duration
}

// ReadClass is a policy for some commands.
type ReadClass struct {
	Class  string
	Policy ReadPolicy
}

// ZoneRule says where a server is: one that has this address, or name, or is in the network.
type ZoneRule struct {
	Of   string // as configured
	Net  netip.Prefix
	Zone string
}

// Reads says that some reads go elsewhere than to masters.
func (o *Options) Reads() bool { return o.ReadsByOp != nil }

// ReadsFrom is the policy of an Op.
func (o *Options) ReadsFrom(op uint16) ReadPolicy {
	if int(op) >= len(o.ReadsByOp) {
		return FromMaster
	}
	return o.ReadsByOp[op]
}

// zoneOf is where the configuration says that a server is; "": it does not. The most specific rule has its way.
func (o *Options) zoneOf(s *ServerOptions) (zone string) {
	if s.Zone != "" {
		return s.Zone
	}
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		host = s.Addr
	}
	addr, _ := netip.ParseAddr(host)
	bits := -1
	for i := range o.Zones {
		switch z := &o.Zones[i]; {
		case z.Of == s.Addr:
			return z.Zone
		case z.Of == host && bits <= math.MaxUint8:
			zone, bits = z.Zone, math.MaxUint8
		case z.Net.IsValid() && addr.IsValid() && z.Net.Contains(addr.Unmap()) && z.Net.Bits() > bits:
			zone, bits = z.Zone, z.Net.Bits()
		}
	}
	return zone
}

// replica is what is known of a server as one. Loops read well, seenAt and freshTo.
type replica struct {
	well       atomic.Bool
	seenAt     atomic.Int64 // when it was last looked at and found well, in nanoseconds of the World
	freshTo    atomic.Int64 // it has all that its master had acknowledged before, in nanoseconds of the World; 0: nobody knows
	lag        atomic.Int64 // how far it was behind, as it was last looked at
	why        atomic.Pointer[string]
	zone       atomic.Pointer[string] // where it says itself that it is; nil: it did not
	history    history                // of a master: how far it was, when
	migrations atomic.Int64           // of a master of a cluster: how often it has migrated keys; below 0: nobody knows
	migrates   atomic.Int64           // likewise: until when it counts as one that does, in nanoseconds of the World; 0: it does not
}

// reader is a server that may answer the reads of a place.
type reader struct {
	server *Server
	zone   string // as configured
}

// Replicas are p's, in the order of Options.Replicas. Their places stand behind those of Servers.
func (p *Pool) Replicas() []*Server { return p.replicas }

// All are p's servers, and their replicas behind them.
func (p *Pool) All() []*Server { return slices.Concat(p.servers, p.replicas) }

// AtPlace describes the server at a place, which may be a replica's; nil: there is none.
func (p *Pool) AtPlace(place int) *ServerOptions {
	switch n := len(p.servers); {
	case place < 0 || place >= n+len(p.replicas):
		return nil
	case place >= n:
		return &p.opts.Replicas[place-n]
	}
	return &p.opts.Servers[place]
}

// IsReplica says that s, a server of p, is one.
func (p *Pool) IsReplica(s *Server) bool { return p.places[s.slot] >= len(p.servers) }

// hasReplica says that s is a replica of p.
func (p *Pool) hasReplica(s *Server) bool { return slices.Contains(p.replicas, s) }

// masterOf is the server that s, a replica of p, is one of; nil: p has it not.
func (p *Pool) masterOf(s *Server) *Server {
	of := p.Entry(s).Of
	for i := range p.opts.Servers {
		if p.opts.Servers[i].Name == of {
			return p.servers[i]
		}
	}
	return nil
}

// pair finds the replicas of each server.
func (p *Pool) pair() {
	p.readers = make([][]reader, len(p.servers))
	for i := range p.opts.Replicas {
		e := &p.opts.Replicas[i]
		at := slices.IndexFunc(p.opts.Servers, func(s ServerOptions) bool { return s.Name == e.Of })
		if at >= 0 {
			p.readers[at] = append(p.readers[at], reader{p.replicas[i], p.opts.zoneOf(e)})
		}
	}
	for i := range p.readers {
		p.readers[i] = append(p.readers[i], reader{p.servers[i], p.opts.zoneOf(&p.opts.Servers[i])}) // last, so that the others have their index
	}
}

// Usable is what a loop knows of servers.
type Usable interface {
	// Failing is 0 if server answers, as far as the loop knows, else since when it does not, in nanoseconds of the World: the last attempt. It
	// is math.MaxInt64 while there is to be none.
	Failing(server *Server, client uint64) int64
}

// Reader is who answers a read of a client that the server at a place has the key of, by a policy other than FromMaster: a replica, or
// that server itself. written is when the client's last write was answered, in nanoseconds of the World, 0 if it has not written: a replica
// that may not have it is passed over. nil: FromReplica, and no replica is well.
//
// A client always has the same, as long as that is well: what it has read it does not find unwritten.
func (p *Pool) Reader(place int, policy ReadPolicy, client uint64, written int64, loop Usable) *Server {
	readers := p.readers[place]
	n := len(readers) - 1
	master := readers[n].server
	if n == 0 && policy != FromReplica {
		return master
	}
	c := choice{pool: p, master: master, client: client, written: max(written, p.settled), loop: loop, chance: spread(client)}
	switch policy {
	case FromAny:
		return c.among(readers)
	case NearestZone:
		return c.nearest(readers)
	}
	if s := c.among(readers[:n]); s != nil {
		return s
	}
	if policy == FromReplica && !slices.ContainsFunc(readers[:n], func(r reader) bool { return r.server.well.Load() && c.answers(r.server) }) {
		return nil
	}
	return master
}

// choice is one between readers.
type choice struct {
	pool    *Pool
	master  *Server
	client  uint64
	written int64
	loop    Usable
	chance  uint32
}

// spread has clients, whose numbers follow one another, be spread evenly, and otherwise than over the connections to a server.
func spread(client uint64) uint32 { return uint32(client * 0x9E3779B97F4A7C15 >> 40) }

// near says that r is in the proxy's zone.
func (c *choice) near(r *reader) bool {
	own := c.pool.opts.Zone
	if r.zone != "" {
		return r.zone == own
	}
	told := r.server.zone.Load()
	return told != nil && *told == own
}

// ready says that r can answer.
func (c *choice) ready(r *reader) bool {
	return r.server == c.master || r.server.well.Load() && r.server.freshTo.Load() > c.written && c.answers(r.server)
}

// answers says that a replica does, as far as the loop knows; or that it was found well since it did not the last time, so that it is tried
// again.
func (c *choice) answers(s *Server) bool {
	since := c.loop.Failing(s, c.client)
	return since == 0 || since < s.seenAt.Load()
}

// among is the client's choice among readers; nil: none is ready. It is the same as long as that one is ready; in place of one that is not its
// clients have any of the others, not all the same.
func (c *choice) among(readers []reader) *Server {
	all := uint32(len(readers))
	if all == 0 {
		return nil
	}
	if r := &readers[c.chance%all]; c.ready(r) { // nearly always
		return r.server
	}
	ready := 0
	for i := range readers {
		if c.ready(&readers[i]) {
			ready++
		}
	}
	if ready == 0 {
		return nil
	}
	skip := int(c.chance / all % uint32(ready))
	for i := range readers {
		if !c.ready(&readers[i]) {
			continue
		}
		if skip == 0 {
			return readers[i].server
		}
		skip--
	}
	return nil
}

// nearest is the client's choice among those of the proxy's zone. If fewer than half of them are ready, each is left with twice as many
// clients as it had at most, and the others go elsewhere.
func (c *choice) nearest(readers []reader) *Server {
	var room [8]reader // so that nothing is allocated; more are rare
	near, far := room[:0], make([]reader, 0, 8)
	ready := 0
	for i := range readers {
		r := &readers[i]
		if !c.near(r) {
			far = append(far, *r)
			continue
		}
		if near = append(near, *r); c.ready(r) {
			ready++
		}
	}
	first, second := near, far
	if all := len(near); all == 0 || 2*ready < all && int(c.chance>>8%uint32(all)) >= 2*ready {
		first, second = far, near
	}
	if s := c.among(first); s != nil {
		return s
	}
	if s := c.among(second); s != nil {
		return s
	}
	return c.master
}

// Well says that s, a replica, gets reads.
func (s *Server) Well() bool { return s.well.Load() }

// ReplicaState is how a replica is.
type ReplicaState struct {
	Well bool
	Why  string        // it gets no reads; "": it does
	Lag  time.Duration // how far it was behind, as it was last looked at; below 0: nobody knows
	Zone string
}

// ReplicaState is how s, a server of p, is as a replica, or where it is.
func (p *Pool) ReplicaState(s *Server) (state ReplicaState) {
	if state.Zone = p.opts.zoneOf(p.Entry(s)); state.Zone == "" {
		if told := s.zone.Load(); told != nil {
			state.Zone = *told
		}
	}
	if !p.IsReplica(s) {
		return state
	}
	state.Well, state.Lag = s.well.Load(), time.Duration(s.lag.Load())
	if s.freshTo.Load() == 0 {
		state.Lag = -1
	}
	if why := s.why.Load(); !state.Well && why != nil {
		state.Why = *why
	} else if !state.Well {
		state.Why = "it has not been looked at yet"
	}
	return state
}

// doubt is Unwell for a replica of which nothing worse is known.
func (p *Pool) doubt(s *Server, why string) {
	if s.well.Load() {
		p.Unwell(s, "%s", why)
	}
}

// Unwell has s, a replica of p, get no reads until it has been looked at and found well.
func (p *Pool) Unwell(s *Server, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	s.why.Store(&why)
	if s.well.Swap(false) {
		p.log.Warn("replica gets no reads", append(p.About(s), "why", why)...)
	}
}
