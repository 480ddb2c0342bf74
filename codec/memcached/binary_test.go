package memcached

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
	"cashew/codec/verdict"
)

// request is a frame with an opaque of "opaq" and a cas of 7.
func request(opcode byte, extras, key, value string) string {
	return frameOf(magicRequest, opcode, 0, extras, key, value)
}

// replyTo is a frame with the same opaque and cas.
func replyTo(opcode byte, status uint16, extras, key, value string) string {
	return frameOf(magicReply, opcode, status, extras, key, value)
}

func frameOf(magic, opcode byte, status uint16, extras, key, value string) string {
	b := []byte{magic, opcode}
	b = binary.BigEndian.AppendUint16(b, uint16(len(key)))
	b = append(b, byte(len(extras)), 0)
	b = binary.BigEndian.AppendUint16(b, status)
	b = binary.BigEndian.AppendUint32(b, uint32(len(extras)+len(key)+len(value)))
	b = append(b, "opaq"...)
	b = binary.BigEndian.AppendUint64(b, 7)
	return string(b) + extras + key + value
}

// told is what the proxy says itself: without a cas.
func said(opcode byte, status uint16, text string) string {
	r := []byte(replyTo(opcode, status, "", "", text))
	clear(r[16:24])
	return string(r)
}

// lengths is a frame whose header says other lengths than its body has.
func lengths(opcode byte, key, extras, body int, rest string) string {
	b := []byte(request(opcode, "", "", ""))
	binary.BigEndian.PutUint16(b[2:], uint16(key))
	b[4] = byte(extras)
	binary.BigEndian.PutUint32(b[8:], uint32(body))
	return string(b) + rest
}

const (
	storing8 = "\x00\x00\x00\x05\x00\x00\x00\x3c" // flags 5, exptime 60
	adding20 = "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x0a\xff\xff\xff\xff"
	touch4   = "\x00\x00\x00\x0a"
)

