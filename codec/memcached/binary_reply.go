package memcached

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"cashew/codec"
	"cashew/codec/verdict"
)

// scanBinary is ScanReply on a connection that speaks the binary protocol. Between calls:
//
//	Line  bytes of the header that were seen; the first 16 are in Word
//	Skip  bytes of the body still to come
//	Depth stating inside the replies to STAT, which one with an empty body ends
//	State inAnswer inside a line of text
//
// A server that does not speak it says "ERROR" or the like, in the handshake: only there, and to a canary, a line of text is a reply,
// for CheckHandshake and JudgeCanary to look at.
func scanBinary(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	for n < len(buf) {
		switch {
		case s.Skip > 0:
			k := int(min(s.Skip, int64(len(buf)-n)))
			n += k
			if s.Skip -= int64(k); s.Skip > 0 {
				return n, false, nil
			}
		case s.State == inAnswer:
			k, whole, err := scanAnswer(s, buf[n:])
			return n + k, whole, err
		case s.Line == 0 && buf[n] != magicReply:
			if s.Mark != 0 || s.Depth != alone {
				return 0, false, errReplyMagic
			}
			s.First, s.State = buf[n], inAnswer
			continue
		default:
			k, err := scanHeader(s, buf[n:])
			if err != nil {
				return 0, false, err
			}
			if n += k; s.Line > 0 || s.Skip > 0 {
				continue
			}
		}
		if s.Depth == alone {
			return n, true, nil
		}
	}
	return n, false, nil
}

// inAnswer is a ReplyScan.State of the binary protocol alone.
const inAnswer uint8 = 1 << 6

// maxAnswer is more than a server says in a line of text that does not speak the binary protocol.
const maxAnswer = 1 << 10

// scanAnswer takes bytes of a line of text.
func scanAnswer(s *codec.ReplyScan, buf []byte) (n int, done bool, err error) {
	n = bytes.IndexByte(buf, '\n') + 1
	if done = n > 0; !done {
		n = len(buf)
	}
	if s.Line += int32(min(n, maxAnswer+1)); s.Line > maxAnswer {
		return 0, false, errReplyMagic
	}
	if done {
		s.State, s.Line = lineStart, 0
	}
	return n, done, nil
}

// scanHeader takes bytes of a header; once it is whole, Line is 0 again.
func scanHeader(s *codec.ReplyScan, buf []byte) (n int, err error) {
	if s.Line == 0 && len(buf) >= headerSize {
		s.First = magicReply
		return headerSize, endHeader(s, buf[:16])
	}
	if s.Line == 0 {
		s.First, s.Word = magicReply, [2]int64{}
	}
	for ; n < len(buf) && s.Line < headerSize; n++ {
		if i := s.Line; i < 16 {
			s.Word[i/8] |= int64(uint64(buf[n]) << (i % 8 * 8))
		}
		s.Line++
	}
	if s.Line < headerSize {
		return n, nil
	}
	var h [16]byte
	binary.LittleEndian.PutUint64(h[:], uint64(s.Word[0]))
	binary.LittleEndian.PutUint64(h[8:], uint64(s.Word[1]))
	s.Line = 0
	return n, endHeader(s, h[:])
}

// endHeader looks at the first 16 bytes of a header: whether it is that of a reply to the command with that mark, and how much comes
// behind it.
func endHeader(s *codec.ReplyScan, h []byte) error {
	_ = h[15]
	opcode, opaque := h[1], codec.Mark(binary.BigEndian.Uint32(h[12:]))
	if m := s.Mark; m != 0 && (opcode != opcodes[opcodeOf(m)].loud || opaque != m&(1<<32-1)) {
		return errReplyMark
	}
	key, extras, body := int(binary.BigEndian.Uint16(h[2:])), int(h[4]), binary.BigEndian.Uint32(h[8:])
	if uint32(key+extras) > body || body > maxReplySize {
		return errReplyLength
	}
	s.Skip = int64(body)
	if s.Depth = alone; opcode == codeStat && body > 0 && statusOf(h) == statusOK {
		s.Depth = stating
	}
	return nil
}

// Marks implements codec.Replies.
func (*Protocol) Marks(pr codec.Profile) bool { return pr == Binary }

// noopWith is a NOOP, or the reply to one, with that opaque.
func noopWith(magic byte, opaque uint32) []byte {
	b := make([]byte, headerSize)
	b[0], b[1] = magic, codeNoop
	binary.BigEndian.PutUint32(b[12:], opaque)
	return b
}

// greeting is what a connection of the binary protocol is opened with. Its second byte ends a line, so that a server which reads
// text answers, too.
var greeting = [][]byte{noopWith(magicRequest, 0)}

// checkGreeting looks at the reply.
func checkGreeting(reply []byte) error {
	if bytes.Equal(reply, noopWith(magicReply, 0)) {
		return nil
	}
	text := bytes.TrimRight(reply, crlf)
	if reply[0] == magicReply {
		if text = reply[headerSize:]; len(text) == 0 {
			text = fmt.Appendf(nil, "opcode %#x, status %#x", reply[1], statusOf(reply))
		}
	}
	return &codec.RefusalError{Profile: "the binary protocol", Reply: bytes.Clone(text[:min(len(text), 100)])}
}

// binaryCanary is a NOOP with an opaque of its own: no client's is ever forwarded.
func binaryCanary(token string) (command, reply []byte) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(token))
	return noopWith(magicRequest, h.Sum32()), noopWith(magicReply, h.Sum32())
}

// judgeBinaryCanary is JudgeCanary: any server that speaks the protocol has NOOP.
func judgeBinaryCanary(want, reply []byte) verdict.Proof {
	if bytes.Equal(want, reply) {
		return verdict.InStep
	}
	return verdict.OutOfStep
}
