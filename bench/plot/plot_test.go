package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cashew/bench/kept"
)

// synthetic is a result of three rounds in which cashew is 0.9 of direct and nutcracker 0.6, a request costs 10 and
// 20 µs, and memcached has no third proxy.
func synthetic() *kept.Result {
	r := &kept.Result{
		Commit: "0123456789ab", Rounds: 3, CPU: "Some <CPU> & more", CPUs: 2, Placement: "left to the kernel",
		Order: []string{kept.Direct, "cashew", "nutcracker", "hare", kept.Echo},
	}
	add := func(w kept.Workload) { r.Workloads = append(r.Workloads, w) }
	p1 := kept.Workload{Name: "p1-1k", Protocol: "redis", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Tests: []string{"set", "get"}}
	add(p1)
	add(kept.Workload{Name: "p16-64-4s", Protocol: "redis", Servers: 4, Clients: 50, Pipeline: 16, ValueBytes: 64, Tests: []string{"get"}})
	add(kept.Workload{Name: "p1-1m", Protocol: "redis", Servers: 1, Clients: 50, Idle: 9950, Pipeline: 1, ValueBytes: 1 << 20, Loops: 2, Pin: true, Tests: []string{"get"}})
	add(kept.Workload{Name: "mc-p1-1k", Protocol: "memcached", Servers: 1, Clients: 100, Pipeline: 1, ValueBytes: 1024, Tests: []string{"get"}})
	p1.Tests = []string{"get"}
	for _, n := range []int{1, 1000, 10_000} {
		w := p1
		w.Name, w.Clients = fmt.Sprintf("clients%d", n), n
		add(w)
	}
	for _, n := range []int{4, 100} {
		w := p1
		w.Name, w.Servers = fmt.Sprintf("servers%d", n), n
		add(w)
	}
	for _, n := range []int{1, 2} {
		w := p1
		w.Name, w.Loops = fmt.Sprintf("loops%d", n), n
		add(w)
	}
	for _, rate := range []float64{10_000, 63_214} {
		w := p1
		w.Name, w.Rate = fmt.Sprintf("rate%v", rate), rate
		add(w)
	}
	for _, row := range (&kept.Result{Workloads: r.Workloads, Samples: everyTest(r.Workloads)}).Rows() {
		for i, c := range r.Order {
			if c == "hare" && row.Workload.Protocol == "memcached" {
				continue
			}
			for round, noise := range []float64{1, 0.5, 2} {
				r.Samples = append(r.Samples, kept.Sample{
					Workload: row.Workload.Name, Test: row.Test, Contender: c, Round: round,
					RPS: []float64{100_000, 90_000, 60_000, 70_000, 200_000}[i] * noise,
					P50: 0.2, P95: 0.4, P99: 0.9, P999: 3 * noise,
					ProxyCPU: []float64{0, 10, 20, 30, 5}[i] / noise,
				})
			}
		}
	}
	return r
}

func everyTest(ws []kept.Workload) (all []kept.Sample) {
	for _, w := range ws {
		for _, test := range w.Tests {
			all = append(all, kept.Sample{Workload: w.Name, Test: test})
		}
	}
	return all
}

// texts are what a figure says, from a well-formed SVG file.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var list []string
	in := 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "text" {
				in++
				list = append(list, "")
			}
		case xml.EndElement:
			if token.Name.Local == "text" {
				in--
			}
		case xml.CharData:
			if in > 0 {
				list[len(list)-1] += string(token)
			}
		}
	}
}

