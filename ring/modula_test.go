package ring

import (
	"fmt"
	"slices"
	"testing"
)

func TestModulaSlots(t *testing.T) {
	cases := []struct {
		name    string
		weights []int
		live    []bool
		want    []int
	}{
		{"equal", []int{1, 1, 1}, nil, []int{0, 1, 2}},
		{"uneven", []int{2, 1, 3}, nil, []int{0, 0, 1, 2, 2, 2}},
		{"ejected", []int{2, 1, 3}, []bool{true, false, true}, []int{0, 0, 2, 2, 2}},
		{"first ejected", []int{2, 1, 3}, []bool{false, true, true}, []int{1, 2, 2, 2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			servers := equalServers(len(c.weights))
			for i, weight := range c.weights {
				servers[i].Weight = weight
			}
			r := mustBuild(t, Options{Hash: "murmur", Distribution: "modula", Servers: servers, Live: c.live})
			if got := slots(r); !slices.Equal(got, c.want) {
				t.Errorf("slots = %v; want %v", got, c.want)
			}
			for i := range 200 {
				key := fmt.Appendf(nil, "key:%d", i)
				want := c.want[hashMurmur(key)%uint32(len(c.want))]
				if got := r.Dispatch(key); got != want {
					t.Errorf("Dispatch(%q) = %d; want %d", key, got, want)
				}
			}
			if got := r.Dispatch(nil); got != c.want[0] {
				t.Errorf("Dispatch of an empty key = %d; want slot 0, %d", got, c.want[0])
			}
		})
	}
}

// TestModulaHeavy: weights cost neither memory nor time.
func TestModulaHeavy(t *testing.T) {
	servers := []Server{{"a", 1 << 31}, {"b", 1}, {"c", 1<<31 - 2}} // 2^32-1 slots
	r := mustBuild(t, Options{Hash: "crc32a", Distribution: "modula", Servers: servers})
	if len(r.starts) > 1<<11 {
		t.Errorf("index of %d entries; want at most %d", len(r.starts), 1<<11)
	}
	for slot, want := range map[uint32]int{0: 0, 1<<31 - 1: 0, 1 << 31: 1, 1<<31 + 1: 2, 1<<32 - 2: 2} {
		if got := r.find(slot); got != want {
			t.Errorf("find(%d) = %d; want %d", slot, got, want)
		}
	}
}

// slots spells out modula's slots as twemproxy keeps them: the server of each.
func slots(r *Ring) []int {
	var all []int
	for last, server := range r.Points() {
		for len(all) <= int(last) {
			all = append(all, server)
		}
	}
	return all
}
