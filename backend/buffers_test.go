package backend

import (
	"testing"

	"github.com/valyala/bytebufferpool"
)

func buffer(capacity int) *bytebufferpool.ByteBuffer {
	return &bytebufferpool.ByteBuffer{B: make([]byte, 0, capacity)}
}

// TestSpares: the last buffer that fits is taken, no more is kept than may be, and what nobody needs goes.
func TestSpares(t *testing.T) {
	s := spares{most: 200 << 10}
	small, large := buffer(16<<10), buffer(128<<10)
	s.put(small)
	s.put(large)
	s.put(buffer(64 << 10))
	if len(s.list) != 2 || s.bytes != 144<<10 {
		t.Fatalf("%d buffers of %d bytes are kept; want 2 of %d: a third is too much", len(s.list), s.bytes, 144<<10)
	}
	for _, c := range []struct {
		need, most int
		want       *bytebufferpool.ByteBuffer
	}{
		{129 << 10, 1 << 20, nil},
		{17 << 10, 100 << 10, nil},
		{10, 64 << 10, small},
		{10, 64 << 10, nil},
		{10, 1 << 20, large},
	} {
		if got := s.take(c.need, c.most); got != c.want {
			t.Errorf("take(%d, %d) = %p; want %p", c.need, c.most, got, c.want)
		}
	}
	if len(s.list) != 0 || s.bytes != 0 {
		t.Errorf("%d buffers of %d bytes are left; want none", len(s.list), s.bytes)
	}

	s.put(small)
	s.put(large)
	s.tidy()
	s.put(s.take(20<<10, 1<<20))
	s.tidy()
	if len(s.list) != 1 || s.list[0] != large {
		t.Errorf("%d buffers are left of two of which one was used; want the one", len(s.list))
	}
	s.tidy()
	if len(s.list) != 0 || s.bytes != 0 {
		t.Errorf("%d buffers of %d bytes are left that nobody uses; want none", len(s.list), s.bytes)
	}
}

// TestBatches: whoever needs little gets a short batch, whatever was given back before.
func TestBatches(t *testing.T) {
	var b batches
	for _, c := range []struct{ need, want int }{
		{0, 4 << 10}, {4 << 10, 4 << 10}, {4<<10 + 1, 16 << 10}, {17 << 10, 80 << 10}, {81 << 10, 81 << 10},
	} {
		p := b.get(c.need)
		if len(p) != 0 || cap(p) != c.want {
			t.Errorf("get(%d): length %d, capacity %d; want 0, %d", c.need, len(p), cap(p), c.want)
		}
		b.put(append(p, "used"...))
	}
	for _, want := range []int{4 << 10, 4 << 10} {
		if p := b.get(1); cap(p) != want {
			t.Errorf("get(1) has a capacity of %d; want %d", cap(p), want)
		}
	}
	p := append(b.get(1), "abc"...)
	if p = b.grow(p, 10<<10); string(p) != "abc" || cap(p) != 16<<10 {
		t.Errorf("grown by 10 KiB: %q, capacity %d; want \"abc\", %d", p, cap(p), 16<<10)
	}
	b.tidy()
	b.tidy()
	for i := range b {
		if n := len(b[i].free); n != 0 {
			t.Errorf("%d batches of %d bytes are left that nobody uses; want none", n, batchSizes[i])
		}
	}
	for range 2 * maxKeptBatches / (4 << 10) {
		b.put(make([]byte, 0, 4<<10))
	}
	if n := len(b[0].free); n != maxKeptBatches/(4<<10) {
		t.Errorf("%d batches are kept; want %d", n, maxKeptBatches/(4<<10))
	}
}
