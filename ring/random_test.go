package ring

import "testing"

// TestRandom: live servers get equal shares whatever their weights, the ejected one gets nothing. With 30000 draws a
// share is 10000, give or take 82; the bounds are twelve times that.
func TestRandom(t *testing.T) {
	servers := []Server{{"a", 9}, {"b", 1}, {"c", 1}, {"d", 100}}
	r := mustBuild(t, Options{Hash: "md5", Distribution: "random", Servers: servers, Live: []bool{true, false, true, true}})
	key := []byte("always the same")
	got := make([]int, len(servers))
	for range 30000 {
		got[r.Dispatch(key)]++
	}
	for server, n := range got {
		if server == 1 && n != 0 {
			t.Errorf("the ejected server got %d keys; want 0", n)
		}
		if server != 1 && (n < 9000 || n > 11000) {
			t.Errorf("server %d got %d keys; want 9000 to 11000", server, n)
		}
	}
	next := uint32(0)
	want := []int{0, 2, 3}
	for value, server := range r.Points() {
		if value != next || server != want[next] {
			t.Errorf("Points() yields %d, %d; want %d, %d", value, server, next, want[next])
		}
		next++
	}
	if int(next) != r.Live() {
		t.Errorf("Points() yielded %d times; want Live() = %d", next, r.Live())
	}
}
