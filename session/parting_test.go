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
