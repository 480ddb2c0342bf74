package loop

import (
	"errors"
	"io"
	"net"

	"github.com/valyala/bytebufferpool"

	"cashew/tlsconn"
)

// sealed stands between a connection that speaks TLS and its Handler, to which it is the Socket:
//
//	socket --Data, records--> sealed --Data, opened--> Handler
//	socket <----- Write ----- sealed <-Write, Writev-- Out
//
// What comes is opened at once, whole records of it, and handed over in a buffer of the loop. What is written is sealed at once, as
// much as the layer may keep, and all of that leaves by one write; what the kernel does not take of it is unsent, and nothing more is
// taken before that has left. crypto/tls may have records of its own to write while it reads, so reading ends in a write as well.
//
// A record half of which has come is in crypto/tls and nowhere to be seen; so is, for a moment, one that came with the handshake: Opened
// looks for it, since the kernel will not tell of it again.
type sealed struct {
	Socket // below; methods that sealed has not go there

	l     *Loop
	conn  *tlsconn.Conn
	above Handler

	unsent *bytebufferpool.ByteBuffer // sealed, and not taken by the kernel; nil: nothing is
	came   *bytebufferpool.ByteBuffer // opened by Unread, and not handed over yet; nil: nothing is

	ready    func() // of Await
	awaiting bool   // the socket below is watched
	pulls    bool   // who reads goes on with what the kernel has
	direct   bool   // what is sealed goes to the socket as it comes
	counting bool   // a task hands over what came
	paused   bool
	own      bool  // the socket below is not the reactor's
	shut     bool  // our half is to be closed below once nothing is unsent
	gone     bool  // closed, by whomever
	ended    bool  // the Handler above knows that the peer will send no more
	readErr  error // of crypto/tls, for good: io.EOF after the peer's good-bye
	writeErr error // of the socket below

	written  int // what the Handler wrote of what is unsent, at most
	mine     int // the first bytes of unsent, which hold that; behind them is what crypto/tls has to say
	overhead int // what sealing adds to a record; 0: that is not fixed
}

const (
	// openedBytes is how much is opened before it is handed over: some records, so that a large value makes few writes.
	openedBytes = 64 << 10
	// sealedBytes is how much is sealed before it is written, in bytes that the Handler wrote.
	sealedBytes = 64 << 10
	// recordBytes is the most that one record holds. Source: RFC 8446, section 5.1.
	recordBytes = 16 << 10
	// mostSeal is more than sealing adds to a record.
	mostSeal = 128
	// mostReplies bounds what crypto/tls has to say, as answers to what a peer asked that takes nothing in.
	mostReplies = 64 << 10
)

var (
	errDup     = errors.New("loop: a TLS session can't be handed over")
	errReplies = errors.New("loop: the peer takes nothing, and asks for more of TLS")
)

// enrollSealed is Enroll for a connection that speaks TLS.
func (l *Loop) enrollSealed(c *tlsconn.Conn, h Handler) error {
	y := &sealed{l: l, conn: c, above: h}
	return l.base.Enroll(l, c.Join(y), y)
}

// Opened implements Handler.
func (y *sealed) Opened(s Socket) bool {
	y.Socket = s
	y.overhead = y.conn.Overhead()
	if !y.above.Opened(y) {
		return false
	}
	y.pump(nil)
	return true
}

// Data implements Handler.
func (y *sealed) Data(buf []byte) { y.pump(buf) }

// pump hands over what came, also in buf, and then the end, if that came, too.
func (y *sealed) pump(buf []byte) {
	y.handOver(buf)
	y.afterReading()
}

// handOver hands over what Unread has opened, and then what is in records, the last ones those of buf. The Handler may read itself
// meanwhile (Read), which goes on where this is: so buf is there from the beginning, before what the kernel has. It may close as well.
func (y *sealed) handOver(buf []byte) {
	y.conn.Open(buf)
	for !y.gone {
		if bb := y.came; bb != nil {
			y.came = nil
			y.above.Data(bb.B)
			y.l.PutBuffer(bb)
			continue
		}
		if y.readErr != nil || !y.conn.More() {
			break
		}
		p := y.l.openRoom()
		if n := y.open(p); n > 0 {
			y.above.Data(p[:n])
			poison(p[:n])
		}
	}
	y.conn.Open(nil)
}

// open fills p with what can be opened of what came. readErr is why it stopped, if that is for good.
func (y *sealed) open(p []byte) (n int) {
	for n < len(p) {
		k, err := y.conn.Read(p[n:])
		n += k
		switch {
		case err == nil && !y.pulls && !y.conn.More():
			return n
		case err == nil:
		case errors.Is(err, tlsconn.ErrAgain):
			return n
		default:
			y.readErr = err
			return n
		}
	}
	return n
}

func (y *sealed) pull(on bool) {
	y.pulls = on
	y.conn.Pulls(on)
}

// afterReading writes what crypto/tls had to say, and tells the Handler of the end of what comes.
func (y *sealed) afterReading() {
	if y.gone {
		return
	}
	y.send()
	if y.unsent != nil && len(y.unsent.B)-y.mine > mostReplies {
		y.readErr = errReplies
	}
	if y.readErr == nil || y.came != nil || y.ended {
		return
	}
	// The peer said good-bye, or is out of its mind. TCP may well be open, so the reactor does not know.
	y.ended = true
	below := y.Socket
	y.above.Ended(y.end(y.readErr))
	switch {
	case y.gone:
	case y.own:
		below.Close()
	default:
		y.Close()
	}
}

