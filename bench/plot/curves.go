package main

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"cashew/bench/kept"
)

// A dimension is a property by which workloads differ while all else is the same.
type dimension struct {
	name  string // of the file
	title string
	label string // of the axis
	of    func(kept.Workload) float64
	clear func(*kept.Workload)
}

var (
	byClients = dimension{
		"clients", "Proxy CPU time per request, by clients", "clients",
		func(w kept.Workload) float64 { return float64(w.Clients) }, func(w *kept.Workload) { w.Clients = 0 },
	}
	byServers = dimension{
		"servers", "Proxy CPU time per request, by servers", "servers",
		func(w kept.Workload) float64 { return float64(w.Servers) }, func(w *kept.Workload) { w.Servers = 0 },
	}
	byLoops = dimension{
		"loops", "Proxy CPU time per request, by event loops", "event loops",
		func(w kept.Workload) float64 { return float64(w.Loops) }, func(w *kept.Workload) { w.Loops = 0 },
	}
	byRate = dimension{
		"latency", "Latency at fixed rates", "requests/s",
		func(w kept.Workload) float64 { return w.Rate }, func(w *kept.Workload) { w.Rate = 0 },
	}
)

// A sweep is the rows of one test that differ in one dimension alone, in its order.
type sweep struct {
	name string   // what the rows have in common
	rest kept.Row // the same, as a row without a name
	rows []kept.Row
}

// sweeps finds those with at least so many different values of d; a value of 0 stands for none.
func sweeps(r *kept.Result, d dimension, atLeast int) []sweep {
	var all []sweep
	for _, row := range r.Rows() {
		if d.of(row.Workload) == 0 || d.name != byRate.name && row.Workload.Rate > 0 {
			continue
		}
		rest := row
		d.clear(&rest.Workload)
		name := describe(rest)
		rest.Workload.Name, rest.Workload.Tests = "", nil
		i := slices.IndexFunc(all, func(s sweep) bool { return reflect.DeepEqual(s.rest, rest) })
		if i < 0 {
			i = len(all)
			all = append(all, sweep{name: name, rest: rest})
		}
		if !slices.Contains(places(d, all[i].rows), d.of(row.Workload)) {
			all[i].rows = append(all[i].rows, row)
		}
	}
	all = slices.DeleteFunc(all, func(s sweep) bool { return len(s.rows) < atLeast })
	for _, s := range all {
		slices.SortFunc(s.rows, func(a, b kept.Row) int { return cmp.Compare(d.of(a.Workload), d.of(b.Workload)) })
	}
	return all
}

// describe says what a row does: "GET 64 B, P=16, 50 clients, 4 servers". One server and one loop are usual, see usual.
func describe(row kept.Row) string {
	w := row.Workload
	parts := []string{strings.ToUpper(row.Test) + " " + size(w.ValueBytes)}
	if w.Protocol != "redis" {
		parts[0] = w.Protocol + " " + row.Test + " " + size(w.ValueBytes)
	}
	parts = append(parts, fmt.Sprintf("P=%d", w.Pipeline))
	add := func(n int, many string) {
		if n > 1 {
			parts = append(parts, fmt.Sprintf(many, count(float64(n))))
		}
	}
	if w.Clients == 1 {
		parts = append(parts, "1 client")
	}
	add(w.Clients, "%s clients")
	add(w.Idle, "%s idle")
	add(w.Servers, "%s servers")
	add(w.Loops, "%s loops")
	if w.Rate > 0 {
		parts = append(parts, count(w.Rate)+"/s")
	}
	if w.Pin {
		parts = append(parts, "pinned")
	}
	return strings.Join(parts, ", ")
}

// usual explains what describe writes and what it leaves out.
const usual = "P=16: 16 requests of each client in flight. 1 server and 1 event loop where nothing else is said."

