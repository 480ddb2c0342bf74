package resp

import (
	"testing"

	"cashew/codec"
)

// TestCommandName: refused commands are told by name, and nothing else of them is.
func TestCommandName(t *testing.T) {
	for in, want := range map[string]string{
		"*1\r\n$4\r\nKEYS\r\n":                    "keys",
		"*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n":         "keys",
		"*2\r\n$7\r\nNoSuch1\r\n$6\r\nsecret\r\n": "nosuch1",
		"NOSUCH secret\r\n":                       "",
		"KEYS *\r\n":                              "keys",
		"*1\r\n$3\r\na\"b\r\n":                    "",
		"*1\r\n$0\r\n\r\n":                        "",
		"*1\r\n$40\r\n0123456789012345678901234567890123456789\r\n": "01234567890123456789012345678901",
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
