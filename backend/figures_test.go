package backend

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"cashew/codec/resp"
	"cashew/loop"
	"cashew/topology"
	"cashew/world/worldtest"
)

// TestMarks holds marks against a list that keeps all.
func TestMarks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var m marks
	var all []mark
	end, from, now := 0, 0, int64(0)
	for range 100_000 {
		now += int64(rnd.IntN(2))
		if rnd.IntN(2) == 0 && end-from < 500 {
			end += 1 + rnd.IntN(10)
			m.add(end, now)
			all = append(all, mark{end, now})
			continue
		}
		if from == end {
			continue
		}
		from += rnd.IntN(min(10, end-from))
		i := 0
		for all[i].end <= from {
			i++
		}
		all = all[i:]
		if got := m.peek(from, -1); got != all[0].at {
			t.Fatalf("peek(%d) = %d; want %d", from, got, all[0].at)
		}
		if got := m.of(from, -1); got != all[0].at {
			t.Fatalf("of(%d) = %d; want %d", from, got, all[0].at)
		}
	}
	if n := cap(m.list); n > 2048 {
		t.Errorf("room for %d marks", n)
	}
	m.clear()
	if got := m.of(0, 7); got != 7 {
		t.Errorf("of nothing = %d; want now", got)
	}
}

// TestMarksBounded: a server that answers nothing costs no more than maxMarks, and the oldest are right.
func TestMarksBounded(t *testing.T) {
	var m marks
	for i := range 10 * maxMarks {
		m.add(i+1, int64(i))
	}
	if len(m.list) > maxMarks {
		t.Errorf("%d marks; want at most %d", len(m.list), maxMarks)
	}
	for _, from := range []int{0, 5, maxMarks - 2} {
		if got := m.of(from, -1); got != int64(from) {
			t.Errorf("of(%d) = %d; want %d", from, got, from)
		}
	}
	if got := m.of(10*maxMarks-1, -1); got != maxMarks-1 {
		t.Errorf("of the last = %d; want the time of the last mark, %d", got, maxMarks-1)
	}
}

// TestFiguresCopy: what Figures returns does not change any more.
func TestFiguresCopy(t *testing.T) {
	p, err := topology.NewPool(topology.Options{
		Name: "p", Protocol: resp.New(resp.Options{}), Hash: "md5", Distribution: "modula", ServerConnections: 1,
		Servers: []topology.ServerOptions{{Name: "a", Weight: 1}},
	}, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	g := MakeGroup(NewLocal(loop.NewLoop(nil, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))), p)
	g.lanes[0].figures.Latency[0].Queue.Add(1, 1)
	f := g.Figures(p.Servers()[0])
	g.lanes[0].figures.Latency[0].Queue.Add(1, 1)
	if n := f.Latency[0].Queue.Count(); n != 1 {
		t.Errorf("the copy counts %d; want 1", n)
	}
}
