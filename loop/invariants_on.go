//go:build invariants

package loop

import (
	"bytes"
	"fmt"
	"unsafe"
)

const (
	// poisoned is what stands in bytes that nobody may read.
	poisoned = 0xCC
	// maxFree is how much of a buffer that nobody has is filled: of large ones the beginning tells enough.
	maxFree = 4 << 10
)

// unused is what stands at the beginning of a buffer that nobody has.
var unused = bytes.Repeat([]byte{0xDB}, maxFree)

// poison overwrites what a callback consumed, so that a slice that was kept too long fails a test, not a user.
func poison(buf []byte) {
	for i := range buf {
		buf[i] = poisoned
	}
}

// pooled are the buffers that a pool has and nobody uses. One that is given back twice would have two owners, and the bytes of one
// client would be another's; one that is written to after it was given back is somebody else's by then, or will be.
type pooled struct {
	buffers map[*byte]bool
	err     error // the first that was not as it should be
}

// place is what a buffer is known by: where its memory begins.
func place(p []byte) *byte { return unsafe.SliceData(p[:cap(p)]) }

// enters notes that p was given back.
func (o *pooled) enters(p []byte) {
	at := place(p)
	if o.buffers[at] {
		o.fault("a buffer of %d bytes is given back twice", cap(p))
		return
	}
	if o.buffers == nil {
		o.buffers = make(map[*byte]bool)
	}
	o.buffers[at] = true
	copy(p[:cap(p)], unused)
}

// leaves notes that p gets an owner.
func (o *pooled) leaves(p []byte) {
	at := place(p)
	if !o.buffers[at] {
		o.fault("a buffer of %d bytes is taken that was not given back", cap(p))
	}
	delete(o.buffers, at)
	if len(p) != 0 {
		o.fault("a buffer of %d bytes had %d bytes appended after it was given back", cap(p), len(p))
	}
	if n := min(cap(p), maxFree); !bytes.Equal(p[:n], unused[:n]) {
		o.fault("a buffer of %d bytes was written to after it was given back", cap(p))
	}
}

// forget notes that the pool let go of p.
func (o *pooled) forget(p []byte) { delete(o.buffers, place(p)) }

func (o *pooled) fault(format string, args ...any) {
	if o.err == nil {
		o.err = fmt.Errorf("loop: "+format, args...)
	}
}
