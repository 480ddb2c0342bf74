package sim

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// memcached's binary protocol, as a client and a server speak it. Each request of a client has an opaque of its own.

const (
	binGet, binSet, binDelete, binQuit  = 0x00, 0x01, 0x04, 0x07
	binNoop, binGetK, binGetKQ, binSetQ = 0x0a, 0x0c, 0x0d, 0x11
	binQuitQ, binStat, binSASL          = 0x17, 0x10, 0x20
)

// appendBinary appends a request, or a reply, which has a status.
func appendBinary(dst []byte, magic, op byte, status uint16, opaque uint32, extras int, key, value string) []byte {
	dst = append(dst, magic, op)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(key)))
	dst = append(dst, byte(extras), 0)
	dst = binary.BigEndian.AppendUint16(dst, status)
	dst = binary.BigEndian.AppendUint32(dst, uint32(extras+len(key)+len(value)))
	dst = binary.BigEndian.AppendUint32(dst, opaque)
	dst = append(dst, make([]byte, 8+extras)...)
	return append(append(dst, key...), value...)
}

// binaryFrame is a request or a reply.
type binaryFrame struct {
	op         byte
	status     uint16
	opaque     uint32
	key, value []byte
}

// parseBinary finds the frame at the front of p, which has n bytes; 0: it is not whole.
func parseBinary(p []byte) (f binaryFrame, n int) {
	if len(p) < 24 {
		return f, 0
	}
	key, extras, body := int(binary.BigEndian.Uint16(p[2:])), int(p[4]), int(binary.BigEndian.Uint32(p[8:]))
	if n = 24 + body; len(p) < n {
		return f, 0
	}
	f = binaryFrame{op: p[1], status: binary.BigEndian.Uint16(p[6:]), opaque: binary.BigEndian.Uint32(p[12:])}
	if rest := p[min(24+extras, n):n]; key <= len(rest) {
		f.key, f.value = rest[:key], rest[key:]
	}
	return f, n
}

// binary carries out the frame in the input behind what was taken, which has n bytes; 0: it is not whole.
func (c *session) binary(took int) (n int) {
	x := &c.lines
	from := len(c.out)
	x.db, x.out = c.values, c.out
	n = x.binary(c.in[took:], c.Loading)
	if c.out, x.out = x.out, nil; n > 0 {
		c.Commands++
		c.fault(from)
	}
	return n
}

// binary carries out the frame at the front of p, which has n bytes; 0: it is not whole.
func (x *lineCall) binary(p []byte, loading bool) (n int) {
	f, n := parseBinary(p)
	if n == 0 {
		return 0
	}
	say := func(status uint16, extras int, key, value string) {
		x.out = appendBinary(x.out, 0x81, f.op, status, f.opaque, extras, key, value)
	}
	v, ok := x.db[string(f.key)]
	key := ""
	if f.op == binGetK {
		key = string(f.key)
	}
	switch {
	case f.op == binNoop:
		say(0, 0, "", "")
	case loading: // see serveMemcached
		say(0x82, 0, "", "Out of memory")
	case f.op == binSet:
		x.words, x.data = append(x.words[:0], nil, f.key), f.value
		x.store("set", []byte("0"), nil)
		say(0, 0, "", "")
	case f.op != binGet && f.op != binGetK && f.op != binDelete:
		panic("sim: the proxy sent " + quote(p))
	case !ok && key != "":
		say(1, 0, key, "")
	case !ok:
		say(1, 0, "", "Not found")
	case f.op == binDelete:
		delete(x.db, string(f.key))
		say(0, 0, "", "")
	default:
		say(0, 4, key, v.p)
	}
	return n
}

// binaryDialect is how a client speaks the binary protocol.
type binaryDialect struct {
	memcachedDialect
	expected []expected
	first    int // of expected
}

// expected is what one command may be answered: frames of the opcode quiet with any of some opaques, in order, and then one of the
// opcode last.
type expected struct {
	quiet, last byte
	from, to    uint32
}

func (d *binaryDialect) greet(*Client) { d.expected, d.first = d.expected[:0], 0 }

func (d *binaryDialect) clear(*Client, *group) { panic("sim: no group is used") }

// ask sends one request.
func (d *binaryDialect) ask(c *Client, op byte, extras int, key, value string) {
	c.seq++
	c.out = appendBinary(c.out, 0x80, op, 0, uint32(c.seq), extras, key, value)
}

// expect notes that the requests since from, of which all but the last are quiet, are answered as one command.
func (d *binaryDialect) expect(c *Client, from int, quiet, last byte) {
	if d.first > 64 {
		d.expected, d.first = d.expected[:copy(d.expected, d.expected[d.first:])], 0
	}
	d.expected = append(d.expected, expected{quiet, last, uint32(from) + 1, uint32(c.seq)})
}

