package backend

import (
	"unsafe"

	"github.com/valyala/bytebufferpool"

	"cashew/codec"
	"cashew/stats"
)

// Owner is whoever waits for a Request's reply: a client's session, or the canary of a Conn. Both methods run on the Loop that
// the Request was queued on, never from inside Conn.Queue.
type Owner interface {
	// Replied hands over the next bytes of r's reply; last says that the reply is whole with them. chunk is the
	// connection's read buffer: it dies when Replied returns.
	Replied(r *Request, chunk []byte, last bool)

	// Failed says that no (further) bytes of r's reply will come. err is a sentinel of this package or an errno; see Text.
	Failed(r *Request, err error)
}

// Request is one request on its way: a client's command, or the fragment of one that goes to one server. Two sides hold
// it, the session that owes its client a reply and the Conn whose server owes one; its place is free for another when both
// let go (Local.Unref). A session that is gone, or told its client that time is up, sets Owner to nil, and the Conn throws the
// late reply away: exactly that reply, for a server answers in order.
//
// Thousands are in flight, more than a processor's nearest cache holds; so what every request uses stands in the first two
// cache lines of four, with a key of up to 16 bytes, and only a gathered command touches the others.
type Request struct {
	plain
	key [stats.MaxShownKey]byte
	gathered
	Mark codec.Mark // what its reply bears, where replies bear something; else what a request before it left
	// Rules are the limits that its reply is charged to, as the session has them; where there are none, what a request before it left.
	Rules uint32
	Lead  uint32   // of a transaction: how many bytes of it stood before this command, EXEC; else what a request before it left
	Slot  uint32   // of a write in a pool with a near cache: the session's own; else what a request before it left
	_     [12]byte // 256 bytes, so that each begins a cache line
}

// plain is what every Request uses.
type plain struct {
	Owner Owner

	link *Request // next in the Conn's outq
	at   int64    // Loop.Now when it was queued
	from int      // Out.Place of its first byte

	Next  *Request                   // next in the client's order
	Reply *bytebufferpool.ByteBuffer // bytes that came before their turn; nil if none

	Op     uint16 // codec.Command.Op
	Quiet  uint16 // codec.Command.Quiet: hold the whole reply and ask whether the client gets it
	Server uint16 // index in Options.Servers
	refs   int8
	keyLen uint8

	SentAt int64         // Loop.Now when its first byte was written; set once its reply is whole, or it failed; 0: it never was
	Size   int           // bytes of the reply so far, those of all fragments for a whole command
	Parent *Request      // of a fragment: the whole command
	Gather *codec.Gather // of a whole command; nil if it has no fragments
	Keys   uint32        // how many keys it has
	Frame  uint32        // bytes of the command

	Done      bool  // Reply, or all of Fragments, is whole
	Streaming bool  // bytes of this reply have already gone to the client
	Way       uint8 // the session's own: what its reply means besides itself
	ours      bool  // a canary: no client's, and in no figure

	order uint32 // which one it is of those ever entered into its Conn's outq
}

// gathered is what only a whole command has: one with Gather.
type gathered struct {
	Fragments []*Request // one for each server
	Pending   int        // fragments that are not Done
	Err       error      // what its first failed fragment said
}

// SetKey keeps the beginning of the request's key, or of its first.
func (r *Request) SetKey(key []byte) { r.keyLen = uint8(copy(r.key[:], key)) }

// Key is what SetKey kept; it lives as long as r.
func (r *Request) Key() []byte { return r.key[:r.keyLen] }

// Joins notes that r, which is queued on no Conn, is answered with what another is from now on.
func (r *Request) Joins(now int64) { r.at, r.SentAt = now, now }

// QueuedAt is Loop.Now when r was queued.
func (r *Request) QueuedAt() int64 { return r.at }

// Ref holds r once more: a Conn that it is queued on does so, and a report that a goroutine off the loop makes.
func (r *Request) Ref() { r.refs++ }

// NewRequest returns a Request that is held once, by the caller.
func (o *Local) NewRequest(of Owner) *Request {
	r := o.requests.get()
	r.Owner, r.refs = of, 1
	return r
}

// Unref lets go of r, which the last of its holders may not use any more.
func (o *Local) Unref(r *Request) {
	if r.refs--; r.refs <= 0 {
		o.release(r)
	}
}

func (o *Local) release(r *Request) {
	if r.refs < 0 {
		r.refs = 0 // or its place were lost
		panic("backend: request released twice")
	}
	if r.Reply != nil {
		o.loop.PutBuffer(r.Reply)
	}
	if r.Gather != nil {
		frags := r.Fragments[:0]
		if cap(frags) > maxKeptFragments {
			frags = nil
		}
		r.gathered = gathered{Fragments: frags}
	}
	r.plain = plain{}
	o.requests.inUse--
}

const maxKeptFragments = 128

// requests are a loop's Requests, in a ring: the next is the next place that nobody holds. Most are released in the order in
// which they were taken, since servers answer in order, and so those that follow one another stand side by side. The
// processor sees that and fetches them ahead; from a list of free ones they come in any order, and with hundreds in flight
// each is waited for, twice.
type requests struct {
	ring  []Request // its length is a power of two; after grow or tidy, Requests still held stay in the old array until released
	next  int
	inUse int // also of former rings
	most  int // of inUse since the last tidy
}

const (
	// minRequests are 32 KiB, from where on Go begins an array with pointers at a cache line; in a smaller one there is a
	// header before it.
	minRequests = 128
	// maxRequests bounds what a burst leaves behind, 4 MiB; what more are in flight is the garbage collector's.
	maxRequests = 16 << 10
)

// get returns a Request without holders.
func (q *requests) get() *Request {
	// An eighth is left free, so that even behind many that wait for a slow server the next is not far.
	if q.inUse >= len(q.ring)/8*7 && !q.grow() {
		q.inUse++
		return new(Request)
	}
	q.inUse++
	q.most = max(q.most, q.inUse)
	for {
		r := &q.ring[q.next]
		q.next = (q.next + 1) & (len(q.ring) - 1)
		if r.refs == 0 {
			return r
		}
	}
}

// grow makes a larger ring, unless there is none.
func (q *requests) grow() bool {
	if len(q.ring) == maxRequests {
		return false
	}
	q.ring, q.next = make([]Request, max(minRequests, 2*len(q.ring))), 0
	return true
}

// tidy makes a smaller ring if half of it would have done since the last call, and returns how many bytes that saves.
func (q *requests) tidy() (dropped int) {
	if n := len(q.ring) / 2; n >= minRequests && q.most < n/8*7 {
		q.ring, q.next = make([]Request, n), 0
		dropped = n * int(unsafe.Sizeof(Request{}))
	}
	q.most = q.inUse
	return dropped
}
