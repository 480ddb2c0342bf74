package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Listeners are clients that subscribe, and others publish. Whatever happens, a listener hears nothing that it is not subscribed to at
// that moment, nothing twice, and nothing that nobody published. What is published while all is well it hears in its publisher's order,
// and all of it.

// listenDialect is how a listener speaks. In RESP3 it sends all that others send as well.
type listenDialect struct{ redisDialect }

// published is a message that a client has published, or perhaps has.
type published struct {
	sort    byte
	channel string
	by, nth int   // whose it is, and which of its
	at      int64 // when it was sent
	done    int64 // when that was answered; 0: it was not, or something failed
	calm    bool  // all was well as it was sent
}

// listening is what a listener was told that it is subscribed to, and what it has heard.
type listening struct {
	told    []heardOf         // in the order in which they began
	changed int64             // when that did
	heard   map[string]bool   // by subscription and message
	latest  map[string]string // the last message of a publisher, by subscription and publisher
}

// end ends all subscriptions.
func (l *listening) end(now int64) { l.told, l.changed = nil, now }

// heardOf is one subscription.
type heardOf struct {
	name  string // a letter for the sort, and the name
	since int64
}

func (l *listening) index(s string) int {
	return slices.IndexFunc(l.told, func(h heardOf) bool { return h.name == s })
}

// namesOf are those of a sort.
func (l *listening) namesOf(sort byte) (list []string) {
	for _, h := range l.told {
		if h.name[0] == sort {
			list = append(list, h.name[1:])
		}
	}
	return list
}

// counts are how many there are that are counted together: channels and patterns, and channels of shards.
func (l *listening) counts() (plain, shards int) {
	for _, h := range l.told {
		if h.name[0] == 's' {
			shards++
		} else {
			plain++
		}
	}
	return plain, shards
}

// channelOf is a channel of the client's pool.
func (c *Client) channelOf(sort byte) string {
	return map[byte]string{'c': "ch", 's': "sh"}[sort] + strconv.Itoa(c.pool) + ":" + strconv.Itoa(c.rnd.IntN(6))
}

// publish sends a message, or many at once, of which a loop keeps a backlog if several hear them.
func (c *Client) publish() {
	sort, word, n := byte('c'), "PUBLISH", 1
	if c.rnd.IntN(4) == 0 {
		sort, word = 's', "SPUBLISH"
	}
	if c.rnd.IntN(15) == 0 {
		n = 30 + c.rnd.IntN(60)
	}
	channel := c.channelOf(sort)
	for range n {
		m := &published{sort: sort, channel: channel, by: c.id, at: c.run.sim.now, calm: c.run.calm}
		c.command(word, channel, c.message(m))
		c.owe(owed{op: opPublish, message: m})
	}
}

// message is a text that says which one it is.
func (c *Client) message(m *published) string {
	c.seq++
	m.nth = c.seq
	text := fmt.Sprintf("m%d.%d.", c.id, c.seq)
	c.run.published[text] = m
	if m.calm {
		c.run.recent = append(c.run.recent, text)
	}
	switch c.rnd.IntN(40) {
	case 0:
		text += strings.Repeat("x", c.rnd.IntN(100<<10))
	case 1, 2, 3:
		text += strings.Repeat("y", c.rnd.IntN(2000))
	}
	return text
}

// ask sends a question about subscriptions.
func (c *Client) ask() {
	switch c.rnd.IntN(4) {
	case 0:
		c.command("PUBSUB", []string{"channels", "shardchannels"}[c.rnd.IntN(2)])
		c.owe(owed{op: opCensus, n: -1})
	case 1:
		c.command("PUBSUB", "numpat")
		c.owe(owed{op: opCensus, n: 0})
	default:
		sort, word := byte('c'), "numsub"
		if c.rnd.IntN(2) == 0 {
			sort, word = 's', "shardnumsub"
		}
		names := []string{c.channelOf(sort), c.channelOf(sort)}
		c.command("PUBSUB", word, names[0], names[1])
		c.owe(owed{op: opCensus, n: 2, sort: sort, names: names})
	}
}

