package ring

import (
	"slices"
	"strings"
	"testing"
)

// TestKetamaHashes goes through all pools of up to 244 equal servers: those listed lose a hash to C's float.
func TestKetamaHashes(t *testing.T) {
	short := []int{
		25, 47, 50, 55, 61, 71, 94, 100, 107, 109, 110, 115, 122, 142, 159, 163, 188, 193, 200, 209, 214, 218, 219, 220,
		230, 237, 243, 244,
	}
	for n := 1; n <= 244; n++ {
		want := 40
		if slices.Contains(short, n) {
			want = 39
		}
		if got := ketamaHashes(1, uint32(n), n); got != want {
			t.Errorf("ketamaHashes(1, %d, %d) = %d; want %d", n, n, got, want)
		}
	}
}

func TestKetamaHashesUneven(t *testing.T) {
	cases := []struct {
		name          string
		weight, total uint32
		live          int
		want          int
	}{
		{"one server", 1, 1, 1, 40},
		{"one heavy server", 1 << 31, 1 << 31, 1, 40},
		{"twice the average", 2, 4, 4, 80},
		{"upstream's pool omega, heavy", 100000, 100001, 2, 79},
		{"upstream's pool omega, light: no keys", 1, 100001, 2, 0},
		{"just light enough for none", 1, 81, 2, 0},
		{"just heavy enough for one", 1, 80, 2, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := ketamaHashes(c.weight, c.total, c.live); got != c.want {
				t.Errorf("ketamaHashes(%d, %d, %d) = %d; want %d", c.weight, c.total, c.live, got, c.want)
			}
		})
	}
}

func TestKetamaPointsPerServer(t *testing.T) {
	cases := map[int]int{
		1: 160, 3: 160, 24: 160, 25: 156, 26: 160, 47: 156, 50: 156, 51: 160, 55: 156, 61: 156, 62: 160,
	}
	for n, want := range cases {
		r := mustBuild(t, Options{Hash: "md5", Distribution: "ketama", Servers: equalServers(n)})
		for server, got := range pointsPerServer(r, n) {
			if got != want {
				t.Errorf("%d servers: server %d has %d points; want %d", n, server, got, want)
			}
		}
	}
}

// TestKetamaPointValues has the values of twemproxy's own unit test, src/test_all.c.
func TestKetamaPointValues(t *testing.T) {
	r := mustBuild(t, Options{Hash: "md5", Distribution: "ketama", Servers: []Server{{"server1", 1}}})
	var values []uint32
	for value := range r.Points() {
		values = append(values, value)
	}
	for _, want := range []uint32{3853726576, 2667054752} { // both of server1-8
		if !slices.Contains(values, want) {
			t.Errorf("Points() of server1 lack %d", want)
		}
	}
}

// TestKetamaLongName: twemproxy hashes at most 272 bytes of "name-number", so from there on the number is cut off and
// all sums of a server are the same four points.
func TestKetamaLongName(t *testing.T) {
	for length, want := range map[int]int{
		269: 160,    // room for "-" and two digits
		270: 4 * 10, // room for one: "name-1" stands for 10 to 19 too
		271: 4,
		300: 4,
	} {
		r := mustBuild(t, Options{Hash: "md5", Distribution: "ketama", Servers: []Server{{strings.Repeat("x", length), 1}}})
		distinct := map[uint32]bool{}
		n := 0
		for value := range r.Points() {
			distinct[value] = true
			n++
		}
		if len(distinct) != want || n != 160 {
			t.Errorf("name of %d bytes: %d points with %d values; want 160 with %d", length, n, len(distinct), want)
		}
	}
}

// pointsPerServer counts the points of each of n servers.
func pointsPerServer(r *Ring, n int) []int {
	counts := make([]int, n)
	for _, server := range r.Points() {
		counts[server]++
	}
	return counts
}
