//go:build unix

package difftest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
)

// Opcodes of memcached's binary protocol.
const (
	binGet, binSet, binAdd, binReplace, binDelete      = 0x00, 0x01, 0x02, 0x03, 0x04
	binIncr, binDecr, binQuit, binFlush, binGetQ       = 0x05, 0x06, 0x07, 0x08, 0x09
	binNoop, binVersion, binGetK, binGetKQ, binAppend  = 0x0a, 0x0b, 0x0c, 0x0d, 0x0e
	binPrepend, binStat, binSetQ, binDeleteQ, binIncrQ = 0x0f, 0x10, 0x11, 0x14, 0x15
	binQuitQ, binFlushQ, binVerbosity, binTouch        = 0x17, 0x18, 0x1b, 0x1c
	binGAT, binGATQ, binSASLAuth, binGATK, binGATKQ    = 0x1d, 0x1e, 0x21, 0x23, 0x24
)

// binFrame is a request; its lengths may be set apart from what is in it.
type binFrame struct {
	op                 byte
	extras, key, value string
	opaque             uint32
	cas                uint64
	lengths            func(key *uint16, extras *byte, body *uint32)
}

func (f binFrame) append(dst []byte) []byte {
	key, extras, body := uint16(len(f.key)), byte(len(f.extras)), uint32(len(f.extras)+len(f.key)+len(f.value))
	if f.lengths != nil {
		f.lengths(&key, &extras, &body)
	}
	dst = append(dst, 0x80, f.op)
	dst = binary.BigEndian.AppendUint16(dst, key)
	dst = append(dst, extras, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, body)
	dst = binary.BigEndian.AppendUint32(dst, f.opaque)
	dst = binary.BigEndian.AppendUint64(dst, f.cas)
	return append(append(append(dst, f.extras...), f.key...), f.value...)
}

// binRequest is a frame whose opaque is one of the key's, so that another's reply shows.
func binRequest(op byte, extras, key, value string) string {
	return string(binFrame{op: op, extras: extras, key: key, value: value, opaque: crc32.ChecksumIEEE([]byte(key))}.append(nil))
}

// binStored is a SET with flags 0 and no expiry.
func binStored(op byte, key, value string) string {
	return binRequest(op, string(make([]byte, 8)), key, value)
}

// binAdded is the extras of an increment: by, the number at first, when it expires (^0: it is not made).
func binAdded(by, first uint64, expiry uint32) string {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, by), first)
	return string(binary.BigEndian.AppendUint32(b, expiry))
}

// binReply is a reply, taken apart.
type binReply struct {
	op     byte
	status uint16
	opaque uint32
	extras string
	key    string
	value  string
	raw    []byte
}

func (r binReply) String() string {
	return fmt.Sprintf("%#x status %#x opaque %#x extras %q key %q %q", r.op, r.status, r.opaque, r.extras, r.key, clip(r.value))
}

func readBin(r *bufio.Reader) (binReply, error) {
	raw := make([]byte, 24)
	if n, err := io.ReadFull(r, raw); err != nil {
		return binReply{raw: raw[:n]}, err
	}
	if raw[0] != 0x81 {
		rest, _ := r.Peek(min(100, r.Buffered()))
		return binReply{raw: raw}, fmt.Errorf("no reply: %q", string(raw)+string(rest))
	}
	body := make([]byte, binary.BigEndian.Uint32(raw[8:]))
	n, err := io.ReadFull(r, body)
	b := binReply{op: raw[1], status: binary.BigEndian.Uint16(raw[6:]), opaque: binary.BigEndian.Uint32(raw[12:]), raw: append(raw, body[:n]...)}
	if err != nil {
		return b, err
	}
	key, extras := int(binary.BigEndian.Uint16(raw[2:])), int(raw[4])
	if key+extras > len(body) {
		return b, fmt.Errorf("lengths: %q", raw)
	}
	b.extras, b.key, b.value = string(body[:extras]), string(body[extras:extras+key]), string(body[extras+key:])
	return b, nil
}

