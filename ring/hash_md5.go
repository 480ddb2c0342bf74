package ring

import (
	"crypto/md5"
	"encoding/binary"
)

// hashMD5 is the first four bytes of the MD5 sum, little-endian. Ketama's points are MD5 sums too, whatever the key hash:
// nothing secret depends on either, but a process under GODEBUG=fips140=only cannot use them.
//
// Source: twemproxy src/hashkit/nc_md5.c.
func hashMD5(key []byte) uint32 {
	sum := md5.Sum(key)
	return binary.LittleEndian.Uint32(sum[:])
}
