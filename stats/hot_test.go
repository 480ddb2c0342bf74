package stats

import (
	"fmt"
	"slices"
	"testing"
)

// TestAskers: the hosts that most requests of a key come from are told, whichever others there are, and what of them writes or was answered near.
func TestAskers(t *testing.T) {
	from := &Origin{Pool: "p"}
	var loops [2]Sketch
	for i := range 4000 {
		addr := fmt.Sprintf("10.0.1.%d:%d", i%200, i)
		if i%2 == 0 {
			addr = fmt.Sprintf("10.0.0.1:%d", i)
		}
		k := &loops[i/2000]
		k.Count(from, 0, []byte("hot"), 10).By(addr, i%4 == 1, i%8 == 0)
	}
	for range 9 {
		loops[1].Count(from, 0, []byte("unix"), 10).By("unix", false, false)
	}
	hot := HotKeys([][]SketchEntry{loops[0].Entries(), loops[1].Entries()}, 10)
	if len(hot) != 2 {
		t.Fatalf("%d keys", len(hot))
	}
	k := hot[0]
	if k.Clients[0] != "10.0.0.1" || len(k.Clients) > maxAskers {
		t.Errorf("they come from %v", k.Clients)
	}
	if k.Requests != 4000*sampleEvery || k.Writes != 1000*sampleEvery || k.Near != 500*sampleEvery {
		t.Errorf("%d requests, %d of which write, %d near", k.Requests, k.Writes, k.Near)
	}
	if !slices.Equal(hot[1].Clients, []string{"unix"}) {
		t.Errorf("they come from %v", hot[1].Clients)
	}
}

// TestAskersPass: a host that asks no more makes room for those that do.
func TestAskersPass(t *testing.T) {
	var a askers
	for range 10 {
		a.add("old:1")
	}
	for i := range 60 {
		a.add([]string{"one:1", "two:1"}[i%2])
	}
	if got := slices.Sorted(slices.Values(a.list())); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("they are %v", got)
	}
}

// TestHotKeysNoise: a key of which a few requests were sampled is nothing to show, and what is shown says how far it may be off, over all loops.
func TestHotKeysNoise(t *testing.T) {
	from := &Origin{Pool: "p"}
	from.Add("a", "10.0.0.1:1")
	var loops [2]Sketch
	count := func(k *Sketch, key string, times int) {
		for range times {
			k.Count(from, 0, []byte(key), 1)
		}
	}
	count(&loops[0], "once", 1)
	count(&loops[0], "four", 4)
	count(&loops[0], "nine", 9)
	count(&loops[0], "both", 50)
	count(&loops[1], "both", 50)
	hot := HotKeys([][]SketchEntry{loops[0].Entries(), loops[1].Entries()}, 10)
	if len(hot) != 2 || hot[0].Key != "both" || hot[1].Key != "nine" {
		t.Fatalf("hot keys %+v; want both, nine", hot)
	}
	if k := hot[0]; k.Requests != 6400 || k.Error != 20*64 || k.Server != "a" || k.Addr != "10.0.0.1:1" {
		t.Errorf("%+v; want 6400 ± 1280 at a, 10.0.0.1:1", k)
	}
	if k := hot[1]; k.Requests != 9*64 || k.Error != 6*64 {
		t.Errorf("%+v; want 576 ± 384", k)
	}

	var full Sketch // one that is new there has the count of the one whose place it takes, and nobody knows whose that was
	for i := range SketchKeys {
		count(&full, fmt.Sprint(i), 20)
	}
	count(&full, "new", 21)
	count(&full, "known", 60)
	hot = HotKeys([][]SketchEntry{full.Entries()}, 2)
	if len(hot) != 2 || hot[0].Key != "known" || hot[0].Requests != 60*64 || hot[0].Error != (16+20)*64 {
		t.Errorf("%+v; want 60 samples, 36 of them in doubt", hot)
	}
	if hot = HotKeys([][]SketchEntry{full.Entries()}, 1000); slices.ContainsFunc(hot, func(k HotKey) bool { return k.Key == "new" }) {
		t.Error("one that may have 21 samples, or 41, is shown")
	}
}
