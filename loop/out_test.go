package loop

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/valyala/bytebufferpool"
)

// tightSocket takes as many bytes as its room.
type tightSocket struct {
	Socket // its other methods are not called

	got     []byte
	room    int
	err     error
	waiting int // Await, less Forget
}

func (s *tightSocket) Write(p []byte) (int, error) {
	n := min(len(p), s.room)
	s.room -= n
	s.got = append(s.got, p[:n]...)
	return n, s.err
}

func (s *tightSocket) Writev(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		m, err := s.Write(b)
		if n += m; m < len(b) || err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *tightSocket) Read([]byte) (int, error) { return 0, nil }
func (s *tightSocket) CloseWrite() error        { return nil }
func (s *tightSocket) Await(func()) error       { s.waiting++; return nil }
func (s *tightSocket) Forget()                  { s.waiting-- }

type nobody struct{}

func (nobody) Writable() {}

// TestOutOrder appends in every way an Out has, to sockets that take bytes by fits and starts: what arrives is what was
// appended, in order, and all of it.
func TestOutOrder(t *testing.T) {
	runs := 100
	if testing.Short() {
		runs = 25
	}
	for seed := range runs {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(seed), 1))
			l := newTestLoop()
			sock := &tightSocket{room: rnd.IntN([]int{1000, 100 << 10}[rnd.IntN(2)])}
			var o Out
			var want []byte
			keeps, released := rnd.IntN(2) == 0, 0
			if keeps {
				o.Keep()
			}
			if rnd.IntN(2) == 0 {
				o.Open(sock)
			}
			for range 60 {
				p := make([]byte, []int{1, 100, 5000, 20 << 10, 200 << 10}[rnd.IntN(5)])
				for i := range p[:min(len(p), 300)] {
					p[i], p[len(p)-1-i] = byte(rnd.Uint32()), byte(i)
				}
				switch rnd.IntN(5) {
				case 0:
					o.Through(l, p, nobody{})
				case 1:
					bb := l.GetBuffer()
					bb.B = append(append(bb.B[:0], p...), "not mine"...)
					o.Hand(l, bb, len(p))
				case 2:
					o.SetBatch(append(o.Batch(l), p...))
				default:
					o.Append(l, p)
				}
				want = append(want, p...)
				if o.Pending() != len(want)-len(sock.got) {
					t.Fatalf("Pending() = %d; want %d", o.Pending(), len(want)-len(sock.got))
				}
				if rnd.IntN(3) == 0 {
					// Sometimes for all that waits and little more, so that the next is cut short.
					sock.room += rnd.IntN(2)*o.Pending() + rnd.IntN([]int{100, 10_000, 300 << 10}[rnd.IntN(3)])
					o.stalled, sock.waiting = false, 0
				}
				o.Flush(l, nobody{})
				if keeps {
					released = checkHistory(t, &o, l, want, released, rnd)
				}
			}
			if o.sock == nil {
				o.Open(sock)
			}
			sock.room, o.stalled, sock.waiting = 1<<30, false, 0
			o.Flush(l, nobody{})
			if !bytes.Equal(sock.got, want) || o.Pending() != 0 || sock.waiting != 0 {
				t.Fatalf("%d of %d bytes arrived, the same: %v; pending %d", len(sock.got), len(want),
					bytes.Equal(sock.got, want), o.Pending())
			}
		})
	}
}

// checkHistory looks whether o has the bytes of want from released on, and releases more of those that are written. It returns from where
// on o has to have them then.
func checkHistory(t *testing.T, o *Out, l *Loop, want []byte, released int, rnd *rand.Rand) int {
	t.Helper()
	switch released += rnd.IntN(2) * rnd.IntN(max(o.Taken()-released, 0)+1); rnd.IntN(6) {
	case 0, 1:
		o.Release(l, released)
	case 2: // all that is written
		released = o.Taken()
		if o.Release(l, released); o.Held() != 0 {
			t.Fatalf("%d bytes are held, and all of %d are released", o.Held(), released)
		}
	}
	from := released + rnd.IntN(len(want)-released+1)
	n := rnd.IntN(len(want) - from + 1)
	if got := o.Bytes(nil, from, n); !bytes.Equal(got, want[from:from+n]) {
		t.Fatalf("Bytes(%d, %d) are others, %d of them, of %d written and %d in all", from, n, len(got), o.Taken(), len(want))
	}
	if held := o.Taken() - released; o.Held() > len(want) || held < 0 {
		t.Fatalf("%d bytes are held", o.Held())
	}
	return released
}

