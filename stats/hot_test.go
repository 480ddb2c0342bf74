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
	loops[1].Count(from, 0, []byte("unix"), 10).By("unix", false, false)
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
