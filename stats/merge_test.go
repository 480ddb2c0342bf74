package stats

import (
	"fmt"
	"testing"
)

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

// TestRefusedInOrder: of two loops that have 100 names of refused commands, the 64 with a place of their own are the same each time.
func TestRefusedInOrder(t *testing.T) {
	var first, second ClientTally
	for i := range 50 {
		first.Refuse(fmt.Sprintf("a%02d", i))
		second.Refuse(fmt.Sprintf("b%02d", i))
	}
	for range 20 {
		p := Pool{Refused: map[string]int64{OtherCommand: 0}, Profiles: map[string]int64{}}
		p.AddClients(&first, nil)
		p.AddClients(&second, nil)
		if p.Refused["b13"] != 1 || p.Refused["b14"] != 0 || p.Refused[OtherCommand] != 36 {
			t.Fatalf("b13 %d, b14 %d, others %d; want 1, 0, 36", p.Refused["b13"], p.Refused["b14"], p.Refused[OtherCommand])
		}
	}
}
