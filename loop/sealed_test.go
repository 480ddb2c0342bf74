package loop

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// TestSealedEarly: records that came whole with the client's last flight are handed over as the connection opens, all of them, for no
// event will tell of them.
func TestSealedEarly(t *testing.T) {
	for n := 1; n <= 5; n++ {
		var early [][]byte
		var want []byte
		for i := range n {
			early = append(early, []byte(fmt.Sprintf("PING %d\r\n", i)))
			want = append(want, early[i]...)
		}
		y := newSealedTest(t, sealedConfig{early: early, room: 1 << 20})
		if y.all(); string(y.h.got) != string(want) {
			t.Errorf("%d records came with the handshake; handed over are %q", n, y.h.got)
		}
		y.peerWrites([]byte("later"))
		if y.all(); string(y.h.got) != string(want)+"later" {
			t.Errorf("%d records came with the handshake; with the next, handed over are %q", n, y.h.got)
		}
	}
}

// TestSealedStreams: what one side writes is what the other gets, however the socket below cuts, stalls and is paused, and whichever way
// the handler reads and writes.
func TestSealedStreams(t *testing.T) {
	runs := 40
	if testing.Short() {
		runs = 10
	}
	for seed := range runs {
		t.Run(strconv.Itoa(seed), func(t *testing.T) { sealedStreams(t, uint64(seed)) })
	}
}

func sealedStreams(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 2))
	h := new(taker)
	y := newSealedTest(t, sealedConfig{
		version: []uint16{tls.VersionTLS12, tls.VersionTLS13}[rnd.IntN(2)], server: rnd.IntN(2) == 0, room: rnd.IntN(300 << 10), h: h,
	})
	size := func() int { return 1 + rnd.IntN([]int{10, 1000, 17 << 10, 200 << 10}[rnd.IntN(4)]) }
	h.onData = func([]byte) {
		if rnd.IntN(3) == 0 { // as a session does that has the beginning of a large command
			p := make([]byte, size())
			n, err := h.out.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			h.got = append(h.got, p[:n]...)
		}
		if rnd.IntN(8) == 0 {
			h.sock.Pause()
		}
	}
	var sent, answered, read []byte
	for range 150 {
		switch rnd.IntN(9) {
		case 0, 1:
			p := noise(rnd, size())
			y.peerWrites(p)
			sent = append(sent, p...)
		case 2, 3:
			y.deliver(size())
		case 4:
			p := noise(rnd, size())
			answered = append(answered, p...)
			if rnd.IntN(2) == 0 {
				h.out.Append(y.l, p)
			} else {
				h.out.Through(y.l, p, h)
			}
			h.out.Flush(y.l, h)
		case 5:
			y.sock.give(size())
		case 6:
			h.sock.Resume()
		case 7:
			if n := h.sock.Unread(); len(h.got)+n > len(sent) {
				t.Fatalf("Unread() = %d; of %d bytes %d were handed over", n, len(sent), len(h.got))
			}
		default:
			y.base.run()
		}
		got, err := y.peerReads()
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, got...)
		if h.out.kept(y.l, h); len(answered)-h.out.Pending() < len(read) {
			t.Fatalf("%d of %d bytes are pending, and the peer has read %d", h.out.Pending(), len(answered), len(read))
		}
	}
	ending(t, y, rnd, sent, answered, read)
}

// ending has all of it arrive, and the peer end in one of the ways there are.
func ending(t *testing.T, y *sealedTest, rnd *rand.Rand, sent, answered, read []byte) {
	t.Helper()
	h := y.h
	h.onData = nil
	h.onEnded = func(error) { h.sock.Close() }
	y.sock.give(1 << 30)
	h.sock.Resume()
	y.all()
	got, err := y.peerReads()
	if err != nil || !bytes.Equal(append(read, got...), answered) || h.out.Pending() != 0 {
		t.Errorf("the peer has %d of %d bytes (%v), pending are %d", len(read)+len(got), len(answered), err, h.out.Pending())
	}
	if goodBye := rnd.IntN(2) == 0; goodBye {
		_ = y.peer.CloseWrite()
	}
	y.end.out.end()
	if y.all(); !bytes.Equal(h.got, sent) {
		t.Errorf("handed over are %d of %d bytes, or others", len(h.got), len(sent))
	}
	if len(h.ended) != 1 || !errors.Is(h.ended[0], io.EOF) {
		t.Errorf("Ended: %v; want io.EOF, once", h.ended)
	}
	if y.sock.closes > 1 {
		t.Errorf("the socket below was closed %d times", y.sock.closes)
	}
	wantPools(t, y.l)
}

