// Package ui looks at the dashboard in a headless Chromium, before a fake of the admin address.
package ui

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// faster makes the page wait a hundredth of what it asks for: the fake's clock goes with the looks, not with ours.
const faster = `const wait = window.setTimeout; window.setTimeout = (f, ms, ...rest) => wait(f, ms / 100, ...rest);`

// browser is a headless Chromium, or the test is skipped.
func browser(t *testing.T) context.Context {
	t.Helper()
	binary := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			binary = path
			break
		}
	}
	if binary == "" {
		t.Skip("no chromium, chromium-browser or google-chrome in PATH")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("%s does not start: %v", binary, err)
	}
	return ctx
}

// tab is one page that is open in a browser, and what went to its console.
type tab struct {
	*testing.T
	ctx  context.Context
	fake *fake

	mu       sync.Mutex
	problems []string
}

// open shows the page of f in a tab of its own.
func open(t *testing.T, browser context.Context, f *fake, width, height int64, scheme string) *tab {
	t.Helper()
	server := httptest.NewServer(f)
	ctx, cancel := chromedp.NewContext(browser)
	ctx, cancelLate := context.WithTimeout(ctx, 2*time.Minute)
	p := &tab{T: t, ctx: ctx, fake: f}
	t.Cleanup(func() {
		cancelLate()
		cancel()
		server.CloseClientConnections()
		server.Close()
	})
	chromedp.ListenTarget(ctx, p.listen)
	p.run(
		log.Enable(),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.EmulateViewport(width, height, chromedp.EmulateScale(1)),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := cdppage.AddScriptToEvaluateOnNewDocument(faster).Do(ctx)
			return err
		}),
		chromedp.Navigate(server.URL),
	)
	return p
}

