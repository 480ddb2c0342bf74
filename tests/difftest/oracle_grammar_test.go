//go:build unix

package difftest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A template is a call with slots. Words in small letters are slots, all others stand for themselves:
//
//	ZADD zst (NX|XX|GT|LT|CH|INCR)* (flo mem)+
//
// (a|b) is one of several, possibly empty, alternatives; behind it or a word ? is none or one, * up to three, + one to three.
type oracleNode struct {
	word      string         // "" if there are alternatives
	alts      [][]oracleNode // each a sequence
	low, high int            // how many times
}

// parseTemplate parses a sequence up to the end of s, or to the | or ) behind it.
func parseTemplate(s string) (seq []oracleNode, rest string) {
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" || s[0] == '|' || s[0] == ')' {
			return seq, s
		}
		n := oracleNode{low: 1, high: 1}
		if s[0] == '(' {
			for s[0] != ')' {
				var alt []oracleNode
				if alt, s = parseTemplate(s[1:]); s == "" {
					panic("difftest: a template without its )")
				}
				n.alts = append(n.alts, alt)
			}
			s = s[1:]
		} else {
			end := strings.IndexAny(s, " |)?*+")
			if c := s[0] | 0x20; c < 'a' || c > 'z' {
				end = strings.IndexAny(s, " |)")
			}
			if end < 0 {
				end = len(s)
			}
			n.word, s = s[:end], s[end:]
		}
		if s != "" {
			if n.low, n.high = repeats(s[0]); n.high != 1 || n.low != 1 {
				s = s[1:]
			}
		}
		seq = append(seq, n)
	}
}

// repeats is how often what stands before c is there.
func repeats(c byte) (low, high int) {
	switch c {
	case '?':
		return 0, 1
	case '*':
		return 0, 3
	case '+':
		return 1, 3
	}
	return 1, 1
}

// oracleCalls makes calls of a seed.
type oracleCalls struct {
	rng    *rand.Rand
	tagged bool // all keys of the call that is made have the hash tag
}

// expand is one call of a template.
func (g *oracleCalls) expand(seq []oracleNode) (args []string) {
	for _, n := range seq {
		for range n.low + g.rng.IntN(n.high-n.low+1) {
			switch slot, ok := oracleSlots[n.word]; {
			case n.word == "":
				args = append(args, g.expand(n.alts[g.rng.IntN(len(n.alts))])...)
			case ok:
				args = append(args, slot(g)...)
			case n.word[0] >= 'a' && n.word[0] <= 'z':
				panic("difftest: no slot " + n.word)
			default:
				args = append(args, n.word)
			}
		}
	}
	return args
}

// make is one call of a template, now and then with names in odd case or broken in a way that templates do not know of.
func (g *oracleCalls) make(seq []oracleNode) []string {
	g.tagged = g.rng.IntN(10) < 7
	args := g.expand(seq)
	if g.rng.IntN(6) == 0 {
		args = g.breakCall(args)
		if oracleBlocks[args[0]] {
			for i := range args {
				if oracleTimes[args[i]] {
					args[i] = "0.01"
				}
			}
		}
	}
	if g.rng.IntN(8) == 0 {
		for i := range args {
			if i == 0 || isWord(args[i]) {
				args[i] = oddCase(g.rng, args[i])
			}
		}
	}
	return args
}

// oracleBlocks are the commands that wait for as long as a number says, and oracleTimes what of junk is such a number, and one that
// nobody lives to see the end of: -0 is for ever.
var (
	oracleBlocks = map[string]bool{
		"BLMOVE": true, "BLMPOP": true, "BLPOP": true, "BRPOP": true, "BRPOPLPUSH": true, "BZMPOP": true, "BZPOPMAX": true, "BZPOPMIN": true,
	}
	oracleTimes = map[string]bool{"-0": true, "+1000000": true, "1.5": true, "0x10": true, "9223372036854775807": true}
)

// breakCall does one thing to the arguments that the command need not expect. It puts no small number where there was none,
// which might be taken for a time to live that ends within the test.
func (g *oracleCalls) breakCall(args []string) []string {
	if len(args) < 2 {
		return append(args, g.junk())
	}
	i := 1 + g.rng.IntN(len(args)-1)
	switch g.rng.IntN(5) {
	case 0:
		return slices.Delete(args, i, i+1)
	case 1:
		return slices.Insert(args, i, args[i])
	case 2:
		return append(args, g.junk())
	default:
		args[i] = g.junk()
		return args
	}
}

func (g *oracleCalls) junk() string {
	return g.one(
		"", "bogus", "\x00", "a\r\nb", "%s%n", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775809", "18446744073709551616", "1.5", " 1000000", "1000000 ", "+1000000", "0x10", "nan", "inf", "1e400", "-0",
		"'quoted'", strings.Repeat("long", 50), "\xff\xfe", "*", "#", "$", ">", "(", "[", "-", "+",
	)
}

