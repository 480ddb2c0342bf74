package resp

import (
	"strings"
	"testing"

	"cashew/codec"
)

// TestVerdictsAgainstRedis: what ACL DRYRUN says of commands that are wrong in another way as well, of containers and of the empty key.
func TestVerdictsAgainstRedis(t *testing.T) {
	c := dialRedis(t, redisServer(t))
	lines := []string{"u on nopass ~a* +@all", "n on nopass ~* -@all", "e on nopass %RW~* +@all", "r on nopass %R~* %W~x +@all", "all on nopass ~* +@all"}
	for _, line := range lines {
		if got := c.ask(frameOf(append([]string{"ACL", "SETUSER"}, strings.Fields(line)...)...)); got != "+OK\r\n" {
			t.Fatalf("%s: %q", line, got)
		}
	}
	p := withUsers(t, Options{Commands: "+@all"}, append(lines, "default on nopass ~* &* +@all")...)
	cl := clientOf(p, "default")
	for _, command := range []string{
		"MSET a 1 b", "MSET b 1 a", "MSET a 1 ab", "MSET a", "MSET", "MSETNX a 1 b", "XREAD STREAMS b c 0", "XREAD STREAMS a b 0", "XREAD STREAMS b", "XREAD COUNT 1 STREAMS a b c d 0",
		"XREADGROUP GROUP g c STREAMS b c 0", "CONFIG", "CONFIG bogus", "config|get x", "CLIENT", "XGROUP", "GET EMPTY", "SET EMPTY 1", "SET x 1", "MGET a EMPTY", "GET a b", "nope", "EXEC", "ACL", "ACL WHOAMI x",
	} {
		for _, line := range lines {
			args := append([]string{"ACL", "DRYRUN", strings.Fields(line)[0]}, strings.Fields(strings.ReplaceAll(command, "EMPTY", "''"))...)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "''", "")
			}
			want := c.ask(frameOf(args...))
			if _, got := say(t, p, cl, args...); got != want {
				t.Errorf("%s: %s: %q; redis-server %q", line, command, got, want)
			}
		}
	}
	for _, args := range [][]string{{"ACL", "LoG", "1", "2"}, {"acl", "CaT", "a", "b"}} {
		want := c.ask(frameOf(args...))
		cmd, got := say(t, p, cl, args...)
		if cmd.Kind == codec.Report {
			out, _ := p.AppendReport(nil, *cl, cmd.Op, cmd.Frame, nil)
			got = string(out)
		}
		if got != want {
			t.Errorf("%q: %q; redis-server %q", args, got, want)
		}
	}
}

// TestTextMakesTheSame: what ACL LIST says of a user with a pattern for all keys is taken, and means the same.
func TestTextMakesTheSame(t *testing.T) {
	for _, rules := range []string{"%RW~* %R~b", "%R~* %W~*", "~*", "%RW~* ~a"} {
		p := withUsers(t, Options{}, "u on nopass "+rules)
		line := strings.TrimPrefix(p.users.Find("u").Line(), "user ")
		if again := withUsers(t, Options{}, line).users.Find("u"); again.Line() != "user "+line {
			t.Errorf("%s: %q, and of that %q", rules, line, again.Line())
		}
	}
}

// TestLoginNamed: ACL LOG has a login that failed by its command as it was sent, and the name that it gave.
func TestLoginNamed(t *testing.T) {
	p := withUsers(t, Options{}, "default off", "a on >x")
	for _, args := range [][]string{{"auth", "nobody", "x"}, {"Hello", "2", "AUTH", "nobody", "x"}} {
		cl := &codec.Client{}
		p.Welcome(cl)
		if say(t, p, cl, args...); cl.Denied == nil || cl.Denied.Object != args[0] || cl.Denied.User != "nobody" {
			t.Errorf("%q: %+v", args, cl.Denied)
		}
	}
	cl := &codec.Client{}
	p.Welcome(cl)
	if _, got := say(t, p, cl, "EXEC"); got != "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n" {
		t.Errorf("EXEC before a login: %q", got)
	}
}
