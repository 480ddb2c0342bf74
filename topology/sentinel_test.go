package topology

import (
	"testing"

	"cashew/codec"
)

// TestMasterLearns: which of what sentinels say of a master is believed.
func TestMasterLearns(t *testing.T) {
	at := func(addr string, epoch uint64) codec.Master { return codec.Master{Name: "m", Addr: addr, Epoch: epoch} }
	type said = []codec.Master
	rounds := func(n int, of said) (all []said) {
		for range n {
			all = append(all, of)
		}
		return all
	}
	for name, c := range map[string]struct {
		was    master
		rounds []said
		want   string
	}{
		"the first":                         {master{}, []said{{at("a", 0)}}, "a"},
		"most of the first":                 {master{}, []said{{at("a", 0), at("b", 0), at("b", 0)}}, "b"},
		"the newest of the first":           {master{}, []said{{at("a", 2), at("b", 1), at("b", 1)}}, "a"},
		"a newer one, of one":               {master{addr: "a", epoch: 1}, []said{{at("a", 1), at("b", 2), at("a", 1)}}, "b"},
		"an older one":                      {master{addr: "a", epoch: 2}, rounds(settledAfter-1, said{at("b", 1), at("b", 1)}), "a"},
		"an older one, of one, for long":    {master{addr: "a", epoch: 2}, rounds(50, said{at("b", 1)}), "a"},
		"an older one, of most, for long":   {master{addr: "a", epoch: 2}, rounds(settledAfter, said{at("b", 1), at("b", 1)}), "b"},
		"the same epoch, elsewhere":         {master{addr: "a", epoch: 2}, []said{{at("b", 2)}}, "a"},
		"an older one, not of all":          {master{addr: "a", epoch: 2}, rounds(50, said{at("b", 1), at("b", 1), at("a", 2)}), "a"},
		"other sentinels":                   {master{addr: "a", epoch: 9, foreign: true}, []said{{at("b", 1)}}, "b"},
		"early, before sentinels know":      {master{addr: "b", epoch: 1, early: 100}, rounds(50, said{at("a", 1), at("a", 1)}), "b"},
		"early, and sentinels say so":       {master{addr: "b", epoch: 1, early: 100}, []said{{at("b", 2)}, {at("a", 1)}}, "b"},
		"early, and nothing came of it":     {master{addr: "b", epoch: 1, early: 5}, []said{{at("a", 1)}}, "a"},
		"early, and another is the newest":  {master{addr: "b", epoch: 1, early: 100}, []said{{at("c", 2)}}, "c"},
		"nobody is asked for what is known": {master{addr: "a", epoch: 1}, nil, "a"},
	} {
		k := c.was
		for _, r := range c.rounds {
			k.learn(r, 2, 10)
		}
		if k.addr != c.want {
			t.Errorf("%s: it is at %s; want %s", name, k.addr, c.want)
		}
	}
}
