package session

// A pool may have another that is written to as well. Each command that writes goes to the servers of its keys in both, and nothing else
// does:
//
//	client --SET a--> twice --own server----> Conn  outq: SET a (half 0 of a pair)
//	                    |
//	                    +-----the other's---> Conn  outq: SET a (half 1)
//
// Unlike a mirror's copy it is never dropped: where a server has as much outstanding as it may the client waits, whichever pool has that. A
// pool is sent the whole of a command or nothing: if a server of it can't be sent to, then by the rule for answers the other alone is, or neither.
// What was sent is never sent again. What one client writes to a key goes to the other pool in its order, for it takes one connection there,
// too; what several write at once may come to be in another order there, as nobody orders them.
//
// pair.go has what becomes of the replies. What can't be written to both, each by itself, is refused: WATCH, what may block, SELECT within a
// transaction, and what the protocol says.

import (
	"slices"

	"cashew/backend"
	"cashew/codec"
	"cashew/stats"
	"cashew/topology"
)

// DualOptions are of the pool that is written to as well.
type DualOptions struct {
	Pool   string // "": there is none
	Answer Answer
}

// Answer says which answers to a write its client waits for.
type Answer uint8

// The rules for answers.
const (
	AnswerBoth Answer = iota // those of both pools: the own one is told, or which pool has not acknowledged it
	AnswerOwn                // that of the own pool alone, which is told
	AnswerAny                // the first that is no error
)

var answerNames = [...]string{"both", "own", "any"}

func (a Answer) String() string { return answerNames[a] }

// Set has a be the rule of a name; false: there is none.
func (a *Answer) Set(name string) bool {
	i := slices.Index(answerNames[:], name)
	*a = Answer(max(i, 0))
	return i >= 0
}

// The sides of a write.
const (
	own = iota
	other
)

// dual is what a shard has of the pool that is written to as well.
type dual struct {
	opts   *DualOptions
	names  [2]string // of the pools
	shards [2]*shard // nil: the pool is not there
	base   int       // the place of the other's first server
	tally  *stats.Dual
	loaded preloads // scripts that connections of both were sent
}

// leg is a part of a command that goes to one server, or all of it.
type leg struct {
	place  int // in its pool
	conn   *backend.Conn
	keys   int
	server *topology.Server
}

// legs are those of a command to one of the pools.
type legs struct {
	all []leg
	at  []uint16 // of each key of a command that is split: the place of its server
	err error    // why it can't be sent there
}

// dualOf is what h has of the pool that is written to as well, which is to.
func (l *Local) dualOf(h, to *shard) *dual {
	o := &h.pool.opts.Dual
	return &dual{opts: o, names: [2]string{h.pool.Name, o.Pool}, shards: [2]*shard{h, to}, tally: h.tally.DualTally()}
}

// shard is what d writes to as well; nil for nil.
func (d *dual) shard() *shard {
	if d == nil {
		return nil
	}
	return d.shards[other]
}

// dual is what s writes to as well; nil: nothing.
func (s *Session) dual() *dual {
	if s.routes == nil {
		return nil
	}
	return s.routes.dual
}

// doubles says that cmd is written to both pools.
func (s *Session) doubles(cmd *codec.Command) bool {
	d := s.dual()
	if d == nil {
		return false
	}
	writes, _ := s.pool.Protocol.Doubles(cmd)
	return writes
}

// undoubled refuses cmd, which is not just forwarded, if it is in the way of writing to both pools; false: it is not.
func (s *Session) undoubled(cmd *codec.Command) bool {
	if s.dual() == nil {
		return false
	}
	writes, why := s.pool.Protocol.Doubles(cmd)
	switch {
	case cmd.Kind == codec.Lease && cmd.Wait == 0:
		why = "WATCH can't be about two pools"
	case cmd.Kind == codec.Lease && writes:
		why = "a command that may block can't wait at two pools"
	case cmd.Kind == codec.Exec && s.transaction != nil && len(s.transaction.selects) > 0:
		why = "a transaction with SELECT in it can't be written to two pools"
	case cmd.Kind == codec.Exec && s.watches.lease != nil:
		why = "what was watched before there were two pools can't decide for both"
	case cmd.Kind != codec.Queue || why == "":
		return false
	}
	s.count(cmd)
	if cmd.Kind == codec.Exec {
		s.pool.Protocol.EndTransaction(&s.cl)
		s.dropTransaction()
		s.unwatch(false)
	}
	s.pool.Protocol.Spoil(&s.cl)
	s.undouble(cmd, why)
	return true
}

// undouble refuses cmd, in its turn, as it can't be written to both pools for why.
func (s *Session) undouble(cmd *codec.Command, why string) {
	if s.countRefusal(cmd); cmd.NoReply {
		return
	}
	s.answerWith(func(dst []byte, cl *codec.Client) []byte {
		return s.pool.Protocol.AppendFailure(dst, cl.Profile, cmd.Mark, "dual_write: "+why)
	})
}

// solely says of a command for a pool of one server, which that may do whatever it is, that nothing of it has to be done by the other pool, or
// that this has one server as well. What goes to all servers, or is refused where there are several, is not sole else.
func (s *Session) solely(cmd *codec.Command) bool {
	d := s.dual()
	if d == nil || s.group.Reads(cmd.Op) {
		return true
	}
	to := d.shards[other]
	if s.inTransaction() {
		return to != nil && to.pool.single()
	}
	_, why := s.pool.Protocol.Doubles(cmd)
	return !s.group.Writes(cmd.Op) && !cmd.Script && why == ""
}
