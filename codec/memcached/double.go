package memcached

import (
	"bytes"
	"encoding/binary"

	"cashew/codec"
)

const refuseUnique = "a CAS unique is of one server"

// Doubles implements codec.Answers. A read that touches changes when an item ends, and one that may make an item changes more.
func (*Protocol) Doubles(cmd *codec.Command) (writes bool, why string) {
	switch cmd.Op {
	case opGet, opGets:
		return false, ""
	case opCas:
		return true, refuseUnique
	}
	switch commands[cmd.Op].shape {
	case retrieve, store, change, remove, flushAll:
		writes = true
		if f := cmd.Frame; len(f) >= headerSize && f[0] == magicRequest && binary.BigEndian.Uint64(f[16:]) != 0 {
			why = refuseUnique
		}
	case meta, metaStore:
		writes = cmd.Op != opMetaGet
		if eachFlag(cmd, func(flag byte) bool { return !writes && bytes.IndexByte([]byte("NRT"), flag) >= 0 }) {
			writes = true
		}
		if writes && eachFlag(cmd, func(flag byte) bool { return flag == 'C' }) {
			why = refuseUnique
		}
	}
	return writes, why
}

// eachFlag says that is holds of a flag of a meta command.
func eachFlag(cmd *codec.Command, is func(flag byte) bool) bool {
	line, _, _ := bytes.Cut(cmd.Frame, []byte("\n"))
	_, pos := word(line, 0)
	_, pos = word(line, pos) // the key
	if cmd.Op == opMetaSet {
		_, pos = word(line, pos) // and the size
	}
	for {
		from, to := word(line, pos)
		if from == to {
			return false
		}
		if is(line[from]) {
			return true
		}
		pos = to
	}
}