func TestParseBinary(t *testing.T) {
	forward := func(frame, key string) string { return fmt.Sprintf("forward %q by %q", frame, key) }
	quiet := func(opcode, loud byte, extras, key, value string) (in, want string) {
		return request(opcode, extras, key, value), fmt.Sprintf("%s quiet %#x", forward(request(loud, extras, key, value), key), opcode)
	}
	refused := func(opcode byte, status uint16, text string) string {
		return fmt.Sprintf("refuse %q", said(opcode, status, text))
	}
	type test struct {
		name, in, rest string
		want           []string
		err            error
		admin          bool
	}
	var tests []test
	add := func(name, in string, want ...string) { tests = append(tests, test{name: name, in: in, want: want}) }
	admin := func(name, in string, want ...string) {
		tests = append(tests, test{name: name, in: in, want: want, admin: true})
	}
	fails := func(name, in string, err error) { tests = append(tests, test{name: name, in: in, err: err}) }

	for _, c := range []struct {
		code, quiet   byte
		extras, value string
	}{
		{codeGet, codeGetQ, "", ""},
		{codeGetK, codeGetKQ, "", ""},
		{codeGAT, codeGATQ, touch4, ""},
		{codeGATK, codeGATKQ, touch4, ""},
		{codeSet, codeSetQ, storing8, "value"},
		{codeAdd, codeAddQ, storing8, ""},
		{codeReplace, codeReplaceQ, storing8, "\r\n\x80"},
		{codeAppend, codeAppendQ, "", "more"},
		{codePrepend, codePrependQ, "", ""},
		{codeDelete, codeDeleteQ, "", ""},
		{codeIncrement, codeIncrementQ, adding20, ""},
		{codeDecrement, codeDecrementQ, adding20, ""},
	} {
		in := request(c.code, c.extras, "a key\n", c.value)
		add(fmt.Sprintf("%#x", c.code), in+in, forward(in, "a key\n"), forward(in, "a key\n"))
		in, want := quiet(c.quiet, c.code, c.extras, "k", c.value)
		add(fmt.Sprintf("%#x", c.quiet), in, want)
		in = request(c.code, c.extras, longest, c.value)
		add(fmt.Sprintf("%#x of the longest key", c.code), in, forward(in, longest))
		for _, code := range []byte{c.code, c.quiet} {
			fails(fmt.Sprintf("%#x without a key", code), request(code, c.extras, "", c.value), errBinaryInvalid)
			fails(fmt.Sprintf("%#x of a key too long", code), request(code, c.extras, tooLong, c.value), errBinaryInvalid)
			fails(fmt.Sprintf("%#x with extras too many", code), request(code, c.extras+"x", "k", c.value), errBinaryInvalid)
			if c.extras != "" {
				fails(fmt.Sprintf("%#x without extras", code), request(code, "", "k", c.value), errBinaryInvalid)
			}
			if opcodes[code].frame == frameKey {
				fails(fmt.Sprintf("%#x with a value", code), request(code, c.extras, "k", "v"), errBinaryInvalid)
			}
		}
	}
	in := request(codeTouch, touch4, "k", "")
	add("touch", in, forward(in, "k"))
	add("noop", request(codeNoop, "", "", ""), fmt.Sprintf("local %q", said(codeNoop, statusOK, "")))
	add("version", request(codeVersion, "", "", ""), forward(request(codeVersion, "", "", ""), "placeholder"))
	tests = append(tests,
		test{name: "quit", in: request(codeQuit, "", "", "") + "more", want: []string{fmt.Sprintf("quit %q", said(codeQuit, statusOK, ""))}, rest: "more"},
		test{name: "quitq", in: request(codeQuitQ, "", "", "") + "more", want: []string{`quit "" quiet 0x17`}, rest: "more"})
	for _, code := range []byte{codeNoop, codeVersion, codeQuit, codeQuitQ, codeSASLList} {
		fails(fmt.Sprintf("%#x with a body", code), request(code, "", "", "x"), errBinaryInvalid)
	}

	add("flush", request(codeFlush, "", "", "")+request(codeFlushQ, "", "", ""), refused(codeFlush, statusAuth, "flush_all is not allowed through this proxy"), refused(codeFlushQ, statusAuth, "flush_all is not allowed through this proxy"))
	add("stat", request(codeStat, "", "", "")+request(codeStat, "", "items", ""), refused(codeStat, statusAuth, "stats is not allowed through this proxy"), refused(codeStat, statusAuth, "stats is not allowed through this proxy"), "skip 5")
	admin("flush allowed", request(codeFlush, "", "", "")+request(codeFlushQ, touch4, "", ""), fmt.Sprintf("fanout %q", request(codeFlush, "", "", "")), fmt.Sprintf("fanout %q quiet 0x18", request(codeFlush, touch4, "", "")))
	admin("stat allowed", request(codeStat, "", "items", ""), fmt.Sprintf("fanout %q", request(codeStat, "", "items", "")))
	admin("sizes", request(codeStat, "", "sizes_enable", ""), refused(codeStat, statusAuth, textSizes))
	fails("flush of a key", request(codeFlush, "", "k", ""), errBinaryInvalid)
	fails("flush with odd extras", request(codeFlush, "123", "", ""), errBinaryInvalid)
	fails("stat with extras", request(codeStat, "x", "items", ""), errBinaryInvalid)
	fails("stat with a value", request(codeStat, "", "items", "x"), errBinaryInvalid)

	add("unknown", request(0x1f, "", "", "")+request(0xff, "ex", "key", "value"), refused(0x1f, statusUnknown, textUnknown), refused(0xff, statusUnknown, textUnknown), "skip 10")
	add("verbosity", request(codeVerbosity, touch4, "", ""), refused(codeVerbosity, statusUnknown, textUnknown), "skip 4")
	admin("verbosity allowed", request(codeVerbosity, touch4, "", ""), refused(codeVerbosity, statusUnknown, textUnknown), "skip 4")
	add("sasl", request(codeSASLList, "", "", "")+request(codeSASLAuth, "", "PLAIN", "\x00u\x00p"), refused(codeSASLList, statusUnknown, textUnknown), refused(codeSASLAuth, statusUnknown, textUnknown), "skip 9")
	fails("sasl without a mechanism", request(codeSASLStep, "", "", "x"), errBinaryInvalid)

	add("too large", request(codeSetQ, storing8, "k", strings.Repeat("v", 101))+request(codeNoop, "", "", ""),
		refused(codeSetQ, statusTooLarge, "Too large."), "skip 110", fmt.Sprintf("local %q", said(codeNoop, statusOK, "")))
	in = request(codeSet, storing8, "k", strings.Repeat("v", 100))
	add("as large as may be", in, forward(in, "k"))
	add("4 GiB", lengths(codeAppend, 1, 0, 1<<32-1, "kv"), refused(codeAppend, statusTooLarge, "Too large."), "skip 2 and more")

	fails("magic", "get a\r\n", errMagic)
	fails("a reply", replyTo(codeGet, 0, "", "", ""), errMagic)
	fails("key longer than the body", lengths(codeGet, 3, 0, 2, "abc"), errBinaryUnknown)
	fails("key and extras longer than the body", lengths(codeGet, 2, 1, 2, "abc"), errBinaryUnknown)
	fails("unknown of a key too long", request(0x50, "", tooLong, ""), errBinaryInvalid)
	tests = append(tests,
		test{name: "cut", in: in[:30], rest: in[:30]}, test{name: "cut header", in: in[:23], rest: in[:23]},
		test{name: "behind a good one", in: in + "x", want: []string{forward(in, "k")}, err: errMagic})

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit([]byte(tt.in), func(pieces [][]byte) {
				for i, piece := range pieces { // quiet frames are written into
					pieces[i] = bytes.Clone(piece)
				}
				got, rest, err := parsedIn(New(Options{Admin: tt.admin, MaxValue: 100}), Binary, pieces)
				if diff := cmp.Diff(tt.want, got); diff != "" || rest != tt.rest || !errors.Is(err, tt.err) || err != nil && tt.err == nil {
					t.Fatalf("%.300q in %d: rest %.300q, %v; want %.300q, %v (-want +got)\n%s", tt.in, len(pieces), rest, err, tt.rest, tt.err, diff)
				}
			})
		})
	}
}

