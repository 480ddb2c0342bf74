//go:build unix

package difftest

import (
	"fmt"
	"strings"
	"testing"
)

// mcWays all end at the same memcacheds, which a test empties in between.
type mcWays struct {
	routes
	servers []*mcServer
}

func startMCWays(t testing.TB) *mcWays {
	t.Helper()
	servers := startMemcacheds(t, 4)
	return &mcWays{servers: servers, routes: startRoutes(t, servers[0].addr,
		pool{name: "one", servers: mcEntries(servers[:1]), memcached: true},
		pool{name: "four", servers: mcEntries(servers), settings: spread, memcached: true},
	)}
}

// run sends the stream directly and through the proxies, each time cut in each of the ways given, and compares.
func (w *mcWays) run(t *testing.T, c mcCase, seed uint64, hows ...cutting) {
	t.Helper()
	for _, text := range c.streams() {
		w.runStream(t, c, text, seed, hows)
	}
}

func (w *mcWays) runStream(t *testing.T, c mcCase, text string, seed uint64, hows []cutting) {
	t.Helper()
	const end = mcEnd
	taken := mcTaken(text)
	if underTest.name == "nutcracker" {
		if c.upstream != "" {
			t.Skip(c.upstream)
		}
		text, c.diverges, c.across = taken, "", ""
	}
	want := w.ask(t, w.direct, text+end, whole, seed, "")
	for _, to := range []struct{ name, addr, diverges string }{
		{"one server", w.one, c.diverges},
		{"four servers", w.four, c.diverges + c.across},
	} {
		ours := want
		if to.diverges != "" {
			ours = c.ours
		}
		for _, how := range hows {
			got := w.ask(t, to.addr, text+end, how, seed, ours)
			what := fmt.Sprintf("%s, cut %v, seed %d", to.name, how, seed)
			mcReport(t, what, text, to.diverges, want, ours, got)
		}
	}
	if w.upOne == "" || taken == "" || c.upstream != "" {
		return
	}
	want = w.ask(t, w.direct, taken+end, whole, seed, "")
	for _, to := range []struct{ name, addr string }{
		{"nutcracker, one server", w.upOne},
		{"nutcracker, four servers", w.upFour},
	} {
		got := w.ask(t, to.addr, taken+end, whole, seed, want)
		mcReport(t, to.name, taken, "", want, want, got)
	}
}

// ask empties the servers and returns the replies to the stream sent to addr.
func (w *mcWays) ask(t *testing.T, addr, text string, how cutting, seed uint64, want string) string {
	t.Helper()
	mcFlush(t, w.servers...)
	b := []byte(text)
	return converse(t, addr, b, how.cuts(newRand(seed), b), want)
}

// mcReport fails the test if the replies are not the server's own, or not ours if a reason says that they differ.
func mcReport(t *testing.T, what, text, diverges, want, ours, got string) {
	t.Helper()
	switch {
	case diverges != "" && got == want:
		t.Errorf("%s: replies are the server's own now; remove diverges: %q", what, diverges)
	case got != ours:
		w, g := around(ours, got)
		t.Fatalf("%s: stream %q\n  want %s\n  got  %s", what, clip(text), w, g)
	}
}

func TestMemcachedDifferential(t *testing.T) {
	t.Parallel()
	w := startMCWays(t)
	for i, c := range append(mcCases, mcBadCases...) {
		t.Run(c.name, func(t *testing.T) {
			hows := []cutting{whole, random}
			switch s := c.streams(); {
			case c.each:
				hows = []cutting{whole, everyByte}
			case len(s[0]) < 2000:
				hows = append(hows, everyByte)
			}
			w.run(t, c, uint64(i)+1, hows...)
		})
	}
}

// TestMemcachedRandomStreams sends streams that a grammar makes of a seed. A failure names its seed; -seed repeats it
// alone.
func TestMemcachedRandomStreams(t *testing.T) {
	t.Parallel()
	w := startMCWays(t)
	first, n := uint64(1), uint64(40)
	if testing.Short() || raceEnabled {
		n = 8
	}
	if *seedFlag != 0 {
		first, n = *seedFlag, 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c := mcCase{raw: mcRandomStream(newRand(seed), 400), upstream: "a later hit moves up, 7.3"}
			w.run(t, c, seed, whole, random)
		})
	}
}

// TestMemcachedQuietBatches sends batches of quiet meta commands, each ended by mn: the replies are those of one big
// memcached, in its order.
func TestMemcachedQuietBatches(t *testing.T) {
	t.Parallel()
	w := startMCWays(t)
	first, n := uint64(1), uint64(30)
	if testing.Short() || raceEnabled {
		n = 6
	}
	if *seedFlag != 0 {
		first, n = *seedFlag, 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			rng := newRand(seed)
			var b strings.Builder
			for range 10 {
				b.WriteString(mcQuietBatch(rng, 60))
			}
			w.run(t, mcCase{raw: b.String(), upstream: "a later hit moves up, 7.3"}, seed, whole, random)
		})
	}
}
