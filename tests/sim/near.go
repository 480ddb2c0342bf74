package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"cashew/engine"
)

// Pools that keep replies, and what their clients may see.
//
// All clients of a run go through the proxy, so that a write which was answered is seen by all who read after that, on whichever loop, whether servers
// tell of writes or not; and each client sees what it has sent, in its order. What else there is has its reason here:
//
//	a write under way      One that is not answered yet may have been done or not: of two who read, the first may see it and the second not, as
//	                       the second is given what was read before it was done. No further back than to when it was sent. See shared.older.
//	a write that failed    Of that the proxy does not know whether it is done, or when. It is under way until all is well. See Client.sees.
//	a hand-over            What clients of the other process write servers tell of, a moment later. A client that comes from there sees its own, unless it comes by
//	                       itself, over another connection. See Client.wasElsewhere.
//	another writer         Likewise: see stranger.

// Near is what of a pool's replies is kept, as a reload may change it.
type Near struct {
	NearMiB    int           `yaml:"near_mib,omitempty"`  // 0: nothing
	NearKeys   string        `yaml:"near_keys,omitempty"` // with blanks between; "": those that many ask for
	NearLife   time.Duration `yaml:"near_life,omitempty"`
	NearUntold time.Duration `yaml:"near_untold,omitempty"`
	NearStale  time.Duration `yaml:"near_stale,omitempty"`
	NearCheck  int           `yaml:"near_check,omitempty"` // in hundredths of a percent
}

func (n *Near) give(po *engine.PoolOptions) {
	po.Near.Bytes, po.Near.Patterns, po.Near.Life, po.Near.Untold = n.NearMiB<<20, strings.Fields(n.NearKeys), n.NearLife, n.NearUntold
	po.Near.Stale, po.Near.Check = n.NearStale, n.NearCheck
}

// addNear has pools of some scripts keep replies. Their clients have few keys, which are read often.
func (c *Script) addNear(rnd *rand.Rand) {
	for i := range c.Pools {
		p := &c.Pools[i]
		if p.Routed || rnd.IntN(3) > 0 {
			continue
		}
		p.Near, p.OldServers = true, p.Protocol == "redis" && rnd.IntN(5) == 0
		p.Settings.Near = newNear(rnd, c)
		reads := rnd.IntN(4) > 0
		for j := range c.Clients {
			if k := &c.Clients[j]; k.Pool == i {
				k.Keys, k.Reads = 1+k.Keys/4, reads
			}
		}
		for j := range c.Phases {
			for k := range c.Phases[j].Troubles {
				t := &c.Phases[j].Troubles[k]
				switch {
				case t.Reload != nil:
					t.Reload.Pools[i].Near = []Near{p.Settings.Near, p.Settings.Near, newNear(rnd, c), {}}[rnd.IntN(4)]
				case rnd.IntN(10) == 0:
					*t = Trouble{Do: "mute", Server: t.Server, Then: lateness + 5*t.Then}
				}
			}
		}
	}
}

// newNear are such settings. What a sick server says that looks as if it were right can't be told from that: it is kept no longer than until all is well.
func newNear(rnd *rand.Rand, c *Script) Near {
	n := Near{NearMiB: 1 + rnd.IntN(2), NearLife: time.Minute, NearUntold: time.Duration(1+rnd.IntN(3000)) * time.Millisecond}
	if c.Sick || rnd.IntN(4) == 0 {
		n.NearLife = time.Duration(1+rnd.IntN(5000)) * time.Millisecond
	}
	if rnd.IntN(4) == 0 {
		n.NearStale, n.NearCheck = time.Duration(rnd.Int64N(int64(staleness))), rnd.IntN(2000)
	}
	switch rnd.IntN(4) {
	case 0:
		n.NearKeys = "shared:* c* foreign:*"
	case 1:
		n.NearKeys = "shared:* c1* c2:* c3:0 foreign:0"
	}
	return n
}

// keeps says that replies of c's pool are kept.
func (c *Client) keeps() bool { return c.run.script.Pools[c.pool].Near }

