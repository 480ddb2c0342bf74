package ring

import "encoding/binary"

// hashHsieh is Paul Hsieh's SuperFastHash, begun with 0 instead of the length. Words are unsigned; the odd byte of a tail
// of three is signed, that of a tail of one is not.
//
// Source: twemproxy src/hashkit/nc_hsieh.c.
func hashHsieh(key []byte) uint32 {
	var h uint32
	for len(key) >= 4 {
		w := binary.LittleEndian.Uint32(key)
		h += w & 0xffff
		h = h<<16 ^ (w >> 16 << 11) ^ h
		h += h >> 11
		key = key[4:]
	}
	switch len(key) {
	case 3:
		h += uint32(binary.LittleEndian.Uint16(key))
		h ^= h << 16
		h ^= signed(key[2]) << 18
		h += h >> 11
	case 2:
		h += uint32(binary.LittleEndian.Uint16(key))
		h ^= h << 11
		h += h >> 17
	case 1:
		h += uint32(key[0])
		h ^= h << 10
		h += h >> 1
	}
	h ^= h << 3
	h += h >> 5
	h ^= h << 4
	h += h >> 17
	h ^= h << 25
	h += h >> 6
	return h
}
