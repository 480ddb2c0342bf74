package session

// A pool may have routes: keys that begin with some prefix are another pool's of the same proxy. Its clients then reach several shards of
// their loop, the own one and those, of which each has its group, with its servers, timeouts, credentials and health:
//
//	client --"user:1"--> ways.Route --longest prefix--> target "users" --its Router--> place 7
//	                                                                                    |
//	own servers:  places 0 1 2 3     users: places 4 5 6 7 8     rest: places 9 10      connsAt(7): a Set of the group of "users"
//
// A place numbers the servers of all of them, so that what holds of keys on several servers holds of keys in several pools: they are
// scattered, or have to be together. Behind the servers of each other pool there is one place more, for keys that none of them has.
// Where keys are, and how they go together, is the pool's that has them: in a cluster by slots. So is what becomes of a command that is not
// done there (again.go). What has no key is about the own servers, which are the first. A route leads to the servers of a pool,
// whatever routes that has for its own clients: so there is no circle. What the client may do, and what it is told, is its own pool's to say.

import (
	"slices"

	"cashew/backend"
	"cashew/ring"
	"cashew/stats"
	"cashew/topology"
)

// Lead finds the routes of keys.
func (o *ClientOptions) Lead() *ring.Lead { return ring.NewLead(o.Routes) }

// LeadsTo says that a route leads to the pool of that name, or that it is the mirror, the spare, the next tier, or written to as well.
func (o *ClientOptions) LeadsTo(pool string) bool {
	return o.Mirror.Pool == pool || o.Failover.Pool == pool || o.Miss.Pool == pool || o.Dual.Pool == pool || slices.ContainsFunc(o.Routes, func(r ring.Route) bool { return r.Pool == pool })
}

// beside says that other pools get what is about the own keys.
func (o *ClientOptions) beside() bool {
	return o.Mirror.Pool+o.Failover.Pool+o.Miss.Pool+o.Dual.Pool != ""
}

// routes are a pool's on one loop.
type routes struct {
	lead    *ring.Lead // nil: there is nothing but what follows
	mirror  *mirror    // nil: none
	spare   *spare     // nil: none
	tier    *tier      // nil: none
	dual    *dual      // nil: none
	to      []int      // of each route of lead: its target
	targets []reach    // the own pool first
	servers []*topology.Server
	alike   []*topology.Server // those that are to be alike in scripts and functions; nil in the place of any other
	slotted bool               // one of those beside the own that may have keys is a cluster
	leads   bool               // some of them are other pools'
	origin  *stats.Origin      // with the names of all servers
}

// reach is a pool that keys are routed to.
type reach struct {
	shard    *shard
	base     int    // the place of its first server
	nobody   int    // the place behind them, where a key is that none of them has; -1: of the own pool
	requests *int64 // that clients of the pool with the route sent there
	unasked  bool   // it need not speak as clients wish: it is a mirror, or a spare
}

// resolve has each shard with routes know the shards that they lead to, and where their servers stand. It is called whenever there are
// other pools. It returns the shards whose keys may have another shard now.
func (l *Local) resolve() (moved []*shard) {
	for _, h := range l.shards {
		was := h.routes
		if h.routes = nil; h.pool.lead != nil || h.pool.opts.beside() {
			h.routes = l.resolved(h)
		}
		if !was.same(h.routes) {
			moved = append(moved, h)
		}
	}
	return moved
}

// resolved are the routes of h.
func (l *Local) resolved(h *shard) *routes {
	lead := h.pool.lead
	y := &routes{lead: lead, targets: []reach{{shard: h, nobody: -1, requests: new(int64)}}, servers: slices.Clone(h.pool.Servers())}
	o := *h.pool.origin
	o.Servers = slices.Clone(o.Servers)
	if lead != nil {
		for _, r := range lead.Routes() {
			y.to = append(y.to, y.add(l.routedTo(h, r.Pool), h.tally.RoutedTo(r.Pool), &o))
		}
	}
	y.origin = &o
	if f := &h.pool.opts.Failover; f.Pool != "" {
		y.spare = &spare{to: l.routedTo(h, f.Pool), writes: f.Writes}
		y.spare.base = y.aside(y.spare.to, h.tally.RoutedTo(f.Pool))
	}
	y.slotted = slices.ContainsFunc(y.targets[1:], func(t reach) bool { return t.shard != nil && t.shard.pool.slotted })
	if name := h.pool.opts.Miss.Pool; name != "" {
		y.tier = l.tierOf(h, l.routedTo(h, name))
	}
	if o := &h.pool.opts.Dual; o.Pool != "" {
		y.dual = l.dualOf(h, l.routedTo(h, o.Pool))
		y.dual.base = y.targets[y.add(y.dual.shard(), h.tally.RoutedTo(o.Pool), y.origin)].base
	}
	if name := h.pool.opts.Mirror.Pool; name != "" {
		y.mirror = l.mirrorOf(h, l.routedTo(h, name))
		if h.pool.opts.Mirror.Ramp > 0 {
			y.mirror.base = y.aside(y.mirror.to, h.tally.RoutedTo(name))
		}
	}
	y.findAlike()
	return y
}

