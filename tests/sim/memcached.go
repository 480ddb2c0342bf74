package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// NewMemcached returns a model of a memcached server.
func (s *Sim) NewMemcached(at string) *Server { return s.newServer(at, serveMemcached) }

// serveMemcached executes the whole commands of the input.
func serveMemcached(c *session) (took int) {
	for !c.closing {
		words, data, n := parseLine(c.in[took:])
		if n == 0 {
			break
		}
		took += n
		c.Commands++
		from := len(c.out)
		if c.Loading { // memcached never is: this stands for a server that is out of memory
			if words[len(words)-1] != "noreply" {
				c.out = append(c.out, "SERVER_ERROR out of memory\r\n"...)
			}
		} else {
			x := lineCall{db: c.values, words: words, data: data, out: c.out}
			x.do()
			c.out = x.out
		}
		if len(c.out) > from {
			c.fault(from)
		}
	}
	return took
}

// parseLine finds the command at the front of p, which has n bytes: its line's words, and its data block, if it has one. 0: it is
// not whole.
func parseLine(p []byte) (words []string, data []byte, n int) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		return nil, nil, 0
	}
	words, n = strings.Fields(string(p[:i])), i+1
	at := 4
	switch words[0] {
	case "set", "add", "replace", "append", "prepend", "cas":
	case "ms":
		at = 2
	default:
		return words, nil, n
	}
	size, _ := strconv.Atoi(words[at])
	if len(p) < n+size+2 {
		return nil, nil, 0
	}
	return words, p[n : n+size], n + size + 2
}

// lineCall is one command of memcached, carried out on a db; see request.
type lineCall struct {
	db
	words []string
	data  []byte
	out   []byte
}

// do carries the command out.
func (x *lineCall) do() {
	from := len(x.out)
	switch name := x.words[0]; name {
	case "get", "gets":
		x.get(x.words[1:])
	case "gat", "gats":
		x.get(x.words[2:])
	case "set", "add", "replace", "append", "prepend", "cas":
		x.say(classic[x.store(name, x.words[2], x.casOf(name))])
	case "incr", "decr":
		x.say(x.arithmetic(name == "decr", x.words[2]))
	case "touch":
		x.say(map[bool]string{true: "TOUCHED", false: "NOT_FOUND"}[x.db[x.words[1]].kind != 0])
	case "delete":
		_, ok := x.db[x.words[1]]
		delete(x.db, x.words[1])
		x.say(map[bool]string{true: "DELETED", false: "NOT_FOUND"}[ok])
	case "version":
		x.say("VERSION 1.6.sim")
	case "mn":
		x.say("MN")
	case "mg", "ms", "md", "ma", "me":
		x.meta()
	default:
		panic("sim: the proxy sent " + name)
	}
	if x.words[len(x.words)-1] == "noreply" {
		x.out = x.out[:from]
	}
}

func (x *lineCall) say(text string) { x.out = append(append(x.out, text...), "\r\n"...) }

