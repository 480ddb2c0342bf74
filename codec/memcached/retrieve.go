package memcached

import (
	"bytes"

	"cashew/codec"
)

// parseRetrieve reads get, gets, gat or gats behind its name.
func parseRetrieve(cmd *codec.Command, line []byte, pos int) {
	exptime := pos
	if cmd.Op == opGat || cmd.Op == opGats {
		if exptime, pos = word(line, pos); exptime == pos {
			refuse(cmd, refuseUnknown, false)
			return
		}
		if isRequest(line) && !isSigned(line[exptime:pos]) {
			refuse(cmd, hangUp, false)
			return
		}
	}
	from, to := word(line, pos)
	switch {
	case from == to:
		refuseNoKey(cmd, line[exptime:pos])
		return
	case to-from > maxKey:
		refuseKey(cmd, line[exptime:pos])
		return
	}
	cmd.Key = line[from:to]
	if to == len(line) {
		return
	}
	keys := cmd.Keys
	for from < to {
		if to-from > maxKey {
			refuseKey(cmd, line[exptime:pos])
			return
		}
		keys = append(keys, codec.Key{Off: uint32(from), Len: uint32(to - from), Start: uint32(pos), End: uint32(to)})
		pos = to
		from, to = word(line, pos)
	}
	if len(keys) > 1 {
		cmd.Kind = codec.Scatter
		cmd.Keys = keys
	}
	if len(line) > maxLine && (cmd.Op == opGat || cmd.Op == opGats) {
		cmd.Keys = keys[:0]
		refuse(cmd, refuseLine, false)
	}
}

// refuseNoKey answers a retrieval without keys: a gat of nothing finds nothing.
func refuseNoKey(cmd *codec.Command, exptime []byte) {
	switch {
	case len(exptime) == 0:
		refuse(cmd, refuseUnknown, false)
	case isSigned(exptime):
		answer(cmd, answerEnd, false)
	default:
		refuse(cmd, refuseExptime, false)
	}
}

// refuseKey answers a retrieval with a key that is too long. An exptime that is none comes first.
func refuseKey(cmd *codec.Command, exptime []byte) {
	if exptime, _, _ := bytes.Cut(exptime, []byte{' '}); len(exptime) > 0 && !isSigned(exptime) {
		refuse(cmd, refuseExptime, false)
		return
	}
	refuse(cmd, refuseFormat, false)
}
