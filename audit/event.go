package audit

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// Event is one thing that happened. What is empty, or 0, is left out of its line. Strings and keys are only read, by Record.
//
//	{"time":"2026-01-02T15:04:05.678Z","event":"command","pool":"cache","client":"10.0.0.5:1042","id":7,"user":"app",
//	 "command":"mget","keys":["a","b"],"keys_total":2}
type Event struct {
	At   time.Time
	Name string // "login", "refused"; docs/security.md has all of them

	Pool         string
	Client       string // its address
	ID           uint64 // its number
	User         string
	ClientName   string // CLIENT SETNAME
	Lib, LibVer  string // CLIENT SETINFO
	Command      string // its name
	Keys         [MaxKeys][]byte
	KeysTotal    int    // of the command, where Keys have only some
	Method, Path string // of a request to the admin pages
	Result       string // what became of it
	Reason       string // why
	Count        int64  // of what was done
	Sample       int    // it stands for so many
	Object       []byte // the key or channel that a user may not touch

	// How many events a line stands for. These two end a line, for Log.Lose.
	Times int64 // that it has in common with others
	Lost  int64 // that have none
}

// MaxKeys is how many keys of a command a line has.
const MaxKeys = 8

const (
	maxText = 1 << 10 // bytes of a text that a line has
	maxKey  = 128     // of a key
)

// timeFormat is RFC 3339, in UTC.
const timeFormat = "2006-01-02T15:04:05.000Z"

// appendTo appends e's line, with its keys or without.
func (e *Event) appendTo(dst []byte, keys bool) []byte {
	dst = append(dst, `{"time":"`...)
	dst = e.At.UTC().AppendFormat(dst, timeFormat)
	dst = append(dst, '"')
	dst = appendField(dst, "event", e.Name)
	dst = appendField(dst, "pool", e.Pool)
	dst = appendField(dst, "client", e.Client)
	dst = appendNumber(dst, "id", int64(e.ID))
	dst = appendField(dst, "user", e.User)
	dst = appendField(dst, "name", e.ClientName)
	dst = appendField(dst, "lib", e.Lib)
	dst = appendField(dst, "lib_ver", e.LibVer)
	dst = appendField(dst, "command", e.Command)
	if keys && len(e.Object) > 0 {
		dst = append(dst, `,"object":`...)
		dst = appendQuoted(dst, e.Object, maxKey)
	}
	if keys {
		dst = e.appendKeys(dst)
	}
	dst = appendNumber(dst, "keys_total", int64(e.KeysTotal))
	dst = appendField(dst, "method", e.Method)
	dst = appendField(dst, "path", e.Path)
	dst = appendField(dst, "result", e.Result)
	dst = appendField(dst, "reason", e.Reason)
	dst = appendNumber(dst, "count", e.Count)
	if e.Sample > 1 {
		dst = appendNumber(dst, "sample", int64(e.Sample))
	}
	if e.Times > 1 {
		dst = appendNumber(dst, timesField, e.Times)
	}
	return append(dst, "}\n"...)
}

// lostEvent is the name of a line that tells how many are missing, in Count; and timesField the last field of one that is several events.
const lostEvent, timesField = "lost", "times"

// standsFor is how many events a line is, or how many it says are missing. No text in it looks like either: it would have its quotes escaped.
func standsFor(line []byte) (events, missing int64) {
	rest := bytes.TrimSuffix(line, []byte("}\n"))
	at := bytes.LastIndexByte(rest, ':')
	n, err := strconv.ParseInt(string(rest[at+1:]), 10, 64)
	switch name := appendName(nil, timesField); {
	case err == nil && bytes.HasSuffix(rest[:at+1], name):
		return n, 0
	case err == nil && bytes.Contains(line, appendField(nil, "event", lostEvent)):
		return 0, n
	}
	return 1, 0
}

func (e *Event) appendKeys(dst []byte) []byte {
	n := min(e.KeysTotal, MaxKeys)
	if n <= 0 {
		return dst
	}
	before := byte('[')
	dst = append(dst, `,"keys":`...)
	for _, key := range e.Keys[:n] {
		dst = append(dst, before)
		dst = appendQuoted(dst, key, maxKey)
		before = ','
	}
	return append(dst, ']')
}

func appendName(dst []byte, name string) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	return append(dst, `":`...)
}

func appendNumber(dst []byte, name string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendInt(appendName(dst, name), n, 10)
}

func appendField(dst []byte, name, text string) []byte {
	if text == "" {
		return dst
	}
	return appendQuoted(appendName(dst, name), text, maxText)
}

// appendQuoted appends text, or the first bytes of it, as JSON. What is no UTF-8 is the replacement character, byte by byte.
func appendQuoted[T string | []byte](dst []byte, text T, most int) []byte {
	const hex = "0123456789abcdef"
	rest, cut := text, len(text) > most
	if cut {
		rest = text[:most]
	}
	dst = append(dst, '"')
	for len(rest) > 0 {
		c := rest[0]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c < ' ' || c == 0x7f:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				dst = append(dst, c)
			}
			rest = rest[1:]
			continue
		}
		r, n := decode(rest)
		dst = utf8.AppendRune(dst, r)
		rest = rest[n:]
	}
	if cut {
		dst = append(dst, "…"...)
	}
	return append(dst, '"')
}

// decode is the first rune of text, and its length.
func decode[T string | []byte](text T) (rune, int) {
	var room [utf8.UTFMax]byte
	return utf8.DecodeRune(room[:copy(room[:], text)])
}
