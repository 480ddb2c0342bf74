//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cashew/tests/processtest"
)

// dialect is a protocol as the load speaks it.
type dialect interface {
	read(r *bufio.Reader) ([]byte, error)
	answers(addr string) bool // whoever listens there answers

	set(key, value string) string
	get(key string) string
	judgeGet(reply []byte, key string) string // what is wrong with it, "" if nothing; see judgeShared

	// errorText returns an error reply in one line, "" if it is none. usual says that faults explain it.
	errorText(reply []byte) (text string, usual bool)

	op(c *client) op      // a random one
	forget(key string) op // deletes a key that is not used any more
}

// op is one request and what the client knows of its reply.
type op struct {
	text  string
	judge func(reply []byte) string // what is wrong with a reply that is no error, "" if nothing
	lost  func()                    // the reply is an error, or there is none: the request was executed, will be, or not

	silent bool // no reply is due
	quiet  bool // memcached's quiet commands: all replies up to MN belong to it, errors among them
}

// load is steady traffic of several clients on one pool, each of whom checks every reply.
//
// A key belongs to one client and is written with ascending sequence numbers, so that what a GET may return is known
// exactly: what the last SET wrote that was acknowledged before it. A write that failed may still be executed by a server
// that was stopped, at any time; its key is left alone from then on and another takes its place. Three things blur that:
// a server that was killed has lost its values (loses); in a pool that ejects, keys move to servers that have none or an
// old value (moves). A calm pool is exact again.
type load struct {
	d     dialect
	name  string
	addr  string
	tally *tally

	loses, moves bool
	spoilt       bool // servers send garbage
	versions     bool // half of the clients change between RESP2 and RESP3
	calm         atomic.Bool

	clients []*client
	stop    chan struct{}
	running sync.WaitGroup
}

// client sends batches of requests over one connection at a time.
type client struct {
	load  *load
	id    int
	large bool // writes values up to 400 KB, which the proxy streams; it may be closed in the middle of one
	rng   *rand.Rand
	*raw
	three bool // the connection is at RESP3

	exact    bool // what load.calm was at the start of the batch
	slots    []*slot
	counters []*slot
	noreply  *slot
	pending  []op // for the next batch
	tokens   int
	names    int

	batches atomic.Int64
	streak  atomic.Int64 // batches without an error, the last ones
}

// slot is one key of a client. Sequence numbers start at 1; a counter's value is its sequence number.
type slot struct {
	key   string
	sent  int  // the last that was sent
	acked int  // what the server has; 0: nothing
	high  int  // the highest that was acknowledged
	muddy bool // a write failed
}

// invalid ends the error for a reply that can't be parsed, or is of the wrong type.
const invalid = "Invalid argument"

const (
	clientSlots    = 12
	clientCounters = 4
	sharedKeys     = 16 // of a load: any client writes them
	maxBatch       = 24
)

func startLoad(l *load, clients, stream int) *load {
	l.stop = make(chan struct{})
	for i := range clients {
		c := &client{load: l, id: i, large: i == clients-1, rng: newRand(uint64(stream*1000 + i))}
		for range clientSlots {
			c.slots = append(c.slots, &slot{})
		}
		for range clientCounters {
			c.counters = append(c.counters, &slot{})
		}
		c.noreply = &slot{muddy: true}
		c.renew(true)
		l.clients = append(l.clients, c)
		l.running.Go(c.run)
	}
	return l
}

// end stops the clients and waits for them.
func (l *load) end() {
	close(l.stop)
	l.running.Wait()
}

// fatal says that going on makes no sense.
func (l *load) fatal() bool { return l.tally.broken() }

// more waits until each client has made n more whole batches.
func (l *load) more(limit time.Duration, n int64) bool {
	var from []int64
	for _, c := range l.clients {
		from = append(from, c.batches.Load())
	}
	return processtest.Poll(limit, func() bool {
		for i, c := range l.clients {
			if c.batches.Load() <= from[i]+n && !l.fatal() {
				return false
			}
		}
		return true
	})
}

// well waits until each client has had n batches in a row without an error.
func (l *load) well(limit time.Duration, n int64) bool {
	for _, c := range l.clients {
		c.streak.Store(0)
	}
	return processtest.Poll(limit, func() bool {
		for _, c := range l.clients {
			if c.streak.Load() < n && !l.fatal() {
				return false
			}
		}
		return true
	})
}

// setCalm tells the clients what to expect, and waits until all of them know.
func (l *load) setCalm(calm bool) bool {
	l.calm.Store(calm)
	return l.more(processtest.Patience, 1)
}

// errorText is the dialect's, but servers that send garbage explain one more error.
func (l *load) errorText(reply []byte) (text string, usual bool) {
	text, usual = l.d.errorText(reply)
	return text, usual || l.spoilt && strings.HasSuffix(text, invalid)
}

