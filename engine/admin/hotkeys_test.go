package admin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/stats"
)

// TestHotMetrics: no key is named unless that is asked for.
func TestHotMetrics(t *testing.T) {
	r := newRig()
	if text := r.do("GET", "/metrics").Body.String() + r.do("GET", "/metrics?hotkeys=0").Body.String(); strings.Contains(text, "cashew_hot_key") || strings.Contains(text, "10.0.0.1") {
		t.Error("keys are named that nobody asked for")
	}
	for _, n := range []string{"11", "-1", "x", "1.5"} {
		if w := r.do("GET", "/metrics?hotkeys="+n); w.Code != 400 || !strings.Contains(w.Body.String(), "from 0 to 10") {
			t.Errorf("hotkeys=%s: %d %s", n, w.Code, w.Body)
		}
	}
	families := scrape(t, r)
	hot := map[string]string{"pool": "alpha", "key": "hot"}
	for name, want := range map[string]float64{"requests": 7, "writes": 2, "near": 3} { // in no order: each is looked at by itself
		if got := find(t, families, "cashew_hot_key_"+name+"_total", hot).GetCounter().GetValue(); got != want {
			t.Errorf("%s: %v; want %v", name, got, want)
		}
	}
	hot["client"] = "10.0.0.2"
	find(t, families, "cashew_hot_key_client", hot)
}

// TestHotChosen: those that had most requests since it was last asked, so many of each pool, each once.
func TestHotChosen(t *testing.T) {
	var seen hotSeen
	chosen := func(n int, keys ...stats.HotKey) (names []string) {
		for _, k := range seen.choose(keys, n) {
			names = append(names, k.Pool+" "+k.Key)
		}
		return names
	}
	key := func(pool, key string, requests int64) stats.HotKey {
		return stats.HotKey{Pool: pool, Key: key, Requests: requests}
	}
	for i, c := range []struct {
		keys []stats.HotKey
		want []string
	}{
		{[]stats.HotKey{key("p", "old", 900), key("p", "b", 20), key("q", "b", 5), key("p", "c", 1)}, []string{"p old", "p b", "q b"}},
		{[]stats.HotKey{key("p", "old", 901), key("p", "b", 24), key("q", "b", 5), key("p", "c", 9)}, []string{"p c", "p b"}},
		{[]stats.HotKey{key("p", "b", 30), key("p", "old", 3)}, []string{"p b", "p old"}}, // it was found anew
		{[]stats.HotKey{key("p", "\xff", 2), key("p", `"\xff"`, 1)}, []string{"p \xff"}},
		{nil, nil},
	} {
		if diff := cmp.Diff(c.want, chosen(2, c.keys...)); diff != "" {
			t.Errorf("the %d. time: %s", i+1, diff)
		}
	}
	var many []stats.HotKey
	for i := range 1000 {
		many = append(many, key("p", fmt.Sprint(i), int64(1000-i)))
	}
	if got := chosen(mostHotKeys, many...); len(got) != mostHotKeys || got[0] != "p 0" {
		t.Errorf("%q", got)
	}
}
