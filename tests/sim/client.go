package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A Client is a model of one: it pipelines commands, reads when it likes, hangs up, comes back, and holds each reply against what
// it knows of its keys, which nobody else writes.
type Client struct {
	run     *Run
	id      int
	pool    int
	to      string // the proxy's address
	conn    *end   // nil: it is not connected
	since   int64  // when it was made
	rnd     *rand.Rand
	depth   int // commands that it may have in flight
	most    int // commands that it sends in all; 0: any number
	sent    int
	sendsAt int64 // not before; see Script.Pace
	three   bool  // it speaks RESP3
	likes   bool  // RESP3, and asks for it first of all; of memcached: the binary protocol
	dialect

	out       []byte // that the network has not taken
	pauses    bool   // it sends no more than hold of out, and then nothing for a while
	hold      int
	in        []byte
	at        int // of in: what was taken
	owed      []owed
	first     int // of owed
	due       bool
	lazy      bool // it reads a little at a time
	inCluster bool // its keys have slots
	reads     bool // nearly always, what may be kept

	half   bool // it has sent its last, and waits for the end
	quits  bool // that was not its end of the connection: the proxy is to hang up
	failed bool // a command did, and it leaves the proxy alone for a moment
	huge   bool // it may be owed a value that is passed on as it comes, whose server can cost it the connection

	called int // bytes of values in commands in flight that call scripts

	*book          // of the database that it is in
	books  []*book // by database
	home   int     // the database that it begins in
	chosen int     // that it is in
	awaits bool    // a reply that says in which database it is
	seq    int
	args   []string
	frame  []byte
	room   []byte   // for copies of commands; see copied
	expect request  // what it expects
	lines  lineCall // the same, of memcached

	*listening // nil: it never subscribes

	Answered int64
}

// dialect is a protocol, as a client speaks it.
type dialect interface {
	share(c *Client, k *shared, in sharedIn)  // a command for a shared key
	suffixes() []string                       // what keys may end with
	greet(c *Client)                          // as soon as it is connected
	send(c *Client)                           // any command
	last(c *Client)                           // what makes the proxy hang up once it has answered
	clear(c *Client, g *group)                // a command that deletes all keys of g
	parse(p []byte, o *owed) (r reply, n int) // the reply to o, or to nobody, at the front of p; 0: it is not whole
}

// newClient makes a client that begins soon.
func (r *Run) newClient(s *ClientScript) {
	c := &Client{run: r, id: s.ID, pool: s.Pool, to: front, depth: s.Depth, most: s.Commands, likes: s.Three, dialect: redisDialect{}}
	c.rnd = rand.New(rand.NewPCG(r.script.Seed, uint64(100+s.ID)))
	if r.script.Pools[s.Pool].Protocol == "memcached" {
		if c.to, c.dialect = frontMemcached, new(memcachedDialect); c.likes {
			c.dialect = new(binaryDialect)
		}
	}
	c.inCluster = r.script.Pools[s.Pool].Cluster
	if c.inCluster {
		c.dialect = clusterDialect{}
	}
	if s.Hears && c.to == front && !c.inCluster {
		c.dialect, c.listening = listenDialect{}, &listening{heard: make(map[string]bool), latest: make(map[string]string)}
	}
	c.reads = s.Reads && c.listening == nil
	c.newBooks(s.Keys, r.script.Pools[s.Pool].Databases, r.script.Pools[s.Pool].DB)
	r.clients = append(r.clients, c)
	c.later(time.Millisecond)
}

