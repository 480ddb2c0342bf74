//go:build unix

package compat

import (
	"bytes"
	"encoding/json"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"

	"github.com/google/go-cmp/cmp"
)

// programLimit ends a program whose library hangs.
const programLimit = time.Minute

// kills is the step in which one client ends another.
const kills = "reconnect after CLIENT KILL"

var full = flag.Bool("full", false, "run all libraries and frameworks, not those alone that make test runs, and write docs/compatibility.md")

// TestLibraries takes each library through the scenarios.
func TestLibraries(t *testing.T) { runRows(t, libraries) }

// TestTLSLibraries takes libraries through the same scenarios over TLS.
func TestTLSLibraries(t *testing.T) { runRows(t, overTLS(libraries)) }

// TestFrameworks does what applications do with each framework.
func TestFrameworks(t *testing.T) { runRows(t, frameworks) }

// runRows runs rows directly and through the proxy before one server and before three, and compares.
func runRows(t *testing.T, rows []row) {
	fleets := map[string]*fleet{}
	for _, r := range rows {
		if !r.short && !*full {
			continue
		}
		server := r.protocol.server()
		fleet := server + string(r.over)
		if r.refused("connect", 1) != nil {
			fleet += ", for who cannot connect" // and leaves as it likes
		}
		if fleets[fleet] == nil {
			fleets[fleet] = startFleet(t, server, r.over)
		}
		t.Run(r.id(), func(t *testing.T) {
			t.Parallel()
			r.run(t, fleets[fleet])
		})
	}
}

// run runs one row.
func (r *row) run(t *testing.T, to *fleet) {
	command := append(slices.Clone(r.program(t, r.name)), string(r.protocol))
	if r.framework() {
		// It has workers, which end with it, whatever became of it.
		command = append([]string{"sh", "-c", `"$@"; kill -KILL 0`, "sh"}, command...)
	}
	command = slices.Concat(to.environment, command)
	want := runProgram(t, command, to.direct)
	for _, s := range want.steps {
		if s.Error != "" {
			t.Errorf("directly: %s: %s", s.Name, s.Error)
		}
	}
	r.wantScenarios(t, want)
	if t.Failed() {
		return // there is nothing to compare with
	}
	found := &finding{version: want.version, steps: want.names()}
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		found.one = r.compare(t, 1, want, r.runThrough(t, command, to.one))
	})
	t.Run("three servers", func(t *testing.T) {
		t.Parallel()
		found.three = r.compare(t, 3, want, r.runThrough(t, command, to.three))
		if r.refused("connect", 3) == nil {
			r.wantSpread(t, to.servers)
		}
	})
	t.Cleanup(func() { // once both have ended
		if !t.Failed() {
			found.enter(r.id())
		}
	})
}

// wantScenarios checks that a library has a step of each scenario, or a reason to have none.
func (r *row) wantScenarios(t *testing.T, o outcome) {
	t.Helper()
	if r.framework() {
		return
	}
	for _, s := range scenarios[r.protocol.server()] {
		has := slices.ContainsFunc(s.steps, func(step string) bool { return slices.Contains(o.names(), step) })
		if why, none := r.lacks[s.name]; has == none {
			t.Errorf("a step of %s: %v; there should be none: %v %s", s.name, has, none, why)
		}
	}
}

// step is what a program printed about one step.
type step struct {
	Name  string `json:"step"`
	Saw   string `json:"saw"`
	Error string `json:"error"`
}

// outcome is what a program printed: the version of its library, and its steps.
type outcome struct {
	version string
	steps   []step
}

func (o *outcome) names() (all []string) {
	for _, s := range o.steps {
		all = append(all, s.Name)
	}
	return all
}

