package sim

import (
	"slices"
	"strconv"
	"strings"
)

// memcachedDialect is how a client speaks memcached.
type memcachedDialect struct {
	list []reply // of the reply that was parsed last
}

func (*memcachedDialect) suffixes() []string {
	return []string{"", "", "", "", "", "", "", "", "", "", "", "", "", "{tag}", "{}x", "}{", "\xff\xfe", strings.Repeat("l", 230)}
}

func (*memcachedDialect) greet(*Client) {}

// last is quit, to which there is no answer, or what is no command.
func (*memcachedDialect) last(c *Client) {
	if c.rnd.IntN(2) == 0 {
		c.out = append(c.out, "quit\r\n"...)
		return
	}
	b := brokenMemcached[c.rnd.IntN(len(brokenMemcached))]
	c.out = append(c.out, b.args[0]...)
	c.owe(owed{op: opLocal, p: b.want})
}

func (*memcachedDialect) clear(c *Client, g *group) {
	from := len(c.out)
	for _, k := range g.names {
		c.out = append(append(append(c.out, "md "...), k...), " q\r\n"...)
	}
	c.out = append(c.out, "mn\r\n"...)
	c.owe(owed{op: opClean, g: g, until: true, cmd: c.copied(c.out[from:])})
}

// send makes up a command.
func (*memcachedDialect) send(c *Client) {
	rnd := c.rnd
	k := c.keys[rnd.IntN(len(c.keys))]
	switch r := rnd.IntN(40); {
	case r < 10:
		c.words("get", k.name)
		c.owe(owed{op: opMget, keys: k.one})
	case r < 14:
		keys := c.some()
		c.args = append(c.args[:0], "get")
		c.words(appendNames(c.args, keys)...)
		c.owe(owed{op: opMget, keys: keys})
	case r < 17:
		c.words("mg", k.name, "v")
		c.owe(owed{op: opGet, keys: k.one})
	case r < 26:
		v := c.value(k)
		c.words("set", k.name, "0 0", strconv.Itoa(len(v)))
		c.words(v)
		c.owe(owed{op: opSet, keys: k.one, p: v})
	case r < 28:
		c.words("delete", k.name)
		c.owe(owed{op: opDel, keys: k.one})
	case r < 29:
		c.out = append(c.out, "mn\r\n"...)
		c.owe(owed{op: opLocal, p: "MN"})
	case r < 30:
		b := refusalsMemcached[rnd.IntN(len(refusalsMemcached))]
		c.out = append(c.out, b.args[0]...)
		c.owe(owed{op: opLocal, p: b.want})
	default:
		c.anyLines()
	}
}

// words sends a line.
func (c *Client) words(words ...string) {
	for i, w := range words {
		if i > 0 {
			c.out = append(c.out, ' ')
		}
		c.out = append(c.out, w...)
	}
	c.out = append(c.out, "\r\n"...)
}

// refusalsMemcached are what the proxy answers itself.
var refusalsMemcached = func() (list []refusal) {
	for _, name := range []string{
		"verbosity 1", "flush_all", "flush_all 10", "stats", "stats items", "slabs reassign 1 2", "cache_memlimit 1", "extstore x", "lru tune",
		"lru_crawler enable", "refresh_certs", "shutdown", "watch",
	} {
		word, _, _ := strings.Cut(name, " ")
		list = append(list, refusal{[]string{name + "\r\n"}, "CLIENT_ERROR " + word + " is not allowed through this proxy"})
	}
	return append(list,
		refusal{[]string{"nosuch a b\r\n"}, "ERROR"},
		refusal{[]string{"GET a\r\n"}, "ERROR"},
		refusal{[]string{"get\r\n"}, "ERROR"},
		refusal{[]string{"delete\r\n"}, "ERROR"},
		refusal{[]string{"gat 0\r\n"}, "END"},
		refusal{[]string{"get " + strings.Repeat("k", 251) + "\r\n"}, "CLIENT_ERROR bad command line format"},
		refusal{[]string{"incr " + strings.Repeat("k", 251) + " 1\r\n"}, "CLIENT_ERROR bad command line format"},
		refusal{[]string{"set k 0 0 x\r\n"}, "CLIENT_ERROR bad command line format"},
		refusal{[]string{"set k x 0 5\r\nvalue\r\n"}, "CLIENT_ERROR bad command line format"},
		refusal{[]string{"set k 0 0 5\r\nvaluexx"}, "CLIENT_ERROR bad data chunk"},
		refusal{[]string{"mg k v q q\r\n"}, "CLIENT_ERROR duplicate flag"},
		refusal{[]string{"ms k 2 q q\r\nab\r\n"}, "CLIENT_ERROR duplicate flag"},
		refusal{[]string{"md k q q\r\n"}, "CLIENT_ERROR invalid or duplicate flag"},
		refusal{[]string{"verbosity 1 noreply\r\nmn\r\n"}, "MN"},
		refusal{[]string{"\r\n"}, "ERROR"},
	)
}()

