package ring

import "hash/crc32"

// crc16Tables are for the polynomial 0x1021, highest bit first: [n][b] is the CRC of byte b and then n zero bytes.
var crc16Tables = func() (t [4][256]uint16) {
	for b := range t[0] {
		c := uint16(b) << 8
		for n := range t {
			for range 8 {
				carry := c & 0x8000
				c <<= 1
				if carry != 0 {
					c ^= 0x1021
				}
			}
			t[n][b] = c
		}
	}
	return t
}()

// hashCRC16 is CRC-16/XMODEM computed in a 32-bit register that is never masked: the low 16 bits are the CRC, and the
// high 16 what the last two steps pushed out. So all but the last two bytes may be taken by any way that gives the CRC;
// four at once are twice as fast as one by one (BenchmarkHash).
//
// Source: twemproxy src/hashkit/nc_crc16.c.
func hashCRC16(key []byte) uint32 {
	t := &crc16Tables
	var c uint32
	for len(key) >= 4+2 {
		c = uint32(t[3][key[0]^byte(c>>8)] ^ t[2][key[1]^byte(c)] ^ t[1][key[2]] ^ t[0][key[3]])
		key = key[4:]
	}
	for _, b := range key {
		c = c<<8 ^ uint32(t[0][byte(c>>8)^b])
	}
	return c
}

// hashCRC32 is 15 bits of the standard CRC-32, as in libmemcached. Do not combine it with ketama: all its
// values lie before the first few points, so that next to all keys go to one server.
//
// Source: twemproxy src/hashkit/nc_crc32.c, hash_crc32.
func hashCRC32(key []byte) uint32 { return crc32.ChecksumIEEE(key) >> 16 & 0x7fff }

// hashCRC32A is the standard CRC-32 (IEEE, as in zlib).
//
// Source: twemproxy src/hashkit/nc_crc32.c, hash_crc32a.
func hashCRC32A(key []byte) uint32 { return crc32.ChecksumIEEE(key) }
