package sim

import (
	"log/slog"
	"testing"

	"cashew/loop"
	"cashew/world"
)

// TestStopWhileEnrolling: of a process that ends no connection is left, also none that its loop was about to poll, and nobody waits
// for that.
func TestStopWhileEnrolling(t *testing.T) {
	s := New(1)
	v := s.NewRedis("10.0.0.1:6379")
	r, err := s.StartReactor(1, 1<<10, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var enrolled error
	s.Go(func() {
		nc, err := s.Dial(noEnd, "tcp", v.Addr, world.DialOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		enrolled = r.Loops()[0].Enroll(nc, loop.Handler(nil))
	})
	b := s.reactors[0].bases[0]
	for len(b.tasks) == 0 && s.Step() {
	}
	r.Stop()
	for s.Step() {
	}
	if enrolled == nil || s.open != 0 || s.tasks != 0 {
		t.Errorf("%v; %d ends are open, %d tasks go on", enrolled, s.open, s.tasks)
	}
	s.Close()
}
