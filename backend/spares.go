package backend

import (
	"slices"

	"github.com/valyala/bytebufferpool"
)

// spares are the large buffers that a loop keeps for its next large values, so that these leave nothing to the garbage
// collector, which would have pages to clear, to give back and to fetch again for each. (bytebufferpool knows no sizes: it
// would hand a buffer of a megabyte to a reply of ten bytes, and one of ten bytes to a value of a megabyte.)
type spares struct {
	list  []*bytebufferpool.ByteBuffer // the last given back is the next taken: it is still in the processor's cache
	bytes int                          // capacity of all in list
	idle  int                          // fewest that there were since the last tidy: so many nobody needed
	most  int                          // bytes to keep; 0: maxSpareBytes
}

const (
	// spareBytes is from where a buffer is large. The capacity of large buffers is a multiple of it.
	spareBytes = 16 << 10
	// maxSpareBytes is what a loop keeps: a value of 64 MiB, or many smaller ones.
	maxSpareBytes = 80 << 20
	// maxStepBytes is up to where a buffer that became too small is kept: larger ones are steps to what is rare.
	maxStepBytes = 1 << 20
	// maxSpareTries bounds the search for one that fits.
	maxSpareTries = 64
)

// take returns a buffer with room for need bytes, and for most at most, or nil.
func (s *spares) take(need, most int) *bytebufferpool.ByteBuffer {
	last := len(s.list) - 1
	for i := last; i >= 0 && i > last-maxSpareTries; i-- {
		bb := s.list[i]
		if c := cap(bb.B); c >= need && c <= most {
			s.list = slices.Delete(s.list, i, i+1)
			s.bytes -= c
			s.idle = min(s.idle, len(s.list))
			return bb
		}
	}
	return nil
}

// put keeps bb, if there is room: what is not needed any more makes room within a second.
func (s *spares) put(bb *bytebufferpool.ByteBuffer) {
	c, most := cap(bb.B), s.most
	if most == 0 {
		most = maxSpareBytes
	}
	if s.bytes+c > most {
		return
	}
	bb.B = bb.B[:0]
	s.list = append(s.list, bb)
	s.bytes += c
}

// tidy lets go of what nobody needed since the last call: the oldest.
func (s *spares) tidy() {
	for _, bb := range s.list[:s.idle] {
		s.bytes -= cap(bb.B)
	}
	s.list = slices.Delete(s.list, 0, s.idle)
	s.idle = len(s.list)
}
