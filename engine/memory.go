package engine

import (
	"fmt"
	"time"

	"cashew/session"
	"cashew/world"
)

// pressure is the sessions' Pressure, with what only keepHouse knows of it.
type pressure struct {
	session.Pressure
	since     time.Time // when it was last calm
	collected time.Time // when watchMemory last had garbage collected
}

// Shares of lineup.maxMemory at which the levels begin.
const (
	highShare     = 0.80
	criticalShare = 0.95

	// highTime is how long the level may stay high before it is taken for critical: clients that hold memory and wait for
	// each other would wait for ever.
	highTime = 5 * time.Second

	// collectEvery is how often garbage is collected while the level is not calm. The collector would let it lie: clients
	// are blocked, little is allocated, and what is garbage by now would go on being counted and cost them their connection.
	collectEvery = time.Second
)

// defaultMaxMemory is three quarters of what the process may have.
func defaultMaxMemory(m world.Memory) int { return int(m.MachineBytes() / 4 * 3) }

// keptShare is what pools may keep near of lineup.maxMemory, all together: it counts as all else does, and no client that is closed makes room.
const keptShare = 0.5

// roomy says that what pools keep near is no more than it may be.
func (l *lineup) roomy() error {
	kept := 0
	for i := range l.opts.Pools {
		kept += l.opts.Pools[i].Near.Bytes
	}
	if most := int(keptShare * float64(l.maxMemory)); kept > most {
		return fmt.Errorf("%s: %d bytes in all pools; half of %s, %d, is what they may have", l.opts.settingName("Near"), kept, l.opts.settingName("MaxMemoryBytes"), most)
	}
	return nil
}

// keepHouse looks after memory until the proxy stops: often for its limit, now and then for what can be given back. Every five seconds it
// has files looked at that may have been replaced.
func (p *Proxy) keepHouse() {
	const look, tidyEvery, filesEvery = 50 * time.Millisecond, 20, 100
	h := house{memory: p.world}
	for n := 1; p.world.Sleep(p.running, look) == nil; n++ {
		p.watchMemory()
		if n%tidyEvery == 0 {
			for _, l := range p.loops {
				l.loop.Execute(l.sessions.Tidy)
			}
			p.sweep()
			h.giveBack(uint64(p.pressure.Dropped.Swap(0)))
		}
		if n%filesEvery == 0 && p.hasFiles() {
			p.world.Go(p.lookAtFiles)
		}
	}
}

// watchMemory sets the level of pressure. Garbage does not count: before the level rises it is collected, and now and then
// while it is high.
func (p *Proxy) watchMemory() {
	was := p.pressure.Level.Load()
	level := p.levelOf(p.world.HeapBytes())
	if level > was || level > session.Calm && p.world.Now().Sub(p.pressure.collected) > collectEvery {
		p.world.Collect()
		p.pressure.collected = p.world.Now()
		level = p.levelOf(p.world.HeapBytes())
	}
	switch {
	case level == session.Calm:
		p.pressure.since = p.world.Now()
		if was == session.Calm {
			return
		}
	case p.world.Now().Sub(p.pressure.since) > highTime:
		level = session.Critical
	}
	p.pressure.Level.Store(level)
	if level != was {
		p.log.Warn("memory pressure", "level", [...]string{"calm", "high", "critical"}[level],
			"bytes", p.world.HeapBytes(), p.Options().settingName("MaxMemoryBytes"), p.now.Load().maxMemory)
	}
	for _, l := range p.loops {
		l.loop.Execute(func() { l.sessions.Relieve(level) })
	}
}

func (p *Proxy) levelOf(bytes uint64) int32 {
	switch share := float64(bytes) / float64(p.now.Load().maxMemory); {
	case share >= criticalShare:
		return session.Critical
	case share >= highShare:
		return session.High
	}
	return session.Calm
}

// house gives memory back after a burst. Go returns it by itself, but over minutes, and an operator who looks at the
// resident size sees a leak until then. A collection is forced only in a quiet moment (none since the last look) and only
// when the heap has grown by slackBytes since it was last cleaned, or buffers that were in it then were dropped.
type house struct {
	memory        world.Memory
	cycles, clean uint64
}

const slackBytes = 32 << 20

func (h *house) giveBack(dropped uint64) {
	held, n := h.memory.Held()
	h.clean = min(h.clean, held)
	h.clean -= min(h.clean, dropped) // was needed when it was last clean
	if n == h.cycles && held > h.clean+slackBytes {
		h.memory.GiveBack()
		h.clean, n = h.memory.Held()
	}
	h.cycles = n
}