func (listenDialect) send(c *Client) {
	rnd := c.rnd
	switch r := rnd.IntN(100); {
	case r < 25:
		c.subscribes('c', true, c.some1to3('c'))
	case r < 35:
		c.subscribes('p', true, []string{"ch" + strconv.Itoa(c.pool) + []string{":*", ":[012]", ":[35]"}[rnd.IntN(3)]})
	case r < 45:
		c.subscribes('s', true, c.some1to3('s'))
	case r < 55:
		c.subscribes('c', false, c.some1to3('c'))
	case r < 60:
		c.subscribes("cps"[rnd.IntN(3)], false, nil)
	case r < 70:
		c.command("PING")
		c.owe(owed{op: opPing})
	case r < 75:
		c.command("GET", "c"+strconv.Itoa(c.id)+":nothing")
		c.owe(owed{op: opGuarded})
	case r < 76:
		c.command("RESET")
		c.owe(owed{op: opReset})
	case r < 78 && c.inFlight() == 0 && len(c.told) == 0:
		c.hello(2 + rnd.IntN(2))
	case r < 90 && c.three && c.inFlight() == 0:
		k := c.keys[rnd.IntN(len(c.keys))]
		v := c.value(k)
		if rnd.IntN(4) == 0 { // messages come while it does
			v += strings.Repeat("v", rnd.IntN(100<<10))
		}
		c.command("SET", k.name, v)
		c.owe(owed{op: opSet, keys: k.one, p: v})
		c.command("GET", k.name)
		c.owe(owed{op: opGet, keys: k.one})
		c.command("GET", k.name)
		c.owe(owed{op: opGet, keys: k.one})
	}
}

func (c *Client) some1to3(sort byte) (list []string) {
	for range 1 + c.rnd.IntN(3) {
		list = append(list, c.channelOf(sort))
	}
	return list
}

// subscribes begins or ends subscriptions; no names: it ends all.
func (c *Client) subscribes(sort byte, begins bool, names []string) {
	word := subscribeWords[sort].ends
	if begins {
		word = subscribeWords[sort].begins
	}
	c.command(append([]string{strings.ToUpper(word)}, names...)...)
	c.owe(owed{op: opSubscribe, sort: sort, begins: begins, names: names})
}

// parse takes a listener's reply; that to a SUBSCRIBE is all confirmations.
func (d listenDialect) parse(p []byte, o *owed) (reply, int) {
	if o == nil || o.op != opSubscribe || p[0] == '-' {
		return d.redisDialect.parse(p, o)
	}
	most := max(len(o.names), 1)
	if len(o.names) == 0 { // as many as there are, which is known once they are looked at
		most = max(len(o.ends), 1)
	}
	n := 0
	for range most {
		k := frameEnd(p[n:])
		if k == 0 {
			return reply{}, 0
		}
		n += k
	}
	return reply{kind: 'C', p: p[:n]}, n
}

// frameEnd is where an array or a push at the front of p ends; 0: it is not whole.
func frameEnd(p []byte) int {
	if len(p) == 0 || p[0] != '*' && p[0] != '>' {
		return 0
	}
	q := append([]byte{'*'}, p[1:]...)
	_, n := parseReply(q, false)
	return n
}

// confirmed holds the confirmations of a SUBSCRIBE or its opposite against what they have to be.
func (c *Client) confirmed(o *owed, raw []byte) string {
	names := o.names
	if len(names) == 0 {
		names = o.ends
	}
	var want []byte
	c.changed = c.run.sim.now
	word := subscribeWords[o.sort].ends
	if o.begins {
		word = subscribeWords[o.sort].begins
	}
	tell := func(name []byte) {
		plain, shards := c.counts()
		if o.sort == 's' {
			plain = shards
		}
		want = appendBulk(append(want, ">*"[c.version()&1^1], '3', '\r', '\n'), []byte(word))
		switch {
		case name != nil:
			want = appendBulk(want, name)
		case c.three:
			want = append(want, "_\r\n"...)
		default:
			want = append(want, "$-1\r\n"...)
		}
		want = fmt.Appendf(want, ":%d\r\n", plain)
	}
	for _, name := range names {
		s := string(o.sort) + name
		i := c.index(s)
		switch {
		case o.begins && i < 0:
			c.told = append(c.told, heardOf{s, c.run.sim.now})
		case !o.begins && i >= 0:
			c.told = slices.Delete(c.told, i, i+1)
		}
		tell([]byte(name))
	}
	if len(names) == 0 {
		tell(nil)
	}
	if !bytes.Equal(raw, want) {
		return "should be " + quote(want)
	}
	return ""
}

