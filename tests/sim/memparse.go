package sim

import "bytes"

// parse parses the reply to o at the front of p, as if it were Redis's.
func (d *memcachedDialect) parse(p []byte, o *owed) (r reply, n int) {
	if o != nil && (o.op == opLines || o.op == opClean) {
		n = framesEnd(p, o.until)
		return reply{kind: lines, p: p[:n]}, n
	}
	for {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 1 {
			return r, 0
		}
		line := p[n : n+i-1]
		n += i + 1
		word, rest, _ := bytes.Cut(line, space)
		switch string(word) {
		case "VALUE", "VA":
			size := sizeIn(line)
			if len(p) < n+size+2 {
				return r, 0
			}
			e := reply{kind: '$', p: p[n : n+size]}
			n += size + 2
			if len(word) == 2 {
				return e, n
			}
			name, _, _ := bytes.Cut(rest, space)
			if o == nil || !d.put(&r, o, name, e) {
				r.kind = '?' // to no key of o
			}
			continue
		case "END":
			if r.kind != '?' {
				r.kind = '*'
			}
			if o != nil {
				d.put(&r, o, nil, reply{})
			}
		case "EN":
			r.kind = '_'
		case "STORED":
			r.kind = '+'
		case "DELETED":
			r.kind, r.n = ':', 1
		case "NOT_FOUND":
			r.kind = ':'
		default:
			r.kind, r.p = '?', line
			if bytes.HasSuffix(word, []byte("ERROR")) {
				r.kind = '-'
			}
		}
		return r, n
	}
}

var space = []byte{' '}

// put enters a value for the key of that name into the list of all keys of o; false: o does not have it, or has its value already.
func (d *memcachedDialect) put(r *reply, o *owed, name []byte, e reply) bool {
	if r.list == nil {
		d.list = d.list[:0]
		for range o.keys {
			d.list = append(d.list, reply{kind: '_'})
		}
		r.list = d.list
	}
	for i, k := range o.keys {
		if k.name == string(name) && r.list[i].kind == '_' {
			r.list[i] = e
			return true
		}
	}
	return false
}

// sizeIn is the size of the data block behind a line of VALUE or VA.
func sizeIn(line []byte) int {
	word, rest, _ := bytes.Cut(line, space)
	if len(word) > 2 {
		_, rest, _ = bytes.Cut(rest, space)
		_, rest, _ = bytes.Cut(rest, space)
	}
	word, _, _ = bytes.Cut(rest, space)
	return number(word)
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
			if n += sizeIn(line) + 2; len(p) < n {
				return 0
			}
		}
		if !value && (!until || string(line) == "MN") {
			return n
		}
	}
}
