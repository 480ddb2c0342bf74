package session

// What a mirror answers is held against what the pool does, where that is to be: of reads of one key to which all servers with the same data
// give the same reply, byte by byte. Each reply is digested as it passes; nothing of it is kept.
//
//	GET a  --own server--> side 0 --\
//	       --mirror------> side 1 ---+--> the same, or asked again after 10 ms, 100 ms and 1 s
//
// A write may come between two reads, here before one and there behind the other. So replies that differ are no difference yet: both are
// asked again, and only if both say the same as the time before, and not the same as one another, in the end, is it one. If they agree
// meanwhile it is settled; if they go on changing, nobody knows.

import (
	"hash/maphash"
	"time"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
)

const (
	maxTwinFrame = 4 << 10 // bytes of a command that is compared
	maxAsked     = 64      // of those that are asked again at once, on a loop
)

// askedAgain are the times after which they are asked again.
var askedAgain = [...]time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second}

// twin is a command that two pools answer.
type twin struct {
	of      *mirror
	sides   [2]side // the pool's, and the mirror's
	left    int     // sides that have not ended
	frame   *bytebufferpool.ByteBuffer
	key     []byte
	op      uint16
	profile codec.Profile
	db      [2]int
	times   int       // that it was asked again
	before  [2]digest // what they said the last time
	again   bool      // it counts among those that are asked again
}

// side is one of them, and the Owner of the request that goes there.
type side struct {
	twin   *twin
	s      *Session // that the reply is for; nil: it is nobody's
	sum    maphash.Hash
	said   digest
	silent bool // it has not answered, and will not
	owed   owed // of a mirror that is to answer it
}

// digest is what there is to compare of a reply.
type digest struct {
	size  int
	sum   uint64
	isErr bool // the texts of errors are nobody's matter
}

// same says that d and e are of the same reply.
func (d digest) same(e digest) bool { return d.isErr && e.isErr || d == e }

// mayCompare says that cmd can be compared.
func (m *mirror) mayCompare(s *Session, cmd *codec.Command) bool {
	return m.opts.Compare && len(cmd.Keys) == 0 && cmd.Mark == 0 && cmd.Quiet == 0 && !cmd.NoReply && len(cmd.Frame) <= maxTwinFrame &&
		s.pool.Protocol.Compares(cmd.Op)
}

// compares begins the comparison of cmd, which s is about to send to both; nil: it is not compared.
func (m *mirror) compares(s *Session, cmd *codec.Command) *twin {
	if !m.mayCompare(s, cmd) {
		return nil
	}
	t := m.local.getTwin()
	t.of, t.left, t.frame, t.op, t.profile, t.db = m, 2, m.local.loop.GetBuffer(), cmd.Op, s.cl.Profile, [2]int{s.conns.Database(), s.databaseOf(m.to)}
	t.times, t.again = 0, false
	m.local.loop.Grow(t.frame, len(cmd.Frame), 0)
	t.frame.B = append(t.frame.B, cmd.Frame...)
	t.key = append(t.key[:0], cmd.Key...)
	for i := range t.sides {
		t.sides[i].reset(t)
	}
	return t
}

// reset has v await a reply.
func (v *side) reset(t *twin) {
	v.twin, v.s, v.said, v.silent = t, nil, digest{}, false
	v.sum.SetSeed(scriptSeed)
}

// digest takes the next bytes of the reply.
func (v *side) digest(chunk []byte, last bool) {
	if v.said.size == 0 {
		v.said.isErr = v.twin.of.to.pool.Protocol.IsError(chunk)
	}
	v.said.size += len(chunk)
	_, _ = v.sum.Write(chunk)
	if last {
		v.said.sum = v.sum.Sum64()
		v.over()
	}
}

// over notes that v has ended.
func (v *side) over() {
	t := v.twin
	v.twin = nil
	v.owed.came()
	if t.left--; t.left == 0 {
		t.conclude()
	}
}

