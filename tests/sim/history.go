package sim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// shared is a key that all clients of a pool read and write. What they saw must be what one server could have told them that did
// one thing after the other: its history is linearisable.
type shared struct {
	name   string
	one    []*key // itself
	kind   byte   // a string, a number, a list: 's', 'n', 'l'
	began  string
	ops    []porcupine.Operation
	flying int // commands that are under way
	open   int // that may or may not have been executed, and may still be
}

// sharedIn is a command for a shared key; sharedOut the reply to it.
type (
	sharedIn  struct{ name, arg string }
	sharedOut struct {
		known bool
		p     string // a value, or none; elements of a list, with commas
		n     int
	}
)

// Bounds, without which it takes too long to find the order in which all that was done.
const (
	maxFlying = 8
	maxOpen   = 6
	maxOps    = 20_000
)

// newShared are the shared keys of a pool. memcached has no lists, and no number before it is set.
func newShared(protocol string) (keys []*shared) {
	for i, kind := range []byte("ssnl") {
		if protocol != "memcached" || kind == 's' {
			keys = append(keys, newSharedKey("shared:"+protocol+":"+strconv.Itoa(i), kind))
		}
	}
	return keys
}

func newSharedKey(name string, kind byte) *shared {
	return &shared{name: name, one: []*key{{name: name}}, kind: kind, began: none}
}

// use sends a command for a shared key; false: for the one that it picked there are enough under way.
func (c *Client) use(keys []*shared) bool {
	if len(keys) == 0 {
		return false
	}
	k := keys[c.rnd.IntN(len(keys))]
	if k.flying >= maxFlying || k.open >= maxOpen || len(k.ops) >= maxOps {
		return false
	}
	in := sharedIn{name: "GET"}
	switch r := c.rnd.IntN(8); {
	case r == 0:
		in.name = "DEL"
	case r < 4 && k.kind == 's':
		c.seq++
		in = sharedIn{"SET", "v" + strconv.Itoa(c.id) + "-" + strconv.Itoa(c.seq)}
	case r < 5 && k.kind == 'n':
		in.name = "INCR"
	case r < 5 && k.kind == 'l':
		c.seq++
		in = sharedIn{"RPUSH", "e" + strconv.Itoa(c.id) + "-" + strconv.Itoa(c.seq)}
	case k.kind == 'l':
		in.name = "LRANGE"
	}
	k.flying++
	c.share(c, k, in)
	c.owe(owed{op: opShared, shared: k, in: in, keys: k.one})
	return true
}

// answered takes a reply to in, from client id, down in k's history, and returns what is wrong with its form.
func (k *shared) answered(r *reply, in sharedIn, id int, sent, now int64) string {
	k.flying--
	if in.name == "GET" {
		r = r.only()
	}
	out := sharedOut{known: true, n: r.n, p: none}
	switch {
	case r.kind == '$':
		out.p = string(r.p)
	case r.kind == '*' && in.name == "LRANGE":
		for i := range r.list {
			out.p = push(out.p, string(r.list[i].p))
		}
	case r.kind == ':' || r.kind == '+' || r.kind == '_':
	default:
		return "not a reply to " + in.name
	}
	k.ops = append(k.ops, porcupine.Operation{ClientId: id, Input: in, Call: sent, Output: out, Return: now})
	return ""
}

// unknown takes note that in may have been executed, or will be, or not.
func (k *shared) unknown(in sharedIn, id int, sent int64) {
	k.flying--
	if in.name != "GET" && in.name != "LRANGE" {
		k.open++
		k.ops = append(k.ops, porcupine.Operation{ClientId: id, Input: in, Call: sent, Output: sharedOut{}, Return: math.MaxInt64})
	}
}

// settle holds k's history against what one server can have told, which has v for it now, and begins another. It returns the first
// reply that it cannot have given.
func (k *shared) settle(v string, now int64) (wrong string) {
	name := "GET"
	if k.kind == 'l' {
		name = "LRANGE"
	}
	k.ops = append(k.ops, porcupine.Operation{Input: sharedIn{name: name}, Call: now, Output: sharedOut{known: true, p: v}, Return: now + 1})
	states := make(map[string]*string) // one of each: whether two are the same shows without a look at them
	one := func(s string) *string {
		if states[s] == nil {
			states[s] = &s
		}
		return states[s]
	}
	began := one(k.began)
	model := porcupine.Model{
		Init: func() any { return began },
		Step: func(state, in, out any) (bool, any) {
			was := state.(*string)
			ok, next := stepShared(*was, in.(sharedIn), out.(sharedOut))
			if !ok || next == *was {
				return ok, was
			}
			return true, one(next)
		},
	}
	if porcupine.CheckOperationsTimeout(model, k.ops, time.Second) == porcupine.Illegal {
		_, info := porcupine.CheckOperationsVerbose(model, k.ops, 10*time.Second) // which takes longer
		wrong = k.outOfOrder(info.PartialLinearizations()[0])
	}
	k.ops, k.open, k.began = nil, 0, v
	return wrong
}

// outOfOrder is the first reply that fits in none of the orders, of which each has as many commands as it can.
func (k *shared) outOfOrder(orders [][]int) string {
	longest := slices.MaxFunc(orders, func(a, b []int) int { return len(a) - len(b) })
	first := -1
	for i := range k.ops {
		if !slices.Contains(longest, i) && (first < 0 || k.ops[i].Return < k.ops[first].Return) {
			first = i
		}
	}
	if first < 0 {
		return "none of them"
	}
	o := &k.ops[first]
	return fmt.Sprintf("client %d: %+v, answered %+v", o.ClientId, o.Input, o.Output)
}

// stepShared says whether out can be the reply to in where the key has state, and what the key has then.
func stepShared(state string, in sharedIn, out sharedOut) (ok bool, next string) {
	switch in.name {
	case "GET", "LRANGE":
		return out.p == state, state
	case "SET":
		return true, in.arg
	case "DEL":
		return !out.known || (state != none) == (out.n == 1), none
	case "INCR":
		n, _ := strconv.Atoi(strings.TrimPrefix(state, none))
		return !out.known || out.n == n+1, strconv.Itoa(n + 1)
	}
	next = push(state, in.arg)
	return !out.known || out.n == 1+strings.Count(next, ","), next
}

// push is list with one more element.
func push(list, e string) string {
	if list == none {
		return e
	}
	return list + "," + e
}

// settleShared ends the histories of all shared keys. Nothing is on its way to a server any more, so what those have is the end.
func (r *Run) settleShared() {
	for i, keys := range r.shared {
		for _, k := range keys {
			v := none
			for _, s := range r.servers {
				if has, ok := s.database(r.script.Pools[i].DB)[k.name]; ok {
					if v = has.p; k.kind == 'l' {
						v = none
						for _, e := range has.items {
							v = push(v, e.name)
						}
					}
				}
			}
			if r.script.Pools[i].Near {
				k.older(r.handed > 0)
			}
			if wrong := k.settle(v, r.sim.now); wrong != "" {
				r.fail("%s: no server that did one thing after the other can have answered all commands so; one is %s", k.name, wrong)
			}
		}
	}
}

// share implements dialect.
func (redisDialect) share(c *Client, k *shared, in sharedIn) {
	switch {
	case in.name == "LRANGE":
		c.command(in.name, k.name, "0", "-1")
	case in.arg != "":
		c.command(in.name, k.name, in.arg)
	case in.name == "GET" && c.keeps() && c.rnd.IntN(3) == 0:
		c.command("MGET", k.name, nobody)
	default:
		c.command(in.name, k.name)
	}
}
