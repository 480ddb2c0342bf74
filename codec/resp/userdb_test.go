package resp

import (
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/acl"
)

// TestKept: a user who has a database and may not SELECT another one reaches no other by a command's arguments either.
func TestKept(t *testing.T) {
	p := withUsers(t, Options{Commands: "+@all", Databases: 16},
		"kept on nopass ~* &* +@all -select db=3", "free on nopass ~* &* +@all db=3", "pool on nopass ~* &* +@all -select", "some on nopass ~* -@all +copy (~* +select) db=3")
	for command, reaches := range map[string]bool{
		"COPY a b DB 0": true, "COPY a b REPLACE DB 4": true, "copy a b db 3": false, "COPY a b": false, "COPY a b DB 3 DB 4": true, "COPY a b DB 99": true, "COPY a b DB x": true,
		"MOVE a 0": true, "MOVE a 3": false, "MOVE a 99": true, "SWAPDB 0 5": true, "SWAPDB 3 0": true, "SWAPDB 3 3": false, "FLUSHALL": true, "FLUSHALL ASYNC": true, "FLUSHDB": false, "GET a": false,
	} {
		for _, user := range []string{"kept", "free", "pool", "some"} {
			if user == "some" && !strings.HasPrefix(strings.ToLower(command), "copy") {
				continue
			}
			for _, multi := range []bool{false, true} {
				cl := clientOf(p, user)
				cl.DB = 3
				if multi {
					say(t, p, cl, "MULTI")
				}
				cmd, text := say(t, p, cl, strings.Fields(command)...)
				refused := cmd.Kind == codec.Refuse && cmd.Err == refuseUserDB && strings.HasPrefix(text, "-NOPERM") && !cmd.Sole && cl.Denied != nil && cl.Denied.Reason == acl.Command
				if want := reaches && user == "kept"; refused != want {
					t.Errorf("%s: %s, in MULTI %v: kind %d, %q; refused: %v, want %v", user, command, multi, cmd.Kind, cmd.Err, refused, want)
				}
			}
		}
	}
}

// TestDatabaseLeft: who logs in as a user without a database leaves that of the user before, and no other.
func TestDatabaseLeft(t *testing.T) {
	p := withUsers(t, Options{Databases: 16, DB: 1}, "default on nopass ~* &* +@all", "three on >x ~* +@all db=3", "four on >x ~* +@all db=4", "none on >x ~* +@all -select", "other on >x ~* +@all")
	cl := clientOf(p, "default")
	for _, tt := range []struct {
		command string
		db      int
	}{
		{"SELECT 5", 5},
		{"AUTH other x", 5},
		{"AUTH three x", 3},
		{"AUTH four x", 4},
		{"SELECT 5", 5},
		{"AUTH none x", 1},
		{"AUTH three x", 3},
		{"AUTH three wrong", 3},
		{"SELECT 5", 5},
		{"AUTH three x", 3},
		{"HELLO 2 AUTH other x", 1},
		{"SELECT 7", 7},
		{"AUTH none x", 7},
		{"AUTH three x", 3},
		{"RESET", 1},
	} {
		if say(t, p, cl, strings.Fields(tt.command)...); cl.DB != tt.db {
			t.Errorf("behind %s the client is in %d; want %d", tt.command, cl.DB, tt.db)
		}
		cl.Denied = nil
	}
}

// TestRejoinKnown: who is a user by a certificate, or an address, is that only as long as the users say so; who has logged in stays.
func TestRejoinKnown(t *testing.T) {
	const all = " ~* &* +@all"
	old := withUsers(t, Options{}, "alice on >a cert=CN:alice"+all, "net on >a address=10.0.0.0/8"+all, "default on nopass"+all)
	for _, tt := range []struct {
		name  string
		cert  *acl.Certificate
		addr  string
		login string // before the reload; "": none
		lines []string
		stays bool
		reset string // who it is behind a RESET
	}{
		{"alice", &acl.Certificate{CommonName: "alice"}, "", "", []string{"alice on >a cert=CN:alice" + all}, true, "alice"},
		{"alice", &acl.Certificate{CommonName: "alice"}, "", "", []string{"alice on >a" + all}, false, "default"},
		{"alice", &acl.Certificate{CommonName: "alice"}, "", "", []string{"alice on >a" + all, "bob on cert=CN:alice" + all}, false, "bob"},
		{"alice", &acl.Certificate{CommonName: "alice"}, "", "alice", []string{"alice on >a" + all}, true, "default"},
		{"net", nil, "10.1.2.3:4", "", []string{"net on address=10.0.0.0/8" + all}, true, "net"},
		{"net", nil, "10.1.2.3:4", "", []string{"net on address=10.2.0.0/16" + all}, false, "default"},
		{"net", nil, "10.1.2.3:4", "", []string{"net on address=10.0.0.0/8" + all, "near on address=10.1.0.0/16" + all}, false, "near"},
		{"net", nil, "10.1.2.3:4", "net", []string{"net on" + all}, true, "default"},
		{"net", nil, "10.1.2.3:4", "net", []string{"net on" + all, "near on address=10.1.0.0/16" + all}, true, "near"},
		{"default", nil, "192.0.2.1:4", "", []string{"net on" + all, "near on address=192.0.2.1" + all}, true, "near"},
	} {
		cl := &codec.Client{Cert: tt.cert, Addr: tt.addr}
		old.Welcome(cl)
		if cl.User.Name != tt.name || cl.Known != (tt.name != "default") {
			t.Fatalf("%+v: it is %s, known: %v", tt, cl.User.Name, cl.Known)
		}
		if tt.login != "" {
			say(t, old, cl, "AUTH", tt.login, "a")
		}
		next := withUsers(t, Options{}, append(tt.lines, "default on nopass"+all)...)
		if stays, _ := next.Rejoin(cl, tt.name); stays != tt.stays || stays && cl.User.Name != tt.name {
			t.Errorf("%q: stays %v, as %s", tt.lines, stays, cl.User.Name)
		}
		if say(t, next, cl, "RESET"); cl.User.Name != tt.reset {
			t.Errorf("%q: behind RESET it is %s, want %s", tt.lines, cl.User.Name, tt.reset)
		}
	}
}
