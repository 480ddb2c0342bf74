package memcached

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
)

// plainly reads stream as proto_bin.c does, a frame at a time and with no regard to what is not there yet, and tells what parsedIn does
// of a pool whose values may have 100 bytes and whose clients may do all.
func plainly(stream []byte) (got []string, rest string, ended string) {
	for len(stream) > 0 {
		if stream[0] != 0x80 {
			return got, "", "magic"
		}
		if len(stream) < 24 {
			break
		}
		code, key, extras, body := stream[1], int(binary.BigEndian.Uint16(stream[2:])), int(stream[4]), int(binary.BigEndian.Uint32(stream[8:]))
		row := plainRows[code]
		say := func(status int, text string) string { return string(plainSay(stream, status, text)) }
		switch {
		case key+extras > body:
			return got, "", "unknown"
		case key > 250, row.kind != 0 && !row.takes(key, extras, body):
			return got, "", "invalid"
		}
		skipped, text := "", textUnknown
		status := 0x81
		if (row.kind == 'v') && body-key-extras > 100 {
			status, text = 3, "Too large."
		}
		if row.kind == 0 || row.kind == 's' || row.kind == 'S' || status == 3 {
			got = append(got, fmt.Sprintf("refuse %q", say(status, text)))
			if n := min(body, len(stream)-24); n < body {
				if n > 0 {
					got = append(got, fmt.Sprintf("skip %d and more", n))
				}
				return got, "", ""
			}
			if body > 0 {
				skipped = fmt.Sprintf("skip %d", body)
				got = append(got, skipped)
			}
			stream = stream[24+body:]
			continue
		}
		if len(stream) < 24+body {
			break
		}
		line := plainWhole(row, bytes.Clone(stream[:24+body]), string(stream[24+extras:24+extras+key]), say)
		got = append(got, line)
		if stream = stream[24+body:]; row.kind == 'q' {
			return got, string(stream), ""
		}
	}
	return got, string(stream), ""
}

func plainWhole(row plainRow, frame []byte, key string, say func(int, string) string) (line string) {
	code := frame[1]
	ok := say(0, "")
	if row.loud >= 0 {
		frame[1] = byte(row.loud)
	}
	switch row.kind {
	case 'q':
		if line = fmt.Sprintf("quit %q", ok); row.loud >= 0 {
			line = `quit ""`
		}
	case 'n':
		line = fmt.Sprintf("local %q", ok)
	case 'V':
		line = fmt.Sprintf("forward %q by %q", frame, "placeholder")
	case 'f':
		line = fmt.Sprintf("fanout %q", frame)
	case 't':
		switch key {
		case "":
			reply, _ := New(Options{Admin: true}).AppendReport(nil, codec.Client{Profile: Binary}, opStats, frame, &codectest.About{})
			line = fmt.Sprintf("report %q", reply)
		case "sizes_enable", "sizes_disable":
			line = fmt.Sprintf("refuse %q", say(0x20, textSizes))
		default:
			line = fmt.Sprintf("fanout %q", frame)
		}
	default:
		line = fmt.Sprintf("forward %q by %q", frame, key)
	}
	if row.loud >= 0 {
		line += fmt.Sprintf(" quiet %#x", code)
	}
	return line
}

func plainSay(request []byte, status int, text string) []byte {
	r := make([]byte, 24, 24+len(text))
	r[0], r[1], r[6], r[7], r[11] = 0x81, request[1], byte(status>>8), byte(status), byte(len(text))
	copy(r[12:16], request[12:16])
	return append(r, text...)
}

// plainRow is an opcode: k has a key, v a value besides, b is bare, and so are V, q and n; f flushes, t is STAT, s and S are SASL.
type plainRow struct {
	kind   byte
	extras int
	loud   int // -1: it is
}

func (r plainRow) takes(key, extras, body int) bool {
	switch r.kind {
	case 'k':
		return key > 0 && extras == r.extras && body == key+extras
	case 'v':
		return key > 0 && extras == r.extras
	case 'f':
		return key == 0 && body == extras && (extras == 0 || extras == 4)
	case 't':
		return extras == 0 && body == key
	case 'S':
		return extras == 0 && key > 0
	default:
		return body == 0
	}
}

