// Package looptest has a Handler that stands between a loop and another Handler, and changes every byte on its way: what is
// written leaves in other pieces and coded, what comes is decoded and handed over cut, joined and late. A Handler that works
// beneath it takes and gives its bytes through its Socket only, and does with TLS, too (package loop, sealed.go).
package looptest

import (
	"math/rand/v2"

	"cashew/loop"
)

// Layer is that Handler, and the Socket that the one above it gets. It belongs to one Loop.
type Layer struct {
	loop.Socket // below; the methods that Layer has not go there

	l     *loop.Loop
	above loop.Handler
	rnd   *rand.Rand

	coded   int    // bytes that Write has taken, ever: the code depends on the place
	unsent  []byte // of them, coded, those that the socket below has not taken
	decoded int    // bytes that came, ever
	came    []byte // decoded, and not handed over yet
	due     bool   // a task hands over what came
	own     bool   // the socket below has left the reactor
	gone    bool   // closed, by whomever
}

// mostUnsent is what the layer keeps of what is written, as TLS keeps a record: small, so that a Write is often short.
const mostUnsent = 64

// NewLayer returns a Layer beneath a Handler of l, for Loop.Enroll or Loop.Opened in the Handler's place. How it cuts depends on
// the seed.
func NewLayer(l *loop.Loop, above loop.Handler, seed uint64) *Layer {
	return &Layer{l: l, above: above, rnd: rand.New(rand.NewPCG(seed, 1))}
}

// Code changes p, which begins at that place of a stream, to what is on the wire, and back.
func Code(p []byte, place int) {
	for i := range p {
		p[i] ^= byte((place+i)*7 + 0x55)
	}
}

// Opened implements loop.Handler.
func (y *Layer) Opened(s loop.Socket) bool {
	y.Socket = s
	return y.above.Opened(y)
}

// Data implements loop.Handler. One time in three all is handed over at once, else some of it, and the rest by a task.
func (y *Layer) Data(buf []byte) {
	from := len(y.came)
	y.came = append(y.came, buf...)
	Code(y.came[from:], y.decoded)
	y.decoded += len(buf)
	if y.due {
		return // in order, behind what came before
	}
	if y.rnd.IntN(3) > 0 {
		y.pass(y.rnd.IntN(len(y.came) + 1))
		if len(y.came) > 0 {
			y.later()
		}
		return
	}
	y.passAll()
}

// pass hands over n bytes, in a slice that dies with the call.
func (y *Layer) pass(n int) {
	if n == 0 || y.gone {
		return
	}
	p := append([]byte(nil), y.came[:n]...)
	y.came = y.came[n:]
	y.above.Data(p)
	for i := range p {
		p[i] = 0xCC
	}
}

// passAll hands over all that came, in pieces.
func (y *Layer) passAll() {
	for len(y.came) > 0 && !y.gone {
		y.pass(1 + y.rnd.IntN(len(y.came)))
	}
}

// later has a task hand over what came.
func (y *Layer) later() {
	y.due = true
	y.l.Execute(func() {
		y.due = false
		y.passAll()
	})
}

// Ended implements loop.Handler: it comes behind what came.
func (y *Layer) Ended(err error) (news bool) {
	y.passAll()
	if y.gone {
		return true
	}
	news = y.above.Ended(err)
	y.gone = y.gone || !y.own
	return news
}

// Writable implements loop.Handler: nobody calls it, for nobody but y waits for the socket below.
func (y *Layer) Writable() { panic("looptest: the socket below was waited for by another") }

// Abandon implements loop.Handler.
func (y *Layer) Abandon(err error) { y.above.Abandon(err) }

// Read implements loop.Socket: what came and is not handed over yet is first.
func (y *Layer) Read(p []byte) (int, error) {
	if len(y.came) > 0 {
		n := copy(p, y.came)
		y.came = y.came[n:]
		return n, nil
	}
	n, err := y.Socket.Read(p)
	Code(p[:n], y.decoded)
	y.decoded += n
	return n, err
}

// Unread implements loop.Socket.
func (y *Layer) Unread() int { return len(y.came) + y.Socket.Unread() }

// Write implements loop.Socket. It is short when the socket below takes no more and as much is unsent as may be.
func (y *Layer) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if k := min(len(p)-n, mostUnsent-len(y.unsent), 1+y.rnd.IntN(mostUnsent)); k > 0 {
			from := len(y.unsent)
			y.unsent = append(y.unsent, p[n:n+k]...)
			Code(y.unsent[from:], y.coded)
			y.coded += k
			n += k
		}
		before := len(y.unsent)
		if err := y.send(); err != nil {
			return n, err
		}
		if before == mostUnsent && len(y.unsent) == before {
			return n, nil
		}
	}
	return n, nil
}

// send writes what is unsent, as far as the socket below takes it.
func (y *Layer) send() error {
	n, err := y.Socket.Write(y.unsent)
	y.unsent = append(y.unsent[:0], y.unsent[n:]...)
	return err
}

// Writev implements loop.Socket.
func (y *Layer) Writev(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		k, err := y.Write(b)
		if n += k; k < len(b) || err != nil {
			return n, err
		}
	}
	return n, nil
}

// Unsent implements loop.Keeper.
func (y *Layer) Unsent() int { return len(y.unsent) }

// Await implements loop.Socket: ready is called once the socket below has all that was unsent, or is broken.
func (y *Layer) Await(ready func()) error {
	return y.Socket.Await(func() {
		y.l.Execute(func() {
			if y.gone {
				return
			}
			if err := y.send(); err == nil && len(y.unsent) > 0 {
				_ = y.Await(ready)
				return
			}
			ready()
		})
	})
}

// Detach implements loop.Socket.
func (y *Layer) Detach() (loop.Socket, error) {
	s, err := y.Socket.Detach()
	if err != nil {
		return nil, err
	}
	y.Socket, y.own = s, true
	return y, nil
}

// Close implements loop.Socket.
func (y *Layer) Close() {
	if !y.gone {
		y.gone = true
		y.Socket.Close()
	}
}
