package sim

import (
	"strconv"
	"strings"
	"time"
)

// Queues are lists that all clients push to and pop from, waiting if nothing is there. What is popped was pushed, and is nobody else's.

// queuePrefix is what their keys begin with.
const queuePrefix = "queue:"

// queues are what a run knows of them.
type queues struct {
	pushed map[string]bool // perhaps
	popped map[string]bool
}

// popping is what a connection to a server waits for; key "": nothing.
type popping struct {
	key   string
	timer *timer
}

// pops is BLPOP of a queue. false: the command is another.
func (c *session) pops(x *request) bool {
	if string(x.args[0]) != "BLPOP" || !strings.HasPrefix(string(x.args[1]), queuePrefix) {
		return false
	}
	c.popping = popping{key: string(x.args[1])}
	c.poppers = append(c.poppers, c)
	if c.feed(); c.popping.key == "" {
		return true
	}
	if seconds, _ := strconv.ParseFloat(string(x.args[2]), 64); seconds > 0 {
		c.popping.timer = c.sim.after(time.Duration(seconds*float64(time.Second)), c.nothingCame)
	}
	return true
}

// feed gives those who wait what has come, the first first.
func (v *Server) feed() {
	for i := 0; i < len(v.poppers); i++ {
		c := v.poppers[i]
		list := c.stored()[c.popping.key]
		if len(list.items) == 0 {
			continue
		}
		e, key := list.items[0].name, c.popping.key
		if list.items = list.items[1:]; len(list.items) == 0 {
			delete(c.stored(), key)
		} else {
			c.stored()[key] = list
		}
		v.changedKey(key)
		c.endPopping()
		c.out = append(c.out, "*2\r\n"...)
		c.out = appendBulk(appendBulk(c.out, []byte(key)), []byte(e))
		c.resume()
		i--
	}
}

// nothingCame ends the wait. A server that is stopped notices later.
func (c *session) nothingCame() {
	if c.Stopped {
		c.popping.timer.arm(10 * time.Millisecond)
		return
	}
	c.endPopping()
	c.out = append(c.out, nullArray(c.redis.three)...)
	c.resume()
}

// resume has c go on with its input.
func (c *session) resume() {
	c.flush()
	c.soon()
}

// endPopping takes c out of those who wait.
func (c *session) endPopping() {
	if c.popping.timer != nil {
		c.popping.timer.Stop()
	}
	c.popping = popping{}
	for i, p := range c.poppers {
		if p == c {
			c.poppers = append(c.poppers[:i], c.poppers[i+1:]...)
			return
		}
	}
}

// queue pushes to a queue, or pops.
func (c *Client) queue() {
	key := queuePrefix + strconv.Itoa(c.rnd.IntN(3))
	if c.rnd.IntN(2) == 0 {
		c.seq++
		e := "e" + strconv.Itoa(c.id) + "-" + strconv.Itoa(c.seq) + inDatabase(c.chosen)
		c.run.pushed[e] = true
		c.command("RPUSH", key, e)
		c.owe(owed{op: opPush})
		return
	}
	c.command("BLPOP", key, c.popTime())
	c.owe(owed{op: opPop, p: key, n: c.chosen})
}

// inDatabase ends an element.
func inDatabase(db int) string { return "@" + strconv.Itoa(db) }

// popTime is how long a BLPOP may wait: seldom for long, since its client sends nothing meanwhile.
func (c *Client) popTime() string {
	switch c.rnd.IntN(40) {
	case 0:
		return "2"
	case 1:
		return "0.3"
	}
	return "0.01"
}

// popped holds the reply to a BLPOP against what was pushed.
func (c *Client) popped(o *owed, r *reply) string {
	if r.kind == '_' {
		return ""
	}
	if r.kind != '*' || len(r.list) != 2 || string(r.list[0].p) != o.p {
		return "neither nothing nor an element of the queue"
	}
	e := string(r.list[1].p)
	switch q := &c.run.queues; {
	case !strings.HasSuffix(e, inDatabase(o.n)):
		return "it was pushed in another database"
	case !q.pushed[e]:
		return "nobody pushed " + e
	case q.popped[e]:
		return e + " is popped twice"
	default:
		q.popped[e] = true
	}
	return ""
}

// mayBlock has the commands that may, besides BLPOP of a queue; the model answers them at once.
var mayBlock = map[string]bool{
	"blmove": true, "blmpop": true, "blpop": true, "brpop": true, "brpoplpush": true, "bzmpop": true, "bzpopmax": true, "bzpopmin": true,
	"xread": true, "xreadgroup": true, "next.wait": true,
}

// awaitsPop says that c may be blocked.
func (c *Client) awaitsPop() bool {
	for i := range c.owed[c.first:] {
		if o := &c.owed[c.first+i]; o.op == opPop || o.blocks {
			return true
		}
	}
	return false
}