func (g *oracleCalls) one(all ...string) string { return all[g.rng.IntN(len(all))] }

// isWord says that s is of letters in one case, as names of commands and options are written here.
func isWord(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// oddCase is s in a mix of small and capital letters.
func oddCase(rng *rand.Rand, s string) string {
	b := []byte(s)
	for i, c := range b {
		if (c|0x20) >= 'a' && (c|0x20) <= 'z' && rng.IntN(2) == 0 {
			b[i] ^= 0x20
		}
	}
	return string(b)
}

// key is a key for a command of one type: most often of that type, else of another, missing, empty or binary.
func (g *oracleCalls) key(kind string) string {
	tag := ""
	if g.tagged || g.rng.IntN(2) == 0 {
		tag = "{t}"
	}
	names := oracleKeys[kind]
	if n := g.rng.IntN(20); kind == "" || n < 3 {
		all := sortedKeys(oracleKeys)
		names = oracleKeys[all[g.rng.IntN(len(all))]]
	} else if n < 5 {
		names = []string{"missing", "none"}
	}
	if !g.tagged && g.rng.IntN(12) == 0 {
		return g.one("", "bin\r\n\x00\xff", strings.Repeat("k", 300))
	}
	return tag + names[g.rng.IntN(len(names))]
}

// counted is a number of keys of a type and as many of them, the number now and then another.
func (g *oracleCalls) counted(kind string) []string {
	args := []string{""}
	for range 1 + g.rng.IntN(3) {
		args = append(args, g.key(kind))
	}
	args[0] = strconv.Itoa(len(args) - 1)
	if g.rng.IntN(8) == 0 {
		args[0] = g.one("0", "-1", "1", "2", "7", "abc", "", "1.5", "9223372036854775807", "-9223372036854775809")
	}
	return args
}

// from is a slot that takes one of the words of a line.
func from(line string) func(*oracleCalls) []string {
	all := words(line)
	return func(g *oracleCalls) []string { return []string{g.one(all...)} }
}

// keyOf is a slot for a key of a type.
func keyOf(kind string) func(*oracleCalls) []string {
	return func(g *oracleCalls) []string { return []string{g.key(kind)} }
}

// countedOf is a slot for a number of keys of a type, and the keys.
func countedOf(kind string) func(*oracleCalls) []string {
	return func(g *oracleCalls) []string { return g.counted(kind) }
}

// oracleSlots make the arguments that stand in a slot. Small numbers are no times to live: seconds and milliseconds are
// long, over, or nonsense. No offset makes a string of hundreds of megabytes. A word that is there twice is wanted more often.
var oracleSlots map[string]func(*oracleCalls) []string

func init() {
	oracleSlots = map[string]func(*oracleCalls) []string{
		"key": keyOf(""), "str": keyOf("str"), "int": keyOf("int"), "flt": keyOf("flt"), "bit": keyOf("bit"), "hll": keyOf("hll"),
		"lst": keyOf("lst"), "num": keyOf("num"), "set": keyOf("set"), "nts": keyOf("nts"), "zst": keyOf("zst"), "lex": keyOf("lex"),
		"hsh": keyOf("hsh"), "stm": keyOf("stm"), "geo": keyOf("geo"), "new": keyOf("new"),
		"nkey": countedOf(""), "nstr": countedOf("str"), "nlst": countedOf("lst"), "nset": countedOf("set"), "nnts": countedOf("nts"),
		"nzst": countedOf("zst"),

		"val":   from(`a hello '' 10 -3 3.0 1e3 'two words' \x00\xff\r\n 9223372036854775807 012 {t}str inf ` + strings.Repeat("v", 70)),
		"mem":   from(`a a b b c d e 1 2 3 '' 10 nope \r\n\x00`),
		"fld":   from(`f1 f1 f2 f3 f4 '' 1 nope \r\n\x00`),
		"n":     from(`1 1 2 5 10 -1 -7 0 100 9223372036854775807 -9223372036854775808 9223372036854775808 abc 1.5 ''`),
		"idx":   from(`0 0 1 1 2 -1 -1 -2 5 -100 100 abc '' 9223372036854775807 -9223372036854775808`),
		"cnt":   from(`0 1 1 2 2 3 10 -1 -2 abc 1.0 '' 9223372036854775807 9223372036854775808`),
		"f":     from(`1 2.5 -1.25 0 1e3 3.0 0.1 inf -inf +inf nan abc '' 1e400 0x10 ' 1' 1.7976931348623157e308`),
		"sec":   from(`1000 1000 100000 0 -1 abc '' 1.5 9223372036854775807 9223372036854775 99999999999999`),
		"ms":    from(`1000000 1000000 0 -1 abc '' 9223372036854775807 9223372036854775808`),
		"at":    from(`33177117420 33177117420 33177117000 1 0 -1 abc 9223372036854775807`),
		"atms":  from(`33177117420000 33177117420123 1 0 -1 abc 9223372036854775807`),
		"off":   from(`0 1 7 8 9 100 -1 4294967296 abc '' #1`),
		"pad":   from(`0 1 3 20 -1 abc 536870912 9223372036854775807`),
		"b":     from(`0 1 1 2 -1 abc`),
		"score": from(`-inf +inf inf 0 1 2 (1 (2 3.5 (3.5 abc '' ( nan 1e3`),
		"lexr":  from(`- + - + [a [b (a (c [ ( a '' [d +x`),
		"lon":   from(`13.361389 15.087269 0 -180 180 13 181 abc 1e10`),
		"lat":   from(`38.115556 37.502669 0 38 85.05112878 86 -90 abc`),
		"rad":   from(`100 200 1000 10 0 -1 abc 1e300`),
		"unit":  from(`M KM KM FT MI XX ''`),
		"place": from(`Palermo Catania Rome nowhere ''`),
		"id":    from(`0 0 0-0 1-1 1-2 2-1 3-1 2 5 5-1 9-9 100-1 abc '' 1-x -1 18446744073709551615-18446744073709551615`),
		"newid": from(`10-1 10-2 11-* 20-1 20-* 3-2 3-1 1-1 0-0 abc 30 18446744073709551615-18446744073709551615`),
		"idr":   from(`- + - + 0 1-1 (1-1 2 (2 3-1 abc ( (- 18446744073709551615`),
		"group": from(`g1 g1 g1 g2 nope ''`),
		"con":   from(`c1 c1 c2 c3 ''`),
		"glob":  from(`* * f* a? [ab]* h*llo '' \\* nope`),
		"w":     from(`{t}w_* w_* * nosort {t}hsh->f* # {t}wh_*->f nope`),
		"side":  from(`LEFT RIGHT LEFT RIGHT UP`),
		"enc":   from(`u8 i8 u1 i5 u63 i64 u64 i65 x8 u0 '' u`),
		"boff":  from(`0 1 8 #0 #1 #2 100 -1 abc #x`),
		"cur":   from(`0 0 0 1 abc -1 18446744073709551616`),
		"idle":  from(`0 0 1000000000 -1 abc`),
		"fn":    from(`args get nosuch ''`),
		"conf":  from(`save appendonly nope *`),
		"user":  from(`default me ''`),
		"any":   func(g *oracleCalls) []string { return []string{g.junk()} },
		"name":  from(`me you '' 'a b' a\nb \xc3\xa9 ` + strings.Repeat("n", 300)),
		"yes":   from(`yes no YES on off maybe`),
		"dump":  from(strings.Join(oracleDumps, " ")),
		"lua":   from(strings.Join(oracleScripts, " ")),
		"sha": func(g *oracleCalls) []string {
			return []string{g.one(oracleSHA, oracleSHA, strings.ToUpper(oracleSHA), strings.Repeat("f", 40), "short", "")}
		},
		"call": func(g *oracleCalls) []string { return g.expand(oracleTemplates[g.rng.IntN(len(oracleTemplates))]) },
	}
}

// oracleTemplates are the templates of oracleLines.
var oracleTemplates = func() (all [][]oracleNode) {
	for line := range strings.Lines(oracleLines) {
		if line = strings.TrimSpace(line); line != "" {
			seq, rest := parseTemplate(line)
			if rest != "" {
				panic(fmt.Sprintf("difftest: template %q: a ) or | too many", line))
			}
			all = append(all, seq)
		}
	}
	return all
}()

// TestOracleTemplates checks what a template is taken for, and that all that are in use can be expanded.
func TestOracleTemplates(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"GET str":                  "str",
		"A (B|C d)+ * e*":          "d e",
		"A (B (C d|)|E)* f? >":     "d f",
		"XADD stm (NOMKSTREAM|) ~": "stm",
	} {
		seq, rest := parseTemplate(template)
		var slots []string
		var find func([]oracleNode)
		find = func(seq []oracleNode) {
			for _, n := range seq {
				if n.word != "" && n.word[0] >= 'a' && n.word[0] <= 'z' {
					slots = append(slots, n.word)
				}
				for _, alt := range n.alts {
					find(alt)
				}
			}
		}
		if find(seq); rest != "" || strings.Join(slots, " ") != want {
			t.Errorf("parseTemplate(%q): slots %q, rest %q; want %q", template, slots, rest, want)
		}
	}
	g := oracleCalls{rng: newRand(1)}
	for _, seq := range oracleTemplates {
		for range 200 {
			g.make(seq)
		}
	}
}
