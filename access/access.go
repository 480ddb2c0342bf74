// Package access keeps what became of some of the commands that clients send: one of so many, by chance. What is known of one is an
// Entry, plain values and never a value of a key; a Log has two queues of them, for lines of the access log and for traces:
//
//	a loop --Record--> Log --Lines.Take--> whoever has the file
//	                       '-Spans.Take--> whoever tells the collector
//
// Nobody waits for these: a Queue that is full, or has had as many in a second as it may, drops what comes, and counts it. The package
// imports nothing of the proxy; line.go has what a line looks like, exemplar.go which trace stands for a time in a histogram.
package access

import (
	"sync"
	"sync/atomic"
)

// Entry is a command of a client, and what became of it. Times are nanoseconds since the process began. Strings do not change, and may
// be kept.
type Entry struct {
	Number uint64 // of those that the process has followed
	Lines  bool   // the access log is to have it
	Spans  bool   // it is to be a trace
	Sample int    // in the access log it stands for so many

	Taken int64 // from its client
	Due   int64 // the last byte of its reply had come, and it was its turn; 0: it never was
	Ended int64 // the reply was written to its client, or nobody waits for it any more

	Pool, System      string // System is what its servers are: redis, memcached
	Client            string // its address
	ID                uint64 // its number
	User, ClientName  string
	Command           string
	Class             string // read, write, other
	KeysTotal         int
	BytesIn, BytesOut int
	Result            Result
	Failure           string // what the proxy said in place of a reply
	Asked             [MaxServers]Asked
	AskedTotal        int // servers that were asked, where Asked has only some
	Parent            Parent
	keyLen            uint8
	key               [MaxKey]byte
}

// Asked is a server that was asked.
type Asked struct {
	Name    string // in the ring
	Addr    string // host:port, or the path of a unix socket; "": nobody knew
	Queued  int64  // the command, or its part of it, was to be written
	Sent    int64  // its first byte was written; 0: it never was
	Replied int64  // the last byte of the reply had come; 0: it has not
	Bytes   int    // of the reply
	Failure string // in place of it
}

// Result is what became of a command.
type Result uint8

// The results.
const (
	OK      Result = iota
	Error          // a server's
	Failed         // the proxy's, in place of a reply
	Local          // the proxy answered it, for itself or with what is kept near
	Refused        // by the proxy
	NoReply        // nobody waits for one, and it is told of as it was taken
	Left           // its client, before it had the reply
)

var results = [...]string{"ok", "error", "failed", "local", "refused", "no_reply", "client_left"}

func (r Result) String() string { return results[r] }

const (
	// MaxServers is how many servers of a command an Entry has.
	MaxServers = 8
	// MaxKey is how many bytes of its key.
	MaxKey = 64
)

// Parent is the span that a client says a command is a part of, by the words of W3C's Trace Context.
type Parent struct {
	Trace [16]byte
	Span  [8]byte
	Given bool
}

// SetKey keeps the beginning of the first key.
func (e *Entry) SetKey(key []byte) { e.keyLen = uint8(copy(e.key[:], key)) }

// Key is what SetKey kept.
func (e *Entry) Key() []byte { return e.key[:e.keyLen] }

// Ask notes one more server that was asked, and returns its place; nil: there is none for it.
func (e *Entry) Ask() *Asked {
	e.AskedTotal++
	if e.AskedTotal > MaxServers {
		return nil
	}
	a := &e.Asked[e.AskedTotal-1]
	*a = Asked{}
	return a
}

// Begin has e be of another command, of which nothing is known.
func (e *Entry) Begin() {
	asked := e.Asked[:min(e.AskedTotal, MaxServers)]
	clear(asked)
	e.Lines, e.Spans, e.Sample, e.Due, e.Ended = false, false, 0, 0, 0
	e.Class, e.Failure, e.Result, e.BytesOut = "", "", OK, 0
	e.KeysTotal, e.AskedTotal, e.keyLen, e.Parent.Given = 0, 0, 0, false
}

// Servers are those that were asked, as far as they are known.
func (e *Entry) Servers() []Asked { return e.Asked[:min(e.AskedTotal, MaxServers)] }

