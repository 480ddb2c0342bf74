//go:build !race && !invariants

package loop

import (
	"bytes"
	"testing"
)

// What crypto/tls allocates, 24 bytes for each time that it looks for a record in what came, is all that is allocated in steady state.
// When one of these falls, for crypto/tls has become better, write the new number here.
const (
	allocsOfRead  = 1 // a command that comes in a record of its own
	allocsOfBatch = 1 // 16 records of 64 bytes that come together
)

// TestSealedAllocs counts what a read and a write allocate.
func TestSealedAllocs(t *testing.T) {
	const runs, warm = 200, 100
	h := new(taker)
	y := newSealedTest(t, sealedConfig{room: 1 << 30, h: h})
	command := bytes.Repeat([]byte("c"), 64)
	records := func(n int) [][]byte {
		all := make([][]byte, runs+1+warm)
		for i := range all {
			for range n {
				all[i] = append(all[i], y.raw.record(typeData, command)...)
			}
		}
		return all
	}
	for _, c := range []struct {
		records int
		want    float64
	}{{1, allocsOfRead}, {16, allocsOfBatch}} {
		in := records(c.records)
		read := func() {
			h.got = h.got[:0]
			y.l.Data(y.handler(), in[0])
			in = in[1:]
		}
		for range warm {
			read() // buffers find their size
		}
		if got := testing.AllocsPerRun(runs, read); got != c.want || len(h.got) != c.records*len(command) {
			t.Errorf("reading %d records that came together allocates %v times, %d bytes; want %v", c.records, got, len(h.got), c.want)
		}
	}
	for _, size := range []int{64, 1 << 10, 16 << 10, 64 << 10} {
		reply := bytes.Repeat([]byte("r"), size)
		write := func() {
			y.sock.out.buf = y.sock.out.buf[:0]
			if n, err := h.sock.Write(reply); n != size || err != nil {
				t.Fatal(n, err)
			}
		}
		write()
		if got := testing.AllocsPerRun(runs, write); got != 0 {
			t.Errorf("writing %d bytes allocates %v times; want 0", size, got)
		}
	}
}
