package stats

import "testing"

// TestFiguresOfFormerOrder: what a loop told before a reload moved the servers is put down to the right ones.
func TestFiguresOfFormerOrder(t *testing.T) {
	p := Pool{Servers: []Server{{PName: "b"}, {PName: "c"}, {PName: "a"}}}
	for i, name := range []string{"a", "gone", "b"} {
		p.AddServer(i, name, &ServerTally{Requests: int64(i + 1)}, nil)
	}
	for i, want := range []int64{3, 0, 1} {
		if got := p.Servers[i].Requests; got != want {
			t.Errorf("%s: %d requests; want %d", p.Servers[i].PName, got, want)
		}
	}
}
