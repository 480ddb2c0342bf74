package sim

import (
	"fmt"
	"slices"
	"strings"
)

// owed is a command whose reply is to come.
type owed struct {
	op   op
	keys []*key
	c    *counter
	p    string // the value that it writes, or that must come back
	at   int64
	by   int // the client

	shared *shared
	in     sharedIn
}

type op uint8

const (
	opGet op = iota
	opSet
	opDel
	opMget
	opMset
	opIncr
	opEval
	opPing
	opHello
	opShared
)

var opNames = [...]string{"GET", "SET", "DEL", "MGET", "MSET", "INCR", "EVAL", "PING", "HELLO", "shared "}

// key is what a client knows of one of its keys.
type key struct {
	name string
	may  []string // that it has; none stands for nothing
	late set      // that a command wrote which failed, or whose reply never came: it may still be executed
}

// set is of values.
type set map[string]struct{}

func (s *set) add(v string) {
	if *s == nil {
		*s = make(set)
	}
	(*s)[v] = struct{}{}
}

// settle takes note that nothing is on its way any more: what is late has been executed, or never will be.
func (c *Client) settle() {
	for _, k := range c.keys {
		for v := range k.late {
			if !slices.Contains(k.may, v) {
				k.may = append(k.may, v)
			}
		}
		slices.Sort(k.may) // a map has no order
		k.late = nil
	}
}

// none is no value.
const none = "\x00none"

// counter is what a client knows of one of its counters.
type counter struct {
	name string
	n    int // so many increments were answered
	more int // so many may or may not have been executed
}

// answer holds a reply against what is known, and returns what is wrong with it.
func (o *owed) answer(r *reply, run *Run) string {
	if r.kind == '-' {
		o.unknown()
		if run.calm || !excused(string(r.p)) {
			return "an error in good times"
		}
		return ""
	}
	switch o.op {
	case opShared:
		return o.shared.answered(r, o.in, o.by, o.at, run.sim.now)
	case opGet:
		return o.keys[0].is(r, run.script.Loose)
	case opSet, opMset:
		if r.kind != '+' {
			return "not OK"
		}
		o.keys[0].wrote(o.p)
	case opDel:
		return o.deleted(r, run.script.Loose)
	case opMget:
		if r.kind != '*' || len(r.list) != len(o.keys) {
			return "not one element for each key"
		}
		for i, k := range o.keys {
			if why := k.is(&r.list[i], run.script.Loose); why != "" {
				return why
			}
		}
	case opIncr:
		if run.script.Loose && r.kind == ':' && r.n > 0 {
			return ""
		}
		if r.kind != ':' || r.n <= o.c.n || r.n > o.c.n+1+o.c.more {
			return fmt.Sprintf("%s was %d, and perhaps %d more", o.c.name, o.c.n, o.c.more)
		}
		o.c.more -= r.n - o.c.n - 1
		o.c.n = r.n
	case opEval:
		if r.kind != '$' || string(r.p) != o.p {
			return "not what the script was given"
		}
	case opPing:
		if r.kind != '+' || string(r.p) != "PONG" {
			return "not PONG"
		}
	case opHello:
		if r.kind != '%' {
			return "not a map"
		}
	}
	return ""
}

// excused says that an error is one of those that failing servers excuse.
func excused(p string) bool {
	for _, text := range []string{"Connection", "LOADING", "Broken pipe", "Invalid argument", "Host is down", "server refused", "No route", "SERVER_ERROR"} {
		if strings.Contains(p, text) {
			return true
		}
	}
	return false
}

// unknown takes note that o may or may not have been executed.
func (o *owed) unknown() {
	switch o.op {
	case opShared:
		o.shared.unknown(o.in, o.by, o.at)
	case opSet:
		o.keys[0].late.add(o.p)
	case opDel:
		for _, k := range o.keys {
			k.late.add(none)
		}
	case opIncr:
		o.c.more++
	}
}

func (o *owed) deleted(r *reply, loose bool) string {
	least, most := 0, 0
	for _, k := range o.keys {
		_, gone := k.late[none]
		values := len(k.may) + len(k.late) // that are not none
		if gone {
			values--
		}
		if slices.Contains(k.may, none) {
			gone = true
			values--
		}
		if values > 0 {
			most++
		}
		if !gone {
			least++
		}
		k.wrote(none)
	}
	if loose {
		least, most = 0, len(o.keys)
	}
	if r.kind != ':' || r.n < least || r.n > most {
		return fmt.Sprintf("%d to %d of them were there", least, most)
	}
	return ""
}

// is holds a value against what k may have.
func (k *key) is(r *reply, loose bool) string {
	v := none
	switch r.kind {
	case '_':
	case '$':
		v = string(r.p)
	default:
		return "neither a value nor nothing"
	}
	if loose && (v == none || strings.HasPrefix(v, k.name+"=")) {
		return ""
	}
	if slices.Contains(k.may, v) {
		k.may = append(k.may[:0], v)
		return ""
	}
	if _, ok := k.late[v]; ok {
		k.may = append(k.may[:0], v)
		return ""
	}
	return fmt.Sprintf("%s may have %.60q, or one of %d that are late", k.name, k.may, len(k.late))
}

// wrote takes note that k has v now, unless something late comes.
func (k *key) wrote(v string) { k.may = append(k.may[:0], v) }