// TestBinaryMarks: each opcode's mark is its own, and so is that of each opaque.
func TestBinaryMarks(t *testing.T) {
	p, cl := New(Options{Admin: true}), codec.Client{Profile: Binary}
	for code := range 256 {
		var s codec.Scan
		var cmd codec.Command
		frame := []byte(request(byte(code), "", "", ""))
		if _, err := p.ParseCommand(&cl, &s, frame, &cmd); cmd.Mark != marked|codec.Mark(code)<<32|0x6f706171 {
			t.Errorf("%#x has the mark %#x (%v)", code, cmd.Mark, err)
		}
		if name := p.CommandName(&cmd); name == "" || name == "opcode 0x" {
			t.Errorf("%#x has no name", code)
		}
	}
	for code, want := range map[int]string{0x21: "sasl_auth", 0x1b: "verbosity", 0x19: "append", 0xab: "opcode 0xab", 0x0a: "noop"} { // in any order
		if name := p.CommandName(&codec.Command{Op: opcodes[code].op, Mark: marked | codec.Mark(code)<<32}); name != want {
			t.Errorf("%#x is called %q; want %q", code, name, want)
		}
	}
	if !p.Marks(Binary) || p.Marks(Text) {
		t.Error("it is the binary protocol whose replies have marks")
	}
}

// TestFirstByte: a text client whose next line begins with 0x80 is told to be of the other profile.
func TestFirstByte(t *testing.T) {
	for _, in := range []string{"\x80", "\x80\n", request(codeNoop, "", "", "")} {
		var s codec.Scan
		var cmd codec.Command
		var other *codec.ProfileError
		n, err := New(Options{}).ParseCommand(&codec.Client{}, &s, []byte(in), &cmd)
		if n != 0 || !errors.As(err, &other) || other.Profile != Binary || !errors.Is(err, codec.ErrForeign) || s.Need != 0 {
			t.Errorf("%q: %d, %v", in, n, err)
		}
	}
}

func TestBinaryAnswers(t *testing.T) {
	p := New(Options{})
	mark := func(code byte) codec.Mark { return marked | codec.Mark(code)<<32 | 0x6f706171 }
	errTooBig := fmt.Errorf("%w: request larger than max_request", codec.ErrMalformed)
	miss := func(code byte, op uint16) string {
		out, ok := p.AppendMiss([]byte("x"), Binary, mark(code), op, 1)
		return fmt.Sprintf("%s %v", out, ok)
	}
	for i, tt := range []struct{ got, want string }{
		{string(p.AppendFailure(nil, Binary, mark(codeSetQ), "Connection refused")), said(codeSetQ, 0x84, "Connection refused")},
		{string(p.AppendFailure(nil, Text, mark(codeSetQ), "Connection refused")), "SERVER_ERROR Connection refused\r\n"},
		{string(p.AppendMalformed(nil, Binary, 0, errMagic)), ""},
		{string(p.AppendMalformed(nil, Binary, mark(codeSet), errMagic)), ""},
		{string(p.AppendMalformed(nil, Binary, mark(codeGet), errBinaryUnknown)), said(codeGet, 0x81, "Unknown command")},
		{string(p.AppendMalformed(nil, Binary, mark(codeGetQ), errBinaryInvalid)), said(codeGetQ, 4, "Invalid arguments")},
		{string(p.AppendMalformed(nil, Binary, mark(codeSet), errTooBig)), said(codeSet, 3, errTooBig.Error())},
		{string(p.AppendMalformed(nil, Binary, 0, errTooBig)), ""},
		{miss(codeGet, opGet), "x" + said(codeGet, 1, "Not found") + " true"},
		{miss(codeGetQ, opGet), "x" + said(codeGetQ, 1, "Not found") + " true"},
		{miss(codeGetKQ, opGet), "x" + said(codeGetKQ, 1, "Not found") + " true"},
		{miss(codeGetK, opGet), "x false"},
		{miss(codeGAT, opGat), "x false"},
		{miss(codeSet, opSet), "x false"},
	} {
		if tt.got != tt.want {
			t.Errorf("%d: got %q, want %q", i, tt.got, tt.want)
		}
	}
}