// one sends a request that is one command.
func (d *binaryDialect) one(c *Client, op byte, extras int, key, value string) {
	from := c.seq
	d.ask(c, op, extras, key, value)
	d.expect(c, from, op, op)
}

// last is what makes the proxy hang up, with an answer or without.
func (d *binaryDialect) last(c *Client) {
	local := func(op byte, key, text string) {
		d.one(c, op, 0, key, "")
		c.owe(owed{op: opLocal, p: "=" + text})
	}
	switch c.rnd.IntN(5) {
	case 0:
		local(binQuit, "", "")
	case 1:
		local(binGet, "", "Invalid arguments")
	case 2:
		local(binGetKQ, strings.Repeat("k", 251), "Invalid arguments")
	case 3:
		c.out = append(c.out, "get a\r\n"...)
	default:
		d.ask(c, binQuitQ, 0, "", "")
	}
}

// send makes up a command.
func (d *binaryDialect) send(c *Client) {
	rnd := c.rnd
	k := c.keys[rnd.IntN(len(c.keys))]
	switch r := rnd.IntN(40); {
	case r < 10:
		d.one(c, binGet, 0, k.name, "")
		c.owe(owed{op: opGet, keys: k.one})
	case r < 15:
		d.one(c, binGetK, 0, k.name, "")
		c.owe(owed{op: opGet, keys: k.one})
	case r < 22:
		from, keys := c.seq, c.some()
		for _, k := range keys {
			d.ask(c, binGetKQ, 0, k.name, "")
		}
		d.ask(c, binNoop, 0, "", "")
		d.expect(c, from, binGetKQ, binNoop)
		c.owe(owed{op: opMget, keys: keys})
	case r < 29:
		v := c.value(k)
		d.one(c, binSet, 8, k.name, v)
		c.owe(owed{op: opSet, keys: k.one, p: v})
	case r < 33: // value counts c.seq, too
		v := c.value(k)
		from := c.seq
		d.ask(c, binSetQ, 8, k.name, v)
		d.ask(c, binNoop, 0, "", "")
		d.expect(c, from, binSetQ, binNoop)
		c.owe(owed{op: opSet, keys: k.one, p: v})
	case r < 36:
		d.one(c, binDelete, 0, k.name, "")
		c.owe(owed{op: opDel, keys: k.one})
	case r < 38:
		d.one(c, binNoop, 0, "", "")
		c.owe(owed{op: opLocal, p: "="})
	case r < 39:
		d.one(c, binSASL, 0, "", "")
		c.owe(owed{op: opLocal, p: "=Unknown command"})
	default:
		d.one(c, binStat, 0, "items", "")
		c.owe(owed{op: opLocal, p: "=stats is not allowed through this proxy"})
	}
}

// share implements dialect.
func (d *binaryDialect) share(c *Client, k *shared, in sharedIn) {
	switch in.name {
	case "SET":
		d.one(c, binSet, 8, k.name, in.arg)
	case "DEL":
		d.one(c, binDelete, 0, k.name, "")
	default:
		d.one(c, binGet, 0, k.name, "")
	}
}

// parse parses the frames that answer o, as if they were Redis's reply.
func (d *binaryDialect) parse(p []byte, o *owed) (r reply, n int) {
	if o == nil || d.first == len(d.expected) {
		_, n = parseBinary(p)
		return reply{kind: '?'}, n
	}
	e := d.expected[d.first]
	r.kind = '*'
	next := e.from
	for {
		f, m := parseBinary(p[n:])
		if m == 0 {
			return r, 0
		}
		last := f.opaque == e.to
		switch {
		case p[n] != 0x81, last && f.op != e.last, !last && f.op != e.quiet, f.opaque < next, f.opaque > e.to:
			return reply{kind: '?', p: p[n : n+m]}, n + m // another's
		case f.status >= 0x80 && o.op != opLocal:
			r = reply{kind: '-', p: append([]byte("SERVER_ERROR "), f.value...)}
		case e.quiet == e.last:
			r = f.reply(o)
		case r.kind == '-':
		case !last && !d.put(&r, o, f.key, reply{kind: '$', p: bytes.Clone(f.value)}):
			r.kind = '?'
		case last && e.quiet == binSetQ && r.list == nil:
			r.kind = '+'
		case last && o.op == opMget:
			d.put(&r, o, nil, reply{})
		}
		n, next = n+m, f.opaque+1
		if last {
			d.first++
			return r, n
		}
	}
}

// reply is that of Redis to the same command.
func (f *binaryFrame) reply(o *owed) reply {
	switch {
	case o.op == opLocal:
		return reply{kind: '$', p: f.value}
	case f.status > 1:
		return reply{kind: '?'}
	case f.op == binDelete:
		return reply{kind: ':', n: 1 - int(f.status)}
	case f.status == 1:
		return reply{kind: '_'}
	case f.op == binSet:
		return reply{kind: '+'}
	}
	return reply{kind: '$', p: f.value}
}
