package near

import "testing"

// TestLater: each write is counted once more, no sooner than it must have been done, and no more than a round later; no more is kept than that takes.
func TestLater(t *testing.T) {
	c, l := New(1<<20), new(Later)
	marks := map[uint32]Mark{}
	for _, slot := range []uint32{0, 1, 63, 64, epochs - 1, 7} {
		marks[slot] = c.Mark(slot)
	}
	counted := func(slot uint32) bool { m := marks[slot]; return !c.Unchanged(&m) }
	l.Count(c, 1, 20)
	for range 1000 {
		for _, slot := range []uint32{0, 1, 63, 64, epochs - 1} {
			l.Add(slot)
		}
	}
	l.Count(c, 10, 20)
	l.Add(7)
	l.Count(c, 20, 20)
	l.Count(c, 29, 20)
	for slot := range marks { // in no order: each is looked at by itself
		if counted(slot) {
			t.Errorf("%d is counted after 19", slot)
		}
	}
	l.Count(c, 30, 20)
	for slot := range marks { // in no order: each is looked at by itself
		if counted(slot) != (slot != 7) {
			t.Errorf("%d: counted after 20 is %v", slot, slot == 7)
		}
	}
	l.Count(c, 40, 20)
	if !counted(7) {
		t.Error("7 is not counted")
	}
	for slot := range marks { // in no order: each is looked at by itself
		marks[slot] = c.Mark(slot)
	}
	l.AddAny()
	for now := int64(50); now < 100; now += 10 {
		l.Count(c, now, 20)
		if want := now >= 70; counted(1) != want || counted(7) != want {
			t.Errorf("at %d all are counted: %v; want %v", now, counted(1), want)
		}
	}
	for now := int64(100); now < 10_000; now += 10 {
		l.Add(uint32(now))
		l.Count(c, now, 20)
	}
	if n := len(l.rounds) + len(l.spare); n > 4 {
		t.Errorf("%d rounds are kept", n)
	}
	marks[1] = c.Mark(1)
	for now := int64(10_000); now < 10_100; now += 10 {
		l.Count(c, now, 20)
	}
	if marks[1] = c.Mark(1); len(l.rounds) != 0 || counted(1) {
		t.Errorf("%d rounds are left", len(l.rounds))
	}
}