// TestSealedFill: what a handler leaves of a record that it reads past the reactor comes by itself, whoever called it: no event will.
func TestSealedFill(t *testing.T) {
	for _, way := range []string{"event", "unread"} {
		h := new(taker)
		y := newSealedTest(t, sealedConfig{room: 1 << 20, h: h})
		want := bytes.Repeat([]byte("0123456789"), 100)
		filled := false
		h.onData = func([]byte) {
			if !filled {
				filled = true
				p := make([]byte, 7)
				n, _ := h.out.Read(p)
				h.got = append(h.got, p[:n]...)
			}
		}
		if way == "unread" {
			y.peerWrites(want[:10])
			if n := h.sock.Unread(); n != 10 {
				t.Errorf("Unread() = %d; want 10", n)
			}
			y.peerWrites(want[10:])
			y.base.run() // reads 7 bytes of the second record, and with them all of the kernel's
		} else {
			y.peerWrites(want[:10])
			y.peerWrites(want[10:])
			y.deliver(40)
		}
		if y.all(); !bytes.Equal(h.got, want) {
			t.Errorf("%s: %d bytes of %d came", way, len(h.got), len(want))
		}
	}
}

// TestSealedUnread: the bytes that came are told also where the kernel has none of them any more.
func TestSealedUnread(t *testing.T) {
	var unread []int
	h := new(taker)
	h.onOpen = func() { unread = append(unread, h.sock.Unread()) }
	y := newSealedTest(t, sealedConfig{early: [][]byte{[]byte("PING\r\n"), []byte("PING\r\n")}, room: 1 << 20, h: h})
	if _, err := h.sock.Dup(); err == nil || Movable(h.sock) || !Movable(y.sock) || !Movable(nil) {
		t.Errorf("Dup: %v; another process may have it: %v", err, Movable(h.sock))
	}
	if y.all(); unread[0] != 12 || string(h.got) != "PING\r\nPING\r\n" {
		t.Errorf("Unread() = %d as it opens; want 12; then %q came", unread[0], h.got)
	}
	y.peerWrites([]byte("abc"))
	y.deliver(10) // half a record
	if n := h.sock.Unread(); n != 3 {
		t.Errorf("Unread() = %d behind half a record; want 3", n)
	}
	if y.all(); string(h.got) != "PING\r\nPING\r\nabc" {
		t.Errorf("%q came", h.got)
	}
	y.peerWrites([]byte("defg"))
	whole := y.sock.in.buf
	y.sock.in.buf = whole[:len(whole)-5]
	if n := h.sock.Unread(); n != 1 {
		t.Errorf("Unread() = %d while half a record has come; want 1, for what is in it", n)
	}
	y.sock.in.buf = append(y.sock.in.buf, whole[len(whole)-5:]...)
	if y.all(); string(h.got) != "PING\r\nPING\r\nabcdefg" || h.sock.Unread() != 0 {
		t.Errorf("%q came, Unread() = %d", h.got, h.sock.Unread())
	}
}

