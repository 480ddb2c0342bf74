package engine

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cashew/topology"
)

// plan is what a reload is going to do.
type plan struct {
	next           *lineup
	added, removed []*pool
	changed        []replaced
	seats          // of next
	Changes
}

// replaced is a pool and the one that takes its place.
type replaced struct{ old, new *pool }

// plan builds what o asks for. Errors are joined.
func (p *Proxy) plan(o Options) (*plan, error) {
	now := p.now.Load()
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Pools = slices.Clone(o.Pools)
	c := &plan{next: newLineup(&o, p.world)}
	c.keepFixed(now)
	errs := []error{c.next.roomy()}
	seen, have := make(map[string]bool), slices.Concat(p.listeners(), p.lingering)
	for i := range o.Pools {
		po := &o.Pools[i]
		if seen[po.Name] {
			errs = append(errs, fmt.Errorf("pool %s: there are two of that name", po.Name))
			continue
		}
		seen[po.Name] = true
		if note := o.keepBound(po, have); note != "" {
			c.Notes = append(c.Notes, note)
		}
		old := named(now.pools, po.Name)
		if old != nil {
			po.Protocol = po.Protocol.After(old.opts.Protocol)
			po.keepDiscovered(old.opts)
		}
		if old != nil && reflect.DeepEqual(old.opts, po) {
			c.next.pools = append(c.next.pools, old)
			c.Unchanged = append(c.Unchanged, po.Name)
			continue
		}
		pl, err := p.newPool(po, old)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		c.next.pools = append(c.next.pools, pl)
		if old != nil && old.Protocol.Name() == po.Protocol.Name() {
			c.changed = append(c.changed, replaced{old, pl})
			c.Changed = append(c.Changed, po.Name)
			c.Notes = append(c.Notes, o.differences(old.opts, po)...)
			continue
		}
		c.added = append(c.added, pl)
		c.Added = append(c.Added, po.Name)
	}
	for _, old := range now.pools {
		if pl := named(c.next.pools, old.Name); pl == nil || slices.Contains(c.added, pl) {
			c.removed = append(c.removed, old)
			c.Removed = append(c.Removed, old.Name)
		}
	}
	return c, errors.Join(errs...)
}

// keepFixed keeps what only a start can set, and what is not the proxy's to change.
func (c *plan) keepFixed(now *lineup) {
	o := c.next.opts
	if c.next.loops != now.loops {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: stays %d until a restart", o.settingName("Loops"), now.loops))
		o.Loops, c.next.loops = now.opts.Loops, now.loops
	}
	if n := now.opts.ReadBufferBytes; o.ReadBufferBytes != n {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: stays %d until a restart", o.settingName("ReadBufferBytes"), n))
		o.ReadBufferBytes = n
	}
	o.Admin = now.opts.Admin
	o.Inherited = nil
}

// keepDiscovered has a pool that was a cluster and stays one have what its servers said, until others say more: the file knows its seeds
// alone. So it has masters be where sentinels said, and a pool whose servers are looked for elsewhere go on with them.
func (o *PoolOptions) keepDiscovered(was *PoolOptions) {
	if o.Cluster && was.Cluster && was.Slots != nil {
		o.Servers, o.Slots = was.Servers, was.Slots
		if o.Reads() {
			o.Replicas = was.Replicas
		}
	}
	if o.Discovery != "" && reflect.DeepEqual(&o.DiscoveryOptions, &was.DiscoveryOptions) { // what was found meanwhile
		o.Servers = was.Servers
	}
	if len(o.Sentinels) == 0 {
		return
	}
	o.Servers = slices.Clone(o.Servers)
	for i := range o.Servers {
		s := &o.Servers[i]
		if j := slices.IndexFunc(was.Servers, func(w topology.ServerOptions) bool { return w.Master == s.Master }); j >= 0 {
			s.Addr = was.Servers[j].Addr
			for _, r := range was.Replicas {
				if r.Of == was.Servers[j].Name && o.Reads() {
					r.Of = s.Name
					o.Replicas = append(o.Replicas, r)
				}
			}
		}
	}
}

func named(pools []*pool, name string) *pool {
	i := slices.IndexFunc(pools, func(p *pool) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return pools[i]
}

// differences says what is new about a pool: its servers, and the names of its other settings.
func (o *Options) differences(a, b *PoolOptions) (notes []string) {
	for _, d := range []struct {
		text   string
		of, in []topology.ServerOptions
	}{
		{"server added", b.Servers, a.Servers},
		{"server removed", a.Servers, b.Servers},
		{"replica added", b.Replicas, a.Replicas},
		{"replica removed", a.Replicas, b.Replicas},
	} {
		for _, s := range d.of {
			if !slices.Contains(d.in, s) {
				notes = append(notes, fmt.Sprintf("pool %s: %s: %s", b.Name, d.text, strings.TrimSpace(s.PName+" "+s.Name)))
			}
		}
	}
	var settings, lasting []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[PoolOptions]()) {
		if f.Anonymous || f.Name == "Servers" || f.Name == "Slots" || f.Name == "Replicas" || f.Name == "ReadsByOp" {
			continue
		}
		x, y := reflect.ValueOf(a).Elem().FieldByIndex(f.Index), reflect.ValueOf(b).Elem().FieldByIndex(f.Index)
		if !reflect.DeepEqual(x.Interface(), y.Interface()) {
			settings = append(settings, o.settingName(f.Name))
			if f.Name == "TCPKeepalive" || f.Name == "ServerUserTimeout" { // a socket has them from its beginning
				lasting = append(lasting, o.settingName(f.Name))
			}
		}
	}
	if len(settings) > 0 {
		notes = append(notes, fmt.Sprintf("pool %s: changed: %s", b.Name, strings.Join(settings, ", ")))
	}
	if len(lasting) > 0 {
		notes = append(notes, fmt.Sprintf("pool %s: connections that are open keep their %s", b.Name, strings.Join(lasting, " and ")))
	}
	return notes
}

// bindPlan finds a listener for each pool of the plan: one that the proxy has, whosever it was, or a new one. On error
// none was opened.
func (p *Proxy) bindPlan(c *plan) (err error) {
	have := make(map[string]*listener)
	for _, ln := range p.listeners() {
		have[ln.key] = ln
	}
	var kept []*listener
	for _, ln := range p.lingering {
		if ln.closing.Stop() {
			have[ln.key] = ln
			kept = append(kept, ln)
		}
	}
	p.lingering = nil
	if c.seats, err = p.seat(c.next.pools, have); err != nil {
		for _, ln := range kept {
			ln.closing.Reset(overlapTime)
		}
		p.lingering = kept
		return err
	}
	c.next.listeners, c.next.narrower = c.listeners, c.narrower
	return nil
}
