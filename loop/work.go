package loop

import "time"

// meter says which callbacks of a loop are measured, to tell how long all of them take: one of measureEvery, which stands for as many. A clock is
// read twice for it, and so for each callback a reading costs a thirtieth.
type meter struct {
	left   int           // callbacks until the next that is measured
	napped time.Duration // in all; a nap is no work
}

// measureEvery is a prime number, so that callbacks which come in turns, as of clients, of servers and those which write, are all measured.
const measureEvery = 61

// due says that the next callback is to be measured.
func (m *meter) due() bool {
	m.left--
	return m.left < 0
}

// measured is a measurement that has begun.
type measured struct{ at, napped int64 }

// begin begins to measure a callback of b's loop.
func (b *gnetBase) begin() measured {
	b.meter.left = measureEvery - 1
	return measured{b.loop.World.Nanos(), int64(b.meter.napped)}
}

// end counts what was measured for all callbacks that it stands for.
func (m measured) end(b *gnetBase) {
	took := b.loop.World.Nanos() - m.at - (int64(b.meter.napped) - m.napped)
	b.loop.Worked += measureEvery * time.Duration(max(took, 0))
}
