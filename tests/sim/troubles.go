package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"cashew/engine"
	"cashew/ring"
	"cashew/topology"
)

// troubles are all things that fail or are changed, by what a script calls them.
var troubles = map[string]func(*Run, *Trouble, *Server){
	"down": func(r *Run, t *Trouble, v *Server) {
		r.note("%s goes down, hard %v", v.Addr, t.Hard)
		v.Down(t.Hard)
	},
	"hangup": func(r *Run, t *Trouble, v *Server) {
		r.note("%s hangs up, hard %v", v.Addr, t.Hard)
		v.Hangup(t.Hard)
	},
	"stop": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s stops", v.Addr)
		v.Stopped = true
	},
	"late": func(r *Run, t *Trouble, v *Server) {
		r.note("%s is late by %v", v.Addr, t.For)
		v.Late = t.For
	},
	"loading": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s is loading", v.Addr)
		v.Loading = true
	},
	"firewall": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s is behind a firewall", v.Addr)
		v.Silent()
		v.Hangup(true)
	},
	"lose": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s loses all", v.Addr)
		v.Lose()
	},
	"move": func(r *Run, t *Trouble, v *Server) {
		if v.Move(t.Hard) {
			r.note("%s moves, its old address stays known: %v", v.Addr, t.Hard)
		}
	},
	"slots": func(r *Run, t *Trouble, _ *Server) {
		names, begun := r.keyNames(), 0
		for i := range 1 + t.N%24 {
			if r.fleet.move(ring.SlotOf([]byte(names[(t.N+i*i)%len(names)])), (t.Server+i)%len(r.fleet.shards)) {
				begun++
			}
		}
		r.note("%d slots begin to move", begun)
	},
	"failover": func(r *Run, t *Trouble, _ *Server) {
		shard := t.Server % len(r.fleet.shards)
		r.note("failover of shard %d, hard %v: %v", shard, t.Hard, r.fleet.failover(shard, t.Hard))
	},
	"send-end": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s sends its end", v.Addr)
		v.HalfClose()
	},
	"deafen": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s reads no more", v.Addr)
		v.Deafen()
	},
	"mute": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s tells nobody of writes any more", v.Addr)
		v.mutes = true
	},
	"read-slowly": func(r *Run, _ *Trouble, v *Server) {
		r.note("%s reads slowly", v.Addr)
		v.Slow = true
	},
	"cut":  func(r *Run, t *Trouble, v *Server) { r.spoil(v, Faults{Cut: t.N}) },
	"junk": func(r *Run, t *Trouble, v *Server) { r.spoil(v, Faults{Junk: t.N}) },
	"sick": func(r *Run, t *Trouble, v *Server) { r.spoil(v, Faults{Sick: t.N}) },
	"slow": func(r *Run, t *Trouble, _ *Server) {
		r.note("the network takes %v", t.For)
		r.sim.Slow = t.For
	},
	"memory": func(r *Run, t *Trouble, _ *Server) {
		r.note("%d MiB of heap", t.MiB)
		r.sim.Heap, r.pressed = uint64(t.MiB)<<20, true
	},
	"clients": func(r *Run, t *Trouble, _ *Server) {
		r.note("all clients hang up")
		for _, c := range r.clients {
			if c.conn != nil {
				c.vanish(t.Hard)
			}
		}
	},
	"reload":         func(r *Run, t *Trouble, _ *Server) { r.reload(t.Reload) },
	"upgrade":        func(r *Run, t *Trouble, _ *Server) { r.succeed(t, false) },
	"broken-upgrade": func(r *Run, t *Trouble, _ *Server) { r.succeed(t, true) },
}

// clusterTroubles are those that a Redis Cluster has besides.
var clusterTroubles = []string{"slots", "slots", "slots", "failover", "failover"}

// troublesOf are those that a script may have, the likelier ones several times.
func troublesOf(c *Script) []string {
	list := []string{
		"down", "hangup", "stop", "late", "loading", "firewall", "slow", "memory", "clients", "reload", "reload", "upgrade", "upgrade",
		"broken-upgrade",
	}
	list = append(list, "send-end", "deafen", "read-slowly", "cut", "junk")
	if c.Loose {
		list = append(list, "lose")
	}
	if c.Pools[0].Cluster {
		list = append(list, slices.Repeat(clusterTroubles, 4)...)
	}
	if c.Sick {
		list = append(list, "sick", "sick", "sick", "sick", "sick")
	}
	if slices.ContainsFunc(c.Pools, func(p PoolScript) bool { return p.Named }) {
		list = append(list, "move")
	}
	return list
}

