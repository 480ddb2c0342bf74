package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// Databases. A pool may have several, and then its clients go from one to the other. A client has the same keys in each, and a book of
// what they have there: what one is told of another's it takes for a wrong reply. Servers have as many, for each connection one; who
// leaves one behind in another database than it was in has the next client there.

// book is what a client knows of its keys in one database.
type book struct {
	keys     []*key
	counters []*counter
	groups   []*group
	wide     *group // of many keys; nil: it has none
}

// newBooks makes a client's books for so many databases: all have the same keys. It is in that of number home.
func (c *Client) newBooks(keys, databases, home int) {
	c.home = home
	c.book = new(book)
	c.newKeys(keys)
	for range max(databases, 1) {
		c.books = append(c.books, c.book.copied())
	}
	c.enter(home)
}

// copied is a book with the same keys, of which it knows nothing.
func (b *book) copied() *book {
	d := new(book)
	for _, k := range b.keys {
		e := &key{name: k.name, may: []string{none}}
		e.one = []*key{e}
		d.keys = append(d.keys, e)
	}
	for _, n := range b.counters {
		d.counters = append(d.counters, &counter{name: n.name})
	}
	for _, g := range b.groups {
		d.groups = append(d.groups, g.copied())
	}
	if b.wide != nil {
		d.wide = b.wide.copied()
	}
	return d
}

func (g *group) copied() *group {
	return &group{names: g.names, prefix: g.prefix, kind: g.kind, db: make(db)}
}

// enter has c use the keys of a database from now on.
func (c *Client) enter(db int) { c.book, c.chosen = c.books[db], db }

// elsewhere is another database than c is in.
func (c *Client) elsewhere() int { return (c.chosen + 1 + c.rnd.IntN(len(c.books)-1)) % len(c.books) }

// selects sends a SELECT of any database, or does what else is done with several. false: there is one.
func (c *Client) selects() bool {
	rnd := c.rnd
	if len(c.books) < 2 {
		return false
	}
	switch r := rnd.IntN(10); {
	case r < 2 && !c.run.script.Sick:
		c.transactAway()
	case r < 4:
		c.moves()
	default:
		c.goTo(rnd.IntN(len(c.books)))
	}
	return true
}

// goTo sends a SELECT. Where servers are sick one may say that it lacks a database, and so what is sent next waits for the reply.
func (c *Client) goTo(db int) {
	c.command("SELECT", strconv.Itoa(db))
	c.owe(owed{op: opSelect, n: c.chosen})
	c.enter(db)
	c.awaits = c.run.script.Sick
}

// selected holds the reply to a SELECT against what it must be, whatever state servers are in.
func (c *Client) selected(o *owed, raw []byte) string {
	if c.run.script.Sick {
		c.awaits = false // else what it awaits is an EXEC behind this
	}
	switch {
	case string(raw) == "+OK\r\n":
		return ""
	case c.run.script.Sick && !c.run.calm && raw[0] == '-':
		c.enter(o.n)
		return ""
	}
	return "not OK"
}

// moves sends a MOVE of a key of a group to the same one of another database.
func (c *Client) moves() {
	i, to := c.rnd.IntN(len(c.groups)), c.elsewhere()
	g, other := c.groups[i], c.books[to].groups[i]
	if c.clean(g); other.vague && c.run.calm {
		return // it can't be made clean from here
	}
	c.command("MOVE", g.names[0], strconv.Itoa(to))
	c.owe(owed{op: opMove, g: g, other: other})
}

// moved holds the reply to a MOVE against what is known of both.
func (c *Client) moved(o *owed, r *reply) string {
	from, to, name := o.g, o.other, o.g.names[0]
	if r.kind != ':' || r.n > 1 {
		return "neither that it was moved nor that it was not"
	}
	if from.vague || to.vague || c.run.script.Loose && !c.run.calm {
		from.vague, to.vague = true, true
		return ""
	}
	moves := from.db[name].kind != 0 && to.db[name].kind == 0
	if moves != (r.n == 1) {
		return fmt.Sprintf("it is there: %v, and there already: %v", from.db[name].kind != 0, to.db[name].kind != 0)
	}
	if moves {
		to.db[name] = from.db[name]
		delete(from.db, name)
	}
	return ""
}

