package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Client is a model of one: it pipelines commands, reads when it likes, hangs up, comes back, and holds each reply against what
// it knows of its keys, which nobody else writes.
type Client struct {
	run   *Run
	id    int
	to    string // the proxy's address
	conn  *end   // nil: it is not connected
	depth int    // commands that it may have in flight
	three bool   // RESP3
	dialect

	out    []byte // that the network has not taken
	in     []byte
	at     int // of in: what was taken
	owed   []owed
	first  int // of owed
	due    bool
	lazy   bool // it reads a little at a time
	half   bool // it has half-closed, and waits for the end
	failed bool // a command did, and it leaves the proxy alone for a moment

	keys     []*key
	counters []*counter
	seq      int

	Answered int64
}

// owed is a command whose reply is to come.
type owed struct {
	op   op
	keys []*key
	c    *counter
	p    string // the value that it writes, or that must come back
	at   int64
}

type op uint8

const (
	opGet op = iota
	opSet
	opDel
	opMget
	opMset
	opIncr
	opEval
	opPing
	opHello
)

var opNames = [...]string{"GET", "SET", "DEL", "MGET", "MSET", "INCR", "EVAL", "PING", "HELLO"}

// key is what a client knows of one of its keys.
type key struct {
	name string
	may  []string // that it has; none stands for nothing
	late set      // that a command wrote which failed, or whose reply never came: it may still be executed
}

// set is of values.
type set map[string]struct{}

func (s *set) add(v string) {
	if *s == nil {
		*s = make(set)
	}
	(*s)[v] = struct{}{}
}

// settle takes note that nothing is on its way any more: what is late has been executed, or never will be.
func (c *Client) settle() {
	for _, k := range c.keys {
		for v := range k.late {
			if !slices.Contains(k.may, v) {
				k.may = append(k.may, v)
			}
		}
		slices.Sort(k.may) // a map has no order
		k.late = nil
	}
}

// none is no value.
const none = "\x00none"

// counter is what a client knows of one of its counters.
type counter struct {
	name string
	n    int // so many increments were answered
	more int // so many may or may not have been executed
}

// dialect is a protocol, as a client speaks it.
type dialect interface {
	greet(c *Client)                          // as soon as it is connected
	send(c *Client)                           // any command
	parse(p []byte, o *owed) (r reply, n int) // the reply to o, or to nobody, at the front of p; 0: it is not whole
}

// newClient makes a client that begins soon.
func (r *Run) newClient(to string, speaks dialect) {
	rnd := r.sim.rnd
	c := &Client{run: r, id: len(r.clients) + 1, to: to, depth: 1 + rnd.IntN([]int{1, 4, 40, 400}[rnd.IntN(4)]), three: rnd.IntN(2) == 0, dialect: speaks}
	for i := range 1 + rnd.IntN(12) {
		c.keys = append(c.keys, &key{name: fmt.Sprintf("c%d:%d", c.id, i), may: []string{none}})
	}
	for i := range 2 {
		c.counters = append(c.counters, &counter{name: fmt.Sprintf("n%d:%d", c.id, i)})
	}
	r.clients = append(r.clients, c)
	c.later(time.Millisecond)
}

// soon has the client look about when its turn comes.
func (c *Client) soon() {
	if !c.due {
		c.due = true
		c.run.sim.ready = append(c.run.sim.ready, turn{c})
	}
}

// later has it do so within some time.
func (c *Client) later(d time.Duration) {
	c.run.sim.after(time.Duration(c.run.sim.rnd.Int64N(int64(d))), c.soon)
}

func (c *Client) inFlight() int { return len(c.owed) - c.first }

// Idle says that nothing is owed to c.
func (c *Client) Idle() bool { return c.inFlight() == 0 && !c.half }

// turn is a runner.
type turn struct{ *Client }

func (t turn) run() {
	t.due = false
	t.act()
}

// act reads, and sends.
func (c *Client) act() {
	if c.conn == nil {
		c.connect()
		return
	}
	c.read()
	c.flush()
	if c.conn == nil || c.half || c.run.resting {
		return
	}
	if c.failed {
		c.failed = false
		c.later(5 * time.Millisecond)
		return
	}
	rnd := c.run.sim.rnd
	for c.inFlight() < c.depth && len(c.out) < 64<<10 {
		n := 1 + rnd.IntN(c.depth-c.inFlight())
		for range n {
			c.send(c)
		}
		if rnd.IntN(4) > 0 {
			break
		}
	}
	c.flush()
	if c.conn == nil || c.run.calm {
		return
	}
	switch rnd.IntN(1000) {
	case 0:
		c.vanish(rnd.IntN(2) == 0)
	case 1, 5, 6, 7, 8:
		c.half = true
		if len(c.out) == 0 {
			_ = c.conn.closeWrite()
		}
	case 2:
		c.lazy = !c.lazy
	case 3, 4:
		c.run.sim.after(time.Duration(rnd.Int64N(int64(2*time.Second))), c.soon)
	}
}

