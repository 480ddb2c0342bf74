package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// redisDialect is how a client speaks Redis's protocol.
type redisDialect struct{}

func (redisDialect) suffixes() []string {
	return []string{"", "", "", "", "", "", "", "", "", "", "", "", "", "{tag}", "{}x", "}{", "\r\n", "\x00\xff", " a b", `"q`, strings.Repeat("l", 300)}
}

func (redisDialect) greet(c *Client) {
	if c.likes {
		c.hello(3)
	}
}

// hello asks for a version of the protocol; 0: for none.

func (c *Client) hello(version int) {
	if version == 0 {
		c.command("HELLO")
	} else {
		c.command("HELLO", strconv.Itoa(version))
	}
	c.owe(owed{op: opHello, n: version})
}

// last is QUIT, or what is no command.
func (redisDialect) last(c *Client) {
	if c.rnd.IntN(2) == 0 {
		c.command("QUIT")
		c.owe(owed{op: opLocal, p: "+OK"})
		return
	}
	b := broken[c.rnd.IntN(len(broken))]
	c.out = append(c.out, b.args[0]...)
	c.owe(owed{op: opLocal, p: b.want})
}

func (redisDialect) clear(c *Client, g *group) {
	c.command(append([]string{"UNLINK"}, g.names...)...)
	c.owe(owed{op: opClean, g: g})
}

func (redisDialect) parse(p []byte, o *owed) (reply, int) {
	if p[0] == '>' { // see unasked
		return reply{}, 0
	}
	return parseReply(p, o != nil && (o.op == opMget || o.op == opForeign || o.op == opSpy || o.op == opHello || o.op == opShared || o.op == opPop || o.op == opCensus))
}

// send makes up a command.
func (redisDialect) send(c *Client) { c.sendOne(c.rnd.IntN(200)) }

// sendOne makes up a command of a kind.
func (c *Client) sendOne(r int) {
	rnd := c.rnd
	k := c.keys[rnd.IntN(len(c.keys))]
	switch {
	case r < 55:
		c.command("GET", k.name)
		c.owe(owed{op: opGet, keys: k.one})
	case r < 85:
		v := c.value(k)
		c.command("SET", k.name, v)
		c.owe(owed{op: opSet, keys: k.one, p: v})
	case r < 90:
		keys := c.some()
		c.args = append(c.args[:0], "DEL")
		c.args = appendNames(c.args, keys)
		c.command(c.args...)
		c.owe(owed{op: opDel, keys: keys})
	case r < 100:
		keys := c.some()
		c.args = append(c.args[:0], "MGET")
		c.args = appendNames(c.args, keys)
		c.command(c.args...)
		c.owe(owed{op: opMget, keys: keys})
	case r < 115:
		n := c.counters[rnd.IntN(len(c.counters))]
		c.command("INCR", n.name)
		c.owe(owed{op: opIncr, c: n})
	case r < 122:
		c.stores(k)
	case r < 128:
		c.command("PING")
		c.owe(owed{op: opLocal, p: "+PONG"})
	case r < 176:
		c.any()
	case r < 180:
		c.transact()
	case r < 182:
		c.queue()
	case r < 184:
		c.publish()
	case r < 185:
		c.ask()
	case r < 196:
		list := refusals
		switch {
		case c.inCluster:
			list = refusalsOfCluster
		case len(c.books) > 1:
			list = refusalsOfMany
		}
		if o := &list[rnd.IntN(len(list))]; o.args[0] != "command" || rnd.IntN(30) == 0 { // whose replies are long
			c.refused(o)
		}
	case r < 198:
		c.reset()
	case r < 199 && c.selects():
	case r < 199:
		c.reset()
	default:
		c.bar()
	}
}

// any sends a command of the table: half of them such as are modelled.
func (c *Client) any() {
	rnd := c.rnd
	g := c.group()
	list := rows
	if c.wide != nil && rnd.IntN(120) == 0 {
		g, list = c.wide, rowsOfMany
	} else if rnd.IntN(2) == 0 {
		list = rowsFor[g.kind]
	}
	c.clean(g)
	r := list[rnd.IntN(len(list))]
	frame := c.made(r, g)
	c.owe(owed{op: opModel, g: g, cmd: frame, blocks: mayBlock[r.name]})
}

