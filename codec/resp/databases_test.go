package resp

import (
	"errors"
	"fmt"
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
)

// TestDatabases: what a pool of four databases, whose clients begin in the third, makes of commands that name one.
func TestDatabases(t *testing.T) {
	const (
		integer = "-ERR value is not an integer or out of range\r\n"
		ok      = "+OK\r\n"
		queued  = "+QUEUED\r\n"
		inMulti = "-" + refuseInMulti + "\r\n"
	)
	cl := &codec.Client{ID: 1, DB: 2, Authed: true}
	for _, tt := range []struct {
		in, kind, reply string
		db              int // afterwards
	}{
		{"select 2", "Switch", ok, 2},
		{"select 0", "Switch", ok, 0},
		{"select 3", "Switch", ok, 3},
		{"select 4", "Switch", errDBRange, 3},
		{"select -1", "Switch", errDBRange, 3},
		{"select 2147483648", "Switch", errDBInt, 3},
		{"select x", "Switch", integer, 3},
		{"select 01", "Switch", integer, 3},
		{"select ''", "Switch", integer, 3},
		{"select", "Refuse", "-ERR wrong number of arguments for 'select' command\r\n", 3},
		{"hello 3 auth x", "Switch", "-ERR Syntax error in HELLO option 'auth'\r\n", 3},
		{"get a", "Forward", "", 3},
		{"move a 3", "Forward", "", 3},
		{"move a x", "Forward", "", 3},
		{"move a 99999999999", "Forward", "", 3},
		{"move a 4", "Local", errDBRange, 3},
		{"move a -1", "Local", errDBRange, 3},
		{"copy a b db 0", "Forward", "", 3},
		{"copy a b replace DB 0", "Forward", "", 3},
		{"copy a b db 4", "Local", errDBRange, 3},
		{"copy a b db 0 db 4", "Local", errDBRange, 3},
		{"copy a b foo db 4", "Forward", "", 3},
		{"copy a b db x db 4", "Forward", "", 3},
		{"copy a b db", "Forward", "", 3},
		{"swapdb 0 3", "Fanout", "", 3},
		{"swapdb 0 4", "Local", errDBRange, 3},
		{"swapdb -1 4", "Local", errDBRange, 3},
		{"swapdb x 4", "Fanout", "", 3},
		{"swapdb 4 x", "Fanout", "", 3},
		{"multi", "Local", ok, 3},
		{"select 1", "Queue", queued, 3},
		{"select 9", "Queue", queued, 3},
		{"select x", "Queue", queued, 3},
		{"move a 1", "Queue", queued, 3},
		{"move a 9", "Queue", queued, 3},
		{"copy a b db 9", "Queue", queued, 3},
		{"copy a b db 1", "Queue", queued, 3},
		{"swapdb 0 9", "Queue", queued, 3},
		{"swapdb 0 1", "Refuse", inMulti, 3},
		{"discard", "Discard", ok, 3},
		{"reset", "Switch", "+RESET\r\n", 2},
	} {
		t.Run(tt.in, func(t *testing.T) { databaseStep(t, cl, tt.in, tt.kind, tt.reply, tt.db) })
	}
}

func databaseStep(t *testing.T, cl *codec.Client, in, kind, reply string, db int) {
	p := New(Options{DB: 2, Databases: 4, Commands: "+@all"})
	was := cl.DB
	array, _, _ := appendArray(nil, []byte(in))
	var s codec.Scan
	var cmd codec.Command
	if n, err := p.ParseCommand(cl, &s, array, &cmd); n != len(array) || err != nil {
		t.Fatalf("ParseCommand = %d, %v", n, err)
	}
	if got := codectest.KindName(cmd.Kind); got != kind {
		t.Errorf("it is %s; want %s", got, kind)
	}
	_, to, waits := p.Target(cl, &cmd)
	if waits && cmd.Kind == codec.Switch && cmd.Op == opSelect && (to == was || to != db) || !waits && to != was {
		t.Errorf("from database %d it leads to %d, waits: %v", was, to, waits)
	}
	if cmd.Kind != codec.Forward && cmd.Kind != codec.Fanout {
		if got := string(p.AppendLocal(nil, cl, &cmd)); got != reply {
			t.Errorf("it is answered %q; want %q", got, reply)
		}
	}
	if cl.DB != db {
		t.Errorf("the client is in database %d; want %d", cl.DB, db)
	}
}

