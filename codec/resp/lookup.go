package resp

import "encoding/binary"

// The longest command name is 20 bytes (georadiusbymember_ro): three words hold any name.
const (
	nameWords   = 3
	maxNameLen  = 8 * nameWords
	hashBits    = 10
	hashSlots   = 1 << hashBits
	hashMix     = 0x9e3779b97f4a7c15
	hashMixTwo  = 0xc2b2ae3d27d4eb4f
	asciiRepeat = 0x0101010101010101
)

// nameTable finds a row by its name: an open-addressed hash of rows of commands, at most half full, beside the names
// as words, so that a look-up touches little memory. It is built once.
type nameTable struct {
	slot [hashSlots]uint16 // row; 0: free
	name []nameEntry       // by row
}

// nameEntry is a lower-case name as little-endian words padded with zeros.
type nameEntry struct {
	word [nameWords]uint64
	len  int
}

var names = buildNames()

func buildNames() *nameTable {
	t := &nameTable{name: make([]nameEntry, len(commands))}
	t.name[0].len = -1 // no name is that long
	for op := 1; op < len(commands); op++ {
		if commands[op].parent != 0 {
			continue
		}
		name := commands[op].name
		w := wordsOf([]byte(name))
		i := hashOf(w[0], w[1], w[2])
		for t.slot[i] != 0 {
			if t.name[t.slot[i]].word == w {
				panic("resp: command twice in the table: " + name)
			}
			i = (i + 1) % hashSlots
		}
		t.slot[i] = uint16(op)
		t.name[op] = nameEntry{word: w, len: len(name)}
	}
	return t
}

func hashOf(a, b, c uint64) uint64 {
	return ((a^c)*hashMix + b*hashMixTwo) >> (64 - hashBits)
}

// lookup finds the row of the command whose name is frame[off:off+n], 0 if there is none. It may read, but does not
// heed, bytes of frame behind the name.
func lookup(frame []byte, off, n int) int {
	var a, b, c uint64
	switch {
	case n <= 8 && off+8 <= len(frame):
		a = lower(binary.LittleEndian.Uint64(frame[off:]) & (1<<(8*uint(n)) - 1))
	case 8 < n && n <= 16 && off+16 <= len(frame):
		a = lower(binary.LittleEndian.Uint64(frame[off:]))
		b = lower(binary.LittleEndian.Uint64(frame[off+8:]) & (1<<(8*uint(n-8)) - 1))
	case n <= maxNameLen:
		w := wordsOf(frame[off : off+n])
		a, b, c = lower(w[0]), lower(w[1]), lower(w[2])
	default:
		return 0
	}
	for i := hashOf(a, b, c); ; i = (i + 1) % hashSlots {
		op := int(names.slot[i%hashSlots])
		e := &names.name[op]
		if e.word[0] == a && e.len == n && e.word[1] == b && e.word[2] == c {
			return op
		}
		if op == 0 {
			return 0
		}
	}
}

func wordsOf(name []byte) (w [nameWords]uint64) {
	var b [maxNameLen]byte
	copy(b[:], name)
	for i := range w {
		w[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return w
}

// lower turns the ASCII capitals among eight bytes into small letters and leaves all other bytes.
func lower(x uint64) uint64 {
	low := x &^ (0x80 * asciiRepeat)
	atLeastA := low + (0x80-'A')*asciiRepeat
	aboveZ := low + (0x80-'Z'-1)*asciiRepeat
	upper := (atLeastA ^ aboveZ) &^ x & (0x80 * asciiRepeat)
	return x | upper>>2
}

// equalFold tells whether b is word, a lower-case ASCII string, in any case.
func equalFold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
