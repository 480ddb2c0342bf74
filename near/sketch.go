package near

// Sketch counts how often commands came lately, by their hash: a count-min sketch of two rows, whose counts are halved when it has seen
// as many as a row has places: then, of those that came once among many of their kind, one in a hundred seems to have come three times;
// with twice as many one in four. It belongs to one loop.
type Sketch struct {
	rows [2][]uint8
	seen int
}

// NewSketch returns one with so many places in a row, a power of two.
func NewSketch(places int) *Sketch {
	return &Sketch{rows: [2][]uint8{make([]uint8, places), make([]uint8, places)}}
}

// Add counts a command, and returns how often it came, this time included: at least that often, and perhaps more.
func (k *Sketch) Add(hash uint64) int {
	mask := uint64(len(k.rows[0]) - 1)
	a, b := &k.rows[0][hash&mask], &k.rows[1][hash>>32&mask]
	n := min(*a, *b)
	if n < 255 {
		n++
		*a, *b = max(*a, n), max(*b, n)
	}
	if k.seen++; k.seen >= len(k.rows[0]) {
		k.age()
	}
	return int(n)
}

// Forget has a command be one that never came.
func (k *Sketch) Forget(hash uint64) {
	mask := uint64(len(k.rows[0]) - 1)
	k.rows[0][hash&mask], k.rows[1][hash>>32&mask] = 0, 0
}

// age halves all counts.
func (k *Sketch) age() {
	k.seen = 0
	for _, row := range k.rows {
		for i := range row {
			row[i] /= 2
		}
	}
}
