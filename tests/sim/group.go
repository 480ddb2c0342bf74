package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A group is keys of one client that it uses with all commands there are. It carries each of them out on a db of its own once the
// reply comes, and so knows that to the last byte. After a command that failed, whose reply never came, or whose keys may have moved,
// what servers have is vague: then a reply has to be of the right shape, and all text in it has to name the keys, until all is well
// again and the client has deleted them.
type group struct {
	names  []string
	prefix string // of the names, and of all that is written to them
	kind   byte   // of what is mostly written
	db
	vague    bool
	seen     []byte // what the key had as it was watched; see multi.go
	deleting bool   // a command that deletes all of them is on its way
}

// newGroups makes a client's groups: some of one key, and perhaps one of many.
func (c *Client) newGroups(suffixes []string) {
	rnd := c.rnd
	for i := range 1 + rnd.IntN(8) {
		name := fmt.Sprintf("c%d:o%d", c.id, i) + suffixes[rnd.IntN(len(suffixes))]
		kinds := []byte{aString, aString, aHash, aList, aSet, aZset}
		c.groups = append(c.groups, &group{names: []string{name}, prefix: name, kind: kinds[rnd.IntN(len(kinds))], db: make(db)})
	}
	if rnd.IntN(3) > 0 {
		return
	}
	g := &group{prefix: fmt.Sprintf("c%d:w", c.id), db: make(db)}
	if c.inCluster && rnd.IntN(2) == 0 {
		g.prefix = fmt.Sprintf("{c%d}w", c.id) // of one slot
	}
	for i := range 2 + rnd.IntN(300) {
		g.names = append(g.names, g.prefix+strconv.Itoa(i))
	}
	c.wide = g
}

// group is any of them, but for the one of many keys.
func (c *Client) group() *group { return c.groups[c.rnd.IntN(len(c.groups))] }

// text is a new value for a key of g: it is its own, or a number, or nothing.
func (c *Client) text(g *group) string {
	c.seq++
	rnd := c.rnd
	switch r := rnd.IntN(4000); {
	case r < 1000 && g.kind == aString:
		return strconv.Itoa(c.seq)
	case r < 1100:
		return ""
	case r < 1110:
		return g.prefix + strings.Repeat("\r\n", rnd.IntN(8<<10))
	case r == 1111:
		c.huge = true
		return g.prefix + strings.Repeat("h", 300<<10+rnd.IntN(300<<10))
	}
	return g.prefix + "=" + strconv.Itoa(c.seq) + padding[:rnd.IntN(20)]
}

// clean sends the command that deletes all keys of g if what they have is vague and all is well.
func (c *Client) clean(g *group) {
	if g.vague && c.run.calm && !g.deleting {
		g.deleting = true
		c.clear(c, g)
	}
}

// settleGroups takes note that nothing is on its way any more.
func (c *Client) settleGroups(b *book) {
	for _, g := range b.everyGroup() {
		g.vague = g.vague || c.run.script.Loose
	}
}

func (b *book) everyGroup() []*group {
	if b.wide == nil {
		return b.groups
	}
	return append(slices.Clip(b.groups), b.wide)
}

// cleaned takes note that the keys of g are gone.
func (o *owed) cleaned(r *reply, run *Run) string {
	o.g.deleting = false
	if r.kind != ':' && r.kind != lines || r.kind == lines && string(r.p) != "MN\r\n" && run.calm && !onlyMisses(r.p) {
		return "not how many were deleted"
	}
	clear(o.g.db)
	o.g.vague = run.script.Loose && !run.calm || run.script.Sick && !run.calm
	return ""
}

// onlyMisses says of the lines of a reply that they are of keys that were not there, up to the end.
func onlyMisses(p []byte) bool {
	for line := range bytes.Lines(p) {
		if !bytes.HasPrefix(line, []byte("NF")) && string(line) != "MN\r\n" {
			return false
		}
	}
	return true
}