// findAlike finds the servers that clients may call scripts and functions at: once each, though several pools have it.
func (y *routes) findAlike() {
	y.alike = make([]*topology.Server, len(y.servers))
	for place, server := range y.servers {
		t := y.at(place)
		if server == nil || t.unasked || slices.ContainsFunc(y.alike[:place], func(other *topology.Server) bool {
			return t != &y.targets[0] && other != nil && other.Addr == server.Addr && !server.Unknown()
		}) {
			continue
		}
		y.alike[place] = server
		y.leads = y.leads || t != &y.targets[0]
	}
}

// add has keys be routed to a shard, whose servers o is to have as well, and returns which target that is.
func (y *routes) add(to *shard, requests *int64, o *stats.Origin) int {
	if i := slices.IndexFunc(y.targets, func(t reach) bool { return t.shard == to }); i >= 0 {
		return i
	}
	base := len(y.servers)
	if to != nil {
		y.servers = append(y.servers, to.pool.Servers()...)
		o.Servers, o.Addrs = append(o.Servers, to.pool.origin.Servers...), append(o.Addrs, to.pool.origin.Addrs...)
	}
	y.targets = append(y.targets, reach{shard: to, base: base, nobody: len(y.servers), requests: requests})
	y.servers, o.Servers = append(y.servers, nil), append(o.Servers, "")
	return len(y.targets) - 1
}

// aside has a shard be sent to which need not speak as clients wish, unless routes lead there as well. It returns its first place.
func (y *routes) aside(to *shard, requests *int64) (base int) {
	n := len(y.targets)
	i := y.add(to, requests, y.origin)
	y.targets[i].unasked = i == n || y.targets[i].unasked
	return y.targets[i].base
}

// routedTo is the shard of the pool of a name that h's routes mean; nil: there is none, for now. A pool that is removed is meant by
// clients that leave.
func (l *Local) routedTo(h *shard, name string) (found *shard) {
	for _, other := range l.shards {
		o := other.pool.Options()
		if o.Name == name && o.Protocol.Name() == h.pool.Options().Protocol.Name() && (found == nil || found.removed) {
			found = other
		}
	}
	return found
}

// same says that y and z lead the same keys to the same shards.
func (y *routes) same(z *routes) bool {
	if y == nil || z == nil {
		return y == z
	}
	return slices.Equal(y.lead.Routes(), z.lead.Routes()) && y.mirror.shard() == z.mirror.shard() && y.tier.shard() == z.tier.shard() && y.dual.shard() == z.dual.shard() && slices.Equal(y.to, z.to) &&
		slices.EqualFunc(y.targets, z.targets, func(a, b reach) bool { return a.shard == b.shard })
}

// mirror is that of h; nil: none.
func (h *shard) mirror() *mirror {
	if h.routes == nil {
		return nil
	}
	return h.routes.mirror
}

// target is the one of a key.
func (y *routes) target(key []byte) *reach {
	if y.lead != nil {
		if i := y.lead.Of(key); i >= 0 {
			return &y.targets[y.to[i]]
		}
	}
	return &y.targets[0]
}

// route is Route of ways.
func (y *routes) route(key []byte) (place int, server *topology.Server) {
	return y.target(key).route(key)
}

// route is where t has key.
func (t *reach) route(key []byte) (place int, server *topology.Server) {
	if t.shard == nil {
		return t.nobody, nil
	}
	if place, server = t.shard.pool.Router().Route(key); place < 0 {
		return t.nobody, nil
	}
	return t.base + place, server
}

// at is the target that a place is of.
func (y *routes) at(place int) *reach { return &y.targets[y.index(place)] }

// index is which of the targets that is.
func (y *routes) index(place int) int {
	i := len(y.targets) - 1
	for i > 0 && y.targets[i].base > place {
		i--
	}
	return i
}

// ways say which server has a key of a session: a Router, and the routes beside it.
type ways struct {
	router *topology.Router
	routes *routes // nil: none
}

