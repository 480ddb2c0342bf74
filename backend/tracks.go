package backend

import (
	"cashew/codec"
	"cashew/topology"
)

// tracks is what a Conn was told about whom its server is to tell of writes to what was read over it, and the Owner of the answer.
type tracks struct {
	conn   *Conn
	number int64 // of the connection that is told, as the server has it
	era    int   // of conn
	reply  []byte
	good   bool
}

// Tracks has the server of c tell the connection of its that has a number, see codec.Tracked, of writes to what is read by each command that
// stands behind codec.Tracked's AppendTracksNext, from here on.
func (c *Conn) Tracks(number int64, p codec.Tracked) {
	if t := c.tracked; t != nil && t.number == number && t.era == c.Era() {
		return
	}
	c.tracked = &tracks{conn: c, number: number, era: c.Era()}
	c.enterOwn(c.tracked, p.AppendTracks(nil, number))
}

// Tracked says that the server has answered that it does as Tracks had it.
func (c *Conn) Tracked(number int64) bool {
	t := c.tracked
	return t != nil && t.number == number && t.era == c.Era() && t.good
}

// untracked is the end of that, with c.
func (c *Conn) untracked() {
	if c.tracked != nil {
		c.tracked = nil
		c.server.Told().Miss()
	}
}

// Insert sends a command of the proxy's own down c, of which figures do not tell. Its reply is o's.
func (c *Conn) Insert(o Owner, command []byte) { c.enterOwn(o, command) }

// Replied implements Owner.
func (t *tracks) Replied(_ *Request, chunk []byte, last bool) {
	if t.reply = append(t.reply, chunk...); last {
		t.good = t.conn.pool.Options().Protocol.Tracks(t.reply)
	}
}

// Failed implements Owner: the connection has ended, or is about to.
func (*tracks) Failed(*Request, error) {}

// NewTracker returns a feed for a server that tells of writes, which is closed. What it tells comes to the Hearer as a message of sort Unasked.
func (g *Group) NewTracker(server *topology.Server, by Hearer, pr codec.Profile) *Conn {
	c := g.Set(pr, g.pool.Options().Protocol.Home()).newConn(server)
	c.feed = &feed{by: by}
	g.feeds = append(g.feeds, c)
	return c
}

// Unasked is the sort of what is no message of a subscription.
const Unasked = -1
