package resp

import (
	"testing"

	"cashew/codec"
)

// TestScript: what a command brings or calls, and what it is called by.
func TestScript(t *testing.T) {
	p := New(Options{})
	const name = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" // of "return 1"
	for _, c := range []struct {
		in         []byte
		body       string
		calls      bool
		kind       codec.Kind
		some, sole bool
	}{
		{frameOf("EVAL", "return 1", "1", "k"), "return 1", false, codec.Forward, false, false},
		{frameOf("eval_ro", "return 1", "2", "k", "l"), "return 1", false, codec.Forward, false, false},
		{frameOf("EVALSHA", "E0E1F9FABFC9d4800c877a703b823ac0578ff8db", "1", "k"), "", true, codec.Forward, false, false},
		{frameOf("EVALSHA_RO", name, "0"), "", true, codec.Refuse, false, true},
		{frameOf("FCALL", "f", "1", "k"), "", false, codec.Forward, false, false},
		{frameOf("SCRIPT", "LOAD", "return 1"), "return 1", false, codec.Fanout, true, false},
		{frameOf("SCRIPT", "FLUSH"), "", false, codec.Fanout, false, false},
	} {
		cmd := parseOne(t, p, c.in)
		body, calls, _ := p.Script(cmd)
		if !cmd.Script || string(body) != c.body || calls != c.calls || cmd.Kind != c.kind || cmd.Some != c.some || cmd.Sole != c.sole {
			t.Errorf("%q: body %q, calls %v, %+v; want %+v", c.in, body, calls, cmd, c)
		}
		if calls && string(p.AppendCalled(nil, cmd.Frame)) != name {
			t.Errorf("%q calls %q; want %q", c.in, p.AppendCalled(nil, cmd.Frame), name)
		}
	}
	if got := p.ScriptName([]byte("return 1")); got != name {
		t.Errorf("ScriptName = %q; want %q", got, name)
	}
	if got, want := string(p.AppendLoad(nil, []byte("return 1"))), string(frameOf("SCRIPT", "LOAD", "return 1")); got != want {
		t.Errorf("AppendLoad = %q; want %q", got, want)
	}
	if cmd := parseOne(t, p, frameOf("SCRIPT", "EXISTS", name)); cmd.Script || !cmd.Some {
		t.Errorf("SCRIPT EXISTS brings and forgets nothing: %+v", cmd)
	}
}

// TestUnloaded: a reply is known at any cut, and nothing else is taken for one.
func TestUnloaded(t *testing.T) {
	p := New(Options{})
	whole := "-NOSCRIPT No matching script. Please use EVAL.\r\n"
	for n := range len(whole) + 1 {
		is, perhaps := p.Unloaded([]byte(whole[:n]))
		if is != (n >= len(noScript)) || !perhaps {
			t.Errorf("%q is one: %v, perhaps %v", whole[:n], is, perhaps)
		}
	}
	for _, other := range []string{"+", "-ERR", "-NOSCRIPT No matching function", "-NOSCRIPTS", "$46\r\n" + whole} {
		if is, perhaps := p.Unloaded([]byte(other)); is || perhaps {
			t.Errorf("%q is one: %v, perhaps %v", other, is, perhaps)
		}
	}
}

// TestCoalesceScripts: the replies of all servers become one, and of servers that are not ready nothing is heard if others are.
func TestCoalesceScripts(t *testing.T) {
	const sha, loading, invalid = "$40\r\ne0e1f9fabfc9d4800c877a703b823ac0578ff8db\r\n", "-LOADING wait\r\n", "-ERR Invalid argument\r\n"
	list := func(replies ...string) []string { return replies }
	for _, c := range []struct {
		op      string
		replies []string
		want    string
	}{
		{"load", list(sha, sha, sha), sha},
		{"load", list(sha, "$1\r\na\r\n"), invalid},
		{"load", list(sha, "-ERR Error compiling script\r\n"), "-ERR Error compiling script\r\n"},
		{"load", list(loading, sha, "-MASTERDOWN wait\r\n"), sha},
		{"load", list(loading, loading), loading},
		{"load", list("-OOM no\r\n", sha), "-OOM no\r\n"},
		{"exists", list("*2\r\n:1\r\n:0\r\n", "*2\r\n:1\r\n:1\r\n"), "*2\r\n:1\r\n:0\r\n"},
		{"exists", list("*2\r\n:0\r\n:1\r\n", "*2\r\n:1\r\n:0\r\n", loading), "*2\r\n:0\r\n:0\r\n"},
		{"exists", list("*1\r\n:1\r\n", "*2\r\n:1\r\n:1\r\n"), invalid},
		{"exists", list("*1\r\n:1\r\n", "*1\r\n:2\r\n"), invalid},
		{"flush", list("+OK\r\n", "+OK\r\n"), "+OK\r\n"},
		{"flush", list("+OK\r\n", loading), loading},
		{"flush", list("+OK\r\n", ":1\r\n"), invalid},
	} {
		g := &codec.Gather{Op: mustSub("script", c.op), Some: c.op != "flush"}
		for _, r := range c.replies {
			g.Replies, g.Cursor = append(g.Replies, []byte(r)), append(g.Cursor, 0)
		}
		if got := string(New(Options{}).AppendCoalesced([]byte("before "), g)); got != "before "+c.want {
			t.Errorf("SCRIPT %s of %q = %q; want %q", c.op, c.replies, got, c.want)
		}
	}
}