// ways are those of s now.
func (s *Session) ways() ways { return ways{s.pool.Router(), s.routes} }

// Route returns the server that has key, and its place; see topology.Router.
func (w ways) Route(key []byte) (place int, server *topology.Server) {
	if w.routes != nil {
		return w.routes.route(key)
	}
	return w.router.Route(key)
}

// Place is Route without the server.
func (w ways) Place(key []byte) int {
	if w.routes != nil {
		place, _ := w.routes.route(key)
		return place
	}
	return w.router.Place(key)
}

// stands says that keys are where they were by was, as far as that is known without looking.
func (w ways) stands(was ways) bool { return w == was && w.routes == nil }

// shardAt is the shard that the server at a place is of.
func (s *Session) shardAt(place int) *shard {
	if s.routes == nil {
		return s.shard
	}
	return s.routes.at(place).shard
}

// slottedAt says that the server at a place is one of a cluster's.
func (s *Session) slottedAt(place int) bool {
	if s.routes == nil {
		return s.pool.slotted
	}
	h := s.routes.at(place).shard
	return h != nil && h.pool.slotted
}

// patientAt says that the server at a place is one of those that change places: what can't be sent there waits.
func (s *Session) patientAt(place int) bool {
	if s.routes == nil {
		return s.pool.patient
	}
	h := s.routes.at(place).shard
	return h != nil && h.pool.patient
}

// baseOf is the place of the first server of h.
func (s *Session) baseOf(h *shard) int {
	if s.routes != nil {
		for i := range s.routes.targets {
			if t := &s.routes.targets[i]; t.shard == h {
				return t.base
			}
		}
	}
	return 0
}

// connsAt is the Set over which s reaches the server at a place.
func (s *Session) connsAt(place int) *backend.Set {
	if s.routes == nil {
		return s.conns
	}
	return s.connsOf(s.routes.at(place).shard)
}

// toward is connsAt for a request that is sent, which it counts.
func (s *Session) toward(place int) *backend.Set {
	if s.routes != nil {
		return s.routedTo(place)
	}
	return s.conns
}

// routedTo is toward where there are routes.
func (s *Session) routedTo(place int) *backend.Set {
	t := s.routes.at(place)
	*t.requests++
	return s.connsOf(t.shard)
}

// connsOf is the Set over which s reaches the servers of h: of its profile, and in the database of the same number, if its pool has clients
// choose.
func (s *Session) connsOf(h *shard) *backend.Set {
	if h == s.shard || h == nil {
		return s.conns
	}
	return h.group.Set(s.cl.Profile, s.databaseOf(h))
}

// databaseOf is the database that s is in at the servers of h.
func (s *Session) databaseOf(h *shard) int {
	if p := s.pool.Protocol; h == s.shard || p.Databases() > 0 && p.Serves(s.cl.DB) && h.pool.Protocol.Serves(s.cl.DB) {
		return s.cl.DB
	}
	return h.pool.Protocol.Home()
}

// origin is what numbers the servers that s reaches.
func (s *Session) origin() *stats.Origin {
	if s.routes == nil {
		return s.pool.origin
	}
	return s.routes.origin
}

// reached are the servers that s may send keys to, by place.
func (s *Session) reached() []*topology.Server {
	if s.routes == nil {
		return s.pool.Servers()
	}
	return s.routes.servers
}

// shards are the shard of s, and those that its routes lead to.
func (s *Session) shards(yield func(h *shard) bool) {
	if !yield(s.shard) || s.routes == nil {
		return
	}
	for _, t := range s.routes.targets[1:] {
		if t.shard != nil && !t.unasked && !yield(t.shard) {
			return
		}
	}
}

// disturbed has the clients that are on l have their replies before they send more whose keys another shard may have now, or whose routes
// lead to a shard that is not ordered by its new pool.
func (l *Local) disturbed(ordered map[*shard]bool, moved []*shard) (waits map[*shard]bool) {
	waits = make(map[*shard]bool) // looked up alone
	for _, h := range moved {
		waits[h] = true
	}
	for _, h := range l.shards {
		if m := h.mirror(); m != nil && m.to != nil {
			if inOrder, changed := ordered[m.to]; changed && !inOrder {
				m.remapped()
			}
		}
		waits[h] = waits[h] || h.routes != nil && slices.ContainsFunc(h.routes.targets, func(t reach) bool {
			inOrder, changed := ordered[t.shard]
			return changed && !inOrder
		})
	}
	return waits
}
