package sim

import (
	"fmt"
	"slices"
	"strconv"
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

	script *luaScript
	act    int // what is done with it

	shared *shared
	in     sharedIn

	g       *group
	other   *group   // the same of another database
	cmds    [][]byte // of a transaction
	more    [][]byte // of it, behind a SELECT
	wrong   bool     // there is one of no database, too
	watch   bool     // the transaction watches the group's key
	cmd     []byte   // that goes to servers: of Redis an array, whatever form it was sent in; of memcached one or several
	n       int      // the version that a HELLO asks for; 0: none; or a database
	until   bool     // the reply goes on until MN
	blocks  bool     // it may block: who half-closes then is hung up on
	message *published
	sort    byte
	begins  bool
	names   []string
	ends    []string // of one that ends all: which those are

	silent bool   // some of cmd say that they want no reply
	three  string // what must come back in RESP3; "": p
}

type op uint8

const (
	opGet op = iota
	opSet
	opDel
	opMget
	opIncr
	opScript
	opHello
	opReset
	opLocal // the proxy answers it: see refusal.want
	opModel // of a group's keys
	opLines // the same, of memcached
	opShared
	opPush
	opPop
	opWatch
	opExec // of a group's commands
	opExecAway
	opSelect
	opMove
	opClean // deletes a group's keys
	opPublish
	opCensus
	opSubscribe
	opPing    // by a listener
	opGuarded // likewise GET, which it may perhaps not send
	opForeign // a key that others write
	opSpy     // another client's
)

var opNames = [...]string{"GET", "SET", "DEL", "MGET", "INCR", "script ", "HELLO", "RESET", "local ", "model ", "lines ", "shared ", "push", "pop", "WATCH ", "EXEC ", "EXEC and SELECT ", "SELECT", "MOVE ", "clean ", "PUBLISH", "PUBSUB", "SUBSCRIBE ", "PING", "GET", "foreign ", "spy "}

// what tells of a command.
func (o *owed) what() string {
	switch {
	case o.op == opShared:
		return opNames[o.op] + o.in.name + " " + o.shared.name
	case o.g != nil:
		return opNames[o.op] + quote(o.cmd)
	case o.op == opScript:
		return opNames[o.op] + strconv.Itoa(o.act) + " " + o.script.body
	case o.op == opLocal:
		return opNames[o.op] + o.p
	case o.op == opSubscribe:
		return fmt.Sprintf("%s%c %v %v", opNames[o.op], o.sort, o.begins, o.names)
	}
	return opNames[o.op] + fmt.Sprint(names(o.keys))
}

// oldest tells of the command whose reply is to come next.
func (c *Client) oldest() string {
	if c.inFlight() == 0 {
		return "nothing"
	}
	return c.owed[c.first].what()
}

// key is what a client knows of one of its keys.
type key struct {
	name string
	one  []*key   // itself
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
	for _, b := range c.books {
		for _, k := range b.keys {
			for v := range k.late {
				k.may = append(k.may, v)
			}
			slices.Sort(k.may) // a map has no order
			k.may = slices.Compact(k.may)
			k.late = nil
		}
		c.settleGroups(b)
	}
}

// none is no value.
const none = "\x00none"

var nothing = []byte(none)

// counter is what a client knows of one of its counters.
type counter struct {
	name string
	n    int // so many increments were answered
	more int // so many may or may not have been executed
}

// answer holds a reply against what is known, and returns what is wrong with it. raw are its bytes, without attributes.
func (c *Client) answer(o *owed, r *reply, raw []byte) string {
	switch o.op {
	case opLocal:
		return c.local(o, r, raw)
	case opModel:
		return c.mirrored(o, r, raw)
	case opLines:
		return c.mirroredLines(o, r, raw)
	case opScript:
		return c.storedAnswer(o, r, raw)
	case opWatch:
		return c.watched(o, r, raw)
	case opExec:
		return c.executed(o, r, raw)
	case opExecAway:
		return c.executedAway(o, r, raw)
	case opSelect:
		return c.selected(o, raw)
	case opPing, opGuarded:
		return c.guarded(o, r, raw)
	case opReset:
		c.three = false
		if c.listening != nil {
			c.end(c.run.sim.now)
		}
		if string(raw) != "+RESET\r\n" {
			return "not RESET"
		}
		return ""
	}
	if r.failed() {
		o.unknown()
		if !r.crowded() && (c.run.calm || !c.run.script.Sick && !c.excused(string(r.p))) {
			return "an error in good times"
		}
		c.failed = true
		return ""
	}
	if c.run.script.Sick && !c.run.calm && o.op != opHello && o.op != opSubscribe { // what these are answered is the proxy's
		o.unknown()
		return ""
	}
	if o.op == opClean {
		return o.cleaned(r, c.run)
	}
	return c.known(o, r)
}