// TestOutHistory: what is kept goes with Leave, is given back by Close, and costs no copy.
func TestOutHistory(t *testing.T) {
	l := newTestLoop()
	var o Out
	o.Keep()
	o.Open(&tightSocket{room: 6})
	o.Append(l, []byte("writtenleft"))
	o.Flush(l, nobody{})
	o.Append(l, []byte("behind"))
	left := o.Leave()
	if got := string(left.Bytes(nil, 3, 12)); got != "ttenleftbehi" {
		t.Errorf("Bytes = %q", got)
	}
	if o.Pending() != 0 || o.Place() != 0 || !o.Keeps() {
		t.Errorf("after Leave: pending %d, place %d, keeps %v", o.Pending(), o.Place(), o.Keeps())
	}
	left.Close(l)
	if left.Held() != 0 || left.Pending() != 0 {
		t.Errorf("after Close: %d held, %d pending", left.Held(), left.Pending())
	}
}

func TestOutError(t *testing.T) {
	l := newTestLoop()
	sock := &tightSocket{room: 10, err: errors.New("broken")}
	var o Out
	o.Open(sock)
	o.Append(l, []byte("lost"))
	o.Flush(l, nobody{})
	o.Through(l, []byte("lost too"), nobody{})
	if o.Err() == nil {
		t.Error("Err() = nil after a failed write")
	}
	o.Close(l)
	if o.Pending() != 0 || o.Err() != nil {
		t.Errorf("after Close: Pending() = %d, Err() = %v; want 0, nil", o.Pending(), o.Err())
	}
}

func TestGrow(t *testing.T) {
	for _, c := range []struct{ length, capacity, n, want, capMax int }{
		{0, 0, 10, 0, 256},
		{10, 16, 6, 0, 16},
		{10, 16, 7, 0, 256},
		{64 << 10, 64 << 10, 64 << 10, 64 << 20, 256 << 10}, // not what was declared, only four times what came
		{32 << 20, 32 << 20, 64 << 10, 64 << 20, 64 << 20},  // the last step fits
		{16 << 20, 16 << 20, 64 << 10, 64<<20 + 33, 64<<20 + 16<<10},
		{64 << 20, 64 << 20, 33, 64<<20 + 33, 64<<20 + 16<<10},
		{100, 100, 1000, 512 << 20, 4 << 10}, // a declared length alone allocates nothing
	} {
		l := newTestLoop()
		bb := &bytebufferpool.ByteBuffer{B: make([]byte, c.length, c.capacity)}
		l.Grow(bb, c.n, c.want)
		if len(bb.B) != c.length || cap(bb.B) < c.length+c.n || cap(bb.B) > c.capMax {
			t.Errorf("Grow(%d/%d, %d, %d): len %d cap %d; want cap at most %d",
				c.length, c.capacity, c.n, c.want, len(bb.B), cap(bb.B), c.capMax)
		}
	}
}

// TestBigBuffer: the buffer of one large value serves the next, and is dropped when no more come.
func TestBigBuffer(t *testing.T) {
	l := newTestLoop()
	value := bytes.Repeat([]byte("large"), 1<<20)
	fill := func() *bytebufferpool.ByteBuffer {
		bb := l.GetBuffer()
		for p := value; len(p) > 0; p = p[min(len(p), 64<<10):] {
			n := min(len(p), 64<<10)
			l.Grow(bb, n, len(value))
			bb.B = append(bb.B, p[:n]...)
		}
		return bb
	}
	first := fill()
	where := &first.B[0]
	l.PutBuffer(first)
	second := fill()
	if &second.B[0] != where || !bytes.Equal(second.B, value) {
		t.Error("the second large value did not use the first one's buffer, or lost bytes")
	}
	l.PutBuffer(second)
	l.Tidy()
	l.Tidy()
	if l.spares.bytes != 0 {
		t.Error("Tidy keeps a large buffer that nobody uses")
	}
}