func size(bytes int) string {
	switch {
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", bytes>>20)
	case bytes >= 1<<10 && bytes%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}

// sweepFigure has a panel for each sweep of d: proxy CPU for each request.
func sweepFigure(r *kept.Result, d dimension, atLeast int) (figure, bool) {
	of := func(c string, row kept.Row) []float64 { return kept.Values(r.Pick(row, c, proxyCPU)) }
	var panels []*plot.Plot
	for _, s := range sweeps(r, d, atLeast) {
		rows, contenders := withMarks(s.rows, proxies(r), of)
		if len(rows) < atLeast {
			continue
		}
		p := newPanel(s.name, d.label, "µs, user and system")
		_, hi := extremes(rows, contenders, of)
		linearAxis(&p.Y, hi)
		spacedAxis(&p.X, d, rows)
		addGrid(p, false, true)
		for i, c := range contenders {
			addCurve(p, aside(p.X, places(d, rows), i, len(contenders)), rows, c, of, looksOf(r.Order)[c])
		}
		panels = append(panels, p)
	}
	return figure{
		name: d.name, title: d.title, legend: proxies(r), panels: grid(panels, 2), panelHeight: 190,
		note: []string{"Medians, whiskers from the least to the greatest. " + usual},
	}, len(panels) > 0
}

// A quantile is a percentile of the latency that samples carry.
type quantile struct {
	label string
	p     float64 // the share of requests that are no slower
	of    func(kept.Sample) float64
}

var quantiles = []quantile{
	{"p50", 0.5, func(s kept.Sample) float64 { return s.P50 }},
	{"p95", 0.95, func(s kept.Sample) float64 { return s.P95 }},
	{"p99", 0.99, func(s kept.Sample) float64 { return s.P99 }},
	{"p99.9", 0.999, func(s kept.Sample) float64 { return s.P999 }},
}

// rateFigure has a row of panels for each sweep of the rate, a panel for each quantile.
func rateFigure(r *kept.Result) (figure, bool) {
	f := figure{
		name: byRate.name, title: byRate.title, legend: r.Order, panelHeight: 190,
		note: []string{"Medians, whiskers from the least to the greatest. Latency counts from when a request was due, sent or not. Logarithmic.", usual},
	}
	for _, s := range sweeps(r, byRate, 2) {
		lo, hi := math.Inf(1), 0.0
		for _, q := range quantiles {
			l, h := extremes(s.rows, r.Order, latencies(r, q))
			lo, hi = min(lo, l), max(hi, h)
		}
		var row []*plot.Plot
		for _, q := range quantiles {
			if q.label == "p95" {
				continue
			}
			p := newPanel(q.label, byRate.label, "")
			if len(row) == 0 {
				p.Y.Label.Text = "ms"
			}
			logAxis(&p.Y, lo, hi, short)
			spacedAxis(&p.X, byRate, s.rows)
			addGrid(p, false, true)
			of := latencies(r, q)
			for i, c := range r.Order {
				addCurve(p, aside(p.X, places(byRate, s.rows), i, len(r.Order)), s.rows, c, of, looksOf(r.Order)[c])
			}
			row = append(row, p)
		}
		f.rowTitles = append(f.rowTitles, s.name)
		f.panels = append(f.panels, row)
	}
	return f, len(f.panels) > 0
}

func latencies(r *kept.Result, q quantile) valuesOf {
	return func(c string, row kept.Row) []float64 { return kept.Values(r.Pick(row, c, q.of)) }
}

// percentileFigure has a panel for each row with a fixed rate: latency by the share of requests that were no slower.
func percentileFigure(r *kept.Result) (figure, bool) {
	rows := slices.DeleteFunc(r.Rows(), func(row kept.Row) bool { return row.Workload.Rate == 0 })
	var x []float64
	var xTicks plot.ConstantTicks
	lo, hi := math.Inf(1), 0.0
	for _, q := range quantiles {
		at := 1 / (1 - q.p) // each nine takes as much room as the one before
		x = append(x, at)
		xTicks = append(xTicks, plot.Tick{Value: at, Label: strings.TrimPrefix(q.label, "p")})
		l, h := extremes(rows, r.Order, latencies(r, q))
		lo, hi = min(lo, l), max(hi, h)
	}
	if hi == 0 {
		return figure{}, false
	}
	var panels []*plot.Plot
	for _, row := range rows {
		p := newPanel(describe(row), "percentile", "ms")
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, xTicks
		p.X.Min, p.X.Max = x[0]/1.6, x[len(x)-1]*1.9
		logAxis(&p.Y, lo, hi, short)
		addGrid(p, true, true)
		for i, c := range r.Order {
			var w whiskered
			x := aside(p.X, x, i, len(r.Order))
			for j, q := range quantiles {
				if s := kept.SpreadOf(latencies(r, q)(c, row)); s.N > 0 {
					w.addY(x[j], s)
				}
			}
			addLine(p, w, looksOf(r.Order)[c])
		}
		panels = append(panels, p)
	}
	return figure{
		name: "percentiles", title: "Distribution of latency at fixed rates", legend: r.Order, panels: grid(panels, 2), panelHeight: 190,
		note: []string{"Medians of each percentile over the rounds, whiskers from the least to the greatest. Both axes are logarithmic.", usual},
	}, true
}

// extremes are the least and the greatest figure of all contenders in all rows; (+Inf, 0) of none.
func extremes(rows []kept.Row, contenders []string, of valuesOf) (lo, hi float64) {
	lo = math.Inf(1)
	for _, row := range rows {
		for _, c := range contenders {
			if v := of(c, row); len(v) > 0 {
				lo, hi = min(lo, v[0]), max(hi, v[len(v)-1])
			}
		}
	}
	return lo, hi
}

// places are where rows stand on the axis of d.
func places(d dimension, rows []kept.Row) []float64 {
	var x []float64
	for _, row := range rows {
		x = append(x, d.of(row.Workload))
	}
	return x
}

// aside moves the i-th of n contenders' points a little along the axis, so that whiskers do not lie on one another.
func aside(a plot.Axis, x []float64, i, n int) []float64 {
	share := 0.014 * (float64(i) - float64(n-1)/2)
	var moved []float64
	for _, v := range x {
		if _, ok := a.Scale.(plot.LogScale); ok {
			v *= math.Pow(a.Max/a.Min, share)
		} else {
			v += (a.Max - a.Min) * share
		}
		moved = append(moved, v)
	}
	return moved
}

// spacedAxis has a tick at each row's value of d. It is logarithmic where the values span more than a factor of ten.
func spacedAxis(a *plot.Axis, d dimension, rows []kept.Row) {
	x := places(d, rows)
	first, last := x[0], x[len(x)-1]
	if last/first > 10 {
		a.Scale = plot.LogScale{}
		room := math.Pow(last/first, 0.06)
		a.Min, a.Max = first/room, last*room
	} else {
		room := 0.12 * (last - first)
		a.Min, a.Max = first-room, last+room
	}
	var ticks plot.ConstantTicks
	labelledAt := math.Inf(-1)
	for _, v := range x {
		t := plot.Tick{Value: v}
		if at := a.Norm(v); at-labelledAt > 0.065 { // labels would run into one another
			t.Label, labelledAt = count(v), at
		}
		ticks = append(ticks, t)
	}
	a.Tick.Marker = ticks
}

// addCurve draws a contender's medians over the places of the rows, and what lies around them.
func addCurve(p *plot.Plot, x []float64, rows []kept.Row, contender string, of valuesOf, l look) {
	var w whiskered
	for _, m := range marks(rows, contender, of) {
		w.addY(x[m.row], m.Spread)
	}
	addLine(p, w, l)
}

func addLine(p *plot.Plot, w whiskered, l look) {
	if w.Len() == 0 {
		return
	}
	e, err := plotter.NewYErrorBars(w)
	must(err)
	e.LineStyle = draw.LineStyle{Color: l.color, Width: 0.7}
	e.CapWidth = 3
	line, dots, err := plotter.NewLinePoints(w.XYs)
	must(err)
	line.LineStyle = draw.LineStyle{Color: l.color, Width: 1.4}
	dots.GlyphStyle = draw.GlyphStyle{Color: l.color, Radius: 3, Shape: l.glyph}
	p.Add(e, line, dots)
}

// grid lays panels out in rows, the last filled up with nil.
func grid(panels []*plot.Plot, columns int) [][]*plot.Plot {
	columns = min(columns, len(panels))
	var rows [][]*plot.Plot
	for row := range slices.Chunk(panels, max(columns, 1)) {
		for len(row) < columns {
			row = append(row, nil)
		}
		rows = append(rows, row)
	}
	return rows
}
