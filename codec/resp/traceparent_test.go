package resp

import (
	"strings"
	"testing"

	"cashew/codec"
)

// TestTraceparent: what a client's version has of a span is understood if it is written as it is to be, and is no part of the version.
func TestTraceparent(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	zeros := strings.Repeat("0", 32)
	for parent, want := range map[string]struct{ given, sampled bool }{
		"00-" + trace + "-" + span + "-01":                  {true, true},
		"00-" + trace + "-" + span + "-00":                  {true, false},
		"00-" + trace + "-" + span + "-03":                  {true, true},
		"cc-" + trace + "-" + span + "-01-later":            {true, true},
		"":                                                  {},
		"00":                                                {},
		"00-" + trace + "-" + span + "-01-x":                {},
		"cc-" + trace + "-" + span + "-01x":                 {},
		"ff-" + trace + "-" + span + "-01":                  {},
		"00-" + zeros + "-" + span + "-01":                  {},
		"00-" + trace + "-" + zeros[:16] + "-01":            {},
		"00-" + strings.ToUpper(trace) + "-" + span + "-01": {},
		"00-" + trace + "_" + span + "-01":                  {},
		"00-" + trace + "-" + span + "-0g":                  {},
	} {
		cl := codec.Client{Trace: codec.Trace{Given: true}}
		if got := appendSetInfo(nil, &cl, []byte("LIB-VER"), []byte("9.23.0;traceparent="+parent)); string(got) != "+OK\r\n" || cl.LibVer != "9.23.0" {
			t.Errorf("%s: %q, version %q", parent, got, cl.LibVer)
		}
		if got := cl.Trace; got.Given != want.given || got.Sampled != want.sampled || want.given && (got.Trace[0] != 0x4b || got.Span[7] != 0xb7) {
			t.Errorf("%s: %+v", parent, got)
		}
	}
	cl := codec.Client{Trace: codec.Trace{Given: true}}
	if appendSetInfo(nil, &cl, []byte("lib-name"), []byte("x;traceparent=y")); !cl.Trace.Given || cl.Lib != "x;traceparent=y" {
		t.Errorf("%+v", cl)
	}
	if got := string(appendSetInfo(nil, &cl, []byte("lib-ver"), []byte("1;traceparent= "))); !strings.HasPrefix(got, "-ERR") || !cl.Trace.Given {
		t.Errorf("%q, %+v", got, cl)
	}
	if appendSetInfo(nil, &cl, []byte("lib-ver"), []byte("2")); cl.Trace.Given || cl.LibVer != "2" {
		t.Errorf("%+v", cl)
	}
}
