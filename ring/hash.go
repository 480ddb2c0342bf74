package ring

import "fmt"

// HashFunc is a key hash. It reads key during the call only, does not allocate, and may be called from any goroutine.
type HashFunc func(key []byte) uint32

// hashes are the key hashes in twemproxy's order, then ours.
//
// Six of them read the key through C's plain char. It is signed on x86, where nearly all twemproxies run, so there a byte
// from 0x80 up is sign-extended before it is mixed in; signed does that. (A twemproxy on Linux/arm64 gives other values
// for such keys. We give x86's on every platform.)
//
// Source: twemproxy src/hashkit/nc_hashkit.h, HASH_CODEC.
var hashes = []struct {
	name string
	sum  HashFunc
}{
	{"one_at_a_time", hashOneAtATime},
	{"md5", hashMD5},
	{"crc16", hashCRC16},
	{"crc32", hashCRC32},
	{"crc32a", hashCRC32A},
	{"fnv1_64", hashFNV1x64},
	{"fnv1a_64", hashFNV1Ax64},
	{"fnv1_32", hashFNV1x32},
	{"fnv1a_32", hashFNV1Ax32},
	{"hsieh", hashHsieh},
	{"murmur", hashMurmur},
	{"jenkins", hashJenkins},
	{"xxhash64", hashXX64},
}

// HashNames returns the names that ParseHash and Options.Hash accept, as a new slice: twemproxy's twelve, then xxhash64.
func HashNames() []string {
	names := make([]string, 0, len(hashes))
	for _, h := range hashes {
		names = append(names, h.name)
	}
	return names
}

// HashSpace returns how many hashes the function with this name has: all are below it, and random keys are spread evenly
// over them. It is 0 for crc16, whose high bits are little more than the key's last bytes.
func HashSpace(name string) uint64 {
	switch name {
	case "crc16":
		return 0
	case "crc32":
		return 1 << 15
	}
	return 1 << 32
}

// ParseHash returns the hash called name, which is case-sensitive, or an error that says the name is unknown.
func ParseHash(name string) (HashFunc, error) {
	for _, h := range hashes {
		if h.name == name {
			return h.sum, nil
		}
	}
	return nil, fmt.Errorf("ring: hash: unknown %q", name)
}

// signed widens a byte as x86 widens a C char: 0x80 to 0xff become 0xffffff80 to 0xffffffff.
func signed(b byte) uint32 { return uint32(int8(b)) }
