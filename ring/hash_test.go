package ring

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// apple has the check values of twemproxy's own unit test, src/test_all.c.
var apple = map[string]uint32{
	"one_at_a_time": 2297466611,
	"md5":           3195025439,
	"crc16":         3662830516,
	"crc32":         10542,
	"crc32a":        2838417488,
	"fnv1_64":       473199127,
	"fnv1a_64":      1488911807,
	"fnv1_32":       67176023,
	"fnv1a_32":      280767167,
	"hsieh":         3738850110,
	"murmur":        4142305122,
	"jenkins":       1442444624,
}

func TestHashApple(t *testing.T) {
	for name, want := range apple {
		sum, err := ParseHash(name)
		if err != nil {
			t.Errorf("ParseHash(%q) = %v", name, err)
			continue
		}
		if got := sum([]byte("apple")); got != want {
			t.Errorf("%s(%q) = %d; want %d", name, "apple", got, want)
		}
	}
}

func TestHashNames(t *testing.T) {
	want := []string{
		"one_at_a_time", "md5", "crc16", "crc32", "crc32a", "fnv1_64", "fnv1a_64", "fnv1_32", "fnv1a_32", "hsieh",
		"murmur", "jenkins", "xxhash64",
	}
	if got := HashNames(); !slices.Equal(got, want) {
		t.Errorf("HashNames() = %q; want %q", got, want)
	}
	for _, name := range want {
		if sum, err := ParseHash(name); err != nil || sum == nil {
			t.Errorf("ParseHash(%q) = %v", name, err)
		}
	}
	for _, name := range []string{"", "MD5", "md5 ", "fnv1a"} {
		if sum, err := ParseHash(name); err == nil || sum != nil {
			t.Errorf("ParseHash(%q) found a hash; want an error", name)
		}
	}
}

// TestHashGolden checks all of testdata/hash.tsv: 49 keys and the twelve hashes of twemproxy.
func TestHashGolden(t *testing.T) {
	rows := map[string]int{}
	for _, line := range readLines(t, "testdata/hash.tsv") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			t.Fatalf("%q: %d fields; want 3", line, len(fields))
		}
		key, err := hex.DecodeString(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		want, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := ParseHash(fields[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := sum(key); got != uint32(want) {
			t.Errorf("%s(%q) = %d; want %d", fields[0], key, got, want)
		}
		rows[fields[0]]++
	}
	for _, name := range HashNames() {
		if want := 49; name != "xxhash64" && rows[name] != want {
			t.Errorf("%s: %d rows; want %d", name, rows[name], want)
		}
	}
}

// TestHashXX64 has check values from the reference implementation of XXH64, seed 0, cut to 32 bits.
func TestHashXX64(t *testing.T) {
	cases := []struct {
		key  string
		want uint64
	}{
		{"", 0xef46db3751d8e999},
		{"a", 0xd24ec4f1a98c6e5b},
		{"as", 0x1c330fb2d66be179},
		{"asdf", 0x415872f599cea71e},
		{"Call me Ishmael. Some years ago--never mind how long precisely-", 0x02a2e85470d6fd96},
	}
	for _, c := range cases {
		if got := hashXX64([]byte(c.key)); got != uint32(c.want) {
			t.Errorf("hashXX64(%q) = %#x; want %#x", c.key, got, uint32(c.want))
		}
	}
}

// TestHashFNVStandard compares with the standard library on keys below 0x80, where twemproxy's FNV is the standard one.
func TestHashFNVStandard(t *testing.T) {
	for _, key := range []string{"a", "apple", "user:{1000}:profile", strings.Repeat("x", 200)} {
		h32, h32a, h64, h64a := fnv.New32(), fnv.New32a(), fnv.New64(), fnv.New64a()
		for _, h := range []interface{ Write([]byte) (int, error) }{h32, h32a, h64, h64a} {
			if _, err := h.Write([]byte(key)); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			name string
			want uint32
		}{
			{"fnv1_32", h32.Sum32()},
			{"fnv1a_32", h32a.Sum32()},
			{"fnv1_64", uint32(h64.Sum64())},
			{"fnv1a_64", uint32(h64a.Sum64())},
		} {
			sum, err := ParseHash(c.name)
			if err != nil {
				t.Fatal(err)
			}
			if got := sum([]byte(key)); got != c.want {
				t.Errorf("%s(%q) = %d; want %d", c.name, key, got, c.want)
			}
		}
	}
}

// TestHashLengths compares the hashes that work on more than a byte at once with plain ones, at every length up to 100
// (all tails, one and more blocks) and with every byte value somewhere.
func TestHashLengths(t *testing.T) {
	key := make([]byte, 356)
	for i := range key {
		key[i] = byte(i * 167)
	}
	for n := range 101 {
		for start := 0; start < 256; start += 8 {
			checkPlain(t, key[start:start+n])
		}
	}
}

// checkPlain compares the hashes of one key with those of the plain forms below.
func checkPlain(t *testing.T, key []byte) {
	t.Helper()
	for _, c := range []struct {
		name       string
		sum, plain HashFunc
	}{
		{"hashCRC16", hashCRC16, plainCRC16},
		{"hashFNV1x64", hashFNV1x64, plainFNV1x64},
		{"hashFNV1Ax64", hashFNV1Ax64, plainFNV1Ax64},
		{"hashMurmur", hashMurmur, plainMurmur},
		{"hashJenkins", hashJenkins, plainJenkins},
	} {
		if got, want := c.sum(key), c.plain(key); got != want {
			t.Fatalf("%s(%q) = %d; want %d", c.name, key, got, want)
		}
	}
}

func plainCRC16(key []byte) uint32 {
	var c uint32
	for _, b := range key {
		step := uint32(b) ^ c>>8&0xff
		step <<= 8
		for range 8 {
			step <<= 1
			if step&0x10000 != 0 {
				step ^= 0x11021
			}
		}
		c = c<<8 ^ step
	}
	return c
}

func plainFNV1x64(key []byte) uint32 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range key {
		h *= 0x100000001b3
		h ^= uint64(int8(b))
	}
	return uint32(h)
}

