package engine

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	houseInterval = 2 * time.Second
	spareBytes    = 32 << 20
)

// keepHouse gives memory back after a burst. Go returns it by itself, but over minutes, and an operator who looks at the
// resident size sees a leak until then. It forces a collection only in a quiet moment (no collection since the last look)
// and only when the heap has grown by spareBytes since it was last cleaned.
func (p *Proxy) keepHouse() {
	t := time.NewTicker(houseInterval)
	defer t.Stop()
	var cycles, clean uint64
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
		}
		for _, l := range p.loops {
			l.Execute(l.tidy)
		}
		held, n := heapHeld()
		clean = min(clean, held)
		if n == cycles && held > clean+spareBytes {
			debug.FreeOSMemory()
			clean, n = heapHeld()
		}
		cycles = n
	}
}

// heapHeld returns the bytes of heap that the operating system counts as ours, and the collections so far.
func heapHeld() (bytes, cycles uint64) {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64() + s[2].Value.Uint64(), s[3].Value.Uint64()
}