// bin sends one request that is not quiet, and returns the reply, which must be of that opcode and opaque.
func (c *client) bin(op byte, extras, key, value string) binReply {
	c.t.Helper()
	c.send([]byte(binRequest(op, extras, key, value)))
	return c.binReply(op, key)
}

// binReply reads a reply to such a request.
func (c *client) binReply(op byte, key string) binReply {
	c.t.Helper()
	r, err := readBin(c.r)
	if err != nil {
		c.t.Fatalf("read reply to %#x of %q: %v", op, clip(key), err)
	}
	if r.op != op || r.opaque != crc32.ChecksumIEEE([]byte(key)) {
		c.t.Fatalf("reply to %#x of %q: %v", op, clip(key), r)
	}
	return r
}

// binWant is bin, and checks status and value.
func (c *client) binWant(status uint16, value string, op byte, extras, key, stored string) {
	c.t.Helper()
	if r := c.bin(op, extras, key, stored); r.status != status || r.value != value {
		c.t.Fatalf("%#x of %q: %v; want status %#x, %q", op, clip(key), r, status, clip(value))
	}
}

// binLoad is a load of the binary protocol, with quiet commands that a NOOP ends; its replies are told as lines.
var binLoad = loadKind{
	command: func(rng *rand.Rand, keys []string) []string {
		k := keys[rng.IntN(len(keys))]
		switch rng.IntN(8) {
		case 0:
			return []string{"set", k}
		case 1:
			return []string{"noop"}
		case 2:
			return []string{"getkq", k}
		case 3:
			return []string{"setq", k}
		case 4:
			return []string{"getk", k}
		default:
			return []string{"get", k}
		}
	},
	bytes: func(dst []byte, args []string) []byte {
		switch args[0] {
		case "set":
			return append(dst, binStored(binSet, args[1], mcValue(args[1]))...)
		case "setq": // with what tells that it was silent
			return append(append(dst, binStored(binSetQ, args[1], mcValue(args[1]))...), binRequest(binGet, "", args[1], "")...)
		case "noop":
			return append(dst, binRequest(binNoop, "", "", "")...)
		case "getkq": // likewise
			return append(append(dst, binRequest(binGetKQ, "", args[1], "")...), binRequest(binNoop, "", "", "")...)
		case "getk":
			return append(dst, binRequest(binGetK, "", args[1], "")...)
		default:
			return append(dst, binRequest(binGet, "", args[1], "")...)
		}
	},
	// An error of the quiet half of a pair stands for both, whatever the other says.
	read: func(r *bufio.Reader) ([]byte, error) {
		line := ""
		for {
			b, err := readBin(r)
			if err != nil {
				return b.raw, err
			}
			if b.status == 0x84 {
				line = "error " + b.value
			} else if line == "" || b.op == binGetKQ {
				line = b.String()
			}
			if b.op != binGetKQ && b.op != binSetQ {
				return []byte(line), nil
			}
		}
	},
	replies: func(args []string) (want, lost string) {
		of := func(op byte, status uint16, extras, key, value, opaque string) string {
			return binReply{op: op, status: status, opaque: crc32.ChecksumIEEE([]byte(opaque)), extras: extras, key: key, value: value}.String()
		}
		none := string(make([]byte, 4))
		switch args[0] {
		case "set":
			return of(binSet, 0, "", "", "", args[1]), of(binSet, 0, "", "", "", args[1])
		case "noop":
			return of(binNoop, 0, "", "", "", ""), of(binNoop, 0, "", "", "", "")
		case "getkq":
			return of(binGetKQ, 0, none, args[1], mcValue(args[1]), args[1]), of(binNoop, 0, "", "", "", "")
		case "getk":
			return of(binGetK, 0, none, args[1], mcValue(args[1]), args[1]), of(binGetK, 1, "", args[1], "", args[1])
		default:
			return of(binGet, 0, none, "", mcValue(args[1]), args[1]), of(binGet, 1, "", "", "Not found", args[1])
		}
	},
	err:     "error ",
	refused: "error Connection refused",
}

// startBinLoad runs clients until end. The keys of where have their values already.
func startBinLoad(t testing.TB, addr string, where map[string]int, clients int) *load {
	t.Helper()
	return binLoad.start(t, addr, where, clients)
}