// TestOutWrites: what one system call takes, and when there is none.
func TestOutWrites(t *testing.T) {
	l := newTestLoop()
	l.Now = 7
	sock := &countedSocket{}
	sock.room = 1 << 30
	var o Out
	o.Flush(l, nobody{}) // closed
	o.Append(l, []byte("kept"))
	o.Through(l, []byte(" until open"), nobody{})
	o.Open(sock)
	o.Flush(l, nobody{})
	o.Flush(l, nobody{})
	if string(sock.got) != "kept until open" || sock.writes != 1 || o.Taken() != len(sock.got) || o.Pending() != 0 {
		t.Errorf("%q in %d writes", sock.got, sock.writes)
	}
	o.Through(l, nil, nobody{})
	if sock.writes != 1 {
		t.Error("a write of nothing")
	}
	big := make([]byte, handOverBytes)
	for range maxIovecs + 10 {
		o.Append(l, big)
	}
	o.Flush(l, nobody{})
	if sock.writes != 3 || sock.pieces[0] != maxIovecs || sock.pieces[1] != 10 || o.Pending() != 0 || cap(o.queue) > maxIovecs {
		t.Errorf("%d large pieces in %d writes, room for %d kept", maxIovecs+10, sock.writes-1, cap(o.queue))
	}
	for range maxIovecs {
		o.Append(l, big)
	}
	o.Append(l, big[1:]) // is copied
	if o.Flush(l, nobody{}); cap(o.queue) > maxIovecs || sock.pieces[len(sock.pieces)-1] != 1 {
		t.Errorf("room for %d kept; the last write of %d pieces", cap(o.queue), sock.pieces[len(sock.pieces)-1])
	}
	o.queue = make([]chunk, 0, maxIovecs)
	o.Append(l, big)
	if o.Flush(l, nobody{}); cap(o.queue) != maxIovecs {
		t.Error("the usual room is not kept")
	}
	o.SetBatch(append(o.Room(l, 3*handOverBytes), 'x'))
	o.Append(l, big[1:])
	if len(o.queue) != 0 {
		t.Error("a small piece is not copied into the batch")
	}
	if o.Append(l, big); len(o.queue) != 2 {
		t.Error("a large piece is copied into the batch")
	}
	o.Flush(l, nobody{})
	if _, stalled := o.Stalled(); stalled || sock.waiting != 0 {
		t.Error("stalled although all was taken")
	}
	for range maxIovecs + 10 {
		o.Append(l, big)
	}
	o.Through(l, big, nobody{})
	if o.Pending() != 0 || slices.Max(sock.pieces) > maxIovecs {
		t.Errorf("%d bytes wait; up to %d pieces in a write", o.Pending(), slices.Max(sock.pieces))
	}
	sock.room = 3
	o.Through(l, []byte("short"), nobody{})
	since, stalled := o.Stalled()
	if !stalled || since != 7 || sock.waiting != 1 || o.Pending() != 2 {
		t.Errorf("stalled %v since %d, %d wait, %d bytes", stalled, since, sock.waiting, o.Pending())
	}
	other := &countedSocket{}
	o.Move(l, other, nobody{})
	if _, stalled := o.Stalled(); !stalled || sock.waiting != 0 || other.waiting != 1 {
		t.Errorf("moved: stalled %v, %d wait there, %d here", stalled, sock.waiting, other.waiting)
	}
	o.Close(l)
	if other.waiting != 0 || o.Taken() != 0 {
		t.Errorf("closed: %d wait, %d bytes taken", other.waiting, o.Taken())
	}
	o.Open(other)
	o.Move(l, sock, nobody{})
	o.Close(l)
	if sock.waiting != 0 {
		t.Errorf("closed again: %d wait", sock.waiting)
	}
}

// countedSocket counts system calls, and how many pieces each wrote.
type countedSocket struct {
	tightSocket
	writes int
	pieces []int
}

func (s *countedSocket) Write(p []byte) (int, error) {
	s.writes++
	return s.tightSocket.Write(p)
}

func (s *countedSocket) Writev(b [][]byte) (int, error) {
	s.writes++
	s.pieces = append(s.pieces, len(b))
	return s.tightSocket.Writev(b)
}
