package session

// The road of a transaction. Between MULTI and EXEC a client's commands are kept here, and each is answered as queued; with EXEC they
// go to their server in one piece, which nothing comes between, on the connection that the client's other commands take:
//
//	queue     keeps a command, unless its keys live elsewhere than those before
//	exec      sends all of them: one request for each reply that nobody waits for, and one for that to EXEC
//	discard   drops them
//
// What the proxy answers itself is answered as the transaction leaves, and takes its place in the server's reply by way of a Gather.

import (
	"bytes"
	"math"

	"github.com/valyala/bytebufferpool"

	"cashew/backend"
	"cashew/codec"
	"cashew/ring"
	"cashew/topology"
)

// transaction is what a client has queued.
type transaction struct {
	bb       *bytebufferpool.ByteBuffer // MULTI and the commands behind it, as the server takes them
	ends     []uint32                   // of each of them
	keys     []span                     // in bb
	own      []ownCommand
	ownBytes int // what they take
	selects  []selection
	calls    []span // in bb, commands that call scripts
	pool     *Pool  // by which the first command was judged
	router   ways   // by which place was found
	moved    bool   // it is another than that for the first command
	apart    bool   // of a cluster: the keys are in several slots, which EXEC will say
	place    int    // where all keys live; see topology.Router.Route
	server   *topology.Server
}

// span is a part of a buffer.
type span struct{ start, end uint32 }

// ownCommand is a command that the proxy answers.
type ownCommand struct {
	at    int // commands before it, of both kinds
	op    uint16
	arg   int
	err   string // why it is refused; "": it is not
	frame []byte
}

// queue keeps a command until EXEC.
func (s *Session) queue(cmd *codec.Command) {
	p := s.pool.Protocol
	s.stale()
	if s.transaction == nil {
		s.transaction = s.local.getTransaction(p)
		s.transaction.pool = s.pool
	}
	t := s.transaction
	switch {
	case t.size()+len(cmd.Frame) > min(s.local.limits.MaxRequestBytes, math.MaxUint32):
		s.countRefusal(cmd)
		s.answerWith(p.AppendTooLarge)
	case len(cmd.Keys) > 0 && !s.joins(t, cmd):
		s.apartFrom(s.ways(), s.firstOf(t), cmd)
	default:
		if cmd.Own {
			cmd.Own = !s.selects(t, cmd)
		}
		from := uint32(len(t.bb.B))
		if t.add(s, cmd); cmd.Script && s.noteScript(cmd) {
			t.calls = append(t.calls, span{from, uint32(len(t.bb.B))})
		}
		s.answerLocal(cmd)
	}
}

// joins says that cmd's keys live where those of the commands before do. Those of a cluster may be in other slots: it is EXEC that a server
// of one refuses then.
func (s *Session) joins(t *transaction, cmd *codec.Command) bool {
	r := s.ways()
	place, server := r.Route(cmd.KeyAt(0))
	if w := &s.watches; w.lease != nil && (s.pool.random || len(t.keys) == 0 && server != w.server) {
		t.router, t.place, t.server = r, w.place, w.server
		return s.pool.random
	}
	switch {
	case len(t.keys) == 0:
		t.router, t.place, t.server = r, place, server
	case !r.stands(t.router) && !s.pool.random:
		t.router, t.moved = r, true // whether the keys of all commands went together, EXEC looks
		t.place, t.server = r.Route(t.key(0))
	}
	if s.pool.random {
		return true
	}
	if s.slottedAt(t.place) && s.shardAt(place) == s.shardAt(t.place) && len(t.keys) > 0 && ring.SlotOf(cmd.KeyAt(0)) != ring.SlotOf(t.key(0)) {
		t.apart = true
		return s.together(r, place, cmd)
	}
	return place == t.place && (len(cmd.Keys) == 1 || s.mayHave(r, place, cmd))
}

// add appends cmd to what there is.
func (t *transaction) add(s *Session, cmd *codec.Command) {
	if cmd.Own {
		t.ownBytes += len(cmd.Frame) + ownCost
		t.own = append(t.own, ownCommand{t.sent() + len(t.own), cmd.Op, cmd.Arg, cmd.Err, bytes.Clone(cmd.Frame)})
		return
	}
	from := uint32(len(t.bb.B))
	s.loop.Grow(t.bb, len(cmd.Frame), 0)
	s.loop.Copies.Add(len(cmd.Frame))
	t.bb.B = append(t.bb.B, cmd.Frame...)
	if cap(t.bb.B) >= causeBytes {
		s.local.holders.add(s)
	}
	t.ends = append(t.ends, uint32(len(t.bb.B)))
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		t.keys = append(t.keys, span{from + k.Off, from + k.Off + k.Len})
	}
}