// newKeys makes a client's keys.
func (c *Client) newKeys(n int) {
	rnd, suffixes := c.rnd, c.suffixes()
	for i := range n {
		k := &key{name: fmt.Sprintf("c%d:%d", c.id, i) + suffixes[rnd.IntN(len(suffixes))], may: []string{none}}
		k.one = []*key{k}
		c.keys = append(c.keys, k)
	}
	for i := range 2 {
		c.counters = append(c.counters, &counter{name: fmt.Sprintf("n%d:%d", c.id, i)})
	}
	c.newGroups(suffixes)
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
	c.run.sim.after(time.Duration(c.rnd.Int64N(int64(d))), c.soon)
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
	if c.paced() {
		return
	}
	rnd := c.rnd
	for c.inFlight() < c.depth && len(c.out) < 64<<10 && c.talks() {
		n := 1 + rnd.IntN(c.depth-c.inFlight())
		for range n {
			if c.talks() {
				c.sent++
				if c.reads && c.readsKept() {
					continue
				}
				if c.rnd.IntN(40) > 0 || c.listening != nil || c.chosen != c.home || !c.use(c.run.shared[c.pool]) {
					c.send(c)
				}
			}
		}
		if rnd.IntN(4) > 0 {
			break
		}
	}
	c.flush()
	if c.conn != nil {
		c.whim()
	}
}

// whim is what a client does now and then besides sending commands.
func (c *Client) whim() {
	rnd := c.rnd
	switch n := rnd.IntN(1000); {
	case n < 5:
		c.half = true
		c.flush()
		if c.conn != nil && len(c.out) == 0 {
			_ = c.conn.closeWrite()
		}
	case n < 9:
		c.last(c)
		c.half, c.quits = true, true
		c.flush()
	case c.run.calm: // else what it is owed could be carried out later than the next that it sends
	case n < 10:
		c.vanish(rnd.IntN(2) == 0)
	case n < 11:
		c.lazy = !c.lazy
	case n < 13:
		c.run.sim.after(time.Duration(rnd.Int64N(int64(2*time.Second))), c.soon)
	}
}

// paced says that c leaves the proxy alone until its next turn to send.
func (c *Client) paced() bool {
	s, pace := c.run.sim, c.run.script.Pace
	switch {
	case pace == 0:
		return false
	case s.now >= c.sendsAt:
		c.sendsAt = s.now + c.rnd.Int64N(2*int64(pace))
		s.after(time.Duration(c.sendsAt-s.now), c.soon)
		return false
	}
	return true
}

// talks says that c has not sent all that it was to send, and knows where it would go.
func (c *Client) talks() bool { return (c.most == 0 || c.sent < c.most) && !c.awaits }

func (c *Client) connect() {
	s := c.run.sim
	h := s.hosts[c.to]
	if h == nil || h.listener == nil || h.listener.closed {
		c.later(50 * time.Millisecond)
		return
	}
	c.conn = s.connect(h, "tcp")
	c.conn.readable = c.soon
	c.since = s.now
	c.half, c.quits, c.lazy, c.three, c.huge, c.awaits = false, false, false, false, false, false
	c.enter(c.home)
	c.greet(c)
	c.soon()
}

// vanish ends the connection: what was owed may or may not have been done.
func (c *Client) vanish(hard bool) {
	c.conn.close(hard)
	c.conn = nil
	for i := c.first; i < len(c.owed); i++ {
		c.owed[i].unknown()
	}
	c.owed, c.first = c.owed[:0], 0
	c.in, c.at, c.out = c.in[:0], 0, c.out[:0]
	c.hold, c.pauses, c.called = 0, false, 0
	c.half = false
	if c.listening != nil {
		c.end(c.run.sim.now)
		clear(c.heard)
		clear(c.latest)
	}
	c.later(20 * time.Millisecond)
}

func (c *Client) owe(o owed) {
	if c.first > 64 && c.first > len(c.owed)/2 {
		n := copy(c.owed, c.owed[c.first:])
		clear(c.owed[n:])
		c.owed, c.first = c.owed[:n], 0
	}
	if o.op == opReset {
		c.enter(c.home)
	}
	o.at, o.by = c.run.sim.now, c.id
	c.owed = append(c.owed, o)
}

// copied is a copy of a command.
func (c *Client) copied(p []byte) []byte {
	if len(p) > 4<<10 {
		return bytes.Clone(p)
	}
	if len(c.room)+len(p) > cap(c.room) {
		c.room = make([]byte, 0, 16<<10) // the garbage collector has the old one, once its commands are answered
	}
	from := len(c.room)
	c.room = append(c.room, p...)
	return c.room[from:len(c.room):len(c.room)]
}

