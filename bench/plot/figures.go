package main

import (
	"fmt"
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"cashew/bench/kept"
)

func throughput(s kept.Sample) float64 { return s.RPS }
func proxyCPU(s kept.Sample) float64   { return s.ProxyCPU }

// figures are all that a result has the samples for.
func figures(r *kept.Result) []figure {
	var fs []figure
	add := func(f figure, ok bool) {
		if ok {
			fs = append(fs, f)
		}
	}
	for _, protocol := range []string{"Redis", "memcached"} {
		var rows []kept.Row
		for _, row := range r.Rows() {
			if row.Workload.Protocol == strings.ToLower(protocol) {
				rows = append(rows, row)
			}
		}
		for _, of := range []func(*kept.Result, []kept.Row) (figure, bool){throughputFigure, cpuFigure} {
			f, ok := of(r, rows)
			f.name += "-" + strings.ToLower(protocol)
			f.title += ", " + protocol
			add(f, ok)
		}
	}
	add(sweepFigure(r, byClients, 3))
	add(sweepFigure(r, byServers, 3))
	add(sweepFigure(r, byLoops, 2))
	add(rateFigure(r))
	add(percentileFigure(r))
	for i := range fs {
		fs[i].looks = looksOf(r.Order)
		fs[i].note = append(fs[i].note, origin(r))
	}
	return fs
}

// origin says where the figures come from.
func origin(r *kept.Result) string {
	s := fmt.Sprintf("%d rounds in turn, commit %s, %d CPUs (%s)", r.Rounds, r.Commit, r.CPUs, r.CPU)
	if r.Placement != "" {
		s += ", placement " + r.Placement
	}
	return s + "."
}

// proxies are the contenders that are no proxy left out.
func proxies(r *kept.Result) []string {
	return slices.DeleteFunc(slices.Clone(r.Order), func(c string) bool { return c == kept.Direct })
}

// A mark is a contender's figure in a row: its median, least and greatest.
type mark struct {
	row int
	kept.Spread
}

// marks takes the rows that contender has a figure in.
func marks(rows []kept.Row, figure func(kept.Row) []float64) []mark {
	var ms []mark
	for i, row := range rows {
		if s := kept.SpreadOf(figure(row)); s.N > 0 {
			ms = append(ms, mark{i, s})
		}
	}
	return ms
}

// withMarks leaves out the rows that nobody has a figure in, and the contenders that have none.
func withMarks(rows []kept.Row, contenders []string, of func(contender string, row kept.Row) []float64) ([]kept.Row, []string) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(row kept.Row) bool {
		return !slices.ContainsFunc(contenders, func(c string) bool { return len(of(c, row)) > 0 })
	})
	contenders = slices.DeleteFunc(slices.Clone(contenders), func(c string) bool {
		return !slices.ContainsFunc(rows, func(row kept.Row) bool { return len(of(c, row)) > 0 })
	})
	return rows, contenders
}

// throughputFigure has a bar for each proxy and row: requests a second in parts of direct's.
func throughputFigure(r *kept.Result, rows []kept.Row) (figure, bool) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(row kept.Row) bool { return row.Workload.Rate > 0 }) // all reach it
	of := func(c string, row kept.Row) []float64 {
		return kept.Ratios(r.Pick(row, c, throughput), r.Pick(row, kept.Direct, throughput))
	}
	rows, contenders := withMarks(rows, proxies(r), of)
	if len(rows) == 0 {
		return figure{}, false
	}
	p := newPanel("", "requests per second, direct = 1", "")
	_, hi := extremes(rows, contenders, of)
	linearAxis(&p.X, max(hi, 1)*1.08) // room for the last label
	addGrid(p, true, false)
	one, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.5}, {X: 1, Y: float64(len(rows)) - 0.5}})
	must(err)
	one.LineStyle = draw.LineStyle{Color: ink, Width: 0.8, Dashes: []vg.Length{4, 3}}
	p.Add(one)
	lookOf := looksOf(r.Order)
	for i, c := range contenders {
		offset := offsetOf(i, len(contenders))
		addBars(p, len(rows), marks(rows, func(row kept.Row) []float64 { return of(c, row) }), offset, lookOf[c])
	}
	hideNames(p, rows)
	return figure{
		name: "throughput", title: "Throughput of a proxy against no proxy", legend: contenders,
		note:        []string{"Medians of ratios paired by round; whiskers from the least to the greatest. P=16: 16 requests in flight for each client."},
		panels:      [][]*plot.Plot{{p}},
		rowNames:    names(rows),
		panelHeight: rowsHeight(len(rows), len(contenders)),
	}, true
}