// TestSealedKeyUpdate: the peer changes its keys and asks for others of ours, between records and within what is read past the
// reactor, also while the socket takes nothing.
func TestSealedKeyUpdate(t *testing.T) {
	h := new(taker)
	y := newSealedTest(t, sealedConfig{room: 1 << 20, h: h})
	y.raw.send(typeData, []byte("one "))
	y.raw.keyUpdate(true)
	y.raw.send(typeData, []byte("two "))
	y.raw.keyUpdate(false)
	y.raw.send(typeData, []byte("three"))
	y.all()
	h.out.Append(y.l, []byte("reply"))
	h.out.Flush(y.l, h)
	if data, updates, _, err := y.raw.reads(); string(h.got) != "one two three" || string(data) != "reply" || updates != 1 || err != nil {
		t.Errorf("%q came; the peer has %q and %d updates, %v", h.got, data, updates, err)
	}

	y.sock.room = 10 // in the middle of a record
	h.out.Append(y.l, bytes.Repeat([]byte("x"), 1000))
	h.out.Flush(y.l, h)
	for range 3 {
		y.raw.keyUpdate(true)
		y.raw.send(typeData, []byte("."))
	}
	y.all()
	h.out.Append(y.l, []byte("y"))
	h.out.Flush(y.l, h)
	if n := h.out.Pending(); n < 900 || n > 1001 {
		t.Errorf("Pending() = %d of 1001 bytes, of which 5 of a record's head left", n)
	}
	y.sock.give(1 << 20)
	y.all()
	data, updates, _, err := y.raw.reads()
	if string(h.got) != "one two three..." || len(data) != 1001 || data[1000] != 'y' || updates != 3 || err != nil || h.out.Pending() != 0 {
		t.Errorf("%q came; the peer has %d bytes and %d updates, %v; pending are %d", h.got, len(data), updates, err, h.out.Pending())
	}
}

// TestSealedUnsent: what crypto/tls has to say itself is none of the handler's unsent bytes, whose number is never more than those that
// the peer lacks.
func TestSealedUnsent(t *testing.T) {
	h := new(taker)
	y := newSealedTest(t, sealedConfig{h: h})
	_, _, _, _ = y.raw.reads() // tickets
	unsent := func() int { return h.sock.(Keeper).Unsent() }
	y.raw.keyUpdate(true)
	if y.all(); unsent() != 0 {
		t.Errorf("Unsent() = %d of nothing that was written", unsent())
	}
	if n, err := h.sock.Write([]byte("x")); n != 0 || err != nil {
		t.Errorf("Write = %d, %v while something is unsent; want 0", n, err)
	}
	y.sock.give(1 << 20)
	y.all()
	y.sock.room = 0
	for _, size := range []int{1, 100, 16 << 10, 16<<10 + 1, 64 << 10} {
		p := make([]byte, size)
		n, err := h.sock.Write(p)
		if n != size || err != nil {
			t.Fatalf("Write of %d bytes = %d, %v", size, n, err)
		}
		lacks := size // what the peer has not got whole records of
		for lacks > 0 {
			if u := unsent(); u > lacks || u < 1 {
				t.Fatalf("Unsent() = %d of %d bytes, of which the peer lacks %d", u, size, lacks)
			}
			y.sock.give(1 + min(size, 3000))
			y.base.run()
			data, _, _, err := y.raw.reads()
			if err != nil {
				t.Fatal(err)
			}
			lacks -= len(data)
		}
		y.sock.give(100)
		y.base.run()
		y.sock.room = 0
		if u := unsent(); u != 0 {
			t.Errorf("Unsent() = %d of %d bytes that the peer has", u, size)
		}
	}
	_, _ = h.sock.Write([]byte("abc"))
	y.sock.give(25 + 5) // all of the record
	y.raw.keyUpdate(true)
	y.all()
	if data, _, _, err := y.raw.reads(); string(data) != "abc" || err != nil || unsent() != 0 {
		t.Errorf("Unsent() = %d, and the peer has %q, %v", unsent(), data, err)
	}
}

// TestSealedGreedy: a peer that takes nothing in and makes crypto/tls talk is closed before that has filled the memory.
func TestSealedGreedy(t *testing.T) {
	h := new(taker)
	h.onEnded = func(error) { h.sock.Close() }
	y := newSealedTest(t, sealedConfig{h: h})
	for i := 0; len(h.ended) == 0 && i < 100_000; i++ {
		y.raw.keyUpdate(true)
		y.raw.send(typeData, []byte("."))
		y.all()
	}
	if len(h.ended) != 1 || !errors.Is(h.ended[0], errReplies) || !y.sock.closed || len(h.got) > 20_000 {
		t.Errorf("Ended: %v behind %d updates, closed: %v", h.ended, len(h.got), y.sock.closed)
	}
	wantPools(t, y.l)
}

