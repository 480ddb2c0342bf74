package memcached

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cashew/codec"
	"cashew/codec/codectest"
)

func TestScanReply(t *testing.T) {
	wide := strings.Repeat("x", 1200)
	tests := []struct {
		name string
		in   string
		want []string
		rest string
		err  error
	}{
		{name: "words", in: "STORED\r\nNOT_STORED\r\nEXISTS\r\nNOT_FOUND\r\nDELETED\r\nTOUCHED\r\nOK\r\nRESET\r\n", want: []string{"STORED\r\n", "NOT_STORED\r\n", "EXISTS\r\n", "NOT_FOUND\r\n", "DELETED\r\n", "TOUCHED\r\n", "OK\r\n", "RESET\r\n"}},
		{name: "errors", in: "ERROR\r\nERROR too many\r\nCLIENT_ERROR bad data chunk\r\nSERVER_ERROR out of memory\r\nSERVER_ERROR\r\n", want: []string{"ERROR\r\n", "ERROR too many\r\n", "CLIENT_ERROR bad data chunk\r\n", "SERVER_ERROR out of memory\r\n", "SERVER_ERROR\r\n"}},
		{name: "version", in: "VERSION 1.6.18\r\n", want: []string{"VERSION 1.6.18\r\n"}},
		{name: "numbers", in: "0\r\n18446744073709551615\r\n5  \r\n", want: []string{"0\r\n", "18446744073709551615\r\n", "5  \r\n"}},
		{name: "miss", in: "END\r\nEN\r\n", want: []string{"END\r\n", "EN\r\n"}},
		{name: "value", in: "VALUE a 0 3\r\nabc\r\nEND\r\n", want: []string{"VALUE a 0 3\r\nabc\r\nEND\r\n"}},
		{name: "values", in: "VALUE a 0 3\r\nabc\r\nVALUE b 4294967295 0 17\r\n\r\nEND\r\nEND\r\n", want: []string{"VALUE a 0 3\r\nabc\r\nVALUE b 4294967295 0 17\r\n\r\nEND\r\n", "END\r\n"}},
		{name: "value that looks like an end", in: "VALUE a 0 12\r\nEND\r\nEND\r\n\r\n\r\nEND\r\n", want: []string{"VALUE a 0 12\r\nEND\r\nEND\r\n\r\n\r\nEND\r\n"}},
		{name: "value under an odd key", in: "VALUE a\r\tb 0 1\r\nx\r\nEND\r\n", want: []string{"VALUE a\r\tb 0 1\r\nx\r\nEND\r\n"}},
		{name: "long value", in: "VALUE a 0 1200\r\n" + wide + "\r\nEND\r\n", want: []string{"VALUE a 0 1200\r\n" + wide + "\r\nEND\r\n"}},
		{name: "memory ran out", in: "VALUE a 0 1\r\nx\r\nSERVER_ERROR out of memory writing get response\r\nEND\r\n", want: []string{"VALUE a 0 1\r\nx\r\nSERVER_ERROR out of memory writing get response\r\n", "END\r\n"}},
		{name: "stats", in: "STAT pid 1\r\nSTAT a b c\r\nEND\r\nSTORED\r\n", want: []string{"STAT pid 1\r\nSTAT a b c\r\nEND\r\n", "STORED\r\n"}},
		{name: "meta", in: "HD\r\nHD t30 O1\r\nNF\r\nNS kk\r\nEX c1\r\nEN\r\nEN kzz Oab\r\nMN\r\nME a exp=-1 la=0\r\n", want: []string{"HD\r\n", "HD t30 O1\r\n", "NF\r\n", "NS kk\r\n", "EX c1\r\n", "EN\r\n", "EN kzz Oab\r\n", "MN\r\n", "ME a exp=-1 la=0\r\n"}},
		{name: "meta values", in: "VA 3\r\nabc\r\nVA 0 t-1 c5\r\n\r\nVA 2 \r\n\r\n\r\nHD\r\n", want: []string{"VA 3\r\nabc\r\n", "VA 0 t-1 c5\r\n\r\n", "VA 2 \r\n\r\n\r\n", "HD\r\n"}},
		{name: "largest value begins", in: "VALUE a 0 2147483645\r\nabc", rest: "VALUE a 0 2147483645\r\nabc"},
		{name: "line cut", in: "CLIENT_ERR", rest: "CLIENT_ERR"},
		{name: "longest line", in: "VERSION " + strings.Repeat("x", maxReplyLine-10) + "\r\n", want: []string{"VERSION " + strings.Repeat("x", maxReplyLine-10) + "\r\n"}},

		{name: "line too long", in: "VERSION " + strings.Repeat("x", maxReplyLine-9) + "\r\n", err: errReplyLine},
		{name: "value line too long", in: "VALUE " + strings.Repeat("x", maxReplyLine-11) + " 0 0\r\n", err: errReplyLine},
		{name: "meta value line too long", in: "VA 0 " + strings.Repeat("x", maxReplyLine-6) + "\r\n", err: errReplyLine},
		{name: "word unknown", in: "HELLO\r\n", err: errReplyWord},
		{name: "word too long", in: "AAAAAAAAAAAAAAAAAAAAAAAA", err: errReplyWord},
		{name: "word in lower case", in: "stored\r\n", err: errReplyWord},
		{name: "empty line", in: "\r\n", err: errReplyWord},
		{name: "LF", in: "\n", err: errReplyLine},
		{name: "word and more", in: "STORED x\r\n", err: errReplyLine},
		{name: "end and a space", in: "END \r\n", err: errReplyLine},
		{name: "word ended by LF", in: "STORED\n", err: errReplyLine},
		{name: "word with two CRs", in: "STORED\r\r\n", err: errReplyLine},
		{name: "text ended by LF", in: "CLIENT_ERROR x\n", err: errReplyLine},
		{name: "binary", in: "\x81\x00", err: errReplyWord},
		{name: "number with letters", in: "12a\r\n", err: errReplyNumber},
		{name: "number far too large", in: "1234567890123456789012345\r\n", err: errReplyNumber},
		{name: "number ended by LF", in: "12\n", err: errReplyLine},
		{name: "number in two", in: "1 2\r\n", err: errReplyNumber},
		{name: "number with CR inside", in: "1\r2\r\n", err: errReplyNumber},
		{name: "value without key", in: "VALUE  0 3\r\n", err: errReplyFields},
		{name: "value alone", in: "VALUE\r\n", err: errReplyFields},
		{name: "value with a key only", in: "VALUE a\r\n", err: errReplyFields},
		{name: "value without size", in: "VALUE a 0\r\n", err: errReplyFields},
		{name: "value with an empty size", in: "VALUE a 0 \r\n", err: errReplyFields},
		{name: "value with an empty cas", in: "VALUE a 0 1 \r\n", err: errReplyFields},
		{name: "value with too many fields", in: "VALUE a 0 1 2 3\r\n", err: errReplyFields},
		{name: "value of a negative size", in: "VALUE a 0 -1\r\n", err: errReplyNumber},
		{name: "value of a size in hex", in: "VALUE a 0 1x\r\n", err: errReplyNumber},
		{name: "value of a size too large", in: "VALUE a 0 2147483646\r\n", err: errReplyNumber},
		{name: "value of a size far too large", in: "VALUE a 0 18446744073709551617\r\n", err: errReplyNumber},
		{name: "value of a size far too zero", in: "VALUE a 0 0000000000000000000000000\r\n", err: errReplyNumber},
		{name: "value line ended by LF", in: "VALUE a 0 1\nx\r\nEND\r\n", err: errReplyLine},
		{name: "value with LF in the key", in: "VALUE a\nb 0 1\r\n", err: errReplyLine},
		{name: "value longer than said", in: "VALUE a 0 1\r\nxy\r\nEND\r\n", err: errReplyBody},
		{name: "value without LF", in: "VALUE a 0 1\r\nx\rE", err: errReplyBody},
		{name: "values that do not end", in: "VALUE a 0 1\r\nx\r\nSTORED\r\n", err: errReplyWord},
		{name: "values and a number", in: "VALUE a 0 1\r\nx\r\n1\r\n", err: errReplyWord},
		{name: "values and a meta value", in: "VALUE a 0 1\r\nx\r\nVA 1\r\n", err: errReplyWord},
		{name: "values and stats", in: "VALUE a 0 1\r\nx\r\nSTAT a 1\r\n", err: errReplyWord},
		{name: "stats and values", in: "STAT a 1\r\nVALUE a 0 1\r\nx\r\n", err: errReplyWord},
		{name: "stats and meta", in: "STAT a 1\r\nHD\r\n", err: errReplyWord},
		{name: "meta value without size", in: "VA\r\n", err: errReplyFields},
		{name: "meta value with an empty size", in: "VA \r\n", err: errReplyFields},
		{name: "meta value of no size", in: "VA t\r\n", err: errReplyNumber},
		{name: "meta value with CR inside", in: "VA 1\r \r\n", err: errReplyNumber},
		{name: "meta value longer than said", in: "VA 1\r\nxy\r\n", err: errReplyBody},
	}
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			codectest.EverySplit([]byte(tt.in), func(pieces [][]byte) {
				replies, rest, err := codectest.Replies(p, pieces)
				var got []string
				for _, r := range replies {
					if got = append(got, r.Bytes); r.First != r.Bytes[0] {
						t.Errorf("First of %q is %q", r.Bytes, r.First)
					}
				}
				if tt.err != nil {
					got = nil
				}
				if diff := cmp.Diff(tt.want, got); diff != "" || rest != tt.rest || !errors.Is(err, tt.err) {
					t.Fatalf("ScanReply(%.300q) = %.300q, %v; want %.300q, %v (-want +got)\n%s", pieces, rest, err, tt.rest, tt.err, diff)
				}
			})
		})
	}
}