// runProgram runs a program against the server or proxy at port. One that hangs is ended, and has fewer steps.
func runProgram(t *testing.T, command []string, port string) outcome {
	t.Helper()
	p := processtest.Run(t, command[0], append(slices.Clone(command[1:]), port)...)
	ended := processtest.Poll(programLimit, p.Ended)
	p.Kill()
	var o outcome
	for line := range bytes.Lines(p.Printed()) {
		var s struct {
			step
			Version string `json:"version"`
		}
		// What else it prints, warnings for example, is shown if the test fails.
		if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &s) != nil {
			continue
		}
		if s.Version != "" {
			o.version = s.Version
			continue
		}
		o.steps = append(o.steps, s.step)
	}
	if !ended {
		last := "it started"
		if len(o.steps) > 0 {
			last = o.steps[len(o.steps)-1].Name
		}
		o.steps = append(o.steps, step{Name: "exit", Error: "the program hung after " + last + " and was ended"})
	} else if len(o.steps) == 0 {
		o.steps = append(o.steps, step{Name: "start", Error: p.State().String()})
	}
	return o
}

// runThrough runs a program against a proxy.
func (r *row) runThrough(t *testing.T, command []string, to *proxy) outcome {
	t.Helper()
	if r.refused("connect", 1) != nil {
		to.barred.Store(true)
	}
	o := runProgram(t, command, to.port)
	if slices.Contains(o.names(), kills) {
		to.killed.Add(1)
	}
	to.resets.Add(int64(r.resets))
	if r.over != plain {
		to.resets.Add(10) // a client may be gone before it was told good-bye in TLS, or has read that
	}
	if r.framework() {
		to.resets.Add(1000) // its workers end as they like
	}
	return o
}

// compare checks a program's steps through the proxy before some number of servers against the same steps without it, and
// returns those that were refused, with the reason.
func (r *row) compare(t *testing.T, servers int, want, got outcome) map[string]*reason {
	t.Helper()
	byName, red := map[string]step{}, map[string]*reason{}
	for _, s := range got.steps {
		byName[s.Name] = s
		if !slices.ContainsFunc(want.steps, func(w step) bool { return w.Name == s.Name }) {
			t.Errorf("%s: %s", s.Name, s.Error)
		}
	}
	var unreached []string
	for _, w := range want.steps {
		g, reached := byName[w.Name]
		why := r.refused(w.Name, servers)
		switch diff := cmp.Diff(w.Saw, g.Saw); {
		case !reached && red["connect"] != nil:
			red[w.Name] = red["connect"]
		case !reached:
			unreached = append(unreached, w.Name)
		case why != nil && g.Error == "" && diff == "":
			t.Errorf("%s works now, so it need not be among the refusals: %s", w.Name, why.what)
		case why != nil:
			red[w.Name] = why
			t.Logf("%s fails as it must: %s: %s", w.Name, why.what, g.Error)
		case g.Error != "":
			t.Errorf("%s: %s", w.Name, g.Error)
		case diff != "":
			t.Errorf("%s: the library saw something else (-directly +through the proxy):\n%s", w.Name, diff)
		}
	}
	if unreached != nil {
		t.Errorf("not reached: %s", strings.Join(unreached, ", "))
	}
	return red
}

// wantSpread checks that the row's keys are on all servers, or on one if they have one hash tag.
func (r *row) wantSpread(t *testing.T, servers []string) {
	t.Helper()
	prefix, want := r.keys, len(servers)
	switch {
	case prefix == "" && r.framework():
		return // where its keys are is its own affair
	case prefix == "":
		prefix = r.name + "-" + string(r.protocol) + ":"
	}
	if r.oneSlot {
		want = 1
	}
	with := 0
	for _, port := range servers {
		c := dial(t, port)
		memcached := r.protocol.server() == "memcached"
		if memcached && c.memcachedHas(prefix) || !memcached && len(c.do("KEYS", prefix+"*").parts) > 0 {
			with++
		}
	}
	if with != want {
		t.Errorf("keys %s* are on %d servers, want %d", prefix, with, want)
	}
}
