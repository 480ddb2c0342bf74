package ring

// The offset bases and primes of 32-bit FNV, and the low halves of those of 64-bit FNV.
const (
	fnvBase32     = 0x811c9dc5
	fnvPrime32    = 0x01000193
	fnvBase64Low  = 0x84222325
	fnvPrime64Low = 0x000001b3
)

// hashFNV1x64 is the low half of 64-bit FNV-1 over signed bytes. The low half of a product and of an exclusive or depends
// on the low halves of the operands only, so 32 bits are enough all the way.
//
// Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1_64.
func hashFNV1x64(key []byte) uint32 {
	h := uint32(fnvBase64Low)
	for _, b := range key {
		h *= fnvPrime64Low
		h ^= signed(b)
	}
	return h
}

// hashFNV1Ax64 is twemproxy's default hash. It is FNV-1a over signed bytes in 32 bits, with the low halves of the 64-bit
// constants: what the C source calls 64-bit has a uint32_t for its state. The result is that of 64-bit FNV-1a cut to its
// low half, up to the signs. Eight bytes in a row take half the instructions of eight times one.
//
// Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1a_64.
func hashFNV1Ax64(key []byte) uint32 {
	h := uint32(fnvBase64Low)
	for len(key) >= 8 {
		k := (*[8]byte)(key)
		h = (h ^ signed(k[0])) * fnvPrime64Low
		h = (h ^ signed(k[1])) * fnvPrime64Low
		h = (h ^ signed(k[2])) * fnvPrime64Low
		h = (h ^ signed(k[3])) * fnvPrime64Low
		h = (h ^ signed(k[4])) * fnvPrime64Low
		h = (h ^ signed(k[5])) * fnvPrime64Low
		h = (h ^ signed(k[6])) * fnvPrime64Low
		h = (h ^ signed(k[7])) * fnvPrime64Low
		key = key[8:]
	}
	for _, b := range key {
		h ^= signed(b)
		h *= fnvPrime64Low
	}
	return h
}

// hashFNV1x32 is 32-bit FNV-1 over signed bytes.
//
// Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1_32.
func hashFNV1x32(key []byte) uint32 {
	h := uint32(fnvBase32)
	for _, b := range key {
		h *= fnvPrime32
		h ^= signed(b)
	}
	return h
}

// hashFNV1Ax32 is 32-bit FNV-1a over signed bytes.
//
// Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1a_32.
func hashFNV1Ax32(key []byte) uint32 {
	h := uint32(fnvBase32)
	for _, b := range key {
		h ^= signed(b)
		h *= fnvPrime32
	}
	return h
}
