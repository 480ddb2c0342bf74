package ring

import (
	"encoding/binary"
	"math/bits"
)

// hashJenkins is Bob Jenkins' lookup3 (hashlittle) with the initial value 13: twelve bytes at a time into three words,
// and a last block of one to twelve bytes, padded with zeros, that gets the final mix.
//
// Source: twemproxy src/hashkit/nc_jenkins.c.
func hashJenkins(key []byte) uint32 {
	a := 0xdeadbeef + uint32(len(key)) + 13
	b, c := a, a
	for len(key) > 12 {
		a += binary.LittleEndian.Uint32(key)
		b += binary.LittleEndian.Uint32(key[4:])
		c += binary.LittleEndian.Uint32(key[8:])

		a = (a - c) ^ bits.RotateLeft32(c, 4)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 6)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 8)
		b += a
		a = (a - c) ^ bits.RotateLeft32(c, 16)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 19)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 4)
		b += a
		key = key[12:]
	}

	switch {
	case len(key) > 8:
		a += binary.LittleEndian.Uint32(key)
		b += binary.LittleEndian.Uint32(key[4:])
		c += littleEndian(key[8:])
	case len(key) > 4:
		a += binary.LittleEndian.Uint32(key)
		b += littleEndian(key[4:])
	case len(key) > 0:
		a += littleEndian(key)
	default:
		return c // an empty key is not mixed
	}
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	c = (c ^ b) - bits.RotateLeft32(b, 24)
	return c
}