// mirrored holds the reply to a command on a group against what it must be.
func (c *Client) mirrored(o *owed, r *reply, raw []byte) string {
	x := &c.expect
	x.args, _ = parseCommand(o.cmd, x.args[:0])
	x.db, x.three, x.out = o.g.db, c.three, x.out[:0]
	x.do()
	if bytes.Equal(raw, x.out) {
		return ""
	}
	return c.otherwise(o, r, raw, x.out, func() bool {
		row := rowOf(x.args)
		if row.do == nil {
			return c.run.script.Loose && !c.run.calm && r.missing(raw)
		}
		whole, _ := parseReply(raw, true)
		return row.has(whole.kind) && whole.names(o.g.prefix)
	})
}

// otherwise says what is wrong with a reply that is not what it should be. fits: it is what vague keys may give.
func (c *Client) otherwise(o *owed, r *reply, raw, want []byte, fits func() bool) string {
	run := c.run
	switch {
	case r.crowded():
		return ""
	case run.calm:
	case run.script.Sick:
		o.g.vague = true
		return ""
	case r.failed() && c.excused(string(r.p)):
		c.failed = true
		o.g.vague = true
		return ""
	case run.script.Loose, o.silent, c.seesLater(), c.wasElsewhere():
		o.g.vague = true
	}
	if o.g.vague && fits() {
		return ""
	}
	at := 0
	for at < min(len(raw), len(want)) && raw[at] == want[at] {
		at++
	}
	return fmt.Sprintf("should have %s from byte %d on, and has %s", quote(want[at:]), at, quote(raw[at:]))
}

// failed says that r is an error.
func (r *reply) failed() bool {
	return r.kind == '-' || r.kind == lines && bytes.Contains(r.p, []byte("SERVER_ERROR"))
}

// missing says that r is what a server says that has none of the keys.
func (r *reply) missing(raw []byte) bool {
	switch r.kind {
	case '_':
		return true
	case '*', '%', '~':
		return string(raw[1:]) == "0\r\n"
	case ':':
		return r.n == 0 || r.n == -2
	case '$':
		return len(r.p) == 0
	}
	return false
}

// names says that all text in r begins like a group's keys.
func (r *reply) names(prefix string) bool {
	switch r.kind {
	case '$', '=':
		return isText(r.p, prefix)
	case '-':
		return bytes.Contains(r.p, []byte("model "))
	}
	for i := range r.list {
		if !r.list[i].names(prefix) {
			return false
		}
	}
	return true
}

// isText says that p can have been written to a group: several pieces of text that were appended to one another, too.
func isText(p []byte, prefix string) bool {
	return bytes.Contains(p, []byte(prefix)) || len(bytes.Trim(p, "0123456789.-")) == 0
}

// mirroredLines is mirrored for commands of memcached.
func (c *Client) mirroredLines(o *owed, r *reply, raw []byte) string {
	x := &c.lines
	x.db, x.out = o.g.db, x.out[:0]
	for at := 0; at < len(o.cmd); {
		at += x.parse(o.cmd[at:])
		x.do()
	}
	if o.silent && !c.run.calm {
		o.g.vague = true // whether they were carried out nobody says
	}
	if bytes.Equal(r.p, x.out) {
		return ""
	}
	return c.otherwise(o, r, raw, x.out, func() bool { return linesName(r.p, o.g.prefix) })
}

// linesName says that all data and keys in a reply of memcached begin like a group's keys.
func linesName(p []byte, prefix string) bool {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		line := string(bytes.TrimRight(p[:i], "\r"))
		p = p[i+1:]
		words := strings.Fields(line)
		size, key := -1, prefix
		switch words[0] {
		case "VALUE":
			key = words[1]
			size, _ = strconv.Atoi(words[3])
		case "VA":
			size, _ = strconv.Atoi(words[1])
		case "ME":
			key = words[1]
		case "SERVER_ERROR":
			return false
		case "CLIENT_ERROR":
			if line != notNumber {
				return false
			}
		}
		for _, w := range words {
			if w[0] == 'k' && words[0] != "VALUE" {
				key = w[1:]
			}
		}
		if !strings.HasPrefix(key, prefix) {
			return false
		}
		if size >= 0 {
			if !isText(p[:size], prefix) {
				return false
			}
			p = p[size+2:]
		}
	}
	return true
}