// guarded holds the reply to a command that a client of RESP2 may not send while it is subscribed.
func (c *Client) guarded(o *owed, r *reply, raw []byte) string {
	restricted := !c.three && len(c.told) > 0
	want := "+PONG\r\n"
	switch {
	case o.op == opPing && restricted:
		want = "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
	case o.op == opGuarded && restricted:
		want = "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"
	case o.op == opGuarded && c.three:
		want = "_\r\n"
	case o.op == opGuarded:
		want = "$-1\r\n"
	}
	if string(raw) == want || o.op == opGuarded && !restricted && !c.run.calm && (c.run.script.Sick || r.failed() && c.excused(string(r.p))) {
		return ""
	}
	return "should be " + want
}

// unasked takes what comes unasked from the front of p, of which it has n bytes: a message, or that the proxy will hang up.
func (c *Client) unasked(p []byte) (n int, why string) {
	if bytes.HasPrefix(p, []byte(">4\r\n$6\r\nMOVING\r\n")) && c.three {
		if n = frameEnd(p); n > 0 && c.run.calm {
			why = "in good times nobody has to go"
		}
		return n, why
	}
	if c.listening != nil {
		return c.hears(p)
	}
	return 0, ""
}

// hears takes a message from the front of p, of which it has n bytes; 0: there is none, or it is not whole.
func (c *Client) hears(p []byte) (n int, why string) {
	word := ""
	for _, w := range []string{"message", "pmessage", "smessage"} {
		count := 3
		if w == "pmessage" {
			count = 4
		}
		head := fmt.Sprintf("%d\r\n$%d\r\n%s\r\n", count, len(w), w)
		if len(p) > len(head) && p[0] == ">*"[c.version()&1^1] && string(p[1:1+len(head)]) == head {
			word = w
		}
	}
	if word == "" {
		return 0, ""
	}
	if n = frameEnd(p); n == 0 {
		return 0, ""
	}
	whole, _ := parseReply(append([]byte{'*'}, p[1:n]...), true)
	sort := map[string]byte{"message": 'c', "pmessage": 'p', "smessage": 's'}[word]
	of := whole.list[1].p
	channel, text := whole.list[len(whole.list)-2].p, whole.list[len(whole.list)-1].p
	return n, c.heardMessage(string(sort)+string(of), string(channel), string(text))
}

// heardMessage holds a message against what was published.
func (c *Client) heardMessage(of, channel, text string) string {
	i := strings.LastIndexByte(text, '.')
	m := c.run.published[text[:i+1]]
	switch {
	case m == nil || m.channel != channel:
		return "nobody published " + text[:min(len(text), 40)] + " on " + channel
	case c.index(of) < 0:
		return "it is not subscribed to " + of
	case of[0] != 'p' && (of[0] != m.sort || of[1:] != channel), of[0] == 'p' && (m.sort != 'c' || !reaches(of[1:], channel)):
		return of + " has nothing to do with " + channel
	case c.heard[of+" "+text[:i]]:
		return "it has heard " + text[:i] + " of " + of + " before"
	}
	c.heard[of+" "+text[:i]] = true
	who := of + " " + channel + " " + strconv.Itoa(m.by)
	if before := c.run.published[c.latest[who]]; before != nil && before.calm && m.calm && before.nth > m.nth {
		return fmt.Sprintf("%s behind %s", text[:i], c.latest[who])
	}
	c.latest[who] = text[:i+1]
	return ""
}

// missed says what listeners should have heard by now and have not. It is asked while all is still well.
func (r *Run) missed() {
	for _, c := range r.clients {
		if c.listening == nil || c.conn == nil || c.half {
			continue
		}
		for _, text := range r.recent {
			m := r.published[text]
			if m.done == 0 || m.done > r.sim.now-int64(missTime) || !strings.HasPrefix(m.channel[2:], strconv.Itoa(c.pool)+":") {
				continue
			}
			for _, h := range c.told {
				hits := h.name[0] == m.sort && h.name[1:] == m.channel || h.name[0] == 'p' && m.sort == 'c' && reaches(h.name[1:], m.channel)
				if hits && h.since < m.at && !c.heard[h.name+" "+text[:len(text)-1]] {
					r.fail("client %d is subscribed to %s and has not heard %s", c.id, h.name, text)
					return
				}
			}
		}
	}
	r.recent = nil
}

// missTime is how long a message may take in good times.
const missTime = 100 * time.Millisecond
