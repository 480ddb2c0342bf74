package sim

import (
	"log/slog"
	"slices"
	"time"
)

// shrink makes the script of a failure shorter, as long as one that fails is found and the clock on the wall allows, and returns the
// shortest. Any failure will do: what matters is that something is wrong in a world that a person can overlook.
func shrink(c *Script, until time.Time) *Script {
	best := c
	fails := func(try *Script) bool {
		if time.Now().After(until) {
			return false
		}
		for range 3 { // orders of what happens in it
			r := newRun(try, slog.New(slog.DiscardHandler))
			if !r.play() {
				try.Phases = try.Phases[:max(r.phases, 1)] // what comes later did not come
				best = try
				return true
			}
			r.sim.Close()
			try.Seed += 1_000_003
		}
		return false
	}
	for again := true; again && time.Now().Before(until); {
		again = false
		for _, cut := range cuts {
			for i := 0; ; i++ {
				try := best.clone()
				if !cut(try, i) {
					break
				}
				if fails(try) {
					again = true
					i-- // what stands at i now is another
				}
			}
		}
	}
	return best
}

// cuts make a script shorter, each in one way. i says which part they leave out; false: there is none, or it cannot be shorter.
var cuts = []func(c *Script, i int) bool{
	func(c *Script, i int) bool { return drop(&c.Phases, i, 1) },
	func(c *Script, i int) bool { // half the clients
		n := (len(c.Clients) + 1) / 2
		return n > 1 && i < 2 && drop(&c.Clients, i*(len(c.Clients)-n), n-len(c.Clients)%2)
	},
	func(c *Script, i int) bool { return drop(&c.Clients, i, 1) },
	func(c *Script, i int) bool {
		for k := range c.Phases {
			if i < len(c.Phases[k].Troubles) {
				c.Phases[k].Troubles = slices.Delete(c.Phases[k].Troubles, i, i+1)
				return true
			}
			i -= len(c.Phases[k].Troubles)
		}
		return false
	},
	func(c *Script, i int) bool { // a last pool that no client needs
		last := len(c.Pools) - 1
		if i > 0 || last == 0 || slices.ContainsFunc(c.Clients, func(k ClientScript) bool { return k.Pool == last }) {
			return false
		}
		c.Pools = c.Pools[:last]
		return true
	},
	func(c *Script, i int) bool { return i == 0 && fewer(&c.Loops) },
	func(c *Script, i int) bool { return i < len(c.Pools) && fewer(&c.Pools[i].Servers) },
	func(c *Script, i int) bool {
		return i < len(c.Pools) && clearTo(&c.Pools[i].Settings, Settings{ServerConnections: 1})
	},
	func(c *Script, i int) bool { return i < len(c.Pools) && clearTo(&c.Pools[i].Eject, 0) },
	func(c *Script, i int) bool { return i < len(c.Pools) && clearTo(&c.Pools[i].Named, false) },
	func(c *Script, i int) bool { return i == 0 && clearTo(&c.MaxPipeline, 1024) },
	func(c *Script, i int) bool { return i < len(c.Clients) && clearTo(&c.Clients[i].Three, false) },
	func(c *Script, i int) bool { return i < len(c.Clients) && fewer(&c.Clients[i].Depth) },
	func(c *Script, i int) bool { return i < len(c.Clients) && fewer(&c.Clients[i].Keys) },
	func(c *Script, i int) bool { // a client that falls silent
		if i >= len(c.Clients) {
			return false
		}
		if c.Clients[i].Commands == 0 {
			c.Clients[i].Commands = 2000
			return true
		}
		return fewer(&c.Clients[i].Commands)
	},
	func(c *Script, i int) bool { return i < len(c.Phases) && clearTo(&c.Phases[i].Calm, 0) },
}

// drop leaves n elements out.
func drop[T any](list *[]T, at, n int) bool {
	if at < 0 || n < 1 || at+n > len(*list) || n == len(*list) {
		return false
	}
	*list = slices.Delete(*list, at, at+n)
	return true
}

// fewer halves a number.
func fewer(n *int) bool {
	if *n <= 1 {
		return false
	}
	*n = max(*n/2, 1)
	return true
}

// clearTo sets a value; false: it has that already.
func clearTo[T comparable](v *T, to T) bool {
	if *v == to {
		return false
	}
	*v = to
	return true
}