// ownCost is about what a command that the proxy answers takes besides its bytes.
const ownCost = 100

// size is about how many bytes t has.
func (t *transaction) size() int { return len(t.bb.B) + t.ownBytes }

// sent is how many commands the server executes.
func (t *transaction) sent() int { return len(t.ends) - 1 }

// key is the i-th key.
func (t *transaction) key(i int) []byte { return t.bb.B[t.keys[i].start:t.keys[i].end] }

// exec executes what is queued.
func (s *Session) exec(cmd *codec.Command) {
	s.stale()
	p, w := s.pool.Protocol, &s.watches
	_, spoiled := p.Transaction(&s.cl)
	if s.transaction == nil && w.lease != nil && !spoiled {
		s.transaction = s.local.getTransaction(p) // the server knows whether it would have been executed
	}
	t := s.transaction
	switch {
	case spoiled, t == nil && !w.lost:
		s.answerLocal(cmd)
		s.unwatch(false)
	case w.lost:
		s.answerWith(p.AppendUnexecuted)
		s.unwatch(false)
	case !s.stillTogether(t):
		s.answerWith(s.appendSplit)
		p.EndTransaction(&s.cl)
		s.unwatch(false)
	case !s.stillQueued(t):
	default:
		p.EndTransaction(&s.cl)
		s.transaction = nil
		s.launch(t, cmd)
		s.local.putTransaction(t)
	}
	s.dropTransaction()
}

// firstOf is the key that all of t have to be with: the first that is watched, or of t; nil: there is none.
func (s *Session) firstOf(t *transaction) []byte {
	switch {
	case s.watches.lease != nil:
		return s.watches.first()
	case len(t.keys) > 0:
		return t.key(0)
	}
	return nil
}

// appendSplit says which keys of the client's transaction live on different servers by now.
func (s *Session) appendSplit(dst []byte, cl *codec.Client) []byte {
	t := s.transaction
	keys, servers := s.twoOf(s.ways(), len(t.keys)+1, func(i int) []byte {
		if i == 0 {
			return s.firstOf(t)
		}
		return t.key(i - 1)
	})
	return s.pool.Protocol.AppendApart(dst, cl, keys, servers)
}

// stillTogether looks once more where the keys live, if that may have changed since they were queued.
func (s *Session) stillTogether(t *transaction) bool {
	r, w := s.ways(), &s.watches
	switch {
	case t.apart:
		return false
	case len(t.keys) == 0 && w.lease != nil:
		t.place, t.server = w.place, w.server
		return true
	case len(t.keys) == 0:
		t.place, t.server = s.anyServer(nil)
		return true
	case r.stands(t.router) && !t.moved, s.pool.random:
		return true
	}
	t.place, t.server = r.Route(t.key(0))
	for i := range t.keys {
		if r.Place(t.key(i)) != t.place {
			return false
		}
	}
	return w.lease == nil || t.server == w.server
}

// launch sends what is queued to its server, all of it at once; cmd is the EXEC.
func (s *Session) launch(t *transaction, cmd *codec.Command) {
	if d := s.dual(); d != nil {
		s.launchTwice(d, t, cmd)
		return
	}
	s.unmirrored().Transactions++
	p := s.pool.Protocol
	r := s.local.servers.NewRequest(s)
	r.Op, r.Keys, r.Server = p.ExecOp(), uint32(max(len(t.keys), 1)), uint16(max(t.place, 0))
	if len(t.keys) > 0 {
		r.SetKey(t.key(0))
		s.aloneLast(t.place, len(t.keys), t.key(0))
	}
	if len(t.own)+len(t.selects) > 0 {
		if s.watches.lease != nil && len(t.own) > 0 {
			s.before = &said{s.cl.Name, s.cl.Lib, s.cl.LibVer, s.cl.Moves, s.cl.Wishes}
		}
		s.partOf(s.gather(cmd), r, t)
	} else {
		r.Quiet = cmd.Quiet
		s.push(r)
	}
	c, err := s.watches.lease, error(nil)
	if c == nil {
		c, err = s.toward(t.place).Conn(t.server, s.cl.ID)
	}
	t.bb.B = p.AppendExec(t.bb.B)
	if err != nil {
		s.launchLater(t, r, err)
		return
	}
	s.preloadCalls(t, c)
	if c.Touch(); s.watches.asks {
		c.Before(p.Asking())
	}
	s.sendQueued(t, r, c)
	s.callWithin(t, r, c)
	c.Queue(r)
	s.pastCrowd(c)
	sendPart(s, c, t.bb.B[r.Lead:])
	if s.watches.lease != nil {
		s.notes(t)
		s.unwatch(true)
		s.waitsFor |= behindOrder
	}
}

