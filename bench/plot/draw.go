package main

import (
	"bytes"
	"image/color"
	"io"
	"math"
	"sort"
	"strconv"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"cashew/bench/kept"
)

// Lengths in points. A figure is as wide as what GitHub shows of a page without scaling it down.
const (
	width        = vg.Length(620)
	margin       = vg.Length(10)
	headerHeight = vg.Length(40) // title, and the legend below it
	lineHeight   = vg.Length(11) // of the note at the foot
	panelGap     = vg.Length(16)
	titleHeight  = vg.Length(20) // above a row of panels that has a title
)

// sans is what the text is measured with. Arial has its widths, and so has what a browser takes for it.
var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

var (
	ink  = color.Gray{Y: 0x22}
	pale = color.Gray{Y: 0x60}
	rule = color.Gray{Y: 0xe2}
)

// look is how a contender is drawn. Shapes differ as well, for who does not see the colours apart.
type look struct {
	color color.Color
	glyph draw.GlyphDrawer
}

// The colours are those of Okabe and Ito.
var (
	looks = map[string]look{
		kept.Direct:  {rgb(0x8a8a8a), draw.BoxGlyph{}},
		"cashew":     {rgb(0xd55e00), draw.CircleGlyph{}},
		"nutcracker": {rgb(0x0072b2), draw.PyramidGlyph{}},
		kept.Echo:    {rgb(0x333333), draw.RingGlyph{}},
	}
	otherLooks = []look{
		{rgb(0x009e73), draw.BoxGlyph{}},
		{rgb(0xcc79a7), draw.PyramidGlyph{}},
		{rgb(0xe69f00), draw.CircleGlyph{}},
		{rgb(0x56b4e9), draw.BoxGlyph{}},
	}
)

