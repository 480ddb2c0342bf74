package memcached

import (
	"testing"

	"cashew/codec"
)

// TestCommandName: refused commands are told by name, and nothing else of them is.
func TestCommandName(t *testing.T) {
	for in, want := range map[string]string{
		"slabs reassign 1 2\r\n": "slabs",
		"NoSuch secret\r\n":      "",
		"a\"b secret\r\n":        "",
	} {
		p := New(Options{})
		var s codec.Scan
		var cmd codec.Command
		if n, err := p.ParseCommand(&codec.Client{}, &s, []byte(in), &cmd); n != len(in) || err != nil || cmd.Kind != codec.Refuse {
			t.Fatalf("ParseCommand(%q) = %d, %v, kind %v", in, n, err, cmd.Kind)
		}
		if got := p.CommandName(&cmd); got != want {
			t.Errorf("CommandName of %q = %q; want %q", in, got, want)
		}
		if int(cmd.Op) >= p.Ops() {
			t.Errorf("Op %d of %q is not below Ops %d", cmd.Op, in, p.Ops())
		}
	}
}
