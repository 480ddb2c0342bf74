//go:build unix

package difftest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// oracleReply is a reply of RESP2 or RESP3, or an element of one.
type oracleReply struct {
	kind  byte          // its first byte
	null  bool          // "_", "$-1" or "*-1"
	text  string        // of what has no elements; of a streamed string all its chunks
	elems []oracleReply // of a map the keys and values in turn
	attrs []oracleReply // the attributes before it, names and values in turn
	raw   string        // as it came, with its attributes
}

// isError says that r is an error, of either form.
func (r *oracleReply) isError() bool { return r.kind == '-' || r.kind == '!' }

// isAggregate says that r has elements.
func (r *oracleReply) isAggregate() bool { return strings.IndexByte("*~%>", r.kind) >= 0 && !r.null }

// protocols are what a parser takes. With eitherProtocol it takes all of RESP3 and the nulls of RESP2: what comes while a
// connection changes from one to the other.
const (
	eitherProtocol = 0
	resp2          = 2
	resp3          = 3
)

// errOracleShort: the bytes end within the reply.
var errOracleShort = errors.New("the reply is not whole")

// parseOracle parses the reply at the front of b and returns what is behind it. It is plain and slow, and believes nothing:
// what a protocol does not have is an error, and so is every spelling that redis-server would not choose.
//
// Source: the RESP3 specification, redis/redis-specifications, protocol/RESP3.md.
func parseOracle(b string, protocol int) (r oracleReply, rest string, err error) {
	p := oracleParser{b: b, protocol: protocol}
	r, err = p.value(0)
	return r, b[p.pos:], err
}

type oracleParser struct {
	b        string
	pos      int
	protocol int
}

var (
	oracleInteger = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	oracleLength  = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	oracleDouble  = regexp.MustCompile(`^-?((0|[1-9][0-9]*)(\.[0-9]+)?(e[+-][0-9]+)?|inf)$|^nan$`)
)

// line is the bytes up to the next CRLF, without it.
func (p *oracleParser) line() (string, error) {
	i := strings.IndexAny(p.b[p.pos:], "\r\n")
	if i < 0 || p.b[p.pos+i] == '\r' && p.pos+i+1 == len(p.b) {
		return "", errOracleShort
	}
	line := p.b[p.pos : p.pos+i]
	if !strings.HasPrefix(p.b[p.pos+i:], "\r\n") {
		return "", fmt.Errorf("line %q ends in one of CR and LF", line)
	}
	p.pos += i + 2
	return line, nil
}

// length is s as the number of bytes or elements.
func (p *oracleParser) length(s string) (int, error) {
	if !oracleLength.MatchString(s) {
		return 0, fmt.Errorf("length %q", s)
	}
	return strconv.Atoi(s)
}

// body is n bytes and a CRLF.
func (p *oracleParser) body(n int) (string, error) {
	if len(p.b)-p.pos < n+2 {
		return "", errOracleShort
	}
	text, end := p.b[p.pos:p.pos+n], p.b[p.pos+n:p.pos+n+2]
	if end != "\r\n" {
		return "", fmt.Errorf("%q behind a body of %d bytes", end, n)
	}
	p.pos += n + 2
	return text, nil
}

// value is one reply with its attributes; depth counts the aggregates around it.
func (p *oracleParser) value(depth int) (r oracleReply, err error) {
	start := p.pos
	line, err := p.line()
	if err != nil {
		return r, err
	}
	if line == "" {
		return r, errors.New("an empty line for a reply")
	}
	r.kind, r.text = line[0], line[1:]
	if p.protocol == resp2 && strings.IndexByte("+-:$*", r.kind) < 0 {
		return r, fmt.Errorf("%q: RESP2 has no such type", line)
	}
	ok := true
	switch r.kind {
	case '+', '-':
	case ':':
		_, err = strconv.ParseInt(r.text, 10, 64)
		ok = err == nil && oracleInteger.MatchString(r.text)
	case '_':
		ok, r.null = r.text == "", true
	case '#':
		ok = r.text == "t" || r.text == "f"
	case ',':
		ok = oracleDouble.MatchString(r.text)
	case '(':
		ok = oracleInteger.MatchString(r.text)
	case '$', '!', '=':
		err = p.blob(&r)
		ok = r.kind != '=' || len(r.text) >= 4 && r.text[3] == ':'
	case '*', '~', '%', '>':
		if r.kind == '>' && depth > 0 {
			return r, fmt.Errorf("%q: a push inside of a reply", line)
		}
		err = p.aggregate(&r, depth)
	case '|':
		attrs := oracleReply{kind: '%', text: r.text}
		if err = p.aggregate(&attrs, depth); err != nil {
			return attrs, err
		}
		if r, err = p.value(depth); err != nil {
			return r, err
		}
		r.attrs = append(attrs.elems, r.attrs...)
	default:
		ok = false
	}
	if err == nil && !ok {
		err = fmt.Errorf("%q: not a reply", line)
	}
	r.raw = p.b[start:p.pos]
	return r, err
}

