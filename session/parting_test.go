package session

import (
	"encoding/json"
	"errors"
	"testing"

	"cashew/codec"
	"cashew/codec/resp"
)

// TestHandOverOfVersion: a program that knows nothing of versions, or of bars, finds no pool for a client of RESP3, or for one
// that is barred, and leaves it where it is.
func TestHandOverOfVersion(t *testing.T) {
	s := newSim(t, 1, nil)
	c := s.connect()
	for _, tt := range []struct {
		profile codec.Profile
		bar     uint16
		old     string // the pool that it finds
	}{{resp.RESP2, 0, "sim"}, {resp.RESP3, 0, ""}, {resp.RESP2, 4, ""}} {
		c.session.cl.Profile, c.session.cl.Bar = tt.profile, tt.bar
		text, err := json.Marshal(c.session.state(0))
		if err != nil {
			t.Fatal(err)
		}
		var old struct{ Pool string }
		var state State
		if err := errors.Join(json.Unmarshal(text, &old), json.Unmarshal(text, &state)); err != nil {
			t.Fatal(err)
		}
		if old.Pool != tt.old || state.In() != "sim" || state.Profile != tt.profile || state.Bar != tt.bar {
			t.Errorf("%s: an old program finds pool %q, a new one %q and profile %d", text, old.Pool, state.In(), state.Profile)
		}
	}
	c.session.cl.Profile, c.session.cl.Bar = resp.RESP2, 0
}

// TestPart: who is in the middle of something is told to stop, as many at once as are asked for; who is about to be closed, or can't be
// given away, stays, and is told nothing; and all go on once nobody is given away any more.
func TestPart(t *testing.T) {
	s := newSim(t, 1, nil)
	idle, one, two, ending := s.connect(), s.connect(), s.connect(), s.connect() // none has a descriptor that could be duplicated
	one.Send(array("GET", "a"))
	two.Send(array("GET", "a"))
	ending.Send(array("GET", "a") + array("QUIT"))
	told := func() (n int) {
		for i, c := range []*simClient{idle, one, two, ending} {
			if c.session.waitsFor&behindHandOver != 0 {
				n += 1 << i
			}
		}
		return n
	}
	for i, want := range []int{1 << 1, 1<<1 + 1<<2, 1<<1 + 1<<2} {
		gone, left, stays := s.local.Part(1)
		if len(gone) != 0 || left != 2 || stays != 2 || told() != want {
			t.Errorf("call %d: %d gone, %d left, %d stay, told %b; want 0, 2, 2 and %b", i, len(gone), left, stays, told(), want)
		}
	}
	if !idle.session.stays || ending.session.stays {
		t.Errorf("the idle client stays %v, the ending one %v; want true, and false, for that would be over soon",
			idle.session.stays, ending.session.stays)
	}
	one.Send(array("GET", "b"))
	if infos := s.local.Infos(); !infos[1].Blocked || infos[1].InFlight != 1 {
		t.Errorf("who was told and sends more is %+v; want it blocked", infos[1])
	}
	if s.local.Stay(); told() != 0 || idle.session.stays {
		t.Errorf("told %b, the idle client stays: %v; want none, and that another process may have it", told(), idle.session.stays)
	}
	s.Loop.Flush()
	s.Settle()
	if infos := s.local.Infos(); infos[1].Blocked || infos[1].InFlight != 2 {
		t.Errorf("who was told and may stay is %+v; want it to go on", infos[1])
	}
}
