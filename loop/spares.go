package loop

import (
	"math/bits"
	"slices"

	"github.com/valyala/bytebufferpool"
)

// spares are the buffers that a loop has for bytes that outlive a callback and does not use, by size, so that replies that
// have to wait, and large values above all, leave nothing to the garbage collector. (bytebufferpool.Pool knows no sizes: it
// would hand a buffer of a megabyte to a reply of ten bytes, and the other way round; and it drops what is longer than 95 of a
// hundred, which of replies to MGETs, long and short ones, was an allocation for each fragment.)
type spares struct {
	pooled
	classes [9]spareClass // by capacity: from 256 bytes, 1, 4, 16, 64, 256 KiB, 1, 4, 16 MiB
	bytes   int           // capacity of all
	most    int           // bytes to keep; 0: maxSpareBytes. Small ones have a quarter more, that large ones can't take from them
}

type spareClass struct {
	list []*bytebufferpool.ByteBuffer // the last given back is the next taken: it is still in the processor's cache
	idle int                          // the smallest number of free ones since the last tidy: that many were never needed
}

const (
	// leastSpare is what a buffer has room for at least.
	leastSpare = 256
	// spareBytes is from where a buffer is large. The capacity of large buffers is a multiple of it; that of others is where
	// their class begins.
	spareBytes = 16 << 10
	// maxSpareBytes is what a loop keeps: a value of 64 MiB, or many smaller ones.
	maxSpareBytes = 80 << 20
	// maxStepBytes is up to where a buffer that became too small is kept: larger ones are steps to what is rare.
	maxStepBytes = 1 << 20
	// maxSpareTries bounds the search for one that fits among those of about the size.
	maxSpareTries = 16
)

// classOf is the class of a capacity, which is leastSpare at least.
func (s *spares) classOf(capacity int) int {
	return min((bits.Len(uint(capacity/leastSpare))-1)/2, len(s.classes)-1)
}

// roomy is the capacity that a new buffer with room for need bytes gets.
func roomy(need int) int {
	for size := leastSpare; size < spareBytes; size *= 4 {
		if need <= size {
			return size
		}
	}
	return (need + spareBytes - 1) &^ (spareBytes - 1)
}

// take returns a buffer with room for need bytes that is not many times as large, or nil.
func (s *spares) take(need int) *bytebufferpool.ByteBuffer {
	class := s.classOf(need)
	last := min(class+1, len(s.classes)-1)
	if need < spareBytes {
		class = s.classOf(roomy(need)) // where all have room
		last = class
	}
	for i := class; i <= last; i++ {
		c := &s.classes[i]
		for j := len(c.list) - 1; j >= max(0, len(c.list)-maxSpareTries); j-- {
			if bb := c.list[j]; cap(bb.B) >= need {
				if last := len(c.list) - 1; j == last {
					c.list[j] = nil
					c.list = c.list[:last]
				} else {
					c.list = slices.Delete(c.list, j, j+1)
				}
				c.idle = min(c.idle, len(c.list))
				s.bytes -= cap(bb.B)
				s.leaves(bb.B)
				return bb
			}
		}
	}
	return nil
}

// put keeps bb, if there is room: what is not needed any more makes room within a second.
func (s *spares) put(bb *bytebufferpool.ByteBuffer) {
	capacity, most := cap(bb.B), s.most
	if capacity < leastSpare {
		return
	}
	if most == 0 {
		most = maxSpareBytes
	}
	if capacity < spareBytes {
		most += most / 4
	}
	if s.bytes+capacity > most {
		return
	}
	s.enters(bb.B)
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
			s.forget(bb.B)
		}
		c.list = slices.Delete(c.list, 0, c.idle)
		c.idle = len(c.list)
	}
	return was - s.bytes
}
