package stats

import (
	"fmt"
	"testing"
)

// TestFiguresOfFormerOrder: what a loop told before a reload moved the servers is put down to the right ones.
func TestFiguresOfFormerOrder(t *testing.T) {
	p := Pool{Servers: []Server{{Name: "b"}, {Name: "c"}, {Name: "a"}}}
	for i, name := range []string{"a", "gone", "b"} {
		p.AddServer(i, name, &ServerTally{Requests: int64(i + 1)}, nil)
	}
	for i, want := range []int64{3, 0, 1} {
		if got := p.Servers[i].Requests; got != want {
			t.Errorf("%s: %d requests; want %d", p.Servers[i].Name, got, want)
		}
	}
}

// TestRefusedInOrder: of two loops that have 100 names of refused commands, the 64 with a place of their own are the same each time.
func TestRefusedInOrder(t *testing.T) {
	var first, second ClientTally
	for i := range 50 {
		first.Refuse(fmt.Sprintf("a%02d", i), "lib", "1")
		second.Refuse(fmt.Sprintf("b%02d", i), "", "")
	}
	for range 20 {
		p := Pool{Refused: map[string]int64{OtherCommand: 0}, RefusedOf: make(Refusals), Profiles: map[string]int64{}}
		p.AddClients(&first, nil)
		p.AddClients(&second, nil)
		if p.Refused["b13"] != 1 || p.Refused["b14"] != 0 || p.Refused[OtherCommand] != 36 {
			t.Fatalf("b13 %d, b14 %d, others %d; want 1, 0, 36", p.Refused["b13"], p.Refused["b14"], p.Refused[OtherCommand])
		}
		of, others := p.RefusedOf, Refusal{OtherCommand, OtherCommand, OtherCommand}
		if of[Refusal{"a49", "lib", "1"}] != 1 || of[Refusal{"b13", "", ""}] != 1 || of[others] != 36 || len(of) != MaxRefusedNames+1 {
			t.Fatalf("%d refusals, a49 %d, b13 %d, others %d; want 65, 1, 1, 36", len(of), of[Refusal{"a49", "lib", "1"}], of[Refusal{"b13", "", ""}], of[others])
		}
	}
}
