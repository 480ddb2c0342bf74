package backend

import (
	"math/bits"
	"slices"

	"github.com/valyala/bytebufferpool"
)

// spares are the large buffers that a loop keeps for its next large values, so that these leave nothing to the garbage
// collector, which would have pages to clear, to give back and to fetch again for each. (bytebufferpool knows no sizes: it
// would hand a buffer of a megabyte to a reply of ten bytes, and one of ten bytes to a value of a megabyte.)
type spares struct {
	classes [6]spareClass // by capacity: from 16 KiB, 64 KiB, 256 KiB, 1 MiB, 4 MiB, 16 MiB
	bytes   int           // capacity of all
	most    int           // bytes to keep; 0: maxSpareBytes
}

type spareClass struct {
	list []*bytebufferpool.ByteBuffer // the last given back is the next taken: it is still in the processor's cache
	idle int                          // fewest that there were since the last tidy: so many nobody needed
}

const (
	// spareBytes is from where a buffer is large. The capacity of large buffers is a multiple of it.
	spareBytes = 16 << 10
	// maxSpareBytes is what a loop keeps: a value of 64 MiB, or many smaller ones.
	maxSpareBytes = 80 << 20
	// maxStepBytes is up to where a buffer that became too small is kept: larger ones are steps to what is rare.
	maxStepBytes = 1 << 20
	// maxSpareTries bounds the search for one that fits among those of about the size.
	maxSpareTries = 16
)

// classOf is the class of a capacity, which is spareBytes at least.
func (s *spares) classOf(capacity int) int {
	return min((bits.Len(uint(capacity/spareBytes))-1)/2, len(s.classes)-1)
}

// take returns a buffer with room for need bytes that is not many times as large, or nil.
func (s *spares) take(need int) *bytebufferpool.ByteBuffer {
	class := s.classOf(max(need, spareBytes))
	for i := class; i <= class+1 && i < len(s.classes); i++ {
		c := &s.classes[i]
		for j := len(c.list) - 1; j >= max(0, len(c.list)-maxSpareTries); j-- {
			if bb := c.list[j]; cap(bb.B) >= need {
				c.list = slices.Delete(c.list, j, j+1)
				c.idle = min(c.idle, len(c.list))
				s.bytes -= cap(bb.B)
				return bb
			}
		}
	}
	return nil
}

// put keeps bb, if there is room: what is not needed any more makes room within a second.
func (s *spares) put(bb *bytebufferpool.ByteBuffer) {
	capacity, most := cap(bb.B), s.most
	if most == 0 {
		most = maxSpareBytes
	}
	if s.bytes+capacity > most {
		return
	}
	bb.B = bb.B[:0]
	c := &s.classes[s.classOf(capacity)]
	c.list = append(c.list, bb)
	s.bytes += capacity
}

// tidy lets go of what nobody needed since the last call, the oldest of each class, and returns how many bytes that were.
func (s *spares) tidy() int {
	was := s.bytes
	for i := range s.classes {
		c := &s.classes[i]
		for _, bb := range c.list[:c.idle] {
			s.bytes -= cap(bb.B)
		}
		c.list = slices.Delete(c.list, 0, c.idle)
		c.idle = len(c.list)
	}
	return was - s.bytes
}
