package discovery

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cashew/topology"
)

// The rules. A list that a source tells is compared with the one in force, name by name:
//
//	a known name has another address   it comes into force at once: one that the name had within moveSpan, moveLimit times within returnSpan;
//	                                   one that it did not have, moveLimit times within moveSpan; more wait until that is over
//	names or weights are others        it is another ring. on_membership: warn keeps the old one. apply takes it once
//	                                   the source has said the same, without a word to the contrary, for discovery_settle_msecs;
//	                                   the time in which it can't be heard does not count, and what was before it neither
//	it is empty, or lacks more than    it is doubted: its addresses are taken, its membership is not, whatever on_membership says, and
//	half of the names in force         however long it stays so: a person says that it is meant (see README.md), or it grows again
//	nothing is in force yet            it comes into force at once, unless it is empty
//
// The first list of a process comes into force at once by apply, unless it is doubted: other proxies have had it for long. That is not so where
// another process, or the pool before a reload, has handed over what was in force.

const (
	moveLimit  = 3 // changes of a name's address
	moveSpan   = time.Minute
	returnSpan = time.Second
)

// move is that a name had another address.
type move struct {
	at      time.Time
	from    string // the address before
	returns bool   // to an address that the name had within moveSpan
}

// Reason is why a list's membership is not in force.
type Reason string

// The reasons; "" where there is none.
const (
	Warned   Reason = "on_membership is warn"
	Settling Reason = "it has to be the same for discovery_settle_msecs"
	Doubted  Reason = "it is empty, or lacks more than half of the servers in force"
)

// Keeper has the rules' state. It knows no clock: who calls it says when it is. One goroutine at a time may.
type Keeper struct {
	Apply  bool          // on_membership: apply
	Settle time.Duration // discovery_settle_msecs
	Warm   bool          // what is in force was the source's a moment ago: its first list has to settle, too

	inForce []topology.ServerOptions // nil: nothing is known
	wanted  []topology.ServerOptions // what the source said last
	heard   bool                     // it has said something
	lost    bool                     // it says nothing at present, or nonsense
	since   time.Time                // since when it says these names and weights; zero: from the beginning
	moves   map[string][]move        // of names within moveSpan
}

// Verdict is what is to be done.
type Verdict struct {
	Servers []topology.ServerOptions // what is to come into force; nil: what is in force stays
	Change                           // what that changes

	Waiting Change // names and weights that are not in force
	Reason  Reason // why they are not
	Held    int    // names that had too many addresses lately, whose last one waits

	Again time.Duration // when another verdict is due though the source says nothing; 0: never
}

// Change is how two lists differ, by names.
type Change struct{ Joined, Left, Weighed, Moved []string }

// Members says that another ring comes of it.
func (c *Change) Members() bool { return len(c.Joined)+len(c.Left)+len(c.Weighed) > 0 }

// Begin has servers be in force, sorted as in topology.Options; nil: nothing is known.
func (k *Keeper) Begin(servers []topology.ServerOptions) { k.inForce = servers }

// InForce is what is.
func (k *Keeper) InForce() []topology.ServerOptions { return k.inForce }

// Hear takes a list, sorted as in topology.Options and without a name twice.
func (k *Keeper) Hear(list []topology.ServerOptions, now time.Time) {
	switch c := compare(k.wanted, list); {
	case k.heard && (k.lost || c.Members()), !k.heard && k.Warm:
		k.since = now
	}
	k.wanted, k.heard, k.lost = list, true, false
}

// Lost says that the source can't be heard at present, or says nonsense: what it said last settles anew once it can.
func (k *Keeper) Lost() { k.lost = true }

// Accept is the verdict that has what the source said last come into force though it is doubted, or only warned of. It is false if there is
// nothing, or nothing but an empty list.
func (k *Keeper) Accept() (Verdict, bool) {
	if len(k.wanted) == 0 {
		return Verdict{}, false
	}
	return k.change(k.wanted), true
}

// Decide says what is to come into force. It is in force once Take is told so.
func (k *Keeper) Decide(now time.Time) Verdict {
	if !k.heard {
		return Verdict{}
	}
	if k.inForce == nil {
		if len(k.wanted) == 0 {
			return Verdict{Reason: Doubted}
		}
		return k.change(k.wanted)
	}
	waiting := compare(k.inForce, k.wanted)
	waiting.Moved = nil
	next, held, again := k.moved(now)
	left := k.Settle - now.Sub(k.since)
	switch {
	case !waiting.Members():
	case k.doubts():
		return k.verdict(next, Verdict{Waiting: waiting, Reason: Doubted, Held: held, Again: again})
	case !k.Apply:
		return k.verdict(next, Verdict{Waiting: waiting, Reason: Warned, Held: held, Again: again})
	case k.lost:
		return k.verdict(next, Verdict{Waiting: waiting, Reason: Settling, Held: held, Again: again})
	case !k.since.IsZero() && left > 0:
		return k.verdict(next, Verdict{Waiting: waiting, Reason: Settling, Held: held, Again: sooner(again, left)})
	default:
		next = k.members(next)
	}
	return k.verdict(next, Verdict{Held: held, Again: again})
}