// transactAway sends a transaction that goes to another database, and waits for the reply: if it is an error, c is where it was.
func (c *Client) transactAway() {
	rnd, i, to := c.rnd, c.rnd.IntN(len(c.groups)), c.elsewhere()
	g, other := c.groups[i], c.books[to].groups[i]
	c.clean(g)
	c.command("MULTI")
	c.owe(owed{op: opLocal, p: "+OK"})
	o := owed{op: opExecAway, g: g, other: other, n: to}
	queue := func(g *group) (cmds [][]byte) {
		for range rnd.IntN(4) {
			row := rowsFor[g.kind][rnd.IntN(len(rowsFor[g.kind]))]
			if row.name == "get" {
				continue // which may have an argument too many
			}
			cmds = append(cmds, c.made(row, g))
			c.owe(owed{op: opLocal, p: "+QUEUED"})
			c.pause()
		}
		return cmds
	}
	o.cmds = queue(g)
	for _, db := range []int{99, to} {
		if db == to || rnd.IntN(4) == 0 {
			c.command("SELECT", strconv.Itoa(db))
			c.owe(owed{op: opLocal, p: "+QUEUED"})
			o.wrong = o.wrong || db == 99
		}
	}
	o.more = queue(other)
	c.command("EXEC")
	c.owe(o)
	c.awaits = true
}

// executedAway holds the reply to such an EXEC against what it must be.
func (c *Client) executedAway(o *owed, r *reply, raw []byte) string {
	c.awaits = false
	if r.crowded() {
		return ""
	}
	x, was, others := &c.expect, o.g.db, o.other.db
	o.g.db, o.other.db = was.copied(), others.copied()
	n := len(o.cmds) + 1 + len(o.more)
	if o.wrong {
		n++
	}
	x.three, x.out = c.three, fmt.Appendf(x.out[:0], "*%d\r\n", n)
	x.all(o.g.db, o.cmds)
	if o.wrong {
		x.out = append(x.out, outOfRange...)
	}
	x.ok()
	x.all(o.other.db, o.more)
	if bytes.Equal(raw, x.out) {
		c.enter(o.n)
		return ""
	}
	if r.failed() {
		o.g.db, o.other.db = was, others
	}
	why := c.otherwise(o, r, raw, x.out, func() bool {
		whole, _ := parseReply(raw, true)
		return whole.kind == '*' && len(whole.list) == n
	})
	if why != "" && o.other.vague && r.kind == '*' {
		why = "" // as far as it is known
	}
	o.g.vague, o.other.vague = true, true
	if r.kind == '*' {
		c.enter(o.n)
	}
	return why
}

// all carries out commands on a db.
func (x *request) all(d db, cmds [][]byte) {
	x.db = d
	for _, cmd := range cmds {
		x.args, _ = parseCommand(cmd, x.args[:0])
		x.do()
	}
}

// copied is another db that has the same.
func (d db) copied() db {
	e := make(db)
	for k, v := range d { // into another map
		v.items = slices.Clone(v.items)
		e[k] = v
	}
	return e
}

const outOfRange = "-ERR DB index is out of range\r\n"

// database is what v stores in a database.
func (v *Server) database(n int) db {
	if n == 0 {
		return v.values
	}
	if v.others[n] == nil {
		v.others[n] = make(db)
	}
	return v.others[n]
}

// stored is what c reads and writes.
func (c *session) stored() db { return c.database(c.chosen) }

// selects executes SELECT and MOVE. false: the command is another.
func (c *session) selects(x *request) bool {
	n, err := strconv.Atoi(string(x.args[len(x.args)-1]))
	switch name := string(x.args[0]); {
	case name != "SELECT" && name != "MOVE":
		return false
	case err != nil || n < 0 || n >= serverDatabases:
		c.out = append(c.out, outOfRange...)
	case name == "SELECT":
		c.chosen = n
		c.out = append(c.out, "+OK\r\n"...)
	default:
		from, to, k := c.stored(), c.database(n), string(x.args[1])
		if from[k].kind == 0 || to[k].kind != 0 {
			c.out = append(c.out, ":0\r\n"...)
			return true
		}
		to[k] = from[k]
		delete(from, k)
		c.out = append(c.out, ":1\r\n"...)
	}
	return true
}

// serverDatabases is how many a server has.
const serverDatabases = 16
