//go:build unix

package compat

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"

	"github.com/google/go-cmp/cmp"
)

// programLimit ends a program whose library hangs.
const programLimit = time.Minute

// protocol is what a library and its servers speak.
type protocol string

const (
	redis     protocol = "redis"
	memcached protocol = "memcached"
)

// library is one client library, or one way to use it.
type library struct {
	name    string
	program func(t testing.TB, name string) []string // the command that runs it; the port is appended
	speaks  protocol                                 // "" for redis
	keys    string                                   // its keys begin with it; "" for name:
	oneSlot bool                                     // all its keys have the same hash tag
	fails   map[string]string                        // steps that fail through the proxy, and why
	apart   map[string]string                        // the same, before several servers alone
}

// Why libraries fail.
const (
	transacts = "the keys of a transaction have to be on one server"
	selects   = "a pool serves one database"
)

var libraries = []library{
	{name: "node-redis", program: nodeProgram},
	{name: "ioredis", program: nodeProgram},
	{name: "valkey-glide", program: nodeProgram},
	{name: "bullmq", program: nodeProgram, keys: "{bull}:", oneSlot: true},
	{name: "go-redis", program: golangProgram},
	{name: "rueidis", program: golangProgram},
	{name: "valkey-go", program: golangProgram},
	{name: "redigo", program: golangProgram},
	{name: "phpredis", program: phpredisProgram},
	{name: "predis", program: predisProgram},
	{name: "redis-py", program: pythonProgram},
	{name: "redis-py-hiredis", program: pythonProgram},
	{name: "redis-rb", program: rubyProgram, fails: map[string]string{
		"database":         selects,
		"another database": selects,
		"pub/sub":          "a channel is on no server in particular",
	}},
	{name: "django-redis", program: djangoProgram, apart: map[string]string{
		"set_many": transacts, // it is one of redis-py's pipelines, which are transactions unless told otherwise
	}, fails: map[string]string{
		"pattern": "SCAN is refused, since a cursor is one server's",
	}},
	{name: "django-pylibmc", program: djangoProgram, speaks: memcached},
	{name: "django-pymemcache", program: djangoProgram, speaks: memcached},
	{name: "pylibmc", program: pylibmcProgram, speaks: memcached},
}

// TestLibraries takes each library through its scenario directly and through the proxy.
func TestLibraries(t *testing.T) {
	fleets := map[protocol]fleet{redis: startFleet(t, redis), memcached: startFleet(t, memcached)}
	for _, lib := range libraries {
		if lib.speaks == "" {
			lib.speaks = redis
		}
		to := fleets[lib.speaks]
		t.Run(lib.name, func(t *testing.T) {
			t.Parallel()
			command := lib.program(t, lib.name)
			want := runProgram(t, command, to.direct)
			for _, s := range want {
				if s.Error != "" {
					t.Errorf("directly: %s: %s", s.Name, s.Error)
				}
			}
			if t.Failed() {
				return // there is nothing to compare with
			}
			t.Run("one server", func(t *testing.T) {
				lib.compare(t, lib.fails, want, runProgram(t, command, to.one))
			})
			t.Run("three servers", func(t *testing.T) {
				fails := make(map[string]string)
				maps.Copy(fails, lib.fails)
				maps.Copy(fails, lib.apart)
				lib.compare(t, fails, want, runProgram(t, command, to.three))
				lib.wantSpread(t, to.servers)
			})
		})
	}
}

// step is what a program printed about one step.
type step struct {
	Name  string `json:"step"`
	Saw   string `json:"saw"`
	Error string `json:"error"`
}

// runProgram runs a program against the server or proxy at port and returns its steps. One that hangs is ended, and has
// fewer of them.
func runProgram(t *testing.T, command []string, port string) []step {
	t.Helper()
	p := processtest.Run(t, command[0], append(slices.Clone(command[1:]), port)...)
	ended := processtest.Poll(programLimit, p.Ended)
	p.Kill()
	var steps []step
	for line := range bytes.Lines(p.Printed()) {
		var s step
		// What else it prints, warnings for example, is shown if the test fails.
		if bytes.HasPrefix(line, []byte("{")) && json.Unmarshal(line, &s) == nil {
			steps = append(steps, s)
		}
	}
	if !ended {
		last := "it started"
		if len(steps) > 0 {
			last = steps[len(steps)-1].Name
		}
		steps = append(steps, step{Name: "exit", Error: "the program hung after " + last + " and was ended"})
	} else if len(steps) == 0 {
		steps = append(steps, step{Name: "start", Error: p.State().String()})
	}
	return steps
}

// compare checks a program's steps through the proxy against the same steps without it.
func (lib *library) compare(t *testing.T, fails map[string]string, want, got []step) {
	t.Helper()
	byName := map[string]step{}
	for _, s := range got {
		byName[s.Name] = s
		if !slices.ContainsFunc(want, func(w step) bool { return w.Name == s.Name }) {
			t.Errorf("%s: %s", s.Name, s.Error)
		}
	}
	var unreached []string
	for _, w := range want {
		g, reached := byName[w.Name]
		why := fails[w.Name]
		switch diff := cmp.Diff(w.Saw, g.Saw); {
		case !reached:
			unreached = append(unreached, w.Name)
		case why != "" && g.Error == "" && diff == "":
			t.Errorf("%s passes now, so it need not be in the table: %s", w.Name, why)
		case why != "":
			t.Logf("%s fails as it must: %s: %s", w.Name, why, g.Error)
		case g.Error != "":
			t.Errorf("%s: %s", w.Name, g.Error)
		case diff != "":
			t.Errorf("%s: the library saw something else (-directly +through the proxy):\n%s", w.Name, diff)
		}
	}
	if unreached != nil {
		t.Errorf("not reached: %s", strings.Join(unreached, ", "))
	}
}

// wantSpread checks that the library's keys are on all servers, or on one if they have one hash tag.
func (lib *library) wantSpread(t *testing.T, servers []string) {
	t.Helper()
	prefix, want := lib.keys, len(servers)
	if prefix == "" {
		prefix = lib.name + ":"
	}
	if lib.oneSlot {
		want = 1
	}
	with := 0
	for _, port := range servers {
		c := dial(t, port)
		if lib.speaks == memcached && c.memcachedHas(prefix) || lib.speaks == redis && len(c.do("KEYS", prefix+"*").parts) > 0 {
			with++
		}
	}
	if with != want {
		t.Errorf("keys %s* are on %d servers, want %d", prefix, with, want)
	}
}
