package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// NewMemcached returns a model of a memcached server.
func (s *Sim) NewMemcached(at string) *Server { return s.newServer(at, serveMemcached) }

// serveMemcached executes the whole commands of the input.
func serveMemcached(c *session) (took int) {
	for {
		in := c.in[took:]
		i := bytes.IndexByte(in, '\n')
		if i < 0 {
			return took
		}
		words := strings.Fields(string(in[:i]))
		n := i + 1
		if words[0] == "set" {
			size, _ := strconv.Atoi(words[4])
			if len(in) < n+size+2 {
				return took
			}
			n += size + 2
			c.memcached(words, in[i+1:n-2])
		} else {
			c.memcached(words, nil)
		}
		took += n
		c.Commands++
	}
}

// memcached executes one command.
func (c *session) memcached(words []string, data []byte) {
	if c.Loading { // memcached never is: this stands for a server that is out of memory
		c.out = append(c.out, "SERVER_ERROR out of memory\r\n"...)
		return
	}
	switch words[0] {
	case "get":
		for _, k := range words[1:] {
			if v, ok := c.values[k]; ok {
				c.out = fmt.Appendf(c.out, "VALUE %s 0 %d\r\n%s\r\n", k, len(v.p), v.p)
			}
		}
		c.out = append(c.out, "END\r\n"...)
	case "set":
		c.values[words[1]] = value{p: string(data), cas: 1}
		if words[len(words)-1] != "noreply" {
			c.out = append(c.out, "STORED\r\n"...)
		}
	case "delete":
		_, ok := c.values[words[1]]
		delete(c.values, words[1])
		c.out = append(c.out, map[bool]string{true: "DELETED\r\n", false: "NOT_FOUND\r\n"}[ok]...)
	case "mg":
		if v, ok := c.values[words[1]]; ok {
			c.out = fmt.Appendf(c.out, "VA %d\r\n%s\r\n", len(v.p), v.p)
		} else {
			c.out = append(c.out, "EN\r\n"...)
		}
	case "mn":
		c.out = append(c.out, "MN\r\n"...)
	default:
		panic("sim: the proxy sent " + words[0])
	}
}

// memcachedDialect is how a client speaks memcached.
type memcachedDialect struct{}

func (memcachedDialect) greet(*Client) {}

// send makes up a command.
func (memcachedDialect) send(c *Client) {
	rnd := c.rnd
	k := c.keys[rnd.IntN(len(c.keys))]
	switch r := rnd.IntN(20); {
	case r < 6:
		c.out = fmt.Appendf(c.out, "get %s\r\n", k.name)
		c.owe(owed{op: opMget, keys: []*key{k}})
	case r < 9:
		keys := c.some()
		c.out = fmt.Appendf(c.out, "get %s\r\n", strings.Join(names(keys), " "))
		c.owe(owed{op: opMget, keys: keys})
	case r < 11:
		c.out = fmt.Appendf(c.out, "mg %s v\r\n", k.name)
		c.owe(owed{op: opGet, keys: []*key{k}})
	case r < 17:
		v := c.value(k)
		c.out = fmt.Appendf(c.out, "set %s 0 0 %d\r\n%s\r\n", k.name, len(v), v)
		c.owe(owed{op: opSet, keys: []*key{k}, p: v})
	case r < 19:
		c.out = fmt.Appendf(c.out, "delete %s\r\n", k.name)
		c.owe(owed{op: opDel, keys: []*key{k}})
	default:
		c.out = append(c.out, "mn\r\n"...)
		c.owe(owed{op: opPing})
	}
}

// share implements dialect.
func (memcachedDialect) share(c *Client, k *shared, in sharedIn) {
	switch in.name {
	case "SET":
		c.out = fmt.Appendf(c.out, "set %s 0 0 %d\r\n%s\r\n", k.name, len(in.arg), in.arg)
	case "DEL":
		c.out = fmt.Appendf(c.out, "delete %s\r\n", k.name)
	default:
		c.out = fmt.Appendf(c.out, "mg %s v\r\n", k.name)
	}
}

// parse parses the reply to o at the front of p, as if it were Redis's.
func (memcachedDialect) parse(p []byte, o *owed) (r reply, n int) {
	for {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 1 {
			return r, 0
		}
		line := string(p[n : n+i-1])
		n += i + 1
		words := strings.Fields(line)
		switch word := words[0]; {
		case word == "VALUE" || word == "VA":
			size, _ := strconv.Atoi(words[len(words)-1])
			if len(p) < n+size+2 {
				return r, 0
			}
			e := reply{kind: '$', p: p[n : n+size]}
			n += size + 2
			if word == "VA" {
				return e, n
			}
			if o == nil || !r.put(o, words[1], e) {
				return reply{kind: '?', p: p[:n]}, n
			}
			continue
		case word == "END":
			r.kind = '*'
			if o != nil {
				r.put(o, "", reply{})
			}
		case word == "EN":
			r.kind = '_'
		case word == "STORED":
			r.kind = '+'
		case word == "DELETED" || word == "NOT_FOUND":
			r.kind = ':'
			if word == "DELETED" {
				r.n = 1
			}
		case word == "MN":
			r.kind, r.p = '+', []byte("PONG")
		case strings.HasSuffix(word, "ERROR"):
			r.kind, r.p = '-', []byte(line)
		default:
			r.kind, r.p = '?', []byte(line)
		}
		return r, n
	}
}

// put enters a value for the key of that name into the list of all keys of o; false: o does not have it, or has its value already.
func (r *reply) put(o *owed, name string, e reply) bool {
	if r.list == nil {
		for range o.keys {
			r.list = append(r.list, reply{kind: '_'})
		}
	}
	for i, k := range o.keys {
		if k.name == name && r.list[i].kind == '_' {
			r.list[i] = e
			return true
		}
	}
	return false
}