func (c *Client) flush() {
	if len(c.out) == 0 || c.conn == nil {
		return
	}
	p := c.out
	if c.pauses {
		if p = p[:c.hold]; len(p) == 0 {
			return
		}
	}
	n, err := c.conn.write(p)
	if err != nil { // a reset: what came before it is read and checked first
		c.lazy = false
		c.read()
		return
	}
	c.hold = max(c.hold-n, 0)
	if c.out = c.out[:copy(c.out, c.out[n:])]; len(c.out) > 0 {
		c.conn.await(c.soon)
	} else if c.half && !c.quits {
		_ = c.conn.closeWrite()
	}
}

// value is a new one for a key: it says whose it is.
func (c *Client) value(k *key) string {
	c.seq++
	c.frame = append(append(c.frame[:0], k.name...), '=')
	c.frame = append(strconv.AppendInt(c.frame, int64(c.seq), 10), ';')
	switch r := c.rnd; r.IntN(1000) {
	case 0:
		return string(c.frame) + strings.Repeat("x", r.IntN(200<<10))
	case 1, 2, 3, 4, 5:
		return string(c.frame) + strings.Repeat("y", r.IntN(8<<10))
	default:
		c.frame = append(c.frame, padding[:r.IntN(len(padding))]...)
		return string(c.frame)
	}
}

var padding = strings.Repeat("z", 100)

// some are distinct keys.
func (c *Client) some() []*key {
	n := 1 + c.rnd.IntN(len(c.keys))
	from := c.rnd.IntN(len(c.keys))
	var keys []*key
	for i := range n {
		keys = append(keys, c.keys[(from+i)%len(c.keys)])
	}
	return keys
}

func names(keys []*key) []string { return appendNames(nil, keys) }

func appendNames(list []string, keys []*key) []string {
	for _, k := range keys {
		list = append(list, k.name)
	}
	return list
}

// read takes what has come, and checks whole replies.
func (c *Client) read() {
	rnd := c.rnd
	for c.conn != nil {
		most := 32 << 10
		if c.lazy {
			most = 1 + rnd.IntN(200)
		}
		had := len(c.in)
		var err error
		c.in, err = c.conn.readTo(c.in, most)
		none := len(c.in) == had
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
		if none {
			return
		}
	}
}

// ended takes note that the proxy hung up.
func (c *Client) ended(err error) {
	switch {
	case c.half:
		if c.inFlight() > 0 && !c.run.pressed && !c.run.moving && (c.run.calm || !c.huge && !c.run.script.Sick) && !c.awaitsPop() {
			c.run.fail("client %d half-closed, and the proxy hung up owing %d replies: %v", c.id, c.inFlight(), err)
		}
	case c.run.calm && !c.run.moving:
		c.run.fail("client %d was hung up on in good times: %v, owed %d", c.id, err, c.inFlight())
	}
	c.vanish(false)
}

// check takes whole replies from the input.
func (c *Client) check() {
	for c.at < len(c.in) {
		n, why := c.unasked(c.in[c.at:])
		if why != "" {
			c.run.fail("client %d hears %s: %s", c.id, quote(c.in[c.at:c.at+n]), why)
			return
		}
		if c.at += n; n > 0 {
			continue
		}
		var o *owed
		if c.inFlight() > 0 {
			o = &c.owed[c.first]
		}
		if o != nil && o.op == opSubscribe && !o.begins && len(o.names) == 0 {
			o.ends = c.namesOf(o.sort)
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
		if why := c.answer(o, &reply, c.in[c.at+reply.attributes:c.at+n]); why != "" {
			c.run.fail("client %d: %s: %s; got %s", c.id, o.what(), why, quote(c.in[c.at:c.at+n]))
			return
		}
		*o = owed{}
		c.at += n
		c.Answered++
		c.run.Answered++
	}
	if c.at > 0 {
		c.in = c.in[:copy(c.in, c.in[c.at:])]
		c.at = 0
	}
}
