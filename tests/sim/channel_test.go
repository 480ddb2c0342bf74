package sim

import (
	"context"
	"testing"
)

// TestChannelEnds: what a process wrote before it ended is read, as world.TestChannel says of the kernel, and what it did not read is lost.
func TestChannelEnds(t *testing.T) {
	s := New(1)
	here, there := s.channels()
	over := false
	s.Go(func() {
		ctx, p := context.Background(), make([]byte, 3)
		_ = here.Write(ctx, []byte("abc"), -1)
		_ = there.Write(ctx, []byte("xy"), -1)
		there.close()
		if n, err := here.Read(ctx, p); n != 2 || err == nil || string(p[:n]) != "xy" {
			t.Errorf("what the other wrote: %q, %v", p[:n], err)
		}
		if n, err := there.Read(ctx, p); n != 0 || err == nil {
			t.Errorf("who has ended reads %q, %v", p[:n], err)
		}
		if err := here.Write(ctx, []byte("d"), -1); err == nil {
			t.Error("one can write to who has ended")
		}
		over = true
	})
	for s.Step() {
	}
	if !over {
		t.Error("somebody waits for ever")
	}
	s.Close()
}