// Log has the entries that nobody has taken yet. Any goroutine may call any method.
type Log struct {
	Lines, Spans Queue

	Exemplars Exemplars

	seed [2]uint64
}

// Seed has traces be others than those of other processes; before the first entry.
func (l *Log) Seed(a, b uint64) { l.seed = [2]uint64{a, b} }

// Record keeps e, a copy of it, where it is to be kept.
func (l *Log) Record(e *Entry) {
	if e.Lines {
		l.Lines.put(e)
	}
	if e.Spans {
		l.Spans.put(e)
	}
}

// MaxPending is how many entries wait at most to be taken.
const MaxPending = 1 << 10

// Queue has entries, at most MaxPending. One whose rate is 0 has none.
type Queue struct {
	rate     atomic.Int64
	keys     atomic.Bool
	recorded atomic.Int64
	dropped  atomic.Int64

	mu      sync.Mutex // event loops wait for it: under it one entry is copied, or the list is exchanged
	pending []Entry
	wake    func()

	second atomic.Int64 // of the last entry; written under mu
	had    atomic.Int64 // in that second; likewise
}

// Set has q take so many entries in a second, with their keys or without.
func (q *Queue) Set(rate int, keys bool) {
	q.rate.Store(int64(rate))
	q.keys.Store(keys)
}

// Wakes has f called when half of MaxPending waits. f is called on the goroutine that records, and must not wait.
func (q *Queue) Wakes(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake = f
}

// Full says that q takes nothing more in the second of now, and that entry is counted as lost.
func (q *Queue) Full(now int64) bool {
	if rate := q.rate.Load(); rate == 0 || q.had.Load() < rate || now/1e9 > q.second.Load() {
		return false
	}
	q.dropped.Add(1)
	return true
}

func (q *Queue) put(e *Entry) {
	rate := q.rate.Load()
	if rate == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if second := e.Ended / 1e9; second > q.second.Load() {
		q.second.Store(second)
		q.had.Store(0)
	}
	if q.had.Load() >= rate || len(q.pending) >= MaxPending {
		q.dropped.Add(1)
		return
	}
	q.had.Add(1)
	q.recorded.Add(1)
	q.pending = append(q.pending, *e)
	if !q.keys.Load() {
		q.pending[len(q.pending)-1].keyLen = 0
	}
	if q.wake != nil && len(q.pending) == MaxPending/2 {
		q.wake()
	}
}

// Take returns what waits, and takes room, which is not used any more, in its place.
func (q *Queue) Take(room []Entry) []Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.pending
	q.pending = room[:0]
	return taken
}

// Lose counts entries that were taken, and told to nobody.
func (q *Queue) Lose(n int) { q.dropped.Add(int64(n)) }

// Counts are how many entries were kept, and how many were dropped, before or after that.
func (q *Queue) Counts() (recorded, dropped int64) { return q.recorded.Load(), q.dropped.Load() }

// TraceID is that of e's trace.
func (l *Log) TraceID(e *Entry) (id [16]byte) {
	if e.Parent.Given {
		return e.Parent.Trace
	}
	put(id[:8], mix(l.seed[0]+e.Number*odd))
	put(id[8:], mix(l.seed[1]^e.Number))
	return id
}

// SpanID is that of the i-th span of e's trace; that of the command itself is the first.
func (l *Log) SpanID(e *Entry, i int) (id [8]byte) {
	put(id[:], mix(l.seed[0]^l.seed[1]^(e.Number<<8+uint64(i))*odd))
	return id
}

// odd is 2^64 divided by the golden ratio.
const odd = 0x9e3779b97f4a7c15

// mix makes all bits of a number depend on all others. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// put writes n, which may not be 0 in an ID.
func put(to []byte, n uint64) {
	n = max(n, 1)
	for i := range to {
		to[i] = byte(n >> (56 - 8*i))
	}
}

// Lose counts an entry that there is no room for.
func (l *Log) Lose(lines, spans bool) {
	if lines {
		l.Lines.Lose(1)
	}
	if spans {
		l.Spans.Lose(1)
	}
}
