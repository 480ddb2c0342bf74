package stats

import (
	"cmp"
	"slices"
	"time"
)

// SlowLog holds the last requests of one pool and loop that took long, and apart from them the last of those that took long themselves: what one of
// them makes wait may be more than a ring holds. Once the rings are full it allocates nothing.
type SlowLog struct {
	all, blamed ring
}

// ring holds the last records, so many.
type ring struct {
	records []SlowRecord
	next    int // place of the next, once the ring is full
}

// SlowRecord is a SlowEntry before it is put in words.
type SlowRecord struct {
	Origin  *Origin
	ID      int64
	At      time.Duration // since the process started
	Op      uint16
	Server  int // number
	Keys    int
	Bytes   int           // of the reply
	Queue   time.Duration // until it was written to the server
	Wait    time.Duration // for the server
	Behind  time.Duration // of that, until the reply before it on its connection had come: others had it wait
	Client  string        // address
	SetName string        // CLIENT SETNAME
	keyLen  uint8
	key     [MaxShownKey]byte
}

// SetKey keeps the beginning of the key.
func (e *SlowRecord) SetKey(key []byte) { e.keyLen = uint8(copy(e.key[:], key)) }

// Add makes room for one more record, of at most so many, and returns it; the caller fills in all of it.
func (g *SlowLog) Add(most int) *SlowRecord { return g.all.add(most) }

// Blame keeps e, which was added, as one that took as long as from itself, if it did.
func (g *SlowLog) Blame(e *SlowRecord, from time.Duration, most int) {
	if e.Wait-e.Behind >= from {
		*g.blamed.add(most) = *e
	}
}

func (g *ring) add(most int) *SlowRecord {
	if len(g.records) < most {
		g.records = append(g.records, SlowRecord{})
		g.next = 0
		return &g.records[len(g.records)-1]
	}
	if g.next >= len(g.records) {
		g.next = 0
	}
	g.next++
	return &g.records[g.next-1]
}

// Keep drops all but the newest records, so many of either ring.
func (g *SlowLog) Keep(most int) {
	g.all.keep(most)
	g.blamed.keep(most)
}

func (g *ring) keep(most int) {
	if len(g.records) > most {
		slices.SortFunc(g.records, func(a, b SlowRecord) int { return cmp.Compare(a.ID, b.ID) })
		g.records, g.next = slices.Clone(g.records[len(g.records)-most:]), 0
	}
}

// Records is a copy of what g holds: the last, or the last that took long themselves.
func (g *SlowLog) Records(blamed bool) []SlowRecord {
	if blamed {
		return slices.Clone(g.blamed.records)
	}
	return slices.Clone(g.all.records)
}

// Entry puts the record in words; started is when the process started.
func (e *SlowRecord) Entry(started time.Time) SlowEntry {
	name, _ := e.Origin.Describe(e.Op)
	return SlowEntry{
		ID: e.ID, At: started.Add(e.At), Pool: e.Origin.Pool, Command: name, Key: string(e.key[:e.keyLen]), Keys: e.Keys,
		Server: e.Origin.Server(e.Server), Addr: e.Origin.Addr(e.Server), Client: e.Client, ClientName: e.SetName,
		Queue: e.Queue, ServerTime: e.Wait, Own: e.Wait - e.Behind, Bytes: e.Bytes,
	}
}

// NewestFirst sorts the records of several logs, and drops those of a pool beyond what most says of it, if it does.
func NewestFirst(list []SlowRecord, most map[string]int) []SlowRecord {
	slices.SortFunc(list, func(a, b SlowRecord) int { return cmp.Compare(b.ID, a.ID) })
	kept := make(map[string]int)
	return slices.DeleteFunc(list, func(e SlowRecord) bool {
		kept[e.Origin.Pool]++
		n, bounded := most[e.Origin.Pool]
		return bounded && kept[e.Origin.Pool] > n
	})
}
