package resp

import (
	"slices"
	"strings"

	"cashew/codec/acl"
)

// command is a row made ready for the parser; its index in commands is its Op. Index 0 is no command.
type command struct {
	name       string
	bulk       string // the name as it goes to servers
	arity      int8
	kind       kind
	oneKey     bool  // plain: Forward by argument 1
	beforeAuth bool  // served to clients that have not authenticated
	judged     bool  // the server says what is wrong with the number of arguments, or a container's subcommand
	sole       bool  // in a pool of one server it goes there; see soleFlag
	worded     bool  // in a pool of one server that is asked what is wrong with it
	pairs      bool  // a fragment takes the value with the key
	group      uint8 // arguments from the first key on come in groups of so many; 0: any number
	planFirst  int8  // what walk records, from argument planFirst to planLast, in steps; planStep 0: nothing
	planLast   int8
	planStep   int8
	keys       keySpec
	firstChild uint16 // a container's subcommands are commands[firstChild:endChild]
	endChild   uint16
	parent     uint16 // a subcommand's container
	groupName  string
	categories categories
	flags      string
	access     [2]acl.Access // what it does with its first key, and with the others; see accesses
}

var commands = buildTable()

func buildTable() []command {
	list := make([]command, 1, maxOps)
	for _, g := range table {
		for _, r := range g.rows {
			c := command{
				name: r.name, arity: r.arity, kind: r.kind, keys: r.keys, flags: r.flags, groupName: g.group,
				beforeAuth: strings.Contains(r.flags, "u"), bulk: string(appendBulk(nil, r.name)),
			}
			c.planKeys()
			if name, _, ok := strings.Cut(r.name, "|"); ok {
				parent := slices.IndexFunc(list, func(p command) bool { return p.name == name })
				if parent < 0 || list[parent].kind != container {
					panic("resp: subcommand without its container: " + r.name)
				}
				c.parent = uint16(parent)
				if list[parent].firstChild == 0 {
					list[parent].firstChild = uint16(len(list))
				}
				list[parent].endChild = uint16(len(list) + 1)
			}
			list = append(list, c)
		}
	}
	list = append(list, learnedRows(len(list))...)
	if len(list) > maxOps {
		panic("resp: more commands than maxOps")
	}
	findAccess(list)
	for i := range list {
		c := &list[i]
		c.categories = categoriesOf(c, isWhole(c))
		c.sole = c.has(soleFlag) || c.has(apartFlag)
		c.worded = c.stateless()
		switch c.kind {
		case forward:
			k := c.keys.kind
			c.judged = c.group == 0 && (k == positions || k == sortStore || k == geoStore)
		case container:
			c.judged = !slices.ContainsFunc(list[c.firstChild:c.endChild], func(sub command) bool {
				return sub.keys != key2 && !strings.HasSuffix(sub.name, "|help")
			})
		}
	}
	return list
}

// has tells whether c has a flag.
func (c *command) has(letter byte) bool { return strings.IndexByte(c.flags, letter) >= 0 }

// stateless tells whether c, and for a container its subcommands, leave a connection as it was, even one that a newer server takes and
// this table calls wrong.
func (c *command) stateless() bool {
	switch c.kind {
	case forward, split, everywhere, anywhere, walks:
		return true
	case container:
		return c.name != "client" && c.name != "cluster" && c.name != "script"
	}
	return c.sole
}

// planKeys derives what walk records from where the keys are.
func (c *command) planKeys() {
	switch {
	case c.kind == container:
		c.planFirst, c.planLast, c.planStep = 1, 2, 1 // the subcommand and, with all that have one, the key
	case c.kind == subscribes:
		c.planFirst, c.planLast, c.planStep = 1, -1, 1 // channels are no keys to Redis, and placed like keys
	case c.kind == publishes:
		c.planFirst, c.planLast, c.planStep = 1, 1, 1
	case c.kind != forward && c.kind != split && c.kind != watches && c.kind != blocks && c.kind != moves:
		return
	case c.keys.kind != positions:
		c.planFirst, c.planLast, c.planStep = 1, -1, 1
	default:
		c.planFirst, c.planLast, c.planStep = c.keys.first, c.keys.last, c.keys.step
		c.oneKey = c.kind == forward && c.keys == key1
		c.pairs = c.kind == split && c.keys.step > 1
		if c.keys.last == -1 && c.keys.step > 1 {
			c.group = uint8(c.keys.step)
		}
	}
}
