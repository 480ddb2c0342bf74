package main

// enginePlants are faults of the proxy as a whole: a reload, a hand-over, a drain, memory.
var enginePlants = []plant{
	{"reload-forgets-a-loop", "engine/reload.go", "	all := world.NewGroup(p.world)\n	for _, l := range p.loops {\n		all.Add(1)", "	all := world.NewGroup(p.world)\n	for i, l := range p.loops {\n		if i == 1 {\n			break\n		}\n		all.Add(1)"},

	// Reload.
	{"reload-does-not-wait", "engine/reload.go", "	_ = all.Wait(p.running)\n", ""},
	{"reload-forgets-the-listener", "engine/reload.go", "	for ln, pl := range c.next.seated() {\n		ln.pool.Store(pl)\n	}\n	p.linger(c)", "	p.linger(c)"},
	{"removed-pool-is-never-swept", "engine/reload.go", "		p.leaving = append(p.leaving, pl)\n", "		_ = pl\n"},

	// Drain.
	{"last-client-wakes-nobody", "engine/listener.go", "		p.proxy.emptied.Set()\n", "		_ = p.proxy\n"},
	{"accept-is-not-stopped", "engine/listener.go", "	ln.nl.AcceptBy(ln.proxy.world.Now())\n", ""},
	{"drain-skips-a-loop", "engine/drain.go", "	p.onLoops(func(r *rooms) { r.sessions.Drain(within) })", "	p.onLoops(func(r *rooms) {\n		if r != p.loops[len(p.loops)-1] || len(p.loops) == 1 {\n			r.sessions.Drain(within)\n		}\n	})"},
	{"listener-is-left-open", "engine/drain.go", "	for _, ln := range all {\n		_ = ln.nl.Close()\n	}\n", "	_ = all\n"},
	{"rejected-client-is-counted", "engine/listener.go", "		p.Left()\n		p.clients.rejected.Add(1)", "		p.clients.rejected.Add(1)"},

	// Hand-over.
	{"after-a-failed-hand-over-it-drains", "engine/handover.go", "	p.draining.Store(false)\n", ""},
	{"after-a-failed-hand-over-nobody-accepts", "engine/handover.go", "		p.accept(ln)\n", ""},
	{"given-descriptor-is-kept", "engine/handover.go", "			p.world.Drop(c.FD)\n			taken++", "			taken++"},
	{"client-that-nobody-took-is-lost", "engine/handover.go", "			p.takeBack(c)\n", "			_ = i\n"},
	{"hand-over-parts-one-loop", "engine/handover.go", "		gone, left, stays = append(gone, parted...), left+others, stays+staying", "		gone, left, stays = parted, left+others, stays+staying"},
	{"hand-over-leaves-its-spares", "engine/handover.go", "		for _, nl := range byKey(spare) {\n			_ = nl.Close()\n		}\n	}()\n	p.draining", "	}()\n	p.draining"},
	{"taken-client-has-no-input", "engine/takeover.go", "	if _, err := conn.Read(ctx, c.Input); err != nil {\n		return c, false, err\n	}\n	return c, true, nil", "	if _, err := conn.Read(ctx, c.Input); err != nil {\n		return c, false, err\n	}\n	c.Input = nil\n	return c, true, nil"},
}
