package near

import (
	"math/rand/v2"
	"testing"
)

// TestSketch: a command has come at least as often as the sketch says it has, or it shares places; counts age.
func TestSketch(t *testing.T) {
	k := NewSketch(1 << 10)
	for i := range 5 {
		if n := k.Add(42); n != i+1 {
			t.Errorf("%d at the %dth time", n, i+1)
		}
	}
	if n := k.Add(43); n != 1 {
		t.Errorf("another came %d times", n)
	}
	k.Forget(42)
	if n := k.Add(42); n != 1 {
		t.Errorf("%d once it was forgotten", n)
	}
	for range 300 {
		k.Add(7)
	}
	if n := k.Add(7); n != 255 {
		t.Errorf("%d at most", n)
	}
}

// TestSketchAges: what came once in a while does not become frequent, what comes often is found among many that come once.
func TestSketchAges(t *testing.T) {
	k := NewSketch(1 << 10)
	random := rand.New(rand.NewPCG(1, 2))
	wrong, asked := 0, 0
	for i := range 100_000 {
		if n := k.Add(random.Uint64()); n >= 3 {
			wrong++
		}
		asked++
		if i%100 == 0 && k.Add(1) < 3 && i > 1000 {
			t.Fatalf("what is each hundredth is not found at %d", i)
		}
	}
	if wrong > asked/50 {
		t.Errorf("%d of %d that came once count as frequent", wrong, asked)
	}
	for range 8 << 10 {
		k.age()
	}
	if n := k.Add(1); n != 1 {
		t.Errorf("%d once all is old", n)
	}
}
