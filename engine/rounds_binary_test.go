package engine

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// binaryFrame is a request of memcached's binary protocol, or a reply to one.
func binaryFrame(magic, opcode byte, extras, key, value string) string {
	b := binary.BigEndian.AppendUint16([]byte{magic, opcode}, uint16(len(key)))
	b = append(b, byte(len(extras)), 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(extras)+len(key)+len(value)))
	return string(append(b, "opaq\x00\x00\x00\x00\x00\x00\x00\x00"...)) + extras + key + value
}

// binaryHot are the hot commands of memcached's binary protocol; those with 10 keys are batches that a NOOP ends.
func binaryHot() []hotCommand {
	request := func(opcode byte, extras, key, value string) string {
		return binaryFrame(0x80, opcode, extras, key, value)
	}
	reply := func(opcode byte, extras, key, value string) string {
		return binaryFrame(0x81, opcode, extras, key, value)
	}
	flags, noop := "\x00\x00\x00\x00", request(0x0a, "", "", "")
	found, batch := "", ""
	for i := range 10 {
		key := fmt.Sprintf("key:%012d", i)
		batch += request(0x0d, "", key, "")
		found += reply(0x0d, flags, key, hotValue)
	}
	noops := reply(0x0a, "", "", "")
	return []hotCommand{
		{"get", request(0x00, "", hotKey, ""), reply(0x00, flags, "", hotValue)},
		{"getk", request(0x0c, "", hotKey, ""), reply(0x0c, flags, hotKey, hotValue)},
		{"gat", request(0x1d, flags, hotKey, ""), reply(0x1d, flags, "", hotValue)},
		{"set", request(0x01, flags+flags, hotKey, hotValue), reply(0x01, "", "", "")},
		{"delete", request(0x04, "", hotKey, ""), reply(0x04, "", "", "")},
		{"touch", request(0x1c, flags, hotKey, ""), reply(0x1c, flags, "", "")},
		{"noop", noop, noops},
		{"get-10-quiet", batch + noop, found + noops},
		{"set-10-quiet", strings.Repeat(request(0x11, flags+flags, hotKey, hotValue), 10) + noop, noops},
		{"get-missing-quiet", request(0x09, "", "miss:1", "") + noop, noops},
	}
}

// binaryHotReply answers the first request of in, which has n bytes, or a NOOP.
func binaryHotReply(in string) (reply string, n int) {
	key, extras := int(in[2])<<8+int(in[3]), int(in[4])
	n = 24 + int(binary.BigEndian.Uint32([]byte(in[8:])))
	name, opaque := in[24+extras:24+extras+key], in[12:16]
	flags := "\x00\x00\x00\x00"
	switch opcode := in[1]; {
	case strings.HasPrefix(name, "miss:"):
		reply = binaryFrame(0x81, opcode, "", "", "Not found")
		reply = reply[:7] + "\x01" + reply[8:]
	case opcode == 0x00, opcode == 0x1d:
		reply = binaryFrame(0x81, opcode, flags, "", hotValue)
	case opcode == 0x0c:
		reply = binaryFrame(0x81, opcode, flags, name, hotValue)
	case opcode == 0x1c:
		reply = binaryFrame(0x81, opcode, flags, "", "")
	default:
		reply = binaryFrame(0x81, opcode, "", "", "")
	}
	return reply[:12] + opaque + reply[16:], n
}
