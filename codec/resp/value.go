package resp

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// value is an element of a reply, with all that is in it, for those that are read and not passed on. It points into the reply.
type value struct {
	kind byte    // its type byte
	text []byte  // of a line what stands in it, of a bulk its body; nil: null
	list []value // of an array, set or map its elements, of a map keys and values in turn
}

// maxValueDepth is how deep a reply may be nested that is read so: COMMAND INFO of a container takes eight levels.
const maxValueDepth = 32

// readValue reads the element at the front of b; rest is what stands behind it. ok is false if that is no whole one, or of a type that
// no answer about a command has.
func readValue(b []byte, depth int) (v value, rest []byte, ok bool) {
	line, rest, ok := bytes.Cut(b, []byte(crlf))
	if !ok || len(line) == 0 || depth > maxValueDepth {
		return v, nil, false
	}
	v.kind = line[0]
	switch v.kind {
	case '+', '-', ':', '#', ',', '(':
		v.text = line[1:]
		return v, rest, true
	case '_':
		return v, rest, true
	}
	n, ok := parseInt(line[1:])
	switch {
	case !ok || n < -1 || n > int64(len(rest)):
		return v, nil, false
	case n == -1:
		return v, rest, true
	}
	switch v.kind {
	case '$', '=', '!':
		if int64(len(rest)) < n+2 {
			return v, nil, false
		}
		v.text = rest[:n]
		return v, rest[n+2:], true
	case '*', '~', '%', '>':
		if v.kind == '%' {
			n *= 2
		}
		v.list = []value{} // empty, and not null
		for range n {
			var e value
			if e, rest, ok = readValue(rest, depth+1); !ok {
				return v, nil, false
			}
			v.list = append(v.list, e)
		}
		return v, rest, true
	}
	return v, nil, false
}

// isNull says that v is none.
func (v *value) isNull() bool { return v.text == nil && v.list == nil }

// number is the integer that v is.
func (v *value) number() (n int, ok bool) {
	i, ok := parseInt(v.text)
	return int(i), ok && v.kind == ':'
}

// words are the texts of v's elements, in lower case.
func (v *value) words() (list []string) {
	for i := range v.list {
		list = append(list, string(bytes.ToLower(v.list[i].text)))
	}
	return list
}

// field is what stands behind a name in v, a map or the list that one is in RESP2; a null if nothing does.
func (v *value) field(name string) *value {
	for i := 0; i+1 < len(v.list); i += 2 {
		if equalFold(v.list[i].text, name) {
			return &v.list[i+1]
		}
	}
	return new(value)
}

// readReplies reads whole replies, one to each of the commands that names name.
func readReplies(replies [][]byte, names ...string) (values []value, err error) {
	if len(replies) != len(names) {
		return nil, fmt.Errorf("resp: %d replies to %q", len(replies), names)
	}
	for i, reply := range replies {
		v, rest, ok := readValue(reply, 0)
		if !ok || len(rest) > 0 {
			return nil, fmt.Errorf("resp: %s was answered with what is no reply", names[i])
		}
		values = append(values, v)
	}
	return values, nil
}

// refusal is an error that says so if v is one; name is the command's.
func (v *value) refusal(name string) error {
	if v.kind != '-' {
		return nil
	}
	return fmt.Errorf("resp: %s was answered %q", name, v.text[:min(len(v.text), maxErrorText)])
}

const maxHostName = 253

// addressOf is "host:port" of where a server says that another can be reached, "" of what is none.
func addressOf(host, port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || len(host) > maxHostName || !isHost(host) {
		return ""
	}
	return net.JoinHostPort(host, port)
}

// isHost says that s may be a host: letters, digits and what names and addresses have besides.
func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '0' || c > '9') && strings.IndexByte("-._:%", c) < 0 {
				return false
			}
		}
	}
	return s != ""
}