// listen notes whatever a browser reports as an error.
func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		p.problems = append(p.problems, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			p.problems = append(p.problems, fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

// quiet fails the test if the console has anything but what allowed begins.
func (p *tab) quiet(allowed string) {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.problems {
		if allowed == "" || !strings.HasPrefix(s, allowed) {
			p.Errorf("in the console: %s", s)
		}
	}
}

func (p *tab) run(actions ...chromedp.Action) {
	p.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// eval is what an expression is worth in the page.
func eval[T any](p *tab, expression string) (v T) {
	p.Helper()
	p.run(chromedp.Evaluate(expression, &v))
	return v
}

// wait waits until an expression is true in the page.
func (p *tab) wait(expression string) {
	p.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !eval[bool](p, "Boolean("+expression+")") {
		if time.Now().After(deadline) {
			p.Fatalf("never true: %s; the page reads\n%s", expression, eval[string](p, "document.body.innerText"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// text is what a reader sees in the first element that matches, white space made single.
func (p *tab) text(selector string) string {
	p.Helper()
	return strings.Join(strings.Fields(eval[string](p, fmt.Sprintf("document.querySelector(%q)?.innerText ?? 'there is no such element'", selector))), " ")
}

func (p *tab) reads(selector, want string) {
	p.Helper()
	if got := p.text(selector); !strings.Contains(got, want) {
		p.Errorf("%s reads %q; want %q in it", selector, got, want)
	}
}

// looks waits until the page has seen n more answers.
func (p *tab) looks(n int) {
	p.Helper()
	f, until := p.fake, 0
	f.with(func() { until = f.steps + n })
	deadline := time.Now().Add(60 * time.Second)
	for steps := 0; steps < until; f.with(func() { steps = f.steps }) {
		if time.Now().After(deadline) {
			p.Fatalf("the page looked %d times; want %d", steps, until)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// picture saves the whole page and fails the test if next to nothing is on it.
func (p *tab) picture(name string, quality int) {
	p.Helper()
	var shot []byte
	p.run(chromedp.FullScreenshot(&shot, quality))
	decoded, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		p.Fatal(err)
	}
	if n := colours(decoded); n < 200 {
		p.Errorf("%s has %d colours; a page that shows something has hundreds", name, n)
	}
	if err := os.WriteFile(filepath.Join(p.ArtifactDir(), name), shot, 0o644); err != nil {
		p.Fatal(err)
	}
}

func colours(m image.Image) int {
	seen := map[[3]uint32]bool{}
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y++ {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x++ {
			r, g, b, _ := m.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	return len(seen)
}

func TestUI(t *testing.T) {
	b := browser(t)
	t.Run("figures", func(t *testing.T) { testFigures(open(t, b, newFake(false), 1280, 900, "light")) })
	t.Run("hostile text", func(t *testing.T) { testHostileText(open(t, b, newFake(false), 1280, 900, "light")) })
	t.Run("use", func(t *testing.T) { testUse(open(t, b, newFake(false), 1280, 900, "light")) })
	t.Run("lost and restarted", func(t *testing.T) { testLost(open(t, b, newFake(false), 1280, 900, "light")) })
	for _, look := range []struct {
		name, scheme  string
		width, height int64
		seconds       float64 // that pass with each look
	}{
		{"light", "light", 1360, 900, 10},
		{"dark", "dark", 1360, 900, 10},
		{"phone", "light", 390, 844, 10},
		{"phone-dark", "dark", 390, 844, 10},
		{"laptop", "light", 1280, 800, 10},
		{"laptop-dark", "dark", 1280, 800, 10},
		{"wall", "light", 1920, 1080, 10},
		{"wall-dark", "dark", 1920, 1080, 10},
	} {
		t.Run("look "+look.name, func(t *testing.T) {
			f := newFake(true)
			f.seconds = look.seconds
			testLook(open(t, b, f, look.width, look.height, look.scheme), look.name, look.width)
		})
	}
}

// testFigures compares what is shown with what was answered.
func testFigures(p *tab) {
	p.looks(4)
	p.wait(`document.querySelector("#tile-requests .value").textContent !== "– /s"`)
	// 1000 + 2000 + ... + 7000; the eighth server is ejected.
	p.reads("#tile-requests .value", "28.0k /s")
	p.reads("#tile-errors .value", "2 /s")
	p.reads("#tile-errors .sub", "3/s")
	p.reads("#tile-clients .value", "1,284")
	p.reads("#tile-clients .sub", "41 in flight · 3 held back")
	p.reads("#tile-servers .value", "7 of 8")
	p.reads("#tile-p99 .sub", "write 40 µs")
	p.reads("#where", "redis on 0.0.0.0:22121")
	p.reads("#facts", "reloads 3 done")
	p.reads("#facts", "up 2 d 5 h")
	p.wait(`document.querySelector("#facts").innerText.includes("3fa2c1d09b")`)
	p.reads("#facts", "91ab07c2e4")

	p.wait(`document.querySelector("#events table")`)
	for i, s := range p.fake.servers {
		row := fmt.Sprintf("#servers tbody tr:nth-child(%d)", i+1)
		p.reads(row+" b", s.name)
		p.reads(row+" .names span", s.addr)
		p.reads(row+" .state", s.state)
		if i == 7 {
			p.reads(row+" td:nth-child(3)", "0")
			p.reads(row+" td:nth-child(7)", "–")
			continue
		}
		p.reads(row+" td:nth-child(3)", fmt.Sprintf("%d,000", i+1))
		p.reads(row+" td:nth-child(6)", fmt.Sprint(int(s.perSecond*s.us/1e6)))
		p.reads(row+" td:nth-child(7)", fmt.Sprintf("%d µs", int(s.us)))         // p50 of the server
		p.reads(row+" td:nth-child(9)", fmt.Sprintf("%d µs", int(s.us)/10))      // p50 in the queue
		p.reads(row+" td:nth-child(12)", fmt.Sprintf("%.1f%%", 100*s.share))     // of keys
		p.reads(row+" td:nth-child(12)", fmt.Sprintf("%.1f%%", s.perSecond/280)) // of traffic
	}
	p.reads("#servers tbody tr:nth-child(1) td:nth-child(4)", "3")
	// 985 of 1000 requests take at most 3.5 medians, 995 at most 6.
	p.reads("#servers tbody tr:nth-child(1) td:nth-child(8)", "1.08 ms")

	p.wait(`document.querySelectorAll("#ring path[data-band=ring]").length === 7`)
	for i, s := range p.fake.servers[:7] {
		p.arc("ring", s.name, 133, s.share, 0.003)
		p.arc("keys", s.name, 106, s.share, 0.003)
		p.arc("traffic", s.name, 86, float64(i+1)/28, 0.003)
	}
	for _, chart := range []struct{ id, legend string }{{"throughput", "requests/s 28.0k"}, {"latency", "queue p99"}} {
		p.wait(fmt.Sprintf(`document.querySelector("#%s path.line").getTotalLength() > 0`, chart.id))
		p.reads("#"+chart.id+" .legend", chart.legend)
	}

	p.reads("#hot tbody tr:nth-child(1)", "user:1001:profile")
	p.reads("#hot tbody tr:nth-child(1)", "918k")
	p.reads("#hot tbody tr:nth-child(2)", "config:flags")
	p.reads("#big tbody tr:nth-child(1)", "feed:home:77120")
	p.reads("#big tbody tr:nth-child(1)", "1.18 MiB")
	if strings.Contains(p.text("#hot"), "front") {
		p.Errorf("the hot keys of another pool are shown: %s", p.text("#hot"))
	}
	p.reads("#hot tbody tr:nth-child(1)", "± 18.4k")
	testBlame(p)
	testOverview(p)
	p.reads("#refused tbody tr:nth-child(1)", "keys")
	p.reads("#refused tbody tr:nth-child(1)", "14")
	p.quiet("")
}

// testBlame: who made others wait stands first in the slow log, folded, and shows its worst commands when it is asked.
func testBlame(p *tab) {
	p.reads("#slow tbody tr:nth-child(1)", "eval")
	p.reads("#slow tbody tr:nth-child(1)", "job:*")
	p.reads("#slow tbody tr:nth-child(1)", "1.34 s + 3.41 ms") // took itself, and waited: eleven times
	p.reads("#slow tbody tr:nth-child(2)", "mget")
	if got := p.text("#slow"); strings.Contains(got, "more") {
		p.Errorf("entries are shown unasked: %q", got)
	}
	p.run(chromedp.Focus("#slow tbody tr:nth-child(2) button"), chromedp.KeyEvent(kb.Enter))
	p.wait(`document.querySelector("#slow tr.below")`)
	p.reads("#slow tr.below", "user:1001:profile and 39 more took 4.15 ms, waited 12.2 ms (12.2 ms of it in the proxy), 20.0 KiB from cache-02 (10.20.4.12:6379) for shop-web")
	p.looks(4) // it stays unfolded, and has the focus
	p.wait(`document.querySelector("#slow tr.below") && document.activeElement.dataset.group?.includes("mget") && document.activeElement.getAttribute("aria-expanded") === "true"`)
	p.run(chromedp.KeyEvent(kb.Enter))
	p.wait(`!document.querySelector("#slow tr.below")`)
}

// testOverview: the page opens on the pool that is in trouble, though it is the second, and says what the trouble is; the past is there.
func testOverview(p *tab) {
	if got := eval[string](p, `document.querySelector("#pool").value`); got != "sessions" {
		p.Errorf("the page opens on %s", got)
	}
	if got := eval[string](p, `[...document.querySelectorAll("#pool option")].map(o => o.textContent).join()`); got != "pages,✖ sessions" {
		p.Errorf("the selector has %q", got)
	}
	if got := eval[string](p, `document.title`); got != "✖ sessions – cashew" {
		p.Errorf("the title is %q", got)
	}
	p.reads("#overview-sum", "1 in trouble, 0 to be watched, 1 fine")
	p.reads("#overview tbody tr:nth-child(1)", "sessions")
	p.reads("#overview tbody tr:nth-child(1)", "1 of 8 servers ejected: cache-08")
	p.reads("#overview tbody tr:nth-child(1)", "7 of 8")
	p.reads("#overview tbody tr:nth-child(2)", "pages")
	p.reads("#overview tbody tr:nth-child(2)", "fine")
	p.reads("#servers tbody tr:nth-child(9)", "connection refused; 3 failures in a row")
	p.reads("#servers tbody tr:nth-child(8) .out", "for 4 min, next try in 3 s")
	p.reads("#tile-busy .value", "50 %")
	p.reads("#tile-busy .sub", "4 loops, 25.0% on average")
	p.reads("#events tbody tr:nth-child(1)", "server ejected cache-08")
	p.reads("#events tbody tr:nth-child(1)", "connection refused")
	p.reads("#classes .legend", "reads/s 28.0k")
	p.reads("#classes .legend", "writes/s 7,000")
	p.reads("#ratios .legend", "hits 90.0%")
	drawn := `(() => { const b = document.querySelector("#throughput path.line").getBBox(), s = document.querySelector("#throughput svg").viewBox.baseVal; return b.width / (s.width - 58) })()`
	if share := eval[float64](p, drawn); share < 0.95 {
		p.Errorf("the chart shows %.0f %% of the last ten minutes", 100*share)
	}
}

// arc checks that the arcs of a server in a band of the ring are as long as its share of the turn.
func (p *tab) arc(band, server string, radius, share, tolerance float64) {
	p.Helper()
	length := eval[float64](p, fmt.Sprintf(`document.querySelector("#ring path[data-band=%s][data-server=%s]").getTotalLength()`, band, server))
	if got := length / (2 * math.Pi * radius); math.Abs(got-share) > tolerance {
		p.Errorf("%s takes %.4f of the band of %s; want %.4f", server, got, band, share)
	}
}

// testHostileText: what clients send is text, wherever it is shown, and shows what it is made of.
func testHostileText(p *tab) {
	p.looks(2)
	p.wait(`document.querySelector("#slow table") && document.querySelector("#refused table")`)
	p.run(chromedp.SendKeys("#explain-key", evil+kb.Enter), chromedp.WaitVisible("#place dl"))
	for _, box := range []string{"#hot", "#slow", "#refused", "#place", "#events"} {
		p.reads(box, evil)
	}
	for _, box := range []string{"#hot", "#slow"} {
		p.reads(box, `bin:\x00\x1f\u{202e}txt`+"\ufffd")
	}
	if n := eval[int](p, `document.querySelectorAll("main img, main script").length`); n != 0 {
		p.Errorf("%d elements were made of text", n)
	}
	if eval[bool](p, `"injected" in window`) {
		p.Error("a key was executed")
	}
	p.quiet("")
}

// testUse goes through what a reader can do, with the keyboard.
func testUse(p *tab) {
	p.looks(3)
	p.wait(`document.querySelector("#latency path")`)

	p.run(chromedp.SendKeys("#explain-key", "user:{1001}:cart"+kb.Enter), chromedp.WaitVisible("#place dl"))
	p.reads("#place .answer", "cache-02 at 10.20.4.12:6379")
	p.reads("#place", "user:{1001}:cart")
	p.reads("#place", "fnv1a_64 0xa565a95f (2774903135)")
	p.reads("#place", "the first point at or after the hash")

	p.run(chromedp.Focus("#latency"), chromedp.KeyEvent(kb.ArrowLeft))
	p.wait(`/\d\d:\d\d:\d\d/.test(document.querySelector("#latency .legend").textContent) && document.querySelector("#latency .cursor")`)
	p.run(chromedp.KeyEvent(kb.Escape))
	p.wait(`!document.querySelector("#latency .cursor")`)

	p.run(chromedp.Focus("#ring button[data-server=cache-04]"))
	p.wait(`document.querySelector("#ring text.name")?.textContent === "cache-04"`)

	p.run(chromedp.Focus("#clients-box summary"), chromedp.KeyEvent(kb.Enter))
	p.wait(`document.querySelectorAll("#clients tbody tr").length === 100`)
	p.reads("#clients tbody tr:nth-child(1)", "held back")
	p.reads("#clients", "The 100 that hold most, of 120.")

	p.run(chromedp.Focus("#config-box summary"), chromedp.KeyEvent(kb.Enter))
	p.wait(`document.querySelector("#config").innerText.includes('"redis_auth": "***"')`)

	p.fake.with(func() {
		p.fake.drain = true
		p.fake.reload = object{"succeeded": 3, "failed": 1, "at": p.fake.at, "err": "pool alpha: hash: unknown \"fnv3\""}
	})
	p.wait(`document.querySelector("#notice").innerText.includes('changed nothing: pool alpha: hash: unknown "fnv3"')`)
	p.reads("#notice", "Draining")
	p.reads("#facts", "3 done, 1 failed")

	p.fake.with(func() { p.fake.more = 12 })
	p.wait(`document.querySelector("#overview-more").innerText === "all 14 pools" && document.querySelectorAll("#overview tbody tr").length === 3`)
	p.run(chromedp.Focus("#overview-more"), chromedp.KeyEvent(kb.Enter))
	p.wait(`document.querySelectorAll("#overview tbody tr").length === 14`)
	p.run(chromedp.Click("#overview button[data-pool=more-11]"))
	p.wait(`location.hash === "#pool=more-11" && document.querySelector("#pool").value === "more-11"`)

	p.run(chromedp.SetValue("#pool", "pages"), chromedp.Evaluate(`document.querySelector("#pool").dispatchEvent(new Event("change"))`, nil))
	p.wait(`location.hash === "#pool=pages" && document.querySelector("#servers").innerText.includes("mc-1")`)
	p.wait(`document.querySelector("#ring path[data-server=mc-1]") && document.querySelector("#ring-kind").textContent.includes("modula")`)
	p.reads("#hot", "front")
	p.reads("#slow", "No command was slow enough.")

	if s := eval[string](p, unnamed); s != "" {
		p.Errorf("without a name for those who cannot see: %s", s)
	}
	p.quiet("")
}

// testLost: the page says that nobody answers, goes on when someone does, and takes a restart for what it is.
func testLost(p *tab) {
	p.looks(5)
	p.fake.with(func() { p.fake.down = true })
	p.wait(`!document.querySelector("#lost").hidden && document.querySelector("#lost").innerText.startsWith("Connection lost")`)
	p.reads("#tile-requests .value", "28.0k /s") // the last that was seen stays
	p.fake.with(func() { p.fake.down = false })
	p.wait(`document.querySelector("#lost").hidden && !document.body.classList.contains("stale")`)

	p.fake.restart()
	p.wait(`document.querySelector("#throughput .mark") && document.querySelector("#tile-requests .value").textContent === "28.0k /s"`)
	// A server that was taken out and put back counts from zero, without a restart.
	p.fake.with(func() { p.fake.servers[2].requests = 0 })
	p.looks(4)
	p.reads("#tile-requests .value", "28.0k /s")
	floor := `[...document.querySelectorAll("#throughput path.line")].every(p => p.getBBox().y + p.getBBox().height <= 170.5)`
	if !eval[bool](p, floor) {
		p.Error("a rate below zero is drawn")
	}
	p.quiet("network: ")
}

// testLook draws ten minutes, looks at them, and measures what eyes would stumble over.
func testLook(p *tab, name string, width int64) {
	p.looks(int(620 / p.fake.seconds))
	p.wait(`document.querySelector("#ring path[data-band=traffic]") && document.querySelector("#slow table")`)
	p.run(chromedp.SendKeys("#explain-key", "user:{1001}:cart"+kb.Enter), chromedp.WaitVisible("#place dl"))
	p.picture(name+".png", 100)
	if w := eval[int64](p, "document.documentElement.scrollWidth"); w > width {
		p.Errorf("the page is %d pixels wide; the window has %d", w, width)
	}
	if s := eval[string](p, `[...document.querySelectorAll(".card, .tile, .chart")].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.getAttribute("aria-labelledby") ?? e.id).join()`); s != "" {
		p.Errorf("what is in these is wider than they are: %s", s)
	}
	if s := eval[string](p, faint); s != "" {
		p.Errorf("text with a contrast below 4.5:\n%s", s)
	}
	p.quiet("")
}

// unnamed lists what can be operated or tells something, and has no name.
const unnamed = `[...document.querySelectorAll("input, select, button, summary, [tabindex='0'], svg[role=img], section")]
	.filter(e => !(e.labels?.length || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || (/BUTTON|SUMMARY/.test(e.tagName) && e.innerText.trim())))
	.map(e => e.outerHTML.slice(0, 100)).join("\n")`

// faint lists texts whose contrast with what is behind them is less than WCAG 2.2 asks for (1.4.3, level AA).
const faint = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const paint = (colour) => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); };
	const rgb = (colours) => { canvas.clearRect(0, 0, 1, 1); colours.forEach(paint); return [...canvas.getImageData(0, 0, 1, 1).data]; };
	const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => { const v = c[i] / 255; return sum + w * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
	const found = new Set();
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || e.closest("script, noscript, option, .skip") || !e.checkVisibility()) continue;
		const behind = [];
		for (let a = e; a; a = a.parentElement) behind.unshift(getComputedStyle(a).backgroundColor);
		const style = getComputedStyle(e), ink = e.namespaceURI.endsWith("svg") ? style.fill : style.color;
		const [a, b] = [light(rgb(behind)), light(rgb([...behind, ink]))];
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) found.add(contrast.toFixed(2) + " " + ink + " " + texts.currentNode.data.trim().slice(0, 40));
	}
	return [...found].join("\n");
})()`
