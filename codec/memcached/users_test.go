package memcached

import (
	"testing"

	"cashew/codec"
)

// TestRejoin: who a client is behind a reload.
func TestRejoin(t *testing.T) {
	with := func(lines ...string) *Protocol {
		us, wrong := Users(lines)
		for _, e := range wrong {
			t.Fatal(e)
		}
		return New(Options{Users: us})
	}
	for _, tt := range []struct {
		name          string
		authed        bool // before
		next          *Protocol
		stays, allows bool
	}{
		{"alice", true, with("alice on >other"), true, true},
		{"alice", true, with("alice off >x"), false, false},
		{"alice", true, with("bob on >x"), false, false},
		{"alice", true, New(Options{}), false, true},
		{"default", true, with("default on >x"), true, true},
		{"default", false, with("default on >x"), true, false},
		{"default", true, with("alice on >x"), true, false},
		{"default", false, with("default on nopass"), true, true},
		{"", true, with("alice on >x"), true, false},
		{"", true, New(Options{}), true, true},
	} {
		cl := &codec.Client{Authed: tt.authed}
		if stays, _ := tt.next.Rejoin(cl, tt.name); stays != tt.stays || cl.Authed != tt.allows {
			t.Errorf("%s: stays %v, logged in %v; want %+v", tt.name, stays, cl.Authed, tt)
		}
	}
}
