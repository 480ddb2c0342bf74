package resp

import "encoding/binary"

// The longest command name is 20 bytes (georadiusbymember_ro): three words hold any name.
const (
	nameWords   = 3
	maxNameLen  = 8 * nameWords
	hashBits    = 11
	hashSlots   = 1 << hashBits
	hashMix     = 0x9e3779b97f4a7c15
	hashMixTwo  = 0xc2b2ae3d27d4eb4f
	asciiRepeat = 0x0101010101010101
)

// nameSlot is a lower-case name as little-endian words padded with zeros, and its row in the table.
type nameSlot struct {
	word [nameWords]uint64
	len  uint16
	op   uint16 // 0: free
}

// nameTable is an open-addressed hash of all top-level names, at most a quarter full; built once.
var nameTable = buildNames()

func buildNames() *[hashSlots]nameSlot {
	t := new([hashSlots]nameSlot)
	for op := 1; op < len(commands); op++ {
		if commands[op].parent != 0 {
			continue
		}
		name := commands[op].name
		w := wordsOf([]byte(name))
		i := hashOf(w[0], w[1], w[2])
		for t[i].op != 0 {
			if t[i].word == w {
				panic("resp: command twice in the table: " + name)
			}
			i = (i + 1) % hashSlots
		}
		t[i] = nameSlot{word: w, len: uint16(len(name)), op: uint16(op)}
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
	case n <= maxNameLen:
		w := wordsOf(frame[off : off+n])
		a, b, c = lower(w[0]), lower(w[1]), lower(w[2])
	default:
		return 0
	}
	for i := hashOf(a, b, c); ; i++ {
		s := &nameTable[i%hashSlots]
		if s.word[0] == a && s.len == uint16(n) && s.word[1] == b && s.word[2] == c {
			return int(s.op)
		}
		if s.op == 0 {
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