// isNull says that r is RESP2's null, and checks that it may be.
func (p *oracleParser) isNull(r *oracleReply) (bool, error) {
	if r.text != "-1" || r.kind != '$' && r.kind != '*' {
		return false, nil
	}
	if p.protocol == resp3 {
		return false, fmt.Errorf("%c-1 in RESP3", r.kind)
	}
	r.null, r.text = true, ""
	return true, nil
}

// blob parses what follows the first line of a string; r.text is the rest of that line, and then the string.
func (p *oracleParser) blob(r *oracleReply) error {
	if null, err := p.isNull(r); null || err != nil {
		return err
	}
	if r.text != "?" || r.kind != '$' || p.protocol == resp2 {
		n, err := p.length(r.text)
		if err != nil {
			return err
		}
		r.text, err = p.body(n)
		return err
	}
	r.text = ""
	for {
		line, err := p.line()
		if err != nil {
			return err
		}
		if line == ";0" {
			return nil
		}
		size, ok := strings.CutPrefix(line, ";")
		if !ok {
			return fmt.Errorf("%q for a chunk of a streamed string", line)
		}
		n, err := p.length(size)
		if err != nil {
			return err
		}
		chunk, err := p.body(n)
		if err != nil {
			return err
		}
		r.text += chunk
	}
}

// aggregate parses the elements of an aggregate; r.text is the rest of its first line.
func (p *oracleParser) aggregate(r *oracleReply, depth int) error {
	if null, err := p.isNull(r); null || err != nil {
		return err
	}
	each := 1
	if r.kind == '%' {
		each = 2
	}
	left, streamed := 0, r.text == "?" && r.kind != '>' && p.protocol != resp2
	if !streamed {
		n, err := p.length(r.text)
		if err != nil {
			return err
		}
		left = n * each
	}
	r.text = ""
	for streamed || left > 0 {
		if streamed && strings.HasPrefix(p.b[p.pos:], ".\r\n") {
			if p.pos += len(".\r\n"); len(r.elems)%each != 0 {
				return errors.New("a streamed map ends behind a key")
			}
			return nil
		}
		if rest := p.b[p.pos:]; streamed && (rest == "." || rest == ".\r") {
			return errOracleShort
		}
		e, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		r.elems = append(r.elems, e)
		left--
	}
	return nil
}

// sorted is r written so that the order of its elements, taken by so many, does not matter, on any level.
func (r *oracleReply) sorted(by int) string {
	if !r.isAggregate() {
		return r.raw
	}
	if r.kind == '%' {
		by = 2
	}
	if len(r.elems)%by != 0 {
		by = 1
	}
	var all []string
	for group := range slices.Chunk(r.elems, by) {
		var text strings.Builder
		for i := range group {
			text.WriteString(group[i].sorted(by))
		}
		all = append(all, text.String())
	}
	slices.Sort(all)
	return fmt.Sprintf("%c%d\r\n%s", r.kind, len(r.elems), strings.Join(all, ""))
}

// near says that r and o are the same, but for integers at the same place that are at most slack apart.
func (r *oracleReply) near(o *oracleReply, slack uint64) bool {
	if r.kind != o.kind || r.null != o.null || len(r.elems) != len(o.elems) {
		return false
	}
	for i := range r.elems {
		if !r.elems[i].near(&o.elems[i], slack) {
			return false
		}
	}
	if r.kind != ':' {
		return r.text == o.text
	}
	a, errA := strconv.ParseInt(r.text, 10, 64)
	b, errB := strconv.ParseInt(o.text, 10, 64)
	return errors.Join(errA, errB) == nil && uint64(max(a, b))-uint64(min(a, b)) <= slack
}

