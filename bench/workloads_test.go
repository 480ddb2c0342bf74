package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSets(t *testing.T) {
	for name, ws := range sets {
		seen := map[string]bool{}
		protocol, done := "", map[string]bool{}
		for _, w := range ws {
			if seen[w.Name] {
				t.Errorf("%s: workload %s is there twice", name, w.Name)
			}
			seen[w.Name] = true
			if w.Protocol != protocol && done[w.Protocol] {
				t.Errorf("%s: the servers of %s start twice", name, w.Protocol)
			}
			protocol, done[w.Protocol] = w.Protocol, true
			if (w.Protocol == "memcached") != strings.HasPrefix(w.Name, "mc-") {
				t.Errorf("%s: %s is of %s", name, w.Name, w.Protocol)
			}
			if w.Loops < 1 {
				t.Errorf("%s: %s does not say how many loops cashew has", name, w.Name)
			}
			if w.Pin && w.Loops > 2 {
				t.Errorf("%s: %s needs %d CPUs for the proxy", name, w.Name, w.Loops)
			}
			checkWorkload(t, w)
		}
	}
}

func checkWorkload(t *testing.T, w workload) {
	for _, test := range w.Tests {
		if n := keysOf(test); n < 0 || (n == 0) != (test == "set" || test == fanOut) {
			t.Errorf("keysOf(%s) = %d", test, n)
		}
	}
	for _, scale := range []float64{0.00001, 0.02, 1, 3} {
		s := w.scaled(scale, 100_000)
		if s.Requests < s.Clients*s.Pipeline {
			t.Errorf("%s at %v: %d requests do not fill %d clients' pipelines", w.Name, scale, s.Requests, s.Clients)
		}
		if s.Keys < 1 || s.Keys*s.ValueBytes > 128<<20 {
			t.Errorf("%s: %d keys of %d bytes", w.Name, s.Keys, s.ValueBytes)
		}
		if n := s.straceRequests(); n < 1 || n > s.Requests {
			t.Errorf("%s at %v: %d of %d requests under strace", w.Name, scale, n, s.Requests)
		}
		if (s.Idle > 0) != (w.Idle > 0) || s.Idle > w.Idle {
			t.Errorf("%s at %v: %d idle clients of %d", w.Name, scale, s.Idle, w.Idle)
		}
	}
}

// The matrix reaches every value of every axis, with both protocols where that makes sense.
func TestMatrixIsWhole(t *testing.T) {
	has := func(p string, what func(w workload) bool) bool {
		return slices.ContainsFunc(sets[setMatrix], func(w workload) bool { return w.Protocol == p && what(w) })
	}
	for _, p := range []string{"redis", "memcached"} {
		for _, n := range []int{3, 64, 1 << 10, 64 << 10, 1 << 20} {
			if !has(p, func(w workload) bool { return w.ValueBytes == n }) {
				t.Errorf("%s: no values of %d bytes", p, n)
			}
		}
		for _, n := range []int{1, 16, 128} {
			if !has(p, func(w workload) bool { return w.Pipeline == n }) {
				t.Errorf("%s: no pipeline of %d", p, n)
			}
		}
		for _, n := range []int{1, 50, 100, 2000, 10_000} {
			if !has(p, func(w workload) bool { return w.Clients+w.Idle == n }) {
				t.Errorf("%s: no %d clients", p, n)
			}
		}
		for _, n := range []int{1, 4, 16} {
			if !has(p, func(w workload) bool { return w.Servers == n }) {
				t.Errorf("%s: no %d servers", p, n)
			}
		}
		for _, n := range []int{1, 2} {
			if !has(p, func(w workload) bool { return w.Loops == n }) {
				t.Errorf("%s: no %d loops", p, n)
			}
		}
		many := map[string][]string{"redis": {"mget10", "mget100"}, "memcached": {"get10", "get100"}}
		for _, test := range append(many[p], "set", "get", mixed) {
			if !has(p, func(w workload) bool { return slices.Contains(w.Tests, test) }) {
				t.Errorf("%s: no %s", p, test)
			}
		}
	}
}

func TestPlacementFor(t *testing.T) {
	tests := []struct {
		loops int
		cpus  []string
		want  placement
		bad   bool
	}{
		{1, []string{"0", "1"}, placement{client: "0", proxy: "1", server: "0"}, false},
		{2, []string{"0", "1"}, placement{client: "0", proxy: "0,1", server: "0"}, false},
		{0, []string{"4", "7", "9"}, placement{client: "4,7", proxy: "9", server: "4,7"}, false},
		{2, []string{"0", "1", "2", "3"}, placement{client: "0,1", proxy: "2,3", server: "0,1"}, false},
		{3, []string{"0", "1"}, placement{}, true},
	}
	for _, tt := range tests {
		if got, err := placementFor(tt.loops, tt.cpus); got != tt.want || (err != nil) != tt.bad {
			t.Errorf("placementFor(%d, %q) = %+v, %v; want %+v", tt.loops, tt.cpus, got, err, tt.want)
		}
	}
}
