package ring

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Results go here, so that the compiler cannot drop the work.
var sink int

// BenchmarkHash measures the key hashes alone, on keys of 16 and 64 bytes.
func BenchmarkHash(b *testing.B) {
	for _, h := range hashes {
		for _, size := range []int{16, 64} {
			key := []byte(strings.Repeat("user:{1000}:prof", size/16))
			b.Run(fmt.Sprintf("%s/%dB", h.name, size), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					sink += int(h.sum(key))
				}
			})
		}
	}
}

// BenchmarkFind compares the lookup with the plain binary search, on hashes that a branch predictor cannot learn.
func BenchmarkFind(b *testing.B) {
	const mask = 1<<16 - 1
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]uint32, mask+1)
	for i := range values {
		values[i] = r.Uint32()
	}
	for _, n := range []int{3, 10, 100} {
		ring := mustBuild(b, Options{Hash: "fnv1a_64", Distribution: "ketama", Servers: equalServers(n)})
		b.Run(fmt.Sprintf("index/%d-servers", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				sink += ring.find(values[i&mask])
				i++
			}
		})
		b.Run(fmt.Sprintf("binary/%d-servers", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				sink += binarySearch(ring.points, values[i&mask])
				i++
			}
		})
	}
}

// BenchmarkDispatch measures the whole way from a key of 16 bytes to a server.
func BenchmarkDispatch(b *testing.B) {
	keys := make([][]byte, 1<<12)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "user:{%05d}:prof", i)[:16]
	}
	cases := []struct {
		name string
		o    Options
	}{
		{"ketama-fnv1a_64", Options{Hash: "fnv1a_64", Distribution: "ketama", Servers: equalServers(10)}},
		{"ketama-murmur", Options{Hash: "murmur", Distribution: "ketama", Servers: equalServers(10)}},
		{"ketama-xxhash64", Options{Hash: "xxhash64", Distribution: "ketama", Servers: equalServers(10)}},
		{"ketama-murmur-hash-tag", Options{Hash: "murmur", HashTag: "{}", Distribution: "ketama", Servers: equalServers(10)}},
		{"modula-murmur", Options{Hash: "murmur", Distribution: "modula", Servers: equalServers(10)}},
		{"random", Options{Hash: "murmur", Distribution: "random", Servers: equalServers(10)}},
		{"one-server", Options{Hash: "murmur", Distribution: "ketama", Servers: equalServers(1)}},
	}
	for _, c := range cases {
		ring := mustBuild(b, c.o)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				sink += ring.Dispatch(keys[i&(len(keys)-1)])
				i++
			}
		})
	}
}

// BenchmarkBuild measures what an ejection costs the goroutine that finds it.
func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{3, 10, 100} {
		o := Options{Hash: "fnv1a_64", Distribution: "ketama", Servers: equalServers(n)}
		b.Run(fmt.Sprintf("ketama/%d-servers", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink += mustBuild(b, o).Live()
			}
		})
	}
}
