package backend

import (
	"errors"
	"maps"
	"time"

	"cashew/loop"
	"cashew/stats"
	"cashew/topology"
)

// countEnd counts the end of a connection, or of an attempt to make one.
func (c *Conn) countEnd(err error) {
	f := c.figures
	if _, ours := Unblocks(err); ours {
		return // a client hung up, or another asked, and its command must not go on
	}
	switch {
	case errors.Is(err, loop.ErrPanic), Unable(err):
	case timedOut(err):
		f.Timedout++
	case err == ErrClosed: //nolint:errorlint // bare, it is an orderly end
		if !c.retired {
			f.EOF++ // else it is our doing
		}
	default:
		f.Err++
	}
}

// Figures is a copy of what g counted of a server.
func (g *Group) Figures(server *topology.Server) stats.ServerTally {
	counted := g.lanes[server.Slot()].figures
	f := *counted
	for i := range f.Latency {
		l := &f.Latency[i]
		l.Queue, l.Server = l.Queue.Clone(), l.Server.Clone()
	}
	f.Pushes = maps.Clone(f.Pushes)
	for _, l := range g.lanes[server.Slot()].leases {
		f.Leased += int64(l.inUse())
	}
	for _, s := range g.sets {
		for _, c := range s.to(server.Slot()) {
			if c != nil {
				c.addTo(&f)
			}
		}
	}
	for _, c := range g.leased {
		if c.figures == counted && c.leases != nil {
			c.addTo(&f)
		}
	}
	for _, c := range g.feeds {
		if c.figures == counted {
			c.addTo(&f)
		}
	}
	for _, c := range g.retired {
		if c.figures == counted {
			c.addTo(&f)
		}
	}
	return f
}

// addTo adds what is only known as long as c lives.
func (c *Conn) addTo(f *stats.ServerTally) {
	if c.state == handshaking || c.state == open {
		f.Profiles[c.profile]++
	}
	f.RequestBytes += int64(c.out.Place())
	f.InQueue += int64(c.unsent)
	f.InQueueBytes += int64(c.out.Pending())
	f.OutQueue += int64(c.outstanding() - c.unsent)
	if c.head != nil && c.head.from < c.out.Taken() {
		f.OutQueueBytes += int64(c.out.Taken() - c.head.from)
	}
}

// run is a number of requests, answered in one callback, whose times are the same, as those of a pipeline are.
type run struct {
	of            *stats.Latency // nil: none
	at, sent, now int64          // as Loop.Now: queued, written, answered
	n             int64
}

// add counts them.
func (u *run) add() {
	if u.of != nil {
		u.of.Queue.Add(time.Duration(u.sent-u.at), u.n)
		u.of.Server.Add(time.Duration(u.now-u.sent), u.n)
	}
}

// marks say when the bytes of a connection were written, so that a reply tells how long its server had the request: for each
// flush the place in Out up to which it wrote, and when. Those before the oldest request that awaits its reply are dropped.
type marks struct {
	list  []mark
	first int // of list that is not dropped
}

type mark struct {
	end int   // place
	at  int64 // as Loop.Now
}

// maxMarks bounds what a server that answers nothing leaves here; beyond it, times get coarse.
const maxMarks = 1 << 10

// add notes that all bytes before place end are written.
func (m *marks) add(end int, at int64) {
	n := len(m.list)
	if n > m.first {
		if last := &m.list[n-1]; last.at == at || n-m.first == maxMarks {
			last.end = end
			return
		}
	}
	if n == cap(m.list) && m.first > n/2 {
		m.list = m.list[:copy(m.list, m.list[m.first:])]
		m.first = 0
	}
	m.list = append(m.list, mark{end, at})
}

// of says when the byte at place from was written, and drops the marks before it; now if it is not known.
func (m *marks) of(from int, now int64) int64 {
	for ; m.first < len(m.list); m.first++ {
		if e := &m.list[m.first]; e.end > from {
			return e.at
		}
	}
	return now
}

// peek is of without dropping anything.
func (m marks) peek(from int, now int64) int64 { return m.of(from, now) }

// clear drops all marks: nothing awaits a reply.
func (m *marks) clear() { m.list, m.first = m.list[:0], 0 }
