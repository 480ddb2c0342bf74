package sim

import (
	"bytes"
	"strconv"
)

// redisDialect is how a client speaks Redis's protocol.
type redisDialect struct{}

func (redisDialect) greet(c *Client) {
	if c.three {
		c.command("HELLO", "3")
		c.owe(owed{op: opHello})
	}
}

func (redisDialect) parse(p []byte, _ *owed) (reply, int) { return parseReply(p) }

// send makes up a command.
func (redisDialect) send(c *Client) {
	rnd := c.rnd
	k := c.keys[rnd.IntN(len(c.keys))]
	switch r := rnd.IntN(20); {
	case r < 8:
		c.command("GET", k.name)
		c.owe(owed{op: opGet, keys: []*key{k}})
	case r < 13:
		v := c.value(k)
		c.command("SET", k.name, v)
		c.owe(owed{op: opSet, keys: []*key{k}, p: v})
	case r < 14:
		keys := c.some()
		c.command(append([]string{"DEL"}, names(keys)...)...)
		c.owe(owed{op: opDel, keys: keys})
	case r < 16:
		keys := c.some()
		c.command(append([]string{"MGET"}, names(keys)...)...)
		c.owe(owed{op: opMget, keys: keys})
	case r < 18:
		n := c.counters[rnd.IntN(len(c.counters))]
		c.command("INCR", n.name)
		c.owe(owed{op: opIncr, c: n})
	case r < 19:
		v := c.value(k)
		c.command("EVAL", "return ARGV[1]", "1", k.name, v)
		c.owe(owed{op: opEval, keys: []*key{k}, p: v})
	default:
		c.command("PING")
		c.owe(owed{op: opPing})
	}
}

func quote(p []byte) string { return strconv.Quote(string(p[:min(len(p), 120)])) }

// reply is a parsed one.
type reply struct {
	kind byte // its first byte, '_' for nothing
	p    []byte
	n    int
	list []reply
}

// parseReply parses the reply at the front of p, which has n bytes; 0: it is not whole.
func parseReply(p []byte) (r reply, n int) {
	i := bytes.IndexByte(p, '\n')
	if i < 1 {
		return r, 0
	}
	r.kind, n = p[0], i+1
	line := p[1 : i-1]
	switch r.kind {
	case '+', '-':
		r.p = line
	case ':':
		r.n, _ = strconv.Atoi(string(line))
	case '_':
	case '$':
		size, _ := strconv.Atoi(string(line))
		if size < 0 {
			r.kind = '_'
			return r, n
		}
		if len(p) < n+size+2 {
			return r, 0
		}
		r.p = p[n : n+size]
		n += size + 2
	case '*', '%':
		count, _ := strconv.Atoi(string(line))
		if count < 0 {
			r.kind = '_'
			return r, n
		}
		if r.kind == '%' {
			count *= 2
		}
		for range count {
			e, k := parseReply(p[n:])
			if k == 0 {
				return r, 0
			}
			r.list = append(r.list, e)
			n += k
		}
	default:
		r.p = p[:n]
	}
	return r, n
}
