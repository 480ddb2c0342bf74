// Package near keeps replies of servers, so that what many ask for is not asked for again: one Cache for all loops of a pool.
//
// A hit takes no lock. Whether an Entry may still be given is decided by numbers that were noted before its command was sent, and must be the
// same now:
//
//	of its key     counted by hash, so keys share some: each write of this process when it is sent, and again when it is answered; each
//	               write of others when the server tells of it
//	of all keys    what may write keys that nobody knows
//	of places      which server has which key
//	of its server  see Source: the connection over which that tells of writes
//
// Where a server is gone, and that is wished for, a reply may still be given for a while that is none the worse but for the last two.
//
// So nobody has to find what a write makes stale, on whichever loop it was kept, and in which order replies and news of writes come, over
// whichever connections, is no matter: what was asked before a write was heard of, is not kept, or not given.
//
// Entries are immutable. A Cache has them in sets of eight by the hash of their command; what is kept there is bounded by bytes, and makes room
// by the clock: what was not given since the hand last came by.
package near

import (
	"bytes"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
)

// ways are how many entries a set has.
const ways = 8

// Sizes of a Cache's tables.
const (
	meanEntry = 512     // bytes, for which a way is provided
	minSets   = 64      // of eight
	epochs    = 1 << 16 // numbers of keys
	// EntryBytes is what an entry has besides its command and its reply.
	EntryBytes = 192
)

// Cache is what is kept of one pool's replies. Its methods may be called on any loop.
type Cache struct {
	*counts
	sets   []set // a power of two of them
	closed atomic.Bool

	flights flights

	entries, bytes atomic.Int64

	mu   sync.Mutex // of Keep and what makes room
	most int64      // bytes
	hand int

	stale atomic.Int64 // for how long a reply may be given of a server that is gone, in nanoseconds
}

// counts are of what was written: those of a Cache, and of the one that takes its place, for loops that have the one count for the other.
type counts struct {
	keys   [epochs]atomic.Uint32
	all    atomic.Uint32
	places atomic.Uint32
}

// set are entries whose commands have the same hash, as far as sets are told apart by it.
type set [ways]atomic.Pointer[Entry]

// New returns a Cache of at most so many bytes.
func New(most int64) *Cache { return newCache(most, new(counts)) }

func newCache(most int64, n *counts) *Cache {
	sets := 1 << bits.Len64(uint64(max(most/meanEntry/ways, minSets)-1))
	return &Cache{counts: n, sets: make([]set, sets), most: most}
}

// Next returns an empty Cache of at most so many bytes that takes the place of c, which has to be closed before any loop uses it. Loops do not
// change over at the same moment: what one counts in c still, the other has counted, too.
func (c *Cache) Next(most int64) *Cache { return newCache(most, c.counts) }

// Close is the end of c: nothing is given of it any more, by any loop, and its memory is given back, whoever still has it. It is called on no loop.
func (c *Cache) Close() {
	c.closed.Store(true)
	for i := range c.sets {
		c.mu.Lock() // for each, so that no loop waits for long
		for j := range c.sets[i] {
			c.replace(&c.sets[i][j], nil)
		}
		c.mu.Unlock()
	}
}

// Command is a read whose reply may be kept: a whole frame, and who may have that reply. Its bytes are the caller's.
type Command struct {
	Hash  uint64 // see Hash
	Form  uint32 // what else tells one reply to the frame from another: the client's profile and database
	Frame []byte
}

// Hash is what a frame is found by.
func Hash(frame []byte, form uint32) uint64 {
	return xxhash.Sum64(frame) + uint64(form)*0x9E3779B97F4A7C15
}

// Slot is where the writes of a key are counted.
func Slot(key []byte) uint32 { return uint32(xxhash.Sum64(key)) % epochs }

// Mark is what was counted of a key when its command was about to be sent. It is taken before the server is chosen.
type Mark struct {
	Slot             uint32
	key, all, places uint32
	source           *Source
	era              uint32
}

// Mark takes note of what is counted of a slot; source is the server's, or nil if nothing is heard from it.
func (c *Cache) Mark(slot uint32) Mark {
	return Mark{Slot: slot, key: c.keys[slot].Load(), all: c.all.Load(), places: c.places.Load()}
}

// From adds the server's own.
func (m *Mark) From(s *Source) {
	m.source = s
	m.era = s.era.Load()
}

// Unchanged says that nothing was written since m was taken that anybody has heard of; of a closed Cache that is not known.
func (c *Cache) Unchanged(m *Mark) bool {
	return c.unwritten(m) && c.places.Load() == m.places && (m.source == nil || m.source.era.Load() == m.era)
}

// unwritten says that nothing was written since m was taken that this process has sent, or heard of.
func (c *Cache) unwritten(m *Mark) bool {
	return c.keys[m.Slot].Load() == m.key && c.all.Load() == m.all && !c.closed.Load()
}

// Wrote counts a write of the keys of a slot.
func (c *Cache) Wrote(slot uint32) { c.keys[slot].Add(1) }

// WroteAny counts a write of keys that nobody knows.
func (c *Cache) WroteAny() { c.all.Add(1) }

// Moved counts that servers have other keys than before.
func (c *Cache) Moved() { c.places.Add(1) }

