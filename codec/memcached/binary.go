package memcached

import (
	"encoding/binary"

	"cashew/codec"
)

// The profiles: how a client speaks is decided by its first byte, as by memcached itself.
const (
	Text codec.Profile = iota
	Binary
)

// A request and a reply of the binary protocol are a header of 24 bytes and a body: extras, key, value.
//
//	 0        1        2        3        4        5        6        7
//	0x80     opcode   key's length      extras   type     vbucket           a reply: 0x81, and a status in place of the vbucket
//	body's length                       opaque
//	cas
//
// Opaque and cas go through as they are. The reply to a quiet opcode (GETQ, SETQ) comes only if it is no miss, or no success; such a
// request goes out in its other form (GET, SET), so that each has one reply, and what the client would not have got is swallowed. What
// it gets has its own opcode again. A frame that is forwarded is one of which every server thinks the same: memcached 1.6.18 takes what
// is behind the key of a GAT, or behind an unknown opcode, for the next request, or skips as much of the next one.
//
// Source: memcached protocol_binary.h and proto_bin.c; memcached 1.6.18 as it behaves.
const (
	magicRequest = 0x80
	magicReply   = 0x81
	headerSize   = 24
)

// Opcodes; those with a Q are quiet.
const (
	codeGet        = 0x00
	codeSet        = 0x01
	codeAdd        = 0x02
	codeReplace    = 0x03
	codeDelete     = 0x04
	codeIncrement  = 0x05
	codeDecrement  = 0x06
	codeQuit       = 0x07
	codeFlush      = 0x08
	codeGetQ       = 0x09
	codeNoop       = 0x0a
	codeVersion    = 0x0b
	codeGetK       = 0x0c
	codeGetKQ      = 0x0d
	codeAppend     = 0x0e
	codePrepend    = 0x0f
	codeStat       = 0x10
	codeSetQ       = 0x11
	codeAddQ       = 0x12
	codeReplaceQ   = 0x13
	codeDeleteQ    = 0x14
	codeIncrementQ = 0x15
	codeDecrementQ = 0x16
	codeQuitQ      = 0x17
	codeFlushQ     = 0x18
	codeAppendQ    = 0x19
	codePrependQ   = 0x1a
	codeVerbosity  = 0x1b
	codeTouch      = 0x1c
	codeGAT        = 0x1d
	codeGATQ       = 0x1e
	codeSASLList   = 0x20
	codeSASLAuth   = 0x21
	codeSASLStep   = 0x22
	codeGATK       = 0x23
	codeGATKQ      = 0x24
)

// Statuses.
const (
	statusOK       = 0x00
	statusMiss     = 0x01
	statusTooLarge = 0x03
	statusInvalid  = 0x04
	statusAuth     = 0x20
	statusUnknown  = 0x81
	statusInternal = 0x84
)

// frame says what a request has to look like.
type frame uint8

const (
	frameAny   frame = iota // no server gets it, however long it is
	frameBare               // a header
	frameKey                // extras and a key
	frameValue              // extras, a key, and a value, perhaps of no byte
	frameFlush              // perhaps extras
	frameStat               // perhaps a key
	frameAuth               // a key, and what stands behind it
)

// opcode is one of them.
type opcode struct {
	op     uint16 // of the command of the text protocol that does the same
	frame  frame
	extras uint8
	loud   uint8  // the same command that is not quiet
	name   string // of one without op
}

// opcodes is indexed by the byte in the header. What is not in it is unknown, to memcached 1.6 VERBOSITY, too.
var opcodes = func() [256]opcode {
	list := [256]opcode{
		codeGet:       {op: opGet, frame: frameKey},
		codeGetK:      {op: opGet, frame: frameKey},
		codeGAT:       {op: opGat, frame: frameKey, extras: 4},
		codeGATK:      {op: opGat, frame: frameKey, extras: 4},
		codeTouch:     {op: opTouch, frame: frameKey, extras: 4},
		codeDelete:    {op: opDelete, frame: frameKey},
		codeIncrement: {op: opIncr, frame: frameKey, extras: 20},
		codeDecrement: {op: opDecr, frame: frameKey, extras: 20},
		codeSet:       {op: opSet, frame: frameValue, extras: 8},
		codeAdd:       {op: opAdd, frame: frameValue, extras: 8},
		codeReplace:   {op: opReplace, frame: frameValue, extras: 8},
		codeAppend:    {op: opAppend, frame: frameValue},
		codePrepend:   {op: opPrepend, frame: frameValue},
		codeQuit:      {op: opQuit, frame: frameBare},
		codeNoop:      {op: opNoop, frame: frameBare},
		codeVersion:   {op: opVersion, frame: frameBare},
		codeFlush:     {op: opFlushAll, frame: frameFlush},
		codeStat:      {op: opStats, frame: frameStat},
		codeVerbosity: {op: opVerbosity},
		codeSASLList:  {frame: frameBare, name: "sasl_list_mechs"},
		codeSASLAuth:  {frame: frameAuth, name: "sasl_auth"},
		codeSASLStep:  {frame: frameAuth, name: "sasl_step"},
	}
	for i := range list {
		const hex = "0123456789abcdef"
		if c := &list[i]; c.op == opUnknown && c.name == "" {
			c.name = "opcode 0x" + hex[i>>4:i>>4+1] + hex[i&15:i&15+1]
		}
		list[i].loud = byte(i)
	}
	for _, c := range [][2]byte{
		{codeGetQ, codeGet},
		{codeGetKQ, codeGetK},
		{codeGATQ, codeGAT},
		{codeGATKQ, codeGATK},
		{codeSetQ, codeSet},
		{codeAddQ, codeAdd},
		{codeReplaceQ, codeReplace},
		{codeAppendQ, codeAppend},
		{codePrependQ, codePrepend},
		{codeDeleteQ, codeDelete},
		{codeIncrementQ, codeIncrement},
		{codeDecrementQ, codeDecrement},
		{codeQuitQ, codeQuit},
		{codeFlushQ, codeFlush},
	} {
		list[c[0]] = list[c[1]]
	}
	return list
}()

