//go:build unix

package difftest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fuzzNumbers are words where a number is due, good and bad ones, at the borders of what programs take.
var fuzzNumbers = []string{
	"0", "1", "5", "-1", "-0", "+1", "+0", "00", "007", "-007", "100", "2592000", "2592001", "2000000000", "2147483645", "2147483646",
	"2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296", "4294977296", "-4294957296", "-4294967296",
	"1000000000000", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
	"18446744073709551616", "-18446744073709551615", "-18446744073709551616", "99999999999999999999999", "-99999999999999999999999",
	"0x10", "1e3", "1.5", "1.0", ".5", "abc", "-", "+", "--1", "+-1", "-+1", "1x", "x1", "1-", "1_000", "inf", "nan", "\xff",
	"\t5", "5\t", "5\tx", "\x0b5", "5\x0c6", "5\r6", "\r5", "-\t5", "noreply",
}

// fuzzNumber is one of them, or any.
func fuzzNumber(rng *rand.Rand) string {
	if rng.IntN(6) > 0 {
		return fuzzNumbers[rng.IntN(len(fuzzNumbers))]
	}
	n := strconv.FormatUint(rng.Uint64()>>rng.IntN(64), 10)
	return []string{"", "-", "+", "0"}[rng.IntN(4)] + n + []string{"", "", "", "0", "x"}[rng.IntN(5)]
}

var fuzzSoon = regexp.MustCompile(`^(\D*0*[1-9]\d{0,2})(\D|$)`)

// fuzzExpiry is a number, but none that is over while the test runs.
func fuzzExpiry(rng *rand.Rand) string {
	return fuzzSoon.ReplaceAllString(fuzzNumber(rng), "${1}0000$2")
}

// mcFuzzSizes are words that say 3, as memcached reads them, and some that say nothing.
var mcFuzzSizes = []string{
	"3", "3", "3", "3", "+3", "03", "0003", "\t3", "3\t", "3\tx", "3\x0b3", "4294967299", "-4294967293", "00000000000000000000003",
	"x", "-3", "3x", "+", "99999999999999999999", "2147483646", "4294967295", "noreply",
}

// mcFuzzed is one command and what is known of it.
type mcFuzzed struct {
	text   string
	stores bool // a data block is behind its line
}

// mcFuzzCommand is any command whose words are likely to be odd.
func mcFuzzCommand(rng *rand.Rand) mcFuzzed {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	key, number := pick("k", "none"), pick("n", "m", "k")
	num, expiry := func() string { return fuzzNumber(rng) }, func() string { return fuzzExpiry(rng) }
	f := mcFuzzed{}
	var w []string
	switch rng.IntN(8) {
	case 0, 1, 2:
		f.stores = true
		w = []string{pick("set", "set", "add", "replace", "append", "prepend"), key, "0", "0", pick(mcFuzzSizes...)}
		if rng.IntN(5) == 0 {
			w[0] = "cas"
			w = append(w, num())
		}
		if rng.IntN(2) == 0 {
			w[2] = num()
		}
		if rng.IntN(2) == 0 {
			w[3] = expiry()
		}
	case 3:
		if w = []string{pick("incr", "decr", "touch"), number, num()}; w[0] == "touch" {
			w[2] = expiry()
		}
	case 4:
		w = []string{pick("gat", "gat", "gats"), expiry(), pick(key, number)}
	case 5:
		w = []string{"delete", pick(key, number)}
	case 6:
		f.stores = true
		w = append([]string{"ms", key, pick(mcFuzzSizes...)}, mcFuzzFlags(rng, "ms")...)
	case 7:
		name := pick("mg", "mg", "md", "ma")
		if name == "ma" {
			key = number
		}
		w = append([]string{name, key}, mcFuzzFlags(rng, name)...)
	}
	meta := w[0][0] == 'm'
	switch n := rng.IntN(20); {
	case n < 3 && !meta:
		w = append(w, "noreply")
	case n == 3 && !meta:
		w = append(w, num())
	case n == 4:
		w = w[:1+rng.IntN(len(w)-1)]
	case n == 5 && !meta:
		w = append(w, num(), pick("noreply", "0"))
	case n == 6:
		w[1] = pick(strings.Repeat("k", 250), strings.Repeat("k", 251), "a\tb", "\x01", "noreply", "0")
	}
	f.text = pick("", "", "", " ") + strings.Join(w, pick(" ", " ", " ", "  ")) + pick("\r\n", "\r\n", "\r\n", "\n", " \r\n")
	if f.stores {
		f.text += "abc\r\n"
	}
	return f
}

