package ring

import "encoding/binary"

// hashMurmur is MurmurHash2 with a seed made from the length.
//
// Source: twemproxy src/hashkit/nc_murmur.c.
func hashMurmur(key []byte) uint32 {
	const m = 0x5bd1e995
	n := uint32(len(key))
	h := 0xdeadbeef*n ^ n
	for len(key) >= 4 {
		k := binary.LittleEndian.Uint32(key) * m
		k ^= k >> 24
		h = h*m ^ k*m
		key = key[4:]
	}
	if len(key) > 0 {
		h = (h ^ littleEndian(key)) * m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}

// littleEndian reads the one to four bytes of b as a number; missing high bytes are 0.
func littleEndian(b []byte) uint32 {
	switch len(b) {
	case 4:
		return binary.LittleEndian.Uint32(b)
	case 3:
		return uint32(binary.LittleEndian.Uint16(b)) | uint32(b[2])<<16
	case 2:
		return uint32(binary.LittleEndian.Uint16(b))
	default:
		return uint32(b[0])
	}
}
