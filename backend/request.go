package backend

import (
	"github.com/valyala/bytebufferpool"

	"cashew/codec"
)

// Owner is whoever waits for a Request's reply: a client's session. Both methods run on the Loop that the Request was
// queued on, never from inside Conn.Queue.
type Owner interface {
	// Replied hands over the next bytes of r's reply; last says that the reply is whole with them. chunk is the
	// connection's read buffer: it dies when Replied returns.
	Replied(r *Request, chunk []byte, last bool)

	// Failed says that no (further) bytes of r's reply will come. err is a sentinel of this package or an errno; see Text.
	Failed(r *Request, err error)
}

// Request is one request on its way: a client's command, or the fragment of one that goes to one server. Two sides hold
// it, the session that owes its client a reply and the Conn whose server owes one; it returns to the Loop's free list when
// both let go (Loop.Unref). A session that is gone, or told its client that time is up, sets Owner to nil, and the Conn
// throws the late reply away: exactly that reply, for a server answers in order.
type Request struct {
	Owner Owner

	link *Request // next in the Conn's outq
	at   int64    // Loop.Now when it was queued
	from int      // place of its first byte in the Conn's Out
	refs int8
	ours bool // a canary: no client's, and in no figure

	SentAt int64 // Loop.Now when its first byte was written; set once its reply is whole, or it failed; 0: it never was

	// The rest is the session's.

	Op        uint16                     // codec.Command.Op
	Keys      int                        // how many keys it has
	Next      *Request                   // next in the client's order
	Quiet     uint16                     // codec.Command.Quiet: hold the whole reply and ask whether the client gets it
	Reply     *bytebufferpool.ByteBuffer // bytes that came before their turn; nil if none
	Size      int                        // bytes of the reply so far, those of all fragments for a whole command
	Done      bool                       // Reply, or all of Fragments, is whole
	Streaming bool                       // bytes of this reply have already gone to the client

	Parent    *Request      // of a fragment: the whole command
	Fragments []*Request    // of a whole command: one for each server
	Pending   int           // of a whole command: fragments that are not Done
	Gather    *codec.Gather // of a whole command
	Err       error         // of a whole command: what its first failed fragment said

	Server  uint16 // index in Options.Servers
	Sampled bool   // its key is in the loop's sketch
	keyLen  uint8
	Frame   int // bytes of the command
	key     [MaxShownKey]byte
}

// MaxShownKey is how much of a key is kept for those who ask about slow requests and hot keys.
const MaxShownKey = 64

// SetKey keeps the beginning of the request's key, or of its first.
func (r *Request) SetKey(key []byte) { r.keyLen = uint8(copy(r.key[:], key)) }

// Key is what SetKey kept; it lives as long as r.
func (r *Request) Key() []byte { return r.key[:r.keyLen] }

// QueuedAt is Loop.Now when r was queued.
func (r *Request) QueuedAt() int64 { return r.at }

// NewRequest takes a Request from the free list, held once, by the caller.
func (l *Loop) NewRequest(o Owner) *Request {
	r := l.requests
	if r == nil {
		r = new(Request)
	} else {
		l.requests = r.link
		l.freeRequests--
		r.link = nil
	}
	r.Owner, r.refs = o, 1
	return r
}

// maxFreeRequests bounds what a burst leaves behind: about 4 MiB a loop.
const maxFreeRequests = 16 << 10

// Unref lets go of r. The last of the two holders returns it to the free list.
func (l *Loop) Unref(r *Request) {
	if r.refs--; r.refs > 0 {
		return
	}
	if r.refs < 0 {
		panic("backend: request released twice")
	}
	if r.Reply != nil {
		l.PutBuffer(r.Reply)
	}
	frags := r.Fragments[:0]
	if cap(frags) > maxKeptFragments {
		frags = nil
	}
	*r = Request{Fragments: frags}
	if l.freeRequests < maxFreeRequests {
		r.link = l.requests
		l.requests = r
		l.freeRequests++
	}
}

const maxKeptFragments = 128
