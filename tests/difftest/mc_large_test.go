//go:build unix

package difftest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestMemcachedLarge: values about the size of the server's limit, whichever way they take.
func TestMemcachedLarge(t *testing.T) {
	t.Parallel()
	w := startMCWays(t)
	value := func(n int) string { return string(randomBytes(uint64(n), n)) }
	const early = "it takes the early reply for a stray, 7.5"
	for _, c := range []mcCase{
		{name: "900 KB", raw: mcSet("a", value(900_000)) + mcGet("a") + mcSet("b", value(900_001)) + mcGet("b", "none", "a") + mcGet("a") + mcGet("b")},
		{name: "900 KB, meta", raw: fmt.Sprintf("ms a 900000 q\r\n%s\r\nmg a v k s\r\nmg a v q\r\nmn\r\n", value(900_000))},
		{name: "900 KB, noreply", raw: fmt.Sprintf("set a 0 0 900000 noreply\r\n%s\r\nget a\r\nappend a 0 0 1 noreply\r\nx\r\nget a\r\n", value(900_000))},
		{name: "below the limit", raw: mcSet("a", value(1<<20-300)) + mcGet("a") + mcGet("a")},
		{name: "around the limit", upstream: early, raw: func() string {
			var b strings.Builder
			for n := 1<<20 - 120; n <= 1<<20+8; n += 16 {
				b.WriteString(mcSet("a", value(n)) + "mg a s\r\n")
			}
			return b.String()
		}()},
		{name: "above the limit", upstream: early, raw: mcSet("a", "1") + mcSet("a", value(1<<20)) + mcGet("a") + mcSet("a", value(5<<20)) + mcGet("a") +
			fmt.Sprintf("ms a %d q k O1\r\n%s\r\nmg a v\r\nset a 0 0 %d noreply\r\n%s\r\nget a\r\n", 3<<20, value(3<<20), 3<<20, value(3<<20))},
		{name: "appended above the limit", upstream: early, raw: mcSet("a", value(700_000)) + fmt.Sprintf("append a 0 0 500000\r\n%s\r\n", value(500_000)) + mcGet("a")},
	} {
		t.Run(c.name, func(t *testing.T) { w.run(t, c, 1, whole, random) })
	}
}

func randomBytes(seed uint64, n int) []byte {
	rng := newRand(seed)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// TestMemcachedHuge: an item of 64 MB, and one above the limit of a server that takes 128 MB, beside small ones.
func TestMemcachedHuge(t *testing.T) {
	t.Parallel()
	long(t)
	size := 64 // in MB
	if raceEnabled {
		size = 8
	}
	server := startMemcached(t, "-I", fmt.Sprintf("%dm", 2*size), "-m", "1024")
	p := startProxy(t, mcPoolOf([]*mcServer{server}))
	c, other := dial(t, p.addr("p")), dial(t, p.addr("p"))
	value := string(bytes.Repeat(randomBytes(1, 1<<20), size))
	for _, set := range []string{mcSet("huge", value), fmt.Sprintf("set huge 0 0 %d noreply\r\n%s\r\n", len(value), value)} {
		want := "STORED\r\n"
		if strings.Contains(set[:40], "noreply") {
			want = ""
		}
		c.renew()
		c.expectAll(want+mcHit("huge", value)+mcHit("huge", value), set+mcGet("huge")+mcGet("huge"))
		if got := server.ask(t, mcGet("huge")); got != mcHit("huge", value) {
			t.Fatalf("the server has another value of %d bytes", len(got))
		}
		other.expect("END\r\n", mcGet("none"))
	}
	if underTest.name != "cashew" {
		return // it takes the early reply for a stray, 7.5
	}
	c.renew()
	tooMuch := strings.Repeat(value, 2) + strings.Repeat("x", 1<<20)
	c.expectAll("SERVER_ERROR object too large for cache\r\nEND\r\nSTORED\r\n"+mcHit("a", "1"),
		mcSet("huge", tooMuch)+mcGet("huge")+mcSet("a", "1")+mcGet("a"))
	other.expect(mcHit("a", "1"), mcGet("a"))
}