// TestSuppressBinary: a retrieval is silent about a miss, anything else about success; all that is told has the opcode that was asked.
func TestSuppressBinary(t *testing.T) {
	p := New(Options{})
	for code := range opcodes {
		c := &opcodes[code]
		if int(c.loud) == code || c.op == opQuit {
			continue
		}
		silent := uint16(statusOK)
		if c.op == opGet || c.op == opGat {
			silent = statusMiss
		}
		for _, status := range []uint16{statusOK, statusMiss, 2, statusTooLarge, statusInvalid, 5, 6, 0x82, 0x100, 0x101} {
			reply := []byte(replyTo(c.loud, status, "", "", "text"))
			got := p.Suppress(quietBinary|uint16(code), reply)
			if want := status == silent; got != want || !got && string(reply) != replyTo(byte(code), status, "", "", "text") {
				t.Errorf("%#x, status %#x: %v, %q; want %v", code, status, got, reply, want)
			}
		}
	}
	if reply := []byte("ERROR\r\n"); p.Suppress(quietBinary|codeGetQ, reply) || string(reply) != "ERROR\r\n" {
		t.Errorf("text: %q", reply)
	}
}

// scanned feeds pieces to ScanReply, the replies to commands with those marks, and tells each reply.
func scanned(pieces [][]byte, marks ...codec.Mark) (got []string, rest string, err error) {
	p, s := New(Options{}), codec.ReplyScan{Marked: true}
	for _, piece := range pieces {
		for len(piece) > 0 {
			s.Mark = marks[min(len(got), len(marks)-1)]
			n, done, err := p.ScanReply(&s, piece)
			if err != nil {
				return got, "", err
			}
			if !done && n != len(piece) || n > len(piece) {
				return got, "", fmt.Errorf("broken promise: %d of %d bytes, %v", n, len(piece), done)
			}
			rest += string(piece[:n])
			if piece = piece[n:]; done {
				got, rest = append(got, rest), ""
				if s.Line != 0 || s.Skip != 0 || s.State != lineStart || s.Depth != alone {
					return got, "", fmt.Errorf("broken promise: not ready for the next reply: %+v", s)
				}
			}
		}
	}
	return got, rest, nil
}

