package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"cashew/stats"
	"cashew/topology"
	"cashew/world"
)

// loopPatience is how long those who ask wait for a loop that is busy, but in tests.
const loopPatience = 250 * time.Millisecond

// askLoops runs f on every loop and returns what those gave that answered in time. What f returns must share nothing with
// its loop.
func askLoops[T any](p *Proxy, f func(*rooms) T) (answers []T) {
	var mu sync.Mutex
	all := world.NewGroup(p.world)
	for _, l := range p.loops {
		all.Add(1)
		asked := l.loop.Execute(func() {
			defer all.Done()
			a := f(l)
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, a)
		})
		if !asked {
			all.Done()
		}
	}
	ctx, cancel := p.world.WithTimeout(context.Background(), p.patience)
	defer cancel()
	_ = all.Wait(ctx)
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(answers) // one that comes later is too late
}

// Clients are all clients, oldest first. It may be called from any goroutine.
func (p *Proxy) Clients() (list []stats.Client) {
	for _, clients := range askLoops(p, func(r *rooms) []stats.Client { return r.sessions.Infos() }) {
		list = append(list, clients...)
	}
	slices.SortFunc(list, func(a, b stats.Client) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Kill closes the clients that match says, at once, and returns how many it closed. match runs on the caller's goroutine.
func (p *Proxy) Kill(match func(*stats.Client) bool) (closed int) {
	var ids []uint64
	for _, c := range p.Clients() {
		if match(&c) {
			ids = append(ids, c.ID)
		}
	}
	if len(ids) == 0 {
		return 0
	}
	for _, n := range askLoops(p, func(r *rooms) int { return r.sessions.Kill(ids) }) { // Clients sorted them
		closed += n
	}
	return closed
}

// Unblock ends the command with which a client of a pool waits at a server: with an error, or as if its time were over.
func (p *Proxy) Unblock(pool string, id uint64, failing bool) bool {
	return slices.Contains(askLoops(p, func(r *rooms) bool { return r.sessions.Unblock(pool, id, failing) }), true)
}

// Explain says where key goes in the pool of that name, or in each pool if it is "". It may be called from any goroutine.
func (p *Proxy) Explain(name string, key []byte) (places []Place) {
	for _, pl := range p.pools() {
		if name == "" || name == pl.Name {
			places = append(places, p.explainRouted(pl, key))
		}
	}
	return places
}

// explainRouted is explain with pl's routes.
func (p *Proxy) explainRouted(pl *pool, key []byte) Place {
	r, routed := pl.opts.Lead().Find(key)
	to := named(p.pools(), r.Pool)
	if !routed || to == nil {
		place := pl.explain(key)
		if f := &pl.opts.Failover; f.Pool != "" {
			place.Reason += "; what can't be sent there goes to pool " + f.Pool
		}
		if m := &pl.opts.Miss; m.Pool != "" {
			place.Reason += "; what is not there is asked of pool " + m.Pool
		}
		if d := &pl.opts.Dual; d.Pool != "" {
			place.Reason += "; what is written goes to pool " + d.Pool + " as well"
			if other := named(p.pools(), d.Pool); other != nil {
				place.Reason += ", there to " + other.explain(key).Server
			}
		}
		if n := &pl.opts.Near; n.Bytes > 0 {
			place.Reason += "; " + n.May(key)
		}
		if m := &pl.opts.Mirror; m.Has(key) {
			place.Reason += "; mirrored to pool " + m.Pool
		}
		return place
	}
	place := to.explain(key)
	place.Pool = pl.Name
	if to == pl {
		place.Reason = fmt.Sprintf("keys with %q are the pool's own; ", r.Prefix) + place.Reason
		return place
	}
	place.RoutedTo = to.Name
	place.Reason = fmt.Sprintf("keys with %q are routed to pool %s; ", r.Prefix, to.Name) + place.Reason
	return place
}

func (p *pool) explain(key []byte) Place {
	o := p.Options()
	hashed, hash, point, server := p.Router().Locate(key)
	place := Place{
		Pool: p.Name, Key: string(key), Hashed: string(hashed), Hash: hash, HashName: o.Hash,
		Distribution: o.Distribution, Point: point,
	}
	if o.Cluster {
		place.HashName, place.Distribution = "crc16", "slots"
	}
	if server >= 0 {
		s := &o.Servers[server]
		place.Server, place.Name, place.Addr = s.PName, s.Name, s.Addr
	}
	place.Reason = p.reason(&place, server)
	place.Reads = p.reads(server)
	return place
}

// reads says where reads go of a key that the server of that number has, writes going there.
func (p *pool) reads(server int) string {
	o := p.Options()
	if !o.Reads() || server < 0 {
		return ""
	}
	says := []string{"by " + o.ReadPolicy.String()}
	for _, c := range o.ReadClasses {
		says = append(says, c.Class+" by "+c.Policy.String())
	}
	none := len(says)
	for i, r := range p.Replicas() {
		e, state := &o.Replicas[i], p.ReplicaState(r)
		if e.Of != o.Servers[server].Name {
			continue
		}
		is := "well, " + state.Lag.Round(time.Millisecond).String() + " behind"
		if !state.Well {
			is = "gets none: " + state.Why
		}
		if state.Zone != "" {
			is = "zone " + state.Zone + ", " + is
		}
		says = append(says, e.Addr+" ("+is+")")
	}
	if len(says) == none {
		says = append(says, "no replica is known")
	}
	return strings.Join(says, "; ")
}

// reason puts a place in words.
func (p *pool) reason(at *Place, server int) string {
	o := p.Options()
	live := p.Router().Live()
	switch {
	case o.Cluster:
		return at.inSlot(o)
	case live == 0:
		return "no server is live"
	case server < 0:
		return fmt.Sprintf("random: any of %d live servers, whatever the key", live)
	}
	var why string
	switch {
	case live == 1 && len(o.Servers) == 1:
		why = "the pool's only server has all keys"
	case live == 1:
		why = "the only live server has all keys"
	case o.Distribution == "modula":
		why = fmt.Sprintf("%s(%q) = %d, modulo the weight of the live servers: at or before slot %d",
			o.Hash, at.Hashed, at.Hash, at.Point)
	case at.Point < at.Hash:
		why = fmt.Sprintf("%s(%q) = %d is beyond the last point of the continuum; the first, %d, has it",
			o.Hash, at.Hashed, at.Hash, at.Point)
	default:
		why = fmt.Sprintf("%s(%q) = %d; the next point of the continuum is %d", o.Hash, at.Hashed, at.Hash, at.Point)
	}
	if at.Hashed != at.Key {
		why = "only what stands within the hash tag " + strconv.Quote(o.HashTag) + " counts; " + why
	}
	if s := &o.Servers[server]; s.Master != "" && s.Addr == "" {
		return why + "; where that is only the sentinels can say, whom a running proxy asks"
	}
	if state, _ := p.Servers()[server].State(); state == "ejected" {
		return why + "; it is ejected, and no key moves: requests get " + failureWords[o.OnServerFailure]
	}
	if home := p.home(at); home != "" {
		return why + "; " + home + ", which has it in good times, is ejected"
	}
	return why
}

// inSlot is reason for a cluster.
func (at *Place) inSlot(o *topology.Options) string {
	why := fmt.Sprintf("crc16(%q) = slot %d", at.Hashed, at.Hash)
	if at.Hashed != at.Key {
		why = "only what stands between { and } counts; " + why
	}
	switch {
	case o.Slots == nil:
		return why + "; who has it only the servers can say, whom a running proxy asks"
	case at.Server == "":
		return why + ", which no server has"
	}
	return why + ", which " + at.Addr + " has by what the cluster said last"
}

// failureWords say what a request for an ejected server gets where no key moves.
var failureWords = map[topology.FailurePolicy]string{
	topology.FailFast: "an error", topology.Miss: "a miss if they only read, else an error",
}

// home is the server that has the key of at while no server is ejected, "" if that is the same.
func (p *pool) home(at *Place) string {
	if _, _, _, server := p.Whole().Locate([]byte(at.Key)); server >= 0 && p.opts.serverName(server) != at.Server {
		return p.opts.serverName(server)
	}
	return ""
}

// serverName is server i as configured.
func (o *PoolOptions) serverName(i int) string {
	if i < len(o.Servers) {
		return o.Servers[i].PName
	}
	return "" // it is gone
}

// HotKeys are the n keys that most requests are for, most first. It may be called from any goroutine.
func (p *Proxy) HotKeys(n int) []stats.HotKey {
	return stats.HotKeys(askLoops(p, func(r *rooms) []stats.SketchEntry { return r.sessions.HotKeys() }), n)
}

// BigKeys are the n keys with the largest requests or replies, largest first. It may be called from any goroutine.
func (p *Proxy) BigKeys(n int) []stats.HotKey {
	return stats.BigKeys(askLoops(p, func(r *rooms) []stats.SketchEntry { return r.sessions.BigKeys() }), n)
}

// slowRecords are all pools' records, newest first, of each pool at most as many as its slow log keeps.
func (p *Proxy) slowRecords(blamed bool) (list []stats.SlowRecord) {
	for _, records := range askLoops(p, func(r *rooms) []stats.SlowRecord { return r.sessions.SlowRecords(blamed) }) {
		list = append(list, records...)
	}
	most := make(map[string]int)
	for _, pl := range p.pools() {
		most[pl.Name] = pl.opts.SlowMaxLen
	}
	return stats.NewestFirst(list, most)
}

// SlowLog returns the n newest entries of the slow logs of all pools, newest first; all of them if n < 0. It may be called
// from any goroutine.
func (p *Proxy) SlowLog(n int) []stats.SlowEntry {
	records := p.slowRecords(false)
	if n >= 0 {
		records = records[:min(n, len(records))]
	}
	return p.slowEntries(records)
}

// SlowBlame returns the entries of SlowLog and the last of those that took long themselves, also where others have displaced them there, newest
// first. It may be called from any goroutine.
func (p *Proxy) SlowBlame() []stats.SlowEntry {
	records := append(p.slowRecords(false), p.slowRecords(true)...)
	slices.SortFunc(records, func(a, b stats.SlowRecord) int { return cmp.Compare(b.ID, a.ID) })
	return p.slowEntries(slices.CompactFunc(records, func(a, b stats.SlowRecord) bool { return a.ID == b.ID }))
}

func (p *Proxy) slowEntries(records []stats.SlowRecord) []stats.SlowEntry {
	list := make([]stats.SlowEntry, 0, len(records))
	for i := range records {
		list = append(list, records[i].Entry(p.world.Time(0)))
	}
	return list
}

// ResumeReads lets the mirror of a pool answer reads again that went back by themselves; false: there is none of that name, or they did not.
func (p *Proxy) ResumeReads(name string) bool {
	pl := named(p.pools(), name)
	return pl != nil && pl.ResumeReads()
}

// SlowLogLen is how many entries there are.
func (p *Proxy) SlowLogLen() int { return len(p.slowRecords(false)) }

// SlowLogReset drops all entries.
func (p *Proxy) SlowLogReset() {
	askLoops(p, func(r *rooms) struct{} { r.sessions.ResetSlowLogs(); return struct{}{} })
}