func plainFNV1Ax64(key []byte) uint32 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range key {
		h ^= uint64(int8(b))
		h *= 0x100000001b3
	}
	return uint32(h)
}

func plainMurmur(key []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(len(key))*0xdeadbeef ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h *= m
		h ^= k
	}
	if len(key) > 2 {
		h ^= uint32(key[2]) << 16
	}
	if len(key) > 1 {
		h ^= uint32(key[1]) << 8
	}
	if len(key) > 0 {
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}

func plainJenkins(key []byte) uint32 {
	rotate := func(x uint32, n int) uint32 { return x<<n | x>>(32-n) }
	a := 0xdeadbeef + uint32(len(key)) + 13
	b, c := a, a
	if len(key) == 0 {
		return c
	}
	for {
		var block [12]byte
		n := copy(block[:], key)
		for i := range 4 {
			a += uint32(block[i]) << (8 * i)
			b += uint32(block[4+i]) << (8 * i)
			c += uint32(block[8+i]) << (8 * i)
		}
		if key = key[n:]; len(key) == 0 {
			break
		}
		for _, step := range []struct{ first, second, third int }{{4, 6, 8}, {16, 19, 4}} {
			a -= c
			a ^= rotate(c, step.first)
			c += b
			b -= a
			b ^= rotate(a, step.second)
			a += c
			c -= b
			c ^= rotate(b, step.third)
			b += a
		}
	}
	c ^= b
	c -= rotate(b, 14)
	a ^= c
	a -= rotate(c, 11)
	b ^= a
	b -= rotate(a, 25)
	c ^= b
	c -= rotate(b, 16)
	a ^= c
	a -= rotate(c, 4)
	b ^= a
	b -= rotate(a, 14)
	c ^= b
	c -= rotate(b, 24)
	return c
}

// Random keys fill the hash space of each function that is said to be even, and nothing beyond it.
func TestHashSpace(t *testing.T) {
	const keys, buckets = 1 << 16, 16
	for _, name := range HashNames() {
		space := HashSpace(name)
		if space == 0 {
			continue
		}
		sum, err := ParseHash(name)
		if err != nil {
			t.Fatal(err)
		}
		var counts [buckets]int
		for i := range keys {
			h := uint64(sum(fmt.Appendf(nil, "key:%d:of many", i*2654435761)))
			if h >= space {
				t.Fatalf("%s: hash %#x is not below %#x", name, h, space)
			}
			counts[h*buckets/space]++
		}
		for i, n := range counts {
			if n < keys/buckets*3/4 || n > keys/buckets*5/4 {
				t.Errorf("%s: %d of %d keys in part %d of %d", name, n, keys, i, buckets)
			}
		}
	}
}