// get answers with what there is of some keys.
func (x *lineCall) get(keys []string) {
	for _, k := range keys {
		v, ok := x.db[k]
		if !ok {
			continue
		}
		x.out = append(append(x.out, "VALUE "...), k...)
		x.out = append(append(append(x.out, ' '), v.flags...), ' ')
		x.out = strconv.AppendInt(x.out, int64(len(v.p)), 10)
		if x.words[0] == "gets" || x.words[0] == "gats" {
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

// casOf is what cas asks for; "": any.
func (x *lineCall) casOf(name string) string {
	if name == "cas" {
		return x.words[5]
	}
	return ""
}

// store stores the data block, if mode and cas allow it. An item's cas counts its writes: it is the same for all who know them.
func (x *lineCall) store(mode, flags, cas string) stored {
	key := x.words[1]
	v, ok := x.db[key]
	p := string(x.data)
	switch {
	case cas != "" && !ok:
		return isGone
	case cas != "" && cas != strconv.FormatUint(v.cas, 10):
		return isOther
	case mode == "add" && ok, (mode == "replace" || mode == "append" || mode == "prepend") && !ok:
		return isNot
	case mode == "append":
		p, flags = v.p+p, v.flags
	case mode == "prepend":
		p, flags = p+v.p, v.flags
	}
	x.db[key] = value{kind: aString, p: p, flags: flags, cas: v.cas + 1}
	return isStored
}

const notNumber = "CLIENT_ERROR cannot increment or decrement non-numeric value"

// arithmetic is incr and decr.
func (x *lineCall) arithmetic(down bool, by string) string {
	v, ok := x.db[x.words[1]]
	if !ok {
		return "NOT_FOUND"
	}
	n, err := strconv.ParseUint(v.p, 10, 64)
	if err != nil {
		return notNumber
	}
	d, _ := strconv.ParseUint(by, 10, 64)
	switch {
	case !down:
		n += d
	case d > n:
		n = 0
	default:
		n -= d
	}
	v.p, v.cas = strconv.FormatUint(n, 10), v.cas+1
	x.db[x.words[1]] = v
	return v.p
}

// meta carries a meta command out.
func (x *lineCall) meta() {
	from := len(x.out)
	flags := x.words[2:]
	if x.words[0] == "ms" {
		flags = x.words[3:]
	}
	v, ok := x.db[x.words[1]]
	code := "EN"
	switch x.words[0] {
	case "me":
		if ok {
			x.say(fmt.Sprintf("ME %s exp=-1 la=0 cas=%d fetch=no cls=1 size=%d", x.words[1], v.cas, len(v.p)))
			return
		}
	case "mg":
		if ok {
			code = "HD"
		}
	case "ms":
		mode := map[string]string{"A": "append", "P": "prepend", "R": "replace", "E": "add"}[letter(flags, 'M')]
		code = metas[x.store(mode, max(letter(flags, 'F'), "0"), letter(flags, 'C'))]
	case "md":
		code = x.metaDelete(v, ok, letter(flags, 'C'))
	case "ma":
		code = x.metaArithmetic(ok, flags)
	}
	v = x.db[x.words[1]]
	switch {
	case code != "HD":
		x.out = append(x.out, code...)
	case has(flags, 'v'):
		x.out = fmt.Appendf(x.out, "VA %d", len(v.p))
	default:
		x.out = append(x.out, "HD"...)
	}
	if code == "EN" || len(code) > 2 {
		flags = nil
	}
	x.returned(flags, v, code)
	if has(x.words, 'q') && quiet(x.words[0], code) {
		x.out = x.out[:from]
	}
}

// returned ends a meta command's reply: with what its flags ask for, and the value.
func (x *lineCall) returned(flags []string, v value, code string) {
	for _, f := range flags {
		switch {
		case f[0] == 'O' || f[0] == 'b':
			x.out = append(append(x.out, ' '), f...)
		case f == "k":
			x.out = append(append(x.out, " k"...), x.words[1]...)
		case x.words[0] == "md" || code != "HD":
		case f == "c":
			x.out = strconv.AppendUint(append(x.out, " c"...), v.cas, 10)
		case x.words[0] == "mg" && f == "f":
			x.out = append(append(x.out, " f"...), v.flags...)
		case x.words[0] == "mg" && f == "s":
			x.out = strconv.AppendInt(append(x.out, " s"...), int64(len(v.p)), 10)
		case f == "t":
			x.out = append(x.out, " t-1"...)
		}
	}
	x.say("")
	if code == "HD" && has(flags, 'v') {
		x.say(v.p)
	}
}

func (x *lineCall) metaDelete(v value, ok bool, cas string) string {
	switch {
	case !ok:
		return "NF"
	case cas != "" && cas != strconv.FormatUint(v.cas, 10):
		return "EX"
	}
	delete(x.db, x.words[1])
	return "HD"
}

// metaArithmetic is ma, which may make the item.
func (x *lineCall) metaArithmetic(ok bool, flags []string) string {
	if !ok {
		if !has(flags, 'N') {
			return "NF"
		}
		x.db[x.words[1]] = value{kind: aString, p: max(letter(flags, 'J'), "0"), flags: "0", cas: 1}
		return "HD"
	}
	if x.arithmetic(letter(flags, 'M') == "D", max(letter(flags, 'D'), "1")) == notNumber {
		return notNumber
	}
	return "HD"
}

// quiet says that flag q hides a reply with that code.
func quiet(name, code string) bool {
	switch name {
	case "mg":
		return code == "EN"
	case "me":
		return false
	}
	return code == "HD"
}

// letter is what stands behind a flag's letter; "": there is no such flag, or nothing behind it.
func letter(flags []string, of byte) string {
	for _, f := range flags {
		if f[0] == of {
			return f[1:]
		}
	}
	return ""
}

// has says that there is a flag. The words may have the name and the key before them, of which none begins like q.
func has(flags []string, of byte) bool {
	for _, f := range flags {
		if f[0] == of {
			return true
		}
	}
	return false
}
