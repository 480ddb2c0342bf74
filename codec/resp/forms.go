package resp

import "cashew/codec"

// The two profiles of the protocol: servers are asked for RESP3 with HELLO 3 as their connection opens.
const (
	RESP2 codec.Profile = iota
	RESP3
	profiles = iota
)

// What the proxy says itself has a form in each version. RESP2 has no maps, sets and verbatim strings, and another null.
//
//	          RESP2      RESP3
//	null      $-1        _
//	map       *2n        %n
//	set       *n         ~n
//	verbatim  $          =, txt: before the text
//
// Source: redis 7.0 networking.c, addReplyNull, addReplyMapLen, addReplySetLen, addReplyVerbatim.

const null3 = "_\r\n"

func appendNull(dst []byte, pr codec.Profile) []byte {
	if pr == RESP3 {
		return append(dst, null3...)
	}
	return append(dst, nullBulk...)
}

// appendMapHeader is followed by n keys, each with its value.
func appendMapHeader(dst []byte, pr codec.Profile, n int) []byte {
	if pr == RESP3 {
		return appendHeader(dst, '%', n)
	}
	return appendHeader(dst, '*', 2*n)
}

// appendSetHeader is followed by n elements.
func appendSetHeader(dst []byte, pr codec.Profile, n int) []byte {
	if pr == RESP3 {
		return appendHeader(dst, '~', n)
	}
	return appendHeader(dst, '*', n)
}

// appendVerbatim appends text for people to read.
func appendVerbatim(dst []byte, pr codec.Profile, text []byte) []byte {
	if pr != RESP3 {
		return appendBulk(dst, text)
	}
	const format = "txt:"
	dst = appendHeader(dst, '=', len(format)+len(text))
	dst = append(dst, format...)
	dst = append(dst, text...)
	return append(dst, crlf...)
}
