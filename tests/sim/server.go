package sim

import (
	"net"
	"slices"
	"strings"
	"time"
)

// A Server is a model of a Redis or memcached server: a small one that is right, unless it is told to fail. What it stores
// survives its restarts, unless it is told to lose that.
type Server struct {
	sim     *Sim
	Addr    string
	other   string                 // a second address, to which it may move; "": it has none
	name    string                 // that leads to it; "": none does
	serve   func(*session) (n int) // takes commands from the input, answers them, and returns how many bytes it took
	conns   []*session
	poppers []*session       // that wait for something to be pushed; see queue.go
	values  db               // of database 0
	others  map[int]db       // of the other databases
	scripts map[string]int64 // since when it has them, by name

	// How it fails, all of which may change at any time.
	Late    time.Duration // before it looks at what has come
	Stopped bool          // it looks at nothing, as after SIGSTOP, though the network still takes what it has written
	Loading bool          // it answers all but the greeting with LOADING
	Slow    bool          // it reads a few bytes at a time
	Faults                // see faults.go

	tracker
	Commands int64 // that it has executed
	*member        // what it knows of its cluster; nil: it is in none
}

// session is one connection to a Server.
type session struct {
	*Server
	conn    *end
	in      []byte
	out     []byte
	wrote   int  // of out: what the network has taken
	due     bool // it is to look at its input
	half    bool // it has sent its end: what it answers is lost
	closing bool

	redis request
	lines lineCall
	transacting
	asking      bool // the next command is for a slot that comes
	popping     popping
	chosen      int // its database
	subscribing subscribing
	tracking
}

// newServer makes a server that listens on an address.
func (s *Sim) newServer(at string, serve func(*session) int) *Server {
	v := &Server{sim: s, Addr: at, serve: serve, values: make(db), others: make(map[int]db), scripts: make(map[string]int64)}
	v.readers = make(map[string][]int64)
	s.hosts[at] = &host{addr: addr(at), accept: v.accept}
	return v
}

// Name has a name lead to v, which has a second address from now on.
func (v *Server) Name(at, other string) {
	v.name, _, _ = strings.Cut(at, ":")
	v.other = other
	v.sim.hosts[other] = &host{addr: addr(other), accept: v.accept, refuses: true}
	v.sim.Name(v.name, ip(v.Addr))
}

func ip(at string) string { h, _, _ := net.SplitHostPort(at); return h }

// Move has v listen at its other address alone, to which its name leads from now on; the old one may stay known.
func (v *Server) Move(stays bool) bool {
	if v.name == "" {
		return false
	}
	old, at := v.sim.hosts[v.Addr], v.sim.hosts[v.other]
	old.refuses, at.refuses, at.silent = true, old.refuses, old.silent
	v.Addr, v.other = v.other, v.Addr
	v.Hangup(true)
	if stays {
		v.sim.Name(v.name, ip(v.other), ip(v.Addr))
	} else {
		v.sim.Name(v.name, ip(v.Addr))
	}
	return true
}

// Down has nobody connect, and ends all connections, with a reset if hard.
func (v *Server) Down(hard bool) {
	v.sim.hosts[v.Addr].refuses = true
	v.Hangup(hard)
	v.loseScripts()
	clear(v.readers)
	v.ids = 0
}

// Hangup ends all connections.
func (v *Server) Hangup(hard bool) {
	for _, c := range slices.Clone(v.conns) {
		c.close(hard)
	}
}

// Up has it serve again.
func (v *Server) Up() {
	v.sim.hosts[v.Addr].refuses = false
	v.sim.hosts[v.Addr].silent = false
	v.Stopped, v.Loading, v.Slow, v.Late, v.Faults = false, false, false, 0, Faults{}
	v.mutes = false
	for _, c := range slices.Clone(v.conns) { // one may close
		c.flush()
		c.soon()
	}
}

// Silent has a firewall drop whoever wants to connect.
func (v *Server) Silent() { v.sim.hosts[v.Addr].silent = true }

// Lose forgets all that is stored.
func (v *Server) Lose() {
	clear(v.values)
	clear(v.others)
	v.loseScripts()
	v.forgetReads()
}

func (v *Server) accept(e *end) {
	c := &session{Server: v, conn: e}
	v.ids++
	c.id = v.ids
	v.conns = append(v.conns, c)
	e.readable = c.soon
	if e.unread() > 0 {
		c.soon()
	}
}

// soon has the session look at its input when its turn comes.
func (c *session) soon() {
	if c.due || c.Stopped || c.closing {
		return
	}
	c.due = true
	if wait := c.Late; wait > 0 || c.Slow {
		c.sim.after(time.Duration(c.sim.rnd.Int64N(int64(max(wait, slowTime))))+1, func() { c.sim.ready = append(c.sim.ready, c) })
		return
	}
	c.sim.ready = append(c.sim.ready, c)
}

// What a slow server reads at a time, and how long it waits between.
const (
	slowBytes = 400
	slowTime  = 2 * time.Millisecond
)

// run reads what has come, executes it, and writes.
func (c *session) run() {
	c.due = false
	if c.closing || c.Stopped {
		return
	}
	most := 16 << 10
	if c.Slow {
		most = slowBytes
	}
	had := len(c.in)
	var err error
	c.in, err = c.conn.readTo(c.in, 1+c.sim.rnd.IntN(most))
	if err != nil {
		c.close(false)
		return
	}
	if len(c.in) > had {
		took := c.serve(c)
		c.in = c.in[:copy(c.in, c.in[took:])]
		c.broadcast()
		c.flush()
	}
	if !c.closing && (c.conn.unread() > 0 || c.conn.fin || c.conn.reset) {
		c.soon()
	}
}

// flush writes as much as the network takes, and the rest later.
func (c *session) flush() {
	if c.half {
		c.out, c.wrote = c.out[:0], 0
	}
	if len(c.out) == 0 || c.closing || c.mutes && c.isTold() {
		return
	}
	if c.Cut > 0 {
		c.cut()
		return
	}
	n, err := c.conn.write(c.out[c.wrote:])
	if err != nil {
		c.close(false)
		return
	}
	if c.wrote += n; c.wrote < len(c.out) {
		c.conn.await(c.flush)
	}
	if c.wrote > len(c.out)/2 {
		c.out, c.wrote = c.out[:copy(c.out, c.out[c.wrote:])], 0
	}
}

func (c *session) close(hard bool) {
	if c.closing {
		return
	}
	c.closing = true
	if c.popping.key != "" {
		c.endPopping()
	}
	c.conn.close(hard)
	i := slices.Index(c.conns, c)
	c.conns = slices.Delete(c.conns, i, i+1)
}