// sees holds a value against what k may have. Where replies are kept, one that was read before a late command was done may be given after one that
// was read later.
func (c *Client) sees(k *key, r *reply) string {
	if v := k.name + "="; c.wasElsewhere() && (r.kind == '_' || r.kind == '$' && strings.HasPrefix(string(r.p), v)) {
		return ""
	}
	if !c.keeps() || len(k.late) == 0 {
		return k.is(r, c.run.script.Loose)
	}
	before := slices.Clone(k.may)
	why := k.is(r, c.run.script.Loose)
	for _, v := range before {
		if !slices.Contains(k.may, v) {
			k.may = append(k.may, v)
		}
	}
	return why
}

// wasElsewhere says that what c wrote over the connection that it had before, it may have written at another process, of which the one that it is
// with has not heard.
func (c *Client) wasElsewhere() bool { return c.keeps() && c.run.handed > 0 && c.since >= c.run.handed }

// older has reads of k's history begin as soon as the oldest write began that was under way then, and, where another
// process had clients, as much sooner as news may be late.
func (k *shared) older(handed bool) {
	ops := slices.SortedStableFunc(slices.Values(k.ops), func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	k.ops = ops
	var writes []porcupine.Operation // under way, oldest first
	for i := range ops {
		o := &ops[i]
		if name := o.Input.(sharedIn).name; name != "GET" && name != "LRANGE" {
			writes = append(writes, *o)
			continue
		}
		writes = slices.DeleteFunc(writes, func(w porcupine.Operation) bool { return w.Return <= o.Call })
		if len(writes) > 0 {
			o.Call = writes[0].Call
		}
		if handed {
			o.Call -= int64(lateness)
		}
	}
}

// lateness is how late news of what others wrote may be: a connection over which a server tells is asked each second whether it still does, and has
// another second to answer.
const lateness = 3 * time.Second

// refreshLateness is how much later news may be of a key that another server of a cluster has by now: the cluster is asked each second who has which
// slot, and the answers take a while.
const refreshLateness = 3 * time.Second

// wasGone says that one of the numbers from n on of the last key was gone by now before the next was written.
func (s *stranger) wasGone(n int, now int64) bool {
	wrote := s.wrote[len(s.keys)-1]
	for ; n <= len(wrote); n++ {
		if gone := s.until[n-1]; gone <= now && (n == len(wrote) || gone <= wrote[n]) {
			return true
		}
	}
	return false
}

// staleness is for how long at most a reply is given whose server can't be asked.
const staleness = 2 * time.Second

// A stranger writes to servers of the pools that keep replies, and is no client of the proxy: numbers, one after the other, to a few keys, at all servers
// at once.
type stranger struct {
	run   *Run
	keys  []*shared
	wrote [][]int64 // of each key, when each number was written
	until []int64   // of the last key, when each number is gone
	timer *timer
}

// newStranger has one write from now on, if a pool keeps replies.
func (r *Run) newStranger() {
	s := &stranger{run: r, wrote: make([][]int64, 4)}
	r.stranger = s
	if !slices.ContainsFunc(r.script.Pools, func(p PoolScript) bool { return p.Near }) {
		return
	}
	for i := range s.wrote {
		s.keys = append(s.keys, newSharedKey("foreign:"+strconv.Itoa(i), 'f'))
	}
	s.write()
}

// write writes one number, and later the next.
func (s *stranger) write() {
	r, rnd, i := s.run, s.run.sim.rnd, s.run.sim.rnd.IntN(len(s.keys))
	name := s.keys[i].name
	s.wrote[i] = append(s.wrote[i], r.sim.now)
	n, until := len(s.wrote[i]), int64(0)
	if i == len(s.keys)-1 {
		until = r.sim.now + 1 + rnd.Int64N(int64(2*time.Second))
		s.until = append(s.until, until)
	}
	for _, v := range r.servers {
		if v.member != nil && v != v.fleet.has(name) {
			continue
		}
		for db := range serverDatabases {
			v.database(db)[name] = value{kind: aString, p: strconv.Itoa(n), flags: "0", cas: uint64(n), until: until}
		}
		v.changedKey(name)
		v.broadcast()
	}
	s.timer = r.sim.after(time.Duration(rnd.Int64N(int64(800*time.Millisecond)))+1, s.write)
}

// readsKept sends a read of what may be kept, or seldom a write of that alone: what may write any key has nothing be given any more. false: it is up to
// others.
func (c *Client) readsKept() bool {
	rnd := c.rnd
	_, text := c.dialect.(*memcachedDialect)
	r := rnd.IntN(28) - 4
	k := c.keys[rnd.IntN(len(c.keys))]
	switch {
	case r < 2 && c.spies():
	case r < 5:
		c.askForeign()
	case r < 9 && c.chosen == c.home && c.use(c.run.shared[c.pool]):
	case c.to == front && r < 12:
		g := c.group()
		c.clean(g)
		list := rowsFor[g.kind]
		row := list[rnd.IntN(len(list))]
		for row.writes() && rnd.IntN(8) > 0 {
			row = list[rnd.IntN(len(list))]
		}
		c.owe(owed{op: opModel, g: g, cmd: c.made(row, g)})
	case c.to == front && r < 14:
		c.sendOne(rnd.IntN(115))
	case r < 17 && c.to == front:
		keys := c.some()
		c.command(appendNames([]string{"MGET"}, keys)...)
		c.owe(owed{op: opMget, keys: keys})
	case r < 22 && c.to == front:
		c.command("GET", k.name)
		c.owe(owed{op: opGet, keys: k.one})
	case r < 20 && text:
		keys := k.one
		if rnd.IntN(3) == 0 {
			keys = c.some()
		}
		c.words(appendNames([]string{"get"}, keys)...)
		c.owe(owed{op: opMget, keys: keys})
	case r < 22 && text:
		c.words("mg", k.name, "v")
		c.owe(owed{op: opGet, keys: k.one})
	default:
		return c.to == front
	}
	return true
}

// nobody is a key that is never written.
const nobody = "shared:nobody"

// only is what r says of the first key of a command that may have asked for nobody, too.
func (r *reply) only() *reply {
	if r.kind == '*' && (len(r.list) == 1 || len(r.list) == 2 && r.list[1].kind == '_') {
		return &r.list[0]
	}
	return r
}

// askForeign has c read what the stranger writes.
func (c *Client) askForeign() {
	i := c.rnd.IntN(len(c.run.stranger.keys))
	k := c.run.stranger.keys[i]
	c.share(c, k, sharedIn{name: "GET"})
	c.owe(owed{op: opForeign, n: i, keys: k.one})
}

// spies has c read a key of one of a few others, as it is written. false: there is none.
func (c *Client) spies() bool {
	rnd := c.rnd
	o := c.run.clients[rnd.IntN(min(len(c.run.clients), 4))]
	if o.pool != c.pool {
		return false
	}
	name := o.keys[rnd.IntN(len(o.keys))].name
	if c.to != front && rnd.IntN(2) == 0 { // of Redis it may be of any kind
		name = o.group().names[0]
	}
	c.share(c, newSharedKey(name, 's'), sharedIn{name: "GET"})
	c.owe(owed{op: opSpy, keys: []*key{{name: name}}})
	return true
}

// spied holds the reply to a read of another client's key against what that may ever have.
func (o *owed) spied(r *reply) string {
	r = r.only()
	k := o.keys[0].name + "="
	if strings.Contains(k, ":o") { // of a group
		return ""
	}
	if r.kind != '_' && (r.kind != '$' || !strings.HasPrefix(string(r.p), k)) {
		return "neither nothing nor a value of that key"
	}
	return ""
}

// foreign holds the reply to that against what was written: nothing that is older than news may be late.
func (c *Client) foreign(o *owed, r *reply) string {
	r = r.only()
	least, wrote, late := 0, c.run.stranger.wrote[o.n], int64(lateness)
	if !c.run.calm {
		late += int64(staleness)
	}
	if c.inCluster {
		late += int64(refreshLateness)
	}
	for least < len(wrote) && wrote[least]+late <= o.at {
		least++
	}
	n := 0
	switch {
	case r.kind == '$':
		n, _ = strconv.Atoi(string(r.p))
	case r.kind != '_':
		n = -1
	case c.run.script.Loose: // its server has lost all, or is new
		return ""
	}
	if c.to == front && o.n == len(c.run.stranger.keys)-1 {
		if n == 0 && c.run.stranger.wasGone(max(least, 1), c.run.sim.now) {
			return ""
		}
		// A key may be gone between a read and the question for how long it is there: then its server tells of that.
		if n > 0 && n <= len(wrote) && c.run.stranger.until[n-1]+late <= o.at {
			return fmt.Sprintf("number %d was gone %v before it was asked for", n, time.Duration(late))
		}
	}
	if n < least || n > len(wrote) {
		return fmt.Sprintf("number %d was there %v before it was asked for, of %d", least, time.Duration(late), len(wrote))
	}
	return ""
}
