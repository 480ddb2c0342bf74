//go:build unix

package difftest

import (
	"fmt"
	"testing"
)

// routes are the addresses of the ways that one stream can take.
type routes struct {
	direct string // straight to the first server
	one    string // the proxy under test before the first server
	four   string // ... before all four
	upOne  string // nutcracker before the first server; "" if there is none
	upFour string
}

// startRoutes starts proxies for pools named one and four, before the server at direct and before all four.
func startRoutes(t testing.TB, direct string, pools ...pool) routes {
	t.Helper()
	p := startLoops(t, 2, pools...)
	r := routes{direct: direct, one: p.addr("one"), four: p.addr("four")}
	if hasNutcracker(t) {
		up := nutcracker.start(t, 0, pools...)
		r.upOne, r.upFour = up.addr("one"), up.addr("four")
	}
	return r
}

// ways all end at the same redis-servers, which a test empties in between.
type ways struct {
	routes
	servers []*redisServer
}

func startWays(t testing.TB) *ways {
	t.Helper()
	servers := startRedises(t, 4)
	return &ways{servers: servers, routes: startRoutes(t, servers[0].addr,
		pool{name: "one", servers: entries(servers[:1])},
		pool{name: "four", servers: entries(servers), settings: append([]string{`hash_tag: "{}"`}, spread...)},
	)}
}

// run sends the commands directly and through the proxies, each time cut in each of the ways given, and compares.
func (w *ways) run(t *testing.T, c diffCase, seed uint64, hows ...cutting) {
	t.Helper()
	commands := c.stream()
	if underTest.name == "nutcracker" {
		if commands = takenByTwemproxy(commands); c.upstream != "" {
			t.Skip(c.upstream)
		}
	}
	want := w.ask(t, w.direct, commands, whole, seed)
	for _, to := range []struct{ name, addr string }{
		{"one server", w.one},
		{"four servers", w.four},
	} {
		for _, how := range hows {
			diff := diffReplies(commands, want, w.ask(t, to.addr, commands, how, seed))
			report(t, fmt.Sprintf("%s, cut %v, seed %d", to.name, how, seed), c.diverges, diff)
		}
	}
	if w.upOne == "" {
		return
	}
	commands = takenByTwemproxy(commands)
	want = w.ask(t, w.direct, commands, whole, seed)
	for _, to := range []struct{ name, addr string }{
		{"nutcracker, one server", w.upOne},
		{"nutcracker, four servers", w.upFour},
	} {
		diff := diffReplies(commands, want, w.ask(t, to.addr, commands, whole, seed))
		if c.upstream == "" {
			report(t, to.name, "", diff)
		}
	}
}

// ask empties the servers and returns the replies to the commands sent to addr.
func (w *ways) ask(t *testing.T, addr string, commands [][]string, how cutting, seed uint64) []string {
	t.Helper()
	flush(t, w.servers...)
	return exchange(t, addr, commands, how, newRand(seed))
}

// report fails the test if the replies differ, or if they do not though a reason says that they do.
func report(t *testing.T, what, diverges, diff string) {
	t.Helper()
	switch {
	case diff != "" && diverges == "":
		t.Errorf("%s: replies differ from the server's own:\n%s", what, diff)
	case diff == "" && diverges != "":
		t.Errorf("%s: replies are the server's own now; remove diverges: %q", what, diverges)
	}
}

func TestDifferential(t *testing.T) {
	t.Parallel()
	w := startWays(t)
	for i, c := range diffCases {
		t.Run(c.name, func(t *testing.T) {
			hows := []cutting{whole, random}
			if len(stream(c.stream())) < 2000 {
				hows = append(hows, everyByte)
			}
			w.run(t, c, uint64(i)+1, hows...)
		})
	}
}

// TestRandomStreams sends streams that a grammar makes of a seed. A failure names its seed; -seed repeats it alone.
func TestRandomStreams(t *testing.T) {
	t.Parallel()
	w := startWays(t)
	first, n := uint64(1), uint64(40)
	if testing.Short() {
		n = 8
	}
	if *seedFlag != 0 {
		first, n = *seedFlag, 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			c := diffCase{commands: randomStream(newRand(seed), 400)}
			w.run(t, c, seed, whole, random)
		})
	}
}
