package sim

import (
	"bytes"
	"strconv"
)

// NewMemcached returns a model of a memcached server.
func (s *Sim) NewMemcached(at string) *Server { return s.newServer(at, serveMemcached) }

// serveMemcached executes the whole commands of the input.
func serveMemcached(c *session) (took int) {
	x := &c.lines
	for !c.closing {
		if took < len(c.in) && c.in[took] == 0x80 {
			n := c.binary(took)
			if n == 0 {
				break
			}
			took += n
			continue
		}
		n := x.parse(c.in[took:])
		if n == 0 {
			break
		}
		took += n
		c.Commands++
		from := len(c.out)
		if c.Loading { // memcached never is: this stands for a server that is out of memory
			if string(x.words[len(x.words)-1]) != "noreply" {
				c.out = append(c.out, "SERVER_ERROR out of memory\r\n"...)
			}
		} else {
			x.db, x.out = c.values, c.out
			x.do()
			c.out, x.out = x.out, nil
		}
		if len(c.out) > from {
			c.fault(from)
		}
	}
	return took
}

// lineCall is one command of memcached, carried out on a db; see request.
type lineCall struct {
	db
	words [][]byte
	data  []byte
	out   []byte
}

// parse finds the command at the front of p, which has n bytes: its line's words, and its data block, if it has one. 0: it is not whole.
func (x *lineCall) parse(p []byte) (n int) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		return 0
	}
	x.words, x.data, n = wordsOf(p[:i], x.words[:0]), nil, i+1
	at := 4
	switch string(x.words[0]) {
	case "set", "add", "replace", "append", "prepend", "cas":
	case "ms":
		at = 2
	default:
		return n
	}
	size := number(x.words[at])
	if len(p) < n+size+2 {
		return 0
	}
	x.data = p[n : n+size]
	return n + size + 2
}

// wordsOf appends the words of a line, which may end with CR.
func wordsOf(line []byte, words [][]byte) [][]byte {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	for len(line) > 0 {
		i := bytes.IndexByte(line, ' ')
		if i < 0 {
			return append(words, line)
		}
		if i > 0 {
			words = append(words, line[:i])
		}
		line = line[i+1:]
	}
	return words
}

// number is that of a few digits; 0: it is none.
func number(p []byte) (n int) {
	for _, d := range p {
		if d < '0' || d > '9' {
			return 0
		}
		n = n*10 + int(d-'0')
	}
	return n
}

// do carries the command out.
func (x *lineCall) do() {
	from := len(x.out)
	switch name := string(x.words[0]); name {
	case "get", "gets":
		x.get(x.words[1:])
	case "gat", "gats":
		x.get(x.words[2:])
	case "set", "add", "replace", "append", "prepend", "cas":
		x.say(classic[x.store(name, x.words[2], x.casOf(name))])
	case "incr", "decr":
		x.say(x.arithmetic(name == "decr", x.words[2]))
	case "touch":
		x.found("TOUCHED")
	case "delete":
		x.found("DELETED")
		delete(x.db, string(x.words[1]))
	case "version":
		x.say("VERSION 1.6.sim")
	case "mn":
		x.say("MN")
	case "mg", "ms", "md", "ma", "me":
		x.meta()
	default:
		panic("sim: the proxy sent " + name)
	}
	if string(x.words[len(x.words)-1]) == "noreply" {
		x.out = x.out[:from]
	}
}

func (x *lineCall) say(text string) { x.out = append(append(x.out, text...), "\r\n"...) }

// found answers with text if there is an item.
func (x *lineCall) found(text string) {
	if x.db[string(x.words[1])].kind == 0 {
		text = "NOT_FOUND"
	}
	x.say(text)
}

// get answers with what there is of some keys.
func (x *lineCall) get(keys [][]byte) {
	for _, k := range keys {
		v, ok := x.db[string(k)]
		if !ok {
			continue
		}
		x.out = append(append(x.out, "VALUE "...), k...)
		x.out = append(append(append(x.out, ' '), v.flags...), ' ')
		x.out = strconv.AppendInt(x.out, int64(len(v.p)), 10)
		if name := x.words[0]; name[len(name)-1] == 's' {
			x.out = strconv.AppendUint(append(x.out, ' '), v.cas, 10)
		}
		x.say("")
		x.say(v.p)
	}
	x.say("END")
}

// stored is how storing ended.
type stored int

const (
	isStored stored = iota
	isNot
	isOther // the cas is not that of the item
	isGone
)

var (
	classic = [...]string{"STORED", "NOT_STORED", "EXISTS", "NOT_FOUND"}
	metas   = [...]string{"HD", "NS", "EX", "NF"}
)

// casOf is what cas asks for; nil: any.
func (x *lineCall) casOf(name string) []byte {
	if name == "cas" {
		return x.words[5]
	}
	return nil
}

// allows says that an item may be changed by who asks for that cas.
func (v *value) allows(cas []byte) bool {
	var room [20]byte
	return cas == nil || string(cas) == string(strconv.AppendUint(room[:0], v.cas, 10))
}

// store stores the data block, if mode and cas allow it. An item's cas counts its writes: it is the same for all who know them.
func (x *lineCall) store(mode string, flags, cas []byte) stored {
	v, ok := x.db[string(x.words[1])]
	switch {
	case cas != nil && !ok:
		return isGone
	case !v.allows(cas):
		return isOther
	case mode == "add" && ok, (mode == "replace" || mode == "append" || mode == "prepend") && !ok:
		return isNot
	case mode == "append":
		v.p += string(x.data)
	case mode == "prepend":
		v.p = string(x.data) + v.p
	default:
		v.p, v.flags = string(x.data), string(flags)
	}
	v.kind = aString
	v.cas++
	x.db[string(x.words[1])] = v
	return isStored
}