// A codec.Mark is the opaque, the client's opcode above it, and above that a bit that says that there is a mark.
const marked codec.Mark = 1 << 40

func opcodeOf(m codec.Mark) byte { return byte(m >> 32) }

// header is what the header of a request says.
type header struct {
	opcode            byte
	key, extras, body int // bytes
	mark              codec.Mark
}

func headerOf(b []byte) header {
	_ = b[headerSize-1]
	return header{
		opcode: b[1], key: int(binary.BigEndian.Uint16(b[2:])), extras: int(b[4]), body: int(binary.BigEndian.Uint32(b[8:])),
		mark: marked | codec.Mark(b[1])<<32 | codec.Mark(binary.BigEndian.Uint32(b[12:])),
	}
}

// value is how many bytes are behind the key.
func (h *header) value() int { return h.body - h.extras - h.key }

// check says why memcached hangs up on such a request, if it does.
func (h *header) check() error {
	switch c := &opcodes[h.opcode]; {
	case h.value() < 0:
		return errBinaryUnknown
	case h.key > maxKey || !c.fits(h):
		return errBinaryInvalid
	}
	return nil
}

func (c *opcode) fits(h *header) bool {
	switch c.frame {
	case frameBare:
		return h.body == 0
	case frameKey:
		return h.key > 0 && h.extras == int(c.extras) && h.value() == 0
	case frameValue:
		return h.key > 0 && h.extras == int(c.extras)
	case frameFlush:
		return h.body == h.extras && (h.extras == 0 || h.extras == 4)
	case frameStat:
		return h.body == h.key
	case frameAuth:
		return h.extras == 0 && h.key > 0
	default:
		return true
	}
}

// parseBinary is ParseCommand for a client of the binary protocol. s knows no more of a frame than its length, or how much is left of
// one that is skipped.
func (p *Protocol) parseBinary(s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	if s.Op == opSkip {
		return goOn(s, buf, cmd)
	}
	if buf[0] != magicRequest {
		s.Reset()
		return 0, errMagic
	}
	if len(buf) < headerSize {
		s.Need = headerSize
		return 0, nil
	}
	h := headerOf(buf)
	c := &opcodes[h.opcode]
	begin(cmd, int(c.op), buf[:headerSize])
	cmd.Mark = h.mark
	if err := h.check(); err != nil {
		s.Reset()
		return 0, err
	}
	if p.refuseBinary(c, &h, cmd) {
		if s.Reset(); h.body > 0 {
			s.Op, s.Left = opSkip, h.body
		}
		return headerSize, nil
	}
	n := headerSize + h.body
	if len(buf) < n {
		s.Need = n
		return 0, nil
	}
	s.Need = 0
	cmd.Frame = buf[:n]
	if c.loud != h.opcode {
		cmd.Frame[1] = c.loud
		cmd.Quiet = quietBinary | uint16(h.opcode)
	}
	p.decideBinary(c, &h, cmd)
	return n, nil
}

// refuseBinary refuses what no server gets, however it goes on, so that it need not be gathered.
func (p *Protocol) refuseBinary(c *opcode, h *header, cmd *codec.Command) bool {
	switch {
	case c.frame == frameValue && h.value() > p.maxValue:
		refuseStatus(cmd, statusTooLarge, "Too large.")
	case c.op == opUnknown, c.op == opVerbosity:
		refuseStatus(cmd, statusUnknown, textUnknown)
	case !p.admin && (c.op == opFlushAll || c.op == opStats):
		refuseStatus(cmd, statusAuth, commands[c.op].name+textNotAllowed)
	default:
		return false
	}
	return true
}

// refuseStatus has a status and text answered.
func refuseStatus(cmd *codec.Command, status int, text string) {
	refuse(cmd, text, false)
	cmd.Arg = status
}

// decideBinary says what becomes of a whole frame that is well-formed.
func (p *Protocol) decideBinary(c *opcode, h *header, cmd *codec.Command) {
	key := cmd.Frame[headerSize+h.extras:][:h.key]
	switch c.op {
	case opNoop:
		cmd.Kind = codec.Local // all replies before it are there first: that is the barrier
	case opQuit:
		cmd.Kind = codec.Quit
	case opVersion:
		cmd.Key = placeholder
	case opFlushAll:
		toAll(cmd)
	case opStats:
		decideStat(key, cmd)
	default:
		cmd.Key = key
	}
}

// decideStat is parseStats for the binary protocol.
func decideStat(key []byte, cmd *codec.Command) {
	if len(key) == 0 {
		cmd.Kind = codec.Report
		return
	}
	toAll(cmd)
	switch string(key) {
	case "settings":
		cmd.Op = opStatsSettings
	case "sizes_enable", "sizes_disable":
		refuseStatus(cmd, statusAuth, textSizes)
	default:
		cmd.Op = opStatsOther
	}
}
