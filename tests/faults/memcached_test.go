//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// memcached is the dialect of memcached pools: classic text and meta commands.
var memcached dialect = mcDialect{}

type mcDialect struct{}

func (mcDialect) read(r *bufio.Reader) ([]byte, error) { return readMC(r) }

func (d mcDialect) answers(addr string) bool {
	reply, err := askOnce(d, addr, "version\r\n")
	return err == nil && bytes.HasPrefix(reply, []byte("VERSION "))
}

func (mcDialect) set(key, value string) string {
	return fmt.Sprintf("set %s 0 0 %d\r\n%s\r\n", key, len(value), value)
}
func (mcDialect) get(key string) string { return "get " + key + "\r\n" }

func (mcDialect) judgeGet(reply []byte, key string) string {
	all, ok := blocks(reply)
	switch {
	case !ok || len(all) > 1:
		return "not a value or END"
	case len(all) == 0:
		return ""
	case all[0].key != key:
		return "key " + all[0].key
	}
	return judgeShared(all[0].data, key)
}

var usualMC = []string{
	"SERVER_ERROR Connection refused\r\n", "SERVER_ERROR Connection timed out\r\n",
	"SERVER_ERROR Connection reset by peer\r\n", "SERVER_ERROR Broken pipe\r\n",
}

func (mcDialect) errorText(reply []byte) (string, bool) {
	if !slices.ContainsFunc([]string{"SERVER_ERROR ", "CLIENT_ERROR ", "ERROR\r\n"}, func(s string) bool {
		return bytes.HasPrefix(reply, []byte(s))
	}) {
		return "", true
	}
	return errorLine(reply), slices.Contains(usualMC, string(reply))
}

func (mcDialect) forget(key string) op {
	return op{text: "delete " + key + "\r\n", lost: nothing, judge: func(reply []byte) string {
		if s := string(reply); s != "DELETED\r\n" && s != "NOT_FOUND\r\n" {
			return "neither deleted nor not"
		}
		return ""
	}}
}

// found judges a reply that tells by a word whether s was there.
func (c *client) found(s *slot, yes, no string, then func()) func([]byte) string {
	return func(reply []byte) string {
		n := ""
		switch string(reply) {
		case yes:
			n = "1"
		case no:
			n = "0"
		default:
			return fmt.Sprintf("neither %q nor %q", yes, no)
		}
		wrong := c.judgeFound([]*slot{s}, n)
		then()
		return wrong
	}
}

func (d mcDialect) op(c *client) op {
	switch n := c.rng.IntN(100); {
	case n < 20:
		s := c.slot()
		v, done := c.next(s)
		return op{text: d.set(s.key, v), lost: muddy(s), judge: exactly("STORED\r\n", done)}
	case n < 42:
		s := c.slot()
		name := []string{"get", "get", "gets", "gat 0"}[c.rng.IntN(4)]
		return op{text: name + " " + s.key + "\r\n", lost: nothing, judge: func(reply []byte) string {
			return c.judgeBlocks([]*slot{s}, "", reply)
		}}
	case n < 52:
		slots, shared := c.some(6), c.sharedKey()
		words := []string{"get"}
		for _, s := range slots {
			words = append(words, s.key)
		}
		return op{text: strings.Join(append(words, shared), " ") + "\r\n", lost: nothing, judge: func(reply []byte) string {
			return c.judgeBlocks(slots, shared, reply)
		}}
	case n < 56:
		s := c.slot()
		return op{text: "delete " + s.key + "\r\n", lost: muddy(s), judge: c.found(s, "DELETED\r\n", "NOT_FOUND\r\n", func() {
			s.acked = 0
		})}
	case n < 58:
		s := c.slot()
		return op{text: "touch " + s.key + " 0\r\n", lost: nothing, judge: c.found(s, "TOUCHED\r\n", "NOT_FOUND\r\n", nothing)}
	case n < 64:
		s := c.counter()
		s.sent++
		token := c.token()
		text := fmt.Sprintf("ma %s N0 J1 v k O%s\r\n", s.key, token)
		return op{text: text, lost: muddy(s), judge: func(reply []byte) string {
			data, wrong := metaValue(reply, s.key, token)
			if wrong != "" {
				return wrong
			}
			return c.judgeCount(s, string(data))
		}}
	case n < 74:
		s, token := c.slot(), c.token()
		return op{text: fmt.Sprintf("mg %s v k O%s\r\n", s.key, token), lost: nothing, judge: func(reply []byte) string {
			return c.judgeMeta(s, token, reply)
		}}
	case n < 80:
		s, token := c.slot(), c.token()
		v, done := c.next(s)
		text := fmt.Sprintf("ms %s %d T0 k O%s\r\n%s\r\n", s.key, len(v), token, v)
		return op{text: text, lost: muddy(s), judge: exactly(fmt.Sprintf("HD k%s O%s\r\n", s.key, token), done)}
	case n < 86:
		return d.quiet(c)
	case n < 88:
		c.noreply.sent++
		s := c.noreply
		v := value(s.key, c.id, s.sent, c.size())
		return op{silent: true, lost: nothing, text: fmt.Sprintf("set %s 0 0 %d noreply\r\n%s\r\n", s.key, len(v), v)}
	case n < 90:
		s := c.noreply
		return op{text: d.get(s.key), lost: nothing, judge: func(reply []byte) string {
			return c.judgeBlocks([]*slot{s}, "", reply)
		}}
	case n < 92:
		return op{text: "version\r\n", lost: nothing, judge: func(reply []byte) string {
			if !bytes.HasPrefix(reply, []byte("VERSION ")) {
				return "not a version"
			}
			return ""
		}}
	case n < 95:
		key := c.sharedKey()
		return op{text: d.set(key, value(key, c.id, 1, c.sharedSize())), lost: nothing, judge: exactly("STORED\r\n")}
	default:
		key := c.sharedKey()
		return op{text: d.get(key), lost: nothing, judge: func(reply []byte) string { return d.judgeGet(reply, key) }}
	}
}