// TestOneDatabase: where there is one, what names another is refused.
func TestOneDatabase(t *testing.T) {
	for in, want := range map[string]string{
		"move a 1":       "-ERR MOVE to another database is refused: this pool serves database 2 only\r\n",
		"swapdb 0 1":     "-ERR SWAPDB to another database is refused: this pool serves database 2 only\r\n",
		"select 3":       "-ERR DB index is out of range: this pool serves database 2 only\r\n",
		"select 9999999": "-ERR DB index is out of range: this pool serves database 2 only\r\n",
	} {
		got, _, err := codectest.Commands(New(Options{DB: 2, Commands: "+@all"}), &codec.Client{DB: 2, Authed: true}, [][]byte{[]byte(in + "\n")})
		if err != nil || len(got) != 1 || got[0].Reply != want {
			t.Errorf("%s: %v, %v; want %q", in, got, err, want)
		}
	}
}

// TestDatabaseRefused: that a server does not have a database is a fact about it, unless it is the pool's own; what it says of the moment,
// or of the connection, is a failure.
func TestDatabaseRefused(t *testing.T) {
	p := New(Options{DB: 2, Databases: 16, Password: "hunter2"})
	for _, tt := range []struct {
		db             int
		reply, refused string
	}{
		{9, errDBRange, "database 9 was refused: ERR DB index is out of range"},
		{9, "-NOPERM no\r\n", "database 9 was refused: NOPERM no"},
		{2, errDBRange, ""},
		{9, "-NOAUTH no\r\n", ""},
		{9, "-ERR max number of clients reached\r\n", ""},
		{9, "-ERR hunter2\r\n", ""},
		{9, ":1\r\n", ""},
	} {
		for pr := range codec.Profile(profiles) {
			steps := p.Handshake(codec.Login{}, pr, tt.db)
			if got, want := string(steps[len(steps)-1]), string(bulks("SELECT", fmt.Sprint(tt.db))); got != want {
				t.Fatalf("the handshake ends with %q; want %q", got, want)
			}
			err := p.CheckHandshake(codec.Login{}, pr, tt.db, len(steps)-1, []byte(tt.reply))
			var r *codec.RefusalError
			if is := errors.As(err, &r); err == nil || is != (tt.refused != "") || is && (err.Error() != tt.refused || r.Lacks() != "has no database 9") {
				t.Errorf("database %d, %q: %v; want refusal %q", tt.db, tt.reply, err, tt.refused)
			}
		}
	}
	if err := p.CheckHandshake(codec.Login{}, RESP3, 9, 2, []byte("|1\r\n+a\r\n+b\r\n+OK\r\n")); err != nil {
		t.Errorf("OK behind attributes: %v", err)
	}
	if n := len(p.Handshake(codec.Login{}, RESP2, 0)); n != 1 {
		t.Errorf("to database 0 there are %d steps; want the password alone", n)
	}
}

// TestSelected: which SELECT of a transaction was carried out.
func TestSelected(t *testing.T) {
	p := New(Options{Databases: 16})
	reply := "*3\r\n+OK\r\n*2\r\n$3\r\n+OK\r\n:1\r\n-ERR no\r\n"
	for _, tt := range []struct {
		reply string
		at    int
		want  bool
	}{
		{reply, 0, true},
		{reply, 1, false},
		{reply, 2, false},
		{reply, 3, false},
		{"|1\r\n+a\r\n+b\r\n" + reply, 0, true},
		{"*-1\r\n", 0, false},
		{"_\r\n", 0, false},
		{"-EXECABORT no\r\n", 0, false},
		{"*1\r\n$5\r\n+OK\r\n\r\n", 0, false},
	} {
		if got := p.Selected([]byte(tt.reply), tt.at); got != tt.want {
			t.Errorf("Selected(%q, %d) = %v", tt.reply, tt.at, got)
		}
	}
}
