package memcached

import "cashew/codec"

// A key in base64 (flag b of a meta command) is another name of the key that it encodes: servers keep that, and so it is what has a place in
// the ring, a prefix, and a limit. What goes to the server is what the client sent.

// encoded is set in the Len of the Key of an ms whose key is in base64.
const encoded = 1 << 31

// sixBits has what each letter of base64 stands for; the others have none.
var sixBits = func() (t [256]byte) {
	for c := range t {
		t[c] = noLetter
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['='] = 0
	return t
}()

const noLetter = 0x80

// decode is the key that key encodes, in s.Scratch; or key itself if it encodes none, which its server says.
//
// It takes what memcached takes: bytes that are no letters are skipped, and what is behind a group with padding does not count.
// Source: memcached 1.6.18, asked with all kinds of keys.
func decode(s *codec.Scan, key []byte) []byte {
	letters := 0
	for _, c := range key {
		if sixBits[c] != noLetter {
			letters++
		}
	}
	if letters == 0 || letters%4 != 0 {
		return key
	}
	out := s.Scratch[:0]
	var group uint32
	n, pad := 0, 0
	for _, c := range key {
		v := sixBits[c]
		if v == noLetter {
			continue
		}
		if c == '=' {
			pad++
		}
		group = group<<6 | uint32(v)
		if n++; n%4 != 0 {
			continue
		}
		out = append(out, byte(group>>16), byte(group>>8), byte(group))
		if pad > 2 {
			return key
		}
		if pad > 0 {
			out = out[:len(out)-pad]
			break
		}
	}
	s.Scratch = out
	return out
}
