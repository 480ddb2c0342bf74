package sim

import (
	"bytes"
	"strconv"
	"strings"
)

// NewRedis returns a model of a Redis server.
func (s *Sim) NewRedis(at string) *Server { return s.newServer(at, serveRedis) }

// serveRedis executes the whole commands of the input.
func serveRedis(c *session) (took int) {
	var args [][]byte
	for {
		var n int
		if args, n = parseCommand(c.in[took:], args[:0]); n == 0 {
			return took
		}
		took += n
		c.Commands++
		c.redis(args)
	}
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

// redis executes one command.
func (c *session) redis(args [][]byte) {
	name := strings.ToUpper(string(args[0]))
	if c.Loading && name != "HELLO" && name != "AUTH" && name != "SELECT" {
		c.out = append(c.out, "-LOADING Redis is loading the dataset in memory\r\n"...)
		return
	}
	switch name {
	case "GET":
		c.appendValue(c.values[string(args[1])])
	case "SET":
		c.values[string(args[1])] = value{p: string(args[2]), cas: 1}
		c.out = append(c.out, "+OK\r\n"...)
	case "DEL", "EXISTS", "UNLINK", "TOUCH":
		n := 0
		for _, k := range args[1:] {
			if _, ok := c.values[string(k)]; ok {
				n++
			}
			if name == "DEL" || name == "UNLINK" {
				delete(c.values, string(k))
			}
		}
		c.appendInt(n)
	case "MGET":
		c.out = append(c.out, '*')
		c.out = strconv.AppendInt(c.out, int64(len(args)-1), 10)
		c.out = append(c.out, "\r\n"...)
		for _, k := range args[1:] {
			c.appendValue(c.values[string(k)])
		}
	case "MSET":
		for i := 1; i+1 < len(args); i += 2 {
			c.values[string(args[i])] = value{p: string(args[i+1]), cas: 1}
		}
		c.out = append(c.out, "+OK\r\n"...)
	case "INCR":
		n, _ := strconv.Atoi(c.values[string(args[1])].p)
		c.values[string(args[1])] = value{p: strconv.Itoa(n + 1), cas: 1}
		c.appendInt(n + 1)
	case "RPUSH":
		v := c.values[string(args[1])]
		for _, e := range args[2:] {
			v.list = append(v.list, string(e))
		}
		v.cas = 1
		c.values[string(args[1])] = v
		c.appendInt(len(v.list))
	case "LRANGE":
		v := c.values[string(args[1])]
		c.out = append(c.out, '*')
		c.out = strconv.AppendInt(c.out, int64(len(v.list)), 10)
		c.out = append(c.out, "\r\n"...)
		for _, e := range v.list {
			c.appendBulk(e)
		}
	case "ECHO":
		c.appendBulk(string(args[1]))
	case "EVAL": // a script of one key that returns its first argument
		c.appendBulk(string(args[4]))
	case "PING":
		c.out = append(c.out, "+PONG\r\n"...)
	case "AUTH", "SELECT":
		c.out = append(c.out, "+OK\r\n"...)
	case "HELLO":
		c.three = len(args) > 1 && string(args[1]) == "3"
		if c.three {
			c.out = append(c.out, "%1\r\n$5\r\nproto\r\n:3\r\n"...)
		} else {
			c.out = append(c.out, "*2\r\n$5\r\nproto\r\n:2\r\n"...)
		}
	default:
		panic("sim: the proxy sent " + name)
	}
}

func (c *session) appendValue(v value) {
	switch {
	case v.cas != 0:
		c.appendBulk(v.p)
	case c.three:
		c.out = append(c.out, "_\r\n"...)
	default:
		c.out = append(c.out, "$-1\r\n"...)
	}
}

func (c *session) appendBulk(p string) {
	c.out = append(c.out, '$')
	c.out = strconv.AppendInt(c.out, int64(len(p)), 10)
	c.out = append(c.out, "\r\n"...)
	c.out = append(c.out, p...)
	c.out = append(c.out, "\r\n"...)
}

func (c *session) appendInt(n int) {
	c.out = append(c.out, ':')
	c.out = strconv.AppendInt(c.out, int64(n), 10)
	c.out = append(c.out, "\r\n"...)
}