// known is answer for a command whose effects the client knows.
func (c *Client) known(o *owed, r *reply) string {
	run := c.run
	switch o.op {
	case opPush:
		if r.kind != ':' {
			return "not how long the queue is"
		}
	case opPop:
		return c.popped(o, r)
	case opMove:
		return c.moved(o, r)
	case opPublish:
		return c.answeredPublish(o, r)
	case opCensus:
		return c.census(o, r)
	case opSubscribe:
		return c.confirmed(o, r.p)
	case opSpy:
		return o.spied(r)
	case opForeign:
		return c.foreign(o, r)
	case opShared:
		return o.shared.answered(r, o.in, o.by, o.at, run.sim.now)
	case opGet:
		return c.has(o.keys[0], r, c.seesLater())
	case opSet:
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
			if why := c.has(k, &r.list[i], c.seesLater()); why != "" {
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
	case opHello:
		if o.n > 0 {
			c.three = o.n == 3
		}
		if r.kind != map[bool]byte{false: '*', true: '%'}[c.three] || len(r.list) != 14 || r.list[5].n != c.version() {
			return "not what a server says of itself, in the version that was asked for"
		}
	}
	return ""
}

// version is the one that c speaks.
func (c *Client) version() int {
	if c.three {
		return 3
	}
	return 2
}

// local holds the reply to a command that the proxy answers itself against what it says.
func (c *Client) local(o *owed, r *reply, raw []byte) string {
	want := o.p
	if c.three && o.three != "" {
		want = o.three
	}
	kinds, some := strings.CutPrefix(want, "?")
	want, asked := strings.CutPrefix(want, "~")
	switch {
	case some && strings.IndexByte(kinds, r.kind) >= 0:
		return ""
	case (some || asked) && r.kind == '-' && !c.run.calm && (c.run.script.Sick || c.excused(string(r.p))): // a question about the proxy that servers were asked
		return ""
	case want[0] == '=' && r.kind == '$' && string(r.p) == want[1:]:
		return ""
	case len(raw) == len(want)+2 && string(raw[:len(want)]) == want:
		return ""
	}
	return "should be " + want
}

// crowded says that r refuses a command that may block, or WATCH, since others have all connections that there may be for that. Nothing
// was executed then.
func (r *reply) crowded() bool {
	return r.kind == '-' && strings.Contains(string(r.p), "_connections of the server are in use")
}

// excused says that an error is one of those that failing servers excuse.
func excused(p string) bool {
	for _, text := range []string{"Connection", "LOADING", "EXECABORT", "UNBLOCKED", "Broken pipe", "Invalid argument", "Host is down", "server refused", "No route", "SERVER_ERROR"} {
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
	case opScript:
		if o.p != "" {
			o.keys[0].late.add(o.p)
		}
	case opDel:
		for _, k := range o.keys {
			k.late.add(none)
		}
	case opIncr:
		o.c.more++
	case opModel, opLines, opExec:
		o.g.vague = true
	case opExecAway, opMove:
		o.g.vague, o.other.vague = true, true
	case opClean:
		o.g.vague, o.g.deleting = true, false
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
	v := nothing
	switch r.kind {
	case '_':
	case '$':
		v = r.p
	default:
		return "neither a value nor nothing"
	}
	if loose && (r.kind == '_' || len(v) > len(k.name) && v[len(k.name)] == '=' && string(v[:len(k.name)]) == k.name) {
		return ""
	}
	for _, may := range k.may {
		if may == string(v) {
			k.wrote(may)
			return ""
		}
	}
	if _, ok := k.late[string(v)]; ok {
		k.wrote(string(v))
		return ""
	}
	return fmt.Sprintf("%s may have %.60q, or one of %d that are late", k.name, k.may, len(k.late))
}

// wrote takes note that k has v now, unless something late comes.
func (k *key) wrote(v string) { k.may = append(k.may[:0], v) }