// mcFuzzFlags are flags for a meta command, once each, most of them good. Left out is what depends on the time or on the
// server's count of changes, T of ma, which memcached 1.6.18 now and then gives to the item that it just replaced, and what the proxy is known to answer otherwise: a q of a ma that makes its number, and a q
// among more flags than memcached 1.6.18 takes, of which the proxy takes it away.
func mcFuzzFlags(rng *rand.Rand, name string) []string {
	const most = 17
	letters := strings.Fields(map[string]string{
		"mg": "f h k O q s u v E N R T", "md": "k O q C E I T x", "ms": "k O q C E F I M N T", "ma": "k O q v C D E J M N",
	}[name])
	rng.Shuffle(len(letters), func(i, j int) { letters[i], letters[j] = letters[j], letters[i] })
	n := rng.IntN(5)
	if rng.IntN(15) == 0 && name != "ms" { // how many an ms may have is the proxy's to say, since a data block is behind them
		letters = append(letters, strings.Split("ABGHKLPQUVWXYZadegijmnoprwyz!1", "")...)
		n = rng.IntN(len(letters))
	}
	letters = letters[:min(n, len(letters))]
	if rng.IntN(8) == 0 {
		letters = append(letters, string(rune('!'+rng.IntN('~'-'!'))))
	}
	quiet := len(letters) <= most && (name != "ma" || !slices.Contains(letters, "N"))
	var w []string
	for _, c := range letters {
		switch c {
		case "N", "T", "R":
			c += fuzzExpiry(rng)
		case "J", "F", "E", "D", "C":
			c += fuzzNumber(rng)
		case "M":
			c += []string{"E", "A", "P", "R", "S", "I", "D", "+", "-", "x", "", "set"}[rng.IntN(12)]
		case "O":
			c += []string{"", "1", "opaque", "\xff", strings.Repeat("o", 32), strings.Repeat("o", 33)}[rng.IntN(6)]
		case "c", "t", "l", "b":
			continue
		case "q":
			if !quiet {
				continue
			}
			quiet = false
		}
		w = append(w, c)
	}
	return w
}

// mcFuzzMark is behind each command: what is there now, and an end that no reply has.
const mcFuzzMark = "get k n m none\r\nmn\r\n"

// mcFuzzPadded is a number that memcached pads in its place, or not, by what else it does at the moment; mcFuzzToken is
// the cas id of a VALUE line.
var (
	mcFuzzPadded = regexp.MustCompile(`(VALUE [nm] \d+) \d+\r\n(\d+) *\r\n`)
	mcFuzzToken  = regexp.MustCompile(`(VALUE \S+ \d+ \d+) \d+\r\n`)
)

// mcFuzzAsk sends the commands, each behind the reply to the one before it, since memcached may make a new item of one
// that it still sends; it returns the replies, with what is stored afterwards.
func mcFuzzAsk(t *testing.T, addr string, commands []mcFuzzed) []string {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	var got []string
	for _, f := range commands {
		c.send([]byte(f.text + mcFuzzMark))
		var b strings.Builder
		for {
			line, err := c.r.ReadString('\n')
			if err != nil {
				t.Fatalf("through %s: %v behind %q to %q; before it %q", addr, err, b.String(), f.text, got[max(0, len(got)-3):])
			}
			if line == "MN\r\n" {
				break
			}
			b.WriteString(line)
		}
		reply := mcFuzzToken.ReplaceAllString(b.String(), "$1 cas\r\n")
		got = append(got, mcFuzzPadded.ReplaceAllString(reply, "$1 padded\r\n$2\r\n"))
	}
	return got
}

// mcFuzzSame tells whether got is want, the server's own. Where the server refuses the line of a storage command it
// takes the data block for a command, which is an error; the proxy takes the block out of the stream.
func mcFuzzSame(f mcFuzzed, want, got string) bool {
	if want == got {
		return true
	}
	const end = "ERROR\r\n"
	at := strings.LastIndex(want, end)
	return f.stores && at >= 0 && (at == 0 || want[at-1] == '\n') && want[:at]+want[at+len(end):] == got
}

// TestMemcachedFuzzWords sends commands with odd numbers, flags and words to a memcached and through the proxy to another:
// the words of the replies and what is stored must be the same.
func TestMemcachedFuzzWords(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client at any mistake, 7.1")
	direct, behind := startMemcached(t), startMemcached(t)
	addr := startProxy(t, mcPoolOf([]*mcServer{behind})).addr("p")
	fuzzSeeds(t, func(t *testing.T, seed uint64) {
		mcFlush(t, direct, behind)
		rng := newRand(seed)
		commands := []mcFuzzed{{text: mcSet("k", "abc")}, {text: mcSet("n", "5")}}
		for range 200 {
			commands = append(commands, mcFuzzCommand(rng))
			if rng.IntN(10) == 0 {
				commands = append(commands, mcFuzzed{text: mcSet("k", "abc")}, mcFuzzed{text: mcSet("n", "5")})
			}
		}
		want, got := mcFuzzAsk(t, direct.addr, commands), mcFuzzAsk(t, addr, commands)
		for i, f := range commands {
			if !mcFuzzSame(f, want[i], got[i]) {
				t.Fatalf("%q = %q; want %q", f.text, got[i], want[i])
			}
		}
	})
}

// fuzzSeeds runs a test for each of -fuzzseeds seeds from 1 on, or for -seed alone.
func fuzzSeeds(t *testing.T, run func(t *testing.T, seed uint64)) {
	t.Helper()
	first, n := uint64(1), *fuzzSeedsFlag
	if testing.Short() || raceEnabled {
		n = min(n, 10)
	}
	if *seedFlag != 0 {
		first, n = *seedFlag, 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { run(t, seed) })
	}
}