// cpuFigure has a dot for each proxy and row: proxy CPU for each request, on a logarithmic axis, since a request costs from half a microsecond to
// hundreds; a bar would have no foot to stand on.
func cpuFigure(r *kept.Result, rows []kept.Row) (figure, bool) {
	of := func(c string, row kept.Row) []float64 { return kept.Values(r.Pick(row, c, proxyCPU)) }
	rows, contenders := withMarks(rows, proxies(r), of)
	if len(rows) == 0 {
		return figure{}, false
	}
	p := newPanel("", "µs, user and system", "")
	lo, hi := extremes(rows, contenders, of)
	logAxis(&p.X, lo, hi*1.15, short)
	addGrid(p, true, false)
	lookOf := looksOf(r.Order)
	for i, c := range contenders {
		addDots(p, len(rows), marks(rows, func(row kept.Row) []float64 { return of(c, row) }), offsetOf(i, len(contenders)), lookOf[c])
	}
	hideNames(p, rows)
	return figure{
		name: "cpu", title: "Proxy CPU time per request", legend: contenders,
		note:        []string{"Medians; whiskers from the least to the greatest. P=16: 16 requests in flight for each client. The axis is logarithmic."},
		panels:      [][]*plot.Plot{{p}},
		rowNames:    names(rows),
		panelHeight: rowsHeight(len(rows), len(contenders)),
	}, true
}

// Rows are 1 apart, and the first is at the top; what a row's contenders have of it is rowShare.
const rowShare = 0.78

const barHeight = vg.Length(8)

func offsetOf(i, n int) float64 { return (float64(n-1)/2 - float64(i)) * rowShare / float64(n) }

func rowsHeight(rows, contenders int) vg.Length {
	return vg.Length(rows)*vg.Length(contenders)*barHeight/rowShare + 40 // the axis below
}

// hideNames makes room for the rows' names, which the figure draws. Call it last: it sets the axis's range.
func hideNames(p *plot.Plot, rows []kept.Row) {
	p.HideY()
	p.Y.Min, p.Y.Max = -0.5, float64(len(rows))-0.5
}

// names are what rows are called from the top down; where two do the same by what we know of them, with the workload's name.
func names(rows []kept.Row) []string {
	seen := map[string]int{}
	for _, row := range rows {
		seen[describe(row)]++
	}
	var list []string
	for _, row := range rows {
		name := describe(row)
		if seen[name] > 1 {
			name += " (" + row.Workload.Name + ")"
		}
		list = append(list, name)
	}
	return list
}

// whiskered are points with what lies around them, along one axis.
type whiskered struct {
	plotter.XYs
	plotter.XErrors
	plotter.YErrors
}

func (w *whiskered) addX(s kept.Spread, y float64) {
	w.XYs = append(w.XYs, plotter.XY{X: s.Median, Y: y})
	w.XErrors = append(w.XErrors, struct{ Low, High float64 }{s.Min - s.Median, s.Max - s.Median})
}

func (w *whiskered) addY(x float64, s kept.Spread) {
	w.XYs = append(w.XYs, plotter.XY{X: x, Y: s.Median})
	w.YErrors = append(w.YErrors, struct{ Low, High float64 }{s.Min - s.Median, s.Max - s.Median})
}

func across(rows int, ms []mark, offset float64) (w whiskered) {
	for _, m := range ms {
		w.addX(m.Spread, float64(rows-1-m.row)+offset)
	}
	return w
}

func addBars(p *plot.Plot, rows int, ms []mark, offset float64, l look) {
	values := make(plotter.Values, rows) // a row without a figure has a bar of no length
	for _, m := range ms {
		values[rows-1-m.row] = m.Median
	}
	bars, err := plotter.NewBarChart(values, barHeight-1)
	must(err)
	bars.Horizontal, bars.XMin = true, offset
	bars.Color, bars.LineStyle.Width = l.color, 0
	p.Add(bars)
	addXWhiskers(p, across(rows, ms, offset), ink, ms)
}

func addDots(p *plot.Plot, rows int, ms []mark, offset float64, l look) {
	w := across(rows, ms, offset)
	addXWhiskers(p, w, l.color, ms)
	dots, err := plotter.NewScatter(w.XYs)
	must(err)
	dots.GlyphStyle = draw.GlyphStyle{Color: l.color, Radius: 3, Shape: l.glyph}
	p.Add(dots)
}

// addXWhiskers draws the whiskers, and the medians in figures right of them.
func addXWhiskers(p *plot.Plot, w whiskered, c color.Color, ms []mark) {
	if len(ms) == 0 {
		return
	}
	e, err := plotter.NewXErrorBars(w)
	must(err)
	e.LineStyle = draw.LineStyle{Color: c, Width: 0.7}
	e.CapWidth = 3
	p.Add(e)
	var at plotter.XYLabels
	for i, m := range ms {
		at.XYs = append(at.XYs, plotter.XY{X: m.Max, Y: w.XYs[i].Y})
		at.Labels = append(at.Labels, significant(m.Median))
	}
	p.Add(boxed(at))
}

// boxed are labels right of their points, on white, so that no line runs through them.
type boxed plotter.XYLabels

// Plot draws the labels; it implements plot.Plotter.
func (b boxed) Plot(c draw.Canvas, p *plot.Plot) {
	sty := style(7, ink)
	sty.YAlign = draw.YCenter
	x, y := p.Transforms(&c)
	for i, label := range b.Labels {
		at := vg.Point{X: x(b.XYs[i].X) + 4, Y: y(b.XYs[i].Y)}
		box := vg.Rectangle{
			Min: vg.Point{X: at.X - 1, Y: at.Y - barHeight/2 + 0.5},
			Max: vg.Point{X: at.X + 1.3*sty.Width(label), Y: at.Y + barHeight/2 - 0.5},
		}
		c.SetColor(color.White)
		c.Fill(box.Path())
		c.FillText(sty, at, label)
	}
}
