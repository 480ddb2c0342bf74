package generator

import "fmt"

// Requests of Redis that are no set and no get. Their replies are as long as each other.

// hashes asks for all fields of a hash.
type hashes struct {
	redis
	head string // how the reply begins
	body int    // bytes that follow
}

// HashField is the name of a hash's n-th field.
func HashField(n int) string { return fmt.Sprintf("field:%06d", n) }

func newHashes(o options, value []byte) *hashes {
	p := &hashes{redis: *newRedis(o, value)}
	p.get = "*2\r\n$7\r\nHGETALL\r\n"
	p.head = fmt.Sprintf("*%d\r\n", 2*o.test.fields)
	p.body = o.test.fields * (len("$12\r\n\r\n") + len(HashField(0)) + len(p.bulk) + len(value))
	return p
}

func (p *hashes) line(c *conn, line []byte, _ bool) bool {
	c.skip, c.last = p.body, true
	c.hits++
	return string(line) == p.head
}

// transactions set a key and get it, in one.
type transactions struct {
	redis
	replies []string // lines, of which the value follows the last
}

func newTransactions(o options, value []byte) *transactions {
	p := &transactions{redis: *newRedis(o, value)}
	p.replies = []string{"+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n", "+OK\r\n", p.bulk}
	return p
}

func (p *transactions) appendRequest(b []byte, r *random, _ bool) []byte {
	b = append(b, "*1\r\n$5\r\nMULTI\r\n"...)
	again := *r
	b = p.redis.appendRequest(b, r, true)
	b = append(b, p.value...)
	b = p.redis.appendRequest(b, &again, false)
	return append(b, "*1\r\n$4\r\nEXEC\r\n"...)
}

// line counts in c.values which line of the reply comes next.
func (p *transactions) line(c *conn, line []byte, _ bool) bool {
	ok := string(line) == p.replies[c.values]
	if c.values++; c.values < len(p.replies) {
		c.last = false
		return ok
	}
	c.values, c.skip, c.last = 0, len(p.value), true
	c.hits++
	return ok
}
