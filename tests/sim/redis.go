package sim

import (
	"bytes"
	"strconv"
)

// NewRedis returns a model of a Redis server.
func (s *Sim) NewRedis(at string) *Server { return s.newServer(at, serveRedis) }

// serveRedis executes the whole commands of the input.
func serveRedis(c *session) (took int) {
	x := &c.redis
	for !c.closing && c.popping.key == "" {
		var n int
		if x.args, n = parseCommand(c.in[took:], x.args[:0]); n == 0 {
			break
		}
		took += n
		c.Commands++
		from := len(c.out)
		c.serveOne(x)
		c.remembers(x)
		c.fault(from)
	}
	return took
}

// parseCommand finds the array of bulk strings at the front of p, which has n bytes; 0: it is not whole.
func parseCommand(p []byte, args [][]byte) ([][]byte, int) {
	count, n := parseLength(p, '*')
	for range count {
		if n == 0 || n >= len(p) {
			return args, 0
		}
		size, k := parseLength(p[n:], '$')
		if n += k; k == 0 || len(p) < n+size+2 {
			return args, 0
		}
		args = append(args, p[n:n+size])
		n += size + 2
	}
	return args, n
}

// parseLength reads a line of a sign and a number. n == 0: it is not whole.
func parseLength(p []byte, sign byte) (v, n int) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		return 0, 0
	}
	if p[0] != sign {
		panic("sim: the proxy sent " + strconv.Quote(string(p[:min(len(p), 40)])))
	}
	for _, d := range p[1 : i-1] {
		v = v*10 + int(d-'0')
	}
	return v, i + 1
}

// serveOne executes one command.
func (c *session) serveOne(x *request) {
	name := x.args[0]
	switch {
	case c.tracks(x), c.tells(x):
		return
	case c.Loading && !loads(name):
		c.spoiled = c.multi
		c.out = append(c.out, "-LOADING Redis is loading the dataset in memory\r\n"...)
		return
	case !c.multi && len(name) == 4 && (string(name) == "PING" || string(name) == "ECHO"):
		switch {
		case name[0] == 'E':
			c.out = appendBulk(c.out, x.args[1])
		case len(c.subscribing) > 0:
			c.out = append(c.out, "*2\r\n$4\r\npong\r\n$0\r\n\r\n"...)
		default:
			c.out = append(c.out, "+PONG\r\n"...)
		}
		return
	case c.member != nil && c.clustered(x):
		return
	case string(name) == "HELLO":
		x.three = len(x.args) > 1 && string(x.args[1]) == "3"
		if x.three {
			c.out = append(c.out, "%1\r\n$5\r\nproto\r\n:3\r\n"...)
		} else {
			c.out = append(c.out, "*2\r\n$5\r\nproto\r\n:2\r\n"...)
		}
		return
	}
	if x.three && c.sim.rnd.Uint32()&63 == 0 && (c.member == nil || !c.spoiled) { // before an error no server has attributes
		c.unasked()
	}
	if !c.multi && c.hears(x) || c.transacts(x) || c.pops(x) {
		return
	}
	if c.carryOut(x); len(c.poppers) > 0 {
		c.feed()
	}
}

// carryOut executes a command that reads or changes what is stored.
func (c *session) carryOut(x *request) {
	if !c.selects(x) && !c.scripting(x) {
		x.db, x.out, x.now = c.stored(), c.out, c.sim.now
		c.fades(x)
		x.do()
		c.out, x.out = x.out, nil
	}
	if c.asked {
		c.changed(x)
	}
}

// loads says that a server that is loading executes the command.
func loads(name []byte) bool {
	switch string(name) {
	case "HELLO", "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "subscribe", "psubscribe",
		"ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe", "MULTI", "EXEC", "UNWATCH", "WATCH", "SELECT":
		return true
	}
	return false
}

// unasked sends what nobody asked for and RESP3 allows: attributes of the reply to come, or a push.
func (c *session) unasked() {
	if c.sim.rnd.IntN(2) == 0 {
		c.out = append(c.out, "|1\r\n+sim\r\n:1\r\n"...)
		return
	}
	c.push()
}

func (c *session) push() {
	c.out = append(c.out, ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$12\r\nfor nobody..\r\n"...)
}

func appendBulk(dst, p []byte) []byte {
	dst = strconv.AppendInt(append(dst, '$'), int64(len(p)), 10)
	dst = append(append(dst, "\r\n"...), p...)
	return append(dst, "\r\n"...)
}
