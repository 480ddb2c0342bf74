package admin

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cashew/stats"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrape is /metrics as Prometheus's own parser reads it.
func scrape(t *testing.T, r *rig) map[string]*dto.MetricFamily {
	t.Helper()
	w := r.do("GET", "/metrics?hotkeys=10")
	if w.Code != 200 {
		t.Fatalf("/metrics: %d %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// labelsOf is a metric's labels as a map.
func labelsOf(m *dto.Metric) map[string]string {
	labels := make(map[string]string)
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

// find is the one metric with exactly these labels.
func find(t *testing.T, families map[string]*dto.MetricFamily, name string, labels map[string]string) *dto.Metric {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		if maps.Equal(labels, labelsOf(m)) {
			return m
		}
	}
	t.Fatalf("%s%v is missing", name, labels)
	return nil
}

func TestScrape(t *testing.T) {
	r := newRig()
	families := scrape(t, r)
	alpha := map[string]string{"pool": "alpha"}
	s1 := map[string]string{"pool": "alpha", "server": "s1"}
	with := func(labels map[string]string, name, value string) map[string]string {
		labels = maps.Clone(labels)
		labels[name] = value
		return labels
	}
	for _, c := range []struct {
		name   string
		labels map[string]string
		want   float64
	}{
		{"cashew_up", nil, 1},
		{"cashew_draining", nil, 0},
		{"cashew_event_loops", nil, 2},
		{"cashew_connections_total", nil, 30},
		{"cashew_config_reloads_total", map[string]string{"result": "failure"}, 1},
		{"cashew_config_reloads_total", map[string]string{"result": "success"}, 3},
		{"cashew_config_last_reload_successful", nil, 0},
		{"cashew_config_last_reload_timestamp_seconds", nil, 1767323046},
		{"cashew_config_hash_info", map[string]string{"hash": "hash1"}, 1},
		{"cashew_ring_hash_info", map[string]string{"pool": "alpha", "hash": "ring"}, 1},
		{"cashew_client_connections", alpha, 3},
		{"cashew_forward_errors_total", alpha, 5},
		{"cashew_server_ejects_total", alpha, 4},
		{"cashew_client_closes_total", with(alpha, "kind", "eof"), 1},
		{"cashew_refused_commands_total", with(alpha, "command", "keys"), 21},
		{"cashew_refused_commands_total", with(alpha, "command", `"\xfe"`), 2},
		{"cashew_refused_commands_by_library_total", map[string]string{"pool": "alpha", "command": "keys", "library": "redis-py", "version": "5.0.1"}, 20},
		{"cashew_refused_commands_by_library_total", map[string]string{"pool": "alpha", "command": "keys", "library": "", "version": ""}, 1},
		{"cashew_refused_commands_by_library_total", map[string]string{"pool": "alpha", "command": `"\xfe"`, "library": `"\xfe"`, "version": ""}, 2},
		{"cashew_requests_total", s1, 106},
		{"cashew_request_bytes_total", s1, 7},
		{"cashew_responses_total", s1, 8},
		{"cashew_server_errors_total", with(s1, "kind", "timeout"), 3},
		{"cashew_server_up", s1, 0},
		{"cashew_server_up", map[string]string{"pool": "alpha", "server": "s0"}, 1},
		{"cashew_server_share_ratio", map[string]string{"pool": "alpha", "server": "s0"}, 1},
		{"cashew_keyspace_hits_total", s1, 18},
		{"cashew_keyspace_misses_total", s1, 19},
		{"cashew_loop_work_seconds_total", map[string]string{"loop": "1"}, 2.5},
		{"cashew_server_last_eject_timestamp_seconds", s1, 5},
	} {
		m := find(t, families, c.name, c.labels)
		if got := m.GetCounter().GetValue() + m.GetGauge().GetValue(); got != c.want {
			t.Errorf("%s%v = %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if n := r.proxy.snapshots.Load(); n != 1 {
		t.Errorf("a scrape took %d snapshots", n)
	}
}

// Buckets are cumulative, and their bounds are bounds of the fine ones: no duration is in a bucket that ends before it.
func TestScrapeHistogram(t *testing.T) {
	h := find(t, scrape(t, newRig()), "cashew_request_server_seconds",
		map[string]string{"pool": "alpha", "server": "s0", "class": "read"}).GetHistogram()
	got := make(map[float64]uint64)
	for _, b := range h.GetBucket() {
		got[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	if h.GetSampleCount() != 3 || h.GetSampleSum() != 3600.006 {
		t.Errorf("count %d, sum %v", h.GetSampleCount(), h.GetSampleSum())
	}
	if got[0.00001] != 0 || got[0.00256] != 0 || got[0.00512] != 2 || got[5.24288] != 2 || len(got) != 21 { // with +Inf
		t.Errorf("buckets %v", got)
	}
}

func TestMetricsLint(t *testing.T) {
	problems, err := testutil.CollectAndLint(collector{newRig().Server, 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

var descText = regexp.MustCompile(`fqName: "([^"]+)", help: "([^"]+)", constLabels: \{\}, variableLabels: \{([^}]*)\}`)

// description is what a prometheus.Desc tells only in its text.
type description struct {
	help   string
	labels []string
}

// descriptions are those of all metrics that the collector has, by name.
func descriptions(t *testing.T) map[string]description {
	t.Helper()
	descs := make(chan *prometheus.Desc, 1000)
	collector{}.Describe(descs)
	close(descs)
	all := make(map[string]description)
	for d := range descs {
		m := descText.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("what is %s?", d)
		}
		all[m[1]] = description{m[2], strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' })}
	}
	return all
}

// described are the names of all metrics that the collector has.
func described(t *testing.T) []string { return slices.Sorted(maps.Keys(descriptions(t))) }

// What the collector sends it has described, and the other way round.
func TestDescribedIsCollected(t *testing.T) {
	var collected []string
	r := newRig()
	p := &r.proxy.snap.Pools[0]
	p.Servers = append(p.Servers, stats.Server{Name: "replica", Of: "s0", State: "live", Lag: 1, Zone: "a"})
	for name := range scrape(t, r) {
		if strings.HasPrefix(name, "cashew_") {
			collected = append(collected, name)
		}
	}
	slices.Sort(collected)
	if diff := cmp.Diff(described(t), collected); diff != "" {
		t.Errorf("metrics (-described +collected):\n%s", diff)
	}
}

var metricName = regexp.MustCompile(`\bcashew_[a-z0-9_]+`)

// namesIn are the metrics that a text names; those of a histogram's series by the histogram's name.
func namesIn(text string) (names []string) {
	for _, name := range metricName.FindAllString(text, -1) {
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			name = strings.TrimSuffix(name, suffix)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs/metrics.md has each metric, statistic and endpoint, and none that is not there.
func TestMetricsAreDocumented(t *testing.T) {
	text := readFile(t, "../../docs/metrics.md")
	if diff := cmp.Diff(described(t), namesIn(text)); diff != "" {
		t.Errorf("docs/metrics.md: metrics (-described +documented):\n%s", diff)
	}
	row := func(name, rest string) {
		if want := "| `" + name + "` | " + rest + " |"; !strings.Contains(text, want) {
			t.Errorf("docs/metrics.md: no row %s", want)
		}
	}
	for name, d := range descriptions(t) {
		labels := ""
		if len(d.labels) > 0 {
			labels = "`" + strings.Join(d.labels, "`, `") + "`"
		}
		row(name, labels+" | "+d.help)
	}
	for _, f := range slices.Concat(poolStatistics, morePoolStatistics) {
		row(f.name, f.description)
	}
	for _, f := range slices.Concat(serverStatistics, moreServerStatistics) {
		row(f.name, f.description)
	}
	for line := range strings.Lines(newRig().do("GET", "/").Body.String()) {
		if endpoint := strings.TrimSpace(line); !strings.Contains(text, "`"+endpoint) {
			t.Errorf("docs/metrics.md: %s is missing", endpoint)
		}
	}
}

var (
	groupedBy = regexp.MustCompile(`by \(([^)]*)\)`)
	legend    = regexp.MustCompile(`\{\{(\w+)\}\}`)
)

// The dashboard asks for metrics that there are, and groups by labels that they have.
func TestDashboard(t *testing.T) {
	text := readFile(t, "../../dist/grafana-dashboard.json")
	all := descriptions(t)
	for _, name := range namesIn(text) {
		if _, ok := all[name]; !ok {
			t.Errorf("%s: there is no such metric", name)
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal([]byte(text), &dashboard); err != nil {
		t.Fatal(err)
	}
	targets := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			targets++
			known := []string{"le", "instance", "job"} // Prometheus's own
			for _, name := range namesIn(target.Expr) {
				known = append(known, all[name].labels...)
			}
			used := legend.FindAllStringSubmatch(target.LegendFormat, -1)
			for _, by := range groupedBy.FindAllStringSubmatch(target.Expr, -1) {
				for label := range strings.SplitSeq(by[1], ",") {
					used = append(used, []string{by[0], strings.TrimSpace(label)})
				}
			}
			for _, label := range used {
				if !slices.Contains(known, label[1]) {
					t.Errorf("%s: %s has no label %s", p.Title, target.Expr, label[1])
				}
			}
		}
	}
	if targets < 20 {
		t.Errorf("only %d targets", targets)
	}
}
