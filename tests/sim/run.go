package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/engine"
	"cashew/ring"
	"cashew/topology"
)

// A Run is one proxy, or two of which one succeeds the other, before some servers, with some clients; what happens to them depends
// on the seed alone. It goes through phases: something fails, or is changed, for a while; then all is well again, and after a time
// in which everybody may get over it no client may see an error.
type Run struct {
	sim     *Sim
	log     *slog.Logger
	options engine.Options
	proxy   *engine.Proxy
	servers []*Server
	clients []*Client

	loose   bool // keys move from server to server, which may lose them: a key may have whatever was ever written to it
	calm    bool // nothing fails, and what had failed is over
	resting bool // clients send nothing
	pressed bool // memory has been short: clients may be closed
	moving  bool // a proxy is ending: clients are hung up on

	Answered int64  // replies that were checked
	Trace    string // what happened, a line each
	Failure  string // the first thing that must not happen; "": none did
}

// NewRun makes one whose world begins with that seed.
func NewRun(seed uint64, log *slog.Logger) *Run {
	return &Run{sim: New(seed), log: log}
}

// fail notes what must not happen.
func (r *Run) fail(format string, args ...any) {
	if r.Failure == "" {
		r.Failure = fmt.Sprintf(format, args...)
		r.note("FAIL: %s", r.Failure)
	}
}

func (r *Run) note(format string, args ...any) {
	r.Trace += fmt.Sprintf("%12.6f ", time.Duration(r.sim.now-int64(time.Hour)).Seconds()) + fmt.Sprintf(format, args...) + "\n"
}

const (
	front          = "10.0.1.1:22121"
	frontMemcached = "10.0.1.1:11211"
)

// Play runs for so long of the world's time, and reports whether all that must hold did.
func (r *Run) Play(length time.Duration) bool {
	r.begin()
	for end := r.sim.now + int64(length); r.sim.now < end && r.Failure == ""; {
		r.phase()
	}
	r.end()
	return r.Failure == ""
}

// begin starts servers, the proxy and clients.
func (r *Run) begin() {
	s, rnd := r.sim, r.sim.rnd
	r.loose = rnd.IntN(3) == 0
	r.options = r.settings(1 + rnd.IntN(4))
	var err error
	if r.proxy, err = engine.New(r.options, s, r.log); err != nil {
		r.fail("New: %v", err)
		return
	}
	r.await("the start", time.Second, r.proxy.Start)
	for range 1 + rnd.IntN(30) {
		if i := rnd.IntN(len(r.options.Pools)); i == 0 {
			r.newClient(front, redisDialect{})
		} else {
			r.newClient(frontMemcached, memcachedDialect{})
		}
	}
	r.note("%d loops, %d servers, %d clients, %d server connections, timeout %v, max_pipeline %d, loose %v", r.options.Loops,
		len(r.servers), len(r.clients), r.pool().ServerConnections, r.pool().Timeout, r.options.MaxPipeline, r.loose)
}

func (r *Run) pool() *engine.PoolOptions { return &r.options.Pools[0] }

// settings are those of a proxy before new servers.
func (r *Run) settings(servers int) engine.Options {
	rnd := r.sim.rnd
	o := engine.DefaultOptions()
	o.Loops = 1 + rnd.IntN(3)
	o.MaxMemoryBytes = 256 << 20
	o.Pools = append(o.Pools, r.newPool("redis", front, resp.New(resp.Options{}), servers))
	if rnd.IntN(2) == 0 {
		o.Pools = append(o.Pools, r.newPool("memcached", frontMemcached, memcached.New(memcached.Options{}), 1+rnd.IntN(3)))
	}
	r.vary(&o)
	return o
}

// newPool are the settings of a pool before new servers.
func (r *Run) newPool(name, at string, speaks codec.Protocol, servers int) engine.PoolOptions {
	rnd := r.sim.rnd
	po := engine.DefaultPool(name)
	po.Protocol = speaks
	po.Listen = engine.Listen{Text: at, Network: "tcp", Addr: at}
	po.Distribution = []string{"ketama", "modula"}[rnd.IntN(2)]
	if rnd.IntN(2) == 0 {
		po.AutoEjectHosts, po.OnServerFailure, po.ServerRetryTimeout = true, topology.FailFast, time.Second
		po.ServerFailureLimit = 1 + rnd.IntN(3)
		if r.loose {
			po.OnServerFailure = topology.FailurePolicy(rnd.IntN(3))
		}
	}
	for range servers {
		r.addServer(&po)
	}
	return po
}

