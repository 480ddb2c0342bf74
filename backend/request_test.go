package backend

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"cashew/codec"
	"cashew/loop"
	"cashew/world/worldtest"
)

// TestRequestReused: of a request that is let go of nothing is left for the next in its place but room for fragments.
func TestRequestReused(t *testing.T) {
	for _, whole := range []bool{false, true} {
		l := NewLocal(loop.NewLoop(nil, worldtest.New(time.Now()), slog.New(slog.DiscardHandler)))
		r := l.NewRequest(nil)
		r.Ref()
		r.link, r.Next, r.Parent = &Request{}, &Request{}, &Request{}
		r.at, r.from, r.SentAt, r.Size, r.Op, r.Quiet, r.Server, r.Keys, r.Frame = 1, 2, 3, 4, 5, 6, 7, 8, 9
		r.Done, r.Streaming, r.Way, r.ours = true, true, 1, true
		r.Reply = l.loop.GetBuffer()
		r.SetKey([]byte("key"))
		if whole {
			r.Gather = &codec.Gather{}
			r.Fragments, r.Pending, r.Err = append(r.Fragments, nil), 1, errors.New("lost")
		}
		l.Unref(r)
		l.Unref(r)
		again := l.NewRequest(nil)
		for range minRequests {
			if again == r {
				break
			}
			l.Unref(again)
			again = l.NewRequest(nil)
		}
		if again != r {
			t.Fatal("its place is not used again")
		}
		if want := (plain{refs: 1}); again.plain != want {
			t.Errorf("reused, whole %v: %+v; want %+v", whole, again.plain, want)
		}
		if len(again.Key()) != 0 || len(again.Fragments) != 0 || again.Pending != 0 || again.Err != nil {
			t.Errorf("reused, whole %v: key %q, %+v; want none", whole, again.Key(), again.gathered)
		}
	}
}

// TestRequestReleasedTwice: that is a panic, but costs the ring no place: a loop that survives many still finds one.
func TestRequestReleasedTwice(t *testing.T) {
	l := NewLocal(loop.NewLoop(nil, worldtest.New(time.Now()), slog.New(slog.DiscardHandler)))
	for range 2 * minRequests {
		r := l.NewRequest(nil)
		l.Unref(r)
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			l.Unref(r)
		}()
	}
	if l.requests.inUse != 0 || len(l.requests.ring) != minRequests {
		t.Errorf("%d in use of %d; want 0 of %d", l.requests.inUse, len(l.requests.ring), minRequests)
	}
}

// TestRequestRing takes and releases at random, with some that stay for long: none is given to two, those in order are
// neighbours, and the ring is as large as it must be, also after a burst.
func TestRequestRing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	l := NewLocal(loop.NewLoop(nil, worldtest.New(time.Now()), slog.New(slog.DiscardHandler)))
	var held []*Request
	take := func() {
		r := l.NewRequest(nil)
		if r.Size != 0 {
			t.Fatal("a request that somebody holds was given away")
		}
		r.Size = 1
		held = append(held, r)
	}
	drop := func(i int) {
		l.Unref(held[i])
		held = slices.Delete(held, i, i+1)
	}
	for _, most := range []int{10, 300, maxRequests + 100, 2000, 0} {
		for range 3 * most {
			if len(held) < most && rnd.IntN(8) > 0 {
				take()
			} else if len(held) > 0 {
				drop(rnd.IntN(min(len(held), 1+rnd.IntN(len(held)))))
			}
		}
		for len(held) > most {
			drop(0)
		}
		if l.requests.inUse != len(held) {
			t.Fatalf("%d in use; want %d", l.requests.inUse, len(held))
		}
		if n := len(l.requests.ring); n < min(most, maxRequests) || n > maxRequests {
			t.Errorf("with %d held the ring has %d places", len(held), n)
		}
		for range 12 {
			l.requests.tidy()
		}
		if n := len(l.requests.ring); n > max(minRequests, len(held)*16/7) {
			t.Errorf("with %d held the ring has still %d places", len(held), n)
		}
	}
	first := l.NewRequest(nil)
	second := l.NewRequest(nil)
	if d := uintptr(unsafe.Pointer(second)) - uintptr(unsafe.Pointer(first)); d != unsafe.Sizeof(Request{}) {
		t.Errorf("two that follow one another are %d bytes apart", d)
	}
}

// TestRequestLayout holds what the type's comment says of cache lines.
func TestRequestLayout(t *testing.T) {
	for n := minRequests; n <= maxRequests; n *= 2 {
		var q requests
		for len(q.ring) < n {
			q.grow()
		}
		if at := uintptr(unsafe.Pointer(&q.ring[0])); at%64 != 0 {
			t.Errorf("a ring of %d begins %d bytes behind a cache line", n, at%64)
		}
	}
	var r Request
	if size := unsafe.Sizeof(r); size != 256 {
		t.Errorf("a Request has %d bytes; want 256", size)
	}
	if end := unsafe.Offsetof(r.key) + 16; end > 128 {
		t.Errorf("a key of 16 bytes ends at %d; want 128 at most", end)
	}
}