// shaped says that r and o have the same types at the same places, as far as both have elements there.
func (r *oracleReply) shaped(o *oracleReply) bool {
	if r.kind != o.kind || r.null != o.null {
		return false
	}
	for i := range min(len(r.elems), len(o.elems)) {
		if !r.elems[i].shaped(&o.elems[i]) {
			return false
		}
	}
	return true
}

func TestOracleParser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocols string // those that take it
		text      string
		elems     int
		attrs     int
	}{
		{"23", "+OK\r\n", 0, 0},
		{"23", "-ERR x\r\n", 0, 0},
		{"23", ":-12\r\n", 0, 0},
		{"23", "$0\r\n\r\n", 0, 0},
		{"23", "$4\r\n\r\n\x00a\r\n", 0, 0},
		{"23", "*2\r\n:1\r\n*1\r\n$1\r\na\r\n", 2, 0},
		{"2", "$-1\r\n", 0, 0},
		{"2", "*-1\r\n", 0, 0},
		{"2", "*1\r\n$-1\r\n", 1, 0},
		{"3", "_\r\n", 0, 0},
		{"3", "#t\r\n", 0, 0},
		{"3", ",1.5\r\n", 0, 0},
		{"3", ",-inf\r\n", 0, 0},
		{"3", ",1e+20\r\n", 0, 0},
		{"3", ",nan\r\n", 0, 0},
		{"3", "(-123456789012345678901234567890\r\n", 0, 0},
		{"3", "!5\r\nERR x\r\n", 0, 0},
		{"3", "=6\r\ntxt:ab\r\n", 0, 0},
		{"3", "%1\r\n+a\r\n:1\r\n", 2, 0},
		{"3", "~2\r\n:1\r\n:2\r\n", 2, 0},
		{"3", ">2\r\n+invalidate\r\n_\r\n", 2, 0},
		{"3", "|1\r\n+ttl\r\n:1\r\n*1\r\n|1\r\n+a\r\n+b\r\n:3\r\n", 1, 2},
		{"3", "$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n", 0, 0},
		{"3", "*?\r\n:1\r\n:2\r\n.\r\n", 2, 0},
		{"3", "%?\r\n+a\r\n:1\r\n.\r\n", 2, 0},
		{"3", "~?\r\n.\r\n", 0, 0},
		{"", "\r\n", 0, 0},
		{"", "x\r\n", 0, 0},
		{"", "+a\nb\r\n", 0, 0},
		{"", ":01\r\n", 0, 0},
		{"", ":+1\r\n", 0, 0},
		{"", ":9223372036854775808\r\n", 0, 0},
		{"", "$01\r\na\r\n", 0, 0},
		{"", "$1\r\nabc\r\n", 0, 0},
		{"", "$-2\r\n", 0, 0},
		{"", "*-2\r\n", 0, 0},
		{"", "#x\r\n", 0, 0},
		{"", "_x\r\n", 0, 0},
		{"", ",1.\r\n", 0, 0},
		{"", ",0x1\r\n", 0, 0},
		{"", "=3\r\ntxt\r\n", 0, 0},
		{"", "%-1\r\n", 0, 0},
		{"", "%?\r\n+a\r\n.\r\n", 0, 0},
		{"", "*1\r\n>1\r\n+a\r\n", 0, 0},
		{"", "$?\r\n+a\r\n", 0, 0},
	} {
		for _, protocol := range []int{resp2, resp3, eitherProtocol} {
			r, rest, err := parseOracle(c.text+"rest", protocol)
			takes := strings.Contains(c.protocols, strconv.Itoa(protocol)) || protocol == eitherProtocol && c.protocols != ""
			switch {
			case errors.Is(err, errOracleShort):
				t.Errorf("parseOracle(%q, %d) = %v, though there is more", c.text, protocol, err)
			case (err == nil) != takes:
				t.Errorf("parseOracle(%q, %d) = %v; want taken: %v", c.text, protocol, err, takes)
			case takes && (r.raw != c.text || rest != "rest" || len(r.elems) != c.elems || len(r.attrs) != c.attrs):
				t.Errorf("parseOracle(%q, %d) = %q with %d elements and %d attributes, rest %q", c.text, protocol, r.raw, len(r.elems), len(r.attrs), rest)
			}
			for cut := range len(c.text) {
				if _, _, err := parseOracle(c.text[:cut], protocol); takes && !errors.Is(err, errOracleShort) {
					t.Errorf("parseOracle(%q, %d) = %v; want %v", c.text[:cut], protocol, err, errOracleShort)
				}
			}
		}
	}
}
