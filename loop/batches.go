package loop

import "slices"

// batches are the buffers of Outs that a loop has and does not use, in classes by size: a server's batch of 64 KiB must not
// become that of a client who gets five bytes, nor the other way round.
type batches [len(batchSizes)]batchClass

// batchSizes: of a client, of one that pipelines, and the longest that there is.
var batchSizes = [...]int{2 << 10, 16 << 10, maxBatchBytes + handOverBytes}

type batchClass struct {
	pooled
	free [][]byte // the last given back is the next taken
	idle int      // the smallest number of free buffers since the last tidy: that many were never needed
}

// maxKeptBatches bounds the bytes of one class.
const maxKeptBatches = 16 << 20

// get returns an empty batch with room for need bytes.
func (b *batches) get(need int) []byte {
	for i, size := range batchSizes {
		if size < need {
			continue
		}
		c := &b[i]
		n := len(c.free) - 1
		if n < 0 {
			return make([]byte, 0, size)
		}
		free := c.free[n]
		c.free[n] = nil
		c.free, c.idle = c.free[:n], min(c.idle, n)
		c.leaves(free)
		return free
	}
	return make([]byte, 0, need)
}

// put takes back what get gave, also if it grew since.
func (b *batches) put(p []byte) {
	for i := len(b) - 1; i >= 0; i-- {
		if size := batchSizes[i]; cap(p) >= size {
			if c := &b[i]; cap(p) < 2*size+maxBatchBytes && len(c.free) < maxKeptBatches/size {
				c.enters(p)
				c.free = append(c.free, p[:0])
			}
			return
		}
	}
}

// grow returns p, that get gave, with room for n more bytes.
func (b *batches) grow(p []byte, n int) []byte {
	q := append(b.get(len(p)+n), p...)
	b.put(p)
	return q
}

// tidy lets go of what nobody needed since the last call, and returns how many bytes that were at least.
func (b *batches) tidy() (dropped int) {
	for i := range b {
		c := &b[i]
		dropped += c.idle * batchSizes[i]
		for _, p := range c.free[:c.idle] {
			c.forget(p)
		}
		c.free = slices.Delete(c.free, 0, c.idle)
		c.idle = len(c.free)
	}
	return dropped
}
