package ring

import (
	"fmt"
	"math"
	"testing"
)

// FuzzDispatch builds a Ring from any servers, weights and ejections and checks that Dispatch does with a key what the
// plain forms do: the hash tag byte by byte, the hash, a binary search or an array of slots.
func FuzzDispatch(f *testing.F) {
	f.Add([]byte("user:{42}:name"), "{}", uint8(6), uint8(3), uint64(0x0101010101010101), uint64(0))
	f.Add([]byte("apple"), "", uint8(10), uint8(24), uint64(0), uint64(0))
	f.Add([]byte("a:b:c"), "::", uint8(1), uint8(60), uint64(0xff01), uint64(0b1010))
	f.Add([]byte{}, "{}", uint8(11), uint8(7), uint64(12345), uint64(math.MaxUint64))
	f.Add([]byte("\xff\x80"), "", uint8(12), uint8(0), uint64(7), uint64(1))
	f.Fuzz(func(t *testing.T, key []byte, tag string, hash, count uint8, weights, ejected uint64) {
		o := Options{Hash: hashes[int(hash)%len(hashes)].name, HashTag: tag}
		for i := range int(count) % 64 {
			o.Servers = append(o.Servers, Server{
				Name:   fmt.Sprintf("server-%d-%d", weights%1000, i),
				Weight: 1 + int(weights>>(i%8*8)&0xff), // one of eight bytes
			})
			o.Live = append(o.Live, ejected>>i&1 == 0)
		}
		for _, o.Distribution = range Distributions() {
			r, err := Build(o)
			if ok := tag == "" || len(tag) == 2; ok != (err == nil) {
				t.Fatalf("Build(%+v) = %v", o, err)
			}
			if err != nil {
				continue
			}
			got := r.Dispatch(key)
			if r.Live() == 0 {
				if got != -1 {
					t.Fatalf("no server is live: Dispatch(%q) = %d; want -1", key, got)
				}
				continue
			}
			if o.Distribution == distRandom {
				if got < 0 || !o.Live[got] {
					t.Fatalf("Dispatch(%q) = %d; want a live server", key, got)
				}
				continue
			}
			part := key
			if tag != "" {
				part = taggedPlain(key, tag[0], tag[1])
			}
			value := uint32(0)
			if len(part) > 0 {
				value = r.sum(part)
			}
			want := 0
			if o.Distribution == distKetama {
				want = binarySearch(r.points, value)
			} else {
				all := slots(r)
				want = all[value%uint32(len(all))]
			}
			if got != want {
				t.Fatalf("Build(%+v): Dispatch(%q) = %d; want %d", o, key, got, want)
			}
		}
	})
}

// FuzzFind compares the index with the binary search on continua of any points.
func FuzzFind(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0}, uint32(0))
	f.Add([]byte{255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255}, uint32(math.MaxUint32))
	f.Add([]byte("some points that are close to one another"), uint32(0x20736f00))
	f.Fuzz(func(t *testing.T, data []byte, value uint32) {
		var points []point
		for i := 0; i+4 <= len(data); i += 4 {
			points = append(points, newPoint(littleEndian(data[i:i+4]), i/4))
		}
		if len(points) == 0 {
			return
		}
		c := newContinuum(points, math.MaxUint32)
		if got, want := c.find(value), binarySearch(c.points, value); got != want {
			t.Fatalf("%d points: find(%d) = %d; want %d", len(points), value, got, want)
		}
		for _, p := range c.points {
			if got, want := c.find(p.value()), binarySearch(c.points, p.value()); got != want {
				t.Fatalf("%d points: find(%d) = %d; want %d", len(points), p.value(), got, want)
			}
		}
	})
}

// FuzzHash compares the hashes that work on more than a byte at once with plain ones.
func FuzzHash(f *testing.F) {
	for _, key := range []string{"", "a", "apple", "user:{1000}:profile", "\xff\x80\x00\x7f\xfe"} {
		f.Add([]byte(key))
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		checkPlain(t, key)
		for _, h := range hashes {
			h.sum(key)
		}
	})
}