func TestFigures(t *testing.T) {
	want := map[string][]string{ // beside each file's texts that all have
		"throughput-redis":     {"Throughput of a proxy against no proxy, Redis", "cashew", "nutcracker", "hare", "requests per second, direct = 1", "SET 1 KiB, P=1, 100 clients", "GET 64 B, P=16, 50 clients, 4 servers", "GET 1 MiB, P=1, 50 clients, 9.95k idle, 2 loops, pinned", "0.90", "0.60", "0.70"},
		"throughput-memcached": {"Throughput of a proxy against no proxy, memcached", "cashew", "nutcracker", "get 1 KiB, P=1, 100 clients", "0.90", "0.60"},
		"cpu-redis":            {"Proxy CPU time per request, Redis", "µs, user and system", "GET 1 KiB, P=1, 100 clients, 63.2k/s", "10.0", "20.0", "30.0"},
		"cpu-memcached":        {"Proxy CPU time per request, memcached", "cashew", "nutcracker"},
		"clients":              {"clients", "1", "100", "1k", "10k", "µs, user and system", "GET 1 KiB, P=1"},
		"servers":              {"servers", "1", "4", "100", "GET 1 KiB, P=1, 100 clients"},
		"loops":                {"event loops", "1", "2", "GET 1 KiB, P=1, 100 clients"},
		"latency":              {"direct", "cashew", "p50", "p99", "p99.9", "ms", "requests/s", "10k", "63.2k", "GET 1 KiB, P=1, 100 clients"},
		"percentiles":          {"direct", "percentile", "50", "95", "99", "99.9", "ms", "GET 1 KiB, P=1, 100 clients, 10k/s"},
	}
	fs := figures(synthetic())
	for _, f := range fs {
		var svg, again bytes.Buffer
		if err := errors.Join(f.writeTo(&svg), f.writeTo(&again)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(svg.Bytes(), again.Bytes()) {
			t.Errorf("%s: drawn twice, two files", f.name)
		}
		if svg.Len() > 100_000 {
			t.Errorf("%s: %d bytes", f.name, svg.Len())
		}
		if bytes.Contains(svg.Bytes(), []byte("NaN")) || bytes.Contains(svg.Bytes(), []byte("Inf")) {
			t.Errorf("%s: a coordinate is no number", f.name)
		}
		said := texts(t, svg.Bytes())
		for _, text := range append(want[f.name], "3 rounds in turn, commit 0123456789ab, 2 CPUs (Some <CPU> & more), placement left to the kernel.") {
			if !slices.Contains(said, text) {
				t.Errorf("%s: %q is not among %q", f.name, text, said)
			}
		}
		delete(want, f.name)
	}
	if len(want) > 0 {
		t.Errorf("no figures %q", slices.Sorted(maps.Keys(want)))
	}
}

// Who has no figure is not in the legend: a proxy that took no part, direct for a proxy's CPU, echo for throughput.
func TestLegends(t *testing.T) {
	for _, f := range figures(synthetic()) {
		want := []string{"cashew", "nutcracker", "hare", kept.Echo}
		switch f.name {
		case "throughput-redis":
			want = want[:3]
		case "throughput-memcached":
			want = want[:2]
		case "cpu-memcached":
			want = []string{"cashew", "nutcracker", kept.Echo}
		case "latency", "percentiles":
			want = append([]string{kept.Direct}, want...)
		}
		if !slices.Equal(f.legend, want) {
			t.Errorf("%s: legend %v; want %v", f.name, f.legend, want)
		}
	}
}

func TestFewSamples(t *testing.T) {
	r := synthetic()
	r.Workloads = r.Workloads[:1]
	r.Samples = slices.DeleteFunc(r.Samples, func(s kept.Sample) bool { return s.Contender == kept.Direct || s.Round > 0 })
	var got []string
	for _, f := range figures(r) {
		got = append(got, f.name)
		if err := f.writeTo(io.Discard); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"cpu-redis"}; !slices.Equal(got, want) {
		t.Errorf("figures without direct, of one workload and round: %v; want %v", got, want)
	}
}

func TestManyRows(t *testing.T) {
	r := synthetic()
	few := len(figures(r))
	for i := range 2 * maxRows {
		w := r.Workloads[0]
		w.Name, w.ValueBytes, w.Tests = fmt.Sprintf("size%d", i), 3+i, []string{"get"}
		r.Workloads = append(r.Workloads, w)
		r.Samples = append(r.Samples, kept.Sample{Workload: w.Name, Test: "get", Contender: "cashew", ProxyCPU: 1})
	}
	var names []string
	rows := 0
	fs := figures(r)
	for _, f := range fs {
		if strings.HasPrefix(f.name, "cpu-redis") {
			names = append(names, f.name)
			rows += len(f.rowNames)
		}
	}
	if want := []string{"cpu-redis-1", "cpu-redis-2", "cpu-redis-3"}; !slices.Equal(names, want) || rows != 2*maxRows+13 || len(fs) != few+2 {
		t.Errorf("%d rows in %v of %d figures, %d without the many rows", rows, names, len(fs), few)
	}
}

func TestNames(t *testing.T) {
	w := kept.Workload{Name: "a", Protocol: "redis", Servers: 1, Clients: 1, Pipeline: 1, ValueBytes: 3}
	twin := w
	twin.Name = "b"
	other := w
	other.Clients = 2
	got := names([]kept.Row{{Workload: w, Test: "get"}, {Workload: twin, Test: "get"}, {Workload: other, Test: "get"}})
	want := []string{"GET 3 B, P=1, 1 client (a)", "GET 3 B, P=1, 1 client (b)", "GET 3 B, P=1, 2 clients"}
	if !slices.Equal(got, want) {
		t.Errorf("names = %q; want %q", got, want)
	}
}

func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{0.063: "0.06", 0.96: "0.96", 2.345: "2.35", 12.34: "12.3", 100: "100", 1234.5: "1234"} {
		if got := significant(v); got != want {
			t.Errorf("significant(%v) = %q; want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{1: "1", 500: "500", 1000: "1k", 63_214: "63.2k", 200_000: "200k", 1_500_000: "1.5M"} {
		if got := count(v); got != want {
			t.Errorf("count(%v) = %q; want %q", v, got, want)
		}
	}
}

func TestLogAxis(t *testing.T) {
	tests := []struct {
		lo, hi   float64
		min, max float64
		labels   string
	}{
		{0.3, 7, 0.2, 10, "0.2 0.5 1 2 5 10"},
		{1, 2, 1, 2, "1 2"},
		{1.1, 1.2, 1, 2, "1 2"},
		{0.5, 450, 0.5, 500, "0.5 1 2 5 10 20 50 100 200 500"},
		{0.7, 9000, 0.7, 9000, "1 10 100 1000"},
	}
	for _, tt := range tests {
		p := newPanel("", "", "")
		logAxis(&p.X, tt.lo, tt.hi, short)
		var labels []string
		for _, tick := range p.X.Tick.Marker.Ticks(0, 0) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != tt.labels || p.X.Min != tt.min || p.X.Max != tt.max {
			t.Errorf("logAxis(%v, %v): %v to %v, %s; want %v to %v, %s", tt.lo, tt.hi, p.X.Min, p.X.Max, got, tt.min, tt.max, tt.labels)
		}
	}
}

func TestLinearAxis(t *testing.T) {
	for hi, want := range map[float64]string{1: "0 0.2 0.4 0.6 0.8 1", 1.3: "0 0.2 0.4 0.6 0.8 1 1.2 1.4", 2.4: "0 0.5 1 1.5 2 2.5", 6: "0 1 2 3 4 5 6", 12.5: "0 2 4 6 8 10 12 14", 90: "0 20 40 60 80 100"} {
		p := newPanel("", "", "")
		linearAxis(&p.Y, hi)
		var labels []string
		for _, tick := range p.Y.Tick.Marker.Ticks(0, 0) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("linearAxis(%v): %s; want %s", hi, got, want)
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	text, err := json.Marshal(synthetic())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "release.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "plots")
	if err := run([]string{"-out", out, file}, io.Discard); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(out, "release-throughput-redis.svg"))
	if err != nil || !bytes.Contains(svg, []byte("sans-serif")) {
		t.Errorf("release-throughput-redis.svg: %v, %d bytes, or no generic font", err, len(svg))
	}
	for _, bad := range [][]string{{"-out", out}, {"-out", out, filepath.Join(dir, "none.json")}, {"-nonsense"}} {
		if err := run(bad, io.Discard); err == nil {
			t.Errorf("run(%q): no error", bad)
		}
	}
}