func (c *Client) connect() {
	s := c.run.sim
	h := s.hosts[c.to]
	if h == nil || h.listener == nil || h.listener.closed {
		c.later(50 * time.Millisecond)
		return
	}
	c.conn = s.connect(h, "tcp")
	c.conn.readable = c.soon
	c.half, c.lazy = false, false
	c.greet(c)
	c.soon()
}

// vanish hangs up.
func (c *Client) vanish(hard bool) {
	c.conn.close(hard)
	c.gone()
}

// gone takes note that the connection has ended: what was owed may or may not have been done.
func (c *Client) gone() {
	c.conn = nil
	for i := c.first; i < len(c.owed); i++ {
		c.owed[i].unknown()
	}
	c.owed, c.first = c.owed[:0], 0
	c.in, c.at, c.out = c.in[:0], 0, c.out[:0]
	c.half = false
	c.later(20 * time.Millisecond)
}

func (c *Client) owe(o owed) {
	if c.first > 64 && c.first > len(c.owed)/2 {
		n := copy(c.owed, c.owed[c.first:])
		clear(c.owed[n:])
		c.owed, c.first = c.owed[:n], 0
	}
	o.at = c.run.sim.now
	c.owed = append(c.owed, o)
}

func (c *Client) flush() {
	if len(c.out) == 0 || c.conn == nil {
		return
	}
	n, err := c.conn.write(c.out)
	if err != nil {
		c.gone()
		return
	}
	if c.out = c.out[:copy(c.out, c.out[n:])]; len(c.out) > 0 {
		c.conn.await(c.soon)
	} else if c.half {
		_ = c.conn.closeWrite()
	}
}

// command appends a command.
func (c *Client) command(args ...string) {
	c.out = append(c.out, '*')
	c.out = strconv.AppendInt(c.out, int64(len(args)), 10)
	c.out = append(c.out, "\r\n"...)
	for _, a := range args {
		c.out = append(c.out, '$')
		c.out = strconv.AppendInt(c.out, int64(len(a)), 10)
		c.out = append(c.out, "\r\n"...)
		c.out = append(c.out, a...)
		c.out = append(c.out, "\r\n"...)
	}
}

// value is a new one for a key: it says whose it is.
func (c *Client) value(k *key) string {
	c.seq++
	v := k.name + "=" + strconv.Itoa(c.seq) + ";"
	switch r := c.run.sim.rnd; r.IntN(1000) {
	case 0:
		v += strings.Repeat("x", r.IntN(200<<10))
	case 1, 2, 3, 4, 5:
		v += strings.Repeat("y", r.IntN(8<<10))
	default:
		v += padding[:r.IntN(len(padding))]
	}
	return v
}

var padding = strings.Repeat("z", 100)

// some are distinct keys.
func (c *Client) some() []*key {
	n := 1 + c.run.sim.rnd.IntN(len(c.keys))
	from := c.run.sim.rnd.IntN(len(c.keys))
	var keys []*key
	for i := range n {
		keys = append(keys, c.keys[(from+i)%len(c.keys)])
	}
	return keys
}

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
	rnd := c.run.sim.rnd
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

func names(keys []*key) (list []string) {
	for _, k := range keys {
		list = append(list, k.name)
	}
	return list
}

// read takes what has come, and checks whole replies.
func (c *Client) read() {
	rnd := c.run.sim.rnd
	var buf [32 << 10]byte
	for c.conn != nil {
		most := len(buf)
		if c.lazy {
			most = 1 + rnd.IntN(200)
		}
		n, err := c.conn.read(buf[:most])
		c.in = append(c.in, buf[:n]...)
		c.check()
		if c.conn == nil {
			return
		}
		if err != nil {
			c.ended(err)
			return
		}
		if c.lazy && c.conn.unread() > 0 {
			c.later(time.Millisecond)
			return
		}
		if n == 0 {
			return
		}
	}
}

// ended takes note that the proxy hung up.
func (c *Client) ended(err error) {
	switch {
	case c.half:
		if c.inFlight() > 0 && !c.run.pressed && !c.run.moving {
			c.run.fail("client %d half-closed, and the proxy hung up owing %d replies: %v", c.id, c.inFlight(), err)
		}
	case c.run.calm && !c.run.moving:
		c.run.fail("client %d was hung up on in good times: %v, owed %d", c.id, err, c.inFlight())
	}
	c.conn.close(false)
	c.gone()
}

