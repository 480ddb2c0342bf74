package sim

import (
	"bytes"
	"strconv"
)

func quote(p []byte) string { return strconv.Quote(string(p[:min(len(p), 200)])) }

// reply is a parsed one.
type reply struct {
	kind       byte // its first byte, '_' for nothing
	p          []byte
	n          int
	list       []reply
	attributes int // so many bytes before it
}

// lines is the kind of a reply of memcached that is not taken apart.
const lines = 'L'

// parseReply parses the reply at the front of p, which has n bytes; 0: it is not whole. Of a list it keeps the elements only if
// somebody is to look at them.
func parseReply(p []byte, keep bool) (r reply, n int) {
	i := bytes.IndexByte(p, '\n')
	if i < 1 {
		return r, 0
	}
	r.kind, n = p[0], i+1
	line := p[1 : i-1]
	switch r.kind {
	case '+', '-', ',', '#', '(':
		r.p = line
	case ':':
		r.n, _ = strconv.Atoi(string(line))
	case '_':
	case '$', '=', '!':
		size, _ := strconv.Atoi(string(line))
		if size < 0 {
			r.kind = '_'
			return r, n
		}
		if len(p) < n+size+2 {
			return r, 0
		}
		r.p = p[n : n+size]
		n += size + 2
	case '*', '%', '~', '|':
		return parseElements(p, r, n, line, keep)
	default:
		r.p = p[:n]
	}
	return r, n
}

// parseElements goes on behind the line of a reply with elements. Attributes belong to the reply behind them.
func parseElements(p []byte, r reply, n int, line []byte, keep bool) (reply, int) {
	count, _ := strconv.Atoi(string(line))
	if count < 0 {
		r.kind = '_'
		return r, n
	}
	if r.kind == '%' || r.kind == '|' {
		count *= 2
	}
	for range count {
		e, k := parseReply(p[n:], keep)
		if k == 0 {
			return r, 0
		}
		if keep {
			r.list = append(r.list, e)
		}
		n += k
	}
	if r.kind != '|' {
		return r, n
	}
	of, k := parseReply(p[n:], keep)
	if k == 0 {
		return r, 0
	}
	of.attributes += n
	return of, n + k
}