// made sends a command with arguments that are made up, in any of its forms, and returns it as an array.
func (c *Client) made(r *row, g *group) []byte {
	rnd := c.rnd
	name := r.words
	if rnd.IntN(4) > 0 {
		name = r.capitals
	}
	c.args = append(c.args[:0], name...)
	form := r.forms[rnd.IntN(len(r.forms))]
	if c.inCluster && slices.Contains(form, "db") {
		form = r.forms[0] // a cluster has one
	}
	for _, word := range form {
		c.args = c.argument(c.args, word, g)
	}
	c.frame = appendArray(c.frame[:0], c.args)
	frame := c.copied(c.frame)
	if rnd.IntN(16) == 0 && len(frame) < 4<<10 {
		c.out = appendInline(c.out, c.args)
	} else {
		c.out = append(c.out, frame...)
	}
	return frame
}

// argument appends what a word of table.go stands for.
func (c *Client) argument(args []string, word string, g *group) []string {
	rnd := c.rnd
	switch word {
	case "k":
		return append(args, g.names[rnd.IntN(len(g.names))])
	case "K", "P":
		for range 1 + rnd.IntN(len(g.names)+2) {
			if args = append(args, g.names[rnd.IntN(len(g.names))]); word == "P" {
				args = append(args, c.text(g))
			}
		}
		return args
	case "v":
		return append(args, c.text(g))
	case "f":
		return append(args, g.prefix+"."+strconv.Itoa(rnd.IntN(8)))
	case "i":
		return append(args, strconv.Itoa(rnd.IntN(100)))
	case "d":
		return append(args, strconv.Itoa(rnd.IntN(100))+".5")
	}
	return append(args, word)
}

// refused sends a command that the proxy answers itself.
func (c *Client) refused(r *refusal) {
	c.seq++
	token := "t" + strconv.Itoa(c.seq)
	c.args = c.args[:0]
	for _, a := range r.args {
		c.args = append(c.args, strings.ReplaceAll(a, "@", token))
	}
	if c.rnd.IntN(16) == 0 {
		c.out = appendInline(append(c.out, "*0\r\n\r\n*-1\r\n"...), c.args) // before it what asks for nothing
	} else {
		c.command(c.args...)
	}
	c.owe(owed{op: opLocal, p: strings.ReplaceAll(r.want, "@", token)})
}

// reset changes the version of the protocol, or asks for it.
func (c *Client) reset() {
	switch c.rnd.IntN(4) {
	case 0:
		c.command("RESET")
		c.owe(owed{op: opReset})
	case 1:
		c.hello(0)
	default:
		c.hello(2 + c.rnd.IntN(2))
	}
}

// bar sends a command after which others are refused, some of them, and one that ends that.
func (c *Client) bar() {
	rnd := c.rnd
	b := &bars[rnd.IntN(len(bars))]
	if b.begin == "select 1" && (len(c.books) > 1 || c.inCluster) {
		return // it is carried out, or refused in other words
	}
	c.command(strings.Fields(b.begin)...)
	c.owe(owed{op: opLocal, p: b.refused})
	n := 1
	if b.end != "" {
		n = rnd.IntN(6)
	}
	for range n {
		o := owed{op: opLocal, p: b.within}
		if b.three {
			c.made(rowsOfMany[rnd.IntN(len(rowsOfMany))], c.group())
		} else {
			c.command("PING")
			o.three = "+PONG"
		}
		c.owe(o)
	}
	switch b.end {
	case "":
	case "reset":
		c.command("RESET")
		c.owe(owed{op: opReset})
	default:
		c.command(strings.Fields(b.end)...)
		c.owe(owed{op: opLocal, p: b.ended})
	}
}

// command sends a command.
func (c *Client) command(args ...string) { c.out = appendArray(c.out, args) }

func appendArray(dst []byte, args []string) []byte {
	dst = strconv.AppendInt(append(dst, '*'), int64(len(args)), 10)
	dst = append(dst, "\r\n"...)
	for _, a := range args {
		dst = strconv.AppendInt(append(dst, '$'), int64(len(a)), 10)
		dst = append(append(dst, "\r\n"...), a...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// appendInline appends a command as a line of words, in quotes and with escapes where need be.
func appendInline(dst []byte, args []string) []byte {
	plain := func(c rune) bool { return c > ' ' && c < 0x7f && c != '"' && c != '\'' && c != '\\' }
	for i, a := range args {
		if i > 0 {
			dst = append(dst, ' ')
		}
		if a != "" && !slices.ContainsFunc([]rune(a), func(c rune) bool { return !plain(c) }) {
			dst = append(dst, a...)
			continue
		}
		dst = append(dst, '"')
		for i := range len(a) {
			if plain(rune(a[i])) || a[i] == ' ' {
				dst = append(dst, a[i])
			} else {
				dst = fmt.Appendf(dst, `\x%02x`, a[i])
			}
		}
		dst = append(dst, '"')
	}
	return append(dst, "\r\n"...)
}