// check takes whole replies from the input.
func (c *Client) check() {
	for c.at < len(c.in) {
		var o *owed
		if c.inFlight() > 0 {
			o = &c.owed[c.first]
		}
		reply, n := c.parse(c.in[c.at:], o)
		if n == 0 {
			break
		}
		if o == nil {
			c.run.fail("client %d got %s, and is owed nothing", c.id, quote(c.in[c.at:c.at+n]))
			return
		}
		c.first++
		if why := o.answer(&reply, c.run); why != "" {
			c.run.fail("client %d: %s%v: %s; got %s", c.id, opNames[o.op], names(o.keys), why, quote(c.in[c.at:c.at+n]))
			return
		}
		*o = owed{}
		c.failed = c.failed || reply.kind == '-'
		c.at += n
		c.Answered++
		c.run.Answered++
	}
	if c.at > 0 {
		c.in = c.in[:copy(c.in, c.in[c.at:])]
		c.at = 0
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

// answer holds a reply against what is known, and returns what is wrong with it.
func (o *owed) answer(r *reply, run *Run) string {
	if r.kind == '-' {
		o.unknown()
		if run.calm || !excused(string(r.p)) {
			return "an error in good times"
		}
		return ""
	}
	switch o.op {
	case opGet:
		return o.keys[0].is(r, run.loose)
	case opSet, opMset:
		if r.kind != '+' {
			return "not OK"
		}
		o.keys[0].wrote(o.p)
	case opDel:
		return o.deleted(r, run.loose)
	case opMget:
		if r.kind != '*' || len(r.list) != len(o.keys) {
			return "not one element for each key"
		}
		for i, k := range o.keys {
			if why := k.is(&r.list[i], run.loose); why != "" {
				return why
			}
		}
	case opIncr:
		if run.loose && r.kind == ':' && r.n > 0 {
			return ""
		}
		if r.kind != ':' || r.n <= o.c.n || r.n > o.c.n+1+o.c.more {
			return fmt.Sprintf("%s was %d, and perhaps %d more", o.c.name, o.c.n, o.c.more)
		}
		o.c.more -= r.n - o.c.n - 1
		o.c.n = r.n
	case opEval:
		if r.kind != '$' || string(r.p) != o.p {
			return "not what the script was given"
		}
	case opPing:
		if r.kind != '+' || string(r.p) != "PONG" {
			return "not PONG"
		}
	case opHello:
		if r.kind != '%' {
			return "not a map"
		}
	}
	return ""
}

// excused says that an error is one of those that failing servers excuse.
func excused(p string) bool {
	for _, text := range []string{"Connection", "LOADING", "Broken pipe", "Invalid argument", "Host is down", "server refused", "No route", "SERVER_ERROR"} {
		if strings.Contains(p, text) {
			return true
		}
	}
	return false
}

// unknown takes note that o may or may not have been executed.
func (o *owed) unknown() {
	switch o.op {
	case opSet:
		o.keys[0].late.add(o.p)
	case opDel:
		for _, k := range o.keys {
			k.late.add(none)
		}
	case opIncr:
		o.c.more++
	}
}

func (o *owed) deleted(r *reply, loose bool) string {
	least, most := 0, 0
	for _, k := range o.keys {
		_, gone := k.late[none]
		values := len(k.may) + len(k.late) // that are not none
		if gone {
			values--
		}
		if slices.Contains(k.may, none) {
			gone = true
			values--
		}
		if values > 0 {
			most++
		}
		if !gone {
			least++
		}
		k.wrote(none)
	}
	if loose {
		least, most = 0, len(o.keys)
	}
	if r.kind != ':' || r.n < least || r.n > most {
		return fmt.Sprintf("%d to %d of them were there", least, most)
	}
	return ""
}

// is holds a value against what k may have.
func (k *key) is(r *reply, loose bool) string {
	v := none
	switch r.kind {
	case '_':
	case '$':
		v = string(r.p)
	default:
		return "neither a value nor nothing"
	}
	if loose && (v == none || strings.HasPrefix(v, k.name+"=")) {
		return ""
	}
	if slices.Contains(k.may, v) {
		k.may = append(k.may[:0], v)
		return ""
	}
	if _, ok := k.late[v]; ok {
		k.may = append(k.may[:0], v)
		return ""
	}
	return fmt.Sprintf("%s may have %.60q, or one of %d that are late", k.name, k.may, len(k.late))
}

// wrote takes note that k has v now, unless something late comes.
func (k *key) wrote(v string) { k.may = append(k.may[:0], v) }
