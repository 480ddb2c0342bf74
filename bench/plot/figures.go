package main

import (
	"fmt"
	"image/color"
	"math"
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
		fs = append(fs, rowFigures(r, protocol, throughputFigure)...)
		fs = append(fs, rowFigures(r, protocol, cpuFigure)...)
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

// maxRows of one figure: more would not fit on a screen.
const maxRows = 26

// A rowKind is a figure that has a line for each row.
type rowKind struct {
	name, title, note string
	of                func(r *kept.Result, contender string, row kept.Row) []float64 // by round, in ascending order
	draw              func(p *plot.Plot, rows []kept.Row, contenders []string, of valuesOf, looks map[string]look)
}

// valuesOf are a contender's figures in a row, in ascending order.
type valuesOf func(contender string, row kept.Row) []float64

// rowFigures draws all rows of a protocol, in figures of equal length where they are many.
func rowFigures(r *kept.Result, protocol string, kind rowKind) []figure {
	of := func(c string, row kept.Row) []float64 { return kind.of(r, c, row) }
	rows := slices.DeleteFunc(r.Rows(), func(row kept.Row) bool { return row.Workload.Protocol != strings.ToLower(protocol) })
	rows, contenders := withMarks(rows, proxies(r), of)
	parts := (len(rows) + maxRows - 1) / maxRows
	var fs []figure
	for i := range parts {
		rows := rows[i*len(rows)/parts : (i+1)*len(rows)/parts]
		p := newPanel("", "", "")
		kind.draw(p, rows, contenders, of, looksOf(r.Order))
		p.HideY() // the figure writes the names
		p.Y.Min, p.Y.Max = -0.5, float64(len(rows))-0.5
		f := figure{
			name: kind.name + "-" + strings.ToLower(protocol), title: kind.title + ", " + protocol, note: []string{kind.note, usual},
			legend: contenders, panels: [][]*plot.Plot{{p}}, rowNames: names(rows), panelHeight: rowsHeight(len(rows), len(contenders)),
		}
		if parts > 1 {
			f.name += fmt.Sprintf("-%d", i+1)
			f.title += fmt.Sprintf(" (%d of %d)", i+1, parts)
		}
		fs = append(fs, f)
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
func marks(rows []kept.Row, contender string, of valuesOf) []mark {
	var ms []mark
	for i, row := range rows {
		if s := kept.SpreadOf(of(contender, row)); s.N > 0 {
			ms = append(ms, mark{i, s})
		}
	}
	return ms
}

// withMarks leaves out the rows that nobody has a figure in, and the contenders that have none.
func withMarks(rows []kept.Row, contenders []string, of valuesOf) ([]kept.Row, []string) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(row kept.Row) bool {
		return !slices.ContainsFunc(contenders, func(c string) bool { return len(of(c, row)) > 0 })
	})
	contenders = slices.DeleteFunc(slices.Clone(contenders), func(c string) bool {
		return !slices.ContainsFunc(rows, func(row kept.Row) bool { return len(of(c, row)) > 0 })
	})
	return rows, contenders
}

// throughputFigure has a bar for each proxy: requests a second in parts of direct's. echo asks no server and has none, nor
// have rows with a fixed rate, which all reach.
var throughputFigure = rowKind{
	name: "throughput", title: "Throughput of a proxy against no proxy",
	note: "Medians of ratios paired by round; whiskers from the least to the greatest, cut at the edge.",
	of: func(r *kept.Result, c string, row kept.Row) []float64 {
		if c == kept.Echo || row.Workload.Rate > 0 {
			return nil
		}
		return kept.Ratios(r.Pick(row, c, throughput), r.Pick(row, kept.Direct, throughput))
	},
	draw: func(p *plot.Plot, rows []kept.Row, contenders []string, of valuesOf, looks map[string]look) {
		p.X.Label.Text = "requests per second, direct = 1"
		// One round that went wrong must not make all bars short.
		_, hi := extremes(rows, contenders, of)
		_, medians := extremes(rows, contenders, func(c string, row kept.Row) []float64 { return []float64{kept.SpreadOf(of(c, row)).Median} })
		linearAxis(&p.X, max(min(hi, 1.5*medians), 1)*1.08) // room for the last label
		addGrid(p, true, false)
		one, err := plotter.NewLine(plotter.XYs{{X: 1, Y: -0.5}, {X: 1, Y: float64(len(rows)) - 0.5}})
		must(err)
		one.LineStyle = draw.LineStyle{Color: ink, Width: 0.8, Dashes: []vg.Length{4, 3}}
		p.Add(one)
		for i, c := range contenders {
			addBars(p, len(rows), marks(rows, c, of), offsetOf(i, len(contenders)), looks[c])
		}
	},
}

// cpuFigure has a dot for each proxy: its CPU time for each request, on a logarithmic axis, since a request costs from half
// a microsecond to hundreds; a bar would have no foot to stand on.
var cpuFigure = rowKind{
	name: "cpu", title: "Proxy CPU time per request",
	note: "Medians; whiskers from the least to the greatest. The axis is logarithmic.",
	of: func(r *kept.Result, c string, row kept.Row) []float64 {
		return kept.Values(r.Pick(row, c, proxyCPU))
	},
	draw: func(p *plot.Plot, rows []kept.Row, contenders []string, of valuesOf, looks map[string]look) {
		p.X.Label.Text = "µs, user and system"
		lo, hi := extremes(rows, contenders, of)
		logAxis(&p.X, lo, hi*math.Pow(hi/lo, 0.1), short) // room for the last label
		addGrid(p, true, false)
		for i, c := range contenders {
			addDots(p, len(rows), marks(rows, c, of), offsetOf(i, len(contenders)), looks[c])
		}
	},
}

// Rows are 1 apart, and the first is at the top; what a row's contenders have of it is rowShare.
const rowShare = 0.78

const barHeight = vg.Length(8)

func offsetOf(i, n int) float64 { return (float64(n-1)/2 - float64(i)) * rowShare / float64(n) }

func rowsHeight(rows, contenders int) vg.Length {
	return vg.Length(rows)*vg.Length(contenders)*barHeight/rowShare + 40 // the axis below
}

// names are what rows are called from the top down; where two do the same by what we know of them, with the workload's name.
func names(rows []kept.Row) []string {
	seen := map[string]int{}
	for _, row := range rows {
		seen[inTitle(row)]++
	}
	var list []string
	for _, row := range rows {
		name := inTitle(row)
		if seen[name] > 1 {
			name += " (" + row.Workload.Name + ")"
		}
		list = append(list, name)
	}
	return list
}

// inTitle is describe below a title that says the protocol.
func inTitle(row kept.Row) string {
	return strings.TrimPrefix(describe(row), row.Workload.Protocol+" ")
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
		at := vg.Point{X: min(x(b.XYs[i].X)+4, c.Max.X-1.2*sty.Width(label)), Y: y(b.XYs[i].Y)}
		box := vg.Rectangle{
			Min: vg.Point{X: at.X - 1, Y: at.Y - barHeight/2 + 0.5},
			Max: vg.Point{X: at.X + 1.3*sty.Width(label), Y: at.Y + barHeight/2 - 0.5},
		}
		c.SetColor(color.White)
		c.Fill(box.Path())
		c.FillText(sty, at, label)
	}
}
