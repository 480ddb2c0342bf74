//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// redis is the dialect of Redis pools.
var redis dialect = redisDialect{}

type redisDialect struct{}

func (redisDialect) read(r *bufio.Reader) ([]byte, error) { return readRESP(r) }

func (d redisDialect) answers(addr string) bool {
	reply, err := askOnce(d, addr, redisCommand("PING"))
	return err == nil && string(reply) == "+PONG\r\n"
}

// askOnce sends one command on a connection of its own.
func askOnce(d dialect, addr, text string) ([]byte, error) {
	c, err := dialRaw(addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.ask(d, text)
}

func (redisDialect) set(key, value string) string { return redisCommand("SET", key, value) }
func (redisDialect) get(key string) string        { return redisCommand("GET", key) }

func (redisDialect) judgeGet(reply []byte, key string) string {
	v, ok := bulkOf(reply)
	if !ok {
		return "not a bulk string"
	}
	return judgeShared(v, key)
}

// usualRedis are the errors that a fault explains; the prefix of a server's own.
var usualRedis = []string{
	"-ERR Connection refused\r\n", "-ERR Connection timed out\r\n", "-ERR Connection reset by peer\r\n",
	"-ERR Broken pipe\r\n", "-BUSY ", "-LOADING ",
}

func (redisDialect) errorText(reply []byte) (string, bool) {
	if len(reply) == 0 || reply[0] != '-' {
		return "", true
	}
	return errorLine(reply), slices.ContainsFunc(usualRedis, func(s string) bool { return bytes.HasPrefix(reply, []byte(s)) })
}

// errorLine shortens an error for the summary.
func errorLine(reply []byte) string {
	line, _, _ := strings.Cut(strings.TrimRight(string(reply), "\r\n"), ".")
	return line[:min(len(line), 60)]
}

// bulkOf is the body of a bulk string; nil for a nil.
func bulkOf(reply []byte) ([]byte, bool) {
	if string(reply) == nil2 || string(reply) == nil3 {
		return nil, true
	}
	head, body, ok := bytes.Cut(reply, []byte("\r\n"))
	if !ok || len(head) < 2 || head[0] != '$' || len(body) < 2 {
		return nil, false
	}
	return body[:len(body)-2], true
}

func (redisDialect) forget(key string) op {
	return op{text: redisCommand("DEL", key), lost: nothing, judge: func(reply []byte) string {
		if s := string(reply); s != ":0\r\n" && s != ":1\r\n" {
			return "not a count"
		}
		return ""
	}}
}

// exactly judges a reply that has one form.
func exactly(want string, done ...func()) func([]byte) string {
	return func(reply []byte) string {
		if string(reply) != want {
			return fmt.Sprintf("want %q", want)
		}
		for _, f := range done {
			f()
		}
		return ""
	}
}

// integer hands on the digits of an integer reply.
func integer(judge func(digits string) string) func([]byte) string {
	return func(reply []byte) string {
		if len(reply) < 4 || reply[0] != ':' {
			return "not an integer"
		}
		return judge(string(reply[1 : len(reply)-2]))
	}
}

// hello has the client go on in another version of the protocol, or the same.
func (c *client) hello() op {
	three := c.rng.IntN(3) > 0
	version := 2
	if three {
		version = 3
	}
	return op{text: redisCommand("HELLO", strconv.Itoa(version)), lost: nothing, judge: func(reply []byte) string {
		c.three = three
		first := map[bool]byte{false: '*', true: '%'}[three]
		if reply[0] != first || !bytes.Contains(reply, fmt.Appendf(nil, "proto\r\n:%d\r\n", version)) {
			return fmt.Sprintf("not what version %d begins with", version)
		}
		return ""
	}}
}

// inVersion says what is wrong with the nils in a reply: they have the form of the client's version.
func (c *client) inVersion(reply []byte) string {
	wrong := nil3
	if c.three {
		wrong = nil2
	}
	if bytes.HasPrefix(reply, []byte(wrong)) || bytes.Contains(reply, []byte("\n"+wrong)) {
		return fmt.Sprintf("a nil of another version than the client's (RESP3: %v)", c.three)
	}
	return ""
}

// script names the request it belongs to.
const script = "return {KEYS[1],ARGV[1]}"

func (d redisDialect) op(c *client) op {
	switch n := c.rng.IntN(100); {
	case n < 22:
		s := c.slot()
		v, done := c.next(s)
		return op{text: d.set(s.key, v), lost: muddy(s), judge: exactly("+OK\r\n", done)}
	case n < 55:
		s := c.slot()
		return op{text: d.get(s.key), lost: nothing, judge: func(reply []byte) string { return c.judgeBulk(s, reply) }}
	case n < 59:
		s := c.slot()
		v, done := c.next(s)
		return op{text: redisCommand("SET", s.key, v, "GET"), lost: muddy(s), judge: func(reply []byte) string {
			wrong := c.judgeBulk(s, reply)
			done()
			return wrong
		}}
	case n < 64:
		return d.mget(c)
	case n < 68:
		slots := c.some(3)
		args := []string{"MSET"}
		var done []func()
		for _, s := range slots {
			v, f := c.next(s)
			args, done = append(args, s.key, v), append(done, f)
		}
		return op{text: redisCommand(args...), lost: muddy(slots...), judge: exactly("+OK\r\n", done...)}
	case n < 72:
		slots := c.some(3)
		return op{text: manyKeys("DEL", slots), lost: muddy(slots...), judge: integer(func(digits string) string {
			wrong := c.judgeFound(slots, digits)
			for _, s := range slots {
				s.acked = 0
			}
			return wrong
		})}
	case n < 75:
		slots := c.some(4)
		return op{text: manyKeys("EXISTS", slots), lost: nothing, judge: integer(func(digits string) string {
			return c.judgeFound(slots, digits)
		})}
	case n < 83:
		s := c.counter()
		s.sent++
		return op{text: redisCommand("INCR", s.key), lost: muddy(s), judge: integer(func(digits string) string {
			return c.judgeCount(s, digits)
		})}
	case n < 88:
		key, token := c.slot().key, c.token()
		want := fmt.Sprintf("*2\r\n%s%s", bulk(key), bulk(token))
		return op{text: redisCommand("EVAL", script, "1", key, token), lost: nothing, judge: exactly(want)}
	case n < 90 && c.id%2 == 1 && c.load.versions: // half of the clients change their version all the time
		return c.hello()
	case n < 90:
		return op{text: redisCommand("PING"), lost: nothing, judge: exactly("+PONG\r\n")}
	case n < 92:
		token := c.token()
		return op{text: redisCommand("ECHO", token), lost: nothing, judge: exactly(bulk(token))}
	case n < 94:
		key := c.sharedKey()
		return op{text: d.set(key, value(key, c.id, 1, c.sharedSize())), lost: nothing, judge: exactly("+OK\r\n")}
	default:
		key := c.sharedKey()
		return op{text: d.get(key), lost: nothing, judge: func(reply []byte) string {
			if wrong := c.inVersion(reply); wrong != "" {
				return wrong
			}
			return d.judgeGet(reply, key)
		}}
	}
}

// mget asks for keys of the client's own and one that all share.
func (d redisDialect) mget(c *client) op {
	slots, shared := c.some(6), c.sharedKey()
	args := []string{"MGET"}
	for _, s := range slots {
		args = append(args, s.key)
	}
	return op{text: redisCommand(append(args, shared)...), lost: nothing, judge: func(reply []byte) string {
		all, ok := bulks(reply)
		if !ok || len(all) != len(slots)+1 {
			return fmt.Sprintf("not %d values", len(slots)+1)
		}
		if wrong := c.inVersion(reply); wrong != "" {
			return wrong
		}
		for i, s := range slots {
			wrong := ""
			if all[i] == nil {
				wrong = c.judgeMiss(s)
			} else {
				wrong = c.judgeValue(s, all[i])
			}
			if wrong != "" {
				return fmt.Sprintf("element %d: %s", i, wrong)
			}
		}
		return judgeShared(all[len(slots)], shared)
	}}
}

func (c *client) judgeBulk(s *slot, reply []byte) string {
	v, ok := bulkOf(reply)
	switch {
	case !ok:
		return "not a bulk string"
	case v == nil:
		if wrong := c.inVersion(reply); wrong != "" {
			return wrong
		}
		return c.judgeMiss(s)
	}
	return c.judgeValue(s, v)
}

func manyKeys(name string, slots []*slot) string {
	args := []string{name}
	for _, s := range slots {
		args = append(args, s.key)
	}
	return redisCommand(args...)
}