func (c *client) run() {
	for !isDone(c.load.stop) {
		if c.raw == nil {
			var err error
			if c.raw, err = dialRaw(c.load.addr); err != nil {
				c.load.tally.report(unanswered, "%s client %d: connect: %v", c.load.name, c.id, err)
				return
			}
			c.three = false
		}
		errs := c.exchange(c.batch())
		c.renew(false)
		c.batches.Add(1)
		if errs == 0 {
			c.streak.Add(1)
		} else {
			c.streak.Store(0)
		}
		pause(c.load.stop, time.Duration(c.rng.IntN(int(4*time.Millisecond))))
	}
	c.finish()
}

// batch makes up the requests of one batch.
func (c *client) batch() []op {
	if calm := c.load.calm.Load(); calm != c.exact {
		c.exact = calm
		c.renew(true)
	}
	ops := c.pending
	c.pending = nil
	for range 1 + c.rng.IntN(maxBatch) {
		ops = append(ops, c.load.d.op(c))
	}
	return ops
}

// exchange sends a batch and judges its replies. It returns how many of them were errors.
func (c *client) exchange(ops []op) (errs int) {
	l := c.load
	from := time.Now()
	c.conn.SetDeadline(from.Add(answerTime))
	var b bytes.Buffer
	for _, o := range ops {
		b.WriteString(o.text)
	}
	sent, conn := make(chan struct{}), c.conn
	write := func() {
		conn.Write(b.Bytes()) // an error shows when the replies are read
		close(sent)
	}
	if b.Len() < 32<<10 {
		write()
	} else {
		go write()
	}
	defer func() { <-sent }() // a connection that was interrupted is closed
	for i, o := range ops {
		if o.silent {
			continue
		}
		reply, err := c.read(o)
		if err != nil {
			c.interrupted(ops[i:], reply, err)
			return errs + 1
		}
		text, usual := "", true
		if !o.quiet {
			text, usual = l.errorText(reply)
		} else if i := bytes.Index(reply, []byte("SERVER_ERROR ")); i >= 0 {
			line, _, _ := bytes.Cut(reply[i:], []byte("\n"))
			text, usual = l.errorText(append(line, '\n'))
		}
		if text != "" {
			errs++
			l.tally.error(text)
			if !usual {
				l.tally.report(surprising, "%s client %d: %s = %s", l.name, c.id, clip([]byte(o.text)), clip(reply))
			}
		}
		if text != "" && !o.quiet {
			o.lost()
		} else if wrong := o.judge(reply); wrong != "" {
			l.tally.report(crossed, "%s client %d: %s = %s: %s", l.name, c.id, clip([]byte(o.text)), clip(reply), wrong)
		}
		l.tally.requests.Add(1)
	}
	if n := c.r.Buffered(); n > 0 {
		extra, _ := c.r.Peek(min(n, 200))
		l.tally.report(crossed, "%s client %d: %d bytes that nobody asked for: %s", l.name, c.id, n, clip(extra))
	}
	l.tally.took(time.Since(from))
	return errs
}

// read reads all that belongs to one request.
func (c *client) read(o op) ([]byte, error) {
	reply, err := c.load.d.read(c.r)
	for o.quiet && err == nil && !bytes.HasSuffix(reply, []byte("MN\r\n")) {
		var more []byte
		more, err = c.load.d.read(c.r)
		reply = append(reply, more...)
	}
	return reply, err
}

// interrupted ends a connection that the proxy closed, or on which no more comes.
func (c *client) interrupted(ops []op, reply []byte, err error) {
	l := c.load
	kind := closed
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		kind = unanswered
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "reset by peer") {
		kind = crossed // not a reply at all
	}
	if kind == closed && c.large {
		l.tally.error("closed in the middle of a large value")
	} else {
		l.tally.report(kind, "%s client %d: %s = %s, %v", l.name, c.id, clip([]byte(ops[0].text)), clip(reply), err)
	}
	for _, o := range ops {
		o.lost()
	}
	c.close()
	c.raw = nil
}

// finish ends the client's last connection: all is answered, so nothing but the end may come.
func (c *client) finish() {
	if c.raw == nil {
		return
	}
	defer c.close()
	c.conn.SetDeadline(time.Now().Add(answerTime))
	c.conn.CloseWrite()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.load.tally.report(crossed, "%s client %d: %s, %v after all was answered; want EOF", c.load.name, c.id, clip(rest), err)
	}
}

// renew gives new names to the keys that are muddy, or to all.
func (c *client) renew(all bool) {
	for _, list := range [][]*slot{c.slots, c.counters} {
		for _, s := range list {
			if !all && !s.muddy {
				continue
			}
			if s.key != "" && s.sent > 0 {
				c.pending = append(c.pending, c.load.d.forget(s.key))
			}
			c.names++
			*s = slot{key: fmt.Sprintf("%s:%d:%d", c.load.name, c.id, c.names)}
		}
	}
	if all {
		c.names++
		c.noreply = &slot{key: fmt.Sprintf("%s:%d:%d", c.load.name, c.id, c.names), muddy: true}
	}
}

func (c *client) slot() *slot    { return c.slots[c.rng.IntN(len(c.slots))] }
func (c *client) counter() *slot { return c.counters[c.rng.IntN(len(c.counters))] }