// end is err as Handlers know it: a peer that ended TCP without a good-bye ended its half as one that said it.
func (y *sealed) end(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// Ended implements Handler: it comes behind what came.
func (y *sealed) Ended(err error) (news bool) {
	y.handOver(nil)
	if y.gone || y.ended {
		return true
	}
	y.ended = true
	news = y.above.Ended(err)
	if !y.own && !y.gone {
		y.free()
	}
	return news
}

// Writable implements Handler: nobody but y waits for the socket below, by Await.
func (y *sealed) Writable() {}

// Abandon implements Handler.
func (y *sealed) Abandon(err error) { y.above.Abandon(err) }

// Read implements Socket: past the reactor, and what is opened already is first.
func (y *sealed) Read(p []byte) (int, error) {
	if bb := y.came; bb != nil {
		n := copy(p, bb.B)
		if bb.B = bb.B[:copy(bb.B, bb.B[n:])]; len(bb.B) == 0 {
			y.l.PutBuffer(bb)
			y.came = nil
		}
		return n, nil
	}
	if y.readErr != nil || y.gone {
		return 0, y.err()
	}
	y.pull(true)
	n := y.open(p)
	y.pull(false)
	y.send()
	if n > 0 {
		return n, nil // the end is found again
	}
	return 0, y.err()
}

// err is readErr as Read says it: 0 bytes are the end, too.
func (y *sealed) err() error {
	if y.readErr == nil || y.end(y.readErr) == io.EOF { //nolint:errorlint // end returns it itself
		return nil
	}
	return y.readErr
}

// Pull implements tlsconn.Wire.
func (y *sealed) Pull(p []byte) (int, error) { return y.Socket.Read(p) }

// Unread implements Socket. What the kernel has is sealed: how much it holds shows only when it is opened, so that is done here, and
// a task hands it over. Of half a record one byte counts: there is something behind it.
func (y *sealed) Unread() (n int) {
	y.openAll(y.Socket.Unread())
	if y.came != nil {
		n = len(y.came.B)
	}
	if y.readErr == nil && y.conn.Half() {
		n++
	}
	return n
}

// openAll opens what came, and of what the kernel has about left bytes: a peer that never stops would be read for ever.
func (y *sealed) openAll(left int) {
	if y.gone || y.readErr != nil || left == 0 && !y.conn.More() {
		return
	}
	bb := y.came
	if bb == nil {
		bb = y.l.GetBuffer()
	}
	for from, n := len(bb.B), 1; n > 0 && y.readErr == nil && (len(bb.B)-from < left || y.conn.More()); bb.B = bb.B[:len(bb.B)+n] {
		y.l.Grow(bb, recordBytes, 0)
		y.pull(len(bb.B)-from < left)
		n = y.open(bb.B[len(bb.B):cap(bb.B)])
	}
	y.pull(false)
	y.send()
	if y.came = bb; len(bb.B) == 0 {
		y.l.PutBuffer(bb)
		y.came = nil
	}
	y.handOverSoon()
}

// handOverSoon has a task hand over what came, and say the end if that came, too.
func (y *sealed) handOverSoon() {
	if (y.came == nil && y.readErr == nil) || y.paused || y.counting {
		return
	}
	y.counting = true
	y.l.Execute(func() {
		defer y.l.survive(y) // as in a callback
		y.counting = false
		if !y.paused && !y.own {
			y.pump(nil)
		}
	})
}

// Pause implements Socket.
func (y *sealed) Pause() {
	y.paused = true
	y.Socket.Pause()
}

// Resume implements Socket.
func (y *sealed) Resume() {
	y.paused = false
	y.Socket.Resume()
	y.handOverSoon()
}

// Detach implements Socket.
func (y *sealed) Detach() (Socket, error) {
	s, err := y.Socket.Detach()
	if err != nil {
		return nil, err
	}
	if y.awaiting {
		y.awaiting = false
		y.Socket.Forget()
	}
	y.Socket, y.own = s, true
	if y.unsent != nil {
		_ = y.watch()
	}
	return y, nil
}

// Movable says that another process can have the connection of s, nil if there is none, by its descriptor.
func Movable(s Socket) bool {
	_, is := s.(*sealed)
	return !is
}

// Dup implements Socket: the keys of a session stay in this process.
func (y *sealed) Dup() (int, error) { return -1, errDup }

// RemoteAddr implements Socket.
func (y *sealed) RemoteAddr() net.Addr { return y.Socket.RemoteAddr() }

// Close implements Socket.
func (y *sealed) Close() {
	if y.gone {
		return
	}
	y.goodBye()
	y.free()
	y.Socket.Close()
}

// free gives back what y has of the loop.
func (y *sealed) free() {
	if y.awaiting {
		y.Socket.Forget()
	}
	y.gone, y.ready, y.awaiting = true, nil, false
	for _, bb := range []*bytebufferpool.ByteBuffer{y.unsent, y.came} {
		if bb != nil {
			y.l.PutBuffer(bb)
		}
	}
	y.unsent, y.came = nil, nil
}

// openRoom is a buffer of l for what was just opened. It is anybody's after the callback.
func (l *Loop) openRoom() []byte {
	if l.opened == nil {
		l.opened = make([]byte, openedBytes)
	}
	return l.opened
}
