package tlsconn

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cashew/world/worldtest"
)

// TestGate: who comes first enters first, who gives up takes nobody's place, and no place is lost or made.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places, comers = 2, 9
		g := NewGate(worldtest.New(time.Now()), places)
		var entered []int
		errs := make([]error, comers)
		cancels := make([]context.CancelFunc, comers)
		for i := range comers {
			var ctx context.Context
			ctx, cancels[i] = context.WithCancel(context.Background())
			go func() {
				if errs[i] = g.enter(ctx); errs[i] == nil {
					entered = append(entered, i)
				}
			}()
			synctest.Wait()
		}
		want := func(who ...int) {
			t.Helper()
			if synctest.Wait(); !slices.Equal(entered, who) {
				t.Fatalf("entered have %v; want %v", entered, who)
			}
		}
		want(0, 1)
		cancels[3]()
		want(0, 1)
		if !errors.Is(errs[3], context.Canceled) {
			t.Errorf("who gave up has %v", errs[3])
		}
		g.leave()
		want(0, 1, 2)
		g.leave()
		want(0, 1, 2, 4)
		g.leave()
		cancels[5]() // who has a place already, and does not know it yet: it has to leave as any other
		want(0, 1, 2, 4, 5)
		if errs[5] != nil {
			t.Errorf("who had a place has %v", errs[5])
		}
		for i := range 3 {
			g.leave()
			want([]int{0, 1, 2, 4, 5, 6, 7, 8}[:6+i]...)
		}
		g.leave()
		g.leave()
		if g.free != places || len(g.waiting) != 0 {
			t.Errorf("%d places are free and %d wait; want %d and nobody", g.free, len(g.waiting), places)
		}
		for _, cancel := range cancels {
			cancel()
		}
	})
}

// TestSeat: a place is taken once and given back once, however often one asks.
func TestSeat(t *testing.T) {
	g := NewGate(worldtest.New(time.Now()), 1)
	s := &seat{gate: g, ctx: context.Background()}
	for range 2 {
		if err := s.enter(); err != nil || g.free != 0 {
			t.Fatalf("enter: %v, %d are free", err, g.free)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late := &seat{gate: g, ctx: ended}
	if err := late.enter(); !errors.Is(err, context.Canceled) || late.has {
		t.Errorf("enter with an ended context: %v", err)
	}
	late.leave()
	for range 2 {
		if s.leave(); g.free != 1 {
			t.Fatalf("%d are free", g.free)
		}
	}
	var nobody *seat
	if nobody.leave(); nobody.enter() != nil {
		t.Error("a nil seat has a gate")
	}
}