// addServer adds a server to a pool, and to the world.
func (r *Run) addServer(po *engine.PoolOptions) {
	at, add := fmt.Sprintf("10.0.0.%d:6379", 1+len(r.servers)), r.sim.NewRedis
	if po.Name == "memcached" {
		add = r.sim.NewMemcached
	}
	po.Servers = append(po.Servers, topology.ServerOptions{Name: at, PName: at + ":1", Network: "tcp", Addr: at, Weight: 1})
	r.servers = append(r.servers, add(at))
}

// move adds servers to a pool or takes some away, which moves keys.
func (r *Run) move(po *engine.PoolOptions) {
	rnd := r.sim.rnd
	po.Servers = slices.Clone(po.Servers)
	switch {
	case rnd.IntN(2) == 0 && len(r.servers) < 20:
		r.addServer(po)
	case len(po.Servers) > 1:
		i := rnd.IntN(len(po.Servers))
		po.Servers = slices.Delete(po.Servers, i, i+1)
	default:
		po.Servers[0].Name = fmt.Sprintf("name%d", rnd.IntN(100))
	}
	ring.SortServers(po.Servers, func(s topology.ServerOptions) string { return s.Name })
}

// vary changes settings that move no key.
func (r *Run) vary(o *engine.Options) {
	rnd := r.sim.rnd
	for i := range o.Pools {
		po := &o.Pools[i]
		po.Timeout = time.Duration(rnd.IntN(2)*(20+rnd.IntN(400))) * time.Millisecond
		po.ServerConnections = 1 + rnd.IntN(2)
		po.Preconnect = rnd.IntN(2) == 0
		po.IntegrityInterval = time.Duration(rnd.IntN(3)) * time.Second
	}
	o.MaxPipeline = []int{1, 3, 16, 1024}[rnd.IntN(4)]
}

// await has a task do f, and steps until it has.
func (r *Run) await(what string, limit time.Duration, f func() error) {
	done := false
	r.sim.Go(func() {
		if err := f(); err != nil {
			r.fail("%s: %v", what, err)
		}
		done = true
	})
	if !r.sim.Until(limit, func() bool { return done || r.Failure != "" }) {
		r.fail("%s is not over after %v", what, limit)
	}
}

// steps lets time pass, until something has gone wrong.
func (r *Run) steps(d time.Duration) {
	end := r.sim.now + int64(d)
	for r.sim.now < end && r.Failure == "" && r.sim.Step() {
	}
}

// graceTime is how long after all is well again a client may still see an error: a server that was ejected again and again is
// asked how it is after eight seconds only.
const graceTime = 10 * time.Second

// phase has something fail or change, be well again, and stay so for a while.
func (r *Run) phase() {
	rnd := r.sim.rnd
	r.calm, r.pressed = false, false
	for range 1 + rnd.IntN(3) {
		r.trouble()
		r.steps(time.Duration(rnd.Int64N(int64(time.Second))))
	}
	for _, v := range r.servers {
		v.Up()
	}
	r.sim.Slow, r.sim.Heap = 200*time.Microsecond, 20<<20
	r.note("all is well")
	r.rest()
	if r.Failure != "" {
		return
	}
	r.calm = true
	r.resting = false
	for _, c := range r.clients {
		c.settle()
		c.soon()
	}
	r.steps(time.Duration(rnd.Int64N(int64(time.Second))))
}

// rest has clients send nothing until all is answered, for which there is a limit, and then until nothing is left of what failed.
func (r *Run) rest() {
	limit := graceTime + 2*time.Second // four times the longest timeout
	r.resting = true
	for _, c := range r.clients {
		c.lazy = false
		c.soon()
	}
	idle := func() bool {
		for _, c := range r.clients {
			if !c.Idle() {
				return false
			}
		}
		return true
	}
	if !r.sim.Until(limit, func() bool { return r.Failure != "" || idle() }) {
		for _, c := range r.clients {
			if !c.Idle() {
				r.fail("client %d is still owed %d replies after %v in which all was well", c.id, c.inFlight(), limit)
			}
		}
	}
	r.steps(graceTime)
}

