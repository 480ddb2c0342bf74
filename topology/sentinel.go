package topology

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"cashew/codec"
)

// masters is what the sentinels of a pool said so far of its masters, and what they are heard of. As of a cluster, it outlives the pool:
//
//	round (round.go) --answers--> learnMasters --> moves: addresses that are not in force --> a successor of the pool
//	listen (sentinelevents.go) --event--> a round, at once; or a master is held, and its replica looked at
//
// Of two addresses of a master it is the one with the higher configuration epoch, and none comes back with a lower one:
//
//	said by                                      of a master at A with epoch E
//	anybody: it is at X, with an epoch above E   it is at X
//	anybody: it is at X, with one of E or below  it stays at A, unless most of all sentinels say so, and nobody another, several rounds
//	nobody anything                              it stays at A
//
// A replica that is about to be the master, and says that it is one, is taken for it before any sentinel says so (early). If none does in
// time, the master is where they say.
type masters struct {
	mu     sync.Mutex
	of     map[string]*master // by name
	asked  []ServerOptions    // sentinels that are known from the file
	others []ServerOptions    // sentinels that sentinels told of, the last time
	heard  map[string]bool    // addresses of sentinels that are listened to
	pool   *Pool              // that follows, or did last
}

// master is what is known of one.
type master struct {
	addr    string // "": nothing
	epoch   uint64
	early   int64 // until when addr is believed though no sentinel has said so, in nanoseconds of the World; 0: one has
	lower   int   // rounds in a row in which most said otherwise
	foreign bool  // those who said so are asked no more: whatever others say is believed
	strange bool  // the log has that no sentinel knows it
	holds   int   // how often it was held

	replicas []string // addresses, sorted
}

const (
	sentinelRefresh = 3 * time.Second        // between rounds that nothing calls for, give or take a tenth
	askGap          = 300 * time.Millisecond // between rounds that servers call for which can't be reached
	maxOthers       = 64
)

func (m *masters) init() {
	m.of, m.heard = make(map[string]*master), make(map[string]bool)
}

// sentinels are those that are asked besides the file's.
func (m *masters) sentinels() []ServerOptions {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.others
}

// follow has p be the pool whose masters these are.
func (m *masters) follow(p *Pool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := slices.Concat(m.asked, m.others)
	if len(known) > 0 && !slices.ContainsFunc(p.opts.Sentinels, func(s ServerOptions) bool { return slices.Contains(known, s) }) {
		m.others = nil
		for i := range p.opts.Servers {
			m.named(p.opts.Servers[i].Master).foreign = true
		}
	}
	m.asked, m.pool = p.opts.Sentinels, p
	for i := range p.opts.Servers {
		if s := &p.opts.Servers[i]; s.Addr != "" && m.named(s.Master).addr == "" {
			m.of[s.Master].addr = s.Addr
		}
	}
}

// forget is for a pool that has no sentinels any more: nobody listens to those that it had.
func (m *masters) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of, m.asked, m.others = make(map[string]*master), nil, nil
}

// named is what is known of a master.
func (m *masters) named(name string) *master {
	k := m.of[name]
	if k == nil {
		k = new(master)
		m.of[name] = k
	}
	return k
}

// told asks a sentinel about all masters. It blocks.
func (p *Pool) told(s *ServerOptions) (said []codec.Master, err error) {
	protocol := p.opts.Protocol
	c, err := p.enter(sentinelServer(s.Addr), codec.Login{Server: codec.ToSentinels}, 0)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // nothing was written that could be lost
	for i := range p.opts.Servers {
		name := p.opts.Servers[i].Master
		var replies [][]byte
		for _, command := range protocol.MasterCommands(name) {
			reply, err := ask(c, protocol, command, maxProbeReply)
			if err != nil {
				return nil, err
			}
			replies = append(replies, reply)
		}
		m, err := protocol.ParseMaster(name, replies)
		if err != nil {
			return nil, err
		}
		if p.opts.Reads() {
			reply, err := ask(c, protocol, protocol.ReplicaCommand(name), maxProbeReply)
			if err != nil {
				return nil, err
			}
			m.Replicas, _ = protocol.ParseReplicas(reply) // a user that may not ask knows of none
		}
		said = append(said, m)
	}
	return said, nil
}