func TestScanBinary(t *testing.T) {
	mark := func(code byte) codec.Mark { return marked | codec.Mark(code)<<32 | 0x6f706171 }
	other := func(code byte) codec.Mark { return mark(code) + 1 }
	hit, stored := replyTo(codeGet, 0, "flag", "", "\x81value"), replyTo(codeSet, 0, "", "", "")
	stats := replyTo(codeStat, 0, "", "pid", "1") + replyTo(codeStat, 0, "", "x", "") + replyTo(codeStat, 0, "", "", "")
	tests := []struct {
		name, in, rest string
		marks          []codec.Mark
		want           []string
		err            error
	}{
		{name: "one", in: hit, marks: []codec.Mark{mark(codeGet)}, want: []string{hit}},
		{name: "of a quiet one", in: hit, marks: []codec.Mark{mark(codeGetQ)}, want: []string{hit}},
		{name: "many", in: stored + hit + stored, marks: []codec.Mark{mark(codeSet), mark(codeGet), mark(codeSetQ)}, want: []string{stored, hit, stored}},
		{name: "whoever's", in: hit, marks: []codec.Mark{0}, want: []string{hit}},
		{name: "stats", in: stats + hit, marks: []codec.Mark{mark(codeStat), mark(codeGet)}, want: []string{stats, hit}},
		{name: "no stats", in: replyTo(codeStat, 1, "", "", "Not found"), marks: []codec.Mark{mark(codeStat)}, want: []string{replyTo(codeStat, 1, "", "", "Not found")}},
		{name: "stats that end in another's", in: stats[:len(stats)-24] + hit, marks: []codec.Mark{mark(codeStat)}, err: errReplyMark},
		{name: "stats that end in text", in: stats[:len(stats)-24] + "ERROR\r\n", marks: []codec.Mark{0}, err: errReplyMagic},
		{name: "cut", in: hit[:29], marks: []codec.Mark{mark(codeGet)}, rest: hit[:29]},
		{name: "text of the greeting", in: "ERROR\r\n" + hit, marks: []codec.Mark{0}, want: []string{"ERROR\r\n", hit}},
		{name: "text without end", in: strings.Repeat("x", 2000), marks: []codec.Mark{0}, err: errReplyMagic},
		{name: "text", in: "ERROR\r\n", marks: []codec.Mark{mark(codeGet)}, err: errReplyMagic},
		{name: "a request", in: request(codeGet, "", "k", ""), marks: []codec.Mark{mark(codeGet)}, err: errReplyMagic},
		{name: "another opcode", in: hit, marks: []codec.Mark{mark(codeGetK)}, err: errReplyMark},
		{name: "a quiet opcode", in: replyTo(codeGetQ, 0, "flag", "", "v"), marks: []codec.Mark{mark(codeGetQ)}, err: errReplyMark},
		{name: "another opaque", in: hit, marks: []codec.Mark{other(codeGet)}, err: errReplyMark},
		{name: "another's, second", in: stored + hit, marks: []codec.Mark{mark(codeSet)}, want: []string{stored}, err: errReplyMark},
		{name: "lengths", in: "\x81\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x04opaq\x00\x00\x00\x00\x00\x00\x00\x00abcd", marks: []codec.Mark{mark(codeGet)}, err: errReplyLength},
		{name: "too long", in: "\x81\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00\x04opaq\x00\x00\x00\x00\x00\x00\x00\x00abcd", marks: []codec.Mark{mark(codeGet)}, err: errReplyLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit([]byte(tt.in), func(pieces [][]byte) {
				got, rest, err := scanned(pieces, tt.marks...)
				if !slices.Equal(got, tt.want) || rest != tt.rest || !errors.Is(err, tt.err) || err != nil && tt.err == nil {
					t.Fatalf("%q in %d: %q, rest %q, %v; want %q, %q, %v", tt.in, len(pieces), got, rest, err, tt.want, tt.rest, tt.err)
				}
			})
		})
	}
}

func TestBinaryHealth(t *testing.T) {
	p := New(Options{})
	if steps := p.Handshake(codec.Login{}, Binary, 0); len(steps) != 1 || steps[0][1] != '\n' || len(steps[0]) != headerSize {
		t.Fatalf("greeting %q", steps)
	}
	greeted := noopWith(magicReply, 0)
	if err := p.CheckHandshake(codec.Login{}, Binary, 0, 0, greeted); err != nil {
		t.Errorf("greeted: %v", err)
	}
	for reply, want := range map[string]string{ // in any order
		"ERROR\r\n":                                    "the binary protocol was refused: ERROR",
		said(codeNoop, statusUnknown, "No noop"):       "the binary protocol was refused: No noop",
		said(codeGet, statusOK, ""):                    "the binary protocol was refused: opcode 0x0, status 0x0",
		string(noopWith(magicReply, 1)):                "the binary protocol was refused: opcode 0xa, status 0x0",
		strings.Repeat("E", 1000) + "\r\n":             "the binary protocol was refused: " + strings.Repeat("E", 100),
		said(codeNoop, 0x20, strings.Repeat("x", 200)): "the binary protocol was refused: " + strings.Repeat("x", 100),
	} {
		var refusal *codec.RefusalError
		if err := p.CheckHandshake(codec.Login{}, Binary, 0, 0, []byte(reply)); !errors.As(err, &refusal) || err.Error() != want {
			t.Errorf("%q: %v; want %v", reply, err, want)
		}
	}
	command, want := p.Canary(Binary, "a")
	if other, _ := p.Canary(Binary, "b"); bytes.Equal(command, other) {
		t.Error("two canaries are alike")
	}
	if string(command[8:16]) != string(want[8:16]) || command[0] != magicRequest || want[0] != magicReply || want[1] != codeNoop || command[1] != codeNoop {
		t.Errorf("canary %q, reply %q", command, want)
	}
	for reply, proof := range map[string]verdict.Proof{ // in any order
		string(want): verdict.InStep, string(greeted): verdict.OutOfStep, "ERROR\r\n": verdict.OutOfStep, said(codeGet, 0, ""): verdict.OutOfStep,
	} {
		if got := p.JudgeCanary(want, []byte(reply)); got != proof {
			t.Errorf("JudgeCanary(%q) = %v; want %v", reply, got, proof)
		}
	}
	if v := p.Judge(Binary, opGet, []byte{magicReply}); v != verdict.Fine {
		t.Errorf("a reply is %v", v)
	}
}

