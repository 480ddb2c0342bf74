//go:build unix

package difftest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// mcCase is a stream whose replies must be the same whichever way it takes. It starts with empty servers.
type mcCase struct {
	name     string
	script   string // lines of the stream, each ended by CRLF; \r, \n, \xNN and \x20 stand for bytes
	raw      string // bytes behind the script, as they are
	each     bool   // each line of the script is a stream of its own: memcached drops owed replies at some errors
	diverges string // why cashew's replies differ from the server's, if they are known to
	across   string // why they differ if the keys are on several servers, though not with one
	ours     string // what cashew replies then, normalised
	upstream string // why nutcracker's differ; commands it does not take at all are found by mcTaken
}

// mcEnd is behind every stream: its reply says that the connection lives on and that the next command is read right.
const mcEnd = "get end-of-stream\r\n"

// streams are the case's bytes; most have one stream.
func (c mcCase) streams() []string {
	var all []string
	var b strings.Builder
	for line := range strings.Lines(c.script) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if strings.Contains(line, `\`) {
			u, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
			if err != nil {
				panic("difftest: " + line + ": " + err.Error())
			}
			line = u
		}
		b.WriteString(line + "\r\n")
		if c.each {
			all = append(all, b.String())
			b.Reset()
		}
	}
	if b.WriteString(c.raw); b.Len() > 0 {
		all = append(all, b.String())
	}
	return all
}

// mcTwemproxy are the commands that nutcracker takes, 7.1. The rest of what it wants (keys of 250 bytes, CRLF behind the
// data block) is up to mcTaken.
var mcTwemproxy = regexp.MustCompile(`^(gets?( [^\s\x00]+)+|(set|add|replace|append|prepend) [^\s\x00]+ \d+ \d+ (\d+)( noreply)?|` +
	`cas [^\s\x00]+ \d+ \d+ (\d+) \d+( noreply)?|delete [^\s\x00]+( noreply)?|(incr|decr) [^\s\x00]+ -?\d+( noreply)?|touch [^\s\x00]+ -?\d+( noreply)?)$`)

// mcTaken leaves those commands of a stream that nutcracker takes.
func mcTaken(stream string) string {
	var b strings.Builder
	for stream != "" {
		line, rest, _ := strings.Cut(stream, "\r\n")
		n := 0
		f := mcTwemproxy.FindStringSubmatch(line)
		if f != nil {
			n, _ = strconv.Atoi(f[4] + f[6])
		}
		body := ""
		if f != nil && f[4]+f[6] != "" {
			if n+2 > len(rest) || rest[n:n+2] != "\r\n" {
				return b.String()
			}
			body, rest = rest[:n+2], rest[n+2:]
		}
		longest := 0
		for _, w := range strings.Fields(line) {
			longest = max(longest, len(w))
		}
		if f != nil && longest <= 250 {
			b.WriteString(line + "\r\n" + body)
		}
		stream = rest
	}
	return b.String()
}

const (
	key250 = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" +
		"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" +
		"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
	key251 = key250 + "k"
)

// mcCases are streams that a correct client may send.
var mcCases = []mcCase{
	{name: "set-get", script: `
		set a 0 0 1
		1
		get a
		get missing
		set a 7 0 2
		22
		get a
		set a 4294967295 0 3
		333
		get a
		gets a
		set a 0 0 1
		4
		gets a
		gets a
		gets missing`},
	{name: "empty value", raw: "set a 1 0 0\r\n\r\nget a\r\nappend a 0 0 0\r\n\r\nprepend a 0 0 1\r\nx\r\nget a\r\nget a b\r\n"},
	{name: "add-replace", script: `
		add a 0 0 1
		1
		add a 0 0 1
		2
		get a
		replace a 5 0 1
		3
		replace b 0 0 1
		4
		get a b`},
	{name: "append-prepend", script: `
		append a 0 0 1
		x
		prepend a 0 0 1
		x
		set a 9 0 1
		b
		append a 1 0 2
		cd
		prepend a 2 0 2
		__
		get a`},
	{name: "cas", script: `
		cas a 0 0 1 1
		x
		set a 0 0 1
		1
		cas a 0 0 1 999999999999
		2
		get a
		cas a 0 0 1 0
		3
		get a
		cas a 0 0 1 18446744073709551615
		4
		cas a 0 0 1 999999999999 noreply
		5
		get a`},
	{name: "incr-decr", script: `
		incr n 1
		decr n 1
		set n 0 0 2
		10
		incr n 5
		incr n 0
		decr n 5
		decr n 100
		get n
		set n 0 0 20
		18446744073709551615
		incr n 1
		incr n 18446744073709551615
		decr n 18446744073709551615
		set t 0 0 4
		text
		incr t 1
		decr t 1
		set l 0 0 30
		111111111111111111111111111111
		incr l 1`},
	{name: "incr/shrinks", script: `
		set n 0 0 3
		100
		decr n 1
		get n
		decr n 90`},
	{name: "incr/bad", script: `
		set n 0 0 1
		1
		incr n abc
		incr n -1
		incr n 1.5
		incr n 18446744073709551616
		incr n 99999999999999999999999
		decr n x
		incr n
		incr
		decr
		incr n 1 2 3
		incr n 1 extra
		get n`},
	{name: "delete", script: `
		delete a
		set a 0 0 1
		1
		delete a
		delete a
		get a
		delete a 0
		delete a 1
		delete a x
		delete a 0 noreply
		delete a b c
		delete a b c d
		delete`},
	{name: "touch-gat", script: `
		touch a 100
		set a 3 0 1
		1
		touch a 0
		touch a 1000
		touch a -1
		get a
		set a 3 0 1
		1
		gat 0 a
		gat 1000 a
		gats 0 a
		gat 0 missing
		gats 100 missing
		gat -1 a
		get a
		touch a
		touch
		touch a x
		touch a 1 2 3
		gat
		gats
		gat 0
		gats 0
		gat x a
		gat x`},
	{name: "exptime", script: `
		set gone 0 -1 1
		x
		get gone
		add gone 0 -100 1
		x
		get gone
		set stays 0 1000 1
		x
		get stays
		set past 0 2592001 1
		x
		get past
		set year2033 0 2000000000 1
		x
		get year2033
		set most 0 2147483647 1
		x
		get most`},
	{name: "multi-get", script: `
		set a 1 0 1
		1
		set b 2 0 2
		22
		set c 3 0 3
		333
		set d 4 0 4
		4444
		get a b c d
		get d c b a
		gets b d a c
		get a
		get a a
		gat 0 d a c b
		gats 0 c b`},
	{name: "multi-get/misses", upstream: "a later hit moves up, 7.3", script: `
		set a 1 0 1
		1
		set d 4 0 4
		4444
		get a b c d
		get x d y a z
		get x y z
		get a b a b d d a
		gets x a y d
		gat 0 x y
		gat 100 x d y a z a`},
	{name: "multi-get/spaces", raw: "set a 0 0 1\r\n1\r\nset b 0 0 1\r\n2\r\nget  a   b \r\n get a b\r\n  get   a  \r\nget a  b  \r\n" +
		"  set  c  0  0  1  \r\n3\r\nget c a \r\n gat  0  a  c \r\n delete  c \r\n  incr  a  1 \r\n"},
	{name: "noreply", script: `
		set a 0 0 1 noreply
		1
		get a
		add a 0 0 1 noreply
		2
		add b 0 0 1 noreply
		2
		replace b 0 0 1 noreply
		3
		append b 0 0 1 noreply
		4
		prepend b 0 0 1 noreply
		5
		get b
		incr a 5 noreply
		decr a 1 noreply
		touch a 100 noreply
		get a
		delete a noreply
		get a b
		delete missing noreply
		incr missing 1 noreply
		touch missing 1 noreply
		replace missing 0 0 1 noreply
		x
		cas missing 0 0 1 1 noreply
		x
		verbosity 1 noreply
		get b`},
	{name: "noreply/errors", script: `
		set a 0 0 1
		x
		incr a 1 noreply
		incr a abc noreply
		touch a abc noreply
		delete a 5 noreply
		verbosity x noreply
		get a`},
	{name: "not-quite-noreply", script: `
		set a 0 0 1 NOREPLY
		1
		set a 0 0 1 norepl
		2
		delete a NOREPLY
		get a
		set a 0 0 1 noreply extra
		get a
		delete a noreply extra
		incr a 1 norepl
		touch a 0 norepl`},
	{name: "version", script: `
		version
		version extra
		version a b c
		get a`},
	{name: "keys", script: `
		set ` + key250 + ` 0 0 1
		x
		get ` + key250 + `
		get a ` + key250 + ` b
		incr ` + key250 + ` 1
		delete ` + key250 + `
		get ` + key250},
	{name: "keys/binary", raw: "set \xff\xfe\x80 0 0 1\r\nx\r\nget \xff\xfe\x80\r\nset a\x01\x1b\x7f 0 0 1\r\ny\r\nget a\x01\x1b\x7f \xff\xfe\x80\r\n" +
		"set a\tb 0 0 1\r\nz\r\nget a\tb\r\nset a\rb 0 0 1\r\nz\r\nget a\rb\r\nset \xe2\x82\xac 0 0 3\r\n\xe2\x82\xac\r\nget \xe2\x82\xac\r\n"},
	{name: "keys/like-words", script: `
		set get 0 0 3
		get
		get get
		set noreply 0 0 7
		noreply
		get noreply
		get END VALUE noreply
		set END 0 0 5
		END\r\n
		get END
		delete noreply
		set 0 0 0 1
		0
		get 0
		incr 0 1
		gat 0 0`},
	{name: "values/protocol", raw: func() string {
		var b strings.Builder
		for i, v := range []string{
			"\r\n", "END\r\n", "\r\nEND\r\n", "VALUE a 0 5\r\n", "get a\r\n", "\n", "\r", "\x00\x01\x02", "\x80", "ERROR\r\n",
			"SERVER_ERROR x\r\n", "quit\r\n", " ", "  x  ",
		} {
			k := fmt.Sprint("k", i)
			b.WriteString(mcSet(k, v) + mcGet(k) + "gets k0 " + k + " k0\r\n")
		}
		return b.String()
	}()},
	{name: "values/lengths", raw: func() string {
		var b strings.Builder
		for _, n := range []int{1, 2, 100, 1023, 1024, 1025, 2047, 2048, 2049, 8191, 16383, 16384, 16385, 65535, 65536, 65537, 200_000} {
			k := fmt.Sprint("k", n)
			b.WriteString(mcSet(k, strings.Repeat(string(rune('a'+n%26)), n)) + mcGet(k))
		}
		b.WriteString("get k100 k65536 missing k1 k200000 k16384\r\n")
		return b.String()
	}()},
	{name: "quit", script: `
		set a 0 0 1
		1
		get a
		quit
		get a`, upstream: "it stays open until its client closes"},
	{name: "quit/arguments", script: `
		get a
		quit now
		get a`},
	{name: "quit/alone", script: `quit`},

	// meta commands
	{name: "mn", script: `
		mn
		mn
		get a
		mn extra words
		mn`},
	{name: "ms-mg", script: `
		ms a 1
		1
		mg a
		mg a v
		mg missing
		mg missing v
		ms a 2 F7 T0
		22
		mg a s v f t k
		mg a k
		mg a f
		mg a s
		mg a t
		mg a c
		mg a k f s t c
		mg a O123
		mg a Oabc k
		mg a k Oabc v
		mg missing k O1
		get a
		gets a`},
	{name: "mg/hit-before", script: `
		ms a 1
		1
		mg a h v
		mg a h v
		mg a h l t
		get a
		mg a h`},
	{name: "mg/no-bump", script: `
		ms a 1
		1
		mg a u v
		mg a h
		mg a T1000 t
		mg a T0 t
		mg a E v`},
	{name: "mg/vivify", script: `
		mg a N30 v t
		mg a N30 v
		mg a v
		ms a 1
		1
		mg a N30 v
		mg b N0
		mg b s v
		mg c v N100 k O5 f`},
	{name: "mg/recache", script: `
		ms a 1 T1000
		1
		mg a R30 v
		mg a R2000 v
		mg a R2000 v
		mg a v`},
	{name: "md/invalidate", script: `
		ms a 1
		1
		md a I T100
		mg a v t
		mg a v
		mg a v k O1
		md a
		mg a v
		md a
		md a q
		md a k O2`},
	{name: "md/flags", script: `
		md a
		ms a 1
		1
		md a k O7
		md a k O7
		ms a 1
		1
		md a b
		md a C1
		md a C999999999999
		mg a v
		md a q
		md a q
		mn`},
	{name: "ms/modes", script: `
		ms a 1 ME
		1
		ms a 1 ME
		2
		ms a 1 MA
		3
		ms a 1 MP
		4
		mg a v
		ms a 1 MR
		5
		ms b 1 MR
		6
		ms b 1 MA
		7
		ms b 1 MP
		8
		ms a 1 MS
		9
		ms a 1 Mset
		x
		ms a 1 Me
		x
		ms a 1 Ma
		x
		mg a v
		mg b v`},
	{name: "ms/append-vivify", script: `
		ms a 1 MA N100
		1
		ms a 1 MA N100
		2
		mg a v t
		ms b 1 MP N0
		1
		mg b v`},
	{name: "ms/flags", script: `
		ms a 1 F4294967295 T1000 k O9 c
		1
		mg a f t v
		ms a 1 k
		1
		ms a 1 O1
		1
		ms a 1 c
		1
		ms a 1 C1
		1
		ms missing 1 C1
		1
		ms a 1 C999999999999 I
		1
		ms a 1 T-1
		1
		mg a v
		mg a v`},
	{name: "ms/empty", raw: "ms a 0\r\n\r\nmg a v s\r\nms a 0 MA\r\n\r\nms a 1 MP\r\nx\r\nmg a v\r\n"},
	{name: "ma", script: `
		ma n
		ma n N0
		ma n
		ma n v
		ma n D10 v
		ma n MD D3 v
		ma n M- v
		ma n M+ v
		ma n Mi v
		ma n Md v
		ma n MI D5 t c v k O1
		ma n MD D1000 v
		ma m N100 J13 v
		ma m N100 J13 v t
		ma m T0 t v
		ma x q
		ma x k O2
		ma m k O3
		ma m q
		ma m q v
		ma m MX
		ma m Dx
		ma m D-1
		ma m Jx
		ma m C1
		ma m D18446744073709551615 v
		ms t 4
		text
		ma t
		ma t q
		mn`},
	{name: "me", script: `
		me
		me a
		ms a 1
		1
		me a
		mg a
		me a
		me a b c
		ms a 5 T1000
		12345
		me a`},
	{name: "base64", script: `
		ms YQ== 1 b
		1
		mg YQ== b k v
		ms Zm9vYmFy 3 b k O1
		abc
		mg Zm9vYmFy b v
		md Zm9vYmFy b k
		ma bg== b N0 J5 v k
		ma bg== b v
		me YQ== b
		mg !!! b
		mg YQ b
		mg YQ= b v
		mg Y b
		ms !!! 1 b
		x
		md !!! b
		ma !!! b
		mn`},
	{name: "base64/and-plain", script: `
		ms YQ== 1 b
		1
		mg a k v
		get a
		ms b 1
		2
		md YQ== b`},
	{name: "base64/binary", script: `
		ms /wAgCg0= 2 b
		ab
		mg /wAgCg0= b v k
		mg /wAgCg0= b v k t f s O1
		md /wAgCg0= b q
		mg /wAgCg0= b v
		ms ICAg 1 b
		x
		mg ICAg b k v
		mn`},
	{name: "quiet", script: `
		mg a q
		mg a q v
		mg a q k O1 v
		ms a 1 q
		1
		mg a q v
		mg a q v k O2
		ms a 1 q ME
		2
		ms a 1 q k O3
		3
		ms a 1 q C1
		4
		ms missing 1 q MR
		5
		md missing q
		md a q
		md a q k O4
		ma n q
		ma n N0 J7
		ma n q v
		ma n q
		ma n
		mg n q
		mn`},
	{
		name: "quiet/vivify", diverges: "memcached answers a ma that makes its number, q or not; cashew, like protocol.txt, does not",
		ours: "MN\r\nMN\r\nEND\r\n", script: `
		ma n q N0 J7
		mn
		ma n q N0 J7
		mn`,
	},
	{name: "quiet/batch-of-gets", script: `
		ms a 1 q
		1
		ms b 2 q
		22
		ms c 3 q
		333
		mg a q v k O1
		mg x q v k O2
		mg b q v k O3
		mg y q v k O4
		mg c q v k O5
		mg z q v k O6
		mn
		mg a q v
		get a b x c
		mg x q v
		mn`},
	{name: "quiet/errors-are-loud", script: `
		mg a q zz
		mg a q q
		ms a 1 q MX
		x
		ma a q Dx
		md a q q
		mn`},
	{name: "meta/bad", each: true, script: `
		mg
		ms
		md
		ma
		me
		mg a zz
		mg a v v
		mg a z
		mg a !
		mg ` + key251 + `
		md ` + key251 + `
		ma ` + key251 + `
		me ` + key251 + `
		ms a
		ms a x
		ms a -1
		ms a 1x
		ms a S1
		ms ` + key251 + `
		md a z
		md a Cx
		md a Tx
		md a k k
		ma a z
		ma a Nx
		ma a Mxx
		ma a MX
		ma a Dx
		ma a D-1
		ma a N0 Jx
		mg a Tx
		mg a Nx
		mg a Rx
		mg a Exxx
		mg a q q
		md a q q
		ma a q q`},
	{name: "ms/bad-flags", script: `
		ms a 1 z
		x
		ms a 1 MX
		x
		ms a 1 M
		x
		ms a 1 MSS
		x
		ms a 1 Tx
		x
		ms a 1 Fx
		x
		ms a 1 Cx
		x
		ms a 1 k k
		x
		ms a 1 q q
		x
		ms a 1 b b
		x
		ms !!! 1 b
		x
		mn`},
	{name: "meta/opaque", script: `
		mg a O
		mg a O12345678901234567890123456789012
		mg a O1234567890123456789012345678901
		ms a 1 O12345678901234567890123456789012
		x
		ms a 1
		x
		mg a O
		mg a k O12345678901234567890123456789012
		mg a k O1234567890123456789012345678901
		mg a k O123456789012345678901234567890
		mg a O\xff\x01
		md a O!"#$%
		mn`},
	{name: "meta/case", script: `
		MG a
		Mg a
		mG a
		MN
		ms a 1
		x
		mg a V
		mg a K
		mn`},
	{name: "meta/many-flags", script: `
		ms a 1
		x
		mg a v k f s t c h l O1 q
		mg a v k f s t c h l O1 q u T0 N5 R0
		mg a ` + strings.Repeat("v ", 30) + `
		mg a ` + strings.Repeat("v ", 19) + `
		md a ` + strings.Repeat("k ", 30) + `
		ma a ` + strings.Repeat("k ", 30) + `
		mn`},
	{name: "meta/spaces", raw: " mg  a  v \r\n  ms  a  1  k \r\nx\r\nmg   a   v  k  O1 \r\nmn \r\n md a  k  q \r\nmn\r\n"},
	{name: "meta/mixed-with-classic", script: `
		set a 5 0 1
		1
		mg a v f s
		ms a 2 F6
		22
		get a
		incr a 1
		ma a v
		append a 0 0 1
		4
		mg a v
		md a
		get a b
		mn
		delete a`},
}

const earlyRefusal = "what no server stores is refused before the data block came, not behind it"

// mcBadCases are streams that no client should send.
var mcBadCases = []mcCase{
	{name: "unknown", each: true, script: `
		bogus
		bogus with words
		GET a
		Get a
		SET a 0 0 1
		DELETE a
		VERSION
		QUIT
		geta
		get\x01a
		g
		0
		-1
		set`},
	{name: "redis", raw: "*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n"},
	{
		name: "http", raw: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", diverges: "memcached hangs up without a word",
		ours: "SERVER_ERROR this is not an HTTP server\r\n",
	},
	{name: "empty-lines", raw: "\r\n\r\n\n  \r\n \n"},
	{name: "bare-lf", raw: "get a\nset a 0 0 1\n1\r\nget a\nget a b\ngat 0 a\nversion\nmn\nmg a v\nms a 1\nx\r\nmg a v\ndelete a\nincr a 1\n" +
		"touch a 1\nbogus\nset a 0 0 1 noreply\nx\r\nget a\n"},
	{name: "cr-inside", raw: "get a\rb\r\nget a\r\r\nset a\r 0 0 1\r\nx\r\n"},
	{name: "missing-words", each: true, script: `
		get
		gets
		gat
		set
		set a
		set a 0
		set a 0 0
		add a 0 0
		replace
		append a
		prepend a
		cas a 0 0 1
		incr a
		touch a
		delete`},
	{name: "too-many-words", each: true, script: `
		set a 0 0 1 noreply more
		set a 0 0 1 2 3 4 5 6
		cas a 0 0 1 1 noreply more
		incr a 1 2 3
		touch a 1 2 3
		delete a 1 2 3`},
	{name: "long-key/get", each: true, script: `
		get ` + key251 + `
		gets ` + key251 + `
		get a ` + key251 + `
		get ` + key251 + ` a
		gat 0 ` + key251 + `
		gat 0 a ` + key251 + `
		incr ` + key251 + ` 1
		decr ` + key251 + ` 1
		touch ` + key251 + ` 1
		delete ` + key251 + `
		delete ` + key251 + ` noreply
		get a`},
	{name: "long-key/set", script: `
		set a 0 0 1
		x
		set ` + key251 + ` 0 0 1
		x
		get a`, diverges: "memcached 1.6.18 takes the data block for a command", ours: "" +
		"STORED\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\nx\r\nEND\r\nEND\r\n"},
	{name: "set/not-numbers", script: `
		set a x 0 1
		x
		set a 0 x 1
		x
		set a -1 0 1
		x
		set a 1.5 0 1
		x
		cas a 0 0 1 x
		x
		get a`, diverges: "memcached 1.6.18 takes the data block for a command", ours: "" +
		strings.Repeat("CLIENT_ERROR bad command line format\r\n", 5) + "END\r\nEND\r\n"},
	{name: "set/length-no-number", script: `
		set a 0 0 x
		get a
		set a 0 0 -1
		get a
		set a 0 0 1x
		get a
		set a 0 0 2147483646
		get a
		set a 0 0 2147483647
		get a
		set a 0 0 99999999999999999999
		get a`},
	{name: "set/number-wraps", script: `
		set a 4294967296 0 1
		x
		get a
		set a 0 4294967296 1
		y
		get a
		set a 0 0 4294967297
		z
		get a
		set a 0 4294967295 1
		x
		get a
		set b 0 4294967295 1 noreply
		x
		set b 0 0 1
		x
		set b 0 4294967295 1 noreply
		y
		get b
		ms a 4294967297 T4294967296
		x
		mg a v`},
	{name: "set/plus", script: `
		set a +1 +0 +1
		x
		get a
		set a -0 -0 0001
		y
		get a
		cas a 0 0 1 +9999
		z`},
	{name: "set/block-too-long", script: `
		set a 0 0 1
		12
		get a
		set a 0 0 3
		12345678
		get a`},
	{name: "set/block-too-short", raw: "set a 0 0 5\r\n12\r\nget a\r\nget a\r\n"},
	{name: "set/no-crlf", raw: "set a 0 0 1\r\nxget a\r\nget a\r\n"},
	{name: "set/bare-lf", raw: "set a 0 0 1\r\nx\nget a\r\nget a\r\n"},
	{name: "set/cr-only", raw: "set a 0 0 1\r\nx\rget a\r\nget a\r\n"},
	{name: "set/no-block", raw: "set a 0 0 5\r\nget a\r\nget a\r\nget a\r\n"},
	{name: "ms/block-too-long", script: `
		ms a 1
		12
		mg a v
		ms a 1 q
		12
		ms a 3 k O1
		1
		mg a v
		mg a v
		mn`},
	{name: "ms/length-no-number", script: `
		ms a x
		mg a v
		ms a -1
		mg a v
		ms a 99999999999999999999
		mg a v
		ms a S1
		mn`},
	{name: "ms/long-key", diverges: "memcached 1.6.18 takes the data block for a command", ours: "" +
		"CLIENT_ERROR bad command line format\r\nMN\r\nEND\r\n", script: `
		ms ` + key251 + ` 1
		x
		mn`},
	{name: "ms/many-flags", diverges: "memcached 1.6.18 takes the data block for a command", ours: "" +
		"CLIENT_ERROR options flags too long\r\nMN\r\nEND\r\n", script: `
		ms a 1 ` + strings.Repeat("k ", 30) + `
		x
		mn`},
	{
		name: "too-large", raw: mcSet("a", "1") + mcSet("a", strings.Repeat("x", 2<<20)) + "get a\r\nadd b 0 0 1500000\r\n" +
			strings.Repeat("y", 1_500_000) + "\r\nget b\r\nset c 0 0 2000000 noreply\r\n" + strings.Repeat("z", 2_000_000) + "\r\nget c\r\n",
		upstream: "it takes the early reply for a stray, 7.5",
	},
	{name: "too-large/meta", raw: "ms a 2000000\r\n" + strings.Repeat("x", 2_000_000) + "\r\nmg a v\r\nms a 2000000 q k O1\r\n" +
		strings.Repeat("x", 2_000_000) + "\r\nmg a v\r\nmn\r\n"},
	{
		name: "huge-length", raw: "set a 0 0 2147483645\r\nxyz\r\nget a\r\n", diverges: earlyRefusal,
		ours: "SERVER_ERROR object too large for cache\r\n",
	},
	{
		name: "huge-length/1GB", raw: "set a 0 0 1073741824\r\nxyz\r\n", diverges: earlyRefusal,
		ours: "SERVER_ERROR object too large for cache\r\n",
	},
	{
		name: "huge-length/meta", raw: "ms a 1073741824 q\r\nxyz\r\n", diverges: earlyRefusal,
		ours: "SERVER_ERROR object too large for cache\r\n",
	},
	{name: "half/line", raw: "get a\r\nget b"},
	{name: "half/set", raw: "get a\r\nset a 0 0 10\r\n12345"},
	{name: "half/ms", raw: "mg a\r\nms a 10\r\n12345"},
	{
		name: "zero-in-get", raw: "get a\x00b\r\nget a\r\n", diverges: "memcached's line ends at a zero byte; no client means that",
		ours: "CLIENT_ERROR bad command line format\r\nEND\r\nEND\r\n",
	},
	{
		name: "zero-in-set", raw: "set a\x00b 0 0 1\r\nx\r\nget a\r\n", diverges: "memcached 1.6.18 takes the data block for a command",
		ours: "CLIENT_ERROR bad command line format\r\nEND\r\nEND\r\n",
	},
	{name: "zero-in-unknown", raw: "\x00\r\n\x00\x00get a\r\nbog\x00us\r\n"},
	{name: "binary-bytes", raw: "\x01\x02\x03\r\n\xff\xfe\r\n\x16\x03\x01\r\nget \x80\x81\r\n"},
	{name: "long-line/short-enough", raw: strings.Repeat("x", 1990) + "\r\nget a\r\n"},
	{name: "long-line/get", raw: "get " + strings.TrimSpace(strings.Repeat("some-key ", 3000)) + "\r\nget a\r\n"},
	{name: "long-line/spaces", raw: strings.Repeat(" ", 90) + "get a\r\nget" + strings.Repeat(" ", 500) + "a\r\n"},
	{name: "gat/bad-exptime", each: true, script: `
		gat 99999999999999999999 a
		gat 1.5 a
		gat a
		gats x y z
		gat 0x10 a
		gat +1 a`},
}
