package generator

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// protocol builds requests and understands replies.
type protocol interface {
	// appendRequest appends a request for random keys; a set without its last value and the line's end behind it.
	appendRequest(b []byte, r *random, set bool) []byte

	// line takes a line of the reply to a set or a get and says whether that is what must come there. It leaves in c how
	// many bytes follow of a value, and whether the reply ends after them.
	line(c *conn, line []byte, set bool) bool

	ping() string // a request that any server answers with one line
}

// redis writes keys as redis-benchmark does: key:000000000000 and up.
type redis struct {
	test test
	picker
	value    []byte // with the line's end
	set, get string // how a request begins
	key      string // what stands before a key's number
	bulk     string // what stands before a value
	array    string // how the reply to MGET begins
}

func newRedis(o options, value []byte) *redis {
	prefix := ""
	if o.test.multi {
		prefix = "M"
	}
	begin := func(name string, args int) string {
		return fmt.Sprintf("*%d\r\n$%d\r\n%s\r\n", args+1, len(name), name)
	}
	return &redis{
		test: o.test, picker: newPicker(o.keys, o.zipf), value: value,
		set: begin(prefix+"SET", 2*o.test.keys), get: begin(prefix+"GET", o.test.keys),
		key: fmt.Sprintf("$%d\r\n%s", len(o.prefix)+12, o.prefix), bulk: fmt.Sprintf("$%d\r\n", o.size), array: fmt.Sprintf("*%d\r\n", o.test.keys),
	}
}

func (p *redis) ping() string { return "*1\r\n$4\r\nPING\r\n" }

func (p *redis) appendRequest(b []byte, r *random, set bool) []byte {
	if set {
		b = append(b, p.set...)
	} else {
		b = append(b, p.get...)
	}
	for i := range p.test.keys {
		b = append(b, p.key...)
		b = append(b, "000000000000\r\n"...)
		for n, at := p.pick(r), len(b)-3; n > 0; n, at = n/10, at-1 {
			b[at] = byte('0' + n%10)
		}
		if !set {
			continue
		}
		b = append(b, p.bulk...)
		if i < p.test.keys-1 {
			b = append(b, p.value...)
		}
	}
	return b
}

// line: +OK, or $SIZE and a value, or $-1, or *N and N of these.
func (p *redis) line(c *conn, line []byte, set bool) bool {
	switch {
	case set:
		c.last = true
		return string(line) == "+OK\r\n"
	case p.test.multi && c.values == 0:
		c.values, c.last = p.test.keys, false
		return string(line) == p.array
	case string(line) == p.bulk:
		c.skip = len(p.value)
		c.hits++
	case string(line) == "$-1\r\n":
		c.misses++
	default:
		return false
	}
	if p.test.multi {
		c.values--
	}
	c.last = c.values == 0
	return true
}

// memcached has its keys from key:0 on.
type memcached struct {
	test test
	picker
	value []byte // with the line's end
	key   string // what stands before a key's number
	set   string // what follows a key
	found string // how the line of a value ends
}

func newMemcached(o options, value []byte) *memcached {
	return &memcached{
		test: o.test, picker: newPicker(o.keys, o.zipf), value: value, key: o.prefix,
		set: fmt.Sprintf(" 0 0 %d\r\n", o.size), found: fmt.Sprintf(" %d\r\n", o.size),
	}
}

func (p *memcached) ping() string { return "version\r\n" }

func (p *memcached) appendRequest(b []byte, r *random, set bool) []byte {
	if set {
		b = append(b, "set "...)
		b = append(b, p.key...)
		b = strconv.AppendInt(b, int64(p.pick(r)), 10)
		return append(b, p.set...)
	}
	b = append(b, "get"...)
	for range p.test.keys {
		b = append(b, ' ')
		b = append(b, p.key...)
		b = strconv.AppendInt(b, int64(p.pick(r)), 10)
	}
	return append(b, "\r\n"...)
}

// line: STORED, or any number of VALUE KEY FLAGS SIZE and a value, then END.
func (p *memcached) line(c *conn, line []byte, set bool) bool {
	switch {
	case set:
		c.last = true
		return string(line) == "STORED\r\n"
	case string(line) == "END\r\n":
		c.misses += p.test.keys - c.values
		c.values, c.last = 0, true
		return true
	}
	c.values++
	c.hits++
	c.skip, c.last = len(p.value), false
	return c.values <= p.test.keys && bytes.HasPrefix(line, []byte("VALUE ")) && bytes.HasSuffix(line, []byte(p.found))
}

// isSet draws what the next request is.
func (t test) isSet(r *random) bool {
	return t.sets == allRequests || t.sets > 0 && r.below(allRequests) < t.sets
}

// verb is what a message calls a request.
func (t test) verb(set bool) string {
	switch {
	case t.name != "mixed":
		return t.name
	case set:
		return "set"
	}
	return "get"
}

// random is a state of SplitMix64, which is cheap and takes any seed.
//
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014), figure 16.
type random uint64

// below returns a number from 0 to n-1.
func (r *random) below(n int) int {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	high, _ := bits.Mul64(z^z>>31, uint64(n))
	return int(high)
}

// picker draws keys, by their numbers from 0 on.
type picker struct {
	keys int

	theta, alpha, zeta, eta, second float64 // see pick; theta 0: each is as likely as any other
}

// newPicker returns one of so many keys, of which the n-th is as likely as n to minus theta says.
func newPicker(keys int, theta float64) picker {
	p := picker{keys: keys, theta: theta}
	if theta == 0 || keys < 3 {
		p.theta = 0
		return p
	}
	for i := range keys {
		p.zeta += math.Pow(float64(i+1), -theta)
	}
	p.second = 1 + math.Pow(2, -theta)
	p.alpha = 1 / (1 - theta)
	p.eta = (1 - math.Pow(2/float64(keys), 1-theta)) / (1 - p.second/p.zeta)
	return p
}

// pick draws a key.
//
// Source: Gray et al., "Quickly generating billion-record synthetic databases" (1994), figure 5.
func (p *picker) pick(r *random) int {
	if p.theta == 0 {
		return r.below(p.keys)
	}
	u := float64(r.below(1<<53)) / (1 << 53)
	switch at := u * p.zeta; {
	case at < 1:
		return 0
	case at < p.second:
		return 1
	}
	return min(int(float64(p.keys)*math.Pow(p.eta*u-p.eta+1, p.alpha)), p.keys-1)
}
