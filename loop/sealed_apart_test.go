package loop

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRecordsEnd: records end where commands end, whole ones share them as far as they fit, and the rest of one has them to itself.
func TestRecordsEnd(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var begins []int
		want := 0
		if rnd.IntN(2) == 0 {
			want += rnd.IntN(3 * recordBytes) // the rest of another
		}
		for range rnd.IntN(12) {
			begins = append(begins, want)
			want += 1 + rnd.IntN([]int{100, 5000, 3 * recordBytes}[rnd.IntN(3)])
		}
		for at := 0; at < want; {
			end := recordsEnd(begins, at, want)
			_, begun := slices.BinarySearch(begins, at)
			inside := 0 // commands that begin behind at, before end
			for _, b := range begins {
				if b > at && b < end {
					inside++
				}
			}
			_, whole := slices.BinarySearch(begins, end)
			if end <= at || end > want || !whole && end != want {
				t.Fatalf("of %d bytes, commands at %v: from %d to %d, which is no end of a command", want, begins, at, end)
			}
			if inside > 0 && (!begun || end-at > recordBytes) {
				t.Fatalf("commands at %v: from %d to %d share records", begins, at, end)
			}
			if begun && end < want && nextBegin(begins, end, want)-at <= recordBytes {
				t.Fatalf("commands at %v: from %d to %d only, and the next would fit", begins, at, end)
			}
			at = end
		}
	}
}

func nextBegin(begins []int, at, want int) int {
	for _, b := range begins {
		if b > at {
			return b
		}
	}
	return want
}
