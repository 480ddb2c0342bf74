package sim

import (
	"fmt"
	"time"
)

// How many hear a message is what its publisher is told, and whoever asks. While all is well, and nobody has begun or ended a
// subscription for a moment, that is exactly as many as clients were told.

// heed is how long what a client ended may be on its way to its server.
const heed = 20 * time.Millisecond

// answeredPublish holds the reply to a PUBLISH against how many there can be to hear it.
func (c *Client) answeredPublish(o *owed, r *reply) string {
	if r.kind != ':' || r.n < 0 || r.n > 4*len(c.run.clients)+20 {
		return "not how many heard it"
	}
	m := o.message
	m.done = c.run.sim.now
	return c.run.counted(c.pool, m.sort, m.channel, true, o.at, r.n)
}

// census holds the reply to a question about subscriptions against its form, and how many it says there are.
func (c *Client) census(o *owed, r *reply) string {
	switch {
	case o.n == 0 && r.kind == ':' && r.n >= 0, o.n < 0 && r.kind == '*':
		return ""
	case r.kind != '*' || len(r.list) != 2*len(o.names):
		return "not the form of an answer"
	}
	for i, name := range o.names {
		if string(r.list[2*i].p) != name {
			return "not what was asked for"
		}
		if why := c.run.counted(c.pool, o.sort, name, false, o.at, r.list[2*i+1].n); why != "" {
			return why
		}
	}
	return ""
}

// counted holds how many a channel has, or how many a message to it reaches, against what clients of the pool were told.
func (r *Run) counted(pool int, sort byte, channel string, patterns bool, since int64, n int) string {
	if !r.calm || r.script.Sick {
		return ""
	}
	want := 0
	for _, c := range r.clients {
		if c.listening == nil || c.pool != pool {
			continue
		}
		if c.restless(since - int64(heed)) {
			return ""
		}
		for _, h := range c.told {
			if h.name[0] == sort && h.name[1:] == channel || patterns && sort == 'c' && h.name[0] == 'p' && reaches(h.name[1:], channel) {
				want++
			}
		}
	}
	if n != want {
		return fmt.Sprintf("%d are subscribed to %s", want, channel)
	}
	return ""
}

// restless says that c has begun or ended a subscription since then, or may be about to.
func (c *Client) restless(since int64) bool {
	if c.changed >= since || c.half {
		return true
	}
	for i := c.first; i < len(c.owed); i++ {
		if op := c.owed[i].op; op == opSubscribe || op == opReset {
			return true
		}
	}
	return false
}