var plainRows = map[byte]plainRow{
	0x00: {'k', 0, -1}, 0x01: {'v', 8, -1}, 0x02: {'v', 8, -1}, 0x03: {'v', 8, -1}, 0x04: {'k', 0, -1}, 0x05: {'k', 20, -1}, 0x06: {'k', 20, -1},
	0x07: {'q', 0, -1}, 0x08: {'f', 0, -1}, 0x09: {'k', 0, 0x00}, 0x0a: {'n', 0, -1}, 0x0b: {'V', 0, -1}, 0x0c: {'k', 0, -1}, 0x0d: {'k', 0, 0x0c},
	0x0e: {'v', 0, -1}, 0x0f: {'v', 0, -1}, 0x10: {'t', 0, -1}, 0x11: {'v', 8, 0x01}, 0x12: {'v', 8, 0x02}, 0x13: {'v', 8, 0x03}, 0x14: {'k', 0, 0x04},
	0x15: {'k', 20, 0x05}, 0x16: {'k', 20, 0x06}, 0x17: {'q', 0, 0x07}, 0x18: {'f', 0, 0x08}, 0x19: {'v', 0, 0x0e}, 0x1a: {'v', 0, 0x0f},
	0x1c: {'k', 4, -1}, 0x1d: {'k', 4, -1}, 0x1e: {'k', 4, 0x1d}, 0x20: {'s', 0, -1}, 0x21: {'S', 0, -1}, 0x22: {'S', 0, -1}, 0x23: {'k', 4, -1}, 0x24: {'k', 4, 0x23},
}

// checkBinary compares the two parsers on stream, whole and cut.
func checkBinary(t *testing.T, stream []byte, cut int) {
	t.Helper()
	want, wantRest, ended := plainly(bytes.Clone(stream))
	wantErr := map[string]error{"magic": errMagic, "unknown": errBinaryUnknown, "invalid": errBinaryInvalid}[ended]
	at := cut % (len(stream) + 1)
	for _, pieces := range [][][]byte{{bytes.Clone(stream)}, {bytes.Clone(stream[:at]), bytes.Clone(stream[at:])}, codectest.Bytes(bytes.Clone(stream))} {
		got, rest, err := parsedIn(New(Options{Admin: true, MaxValue: 100}), Binary, pieces)
		if !slices.Equal(got, want) || rest != wantRest || !errors.Is(err, wantErr) || err != nil && wantErr == nil {
			t.Fatalf("%q in %d pieces:\ngot  %q, rest %q, %v\nwant %q, rest %q, %v", stream, len(pieces), got, rest, err, want, wantRest, wantErr)
		}
	}
}

// anyRequests is a few requests, most of them good.
func anyRequests(rng *rand.Rand) (stream []byte) {
	for range 1 + rng.IntN(6) {
		code := byte(rng.IntN(0x26))
		row := plainRows[code]
		extras, key, value := make([]byte, row.extras), "", ""
		if slices.Contains([]byte("kvS"), row.kind) || row.kind == 't' && rng.IntN(2) == 0 {
			key = []string{"k", "items", "sizes_enable", longest, "\x80\n "}[rng.IntN(5)]
		}
		if row.kind == 'v' || row.kind == 'S' || row.kind == 0 {
			value = string(make([]byte, rng.IntN(130)))
		}
		switch rng.IntN(12) {
		case 0:
			key = tooLong
		case 1:
			key = ""
		case 2:
			value += "x"
		case 3:
			extras = append(extras, "1234"...)
		}
		frame := []byte(request(code, string(extras), key, value))
		if rng.IntN(20) == 0 {
			frame[rng.IntN(min(len(frame), 12))] = byte(rng.IntN(256))
		}
		stream = append(stream, frame...)
	}
	return stream[:max(0, len(stream)-max(0, rng.IntN(80)-50))]
}

// TestBinaryPlainly compares the parser with the plain one.
func TestBinaryPlainly(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		checkBinary(t, anyRequests(rng), rng.IntN(1000))
	}
}

func FuzzParseBinary(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(anyRequests(rand.New(rand.NewPCG(seed, 2))), uint16(30))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) { checkBinary(t, in, int(cut)) })
}

// FuzzScanBinary: no panic, no broken promise, and the same at any cut.
func FuzzScanBinary(f *testing.F) {
	for _, seed := range []string{
		replyTo(codeGet, 0, "flag", "", "value") + replyTo(codeSet, 0, "", "", ""), "ERROR\r\n", replyTo(codeStat, 0, "", "a", "1") + replyTo(codeStat, 0, "", "", ""),
		replyTo(codeGetK, 1, "", "k", ""), "\x81",
	} {
		f.Add([]byte(seed), uint16(5), uint16(codeGet))
		f.Add([]byte(seed), uint16(25), uint16(0x100))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut, code uint16) {
		var m codec.Mark
		if code < 0x100 {
			m = marked | codec.Mark(code)<<32 | 0x6f706171
		}
		want, wantRest, wantErr := scanned([][]byte{in}, m)
		if wantErr != nil && !errors.Is(wantErr, codec.ErrMalformed) {
			t.Fatal(wantErr)
		}
		at := int(cut) % (len(in) + 1)
		for _, pieces := range [][][]byte{{in[:at:at], in[at:]}, codectest.Bytes(in)} {
			if got, rest, err := scanned(pieces, m); !slices.Equal(got, want) || rest != wantRest || !errors.Is(err, wantErr) {
				t.Fatalf("in %d pieces: %q, %q, %v; whole: %q, %q, %v", len(pieces), got, rest, err, want, wantRest, wantErr)
			}
		}
	})
}
