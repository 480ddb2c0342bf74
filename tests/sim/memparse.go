package sim

import (
	"bytes"
	"strconv"
	"strings"
)

// parse parses the reply to o at the front of p, as if it were Redis's.
func (memcachedDialect) parse(p []byte, o *owed) (r reply, n int) {
	if o != nil && (o.op == opLines || o.op == opClean) {
		n = framesEnd(p, o.until)
		return reply{kind: lines, p: p[:n]}, n
	}
	for {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 1 {
			return r, 0
		}
		line := string(p[n : n+i-1])
		n += i + 1
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "VALUE" || word == "VA":
			size := sizeIn(line)
			if len(p) < n+size+2 {
				return r, 0
			}
			e := reply{kind: '$', p: p[n : n+size]}
			n += size + 2
			if word == "VA" {
				return e, n
			}
			name, _, _ := strings.Cut(rest, " ")
			if o == nil || !r.put(o, name, e) {
				r.kind = '?' // to no key of o
			}
			continue
		case word == "END":
			if r.kind != '?' {
				r.kind = '*'
			}
			if o != nil {
				r.put(o, "", reply{})
			}
		case word == "EN":
			r.kind = '_'
		case word == "STORED":
			r.kind = '+'
		case word == "DELETED" || word == "NOT_FOUND":
			r.kind = ':'
			if word == "DELETED" {
				r.n = 1
			}
		case strings.HasSuffix(word, "ERROR"):
			r.kind, r.p = '-', []byte(line)
		default:
			r.kind, r.p = '?', []byte(line)
		}
		return r, n
	}
}

// put enters a value for the key of that name into the list of all keys of o; false: o does not have it, or has its value already.
func (r *reply) put(o *owed, name string, e reply) bool {
	if r.list == nil {
		for range o.keys {
			r.list = append(r.list, reply{kind: '_'})
		}
	}
	for i, k := range o.keys {
		if k.name == name && r.list[i].kind == '_' {
			r.list[i] = e
			return true
		}
	}
	return false
}

// sizeIn is the size of the data block behind a line of VALUE or VA.
func sizeIn(line string) int {
	word, rest, _ := strings.Cut(line, " ")
	if word == "VALUE" {
		_, rest, _ = strings.Cut(rest, " ")
		_, rest, _ = strings.Cut(rest, " ")
	}
	rest, _, _ = strings.Cut(rest, " ")
	size, _ := strconv.Atoi(rest)
	return size
}

// framesEnd is where the reply at the front of p ends; or, until MN is one, all replies up to that. 0: it is not whole.
func framesEnd(p []byte, until bool) (n int) {
	for {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 1 {
			return 0
		}
		line := p[n : n+i-1]
		n += i + 1
		value := bytes.HasPrefix(line, []byte("VALUE "))
		if value || bytes.HasPrefix(line, []byte("VA ")) {
			if n += sizeIn(string(line)) + 2; len(p) < n {
				return 0
			}
		}
		if !value && (!until || string(line) == "MN") {
			return n
		}
	}
}