// anyLines sends one command of the table, or several that are quiet.
func (c *Client) anyLines() {
	rnd := c.rnd
	g := c.group()
	if c.wide != nil && rnd.IntN(60) == 0 {
		g = c.wide
	}
	c.clean(g)
	o := owed{op: opLines, g: g}
	from := len(c.out)
	switch r := rnd.IntN(10); {
	case r == 0:
		k := g.names[rnd.IntN(len(g.names))]
		for range rnd.IntN(8) {
			c.classic(g, k, "noreply")
		}
		o.silent = true
		c.words("get", k) // its server has carried out the others once it has answered
	case r == 1:
		for range rnd.IntN(8) {
			c.meta(g, "q")
		}
		o.until = true
		c.out = append(c.out, "mn\r\n"...)
	case r < 6:
		c.meta(g, "")
	case r < 8:
		c.classic(g, g.names[rnd.IntN(len(g.names))], "")
	default:
		c.retrieval(g)
	}
	o.cmd = c.copied(c.out[from:])
	c.owe(o)
}

// retrieval sends get and its kin, with keys of which some may be twice.
func (c *Client) retrieval(g *group) {
	rnd := c.rnd
	c.out = append(c.out, []string{"get", "gets", "gat 100", "gats 0", "version"}[rnd.IntN(5)]...)
	if c.out[len(c.out)-1] != 'n' {
		for range 1 + rnd.IntN(min(len(g.names)+1, 150)) { // a line of gat may have 2 KiB
			c.out = append(append(c.out, ' '), g.names[rnd.IntN(len(g.names))]...)
		}
	}
	c.out = append(c.out, "\r\n"...)
}

// classic sends a classic command that changes something; end is its last word, "" for none.
func (c *Client) classic(g *group, k, end string) {
	rnd := c.rnd
	name := classics[rnd.IntN(len(classics))]
	c.args = append(c.args[:0], name, k)
	switch name {
	case "incr", "decr", "touch":
		c.args = append(c.args, strconv.Itoa(rnd.IntN(100)))
	case "delete":
	default:
		v, cas := c.line(g), ""
		if name == "cas" {
			cas = strconv.Itoa(1 + rnd.IntN(4))
		}
		c.args = append(c.args, strconv.Itoa(rnd.IntN(10)), "0", strconv.Itoa(len(v)))
		if cas != "" {
			c.args = append(c.args, cas)
		}
		c.sendArgs(end)
		c.words(v)
		return
	}
	c.sendArgs(end)
}

var classics = []string{"set", "set", "add", "replace", "append", "prepend", "cas", "incr", "decr", "touch", "delete"}

// sendArgs sends a line of c.args and one word more, "" for none.
func (c *Client) sendArgs(end string) {
	if end != "" {
		c.args = append(c.args, end)
	}
	c.words(c.args...)
}

// line is a value that may be joined with others: what is a number would not be told from one of them.
func (c *Client) line(g *group) string {
	if c.rnd.IntN(3) == 0 {
		c.seq++
		return strconv.Itoa(c.seq)
	}
	return c.text(g)
}

// meta sends a meta command; end is its last flag, "" for none. An opaque tells its reply from others.
func (c *Client) meta(g *group, end string) {
	rnd := c.rnd
	k := g.names[rnd.IntN(len(g.names))]
	c.seq++
	c.args = append(c.args[:0], "me", k, "", "k", "O"+strconv.Itoa(c.seq))
	c.maybe("c", "t")
	switch rnd.IntN(5) {
	case 0:
		c.args[0] = "mg"
		c.maybe("v", "f", "s", "T30")
	case 1:
		v := c.line(g)
		c.args[0], c.args[2] = "ms", strconv.Itoa(len(v))
		c.maybe("F7", "T0", "I", "C2", modes[rnd.IntN(len(modes))])
		c.sendArgs(end)
		c.words(v)
		return
	case 2:
		c.args[0] = "md"
		c.maybe("C1")
	case 3:
		c.args[0] = "ma"
		c.maybe("N0", "J5", "D2", "MD", "v")
	default:
		c.words("me", k)
		return
	}
	c.args = slices.Delete(c.args, 2, 3) // only ms has a size
	c.sendArgs(end)
}

var modes = []string{"MS", "MA", "MP", "MR", "ME"}

// maybe adds some of the words to a command.
func (c *Client) maybe(words ...string) {
	for _, w := range words {
		if c.rnd.IntN(3) == 0 {
			c.args = append(c.args, w)
		}
	}
}

// share implements dialect.
func (*memcachedDialect) share(c *Client, k *shared, in sharedIn) {
	switch in.name {
	case "SET":
		c.words("set", k.name, "0 0", strconv.Itoa(len(in.arg)))
		c.words(in.arg)
	case "DEL":
		c.words("delete", k.name)
	default:
		switch r := c.rnd.IntN(4); {
		case c.keeps() && r < 2:
			c.words("get", k.name)
		case c.keeps() && r < 3:
			c.words("get", k.name, nobody)
		default:
			c.words("mg", k.name, "v")
		}
	}
}
