package inspect

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cashew/stats"
)

// routedFile writes a file whose pool front routes as lines say.
func routedFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f.yml")
	routes := ""
	if len(lines) > 0 {
		routes = "  routes:\n    - " + strings.Join(lines, "\n    - ") + "\n"
	}
	pool := func(name, more, server string) string {
		return name + ":\n  listen: /" + name + "\n  redis: true\n" + more + "  distribution: modula\n  hash: md5\n  servers:\n    - " + server + "\n"
	}
	text := pool("front", routes, "10.0.0.1:1:1") + pool("users", "", "10.0.0.2:1:1 \n    - 10.0.0.3:1:1") + pool("rest", "", "10.0.0.2:1:1")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestExplainRouted: the pool that a key is routed to is told, and why.
func TestExplainRouted(t *testing.T) {
	places, err := explainFile(routedFile(t, "users user:*", "front user:own:*"), "front", []string{"user:1", "user:own:1", "x"}, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	printPlaces(&out, places)
	lines := strings.Split(out.String(), "\n")
	for i, want := range [][]string{
		{"front > users", `keys with "user:" are routed to pool users; md5("user:1")`}, {"front ", "10.0.0.1:1:1", `keys with "user:own:" are the pool's own`}, {"front ", "10.0.0.1:1:1"},
	} {
		for _, w := range want {
			if !strings.Contains(lines[i+1], w) {
				t.Errorf("line %d is %q; want %q in it", i+1, lines[i+1], w)
			}
		}
	}
}

// TestExplainBeside: a spare, a next tier and a mirror are told of, where a key has them.
func TestExplainBeside(t *testing.T) {
	path := routedFile(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("  distribution"), []byte("  failover: users\n  miss: users ttl=1\n  mirror: rest share=50%\n  distribution"), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	places, err := explainFile(path, "front", strings.Fields("a b c d e f g h i j k l m n o p"), new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	mirrored := 0
	for _, p := range places {
		if !strings.Contains(p.Reason, "; what can't be sent there goes to pool users") {
			t.Errorf("reason %q; want the spare in it", p.Reason)
		}
		if !strings.Contains(p.Reason, "; what is not there is asked of pool users") {
			t.Errorf("reason %q; want the next tier in it", p.Reason)
		}
		if strings.HasSuffix(p.Reason, "; mirrored to pool rest") {
			mirrored++
		}
	}
	if mirrored == 0 || mirrored == len(places) {
		t.Errorf("%d of %d keys are mirrored; want about half", mirrored, len(places))
	}
}

// TestExplainDual: where a key is written to besides is told, with the server there, and what a change does about it.
func TestExplainDual(t *testing.T) {
	path := routedFile(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte("  distribution"), []byte("  dual_write: users answer=any\n  distribution"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	places, err := explainFile(path, "", strings.Fields("a b c d e f"), new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]string{}
	for _, p := range places {
		if p.Pool == "users" {
			there[p.Key] = p.Server
		}
	}
	for _, p := range places {
		want := "; what is written goes to pool users as well, there to " + there[p.Key]
		if p.Pool == "front" && !strings.HasSuffix(p.Reason, want) {
			t.Errorf("reason %q; want %q at its end", p.Reason, want)
		}
	}
	if there["a"] == "" {
		t.Errorf("%+v", places)
	}
	for _, files := range [][2]string{{routedFile(t), path}, {path, routedFile(t)}, {path, path}} {
		d, err := diff(files[0], files[1], new(bytes.Buffer))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		d.print(&out)
		want := "  what is written goes to pool users as well, answer=any (before: to this pool alone)\n"
		if files[0] == path {
			want = "  what is written goes to this pool alone (before: to pool users as well, answer=any)\n"
		}
		if has := strings.Contains(out.String(), want); has != (files[0] != files[1]) {
			t.Errorf("told: %v, of %q in\n%s", has, want, out.String())
		}
	}
}

// TestDiffRouted: what moves is told prefix by prefix, and a prefix that comes to a pool with its data where it was moves nothing.
func TestDiffRouted(t *testing.T) {
	d, err := diff(routedFile(t, "users user:*"), routedFile(t, "rest user:* a:*"), new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	d.print(&out)
	for _, want := range []string{
		"pool front: no other key moves",
		`keys with "a:" (pool front before and rest now): 100.00 % move`,
		`keys with "user:" (pool users before and rest now): 50.00 % move`,
		"10.0.0.3:1:1  10.0.0.2:1:1  50.00 %",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	hot := []stats.HotKey{{Pool: "front", Key: "a:1", Requests: 3}, {Pool: "front", Key: "b", Requests: 1}, {Pool: "rest", Key: "a:1", Requests: 9}}
	if w := weigh(hot, d.old, d.new, "front"); w.Keys != 2 || w.MovedKeys != 1 || w.Moved != 3 {
		t.Errorf("hot keys: %+v; want 2, of which 1 moves with 3 requests", w)
	}
}

// TestDiffBesides: what other pools get of a pool, or answer in its place, is told where that changes.
func TestDiffBesides(t *testing.T) {
	file := func(lines string) string {
		path := filepath.Join(t.TempDir(), "f.yml")
		text := "front:\n  listen: 127.0.0.1:1\n  redis: true\n" + lines + "  servers:\n    - 127.0.0.1:2:1\nusers:\n  redis: true\n  listen: 127.0.0.1:4\n  servers:\n    - 127.0.0.1:3:1\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for was, is := range map[string]string{
		"":                             "  failover: users send=all\n",
		"  failover: users send=all\n": "  miss: users ttl=5\n",
		"  miss: users ttl=5\n":        "  mirror: users share=10%\n",
	} {
		d, err := diff(file(was), file(is), new(bytes.Buffer))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		d.print(&out)
		for _, line := range []string{is, was} {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.Contains(out.String(), key+" is ") || !strings.Contains(out.String(), strings.Fields(value + " none")[0]) {
				t.Errorf("from %q to %q: %s", was, is, out.String())
			}
		}
	}
	d, err := diff(file("  miss: users ttl=5\n"), file("  miss: users ttl=5\n"), new(bytes.Buffer))
	if err != nil || len(d.Pools[0].Besides) > 0 || len(d.Pools[1].Besides) > 0 {
		t.Errorf("where nothing changes: %+v, %v", d, err)
	}
}