// some are n different slots, at least one and at most most.
func (c *client) some(most int) []*slot {
	var all []*slot
	for _, i := range c.rng.Perm(len(c.slots))[:1+c.rng.IntN(most)] {
		all = append(all, c.slots[i])
	}
	return all
}

func (c *client) sharedKey() string {
	return fmt.Sprintf("%s:shared:%d", c.load.name, c.rng.IntN(sharedKeys))
}

// token is different for each request of the client.
func (c *client) token() string {
	c.tokens++
	return fmt.Sprintf("%d.%d", c.id, c.tokens)
}

// size of the next value under a key of the client's own.
func (c *client) size() int {
	if c.large && c.rng.IntN(8) == 0 {
		return c.rng.IntN(400 << 10)
	}
	return c.sharedSize()
}

// sharedSize of the next value under a shared key: all read it, so the proxy must not stream it.
func (c *client) sharedSize() int {
	if c.rng.IntN(16) == 0 {
		return c.rng.IntN(24 << 10)
	}
	return c.rng.IntN(1 << 10)
}

// next is the value of the slot's next write; done is called once it is acknowledged.
func (c *client) next(s *slot) (v string, done func()) {
	s.sent++
	seq := s.sent
	return value(s.key, c.id, seq, c.size()), func() { s.acked, s.high = seq, max(s.high, seq) }
}

func muddy(slots ...*slot) func() {
	return func() {
		for _, s := range slots {
			s.muddy = true
		}
	}
}

func nothing() {}

// loses and moves say what the client must put up with.
func (c *client) loses() bool { return c.load.loses && !c.exact }
func (c *client) moves() bool { return c.load.moves && !c.exact }

// judgeMiss says what is wrong with a reply that s has no value.
func (c *client) judgeMiss(s *slot) string {
	switch {
	case s.acked == 0, s.muddy, c.moves():
	case c.loses():
		s.acked = 0
	default:
		return fmt.Sprintf("no value, want seq %d", s.acked)
	}
	return ""
}

// judgeValue says what is wrong with the value of s.
func (c *client) judgeValue(s *slot, v []byte) string {
	key, id, seq, ok := parseValue(v)
	switch {
	case !ok:
		return "the value is damaged"
	case key != s.key || id != c.id:
		return fmt.Sprintf("the value of key %s, client %d", key, id)
	}
	return c.judgeSeq(s, seq)
}

func (c *client) judgeSeq(s *slot, seq int) string {
	switch {
	case seq == s.acked:
	case s.muddy && 1 <= seq && seq <= s.sent:
	case c.moves() && 1 <= seq && seq <= s.high:
	default:
		return fmt.Sprintf("seq %d, want %d", seq, s.acked)
	}
	return ""
}

// judgeCount says what is wrong with the reply to an increment of s.
func (c *client) judgeCount(s *slot, text string) string {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 1:
		return "not a count"
	case n == s.acked+1, n == 1 && c.loses(), (s.muddy || c.moves()) && n <= s.sent:
		s.acked = n
		return ""
	}
	return fmt.Sprintf("counted to %d, want %d", n, s.acked+1)
}

// judgeFound says what is wrong with the number of slots that were found.
func (c *client) judgeFound(slots []*slot, text string) string {
	least, most := 0, 0
	for _, s := range slots {
		switch {
		case s.muddy || c.moves():
			most++
		case s.acked == 0:
		case c.loses():
			most++
		default:
			least++
			most++
		}
	}
	if n, err := strconv.Atoi(text); err != nil || n < least || n > most {
		return fmt.Sprintf("found %q, want %d to %d", text, least, most)
	}
	return ""
}

// judgeShared says what is wrong with a value under a key that many write; nil is a miss, which is fine.
func judgeShared(v []byte, key string) string {
	if v == nil {
		return ""
	}
	switch got, _, _, ok := parseValue(v); {
	case !ok:
		return "the value is damaged"
	case got != key:
		return "the value of key " + got
	}
	return ""
}

// value names its key, client and sequence number, again and again up to about size bytes.
func value(key string, id, seq, size int) string {
	head := fmt.Sprintf("%s %d %d %d|", key, id, seq, size)
	return strings.Repeat(head, 1+size/len(head))
}

func parseValue(v []byte) (key string, id, seq int, ok bool) {
	head, _, found := bytes.Cut(v, []byte("|"))
	f := strings.Fields(string(head))
	if !found || len(f) != 4 {
		return "", 0, 0, false
	}
	id, err1 := strconv.Atoi(f[1])
	seq, err2 := strconv.Atoi(f[2])
	size, err3 := strconv.Atoi(f[3])
	n := len(head) + 1
	if errors.Join(err1, err2, err3) != nil || len(v) != n*(1+size/n) {
		return "", 0, 0, false
	}
	for i := n; i < len(v); i += n {
		if !bytes.Equal(v[i:i+n], v[:n]) {
			return "", 0, 0, false
		}
	}
	return f[0], id, seq, true
}

func isDone(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// pause paces what is not there to be awaited. false: it is time to stop.
func pause(stop <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-stop:
		return false
	case <-t.C:
		return true
	}
}
