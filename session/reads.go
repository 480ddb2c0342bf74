package session

// In a pool with replicas a command is steered before it is sent: where it goes depends on what of its client came before.
//
//	a read    by the pool's policy to a replica, unless a write of the client is not answered yet, or was a moment ago, or the replica may
//	          not have it: then to the master
//	a write   to the master, once all is answered that the client asked replicas for: it would be done before what stands ahead of it
//	          is read
//
// So of a client never both a write and a read at a replica are under way, and what it wrote it reads back, however far replicas are behind.
// topology.Pool.Reader chooses among them. A read that a replica does not answer is sent again (again.go), to another or to the master.
//
// What is not known to read alone is a write.

import (
	"errors"
	"fmt"
	"time"

	"cashew/backend"
	"cashew/codec"
	"cashew/codec/work"
	"cashew/topology"
)

// reads is what a pool with replicas knows of commands, by Op.
type reads struct {
	policies []topology.ReadPolicy
	only     []bool        // it only reads
	window   time.Duration // after a write, in which its client's reads go to the master
}

// readsOf is what sessions of p go by; nil: all goes to masters, and what reads is no matter. near: replies of p are kept.
func readsOf(p *topology.Pool, catalogue codec.Catalogue, near bool) *reads {
	o := p.Options()
	if !o.Reads() && !near {
		return nil
	}
	r := &reads{window: o.ReadYourWrites}
	for op := range catalogue.Ops() {
		_, class := catalogue.Describe(uint16(op))
		r.policies = append(r.policies, o.ReadsFrom(uint16(op)))
		r.only = append(r.only, class == work.Read)
	}
	return r
}

// reading is where a session is with what it asks replicas for, and what it writes.
type reading struct {
	reads   *reads // of its pool; nil: all goes to masters
	writing int    // writes that are not answered
	asking  int    // commands of which replicas were asked, and that are not answered
	chosen  chosen
	wrote   int64 // when the last write was answered, in nanoseconds of the World; 0: it has not written; below 0: perhaps, and nobody saw
}

// Where a command of a pool with replicas went, as Way of its Request has it.
const (
	wayUnknown uint8 = iota // it was not looked at
	wayRead                 // it reads at a master, or needs no server
	wayWrite
	wayReplica
	waySettled // it is answered

	waySampled  = 1 << 7 // besides: its key is in the loop's sketch, in any pool
	wayFollowed = 1 << 6 // besides: see access.go, in any pool
	wayBeside   = waySampled | wayFollowed
)

// steer carries cmd out. It returns false if the command has to wait, and then nothing is taken of it.
func (s *Session) steer(cmd *codec.Command) bool {
	way := s.wayOf(cmd)
	if way == wayWrite && s.asking > 0 {
		s.waitsFor |= behindReads
		s.block()
		return false
	}
	if s.own != nil {
		return s.own.steer(cmd, way)
	}
	if s.near != nil && way != wayWrite {
		if s.nearly(cmd, way) {
			return true
		}
		way = s.wayNear(cmd, way)
	}
	return s.carryNear(cmd, way)
}

// carry sends cmd on its way, or answers it.
func (s *Session) carry(cmd *codec.Command) (taken bool) {
	if cmd.Kind != codec.Forward {
		return s.takeAny(cmd)
	}
	if s.count(cmd); s.local.reads {
		s.forwardRead(cmd)
	} else {
		s.forward(cmd)
	}
	return true
}

// forwardRead is forward for a read that replicas may be asked for.
func (s *Session) forwardRead(cmd *codec.Command) {
	r := s.ways()
	place, server := r.Route(cmd.Key)
	if len(cmd.Keys) > 0 && !s.mayHave(r, place, cmd) {
		s.apart(r, cmd)
		return
	}
	key := cmd.Key
	if len(cmd.Keys) > 0 {
		key = cmd.KeyAt(0)
		s.aloneLast(place, len(cmd.Keys), key)
	}
	if place, server = s.reader(place, server, cmd.Op, key); cmd.Script {
		s.sendScript(place, server, cmd)
	} else {
		s.send(place, server, cmd)
	}
}

// wayOf says where cmd is to go.
func (s *Session) wayOf(cmd *codec.Command) uint8 {
	switch cmd.Kind {
	case codec.Forward, codec.Scatter:
		if s.reads.policies[cmd.Op] != topology.FromMaster && s.mayAsk() {
			return wayReplica
		}
	case codec.Quietly, codec.Lease, codec.Fanout, codec.Walk, codec.Anywhere, codec.OfSlot:
	case codec.Exec, codec.Unknown:
		return wayWrite
	default:
		if !cmd.Sole || !s.pool.single() { // else it goes to the server
			return wayRead
		}
	}
	if s.reads.only[cmd.Op] {
		return wayRead
	}
	return wayWrite
}

// wayNear says which way cmd, which reads, is to what is kept near: it writes if it changes what it reads besides, such as when that ends.
func (s *Session) wayNear(cmd *codec.Command, way uint8) uint8 {
	if cmd.Kind == codec.Forward || cmd.Kind == codec.Scatter {
		if writes, _ := s.pool.Protocol.Doubles(cmd); writes {
			return wayWrite
		}
	}
	return way
}