// TestSealedRubbish: a record that is not the peer's ends the connection behind what was before it, with an alert.
func TestSealedRubbish(t *testing.T) {
	h := new(taker)
	h.onEnded = func(error) { h.sock.Close() }
	y := newSealedTest(t, sealedConfig{room: 1 << 20, h: h})
	y.raw.send(typeData, []byte("good"))
	bad := y.raw.record(typeData, []byte("bad"))
	bad[len(bad)-1] ^= 1
	_, _ = y.end.out.Write(bad)
	y.raw.send(typeData, []byte("behind"))
	y.all()
	_, _, alerts, err := y.raw.reads()
	if string(h.got) != "good" || len(h.ended) != 1 || errors.Is(h.ended[0], io.EOF) || h.ended[0] == nil || !y.sock.closed || y.sock.closes != 1 {
		t.Errorf("%q came, Ended: %v, closed %d times", h.got, h.ended, y.sock.closes)
	}
	if err != nil || len(alerts) == 0 || alerts[0] != 20 {
		t.Errorf("alerts %v, %v; want bad_record_mac first", alerts, err)
	}
	wantPools(t, y.l)
}

// TestSealedGoodBye: the ways in which a peer stops sending, and what the handler still owes it.
func TestSealedGoodBye(t *testing.T) {
	for _, way := range []string{"close_notify", "close_notify and FIN", "FIN", "FIN in a record", "paused"} {
		t.Run(way, func(t *testing.T) {
			h := new(taker)
			y := newSealedTest(t, sealedConfig{room: 1 << 20, h: h})
			h.onEnded = func(error) { // as a session that owes replies
				s, err := h.sock.Detach()
				if err != nil {
					t.Fatal(err)
				}
				h.out.Move(y.l, s, h)
			}
			y.peerWrites([]byte("command"))
			want := "command"
			switch way {
			case "FIN in a record":
				y.sock.in.buf = y.sock.in.buf[:10]
				want = ""
			case "FIN":
			case "paused":
				h.sock.Pause()
				fallthrough
			default:
				if err := y.peer.CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			if way != "close_notify" {
				y.end.out.end()
			}
			if way == "paused" {
				y.hangUp(io.EOF)
				for p := make([]byte, 3); ; {
					n, err := h.out.Read(p)
					if h.got = append(h.got, p[:n]...); n == 0 || err != nil {
						break
					}
				}
			}
			y.all()
			if string(h.got) != want || len(h.ended) != 1 || !errors.Is(h.ended[0], io.EOF) || !y.sock.closed || y.sock.closes > 1 {
				t.Fatalf("%q came, Ended: %v, closed %d times", h.got, h.ended, y.sock.closes)
			}
			if y.sock = y.sock.detached; y.sock == nil {
				t.Fatal("not detached")
			}
			y.sock.room = 10
			h.out.Append(y.l, []byte("reply"))
			h.out.Flush(y.l, h)
			y.sock.give(1 << 20)
			y.base.run()
			if h.out.Pending() != 0 || h.out.CloseWrite() != nil {
				t.Errorf("pending %d", h.out.Pending())
			}
			if got, err := y.peerReads(); string(got) != "reply" || !errors.Is(err, io.EOF) {
				t.Errorf("the peer has %q, %v; want the reply, and close_notify", got, err)
			}
			h.out.Close(y.l)
			h.sock.Close()
			if wantPools(t, y.l); y.sock.closes != 1 {
				t.Errorf("what was detached was closed %d times", y.sock.closes)
			}
		})
	}
}

// TestSealedCloseWrite: our good-bye comes behind all that is unsent, as TLS's and TCP's, though the socket takes a few bytes at a time.
func TestSealedCloseWrite(t *testing.T) {
	for _, last := range []string{"last words", ""} {
		for _, step := range []int{1, 10, 1 << 20} {
			h := new(taker)
			y := newSealedTest(t, sealedConfig{h: h})
			h.out.Append(y.l, []byte(last))
			h.out.Flush(y.l, h)
			if err := h.out.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < 2000 && !y.sock.shut; i++ {
				y.sock.give(step)
				y.base.run()
			}
			data, _, alerts, err := y.raw.reads()
			if string(data) != last || len(alerts) != 1 || alerts[0] != 0 || err != nil || !y.sock.shut {
				t.Errorf("%q, step %d: the peer has %q and alerts %d, %v; want close_notify; shut below: %v", last, step, data, alerts, err, y.sock.shut)
			}
			y.peerWrites([]byte("more"))
			if y.all(); string(h.got) != "more" {
				t.Errorf("%q, step %d: %q came behind our good-bye", last, step, h.got)
			}
			h.sock.Close()
			wantPools(t, y.l)
		}
	}
}

// TestSealedBroken: a socket that breaks is told to who writes, and what waits for it to take bytes is called.
func TestSealedBroken(t *testing.T) {
	h := new(taker)
	y := newSealedTest(t, sealedConfig{h: h})
	h.out.Append(y.l, []byte("kept"))
	h.out.Flush(y.l, h)
	if _, stalled := h.out.Stalled(); !stalled {
		t.Fatal("not stalled on a socket that takes nothing")
	}
	y.sock.wErr = net.ErrClosed
	y.sock.give(1)
	y.base.run()
	if _, stalled := h.out.Stalled(); stalled {
		t.Error("stalled for ever")
	}
	h.out.Append(y.l, []byte("more"))
	if h.out.Flush(y.l, h); !errors.Is(h.out.Err(), net.ErrClosed) {
		t.Errorf("Err() = %v", h.out.Err())
	}
	h.sock.Close()
	wantPools(t, y.l)
}

// TestSealedCloses: a handler that closes, or panics, in any of its calls is not called again, and nothing is kept.
func TestSealedCloses(t *testing.T) {
	for _, how := range []string{"closes", "panics"} {
		for _, where := range []string{"data", "came", "ended"} {
			h := new(taker)
			y := newSealedTest(t, sealedConfig{room: 1 << 20, h: h})
			end := func() {
				if how == "panics" {
					panic("planted")
				}
				h.sock.Close()
			}
			if where == "ended" {
				h.onEnded = func(error) { end() }
			} else {
				h.onData = func([]byte) { end() }
			}
			y.peerWrites(bytes.Repeat([]byte("x"), 200<<10))
			if where == "came" {
				h.sock.Unread()
				y.base.run()
			}
			for y.deliver(64 << 10) {
				y.base.run()
			}
			if where != "ended" && (len(h.ended) != 0 || len(h.got) > 200<<10/2 && where == "data") {
				t.Errorf("%s in %s: %d bytes came, Ended %v", how, where, len(h.got), h.ended)
			}
			if where == "ended" {
				_ = y.peer.CloseWrite()
				y.all()
			}
			if !y.sock.closed || y.sock.closes > 1 || (how == "panics") != (h.abandon == 1) {
				t.Errorf("%s in %s: closed %d times, abandoned %d times", how, where, y.sock.closes, h.abandon)
			}
			wantPools(t, y.l)
		}
	}
}

// TestSealedForgets: nobody waits for a socket that is closed, whichever way that was.
func TestSealedForgets(t *testing.T) {
	for _, way := range []string{"close", "ended", "detached"} {
		h := new(taker)
		y := newSealedTest(t, sealedConfig{h: h})
		h.out.Append(y.l, []byte("stalls"))
		h.out.Flush(y.l, h)
		if y.sock.ready == nil {
			t.Fatal("nobody waits")
		}
		h.onEnded = func(error) {
			if way == "detached" {
				s, _ := h.sock.Detach()
				h.out.Move(y.l, s, h)
			} else {
				h.out.Close(y.l)
			}
		}
		if way == "close" {
			h.out.Close(y.l)
			h.sock.Close()
		} else {
			y.hangUp(io.EOF)
		}
		if y.sock.ready != nil {
			t.Errorf("%s: who waits for the socket is not forgotten", way)
		}
		if way == "detached" {
			if y.sock.detached.ready == nil {
				t.Error("nobody waits for what was detached")
			}
			y.sock.detached.give(1 << 20)
			y.base.run()
			if got, _ := y.peerReads(); string(got) != "stalls" || h.out.Pending() != 0 {
				t.Errorf("the peer has %q, pending are %d", got, h.out.Pending())
			}
		}
	}
}
