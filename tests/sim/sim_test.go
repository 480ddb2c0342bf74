package sim

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/near"
)

var (
	duration = flag.Duration("sim.duration", 20*time.Second, "of simulated time, in runs of -sim.run")
	runTime  = flag.Duration("sim.run", 20*time.Second, "how long the world of one seed lasts, by its own clock")
	pace     = flag.Duration("sim.pace", 0, "so long clients send nothing in between, but in each eighth run: more happens for each reply")
	seed     = flag.Uint64("sim.seed", 1, "of the first run")
	clusters = flag.Bool("sim.cluster", false, "only runs in which servers are a Redis Cluster")
	wall     = flag.Duration("sim.wall", 0, "no run begins later, by the clock on the wall; 0: whenever")
	nears    = flag.Bool("sim.near", false, "only runs in which replies are kept")
	file     = flag.String("sim.script", "", "a script to play instead")
	patience = flag.Duration("sim.shrink", time.Minute, "how long to look for the shortest script of a failure, by the clock on the wall")
)

// TestSim plays one seed after the other, or a script. What must not happen is shown with its seed, which shows it again, and with
// the shortest script that was found in which something like it happens.
func TestSim(t *testing.T) {
	if *file != "" {
		playFile(t, *file)
		return
	}
	if *duration <= 0 || *runTime <= 0 || *pace < 0 {
		t.Fatalf("-sim.duration %v and -sim.run %v have to be some time, and -sim.pace %v not less than none", *duration, *runTime, *pace)
	}
	began := time.Now()
	var answered, steps int64
	happened := make(map[string]int)
	var kept near.Tally
	length := min(*duration, *runTime)
	if underRace {
		length = min(length, *runTime/10)
		*duration = min(*duration, length)
	}
	for i := range int(*duration / length) {
		if *wall > 0 && time.Since(began) > *wall {
			break
		}
		c := newScript(*seed+uint64(i), length)
		if *clusters && !c.Pools[0].Cluster {
			continue
		}
		if *nears && *clusters && !c.Pools[0].Near {
			continue
		}
		if *nears && !slices.ContainsFunc(c.Pools, func(p PoolScript) bool { return p.Near }) {
			continue
		}
		if c.Seed%8 != 0 {
			c.Pace = *pace
		}
		r, log := playScript(c)
		answered += r.Answered
		steps += r.sim.Steps
		for _, t := range r.kept { // in no order: added up
			kept.Add(&t)
		}
		if r.fleet != nil {
			for what, n := range r.fleet.counts {
				happened[what] += n
			}
		}
		if r.Failure != "" {
			t.Fatalf("seed %d, after %d replies: %s", *seed+uint64(i), answered, report(r, log))
		}
	}
	took := time.Since(began)
	t.Logf("%d replies checked in %d steps, %v: %.0f a second; in clusters %v; kept near: %d hits, %d joined, of %d that missed, %d kept, %d not", answered, steps, took.Round(time.Millisecond), float64(answered)/took.Seconds(), happened,
		kept.Hits, kept.Joined, kept.Misses, kept.Kept, kept.Overtaken)
}

func playScript(c *Script) (r *Run, log string) {
	var b strings.Builder
	r = newRun(c, slog.New(slog.NewTextHandler(&b, nil)))
	if r.play() {
		r.sim.Close()
	}
	return r, b.String()
}

// report is what a person needs to know of a failure.
func report(r *Run, log string) string {
	text := r.Failure + "\n" + r.Lines(30) + "\nlog:\n" + log[max(0, len(log)-3000):] + r.stack
	if *patience > 0 {
		short := shrink(r.script, time.Now().Add(*patience))
		again, _ := playScript(short.clone())
		text += "\n\nThe shortest script found; -sim.script=FILE plays it:\n\n" + short.String() + "\n" + again.Lines(30)
	}
	return text
}

func playFile(t *testing.T, name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseScript(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if r, log := playScript(c); r.Failure != "" {
		t.Errorf("%s: %s", name, report(r, log))
	}
}

// TestKept plays the scripts that once failed.
func TestKept(t *testing.T) {
	files, err := filepath.Glob("testdata/kept/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { playFile(t, f) })
	}
}