// quiet asks quietly for several keys; misses say nothing.
func (d mcDialect) quiet(c *client) op {
	slots := c.some(5)
	var tokens []string
	var b strings.Builder
	for _, s := range slots {
		tokens = append(tokens, c.token())
		fmt.Fprintf(&b, "mg %s v k O%s q\r\n", s.key, tokens[len(tokens)-1])
	}
	b.WriteString("mn\r\n")
	return op{text: b.String(), quiet: true, lost: nothing, judge: func(reply []byte) string {
		r := bufio.NewReader(bytes.NewReader(reply))
		failed := bytes.Contains(reply, []byte("SERVER_ERROR "))
		next := 0
		for {
			one, err := readMC(r)
			switch {
			case err != nil:
				return err.Error()
			case string(one) == "MN\r\n":
				return c.judgeSilence(slots[next:], failed)
			case bytes.HasPrefix(one, []byte("SERVER_ERROR ")):
				continue
			}
			at := slices.IndexFunc(tokens[next:], func(t string) bool {
				line, _, _ := bytes.Cut(one, []byte("\r\n"))
				return bytes.HasSuffix(line, []byte(" O"+t))
			})
			if at < 0 {
				return "the reply to something else, or out of order"
			}
			if wrong := c.judgeSilence(slots[next:next+at], failed); wrong != "" {
				return wrong
			}
			next += at
			if wrong := c.judgeMeta(slots[next], tokens[next], one); wrong != "" {
				return wrong
			}
			next++
		}
	}}
}

// judgeSilence judges that nothing was said of the slots: they are misses, or failed.
func (c *client) judgeSilence(slots []*slot, failed bool) string {
	for _, s := range slots {
		if failed {
			continue
		}
		if wrong := c.judgeMiss(s); wrong != "" {
			return s.key + ": " + wrong
		}
	}
	return ""
}

// judgeBlocks judges a reply to get: the values that are there, in the order of the keys.
func (c *client) judgeBlocks(slots []*slot, shared string, reply []byte) string {
	all, ok := blocks(reply)
	if !ok {
		return "not values and END"
	}
	for _, s := range slots {
		if len(all) == 0 || all[0].key != s.key {
			if wrong := c.judgeMiss(s); wrong != "" {
				return s.key + ": " + wrong
			}
			continue
		}
		if all[0].flags != "0" {
			return s.key + ": flags " + all[0].flags
		}
		if wrong := c.judgeValue(s, all[0].data); wrong != "" {
			return s.key + ": " + wrong
		}
		all = all[1:]
	}
	if len(all) > 0 && all[0].key == shared {
		if wrong := judgeShared(all[0].data, shared); wrong != "" {
			return wrong
		}
		all = all[1:]
	}
	if len(all) > 0 {
		return "key " + all[0].key + " was not asked for, or not here"
	}
	return ""
}

// judgeMeta judges a reply to mg with the flags v k O.
func (c *client) judgeMeta(s *slot, token string, reply []byte) string {
	if b := string(reply); b == "EN\r\n" || b == fmt.Sprintf("EN k%s O%s\r\n", s.key, token) {
		return c.judgeMiss(s) // the second form is memcached 1.6.18's
	}
	data, wrong := metaValue(reply, s.key, token)
	if wrong != "" {
		return wrong
	}
	return c.judgeValue(s, data)
}

// metaValue is the data of a VA reply that names the key and the token.
func metaValue(reply []byte, key, token string) ([]byte, string) {
	line, data, _ := bytes.Cut(reply, []byte("\r\n"))
	if want := fmt.Sprintf("VA %d k%s O%s", len(data)-2, key, token); string(line) != want {
		return nil, "want " + strconv.Quote(want)
	}
	return data[:len(data)-2], ""
}