// trouble is one thing that fails or is changed.
func (r *Run) trouble() {
	rnd := r.sim.rnd
	v := r.servers[rnd.IntN(len(r.servers))]
	switch rnd.IntN(13) {
	case 0:
		hard := rnd.IntN(2) == 0
		r.note("%s goes down, hard %v", v.Addr, hard)
		v.Down(hard)
	case 1:
		hard := rnd.IntN(2) == 0
		r.note("%s hangs up, hard %v", v.Addr, hard)
		v.Hangup(hard)
	case 2:
		r.note("%s stops", v.Addr)
		v.Stopped = true
	case 3:
		v.Late = time.Duration(rnd.Int64N(int64(600 * time.Millisecond)))
		r.note("%s is late by %v", v.Addr, v.Late)
	case 4:
		r.note("%s is loading", v.Addr)
		v.Loading = true
	case 5:
		r.note("%s is behind a firewall", v.Addr)
		v.Silent()
		v.Hangup(true)
	case 6:
		r.sim.Slow = time.Duration(rnd.Int64N(int64(50 * time.Millisecond)))
		r.note("the network takes %v", r.sim.Slow)
	case 7:
		r.sim.Heap, r.pressed = uint64(rnd.Int64N(260<<20)), true
		r.note("%d MiB of heap", r.sim.Heap>>20)
	case 8:
		r.note("all clients hang up")
		for _, c := range r.clients {
			if c.conn != nil {
				c.vanish(rnd.IntN(2) == 0)
			}
		}
	case 9, 10:
		r.reload()
	case 11:
		r.succeed()
	case 12:
		if r.loose {
			r.note("%s loses all", v.Addr)
			v.Lose()
		}
	}
}

// reload has the proxy go on with other settings.
func (r *Run) reload() {
	o := r.options
	o.Pools = append([]engine.PoolOptions(nil), o.Pools...)
	r.vary(&o)
	if r.loose {
		r.move(&o.Pools[r.sim.rnd.IntN(len(o.Pools))])
	}
	r.note("reload: %d servers, %d server connections, timeout %v, max_pipeline %d", len(o.Pools[0].Servers), o.Pools[0].ServerConnections, o.Pools[0].Timeout, o.MaxPipeline)
	r.options = o
	r.await("a reload", 10*time.Second, func() error { _, err := r.proxy.Reload(o); return err })
}

// succeed has another proxy take the place of this one, and its clients.
func (r *Run) succeed() {
	s := r.sim
	o := r.options
	o.Inherited = make(map[string]net.Listener)
	for i := range o.Pools {
		at := o.Pools[i].Listen.Addr
		dup, _ := (&listener{socket: s.hosts[at].listener}).Dup()
		o.Inherited["tcp "+at] = dup
	}
	next, err := engine.New(o, s, r.log)
	if err != nil {
		r.fail("New: %v", err)
		return
	}
	r.await("the successor's start", time.Second, next.Start)
	here, there := s.channels()
	breaks := s.rnd.IntN(4) == 0 // the successor ends in the middle of it
	if breaks {
		s.after(time.Duration(s.rnd.Int64N(int64(20*time.Millisecond))), here.close)
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
	r.await("a hand-over", time.Minute, func() error {
		ctx, cancel := s.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		n, err := old.HandOver(ctx, here)
		if err != nil && breaks {
			r.proxy = old
			next.Stop()
			return nil
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		given = n
		ctx, cancel = s.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err = old.Drain(ctx)
		old.Stop()
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil
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

// end drains the proxy, and looks for what is left.
func (r *Run) end() {
	if r.Failure != "" {
		return
	}
	r.calm, r.moving, r.resting = false, true, true
	r.await("the drain", 30*time.Second, func() error { return r.proxy.Drain(context.Background()) })
	r.await("the stop", time.Second, func() error { r.proxy.Stop(); return nil })
	for _, c := range r.clients {
		if c.conn != nil {
			c.vanish(true)
		}
	}
	for _, v := range r.servers {
		v.Hangup(true)
	}
	r.steps(2 * time.Second)
	if r.Failure == "" && r.sim.open != 0 {
		r.fail("%d ends of connections are open when all is over", r.sim.open)
	}
	if r.Failure == "" && r.sim.tasks != 0 {
		r.fail("%d tasks have not ended when all is over", r.sim.tasks)
	}
}

// Lines are the last lines of what happened.
func (r *Run) Lines(n int) string {
	lines := strings.Split(strings.TrimSpace(r.Trace), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