// spoil has v do something wrong to some of its replies.
func (r *Run) spoil(v *Server, f Faults) {
	v.Faults = f
	r.note("%s has %v", v.Addr, f)
}

// reload has the proxy go on with other settings.
func (r *Run) reload(to *Reload) {
	o := r.options
	o.Pools = slices.Clone(o.Pools)
	o.MaxPipeline = to.MaxPipeline
	for i := range o.Pools {
		to.Pools[i%len(to.Pools)].give(&o.Pools[i], r.script.Sick)
	}
	if to.Move != "" {
		r.move(&o.Pools[to.Pool%len(o.Pools)], to)
	}
	r.note("reload: %d servers, %d server connections, timeout %v, max_pipeline %d", len(o.Pools[0].Servers), o.Pools[0].ServerConnections, o.Pools[0].Timeout, o.MaxPipeline)
	r.options = o
	r.await("a reload", 10*time.Second, func() error { _, err := r.proxy.Reload(o); return err })
}

// move adds a server to a pool, takes one away or gives it another name, which moves keys.
func (r *Run) move(po *engine.PoolOptions, to *Reload) {
	po.Servers = slices.Clone(po.Servers)
	at := to.At % len(po.Servers)
	switch {
	case to.Move == "add" && len(r.servers) < 20:
		r.addServer(po, to.At%3 == 0)
	case to.Move == "remove" && len(po.Servers) > 1:
		po.Servers = slices.Delete(po.Servers, at, at+1)
	case to.Move == "rename":
		r.renamed++
		po.Servers[at].Name = fmt.Sprintf("name%d", r.renamed)
	}
	ring.SortServers(po.Servers, func(s topology.ServerOptions) string { return s.Name })
}

// successor starts another proxy, with the listeners of this one.
func (r *Run) successor() (next *engine.Proxy, ok bool) {
	o := r.options
	o.Inherited = make(map[string]net.Listener)
	for i := range o.Pools {
		at := o.Pools[i].Listen.Addr
		if at == "" {
			continue // others route to it alone
		}
		dup, _ := (&listener{socket: r.sim.hosts[at].listener}).Dup()
		o.Inherited["tcp "+at] = dup
	}
	next, err := engine.New(o, r.sim, r.log)
	if err != nil {
		r.fail("New: %v", err)
		return nil, false
	}
	r.await("the successor's start", time.Second, next.Start)
	return next, true
}

// succeed has another proxy take the place of this one, and its clients; or it ends in the middle of that.
func (r *Run) succeed(t *Trouble, breaks bool) {
	s := r.sim
	next, ok := r.successor()
	if !ok {
		return
	}
	was, process := r.process, s.reactors[len(s.reactors)-1]
	here, there := s.channels()
	over := false
	if breaks { // with it end the clients that it had
		r.pressed = true
		s.after(t.For, func() {
			if !over {
				there.close()
				s.Go(func() { next.Stop(); process.exit() })
			}
		})
	}
	taken, given := -1, -1
	s.Go(func() {
		n, err := next.TakeOver(context.Background(), there)
		if err != nil && !breaks {
			r.fail("TakeOver: %v", err)
		}
		taken = n
	})
	old := r.proxy
	r.proxy = next
	if r.handed == 0 {
		r.handed = s.now
	}
	r.await("a hand-over", time.Minute, func() error {
		ctx, cancel := s.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		n, err := old.HandOver(ctx, here)
		over = true
		if err != nil && breaks {
			r.proxy = old
			return nil
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		given = n
		r.pressed = r.pressed || err != nil || len(old.Clients()) > 0 // who is left is hung up on, half-closed or not
		ctx, cancel = s.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err = old.Drain(ctx)
		old.Stop()
		was.exit()
		r.process = process
		if errors.Is(err, context.DeadlineExceeded) {
			r.pressed, err = true, nil
		}
		return err
	})
	if !s.Until(time.Second, func() bool { return taken >= 0 }) || taken != given && !breaks {
		r.fail("%d clients were given, %d taken", given, taken)
	}
	if r.proxy == old {
		r.note("a successor ended in the middle of the hand-over, with %d clients", taken)
		return
	}
	r.note("a successor has %d clients", taken)
}
