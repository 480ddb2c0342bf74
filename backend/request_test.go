package backend

import (
	"errors"
	"testing"
	"unsafe"

	"cashew/codec"
)

// TestRequestReused: of a request that is given back nothing is left in the next but its room for fragments.
func TestRequestReused(t *testing.T) {
	for _, whole := range []bool{false, true} {
		l := &Loop{}
		r := l.NewRequest(nil)
		r.Ref()
		r.link, r.Next, r.Parent = &Request{}, &Request{}, &Request{}
		r.at, r.from, r.SentAt, r.Size, r.Op, r.Quiet, r.Server, r.Keys, r.Frame = 1, 2, 3, 4, 5, 6, 7, 8, 9
		r.Done, r.Streaming, r.Sampled, r.ours = true, true, true, true
		r.Reply = l.GetBuffer()
		r.SetKey([]byte("key"))
		if whole {
			r.Gather = &codec.Gather{}
			r.Fragments, r.Pending, r.Err = append(r.Fragments, nil), 1, errors.New("lost")
		}
		l.Unref(r)
		l.Unref(r)
		again := l.NewRequest(nil)
		if again != r {
			t.Fatal("it is not reused")
		}
		if want := (plain{refs: 1}); again.plain != want {
			t.Errorf("reused, whole %v: %+v; want %+v", whole, again.plain, want)
		}
		if len(again.Key()) != 0 || len(again.Fragments) != 0 || again.Pending != 0 || again.Err != nil {
			t.Errorf("reused, whole %v: key %q, %+v; want none", whole, again.Key(), again.gathered)
		}
	}
}

// TestRequestLayout holds what the type's comment says of cache lines.
func TestRequestLayout(t *testing.T) {
	var r Request
	if size := unsafe.Sizeof(r); size != 256 {
		t.Errorf("a Request has %d bytes; want 256", size)
	}
	if end := unsafe.Offsetof(r.key) + 16; end > 128 {
		t.Errorf("a key of 16 bytes ends at %d; want 128 at most", end)
	}
}