// doubts says that the list is not to be believed.
func (k *Keeper) doubts() bool {
	kept := 0
	said := byName(k.wanted)
	for i := range k.inForce {
		if said[k.inForce[i].Name] != nil {
			kept++
		}
	}
	return len(k.wanted) == 0 || 2*kept < len(k.inForce)
}

// moved is the list in force, each of its names where the source says, unless it had been said too often. again is when those that are
// held are to be looked at.
func (k *Keeper) moved(now time.Time) (next []topology.ServerOptions, held int, again time.Duration) {
	next = slices.Clone(k.inForce)
	said := byName(k.wanted)
	for i := range next {
		s := said[next[i].Name]
		if s == nil || s.Addr == next[i].Addr {
			continue
		}
		if wait := k.hold(s.Name, s.Addr, now); wait > 0 {
			held++
			again = sooner(again, wait)
			continue
		}
		weight := next[i].Weight
		next[i] = *s
		if s.Weight != weight { // that is another ring's
			next[i].Weight = weight
			next[i].PName = withWeight(s.PName, weight)
		}
	}
	return next, held, again
}

// hold is how long a name is not to have another address, which is this one.
func (k *Keeper) hold(name, addr string, now time.Time) time.Duration {
	moves := k.lately(name, now)
	span, returns := moveSpan, isReturn(moves, addr)
	if returns {
		span = returnSpan
	}
	count := 0
	for _, m := range slices.Backward(moves) {
		if returns == m.returns && now.Sub(m.at) < span {
			if count++; count == moveLimit {
				return span - now.Sub(m.at)
			}
		}
	}
	return 0
}

// lately are a name's moves within moveSpan, the first first.
func (k *Keeper) lately(name string, now time.Time) []move {
	moves := k.moves[name]
	for len(moves) > 0 && now.Sub(moves[0].at) >= moveSpan {
		moves = moves[1:]
	}
	return moves
}

// isReturn says that a name which moved so had an address.
func isReturn(moves []move, addr string) bool {
	return slices.ContainsFunc(moves, func(m move) bool { return m.from == addr })
}

// members is the list that the source says, with those addresses of next that names are held at.
func (k *Keeper) members(next []topology.ServerOptions) []topology.ServerOptions {
	list := slices.Clone(k.wanted)
	at := byName(next)
	for i := range list {
		if s := at[list[i].Name]; s != nil && s.Addr != list[i].Addr {
			weight := list[i].Weight
			list[i] = *s
			list[i].Weight, list[i].PName = weight, withWeight(s.PName, weight)
		}
	}
	return list
}

// verdict is v, by which next is to come into force, if it is another list.
func (k *Keeper) verdict(next []topology.ServerOptions, v Verdict) Verdict {
	if slices.Equal(next, k.inForce) {
		return v
	}
	change := k.change(next)
	v.Servers, v.Change = change.Servers, change.Change
	return v
}

// change is the verdict that next is to come into force.
func (k *Keeper) change(next []topology.ServerOptions) Verdict {
	return Verdict{Servers: next, Change: compare(k.inForce, next)}
}

// Take has the servers of a verdict be in force, now that they are: until then no name has moved, and if they can't be, none has.
func (k *Keeper) Take(next []topology.ServerOptions, now time.Time) {
	c := compare(k.inForce, next)
	if k.moves == nil {
		k.moves = make(map[string][]move)
	}
	was, is := byName(k.inForce), byName(next)
	for _, name := range c.Moved {
		moves := k.lately(name, now)
		k.moves[name] = append(moves, move{now, was[name].Addr, isReturn(moves, is[name].Addr)})
	}
	for _, name := range c.Left {
		delete(k.moves, name)
	}
	k.inForce = next
}

// compare says how next differs from list.
func compare(list, next []topology.ServerOptions) (c Change) {
	was, is := byName(list), byName(next)
	for i := range next {
		s := &next[i]
		old := was[s.Name]
		if old == nil {
			c.Joined = append(c.Joined, s.Name)
			continue
		}
		if old.Weight != s.Weight {
			c.Weighed = append(c.Weighed, s.Name)
		}
		if old.Addr != s.Addr || old.Network != s.Network {
			c.Moved = append(c.Moved, s.Name)
		}
	}
	for i := range list {
		if is[list[i].Name] == nil {
			c.Left = append(c.Left, list[i].Name)
		}
	}
	return c
}

func byName(list []topology.ServerOptions) map[string]*topology.ServerOptions {
	m := make(map[string]*topology.ServerOptions, len(list))
	for i := range list {
		m[list[i].Name] = &list[i]
	}
	return m
}

// sooner is the shorter of two times, of which 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// withWeight is a server's line, "host:port:weight", with another weight.
func withWeight(line string, weight int) string {
	return line[:strings.LastIndexByte(line, ':')+1] + strconv.Itoa(weight)
}
