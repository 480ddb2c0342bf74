package ring

import "github.com/cespare/xxhash/v2"

// hashXX64 is the low half of XXH64 with seed 0. twemproxy does not have it; it is the fastest choice for a new pool with
// long keys.
//
// Source: XXH64 in the xxHash fast digest algorithm specification.
func hashXX64(key []byte) uint32 { return uint32(xxhash.Sum64(key)) }