// mayAsk says that s may read at a replica that is far enough.
func (s *Session) mayAsk() bool {
	if s.wrote < 0 {
		s.wrote = max(s.loop.World.Nanos(), 1)
	}
	return s.writing == 0 && !s.cl.Masters && s.own == nil && (s.wrote == 0 || s.loop.Now-s.wrote >= int64(s.reads.window))
}

// noteWay notes where the command went that was just carried out, if it is owed a reply.
func (s *Session) noteWay(way uint8) (owed bool) {
	r := s.tail
	if r == nil || r.Way&^wayBeside != wayUnknown || r.Done {
		if way == wayWrite {
			s.wrote, s.chosen = max(s.loop.World.Nanos(), 1), chosen{} // nobody will say when it was done
		}
		return false
	}
	r.Way |= way
	switch way {
	case wayWrite:
		s.writing++
		s.expecting++
	case wayReplica:
		s.asking++
		s.expecting++
	}
	return true
}

// settle takes note that r, a whole command, is answered or failed.
func (s *Session) settle(r *backend.Request) {
	switch r.Way &^ wayBeside {
	case wayWrite:
		s.writing--
		s.expecting--
		s.wrote, s.chosen = max(s.loop.World.Nanos(), 1), chosen{} // Now may be before the server has done it
		if s.near != nil {
			s.near.wrote(r)
			if s.writing == 0 {
				s.wroteSlots = 0
			}
		}
	case wayReplica:
		s.asking--
		s.expecting--
		if s.asking == 0 && s.waitsFor&behindReads != 0 {
			s.waitsFor &^= behindReads
			s.unblock()
		}
	}
	r.Way = waySettled | r.Way&wayBeside
}

// came is told of each request that is answered or failed while s expects something.
func (s *Session) came(r *backend.Request) {
	if s.retrying != 0 {
		s.arrived(r)
	}
	if r.Parent == nil {
		s.settle(r)
	}
}

// reader is the server, with its place, that a command of Op op is sent to in place of the one at a place, which has its key, or the first of
// them. A nil server
// is none: no replica is well, and no other may answer.
func (s *Session) reader(place int, server *topology.Server, op uint16, key []byte) (int, *topology.Server) {
	if !s.local.reads || server == nil {
		return place, server
	}
	if s.pool.slotted && s.pool.Moving(place, key) {
		return place, server
	}
	to := s.readerNow(place, server, s.reads.policies[op])
	if to == server {
		return place, server
	}
	s.local.asked = true
	if to == nil {
		return place, nil
	}
	return s.pool.Place(to), to
}

// readerNow is Pool.Reader; a replica is taken for the commands that came with this one, too.
func (s *Session) readerNow(place int, master *topology.Server, policy topology.ReadPolicy) *topology.Server {
	c := &s.chosen
	if c.at == s.loop.Now && c.place == place && c.policy == policy && c.server.Well() {
		return c.server
	}
	to := s.pool.Reader(place, policy, s.cl.ID, s.wrote, s.conns)
	if to != nil && to != master {
		*c = chosen{to, place, s.loop.Now, policy}
	}
	return to
}

// chosen is the replica that answers reads of keys at a place, as it was chosen at a time, as Loop.Now.
type chosen struct {
	server *topology.Server
	place  int
	at     int64
	policy topology.ReadPolicy
}

// readsAgain is the server that p is sent to, which a replica did not answer, or that waits to be sent, in place of the one that has its key;
// nil: none may answer it now.
func (h *shard) readsAgain(s *Session, p *parking, server *topology.Server) *topology.Server {
	r := p.r
	policy, whole := h.pool.Options().ReadsFrom(r.Op), r
	if r.Parent != nil {
		whole = r.Parent
	}
	if policy == topology.FromMaster || server == nil || whole.Way&^wayBeside != wayReplica {
		return server
	}
	y, place := s.local.retries.of[r], h.pool.Place(server)
	if y != nil && y.hops > hopsAtOnce && policy != topology.FromReplica || p.to.slot >= 0 && h.pool.MovingSlot(place, p.to.slot) {
		return server
	}
	return h.pool.Reader(place, policy, s.cl.ID, s.wrote, s.conns)
}

// noReplica says why none of the replicas answers of the server at a place.
func (s *Session) noReplica(place int) error {
	for _, r := range s.pool.Replicas() {
		if e := s.pool.Entry(r); e.Of == s.nameAt(place) {
			why := s.pool.ReplicaState(r).Why
			if why == "" {
				why = "it does not answer"
			}
			return fmt.Errorf("no replica is well: %s: %s", e.Addr, why)
		}
	}
	return errors.New("no replica is known of the server that has the key")
}

// rereads has s go by its pool, which may be another: what it asked for before, and what it wrote, was not noted in one without replicas, nor
// is it known of a client that another process had.
func (s *Session) rereads() {
	reads := s.pool.reads
	if reads == nil && s.own != nil {
		reads = s.pool.allAtMasters
	}
	if s.reads == nil && reads != nil && (s.head != nil || s.commands > 0 || s.restored) {
		s.wrote = -1
		if s.near != nil && s.restored { // what is kept may have been before what it wrote there
			s.silentTill = s.loop.Now + max(silentFor, int64(s.near.opts.Untold))
		}
		if s.head != nil {
			s.waitsFor |= behindOrder
		}
	}
	s.reads, s.chosen = reads, chosen{}
}
