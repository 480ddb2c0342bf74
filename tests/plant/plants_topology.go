package main

// topologyPlants are faults of what is known of servers: who is ejected, who comes back, which is the same after a reload.
var topologyPlants = []plant{
	{"rejoin-leaves-the-old-ring", "topology/health.go", "		p.health.wanted = nil\n		if live == nil", "		p.health.wanted = nil\n		if live != nil && len(live) == 2 {\n			live = nil\n		}\n		if live == nil"},
	{"ejected-for-ever", "topology/health.go", "	s.out, s.rejoined = false, p.world.Now()", "	s.rejoined = p.world.Now()"},
	{"rejoined-server-stays-down", "topology/health.go", "	s.set(ejectedBit, false)\n	s.failures.Store(0)\n	s.trial.Store(trialReplies)", "	s.failures.Store(0)\n	s.trial.Store(trialReplies)"},
	{"failures-add-up", "topology/health.go", "	s.failures.Store(0)\n	if s.trial.Load() > 0 && s.trial.Add(-1) == 0 {", "	if s.trial.Load() > 0 && s.trial.Add(-1) == 0 {"},
	{"one-failure-more", "topology/health.go", "	if int(s.failures.Add(1)) < limit {", "	if int(s.failures.Add(1)) <= limit {"},
	{"back-without-a-trial", "topology/health.go", "	s.trial.Store(trialReplies)\n", ""},
	{"probed-once", "topology/health.go", "		p.retryInLocked(s, min(probeInterval, max(p.opts.ServerRetryTimeout, time.Millisecond)), true)\n		return", "		return"},
	{"suspected-for-ever", "topology/health.go", "	return s.suspects.Swap(0)", "	return s.suspects.Load()"},
	{"suspect-is-condemned", "topology/health.go", "ended > 0 && err != nil; ended-- {", "ended > 0 && (err != nil || ended > 0); ended-- {"},
	{"ring-is-built-once", "topology/health.go", "			p.health.building = false\n			p.registry.mu.Unlock()\n			return", "			p.registry.mu.Unlock()\n			return"},
	{"ring-of-before", "topology/health.go", "	if p.health.wanted = live; !p.health.building {", "	if !p.health.building {\n		p.health.wanted = live"},
	{"penalty-has-no-end", "topology/health.go", "		s.penalty = min(2*s.penalty, maxPenalty)", "		s.penalty = 20 * s.penalty"},
	{"all-ejected-and-none-hurries", "topology/health.go", "	if live == 0 {\n		p.hurryLocked()\n	}\n", ""},
	{"probe-keeps-its-connection", "topology/probe.go", "	defer c.Close() //nolint:errcheck // nothing was written that could be lost\n", ""},
	{"dial-without-a-deadline", "topology/resolve.go", "	ctx, cancel := p.world.WithTimeout(context.Background(), p.dialTimeout())\n	defer cancel()\n	addrs", "	ctx := context.Background()\n	addrs"},
	{"names-are-looked-up-once", "topology/resolve.go", "	r.next = time.Time{}\n", ""},
	{"moved-name-is-told-once", "topology/resolve.go", "	if was == nil || tell {", "	if was == nil {"},
	{"two-servers-in-one-slot", "topology/successor.go", "				taken[servers[i].slot] = true\n", ""},
	{"reload-forgets-the-ejected", "topology/successor.go", "		} else if s.out {\n			p.retryInLocked", "		} else if s.out && false {\n			p.retryInLocked"},
	{"reload-has-a-whole-ring", "topology/successor.go", "	p.health.wanted, p.health.building = live, true\n	return true", "	_ = live\n	return false"},
	{"reload-forgets-a-suspect", "topology/successor.go", "		s.suspects.Store(0)                              // old's probe is under way, and nobody will ask what it said\n", ""},
	{"old-pool-goes-on", "topology/successor.go", "	old.stopLocked()\n", ""},
	{"same-address-is-the-same-name", "topology/successor.go", "from[i] < 0 && len(j) > 0 {", "from[i] < 0 && len(j) > 1 {"},
}
