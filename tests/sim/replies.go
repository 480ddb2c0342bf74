package sim

import "strconv"

// The rest of what a Redis server does: lists, sets, sorted sets, scripts, and how replies are written.

// lrange is LRANGE key 0 stop.
func (x *request) lrange() {
	v, ok := x.of(aList)
	if !ok {
		return
	}
	stop, _ := strconv.Atoi(string(x.args[3]))
	if stop < 0 {
		stop += len(v.items)
	}
	n := min(stop+1, len(v.items))
	x.header('*', n)
	for i := range n {
		x.bulk(v.items[i].name)
	}
}

func (x *request) sadd() {
	v, ok := x.of(aSet)
	if !ok {
		return
	}
	v.kind = aSet
	n := 0
	for _, m := range x.args[2:] {
		if v.find(m) < 0 {
			v.items = append(v.items, item{name: string(m)})
			n++
		}
	}
	x.keep(v)
	x.int(n)
}

func (x *request) smembers() {
	v, ok := x.of(aSet)
	if !ok {
		return
	}
	x.setHeader(len(v.items))
	for i := range v.items {
		x.bulk(v.items[i].name)
	}
}

// zadd is ZADD key score member ...
func (x *request) zadd() {
	v, ok := x.of(aZset)
	if !ok {
		return
	}
	v.kind = aZset
	n := 0
	for i := 2; i+1 < len(x.args); i += 2 {
		if at := v.find(x.args[i+1]); at >= 0 {
			v.items[at].p = string(x.args[i])
			continue
		}
		v.items = append(v.items, item{string(x.args[i+1]), string(x.args[i])})
		n++
	}
	x.keep(v)
	x.int(n)
}

func (x *request) zscore() {
	v, ok := x.of(aZset)
	if !ok {
		return
	}
	i := v.find(x.args[2])
	switch {
	case i < 0:
		x.null()
	case x.three:
		x.out = append(append(append(x.out, ','), v.items[i].p...), "\r\n"...)
	default:
		x.bulk(v.items[i].p)
	}
}

// eval is a script that returns its last argument.
func (x *request) eval() { x.bulk(string(x.args[len(x.args)-1])) }

// other answers a command that the model does not carry out: with what has the right shape, and tells which command it answers, to
// the last argument.
func (x *request) other(row *row) {
	h := hashOf(x.args)
	shape := row.shape
	if shape == "?" {
		shape = "$:*+-_"
		if x.three {
			shape = "$:*+-_%~,#=(!"
		}
	}
	kind := shape[int(h>>8)%len(shape)]
	if h&15 == 0 && (kind == '$' || kind == '*') {
		kind = '_'
	}
	switch kind {
	case '$':
		x.bulk(row.name + " " + string(x.args[len(x.args)-1]) + strconv.Itoa(int(h)))
	case '*':
		x.header('*', 2)
		x.bulk(row.name)
		x.int(int(h))
	case '%', '~':
		if !x.three {
			kind = '*'
		}
		x.header(kind, 1)
		x.bulk(row.name)
		if row.shape == "%" || kind == '%' {
			x.int(int(h))
		}
	case '_':
		if row.shape == "*" || row.shape == "%" || row.shape == "~" {
			x.header('*', 0)
			return
		}
		x.null()
	case ':':
		x.int(int(h))
	case '+':
		x.out = strconv.AppendInt(append(append(append(x.out, '+'), row.name...), ' '), int64(h), 10)
		x.out = append(x.out, "\r\n"...)
	case '-':
		x.scriptError(row)
	default:
		x.rare(kind, row.name, int(h))
	}
}

// scriptError answers with an error. A script's may look like the server's own.
func (x *request) scriptError(row *row) {
	if row.script {
		x.fail("LOADING is what the script of the model says, and not its server ")
		return
	}
	x.fail("ERR model " + row.name + " ")
}

// rare answers in a form that only RESP3 has.
func (x *request) rare(kind byte, name string, h int) {
	switch kind {
	case ',':
		x.out = strconv.AppendFloat(append(x.out, ','), float64(h)/8, 'g', -1, 64)
	case '#':
		x.out = append(x.out, '#', "tf"[h>>4&1])
	case '(':
		x.out = strconv.AppendInt(append(x.out, "(1234567890123456789012345"...), int64(h), 10)
	case '=':
		text := "txt:" + name + strconv.Itoa(h)
		x.header('=', len(text))
		x.out = append(x.out, text...)
	case '!':
		text := "ERR model " + name + " " + strconv.Itoa(h)
		x.header('!', len(text))
		x.out = append(x.out, text...)
	}
	x.out = append(x.out, "\r\n"...)
}

// hashOf is of a command's arguments behind its name.
func hashOf(args [][]byte) uint32 {
	h := uint32(2166136261)
	for _, a := range args[1:] {
		for _, b := range a[:min(len(a), 64)] {
			h = (h ^ uint32(b)) * 16777619
		}
		h = (h ^ uint32(len(a))) * 16777619
	}
	return h >> 1
}

func (x *request) ok() { x.out = append(x.out, "+OK\r\n"...) }

func (x *request) null() {
	if x.three {
		x.out = append(x.out, "_\r\n"...)
	} else {
		x.out = append(x.out, "$-1\r\n"...)
	}
}

func (x *request) value(v value) {
	if v.kind == 0 {
		x.null()
		return
	}
	x.bulk(v.p)
}

func (x *request) int(n int) { x.header(':', n) }

func (x *request) header(kind byte, n int) {
	x.out = append(x.out, kind)
	x.out = strconv.AppendInt(x.out, int64(n), 10)
	x.out = append(x.out, "\r\n"...)
}

func (x *request) setHeader(n int) {
	if x.three {
		x.header('~', n)
	} else {
		x.header('*', n)
	}
}

func (x *request) bulk(p string) {
	x.header('$', len(p))
	x.out = append(x.out, p...)
	x.out = append(x.out, "\r\n"...)
}
