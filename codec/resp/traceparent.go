package resp

import (
	"bytes"
	"encoding/hex"

	"cashew/codec"
)

// traceBegins is what stands in the version of a client's library before the span that its commands are a part of:
//
//	CLIENT SETINFO LIB-VER 9.23.0;traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//
// A server keeps that as any other version, so that a client need not know whether it speaks to one.
const traceBegins = ";traceparent="

// traceOf is a version without that, and the span; none, if there is none, or it is not written as it is to be.
//
// Source: W3C, "Trace Context", 2021, 3.2.
func traceOf(version []byte) ([]byte, codec.Trace) {
	version, parent, has := bytes.Cut(version, []byte(traceBegins))
	var t codec.Trace
	var flags [1]byte
	if !has || len(parent) < 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' || bytes.ContainsFunc(parent[:55], isUpper) {
		return version, codec.Trace{}
	}
	var number [1]byte
	for _, part := range []struct{ to, from []byte }{{number[:], parent[:2]}, {t.Trace[:], parent[3:35]}, {t.Span[:], parent[36:52]}, {flags[:], parent[53:55]}} {
		if _, err := hex.Decode(part.to, part.from); err != nil {
			return version, codec.Trace{}
		}
	}
	switch {
	case number[0] == 0xff, number[0] == 0 && len(parent) != 55, len(parent) > 55 && parent[55] != '-', t.Trace == [16]byte{}, t.Span == [8]byte{}:
		return version, codec.Trace{}
	}
	t.Given, t.Sampled = true, flags[0]&1 != 0
	return version, t
}

func isUpper(r rune) bool { return r >= 'A' && r <= 'Z' }
