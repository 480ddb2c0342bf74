package quota

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"cashew/codec/work"
)

// Set are rules of a pool, a bit for each by its index.
type Set uint32

// Limits are a pool's rules, and what all loops share of them. They do not change but for their buckets and counters.
type Limits struct{ All []*Limit }

// Limit is one rule in force.
type Limit struct {
	Rule
	Text string // what a client is told that is past it

	Times atomic.Int64 // how many commands were past it
	Waits atomic.Int64 // how long those waited, in nanoseconds
	told  atomic.Int64 // when that was logged last

	class           work.Class // work.Classes: any
	requests, bytes *bucket
}

// New returns what rules ask for; nil: there are none.
func New(rules []Rule) *Limits {
	if len(rules) == 0 {
		return nil
	}
	l := new(Limits)
	for _, r := range rules {
		l.All = append(l.All, &Limit{
			Rule: r, Text: fmt.Sprintf("rate limit '%s' exceeded", r.Name), class: classOf(r.Class),
			requests: newBucket(r.Requests, r.Burst), bytes: newBucket(r.Bytes, r.BurstBytes),
		})
	}
	return l
}

// After is l in the place of old, whose buckets and counters the rules that stay the same keep: old itself if all do.
func (l *Limits) After(old *Limits) *Limits {
	if l == nil || old == nil {
		return l
	}
	same := len(l.All) == len(old.All)
	for i, of := range l.All {
		j := slices.IndexFunc(old.All, func(o *Limit) bool { return o.Rule == of.Rule })
		if same = same && i == j; j >= 0 {
			l.All[i] = old.All[j]
		}
	}
	if same {
		return old
	}
	return l
}

// ToTell says that a command past l is to be logged: the first in a second is.
func (l *Limit) ToTell(now int64) bool {
	at := l.told.Load()
	return (at == 0 || now-at >= int64(time.Second)) && l.told.CompareAndSwap(at, max(now, 1))
}

// Claim is a command that asks to pass.
type Claim struct {
	Class work.Class
	Key   []byte // its key, if it has one
	Keys  Keys   // all of them, if it has more
	N     int    // of those; 0: Key is the only one, or there is none
	Bytes int    // of the command
	Now   bool   // it can't wait: rules that delay refuse it, too
}

// Keys are those of a command.
type Keys interface{ KeyAt(i int) []byte }

// units is how many requests c is to a rule about prefix.
func (c *Claim) units(prefix string) (n int64) {
	switch {
	case prefix == "":
		return int64(max(c.N, 1))
	case c.N == 0 && has(c.Key, prefix):
		return 1
	}
	for i := range c.N {
		if has(c.Keys.KeyAt(i), prefix) {
			n++
		}
	}
	return n
}

func has(key []byte, prefix string) bool {
	return len(key) >= len(prefix) && string(key[:len(prefix)]) == prefix
}

// Local is what one loop has of a pool's limits. Only the loop touches it.
type Local struct {
	Of  *Limits
	own [MaxRules]struct{ requests, bytes int64 } // taken from the buckets, and not spent

	units [MaxRules]int64 // of the claim that is judged
	bytes int64
}

// Local returns what a loop has of l; nil: l is nil.
func (l *Limits) Local() *Local {
	if l == nil {
		return nil
	}
	return &Local{Of: l}
}

// For are the rules that are about a user of that name; "": the client has none.
func (l *Local) For(user string) (s Set) {
	for i, of := range l.Of.All {
		if of.User == "" || of.User == user {
			s |= 1 << i
		}
	}
	return s
}

// Verdict is what becomes of a claim.
type Verdict struct {
	Rules Set    // that it came under, and that it was charged to
	Past  *Limit // the rule that it is past: it is refused, and charged to none, or has to wait; nil: it passes
	Wait  int64  // nanoseconds until it may pass; 0: it is refused
}

// Take judges c by the rules of s. Those that refuse are asked first, so that what is refused costs nothing.
func (l *Local) Take(s Set, c *Claim, now int64) (v Verdict) {
	l.bytes = int64(c.Bytes)
	for left := s; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(uint32(left))
		of := l.Of.All[i]
		if of.class != work.Classes && of.class != c.Class {
			continue
		}
		if l.units[i] = c.units(of.Prefix); l.units[i] > 0 {
			v.Rules |= 1 << i
		}
		if of.Most > 0 && l.units[i] > of.Most {
			return Verdict{Past: of}
		}
	}
	for left := v.Rules; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(uint32(left))
		if of := l.Of.All[i]; of.refuses(c) && !l.ask(i, now) {
			l.undo(v.Rules&^left, c)
			return Verdict{Past: of}
		}
	}
	for left := v.Rules; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(uint32(left))
		of := l.Of.All[i]
		if of.refuses(c) {
			continue
		}
		a, _ := of.requests.take(&l.own[i].requests, l.units[i], now, reserve)
		b, _ := of.bytes.take(&l.own[i].bytes, l.bytes, now, reserve)
		if wait := max(a, b); wait > v.Wait {
			v.Wait, v.Past = wait, of
		}
	}
	return v
}

// ask takes what the claim costs from both buckets of rule i, or from none.
func (l *Local) ask(i int, now int64) bool {
	of, own := l.Of.All[i], &l.own[i]
	if _, ok := of.requests.take(&own.requests, l.units[i], now, ask); !ok {
		return false
	}
	_, ok := of.bytes.take(&own.bytes, l.bytes, now, ask)
	if !ok && of.requests != nil {
		own.requests += l.units[i]
	}
	return ok
}

// refuses says that l has no claim like c wait.
func (l *Limit) refuses(c *Claim) bool { return !l.Delay || c.Now }

// undo gives back what the rules of s that refuse were charged.
func (l *Local) undo(s Set, c *Claim) {
	for ; s != 0; s &= s - 1 {
		i := bits.TrailingZeros32(uint32(s))
		if of := l.Of.All[i]; of.refuses(c) {
			if of.requests != nil {
				l.own[i].requests += l.units[i]
			}
			if of.bytes != nil {
				l.own[i].bytes += l.bytes
			}
		}
	}
}

// Owe charges n bytes of a reply to the rules of s.
func (l *Local) Owe(s Set, n int, now int64) {
	for ; s != 0; s &= s - 1 {
		if i := bits.TrailingZeros32(uint32(s)); i < len(l.Of.All) {
			l.Of.All[i].bytes.take(&l.own[i].bytes, int64(n), now, owe)
		}
	}
}

// Held is what a command that waits was charged.
type Held struct {
	of    *Limits
	rules Set
	units [MaxRules]int64
	bytes int64
}

// Hold remembers what the claim that was judged last was charged: v.
func (l *Local) Hold(v Verdict) *Held { return &Held{l.Of, v.Rules, l.units, l.bytes} }

// GiveBack gives it back: the command will not be sent.
func (h *Held) GiveBack() {
	for s := h.rules; s != 0; s &= s - 1 {
		i := bits.TrailingZeros32(uint32(s))
		h.of.All[i].requests.giveBack(h.units[i])
		h.of.All[i].bytes.giveBack(h.bytes)
	}
}

// Lines are the lines that rules are made of.
func Lines(rules []Rule) []string {
	lines := make([]string, len(rules))
	for i := range rules {
		lines[i] = strings.TrimSpace(rules[i].String())
	}
	return lines
}