// sendQueued sends all of t but EXEC, whose request is r.
func (s *Session) sendQueued(t *transaction, r *backend.Request, c *backend.Conn) {
	from := uint32(0)
	for _, end := range t.ends {
		q := s.local.servers.NewRequest(unawaited{})
		q.Op, q.Server = s.pool.Protocol.BeginOp(), r.Server
		c.Queue(q)
		s.local.servers.Unref(q)
		sendPart(s, c, t.bb.B[from:end])
		from = end
	}
	r.Frame, r.Lead = uint32(len(t.bb.B)), from
}

// launchLater is launch for a server that can't be reached now, for that is err: a cluster soon has another in its place.
func (s *Session) launchLater(t *transaction, r *backend.Request, err error) {
	if !s.patientAt(t.place) {
		s.Failed(r, err)
		return
	}
	frame := s.loop.GetBuffer()
	s.loop.Grow(frame, len(t.bb.B), 0)
	frame.B = append(frame.B, t.bb.B...)
	r.Frame = uint32(len(frame.B))
	s.holdRequest(r, &parking{home: s.shardAt(t.place), frame: frame, err: err})
}

// sendPart puts one of the commands of a transaction on the connection, on which its request is queued.
func sendPart(s *Session, c *backend.Conn, frame []byte) {
	if len(frame) < throughBytes {
		c.Out().Append(s.loop, frame)
	} else {
		c.Through(frame)
	}
}

// partOf makes r, the request to the server, the one fragment of whole, whose other replies are the proxy's.
func (s *Session) partOf(whole, r *backend.Request, t *transaction) {
	whole.Fragments, r.Parent, whole.Pending = append(whole.Fragments, r), whole, 1
	s.ownReplies(whole.Gather, t)
}

// ownReplies has g know which replies to commands of t are the proxy's, and what they are.
func (s *Session) ownReplies(g *codec.Gather, t *transaction) {
	for range t.sent() + len(t.own) {
		g.Part = append(g.Part, 0)
	}
	for i := range t.own {
		o := &t.own[i]
		g.Part[o.at] = 1
		cmd := codec.Command{Kind: codec.Local, Op: o.op, Arg: o.arg, Err: o.err, Frame: o.frame}
		if o.err != "" {
			cmd.Kind = codec.Refuse
		}
		g.Keys = s.pool.Protocol.AppendLocal(g.Keys, &s.cl, &cmd)
	}
}

// said is what a client has said of itself, and a transaction may change.
type said struct {
	name, lib, libVer string
	moves, wishes     uint8
}

// unsay has s be what it was before its transaction if that was not executed, as a key that it watched had changed: what the proxy answers
// within it was done as it left. Nothing of s came in between. whole is the EXEC, all of which is answered.
func (s *Session) unsay(whole *backend.Request) {
	was := s.before
	s.before = nil
	if whole.Err == nil && s.pool.Protocol.Executed(whole.Fragments[0].Reply.B) {
		return
	}
	s.cl.Name, s.cl.Lib, s.cl.LibVer, s.cl.Moves, s.cl.Wishes = was.name, was.lib, was.libVer, was.moves, was.wishes
}

// unawaited is the Owner of the requests whose replies say no more than that a command is queued.
type unawaited struct{}

func (unawaited) Replied(*backend.Request, []byte, bool) {}
func (unawaited) Failed(*backend.Request, error)         {}

// inTransaction says that s is between MULTI and EXEC.
func (s *Session) inTransaction() bool {
	begun, _ := s.pool.Protocol.Transaction(&s.cl)
	return begun
}

// dropTransaction forgets what is queued.
func (s *Session) dropTransaction() {
	if t := s.transaction; t != nil {
		s.transaction = nil
		s.local.putTransaction(t)
	}
}

// getTransaction returns an empty transaction.
func (l *Local) getTransaction(p codec.Transactions) *transaction {
	var t *transaction
	if n := len(l.transactions); n > 0 {
		t = l.transactions[n-1]
		l.transactions = l.transactions[:n-1]
	} else {
		t = new(transaction)
	}
	t.bb = l.loop.GetBuffer()
	t.bb.B = p.AppendBegin(t.bb.B)
	t.ends = append(t.ends, uint32(len(t.bb.B)))
	return t
}

// What a loop keeps of transactions that are over.
const (
	maxTransactions    = 64
	maxTransactionKeys = 256
)

// putTransaction lets go of t.
func (l *Local) putTransaction(t *transaction) {
	l.loop.PutBuffer(t.bb)
	if len(l.transactions) == maxTransactions || max(cap(t.keys), cap(t.ends), cap(t.calls)) > maxTransactionKeys {
		return
	}
	clear(t.own)
	*t = transaction{ends: t.ends[:0], keys: t.keys[:0], own: t.own[:0], selects: t.selects[:0], calls: t.calls[:0]}
	l.transactions = append(l.transactions, t)
}
