package memcached

import "cashew/codec"

// A meta command has one key and flags. A key in base64 (flag b) decides the server by what it encodes, see base64.go: clients that spread
// keys over servers themselves hash the key they were given, before they encode it. The proxy inside memcached itself hashes the word on
// the line (memcached 1.6 proxy_request.c _process_request_meta, proxy_lua.c mcplib_pool_proxy_call: MCP_PARSER_KEY), so that an item has two
// places there.

// maxMetaWords is the most words that ms has, its name included: of one with more not every memcached takes the data
// block. Source: memcached 1.6.18 MFLAG_MAX_OPT_LENGTH, which counts the end of the line.
const maxMetaWords = 19

// flagQuiet begins the word that asks for silence in the nominal case.
const flagQuiet = 'q'

// flagBase64 begins the word that says that the key is in base64.
const flagBase64 = 'b'

// metaFlags walks the flags behind pos. It places the q flag, if there is one, counts q flags and all words, and looks for a b.
func metaFlags(line []byte, pos, words int) (from, to, quiets, n int, base64 bool) {
	for n = words; ; n++ {
		f, t := word(line, pos)
		if f == t {
			return from, to, quiets, n, base64
		}
		switch line[f] {
		case flagQuiet:
			from, to = f, t
			quiets++
		case flagBase64:
			base64 = true
		}
		pos = t
	}
}

// parseMeta reads mg, md or ma behind its name. A command that is twice quiet is refused here, so that the server need
// not answer what was meant to be silent; how many flags there may be is the server's to say.
func parseMeta(s *codec.Scan, cmd *codec.Command, line []byte, pos int) {
	from, to := word(line, pos)
	switch {
	case from == to:
		refuse(cmd, refuseUnknown, false)
		return
	case to-from > maxKey:
		refuse(cmd, refuseFormat, false)
		return
	}
	cmd.Key = line[from:to]
	if to == len(line) {
		return
	}
	from, to, quiets, n, base64 := metaFlags(line, to, 2)
	if n == 3 && line[len(line)-1] <= '9' { // as a version of HTTP ends; in one condition it costs more
		if isRequest(line) {
			refuse(cmd, hangUp, false)
			return
		}
	}
	if base64 {
		cmd.Key = decode(s, cmd.Key)
	}
	switch {
	case quiets > 1 && cmd.Op == opMetaGet:
		refuse(cmd, refuseTwice, false)
	case quiets > 1:
		refuse(cmd, refuseTwiceOther, false)
	case quiets == 1:
		unquiet(cmd, from, to)
	}
}

// parseMetaStore reads ms behind its name; see parseStore. Its line is odd if its size is.
func (p *Protocol) parseMetaStore(s *codec.Scan, b, line []byte, pos int, cmd *codec.Command) bool {
	from, to := word(line, pos)
	key := codec.Key{Off: uint32(from), Len: uint32(to - from)}
	from, to = word(line, to)
	size, end := digits(line, from)
	odd := end == malformed || size > maxSize
	if odd {
		v, _ := signed(line[from:to])
		size = uint64(v)
	}
	if key.Len-1 >= maxKey || odd && !isSize(line[from:to]) {
		refuseMetaStore(s, cmd, line)
		return cmd.Err != hangUp
	}
	from, to, quiets, n, base64 := metaFlags(line, to, 3)
	if n > maxMetaWords || quiets > 1 {
		refuseMetaStore(s, cmd, line)
		return true
	}
	if key.Start, key.End = uint32(from), uint32(to); odd {
		key.Start, key.End = oddLine, 0
	}
	if base64 {
		key.Len |= encoded
	}
	return p.store(s, b, key, int(size), false, cmd)
}

// refuseMetaStore refuses a malformed ms; quiet or not, errors are told. As in parseOdd the data block is skipped if its
// size is said; memcached 1.6.18 does that only if the flags are at fault.
func refuseMetaStore(s *codec.Scan, cmd *codec.Command, line []byte) {
	var w [maxMetaWords][]byte
	n := words(line, w[:])
	switch {
	case n < 2:
		refuse(cmd, refuseUnknown, false)
		return
	case isRequest(line):
		refuse(cmd, hangUp, false)
		return
	case len(w[1]) > maxKey, n == 2:
		refuse(cmd, refuseFormat, false)
	case n > maxMetaWords:
		refuse(cmd, refuseFlags, false)
	default:
		refuse(cmd, refuseFormat, false)
		if _, _, quiets, _, _ := metaFlags(line, len("ms"), 1); quiets > 1 && isSize(w[2]) {
			cmd.Err = refuseTwice
		}
	}
	skipSize(s, w[2])
}

// unquiet takes the q flag at cmd.Frame[from:to] out of it, with spaces in place of it, which are as good as none. So the
// server answers each command once, replies can be told apart, and what quiet mode hides is hidden on the way back.
func unquiet(cmd *codec.Command, from, to int) {
	q := cmd.Frame[from:to]
	for i := range q {
		q[i] = ' '
	}
	cmd.Quiet = cmd.Op
}

// Suppress implements codec.Answers: it hides what the q flag hides, which is what a client expects to happen. An error
// is never hidden.
//
//	mg  EN       ms  HD       md  HD       ma  HD VA
//
// Source: memcached 1.6.18, asked for every return code. It shows NF to md and ma, and an HD or VA of ma for an item that
// ma itself made (flag N); the latter can't be told from a hit, and is hidden.
func (*Protocol) Suppress(quiet uint16, reply []byte) bool {
	if quiet&quietBinary != 0 {
		return suppressBinary(byte(quiet), reply)
	}
	if len(reply) < len("EN\r\n") || reply[2] > ' ' {
		return false
	}
	switch code := string(reply[:2]); quiet {
	case opMetaGet:
		return code == "EN"
	case opMetaSet, opMetaDelete:
		return code == "HD"
	case opMetaArithmetic:
		return code == "HD" || code == "VA"
	default:
		return false
	}
}
