package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// transacting is what a connection to a server of Redis has queued and watches.
type transacting struct {
	multi, spoiled bool
	queued         [][][]byte
	watches        map[watchedKey]string // what each key had
}

// watchedKey is a key of a database.
type watchedKey struct {
	db  int
	key string
}

// transacts is MULTI and all that has to do with it, or a command that is queued. false: it is none of those.
func (c *session) transacts(x *request) bool {
	ok := "+OK\r\n"
	switch name := string(x.args[0]); {
	case name == "MULTI":
		c.multi = true
	case name == "EXEC":
		c.execute(x)
		return true
	case name == "UNWATCH" && !c.multi:
		c.watches = nil
	case name == "WATCH":
		if c.watches == nil {
			c.watches = make(map[watchedKey]string)
		}
		for _, k := range x.args[1:] {
			w := watchedKey{c.chosen, string(k)}
			if _, ok := c.watches[w]; !ok {
				c.watches[w] = c.has(w)
			}
		}
	case c.multi:
		var args [][]byte
		for _, a := range x.args {
			args = append(args, bytes.Clone(a))
		}
		c.queued = append(c.queued, args)
		ok = "+QUEUED\r\n"
	default:
		return false
	}
	c.out = append(c.out, ok...)
	return true
}

// has is a key's value as a text.
func (v *Server) has(w watchedKey) string { return fmt.Sprint(v.database(w.db)[w.key]) }

// execute is EXEC.
func (c *session) execute(x *request) {
	t := c.transacting
	c.transacting = transacting{}
	if !t.multi {
		panic("sim: the proxy sent EXEC without MULTI")
	}
	if t.spoiled {
		c.out = append(c.out, "-EXECABORT Transaction discarded because of previous errors.\r\n"...)
		return
	}
	for k, had := range t.watches { // in no order: whichever has changed, the answer is the same
		if c.has(k) != had {
			c.out = append(c.out, nullArray(x.three)...)
			return
		}
	}
	c.out = fmt.Appendf(c.out, "*%d\r\n", len(t.queued))
	for _, args := range t.queued {
		switch x.args = args; string(args[0]) {
		case "PING":
			c.out = append(c.out, "+PONG\r\n"...)
		case "UNWATCH":
			c.out = append(c.out, "+OK\r\n"...)
		default:
			c.carryOut(x)
		}
	}
}

func nullArray(three bool) string {
	if three {
		return "_\r\n"
	}
	return "*-1\r\n"
}

// transact sends a transaction on a group of one key, perhaps watched, and perhaps with a pause in the middle.
func (c *Client) transact() {
	rnd, i := c.rnd, c.rnd.IntN(len(c.groups))
	g := c.groups[i]
	c.clean(g)
	watch, watched := rnd.IntN(3) == 0, g
	if watch {
		c.command("WATCH", g.names[0])
		c.owe(owed{op: opWatch, g: g})
		if rnd.IntN(4) == 0 {
			c.owe(owed{op: opModel, g: g, cmd: c.made(rowsFor[g.kind][rnd.IntN(len(rowsFor[g.kind]))], g)})
		}
	}
	if len(c.books) > 1 && watch && rnd.IntN(4) == 0 && !c.run.script.Sick {
		c.goTo(c.elsewhere())
		g = c.groups[i]
		c.clean(g)
	}
	c.command("MULTI")
	c.owe(owed{op: opLocal, p: "+OK"})
	var cmds [][]byte
	spoiled := false
	for range rnd.IntN(8) {
		want := "+QUEUED"
		if rnd.IntN(10) == 0 {
			c.command([]string{"PING", "UNWATCH"}[rnd.IntN(2)])
			cmds = append(cmds, nil)
		} else {
			row := rowsFor[g.kind][rnd.IntN(len(rowsFor[g.kind]))]
			cmds = append(cmds, c.made(row, g))
			if row.name == "get" && len(c.args) != 2 {
				spoiled, want = true, "-ERR wrong number of arguments for 'get' command"
			}
		}
		c.owe(owed{op: opLocal, p: want})
		c.pause()
	}
	switch rnd.IntN(6) {
	case 0:
		c.command("DISCARD")
		c.owe(owed{op: opLocal, p: "+OK"})
	case 1:
		c.command("RESET")
		c.owe(owed{op: opReset})
	default:
		c.command("EXEC")
		if spoiled {
			c.owe(owed{op: opLocal, p: "-EXECABORT Transaction discarded because of previous errors."})
			return
		}
		c.owe(owed{op: opExec, g: g, other: watched, cmds: cmds, watch: watch})
	}
}

// pause has what follows sent later, now and then, and seldom much later.
func (c *Client) pause() {
	if c.hold == 0 && c.rnd.IntN(60) == 0 && !c.run.resting {
		c.hold, c.pauses = len(c.out), true
		most := 30 * time.Millisecond
		if c.rnd.IntN(20) == 0 {
			most = 3 * time.Second
		}
		c.run.sim.after(time.Duration(c.rnd.Int64N(int64(most))), func() { c.hold, c.pauses = 0, false; c.soon() })
	}
}

// watched holds the reply to a WATCH against what it may be, and notes what the key has.
func (c *Client) watched(o *owed, r *reply, raw []byte) string {
	o.g.seen = nil
	switch {
	case string(raw) == "+OK\r\n":
		if !o.g.vague {
			o.g.seen = fmt.Append(nil, o.g.db[o.g.names[0]])
		}
	case r.crowded():
	case c.run.script.Sick && !c.run.calm:
		c.failed = true
	case c.run.calm || !r.failed() || !c.run.script.Sick && !c.excused(string(r.p)):
		return "not OK"
	default:
		c.failed = true
	}
	return ""
}

// executed holds the reply to an EXEC against what it must be: all commands in their order, or nothing.
func (c *Client) executed(o *owed, r *reply, raw []byte) string {
	x, g, w := &c.expect, o.g, o.other
	changed := o.watch && w.seen != nil && !w.vague && string(w.seen) != fmt.Sprint(w.db[w.names[0]])
	if string(raw) == nullArray(c.three) && o.watch {
		if c.run.calm && !changed && w.seen != nil && !w.vague {
			return "not executed, though nothing has changed and nothing fails"
		}
		return ""
	}
	before := g.db
	g.db = make(db)
	for k, v := range before { // into another map
		v.items = slices.Clone(v.items)
		g.db[k] = v
	}
	x.db, x.three, x.out = g.db, c.three, append(strconv.AppendInt(append(x.out[:0], '*'), int64(len(o.cmds)), 10), "\r\n"...)
	for i, cmd := range o.cmds {
		if cmd == nil {
			x.out = append(x.out, ownReply(r, raw, i)...)
			continue
		}
		x.args, _ = parseCommand(cmd, x.args[:0])
		x.do()
	}
	if bytes.Equal(raw, x.out) {
		if changed && !c.run.script.Loose {
			return "executed, though a watched key had changed"
		}
		return ""
	}
	if r.failed() {
		g.db = before
	}
	return c.otherwise(o, r, raw, x.out, func() bool {
		whole, _ := parseReply(raw, true)
		return whole.kind == '*' && len(whole.list) == len(o.cmds)
	})
}

// ownReply is what PING or UNWATCH, the i-th of a transaction, is answered.
func ownReply(r *reply, raw []byte, i int) string {
	whole, n := parseReply(raw, true)
	if n > 0 && r.kind == '*' && i < len(whole.list) && string(whole.list[i].p) == "PONG" {
		return "+PONG\r\n"
	}
	return "+OK\r\n"
}