// FuzzScanReply: no panic, no broken promise, and the same at any cut.
func FuzzScanReply(f *testing.F) {
	for _, seed := range []string{
		"VALUE a 0 3\r\nabc\r\nVALUE b 1 2 3\r\nxx\r\nEND\r\n", "VA 3 t1 c2\r\nabc\r\nHD\r\n", "STAT a b\r\nEND\r\n", "12 \r\nSTORED\r\n",
		"SERVER_ERROR x y\r\nVERSION 1\r\nEN\r\n", "VALUE a\r 0 3\r\nabc\r\nERROR\r\n", "VALUE a 0 9999999999\r\n", "END\r\nMN\r\n",
	} {
		f.Add([]byte(seed), uint16(3))
	}
	p := New(Options{})
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		want, wantRest, wantErr := codectest.Replies(p, [][]byte{in})
		if wantErr != nil && !errors.Is(wantErr, codec.ErrMalformed) || wantErr != nil && strings.HasPrefix(wantErr.Error(), "broken") {
			t.Fatal(wantErr)
		}
		at := int(cut) % (len(in) + 1)
		for _, pieces := range [][][]byte{{in[:at:at], in[at:]}, codectest.Bytes(in)} {
			got, rest, err := codectest.Replies(p, pieces)
			if diff := cmp.Diff(want, got); diff != "" || rest != wantRest || (err == nil) != (wantErr == nil) {
				t.Fatalf("in %d pieces: %q, %v; whole: %q, %v\n%s", len(pieces), rest, err, wantRest, wantErr, diff)
			}
		}
	})
}