func rgb(v uint32) color.Color {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// looksOf gives each contender its look; those without one of their own get the others in turn.
func looksOf(contenders []string) map[string]look {
	m := map[string]look{}
	n := 0
	for _, c := range contenders {
		l, ok := looks[c]
		if !ok {
			l = otherLooks[n%len(otherLooks)]
			n++
		}
		m[c] = l
	}
	return m
}

// A figure is one file: a title, a legend, panels in rows of equal height, and a note at the foot.
type figure struct {
	name        string // of the file, without the result's name and ".svg"
	title       string
	note        []string // lines
	legend      []string // contenders
	looks       map[string]look
	rowNames    []string // left of the only panel, from the top down at equal distances
	rowTitles   []string // above each row of panels; none: nil
	panels      [][]*plot.Plot
	panelHeight vg.Length
}

// writeTo draws the figure. The same figure is always the same bytes.
func (f figure) writeTo(out io.Writer) error {
	foot := lineHeight*vg.Length(len(f.note)) + 4
	rows := vg.Length(len(f.panels))
	above := panelGap
	if f.rowTitles != nil {
		above += titleHeight
	}
	height := 2*margin + headerHeight + rows*(above+f.panelHeight) - panelGap + foot
	svg := vgsvg.New(width, height)
	all := draw.New(svg)
	all.SetColor(color.White) // dark pages shine through otherwise
	all.Fill(all.Path())
	c := draw.Crop(all, margin, -margin, margin, -margin)

	title := style(13, ink)
	title.Font.Weight = stdfont.WeightBold
	title.YAlign = draw.YTop
	c.FillText(title, vg.Point{X: c.Min.X, Y: c.Max.Y}, f.title)
	f.drawLegend(draw.Crop(c, 0, 0, c.Max.Y-c.Min.Y-headerHeight, -20))
	for i, line := range f.note {
		c.FillText(style(8, pale), vg.Point{X: c.Min.X, Y: c.Min.Y + lineHeight*vg.Length(len(f.note)-1-i) + 2}, line)
	}

	tiles := draw.Tiles{Rows: len(f.panels), Cols: len(f.panels[0]), PadX: panelGap, PadY: above}
	area := draw.Crop(c, f.namesWidth(), 0, foot, panelGap-above-headerHeight)
	for i, row := range plot.Align(f.panels, tiles, area) {
		if f.rowTitles != nil {
			c.FillText(style(10, ink), vg.Point{X: c.Min.X, Y: row[0].Max.Y + 8}, f.rowTitles[i])
		}
		for j, tile := range row {
			if p := f.panels[i][j]; p != nil {
				f.drawNames(c.Min.X, p.DataCanvas(tile))
				p.Draw(tile)
			}
		}
	}

	var text bytes.Buffer
	if _, err := svg.WriteTo(&text); err != nil {
		return err
	}
	_, err := out.Write(bytes.ReplaceAll(text.Bytes(),
		[]byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")))
	return err
}

// namesWidth has room to spare: where neither Liberation nor Arial is at hand, text is wider than measured. For the same
// reason names are not aligned at the right.
func (f figure) namesWidth() vg.Length {
	var w vg.Length
	for _, name := range f.rowNames {
		w = max(w, 1.18*style(9, ink).Width(name)+4)
	}
	return w
}

// drawNames writes the rows' names at x beside a panel's data.
func (f figure) drawNames(x vg.Length, data draw.Canvas) {
	sty := style(9, ink)
	sty.YAlign = draw.YCenter
	for i, name := range f.rowNames {
		y := data.Y(1 - (float64(i)+0.5)/float64(len(f.rowNames)))
		data.FillText(sty, vg.Point{X: x, Y: y}, name)
	}
}

// drawLegend puts the contenders side by side at the top left of c.
func (f figure) drawLegend(c draw.Canvas) {
	sty := style(9, ink)
	x, y := c.Min.X, c.Max.Y-8
	for _, name := range f.legend {
		l := f.looks[name]
		c.DrawGlyph(draw.GlyphStyle{Color: l.color, Radius: 3.5, Shape: l.glyph}, vg.Point{X: x + 4, Y: y + 3})
		c.FillText(sty, vg.Point{X: x + 12, Y: y}, name)
		x += 12 + sty.Width(name) + 18
	}
}

func style(size vg.Length, c color.Color) text.Style {
	return text.Style{Color: c, Font: font.From(sans, size), Handler: plot.DefaultTextHandler}
}

// newPanel returns an empty panel in the house's looks.
func newPanel(title, xLabel, yLabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text = title
	p.Title.Padding = 5
	centred := style(10, ink)
	centred.XAlign, centred.YAlign = draw.XCenter, draw.YTop
	p.Title.TextStyle = centred
	p.X.Label.Text, p.Y.Label.Text = xLabel, yLabel
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color = pale
		a.Tick.Color = pale
		a.Tick.Length = 4
		a.Padding = 4
		a.Label.Padding = 3
		for _, s := range []*text.Style{&a.Label.TextStyle, &a.Tick.Label} {
			s.Font = font.From(sans, 9)
			s.Color = ink
		}
	}
	return p
}

// addGrid draws lines at the axes' labelled ticks, below what is added later.
func addGrid(p *plot.Plot, vertical, horizontal bool) {
	g := plotter.NewGrid()
	g.Vertical = draw.LineStyle{Color: rule, Width: 0.6}
	g.Horizontal = g.Vertical
	if !vertical {
		g.Vertical.Color = nil
	}
	if !horizontal {
		g.Horizontal.Color = nil
	}
	p.Add(g)
}

// labelled are ticks that all have a label, written by format.
func labelled(format func(float64) string, values ...float64) plot.ConstantTicks {
	var t plot.ConstantTicks
	for _, v := range values {
		t = append(t, plot.Tick{Value: v, Label: format(v)})
	}
	return t
}

// logAxis makes an axis logarithmic. It ends at a tick below lo and one above hi, with ticks at 1, 2 and 5 of each decade;
// where there are many decades, it ends at lo and hi, with ticks at 1.
func logAxis(a *plot.Axis, lo, hi float64, format func(float64) string) {
	a.Scale = plot.LogScale{}
	var ticks []float64
	many := hi/lo > 1000
	for e := math.Floor(math.Log10(lo)); e <= math.Ceil(math.Log10(hi)); e++ {
		for _, s := range []float64{1, 2, 5} {
			if v := s * math.Pow(10, e); !many || s == 1 && v >= lo && v <= hi {
				ticks = append(ticks, v)
			}
		}
	}
	a.Min, a.Max = lo, hi
	if !many {
		first := max(0, len(ticks)-1-sort.Search(len(ticks), func(i int) bool { return ticks[len(ticks)-1-i] <= lo }))
		last := min(len(ticks)-1, sort.SearchFloat64s(ticks, hi))
		ticks = ticks[first : last+1]
		a.Min, a.Max = ticks[0], ticks[len(ticks)-1]
	}
	a.Tick.Marker = labelled(format, ticks...)
}

// linearAxis makes an axis run from 0 to a round number above hi.
func linearAxis(a *plot.Axis, hi float64) {
	step := math.Pow(10, math.Floor(math.Log10(hi)))
	switch {
	case hi/step <= 1.5:
		step /= 5
	case hi/step <= 3:
		step /= 2
	case hi/step > 7:
		step *= 2
	}
	n := math.Ceil(hi/step - 1e-9)
	var ticks []float64
	for i := 0.0; i <= n; i++ {
		ticks = append(ticks, i*step)
	}
	a.Min, a.Max = 0, n*step
	a.Tick.Marker = labelled(short, ticks...)
}

// short writes a number with at most three digits after the point: 0.05, 2.5, 40, 1000.
func short(v float64) string {
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}

// count writes 500, 1k, 63.2k, 1M.
func count(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 3, 64) + "M"
	case v >= 1e3:
		return strconv.FormatFloat(v/1e3, 'g', 3, 64) + "k"
	}
	return short(v)
}

// significant writes a figure with three digits, as a label beside a mark.
func significant(v float64) string {
	digits := 2 - int(math.Floor(math.Log10(v)))
	return strconv.FormatFloat(v, 'f', min(max(digits, 0), 2), 64)
}
