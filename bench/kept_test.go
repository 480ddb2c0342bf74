package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/bench/kept"
)

// Package kept has tags of its own for the fields that it reads: they must be ours.
func TestKeptReadsWhatWeSave(t *testing.T) {
	r := testResult()
	file, err := r.save(t.TempDir(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	k, err := kept.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := k.Rows()
	if len(rows) != 1 || rows[0].Name() != "p1-1k GET" || rows[0].Workload.Clients != 100 || rows[0].Workload.Pipeline != 1 ||
		rows[0].Workload.ValueBytes != 1024 || rows[0].Workload.Servers != 1 || rows[0].Workload.Protocol != "redis" {
		t.Fatalf("rows %+v", rows)
	}
	if d := cmp.Diff(r.Order, k.Order); d != "" {
		t.Errorf("contenders differ (-want +got):\n%s", d)
	}
	for name, field := range map[string]struct {
		saved func(sample) float64
		read  func(kept.Sample) float64
	}{
		"rps":       {rps, func(s kept.Sample) float64 { return s.RPS }},
		"p50":       {func(s sample) float64 { return s.P50 }, func(s kept.Sample) float64 { return s.P50 }},
		"p99":       {func(s sample) float64 { return s.P99 }, func(s kept.Sample) float64 { return s.P99 }},
		"proxyCPU":  {proxyCPU, func(s kept.Sample) float64 { return s.ProxyCPU }},
		"serverCPU": {serverCPU, func(s kept.Sample) float64 { return s.ServerCPU }},
		"proxyIO":   {func(s sample) float64 { return s.ProxyIO }, func(s kept.Sample) float64 { return s.ProxyIO }},
	} {
		for _, c := range []string{cashew, nutcracker} { // of direct there is nothing of a proxy
			if d := cmp.Diff(r.pick("p1-1k", "get", c, field.saved), k.Pick(rows[0], c, field.read)); d != "" {
				t.Errorf("%s of %s differs (-want +got):\n%s", name, c, d)
			}
		}
		if len(k.Pick(rows[0], cashew, field.read)) == 0 {
			t.Errorf("%s: nothing to compare", name)
		}
	}
	if len(k.Syscalls) != 1 || k.Syscalls[0].PerRequest != r.Syscalls[0].PerRequest {
		t.Errorf("system calls %+v; want those of %+v", k.Syscalls, r.Syscalls)
	}
}
