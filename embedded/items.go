package embedded

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// item is one value. The bytes of a value never change, so they may be read after the lock is given back.
type item struct {
	value     []byte
	flags     uint32
	cas       uint64
	expiresAt int64 // Unix time in seconds; 0 for never
	usedAt    int64 // Unix time in seconds

	fetched bool // since it was stored
	binary  bool // its key came in base64
	stale   bool // invalidated, but still served
	won     bool // a client has been told to fetch it anew
}

// store holds the items. Its methods lock it, except those whose name ends in Locked.
type store struct {
	mu      sync.Mutex
	items   map[string]*item
	bytes   int
	lastCAS uint64
	flushAt int64 // Unix time at which all items go, or 0
}

// status is what became of a request.
type status int

const (
	stored status = iota
	notStored
	exists
	notFound
	notNumeric
)

// expiresAt turns a client's exptime, relative up to 30 days and Unix time above, into Unix time. A negative one is long ago.
func expiresAt(exptime int32, now int64) int64 {
	switch {
	case exptime == 0:
		return 0
	case exptime < 0:
		return 1
	case exptime > 60*60*24*30:
		return int64(exptime)
	}
	return now + int64(exptime)
}

// itemBytes is how much of its limits memcached charges for an item.
//
// Source: memcached 1.6.18 items.c item_make_header: the header, the cas id, the key's and the value's ends, the flags.
func itemBytes(key string, size int, flags uint32) int {
	n := 48 + 8 + len(key) + 1 + size + 2
	if flags != 0 {
		n += 4
	}
	return n
}

// lookupLocked returns a live item or nil.
func (s *store) lookupLocked(key string, now int64) *item {
	if s.flushAt != 0 && s.flushAt <= now {
		s.clearLocked()
	}
	it := s.items[key]
	if it != nil && it.expiresAt != 0 && it.expiresAt <= now {
		s.removeLocked(key)
		return nil
	}
	return it
}

// putLocked links an item, which replaces another, and makes room for it: whatever items come first are evicted.
func (s *store) putLocked(key string, it *item) {
	s.removeLocked(key)
	s.bytes += itemBytes(key, len(it.value), it.flags)
	for other := range s.items {
		if s.bytes <= maxMemoryBytes {
			break
		}
		s.removeLocked(other)
	}
	it.cas = s.nextCASLocked()
	s.items[key] = it
}

func (s *store) removeLocked(key string) {
	if it := s.items[key]; it != nil {
		s.bytes -= itemBytes(key, len(it.value), it.flags)
		delete(s.items, key)
	}
}

func (s *store) clearLocked() {
	clear(s.items)
	s.bytes, s.flushAt = 0, 0
}

func (s *store) nextCASLocked() uint64 {
	s.lastCAS++
	return s.lastCAS
}

// locked returns what do finds out under the lock: the reply, which must not be sent under it, for a client may be slow.
func (s *store) locked(do func(now int64) string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(time.Now().Unix())
}

// get returns a copy of an item after change, which may be nil, has been at it.
func (s *store) get(key string, change func(it *item, now int64)) (item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Unix()
	it := s.lookupLocked(key, now)
	if it == nil {
		return item{}, false
	}
	it.fetched, it.usedAt = true, now
	if change != nil {
		change(it, now)
	}
	return *it, true
}

func (s *store) remove(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.lookupLocked(key, time.Now().Unix()) != nil
	s.removeLocked(key)
	return found
}

func (s *store) flushAll(delay int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delay > 0 {
		s.flushAt = expiresAt(delay, time.Now().Unix())
		return
	}
	s.clearLocked()
	s.nextCASLocked()
}

func (s *store) size() (items, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.items), s.bytes
}

// storeMode is a mode of ms, by which the classic commands are known too.
type storeMode byte

const (
	modeSet     storeMode = 'S'
	modeAdd     storeMode = 'E'
	modeReplace storeMode = 'R'
	modeAppend  storeMode = 'A'
	modePrepend storeMode = 'P'
)

// storeRequest is a storage command.
type storeRequest struct {
	key        string
	mode       storeMode
	value      []byte
	flags      uint32
	exptime    int32
	binary     bool
	cas        uint64 // the item's must be equal, if hasCAS
	hasCAS     bool
	invalidate bool   // a cas below the item's is welcome, but makes it stale
	newCAS     uint64 // instead of the next one, if not 0
}

// store returns what became of q and, if it was stored, its cas id.
//
// Source: memcached 1.6.18 memcached.c do_store_item.
func (s *store) store(q storeRequest) (status, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Unix()
	old := s.lookupLocked(q.key, now)
	it := &item{value: q.value, flags: q.flags, expiresAt: expiresAt(q.exptime, now), usedAt: now, binary: q.binary}
	switch checksCAS := q.hasCAS && q.mode != modeAdd; {
	case q.mode == modeAdd && old != nil:
		return notStored, 0
	case old == nil && q.hasCAS && (q.mode == modeSet || q.mode == modeReplace):
		return notFound, 0
	case old == nil && q.mode != modeSet && q.mode != modeAdd:
		return notStored, 0
	case checksCAS && old.cas == q.cas:
	case checksCAS && q.invalidate && q.cas < old.cas && (q.mode == modeSet || q.mode == modeReplace):
		it.stale, it.won, it.expiresAt = true, old.won, old.expiresAt
	case checksCAS:
		return exists, 0
	}
	if q.mode == modeAppend || q.mode == modePrepend {
		head, tail := old.value, q.value
		if q.mode == modePrepend {
			head, tail = tail, head
		}
		it.value = slices.Concat(head, tail)
		it.flags, it.expiresAt = old.flags, old.expiresAt
		if itemBytes(q.key, len(it.value), it.flags) > maxItemBytes {
			return notStored, 0
		}
	}
	s.putLocked(q.key, it)
	if q.newCAS != 0 {
		it.cas = q.newCAS
	}
	return stored, it.cas
}

// arithmeticLocked adds delta to it or takes it away and returns the item that now has the number. False: it is none.
//
// Source: memcached 1.6.18 memcached.c do_add_delta: a number that needs no more room than its item has is padded with
// spaces, a longer one makes a new item. Adding wraps at 64 bits, taking away stops at 0.
func (s *store) arithmeticLocked(key string, it *item, delta uint64, decrement bool) (*item, uint64, bool) {
	n, ok := number(it.value)
	switch {
	case !ok:
		return it, 0, false
	case !decrement:
		n += delta
	default:
		n -= min(delta, n)
	}
	digits := strconv.AppendUint(nil, n, 10)
	if pad := len(it.value) - len(digits); pad >= 0 {
		it.value = slices.Concat(digits, bytes.Repeat([]byte(" "), pad))
		it.cas = s.nextCASLocked()
	} else {
		it = &item{value: digits, flags: it.flags, expiresAt: it.expiresAt, usedAt: it.usedAt, binary: it.binary}
		s.putLocked(key, it)
	}
	return it, n, true
}

// number reads a value as strtoull does: leading space is skipped, and what follows a space is not looked at.
func number(value []byte) (uint64, bool) {
	const space = " \t\n\v\f\r"
	s := strings.TrimLeft(string(value), space)
	if end := strings.IndexAny(s, space); end >= 0 {
		s = s[:end]
	}
	return parseUint64(s)
}
