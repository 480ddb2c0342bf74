package configs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one mistake in a configuration file. Where twemproxy logs a text for the mistake, Reason holds it, so that
// whoever searches for that text finds ours.
type Problem struct {
	File         string
	Line, Column int    // from 1; 0: the file as a whole
	Pool         string // "" outside of pools
	Key          string // as written; "global.loops" in the section of our own settings; "" where no key is to blame
	Value        string // as written; "" where it says nothing, and always for a password
	Reason       string // what is wrong
	Want         string // what was expected; "" where Reason says it
	Meant        string // the nearest valid word; "" if none is near

	err error // what the system said
}

// Error is one line:
//
//	configs: nutcracker.yml:7: pool alpha: hash: "fnv3" is not a valid hash; expected one of md5, ...; did you mean "fnv1_64"?
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString("configs: ")
	b.WriteString(oneLine(p.File))
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Pool != "" {
		fmt.Fprintf(&b, "pool %s: ", oneLine(p.Pool))
	}
	if p.Key != "" && !strings.HasPrefix(p.Reason, "directive ") { // those name the key themselves
		fmt.Fprintf(&b, "%s: ", oneLine(p.Key))
	}
	if p.Value != "" {
		b.WriteString(strconv.Quote(p.Value) + " ")
	}
	b.WriteString(p.Reason)
	if p.Want != "" {
		fmt.Fprintf(&b, "; expected %s", p.Want)
	}
	if p.Meant != "" {
		fmt.Fprintf(&b, "; did you mean %q?", p.Meant)
	}
	return b.String()
}

// because returns p with the reason.
func (p Problem) because(format string, args ...any) Problem {
	p.Reason = fmt.Sprintf(format, args...)
	return p
}

// Unwrap returns the system's error, for example fs.ErrNotExist, or nil.
func (p Problem) Unwrap() error { return p.err }

// Problems are all mistakes of a file, in the order of its lines.
type Problems []Problem

// Error is one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look into every problem.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// sort orders by place in the file; what concerns the whole file comes first.
func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// oneLine returns s as it is if it can stand in a message unquoted.
func oneLine(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(s)
	}
	return s
}
