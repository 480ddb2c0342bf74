package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// A reader of YAML says what it did not expect, and where it noticed. What is wrong often stands elsewhere: in the line before, or in a
// character that nobody sees. A cause is that in words: it never repeats a value, which may be a password.

// cause is what is behind a mistake; "" in text: nobody knows.
type cause struct {
	line       int  // 0: the mistake's own
	sure       bool // that the line was meant otherwise
	text, want string
}

// typedQuotes are those that programs for letters make of plain ones.
const typedQuotes = "“”„‟‘’‚‛«»‹›"

// lookalikes stand in files that came by way of such a program, or of a web page.
var lookalikes = []struct {
	runes, is, want string
	outer           bool // only where a word begins or ends: within one it may be meant
}{
	{"\u00a0\u202f", "a no-break space", "a plain blank there", false},
	{"\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u205f\u3000", "a space that is no plain blank", "a plain blank there", false},
	{"\u200b\u200c\u200d\u2060\ufeff", "a character that nobody sees", "nothing there", false},
	{typedQuotes, "a typographic quote", `plain quotes, " or ', or none`, true},
	{"‐‑‒–—−", "a dash that is no hyphen", `"-" there`, true},
	{"：", "a colon of full width", `":" there, and a blank behind it`, false},
}

// strayIn finds the first lookalike in s, which begins at a column of its line.
func strayIn(s string, column int) (c cause, found bool) {
	before := ' '
	for i, r := range s {
		if r < utf8.RuneSelf {
			before = r
			column++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		after := ' '
		if i+size < len(s) {
			after, _ = utf8.DecodeRuneInString(s[i+size:])
		}
		for _, l := range lookalikes {
			if strings.ContainsRune(l.runes, r) && (!l.outer || isEdge(before) || isEdge(after)) {
				return cause{text: fmt.Sprintf("column %d has %s (U+%04X)", column, l.is, r), want: l.want}, true
			}
		}
		before = r
		column++
	}
	return c, false
}

func isEdge(r rune) bool { return strings.ContainsRune(" \t:,\r\n", r) }

// maxLooked is how long a value is, in bytes, that is looked through for each mistake in it.
const maxLooked = 4096

// withCause is a mistake at n with what is behind it, as far as n itself shows that.
func (c *checker) withCause(n *yaml.Node, p Problem) Problem {
	if n == nil || n.Kind != yaml.ScalarNode || n.Line < 1 || len(n.Value) > maxLooked {
		return p
	}
	because, found := strayIn(n.Value, n.Column)
	if quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0; found && quoted {
		because, _ = strayIn(n.Value, n.Column+1)
	}
	if !found {
		because, found = c.glued(n)
	}
	if !found && p.Reason == reasonNoList {
		because, found = dashIn(n.Value)
	}
	if !found {
		because, found = c.goesOn(n)
	}
	if found {
		p.Reason, p.Want = p.Reason+": "+because.text, because.want
	}
	return p
}

var (
	gluedKey  = regexp.MustCompile(`^\s*([a-z][a-z_]*):[^\s]`)
	equalKey  = regexp.MustCompile(`^\s*([a-z][a-z_]*)\s*=`)
	gluedDash = regexp.MustCompile(`^\s*-[^\s@-]`)
	address6  = regexp.MustCompile(`(?:^|\s)(?:[a-z_]+:|-)\s+\[[0-9a-fA-F:.%a-z]*:[0-9a-fA-F:.]*\]`)
	special   = regexp.MustCompile("^\\s*(?:[a-z_]+:|-)\\s+([*&!%@`{\\[])")
	openQuote = regexp.MustCompile(`^\s*(?:[a-z_]+:|-)\s+(["'])`)
)

// isKey says whether any section may hold a key with this name.
func (c *checker) isKey(name string) bool {
	if c.keys == nil {
		c.keys = make(map[string]bool)
		global, pool := Keys()
		for _, key := range slices.Concat(global, pool) {
			c.keys[key] = true
		}
	}
	return c.keys[name]
}

// gluedIn finds a key that lacks what makes one of it.
func (c *checker) gluedIn(line string) (because cause, found bool) {
	if m := gluedKey.FindStringSubmatch(line); m != nil && c.isKey(m[1]) {
		return cause{text: fmt.Sprintf("there is no blank behind %q", m[1]+":"), want: strconv.Quote(m[1]+": ") + " and its value"}, true
	}
	if m := equalKey.FindStringSubmatch(line); m != nil && c.isKey(m[1]) {
		return cause{text: fmt.Sprintf("%q has an equals sign behind it", m[1]), want: strconv.Quote(m[1]+": ") + " and its value"}, true
	}
	return because, false
}

// dashIn is gluedIn for the hyphen of a list.
func dashIn(line string) (because cause, found bool) {
	if gluedDash.MatchString(line) {
		return cause{text: `there is no blank behind "-"`, want: `"- " and the entry`}, true
	}
	return because, false
}

// glued is gluedIn for a value that is a line of a section or of a list, and was read as a text.
func (c *checker) glued(n *yaml.Node) (because cause, found bool) {
	if n.Style != 0 || n.Line < 1 || n.Line > c.text.lines() || strings.TrimSpace(c.text.line(n.Line)[:min(n.Column-1, len(c.text.line(n.Line)))]) != "" {
		return because, false // something stands before it
	}
	return c.gluedIn(n.Value)
}

// goesOn is about a value that YAML took together from several lines, as the next one is indented further.
func (c *checker) goesOn(n *yaml.Node) (because cause, found bool) {
	if n.Style != 0 || n.Line >= c.text.lines() || !strings.Contains(n.Value, " ") { // lines are put together with blanks between them
		return because, false
	}
	first := strings.TrimSpace(c.text.from(n))
	if first == "" || len(n.Value) <= len(first) || !strings.HasPrefix(n.Value, first) {
		return because, false
	}
	next := n.Line + 1
	for next < c.text.lines() && strings.TrimSpace(c.text.line(next)) == "" {
		next++
	}
	if because, found = c.gluedIn(c.text.line(next)); found {
		because.text, because.sure = fmt.Sprintf("line %d belongs to it, as %s", next, because.text), true
		return because, true
	}
	return cause{
		text: fmt.Sprintf("line %d belongs to it, as that is indented further", next),
		want: "each setting, and each entry of a list, indented like the one before",
	}, true
}

// doubtful warns of a value that was taken with what is hardly meant to be in it.
func (c *checker) doubtful(n *yaml.Node, at Problem, k *key) {
	at.Want = ""
	if !k.isSecret {
		at.Value = n.Value
	}
	if because, found := strayIn(n.Value, n.Column); found {
		c.warn(n, at.because("is taken as it is: %s", because.text))
	} else if because, found := c.goesOn(n); found && because.sure {
		c.warn(n, at.because("is taken as it is: %s", because.text))
	}
}

// behind finds what is behind a line that the reader of YAML, for the reason that it gives, can't read.
func (c *checker) behind(line int, reason string) (because cause) {
	t := &c.text
	before := line - 1
	for before > 0 && t.bare(before) == "" {
		before--
	}
	for _, at := range []int{line, before} {
		if at < 1 {
			continue
		}
		text := t.bare(at)
		because, found := strayIn(text, 1)
		if !found {
			because, found = c.gluedIn(text)
		}
		if !found {
			because, found = dashIn(text)
		}
		if because.line = at; found {
			return because
		}
	}
	text := t.bare(line)
	m := special.FindStringSubmatch(text)
	q := openQuote.FindStringSubmatch(text)
	switch {
	case strings.Contains(reason, "UTF-8"):
		return cause{text: "it is in another encoding", want: "UTF-8, as iconv makes it"}
	case strings.HasPrefix(strings.TrimLeft(t.line(line), " "), "\t"):
		return cause{want: "spaces, not tabs, before the text"}
	case address6.MatchString(text):
		return cause{text: "a value that begins with a bracket is a list to YAML", want: "an IPv6 address of listen and servers without brackets, such as ::1:22121, and any other in quotes"}
	case m != nil && m[1] == "*" && strings.Contains(text, "listen"):
		return cause{text: "a value that begins with * is something else to YAML", want: `"0.0.0.0:port" for all addresses`}
	case m != nil:
		return cause{text: fmt.Sprintf("a value that begins with %s is something else to YAML", m[1]), want: "the value in quotes"}
	case q != nil && strings.Count(text, q[1])%2 == 1:
		return cause{text: "a quote begins there and does not end", want: "one more, behind the value"}
	}
	return t.misplaced(line, before)
}

// bare is a line without what is a comment, and what ends it.
func (t *text) bare(n int) string {
	line := strings.TrimRight(t.line(n), yamlBreaks+" ")
	if strings.HasPrefix(strings.TrimLeft(line, " "), "#") {
		return ""
	}
	line, _, _ = strings.Cut(line, " #")
	return line
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// misplaced is about a line that is indented as none of those that it could belong to. before is the line before it that says something.
func (t *text) misplaced(line, before int) (c cause) {
	if before < 1 {
		return c
	}
	own, above := indent(t.bare(line)), indent(t.bare(before))
	c.want = "settings of one pool, and entries of one list, indented alike"
	if own > above {
		c.text = fmt.Sprintf("it is indented by %d, and the line before it, which has its value already, by %d", own, above)
		if strings.HasSuffix(t.bare(before), ":") {
			return cause{}
		}
		return c
	}
	may := []string{strconv.Itoa(above)}
	for ; above > 0 && before > 1; before-- {
		if text := t.bare(before - 1); text != "" && indent(text) < above {
			above = indent(text)
			may = append(may, strconv.Itoa(above))
		}
	}
	if slices.Contains(may, strconv.Itoa(own)) {
		return cause{}
	}
	slices.Reverse(may)
	c.text = fmt.Sprintf("it is indented by %d, and those before it that it could belong to by %s", own, strings.Join(may, ", "))
	return c
}
