package loop

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
	kept := func() (n int) {
		for _, c := range s.classes {
			n += len(c.list)
		}
		return n
	}
	small, large := buffer(16<<10), buffer(128<<10)
	s.put(small)
	s.put(large)
	s.put(buffer(64 << 10))
	if kept() != 2 || s.bytes != 144<<10 {
		t.Fatalf("%d buffers of %d bytes are kept; want 2 of %d: a third is too much", kept(), s.bytes, 144<<10)
	}
	for _, c := range []struct {
		need int
		want *bytebufferpool.ByteBuffer
	}{
		{129 << 10, nil}, {5 << 10, small}, {16 << 10, large}, {16 << 10, nil}, {100, nil},
	} {
		if got := s.take(c.need); got != c.want {
			t.Errorf("take(%d) = %p; want %p", c.need, got, c.want)
		}
	}
	tiny := buffer(256)
	s.put(tiny)
	s.put(buffer(100))
	if s.bytes != 256 {
		t.Errorf("%d bytes are kept of buffers of 256 and 100; want 256", s.bytes)
	}
	if got, none := s.take(0), s.take(0); got != tiny || none != nil {
		t.Errorf("take(0) = %p, %p; want %p, of 256 bytes, and none", got, none, tiny)
	}
	s.put(large)
	s.put(small)
	if got := s.take(17 << 10); got != large {
		t.Errorf("take(17 KiB) = %p; want %p, of 128 KiB", got, large)
	}
	s.put(large)
	full := spares{most: 64 << 10}
	full.put(buffer(64 << 10))
	full.put(buffer(16 << 10))
	for range 100 {
		full.put(buffer(256))
	}
	if want := 64<<10 + 16<<10; full.bytes != want {
		t.Errorf("%d bytes are kept of 64 KiB, 16 KiB and 100 times 256 bytes; want %d, all that fit but the 16 KiB", full.bytes, want)
	}
	s.most = 100 << 20
	s.put(buffer(64 << 20))
	if got := s.take(1 << 20); got != nil {
		t.Errorf("1 MiB is given %d bytes; want none so large", cap(got.B))
	}

	s.tidy()
	s.put(s.take(100 << 10))
	s.tidy()
	if got := s.take(100 << 10); kept() != 0 || got != large {
		t.Errorf("%d buffers are left of three of which one was used; want the one", kept()+1)
	}
	s.put(large)
	s.tidy()
	s.tidy()
	if kept() != 0 || s.bytes != 0 {
		t.Errorf("%d buffers of %d bytes are left that nobody uses; want none", kept(), s.bytes)
	}
}

// TestBatches: whoever needs little gets a short batch, whatever was given back before.
func TestBatches(t *testing.T) {
	var b batches
	for _, c := range []struct{ need, want int }{
		{0, 2 << 10}, {2 << 10, 2 << 10}, {2<<10 + 1, 16 << 10}, {17 << 10, 80 << 10}, {81 << 10, 81 << 10},
	} {
		p := b.get(c.need)
		if len(p) != 0 || cap(p) != c.want {
			t.Errorf("get(%d): length %d, capacity %d; want 0, %d", c.need, len(p), cap(p), c.want)
		}
		b.put(append(p, "used"...))
	}
	for _, want := range []int{2 << 10, 2 << 10} {
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
	for range 2 * maxKeptBatches / (2 << 10) {
		b.put(make([]byte, 0, 2<<10))
	}
	if n := len(b[0].free); n != maxKeptBatches/(2<<10) {
		t.Errorf("%d batches are kept; want %d", n, maxKeptBatches/(2<<10))
	}
}