func TestCoalesceBinary(t *testing.T) {
	p := New(Options{Admin: true})
	stat := func(name, value string) string { return replyTo(codeStat, 0, "", name, value) }
	toldStat := func(name, value string) string {
		r := []byte(stat(name, value))
		clear(r[16:24])
		return string(r)
	}
	end := stat("", "")
	flushed, refused := replyTo(codeFlush, 0, "", "", ""), replyTo(codeFlush, 0x20, "", "", "Auth failure.")
	for _, tt := range []struct {
		name    string
		code    byte
		op      uint16
		replies []string
		want    string
	}{
		{"flush", codeFlush, opFlushAll, []string{flushed, flushed}, flushed},
		{"flushq", codeFlushQ, opFlushAll, []string{flushed, flushed}, ""},
		{"flush refused", codeFlush, opFlushAll, []string{flushed, refused}, refused},
		{"flushq refused", codeFlushQ, opFlushAll, []string{flushed, refused}, replyTo(codeFlushQ, 0x20, "", "", "Auth failure.")},
		{"stats of one", codeStat, opStatsOther, []string{stat("a", "1") + end}, stat("a", "1") + end},
		{
			"stats", codeStat, opStatsOther,
			[]string{stat("items:1:number", "5") + stat("items:1:age", "9") + end, stat("items:1:number", "7") + stat("items:1:age", "3") + end},
			toldStat("items:1:number", "12") + toldStat("items:1:age", "9") + toldStat("", ""),
		},
		{"settings", codeStat, opStatsSettings, []string{stat("tcpport", "1") + end, stat("tcpport", "2") + end}, toldStat("tcpport", "1,2") + toldStat("", "")},
		{"reset", codeStat, opStatsOther, []string{end, end}, toldStat("", "")},
		{"stats that one lacks", codeStat, opStatsOther, []string{end, replyTo(codeStat, 1, "", "", "Not found")}, replyTo(codeStat, 1, "", "", "Not found")},
		{
			"dump", codeStat, opStatsOther,
			[]string{stat("detailed", "PREFIX p get 5 hit 2\r\nEND\r\n") + end, stat("detailed", "PREFIX p get 1 hit 1\r\nEND\r\n") + end},
			toldStat("detailed", "PREFIX p get 6 hit 3\r\nEND\r\n") + toldStat("", ""),
		},
		{"dump and list", codeStat, opStatsOther, []string{stat("detailed", "END\r\n") + end, stat("a", "1") + end}, said(codeStat, 0x84, "Invalid argument")},
	} {
		g := codec.Gather{Op: tt.op, Mark: marked | codec.Mark(tt.code)<<32 | 0x6f706171}
		for _, r := range tt.replies {
			g.Replies = append(g.Replies, []byte(r))
		}
		if got := string(p.AppendCoalesced([]byte("x"), &g)); got != "x"+tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, "x"+tt.want)
		}
	}
}

// TestBinaryReport: STAT without a key tells what stats does.
func TestBinaryReport(t *testing.T) {
	p := New(Options{Admin: true})
	text, _ := p.AppendReport(nil, codec.Client{}, opStats, []byte("stats\r\n"), &codectest.About{})
	reply, last := p.AppendReport([]byte("x"), codec.Client{Profile: Binary}, opStats, []byte(request(codeStat, "", "", "")), &codectest.About{})
	got, rest, err := scanned([][]byte{reply[1:]}, marked|codeStat<<32|0x6f706171)
	if reply[0] != 'x' || last || len(got) != 1 || rest != "" || err != nil {
		t.Fatalf("%d replies, rest %q, %v", len(got), rest, err)
	}
	if lines, _ := statText(reply[1:]); string(lines) != string(text) {
		t.Errorf("got %q\nwant %q", lines, text)
	}
}