const notNumber = "CLIENT_ERROR cannot increment or decrement non-numeric value"

// arithmetic is incr and decr.
func (x *lineCall) arithmetic(down bool, by []byte) string {
	v, ok := x.db[string(x.words[1])]
	if !ok {
		return "NOT_FOUND"
	}
	n, err := strconv.ParseUint(v.p, 10, 64)
	if err != nil {
		return notNumber
	}
	d := uint64(number(by))
	switch {
	case !down:
		n += d
	case d > n:
		n = 0
	default:
		n -= d
	}
	v.p, v.cas = strconv.FormatUint(n, 10), v.cas+1
	x.db[string(x.words[1])] = v
	return v.p
}

// meta carries a meta command out.
func (x *lineCall) meta() {
	from := len(x.out)
	flags := x.words[2:]
	if x.words[0][1] == 's' {
		flags = x.words[3:]
	}
	v, ok := x.db[string(x.words[1])]
	code := "EN"
	switch x.words[0][1] {
	case 'e':
		if ok {
			x.debug(&v)
			return
		}
	case 'g':
		if ok {
			code = "HD"
		}
	case 's':
		code = metas[x.store(modeOf(letter(flags, 'M')), atLeast(letter(flags, 'F'), "0"), letter(flags, 'C'))]
	case 'd':
		code = x.metaDelete(&v, ok, letter(flags, 'C'))
	case 'a':
		code = x.metaArithmetic(ok, flags)
	}
	if code == "HD" && x.words[0][1] != 'g' {
		v = x.db[string(x.words[1])]
	}
	if code == "HD" && has(flags, 'v') {
		x.out = strconv.AppendInt(append(x.out, "VA "...), int64(len(v.p)), 10)
	} else {
		x.out = append(x.out, code...)
	}
	if code == "EN" || len(code) > 2 {
		flags = nil
	}
	x.returned(flags, &v, code)
	if has(x.words, 'q') && quiet(x.words[0][1], code) {
		x.out = x.out[:from]
	}
}

// debug is the reply to me.
func (x *lineCall) debug(v *value) {
	x.out = append(append(append(x.out, "ME "...), x.words[1]...), " exp=-1 la=0 cas="...)
	x.out = append(strconv.AppendUint(x.out, v.cas, 10), " fetch=no cls=1 size="...)
	x.out = append(strconv.AppendInt(x.out, int64(len(v.p)), 10), "\r\n"...)
}

// modeOf is what flag M of ms asks for.
func modeOf(flag []byte) string {
	if len(flag) == 1 {
		switch flag[0] {
		case 'A':
			return "append"
		case 'P':
			return "prepend"
		case 'R':
			return "replace"
		case 'E':
			return "add"
		}
	}
	return ""
}

// atLeast is p, or else if there is none.
func atLeast(p []byte, or string) []byte {
	if len(p) == 0 {
		return []byte(or)
	}
	return p
}

// returned ends a meta command's reply: with what its flags ask for, and the value.
func (x *lineCall) returned(flags [][]byte, v *value, code string) {
	name := x.words[0][1]
	for _, f := range flags {
		switch {
		case f[0] == 'O' || f[0] == 'b':
			x.out = append(append(x.out, ' '), f...)
		case len(f) > 1:
		case f[0] == 'k':
			x.out = append(append(x.out, " k"...), x.words[1]...)
		case name == 'd' || code != "HD":
		case f[0] == 'c':
			x.out = strconv.AppendUint(append(x.out, " c"...), v.cas, 10)
		case name == 'g' && f[0] == 'f':
			x.out = append(append(x.out, " f"...), v.flags...)
		case name == 'g' && f[0] == 's':
			x.out = strconv.AppendInt(append(x.out, " s"...), int64(len(v.p)), 10)
		case f[0] == 't':
			x.out = append(x.out, " t-1"...)
		}
	}
	x.say("")
	if code == "HD" && has(flags, 'v') {
		x.say(v.p)
	}
}

func (x *lineCall) metaDelete(v *value, ok bool, cas []byte) string {
	switch {
	case !ok:
		return "NF"
	case !v.allows(cas):
		return "EX"
	}
	delete(x.db, string(x.words[1]))
	return "HD"
}

// metaArithmetic is ma, which may make the item.
func (x *lineCall) metaArithmetic(ok bool, flags [][]byte) string {
	if !ok {
		if !has(flags, 'N') {
			return "NF"
		}
		x.db[string(x.words[1])] = value{kind: aString, p: string(atLeast(letter(flags, 'J'), "0")), flags: "0", cas: 1}
		return "HD"
	}
	if x.arithmetic(string(letter(flags, 'M')) == "D", atLeast(letter(flags, 'D'), "1")) == notNumber {
		return notNumber
	}
	return "HD"
}

// quiet says that flag q hides a reply with that code of a command with that second letter.
func quiet(name byte, code string) bool {
	switch name {
	case 'g':
		return code == "EN"
	case 'e':
		return false
	}
	return code == "HD"
}

// letter is what stands behind a flag's letter; nil: there is no such flag, or nothing behind it.
func letter(flags [][]byte, of byte) []byte {
	for _, f := range flags {
		if f[0] == of && len(f) > 1 {
			return f[1:]
		}
	}
	return nil
}

// has says that there is a flag. The words may have the name and the key before them, of which none begins like q.
func has(flags [][]byte, of byte) bool {
	for _, f := range flags {
		if f[0] == of {
			return true
		}
	}
	return false
}