// Stale sets for how long GetStale gives a reply whose time is over, or of whose server nothing is heard.
func (c *Cache) Stale(most time.Duration) { c.stale.Store(int64(most)) }

// Times are of a reply, in nanoseconds of the World.
type Times struct {
	At    int64 // when it was asked for
	Until int64 // it is not given from then on
	Ends  int64 // its key is gone from then on
}

// Entry is a reply that is kept. It does not change.
type Entry struct {
	Command
	Mark
	Reply []byte
	Times
	Place int // of the server

	size  int64
	given atomic.Bool // since the hand came by
}

// Get is what is kept of a command; nil: nothing that may be given at now.
func (c *Cache) Get(cmd *Command, now int64) *Entry {
	e := c.find(cmd)
	if e == nil || now >= e.Until || !c.Unchanged(&e.Mark) {
		return nil
	}
	if !e.given.Load() {
		e.given.Store(true)
	}
	return e
}

// GetStale is Get for a command whose server is gone.
func (c *Cache) GetStale(cmd *Command, now int64) *Entry {
	e := c.find(cmd)
	if e == nil || !c.stands(e, now) {
		return nil
	}
	return e
}

// stands says that e may still be given, also if its server is gone.
func (c *Cache) stands(e *Entry, now int64) bool {
	if now < e.Until && c.Unchanged(&e.Mark) {
		return true
	}
	return now < e.Ends && now-e.At < c.stale.Load() && c.unwritten(&e.Mark)
}

// find is what there is of a command.
func (c *Cache) find(cmd *Command) *Entry {
	s := &c.sets[cmd.Hash&uint64(len(c.sets)-1)]
	for i := range s {
		if e := s[i].Load(); e != nil && e.Hash == cmd.Hash && e.Form == cmd.Form && bytes.Equal(e.Frame, cmd.Frame) {
			return e
		}
	}
	return nil
}

// Fits says that c may have room for a reply to cmd: no entry has more than an eighth of it.
func (c *Cache) Fits(cmd *Command, reply []byte) bool { return sizeOf(cmd, reply) <= c.most/ways }

func sizeOf(cmd *Command, reply []byte) int64 {
	return int64(len(cmd.Frame) + len(reply) + EntryBytes)
}

// Keep keeps a reply to cmd, which fits; both are copied. false: it is not worth it any more.
func (c *Cache) Keep(cmd *Command, m Mark, reply []byte, place int, t Times) bool {
	if !c.Fits(cmd, reply) || !c.Unchanged(&m) {
		return false
	}
	all := append(append(make([]byte, 0, len(cmd.Frame)+len(reply)), cmd.Frame...), reply...) // one piece of memory for both
	e := &Entry{Command: *cmd, Mark: m, Reply: all[len(cmd.Frame):], Place: place, Times: t, size: sizeOf(cmd, reply)}
	e.Frame = all[:len(cmd.Frame):len(cmd.Frame)]
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return false
	}
	c.put(e)
	for c.bytes.Load() > c.most {
		c.sweep(t.At)
	}
	return true
}

// put puts e in its set, in place of what is least worth there.
func (c *Cache) put(e *Entry) {
	s := &c.sets[e.Hash&uint64(len(c.sets)-1)]
	at, worth := 0, 4
	for i := range s {
		was := s[i].Load()
		w := 3
		switch {
		case was == nil:
			w = 1
		case was.Hash == e.Hash && was.Form == e.Form && bytes.Equal(was.Frame, e.Frame):
			w = 0
		case !was.given.Load():
			w = 2
		}
		if w < worth {
			at, worth = i, w
		}
	}
	if worth == 3 { // all were given: which goes is the hash's choice
		at = int(e.Hash >> 56 % ways)
	}
	c.replace(&s[at], e)
}

// replace has p be e; nil: nothing.
func (c *Cache) replace(p *atomic.Pointer[Entry], e *Entry) {
	was := p.Load()
	p.Store(e)
	if was != nil {
		c.bytes.Add(-was.size)
		c.entries.Add(-1)
	}
	if e != nil {
		c.bytes.Add(e.size)
		c.entries.Add(1)
	}
}

// sweep moves the hand on by one set: what was not given since goes, or may not be given any more.
func (c *Cache) sweep(now int64) {
	c.hand = (c.hand + 1) & (len(c.sets) - 1)
	s := &c.sets[c.hand]
	for i := range s {
		if e := s[i].Load(); e != nil && (!e.given.Swap(false) || !c.stands(e, now)) {
			c.replace(&s[i], nil)
		}
	}
}

// Tidy drops, of a part of the sets, what may not be given any more at now; called so often, none holds memory for long.
func (c *Cache) Tidy(now int64, part, parts int) (dropped int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := part; i < len(c.sets); i += parts {
		s := &c.sets[i]
		for j := range s {
			if e := s[j].Load(); e != nil && !c.stands(e, now) {
				c.replace(&s[j], nil)
				dropped++
			}
		}
	}
	return dropped
}

// Size is how many entries there are, and how many bytes they have.
func (c *Cache) Size() (entries, bytes int64) { return c.entries.Load(), c.bytes.Load() }
