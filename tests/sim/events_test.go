package sim

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the scripts that -run names with what happened")

// TestScripts plays the event scripts of testdata/scripts: a whole proxy with one loop, in a world in which nothing takes time and servers and clients do
// what a script says. A line is an event; the indented lines below it are what clients and servers got because of it, once nothing
// more could happen at that time. `go test -run Scripts/failure -update` writes these anew in failure.txt, for a person to read,
// and in no other script: one that nobody looks at afterwards would say that whatever happens is right.
//
//	servers N                   the pool's size; first line
//	option KEY VALUE            timeout, max_pipeline, client_output_buffer, password, ...; see player.option
//	client N: ARGS...           a command, as an array; the client connects when first named
//	client N sends "BYTES"      anything, Go-quoted
//	client N closes|resets      FIN or RST
//	client N stalls|takes K     it takes no bytes, or K more
//	server N accepts|refuses    decides a connection attempt; "servers accept" says it for all to come
//	server N/3 ...              the same for its connection of RESP3
//	server N: "BYTES"           what the server sends
//	server N closes
//	server N sickens            from now on it answers no probe
//	server N stalls|takes K     it takes no bytes, or K more
//	wait DURATION               time passes
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var rewrite []string
	if *update {
		if rewrite = scriptsOf(flag.Lookup("test.run").Value.String()); len(rewrite) == 0 {
			t.Fatal("-update rewrites the scripts that -run names, one or several: -run 'Scripts/(failure|order)' -update")
		}
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txt")
		t.Run(name, func(t *testing.T) {
			script, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			want := string(script)
			if slices.Contains(rewrite, name) {
				if err := os.WriteFile(f, []byte(play(t, want, 1, false)), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for seed := range uint64(4) { // whoever runs first, it is the same
				layered := seed > 1
				if layered && name == "pushes" {
					continue // in its last case a stray reply comes in one piece with the handshake's: behind a cut it is no stray
				}
				if got := play(t, want, seed, layered); got != want {
					t.Errorf("%s, seed %d, with a layer beneath all connections %v:\n%s", f, seed, layered, difference(want, got))
				}
			}
		})
	}
}

// difference shows the first lines in which two plays of a script differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	n := 0
	for n < len(w) && n < len(g) && w[n] == g[n] {
		n++
	}
	part := func(lines []string) string { return strings.Join(lines[max(0, n-3):min(n+4, len(lines))], "\n") }
	return fmt.Sprintf("line %d; want\n%s\ngot\n%s", n+1, part(w), part(g))
}

// scriptsOf are the scripts that a -run pattern has by their whole names.
func scriptsOf(run string) (names []string) {
	_, scripts, _ := strings.Cut(strings.ReplaceAll(run, "$/", "/"), "Scripts/")
	for _, name := range strings.Split(strings.Trim(scripts, "^$()"), "|") {
		if name != "" && !strings.ContainsAny(name, `.*+?[]{}\/`) {
			names = append(names, strings.Trim(name, "^$()"))
		}
	}
	return names
}

func TestScriptsOf(t *testing.T) {
	for _, c := range []struct {
		run  string
		want []string
	}{
		{"", nil},
		{"Scripts", nil},
		{"TestScripts$", nil},
		{"Scripts/", nil},
		{"Scripts/.*", nil},
		{"Scripts/failure", []string{"failure"}},
		{"^TestScripts$/^failure$", []string{"failure"}},
		{"TestScripts/^(failure|order)$", []string{"failure", "order"}},
	} {
		if got := scriptsOf(c.run); !slices.Equal(got, c.want) {
			t.Errorf("scriptsOf(%q) = %q; want %q", c.run, got, c.want)
		}
	}
}

// play runs a script and returns it with the outcome of each event.
func play(t *testing.T, script string, seed uint64, layered bool) string {
	p := &player{t: t, sim: New(seed)}
	p.sim.Still, p.sim.Layered, p.sim.Slow = true, layered, 0
	var out bytes.Buffer
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue // an outcome
		}
		out.WriteString(line + "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p.event(line)
		p.settle()
		p.outcome(&out)
	}
	p.end()
	return out.String()
}

func (p *player) event(line string) {
	p.line, p.three = line, false
	f := strings.Fields(line)
	switch f[0] {
	case "option":
		p.settings = append(p.settings, [2]string{f[1], f[2]})
	case "servers":
		if f[1] != "accept" {
			p.n = p.number(f[1])
			return
		}
		p.start()
		p.accepting = true
	case "wait":
		d, err := time.ParseDuration(f[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.start()
		p.pass(d)
	case "client":
		p.start()
		c := p.client(p.number(f[1]))
		p.three = c.three || strings.Contains(line, "HELLO 3")
		if strings.HasSuffix(f[1], ":") {
			c.send(array(f[2:]...))
			return
		}
		p.happens(c.scriptEnd, f[2:])
	case "server":
		p.start()
		name, three := strings.CutSuffix(strings.TrimSuffix(f[1], ":"), "/3")
		v := p.servers[p.number(name)]
		if three {
			v = v.three
		}
		if strings.HasSuffix(f[1], ":") {
			v.conn.send(p.quoted())
			return
		}
		p.serverEvent(v, f[2:])
	default:
		p.t.Fatalf("unknown event %q", line)
	}
}
