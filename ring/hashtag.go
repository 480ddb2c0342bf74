package ring

import "bytes"

// tagged returns the part of key that is hashed: what stands between the first left and the first right after it, if that
// is at least one byte, else the whole key. left and right may be equal. With {}:
//
//	user:{42}:x   42
//	a}b{c}        c
//	n{{7}}x       {7
//	a{}b{c}       the whole key: only the first left counts
//	open{1        the whole key
//
// Source: twemproxy src/nc_server.c, server_pool_idx.
func tagged(key []byte, left, right byte) []byte {
	i := bytes.IndexByte(key, left)
	if i < 0 {
		return key
	}
	rest := key[i+1:]
	if n := bytes.IndexByte(rest, right); n > 0 {
		return rest[:n]
	}
	return key
}
