package configs

import (
	"encoding/binary"
	"errors"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// text is a file as YAML sees its lines. yaml.Node forgets a few facts that decide whether twemproxy takes a file:
// document markers, directives, and the tag "!". They are looked up here.
type text struct {
	utf8   string
	starts []int // byte offsets of the lines, and the length
}

// yamlBreaks end a line. CR LF is one break.
const yamlBreaks = "\r\n\u0085\u2028\u2029"

func newText(data []byte) text {
	t := text{utf8: toUTF8(data)}
	for at := 0; at < len(t.utf8); {
		t.starts = append(t.starts, at)
		i := strings.IndexAny(t.utf8[at:], yamlBreaks)
		if i < 0 {
			break
		}
		at += i
		if strings.HasPrefix(t.utf8[at:], "\r\n") {
			at++
		}
		_, size := utf8.DecodeRuneInString(t.utf8[at:])
		at += size
	}
	t.starts = append(t.starts, len(t.utf8))
	return t
}

// toUTF8 drops a byte order mark and turns UTF-16 into UTF-8. What is no UTF-16 stays as it is, for the parser to refuse.
// libyaml skips a byte order mark at the start of any line, as cat of two files makes one; yaml.v3 does not, so a space
// takes its place.
func toUTF8(data []byte) string {
	s := string(data)
	switch {
	case strings.HasPrefix(s, utf8BOM):
		s = s[len(utf8BOM):]
	case strings.HasPrefix(s, "\xfe\xff"):
		s = fromUTF16(s, binary.BigEndian)
	case strings.HasPrefix(s, "\xff\xfe"):
		s = fromUTF16(s, binary.LittleEndian)
	}
	return strings.ReplaceAll(s, "\n"+utf8BOM, "\n ")
}

const utf8BOM = "\ufeff"

// fromUTF16 returns s without its byte order mark in UTF-8, or s itself if it is not valid.
func fromUTF16(s string, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(s)/2)
	for rest := []byte(s)[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	runes := utf16.Decode(units)
	if len(s)%2 != 0 || slices.Contains(runes, utf8.RuneError) {
		return s
	}
	return string(runes)
}

func (t *text) lines() int { return len(t.starts) - 1 }

// line returns line n, counted from 1, with its end.
func (t *text) line(n int) string { return t.utf8[t.starts[n-1]:t.starts[n]] }

// startsWith says whether node n, with its tag and its anchor, begins with c.
func (t *text) startsWith(n *yaml.Node, c rune) bool {
	if n.Line < 1 || n.Line > t.lines() {
		return false
	}
	column := 1
	for _, r := range t.line(n.Line) {
		if column == n.Column {
			return r == c
		}
		column++
	}
	return false
}

// from returns the line of node n from where that begins, without its end.
func (t *text) from(n *yaml.Node) string {
	if n.Line < 1 || n.Line > t.lines() {
		return ""
	}
	line := []rune(t.line(n.Line))
	return strings.TrimRight(string(line[min(max(n.Column-1, 0), len(line)):]), yamlBreaks)
}

// token is a piece of YAML that twemproxy refuses wherever it stands, with its name and number in libyaml.
type token struct {
	line int
	name string
}

const (
	tokenVersion       = "version directive token (3)"
	tokenTagDirective  = "tag directive token (4)"
	tokenDocumentStart = "document start token (5)"
	tokenDocumentEnd   = "document end token (6)"
	tokenFlowSequence  = "flow sequence start token (10)"
	tokenFlowMapping   = "flow mapping start token (12)"
	tokenAlias         = "alias token (18)"
	tokenAnchor        = "anchor token (19)"
	tokenTag           = "tag token (20)"
)

// marks finds document markers and directives. A marker is one wherever it stands at the start of a line (inside quotes
// it is an error); a directive only before the document.
func (t *text) marks() []token {
	var marks []token
	head := true
	for n := 1; n <= t.lines(); n++ {
		word := strings.TrimRight(t.line(n), yamlBreaks)
		if i := strings.IndexAny(word, " \t"); i >= 0 {
			word = word[:i]
		}
		switch {
		case word == "---":
			marks = append(marks, token{n, tokenDocumentStart})
			head = false
		case word == "...":
			marks = append(marks, token{n, tokenDocumentEnd})
			head = false
		case head && word == "%YAML":
			marks = append(marks, token{n, tokenVersion})
		case head && word == "%TAG":
			marks = append(marks, token{n, tokenTagDirective})
		default:
			line := strings.TrimLeft(t.line(n), " \t"+yamlBreaks)
			head = head && (line == "" || line[0] == '#')
		}
	}
	return marks
}

// parseYAML returns the root of the first document, or nil if there is none, and the number of documents.
func parseYAML(s string) (root *yaml.Node, documents int, err error) {
	dec := yaml.NewDecoder(strings.NewReader(s))
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err != nil {
			if errors.Is(err, io.EOF) {
				return root, documents, nil
			}
			return nil, documents, err
		}
		if documents++; documents == 1 {
			root = doc.Content[0]
		}
	}
}

// The parser names lines in its texts, but often not the one with the mistake.
var yamlLine = regexp.MustCompile(`^(yaml: )?(line \d+: )?`)

// The parser tells an anchor's name, which may be a password that begins with *.
var yamlAnchor = regexp.MustCompile(`anchor '[^']*' `)

// syntaxProblem says what the parser's error err means and where: at the first line without which the lines before it
// would be valid.
func (t *text) syntaxProblem(err error) (line int, reason string) {
	at := t.firstOf(namedLine(err)-1, func(i int) bool {
		_, _, err := parseYAML(t.utf8[:t.starts[i+1]])
		return err != nil
	})
	reason = yamlAnchor.ReplaceAllString(yamlLine.ReplaceAllString(err.Error(), ""), "anchor ")
	return at + 1, "failed to get the next yaml document: " + reason
}

// namedLine is the line that the parser's error names; 0 if it names none.
func namedLine(err error) int {
	m := yamlLine.FindStringSubmatch(err.Error())
	n, _ := strconv.Atoi(strings.Trim(m[2], "line: "))
	return n
}

// firstOf is the first line, counted from 0, up to which and from which on is true of a file that is wrong as a whole. It is near guess most of
// the time: each question parses all up to there, and halves of a large file would take seconds.
func (t *text) firstOf(guess int, wrong func(line int) bool) int {
	low, high := 0, t.lines()
	guess = max(0, min(guess, high-1))
	if wrong(guess) {
		high = guess
		for step := 1; high > 0; step *= 2 {
			if at := max(0, guess-step); wrong(at) {
				high = at
			} else {
				low = at + 1
				break
			}
		}
	} else {
		low = guess + 1
		for step := 1; guess+step < high; step *= 2 {
			if at := guess + step; wrong(at) {
				high = at
			} else {
				low = at + 1
			}
		}
	}
	return low + sort.Search(high-low, func(i int) bool { return wrong(low + i) })
}