// lost notes that no reply comes.
func (v *side) lost() {
	if v.twin != nil {
		v.silent = true
		v.over()
	}
}

// Replied implements backend.Owner.
func (v *side) Replied(r *backend.Request, chunk []byte, last bool) {
	s := v.s
	if last && s != nil {
		r.Owner, v.s = s, nil
	}
	if v.digest(chunk, last); s != nil {
		s.Replied(r, chunk, last)
	}
}

// Failed implements backend.Owner.
func (v *side) Failed(r *backend.Request, err error) {
	s := v.s
	v.s = nil
	if v.owed.of != nil {
		v.owed.of.goBack("the mirror did not answer a read")
	}
	if v.lost(); s == nil {
		return
	}
	if r.Owner != nil { // else a late reply is to be thrown away
		r.Owner = s
	}
	s.Failed(r, err)
}

// leave has r, whose reply v was to see, be its session's alone.
func (v *side) leave(r *backend.Request) {
	r.Owner, v.s = v.s, nil
	v.lost()
}

// awaits has v see the reply to the command that s has just sent; false: it was not sent.
func (v *side) awaits(s *Session, sent bool) {
	if !sent {
		v.lost()
		return
	}
	v.s = s
	s.tail.Owner = v
}

// conclude compares what both have said.
func (t *twin) conclude() {
	m, a, b := t.of, &t.sides[0], &t.sides[1]
	c := &m.tally.Compared
	unchanged := t.times > 0 && a.said.same(t.before[0]) && b.said.same(t.before[1])
	switch {
	case a.silent || b.silent:
		c.Unanswered++
	case a.said.same(b.said):
		if c.Same++; t.times > 0 {
			c.Settled++
		}
		m.compared(false)
	case t.times == len(askedAgain) && unchanged:
		c.Different++
		name, _ := m.to.pool.Protocol.Describe(t.op)
		m.tally.Differ(name, t.key)
		m.compared(true)
	case t.times == len(askedAgain):
		c.Unsettled++
	case !t.again && m.local.comparing >= maxAsked:
		c.Unchecked++
	default:
		t.askAgain()
		return
	}
	m.local.putTwin(t)
}

// askAgain asks both again, a little later.
func (t *twin) askAgain() {
	l := t.of.local
	if !t.again {
		t.again = true
		l.comparing++
	}
	t.before = [2]digest{t.sides[0].said, t.sides[1].said}
	l.loop.After(askedAgain[t.times], func() {
		t.times, t.left = t.times+1, 2
		for i := range t.sides {
			t.sides[i].reset(t)
		}
		for i, h := range []*shard{t.of.from, t.of.to} {
			t.ask(i, h)
		}
	})
}

// ask asks the i-th side, which is that of h.
func (t *twin) ask(i int, h *shard) {
	v := &t.sides[i]
	_, server := h.pool.Router().Route(t.key)
	if server == nil || !h.pool.Protocol.Serves(t.db[i]) || h.group.Left() {
		v.lost()
		return
	}
	c, err := h.group.Set(t.profile, t.db[i]).Conn(server, 0)
	if err != nil {
		v.lost()
		return
	}
	l := t.of.local
	r := l.servers.NewRequest(v)
	r.Op, r.Keys, r.Frame = t.op, 1, uint32(len(t.frame.B))
	c.Touch()
	c.Queue(r)
	l.servers.Unref(r)
	c.Out().Append(l.loop, t.frame.B)
}

// getTwin returns one that is not in use.
func (l *Local) getTwin() *twin {
	n := len(l.twins)
	if n == 0 {
		return new(twin)
	}
	t := l.twins[n-1]
	l.twins = l.twins[:n-1]
	return t
}

// putTwin lets go of t.
func (l *Local) putTwin(t *twin) {
	l.loop.PutBuffer(t.frame)
	if t.again {
		l.comparing--
	}
	if t.frame, t.of = nil, nil; len(l.twins) < maxCopies && cap(t.key) <= maxSpareKey {
		l.twins = append(l.twins, t)
	}
}
