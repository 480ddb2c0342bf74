package ring

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestDispatchAll: several keys are where each is alone, whatever their lengths and number, with each hash and with tags and without. Of a
// million of them, the default's, each is where a plain hash and a binary search find it.
func TestDispatchAll(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var memory [AtOnce][40]byte
	keys := make([][]byte, AtOnce)
	for _, hash := range HashNames() {
		rounds := 20
		if hash == "fnv1a_64" {
			rounds = 7000
		}
		for _, distribution := range Distributions() {
			for _, tag := range []string{"", "{}", "::"} {
				for _, servers := range []int{0, 1, 4, 25} {
					ring := mustBuild(t, Options{
						Hash: hash, HashTag: tag, Distribution: distribution, Servers: equalServers(servers),
						IntN: func(n int) int { return n - 1 },
					})
					for range rounds {
						for i := range keys {
							keys[i] = memory[i][:r.IntN(40)]
							for at := range keys[i] {
								keys[i][at] = "{}ab0123456789:\xff\x80\x00"[r.IntN(18)]
							}
						}
						checkKeys(t, ring, keys[:r.IntN(AtOnce+1)])
					}
				}
			}
		}
	}
}

func checkKeys(t *testing.T, ring *Ring, keys [][]byte) {
	t.Helper()
	var got [AtOnce]int
	ring.DispatchAll(keys, &got)
	for i, k := range keys {
		if want := ring.Dispatch(k); got[i] != want {
			t.Fatalf("DispatchAll(%q)[%d] = %d; want %d", keys, i, got[i], want)
		}
		if ring.method == pickKetama && !ring.hasTag && len(k) > 0 {
			if want := binarySearch(ring.points, ring.sum(k)); got[i] != want {
				t.Fatalf("DispatchAll(%q)[%d] = %d; the first point at or after its hash is of %d", keys, i, got[i], want)
			}
		}
	}
}

// FuzzDispatchAll does what TestDispatchAll does with any keys.
func FuzzDispatchAll(f *testing.F) {
	f.Add([]byte("user:{42}:name"), []byte("user:42"), []byte{}, []byte("\xff\x80"), "{}", uint8(3), uint8(6))
	f.Add([]byte("a"), []byte("b"), []byte("c"), []byte("d"), "", uint8(4), uint8(12))
	f.Fuzz(func(t *testing.T, a, b, c, d []byte, tag string, servers, hash uint8) {
		if tag != "" && len(tag) != 2 {
			return
		}
		for _, distribution := range []string{distKetama, distModula} {
			o := Options{
				Hash: hashes[int(hash)%len(hashes)].name, HashTag: tag, Distribution: distribution,
				Servers: equalServers(int(servers % 20)),
			}
			checkKeys(t, mustBuild(t, o), [][]byte{a, b, c, d, a, d})
		}
	})
}

// BenchmarkDispatchAll measures the way from eight keys of 16 bytes to their servers.
func BenchmarkDispatchAll(b *testing.B) {
	keys := make([][]byte, 1<<12)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "user:{%05d}:prof", i)[:16]
	}
	for _, hash := range []string{"fnv1a_64", "murmur"} {
		ring := mustBuild(b, Options{Hash: hash, Distribution: distKetama, Servers: equalServers(10)})
		b.Run("ketama-"+hash, func(b *testing.B) {
			var got [AtOnce]int
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				ring.DispatchAll(keys[i:i+AtOnce], &got)
				sink += got[0]
				i = (i + AtOnce) & (len(keys) - 1)
			}
		})
	}
}