// learnMasters has masters be where a round says.
func (p *Pool) learnMasters(answers []answer) {
	m := &p.registry.masters
	m.mu.Lock()
	defer m.mu.Unlock()
	m.meet(answers)
	most := len(m.all())/2 + 1
	for i := range p.opts.Servers {
		name := p.opts.Servers[i].Master
		var said []codec.Master
		for _, a := range answers {
			if at := slices.IndexFunc(a.masters, func(s codec.Master) bool { return s.Name == name }); at >= 0 && a.masters[at].Addr != "" {
				said = append(said, a.masters[at])
			}
		}
		k := m.named(name)
		if len(said) == 0 && !k.strange {
			p.log.Warn("no sentinel knows the master", "pool", p.opts.Name, "master", name)
		}
		if k.strange = len(said) == 0; !k.strange {
			k.learn(said, most, p.world.Nanos())
			k.learnReplicas(said)
		}
	}
}

// learn has k be where sentinels say.
func (k *master) learn(said []codec.Master, most int, now int64) {
	votes := func(of *codec.Master) (n int) {
		for i := range said {
			if said[i].Addr == of.Addr {
				n++
			}
		}
		return n
	}
	best := slices.MaxFunc(said, func(a, b codec.Master) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(votes(&a), votes(&b)))
	})
	switch n := votes(&best); {
	case k.addr == "" || k.foreign || best.Epoch > k.epoch:
	case best.Addr == k.addr || k.early > now || n < len(said) && k.early == 0:
		k.lower = 0
		return
	case k.early != 0: // nothing came of it
	case n < most:
		return
	default:
		if k.lower++; k.lower < settledAfter {
			return
		}
	}
	*k = master{addr: best.Addr, epoch: best.Epoch, holds: k.holds, replicas: k.replicas}
}

// learnReplicas has k's replicas be those of whom anybody tells who says that the master is where it is.
func (k *master) learnReplicas(said []codec.Master) {
	var all []string
	for i := range said {
		if said[i].Addr == k.addr {
			all = append(all, said[i].Replicas...)
		}
	}
	if all == nil {
		return // a moment ago they were others' replicas
	}
	slices.Sort(all)
	all = slices.Compact(all)
	k.replicas = slices.DeleteFunc(all, func(addr string) bool { return addr == k.addr })
}

// meet notes which sentinels the ones that answered know.
func (m *masters) meet(answers []answer) {
	var others []ServerOptions
	for _, a := range answers {
		for i := range a.masters {
			for _, addr := range a.masters[i].Others {
				if s := ServerAt(addr); len(others) < maxOthers && !slices.Contains(others, s) && !slices.Contains(m.asked, s) {
					others = append(others, s)
				}
			}
		}
	}
	m.others = others
}

// all are the sentinels that are known.
func (m *masters) all() []ServerOptions { return slices.Concat(m.asked, m.others) }

// moves are the masters that are elsewhere than p has them; nil: none is.
func (p *Pool) moves() *Found {
	m := &p.registry.masters
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &Found{Servers: slices.Clone(p.opts.Servers)}
	for i := range f.Servers {
		s := &f.Servers[i]
		k := m.named(s.Master)
		f.addReplicas(p, s, k)
		if k.addr == "" || k.addr == s.Addr {
			continue
		}
		if s.Addr != "" {
			f.Left = append(f.Left, s.Addr)
		}
		f.Joined = append(f.Joined, k.addr)
		s.Addr = k.addr
		if f.Early = f.Early || k.early != 0; k.early == 0 {
			f.Epoch = max(f.Epoch, k.epoch)
		}
		f.Moved++
	}
	if f.Moved == 0 && slices.Equal(f.Replicas, p.opts.Replicas) {
		return nil
	}
	return f
}

// addReplicas has f have the replicas of a master.
func (f *Found) addReplicas(p *Pool, s *ServerOptions, k *master) {
	if !p.opts.Reads() {
		return
	}
	for _, addr := range k.replicas {
		r := ServerAt(addr)
		if r.Of = s.Name; addr != k.addr && !slices.ContainsFunc(f.Replicas, func(o ServerOptions) bool { return o.Addr == addr }) {
			f.Replicas = append(f.Replicas, r)
		}
	}
}

// SentinelFigures are those of masters that sentinels know.
type SentinelFigures struct {
	Applied, Failed int64 // changes of where masters are that came into force; rounds in which no sentinel answered
	Unknown, Held   int   // masters of which nobody has told where they are; whose place another is about to take
	Sentinels       int   // that are known
}

// SentinelFigures are those of p's masters, also of the pools that p replaced; nil: no sentinel is asked.
func (p *Pool) SentinelFigures() *SentinelFigures {
	if len(p.opts.Sentinels) == 0 {
		return nil
	}
	d, m := &p.registry.discovery, &p.registry.masters
	f := &SentinelFigures{Applied: d.applied.Load(), Failed: d.failed.Load()}
	for _, s := range p.servers {
		if s.Unknown() {
			f.Unknown++
		}
		if s.Held() {
			f.Held++
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f.Sentinels = len(m.all())
	return f
}
