package engine

import (
	"cmp"
	"slices"
	"time"

	"cashew/backend"
)

// slowLog holds the last requests of one pool and loop that took long, at most PoolOptions.SlowMaxLen, in a ring. Once the
// ring is full it allocates nothing.
type slowLog struct {
	records []slowRecord
	next    int // place of the next, once the ring is full
}

// slowRecord is a SlowEntry before it is put in words.
type slowRecord struct {
	opts    *PoolOptions // its pool's; a pool leads to all that replaced it, and would keep them alive
	id      int64
	at      int64 // Loop.Now
	op      uint16
	server  uint16
	keys    int
	bytes   int
	queue   int64
	wait    int64 // for the server
	client  string
	setname string
	keyLen  uint8
	key     [maxShownKey]byte
}

func (g *slowLog) add(most int) *slowRecord {
	if len(g.records) < most {
		g.records = append(g.records, slowRecord{})
		g.next = 0
		return &g.records[len(g.records)-1]
	}
	if g.next >= len(g.records) {
		g.next = 0
	}
	g.next++
	return &g.records[g.next-1]
}

// slow enters r, whose reply is there or will not come, into its pool's slow log.
func (s *Session) slow(r *backend.Request) {
	most := s.pool.opts.SlowMaxLen
	if most <= 0 {
		return
	}
	l, e := s.loop, s.tally.slow.add(most)
	e.opts, e.id, e.at = s.pool.opts, l.slowIDs.Add(1)-1, l.Now
	e.op, e.server, e.keys, e.bytes = r.Op, r.Server, int(r.Keys), r.Size
	e.queue, e.wait = l.Now-r.QueuedAt(), 0
	if r.SentAt != 0 {
		e.queue, e.wait = r.SentAt-r.QueuedAt(), l.Now-r.SentAt
	}
	e.client, e.setname = s.cl.Addr, s.cl.Name
	e.keyLen = uint8(copy(e.key[:], r.Key()))
}

func (e *slowRecord) entry() SlowEntry {
	name, _ := e.opts.Protocol.Describe(e.op)
	return SlowEntry{
		ID: e.id, At: backend.Time(e.at), Pool: e.opts.Name, Command: name, Key: string(e.key[:e.keyLen]), Keys: e.keys,
		Server: e.opts.serverName(int(e.server)), Client: e.client, ClientName: e.setname,
		Queue: time.Duration(e.queue), ServerTime: time.Duration(e.wait), Bytes: e.bytes,
	}
}

// slowRecords are all pools' records, newest first, of each pool at most as many as its slow log keeps.
func (p *Proxy) slowRecords() (list []slowRecord) {
	for _, records := range askLoops(p, func(l *Loop) (records []slowRecord) {
		for _, t := range l.tallies {
			records = append(records, t.slow.records...)
		}
		return records
	}) {
		list = append(list, records...)
	}
	slices.SortFunc(list, func(a, b slowRecord) int { return cmp.Compare(b.id, a.id) })
	kept := make(map[string]int)
	return slices.DeleteFunc(list, func(e slowRecord) bool {
		kept[e.opts.Name]++
		return kept[e.opts.Name] > e.opts.SlowMaxLen
	})
}

// SlowLog returns the n newest entries of the slow logs of all pools, newest first; all of them if n < 0. It may be called
// from any goroutine.
func (p *Proxy) SlowLog(n int) []SlowEntry {
	records := p.slowRecords()
	if n >= 0 {
		records = records[:min(n, len(records))]
	}
	list := make([]SlowEntry, 0, len(records))
	for i := range records {
		list = append(list, records[i].entry())
	}
	return list
}

// SlowLogLen is how many entries there are.
func (p *Proxy) SlowLogLen() int { return len(p.slowRecords()) }

// SlowLogReset drops all entries.
func (p *Proxy) SlowLogReset() {
	askLoops(p, func(l *Loop) struct{} {
		for _, t := range l.tallies {
			t.slow = slowLog{}
		}
		return struct{}{}
	})
}
