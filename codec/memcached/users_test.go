package memcached

import (
	"testing"

	"cashew/codec"
	"cashew/codec/acl"
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

// TestRejoinKnown: who is a user by its address, or its certificate, is that only as long as the users say so; who has logged in stays.
func TestRejoinKnown(t *testing.T) {
	with := func(lines ...string) *Protocol {
		us, wrong := Users(lines)
		for _, e := range wrong {
			t.Fatal(e)
		}
		return New(Options{Users: us})
	}
	old := with("net on address=10.0.0.0/8 >x", "alice on cert=CN:alice ~* &* +@all")
	for _, tt := range []struct {
		addr  string
		cert  string
		login bool
		next  []string
		stays bool
		now   string // who it is; "": not closed, and nobody
	}{
		{"10.0.0.1:1", "", false, []string{"net on address=10.0.0.0/16"}, true, "net"},
		{"10.0.0.1:1", "", false, []string{"net on address=10.1.0.0/16"}, false, ""},
		{"10.0.0.1:1", "", true, []string{"net on address=10.1.0.0/16"}, true, "net"},
		{"192.0.2.1:1", "", false, []string{"net on address=192.0.2.1"}, true, ""},
		{"192.0.2.1:1", "alice", false, []string{"net on", "alice on >x"}, false, ""},
		{"192.0.2.1:1", "alice", false, []string{"alice on cert=CN:alice"}, true, "alice"},
	} {
		cl := &codec.Client{Addr: tt.addr}
		if tt.cert != "" {
			cl.Cert = &acl.Certificate{CommonName: tt.cert}
		}
		if old.Welcome(cl); cl.Known != cl.Authed {
			t.Fatalf("%+v: known %v, logged in %v", tt, cl.Known, cl.Authed)
		}
		if tt.login {
			old.appendLogin(nil, cl, []byte("net x\r\n"))
		}
		stays, _ := with(tt.next...).Rejoin(cl, cl.User.Name)
		if stays != tt.stays || stays && cl.Authed != (tt.now != "") || cl.Authed && cl.User.Name != tt.now && stays {
			t.Errorf("%+v: stays %v, logged in %v as %s", tt, stays, cl.Authed, cl.User.Name)
		}
	}
}

// TestLoginNames: what is refused before a login is told by its name, whatever it is.
func TestLoginNames(t *testing.T) {
	us, _ := Users([]string{"a on >x"})
	p := New(Options{Users: us})
	for line, want := range map[string]string{
		"get a\r\n": "get", "version\r\n": "version", "delete k\r\n": "delete", "flush_all\r\n": "flush_all", "add k 0 0 1\r\n": "add", "ms k 1\r\n": "ms", "bogus x\r\n": "", "\r\n": "", "set k 0 0 3\r\na x\r\n": "set",
		"set k\r\n": "set",
	} {
		var s codec.Scan
		var cmd codec.Command
		if n, err := p.ParseCommand(&codec.Client{}, &s, []byte(line), &cmd); n != len(line) || err != nil {
			t.Fatalf("%q: %d, %v", line, n, err)
		}
		if got := p.CommandName(&cmd); got != want {
			t.Errorf("%q is %q; want %q", line, got, want)
		}
	}
}

// TestLogsIn: the first set of a client that has not logged in is a login, and no later one.
func TestLogsIn(t *testing.T) {
	us, wrong := Users([]string{"alice on >secret"})
	if len(wrong) > 0 {
		t.Fatal(wrong[0])
	}
	p, in := New(Options{Users: us}), []byte("set k 0 0 12\r\nalice secret\r\n")
	for _, authed := range []bool{false, true} {
		var s codec.Scan
		cmd := new(codec.Command)
		n, err := p.ParseCommand(&codec.Client{Authed: authed}, &s, in, cmd)
		if n != len(in) || err != nil || p.LogsIn(cmd) == authed {
			t.Errorf("logged in %v: %d bytes, %v, a login: %v", authed, n, err, p.LogsIn(cmd))
		}
	}
}
