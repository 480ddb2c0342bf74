package stats

import (
	"fmt"
	"testing"
)

// TestBigKeysBounded: of more big keys than are kept, the largest stay.
func TestBigKeysBounded(t *testing.T) {
	const least = 16 << 10
	var k Sketch
	from := &Origin{Pool: "p"}
	for i := range 4 * SketchKeys {
		n := i * 7919 % (4 * SketchKeys)
		k.Note(from, 0, fmt.Append(nil, n), least+n)
	}
	if len(k.entries) != SketchKeys {
		t.Fatalf("%d entries; want %d", len(k.entries), SketchKeys)
	}
	for _, e := range k.entries {
		if e.bytes < least+3*SketchKeys {
			t.Errorf("%s of %d bytes is kept", e.shown(), e.bytes)
		}
	}
}
