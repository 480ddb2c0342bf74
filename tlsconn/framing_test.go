package tlsconn

import (
	"math/rand/v2"
	"testing"
)

// recordsIn is how many records p holds whole, from its beginning, and whether there is a part of one behind them: what framing says,
// with all of it at hand.
func recordsIn(p []byte) (n int, part bool) {
	for len(p) >= recordHead {
		size := recordHead + int(p[3])<<8 + int(p[4])
		if len(p) < size {
			break
		}
		p = p[size:]
		n++
	}
	return n, len(p) > 0
}

// wantFraming scans p cut at random and compares with recordsIn at each cut.
func wantFraming(t *testing.T, p []byte, rnd *rand.Rand) {
	t.Helper()
	var f framing
	ended := 0
	for at := 0; at < len(p); {
		k := 1 + rnd.IntN(min(len(p)-at, []int{1, 5, 7, 400, 1 << 16}[rnd.IntN(5)]))
		ended += f.scan(p[at : at+k])
		at += k
		if n, part := recordsIn(p[:at]); ended != n || (f.has > 0) != part {
			t.Fatalf("of %d bytes, cut at random: %d records ended, in the middle of one: %v; want %d, %v", at, ended, f.has > 0, n, part)
		}
	}
}

func TestFraming(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var p []byte
		for range rnd.IntN(12) {
			n := []int{0, 1, rnd.IntN(300), rnd.IntN(1<<14 + 256), 1<<16 - 1}[rnd.IntN(5)]
			p = append(append(p, 23, 3, 3, byte(n>>8), byte(n)), make([]byte, n)...)
		}
		wantFraming(t, p[:len(p)-rnd.IntN(len(p)/4+1)], rnd)
	}
}

func FuzzFraming(f *testing.F) {
	f.Add([]byte{22, 3, 1, 0, 2, 9, 9, 23, 3, 3, 0, 0, 23, 3}, uint64(1))
	f.Fuzz(func(t *testing.T, p []byte, seed uint64) { wantFraming(t, p, rand.New(rand.NewPCG(seed, 1))) })
}
