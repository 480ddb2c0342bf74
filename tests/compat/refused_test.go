//go:build unix

package compat

import (
	"slices"
	"testing"
)

// reason is why something does not work through the proxy as it does directly. docs/compatibility.md prints it.
type reason struct {
	what    string // is refused, or differs
	why     string
	instead string // what to do
	later   bool   // it is planned to be served
}

var (
	keylessScript = &reason{
		what: "`EVAL` and `EVALSHA` without keys", why: "the keys tell which server runs a script",
		instead: "a pool of one server; a script that names its keys",
	}
	waitsForOne = &reason{
		what: "`WAIT` and `WAITAOF`", why: "they are about what the client has written, and that is on several servers",
		instead: "a pool of one server for whom that matters",
	}
	transactsOnOne = &reason{
		what: "a transaction whose keys are on several servers", why: "no server could carry it out alone, and all or nothing is what was asked for",
		instead: "give the keys one hash tag, `{user1}:a` and `{user1}:b`, or use a pipeline without `MULTI`; Celery: `global_keyprefix` " +
			"among `broker_transport_options`, as celery-prefixed has it; BullMQ and Bee-Queue: `prefix`; Laravel: names of queues in braces; " +
			"RQ, and chords of Celery: a pool of one server",
	}
)

// refusal is a cell of the table that is red, or a part of one. A row through the proxy is green if it does what it does
// directly; each that does not stands here. One that stands here and is green is a mistake as well.
type refusal struct {
	rows     []string // names; nil for all that have the steps
	protocol protocol // "" for all
	steps    []string
	three    bool // before several servers alone
	why      *reason
}

var refusals = []refusal{
	{rows: []string{"celery", "rq"}, steps: []string{"connect"}, three: true, why: transactsOnOne},
	{rows: []string{"channels", "channels-prefixed"}, steps: []string{"connect"}, three: true, why: keylessScript},
	{rows: []string{"celery-prefixed"}, steps: []string{"chord"}, three: true, why: transactsOnOne}, // of a chord's keys for results
	{rows: []string{"laravel"}, steps: []string{"cache of many"}, three: true, why: transactsOnOne},
	{rows: []string{"sidekiq"}, steps: []string{"statistics", "the program ends"}, three: true, why: transactsOnOne},
	{steps: []string{"MULTI over any keys"}, three: true, why: transactsOnOne},
	{steps: []string{"WAIT"}, three: true, why: waitsForOne},
	{rows: []string{"django-redis"}, steps: []string{"set_many"}, three: true, why: transactsOnOne},
}

// refused is why a step of a row is refused before some number of servers; nil if it has to be as it is directly.
func (r *row) refused(step string, servers int) *reason {
	for _, f := range refusals {
		if (f.rows == nil || slices.Contains(f.rows, r.name)) && (f.protocol == "" || f.protocol == r.protocol) &&
			slices.Contains(f.steps, step) && (servers > 1 || !f.three) {
			return f.why
		}
	}
	return nil
}

// TestRefusals: the table names rows and steps that there are.
func TestRefusals(t *testing.T) {
	rows, steps := map[string]bool{}, map[string]bool{}
	for _, r := range slices.Concat(libraries, frameworks) {
		rows[r.name] = true
	}
	for server, columns := range scenarios {
		of := map[string]string{}
		for _, s := range columns {
			for _, step := range s.steps {
				if steps[step] = true; of[step] != "" {
					t.Errorf("step %s of %s is in %s and in %s", step, server, of[step], s.name)
				}
				of[step] = s.name
			}
		}
	}
	for _, r := range refusals {
		for _, name := range r.rows {
			if !rows[name] {
				t.Errorf("there is a refusal for %s, which is no row", name)
			}
		}
		for _, step := range r.steps {
			if r.rows == nil && !steps[step] {
				t.Errorf("there is a refusal for %s, which is no step", step)
			}
		}
	}
}
