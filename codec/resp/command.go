package resp

import (
	"bytes"
	"math"

	"cashew/codec"
)

// Limits of a command. Source: redis 7.0 networking.c; 6.0 and later for the two of unauthenticated clients. Redis takes
// 2^31-1 arguments since 7.0, and 2^20 before; what is kept of each key wants a bound that a client may fill.
const (
	maxArgs       = 1 << 24
	maxBulk       = 512 << 20
	maxInline     = 64 << 10
	maxArgsUnauth = 10
	maxBulkUnauth = 16384
	maxFrame      = math.MaxUint32 // codec.Key's offsets
	incomplete    = 0              // results of number in place of an offset
	malformed     = -1
)

// ParseCommand implements codec.Commands. A GET or SET that is whole in buf takes the straight way; all else goes
// through walk, which can also stop and go on.
//
// Source: Redis protocol spec, "Sending commands to a Redis server"; redis 7.0 processMultibulkBuffer.
func (p *Protocol) ParseCommand(cl *codec.Client, s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	if s.Need != 0 || len(buf) == 0 || buf[0] != '*' || p.guarded && !cl.Authed || cl.Bar != 0 {
		return p.parseSlow(cl, s, buf, cmd)
	}
	argc, pos := number(buf, 1)
	if argc < 2 || argc > maxArgs || pos <= 0 {
		return p.parseSlow(cl, s, buf, cmd)
	}
	n, pos := bulkHeader(buf, pos)
	start := pos + n + 2
	if pos <= 0 || !bodyEnds(buf, start) {
		return p.parseSlow(cl, s, buf, cmd)
	}
	op := lookup(buf, pos, n)
	if !p.straight[op&(maxOps-1)].takes(argc) {
		// Not that plain, but nothing needs to be looked at twice.
		s.Pos, s.Left, s.Index, s.Op = start, argc-1, 1, op
		if commands[op].kind == hangup {
			s.Reset()
			return 0, errHTTP
		}
		return p.walk(s, buf, cmd, 0)
	}
	n, pos = bulkHeader(buf, start)
	next := pos + n + 2
	if pos <= 0 || !bodyEnds(buf, next) {
		s.Pos, s.Left, s.Index, s.Op = start, argc-1, 1, op
		return p.walk(s, buf, cmd, 0)
	}
	key, keyLen := pos, n
	for left := argc - 2; left > 0; left-- {
		n, pos = bulkHeader(buf, next)
		end := pos + n + 2
		if pos <= 0 || !bodyEnds(buf, end) {
			s.Keys = append(s.Keys[:0], codec.Key{
				Off: uint32(key), Len: uint32(keyLen), Start: uint32(start), End: uint32(key + keyLen + 2),
			})
			s.Pos, s.Left, s.Index, s.Op = next, left, argc-left, op
			return p.walk(s, buf, cmd, 0)
		}
		next = end
	}
	cmd.Kind = codec.Forward
	cmd.NoReply = false
	cmd.Quiet = 0
	cmd.Op = uint16(op)
	cmd.Frame = buf[:next]
	cmd.Key = buf[key : key+keyLen]
	cmd.Keys = cmd.Keys[:0]
	cmd.Arg = argc
	cmd.Err = ""
	return next, nil
}

// parseSlow begins or goes on with a frame that ParseCommand's straight way does not take.
func (p *Protocol) parseSlow(cl *codec.Client, s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	switch {
	case len(buf) == 0:
		return 0, nil
	case gate(cl.Bar)&(barReply|barSkip|barJudged) != 0:
		return p.parseBarred(cl, s, buf, cmd)
	case buf[0] != '*':
		return p.parseInline(cl, s, buf, cmd)
	}
	return p.parseArray(s, buf, cmd, p.gate(cl))
}

// parseBarred is parseSlow for a client that is not told all, or whose user may not do everything.
func (p *Protocol) parseBarred(cl *codec.Client, s *codec.Scan, buf []byte, cmd *codec.Command) (n int, err error) {
	if buf[0] != '*' {
		n, err = p.parseInline(cl, s, buf, cmd)
	} else {
		n, err = p.parseArray(s, buf, cmd, p.gate(cl))
	}
	if err != nil && gate(cl.Bar)&(barReply|barSkip) != 0 {
		cmd.Quiet = mute // it is not told either
	}
	if n > 0 && gate(cl.Bar)&barJudged != 0 {
		p.judge(cl, cmd)
	}
	return n, err
}

// parseArray is parseSlow for a frame that begins with '*'. g is what stands between the client and its commands.
func (p *Protocol) parseArray(s *codec.Scan, buf []byte, cmd *codec.Command, g gate) (int, error) {
	if s.Pos != 0 {
		return p.walk(s, buf, cmd, g)
	}
	if len(buf) > 1 && buf[1] == '-' {
		return parseNegative(s, buf, cmd)
	}
	argc, pos := number(buf, 1)
	switch {
	case pos == incomplete:
		s.Need = len(buf) + 1
		return 0, nil
	case pos == malformed, argc > maxArgs:
		s.Reset()
		return 0, errMultibulk
	case argc == 0:
		ignore(s, buf[:pos], cmd)
		return pos, nil
	case g&needsLogin != 0 && argc > maxArgsUnauth:
		s.Reset()
		return 0, errUnauthMulti
	}
	s.Pos, s.Left, s.Index, s.Op = pos, argc, 0, 0
	return p.walk(s, buf, cmd, g)
}

// parseNegative takes "*-1\r\n" or another negative count of 64 bits: a command that asks for nothing.
func parseNegative(s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	const longest = len("*-9223372036854775808\r\n")
	line := buf[:min(len(buf), longest)]
	end := bytes.IndexByte(line, '\n')
	if end < 0 && len(line) < longest {
		s.Need = len(buf) + 1
		return 0, nil
	}
	if end > 0 && line[end-1] == '\r' {
		if _, ok := parseInt(line[1 : end-1]); ok {
			ignore(s, buf[:end+1], cmd)
			return end + 1, nil
		}
	}
	s.Reset()
	return 0, errMultibulk
}

func ignore(s *codec.Scan, frame []byte, cmd *codec.Command) {
	s.Reset()
	*cmd = codec.Command{Kind: codec.Ignore, Frame: frame, Keys: cmd.Keys[:0]}
}

// walk goes on with an array at s.Pos, where an argument begins: over the name, then over the other arguments, of which
// it records those that the command's plan asks for. Whole, it calls finish; cut, it leaves its place in s.
func (p *Protocol) walk(s *codec.Scan, buf []byte, cmd *codec.Command, g gate) (int, error) {
	pos, left, index, op := s.Pos, s.Left, s.Index, s.Op
	argc := index + left
	keys, kept := cmd.Keys[:0], len(s.Keys) > 0
	if kept {
		keys = s.Keys
	}
	pl := commands[op].planFrom(index, argc)
	for left > 0 {
		n, body := bulkHeader(buf, pos)
		if body <= 0 {
			if err := checkHeader(buf, pos, body); err != nil {
				s.Reset()
				return 0, err
			}
			break
		}
		if g&needsLogin != 0 && n > maxBulkUnauth {
			s.Reset()
			return 0, errUnauthBulk
		}
		end := body + n + 2
		if end > len(buf) {
			break
		}
		if buf[end-2] != '\r' || buf[end-1] != '\n' {
			s.Reset()
			return 0, errBodyEnd
		}
		switch {
		case index == pl.next:
			before := len(keys)
			keys = append(keys, codec.Key{Off: uint32(body), Len: uint32(n), Start: uint32(pos), End: uint32(end)})
			if pl.step == 1 && index < pl.last {
				keys, end = plainKeys(buf, end, pl.last-index, keys)
			}
			passed := len(keys) - before
			pl.pass(passed)
			index, left = index+passed-1, left-passed+1
		case index == 0:
			op = lookup(buf, body, n)
			if commands[op].kind == hangup {
				s.Reset()
				return 0, errHTTP
			}
			pl = commands[op].planFrom(1, argc)
		case pl.pairs:
			keys[len(keys)-1].End = uint32(end)
		}
		pos = end
		index++
		left--
	}
	if left > 0 {
		return 0, stop(s, buf, pos, left, index, op, keys, kept)
	}
	p.finish(cmd, op, argc, ownKeys(s, cmd, keys, kept), buf[:pos], g)
	s.Reset()
	return pos, nil
}

// ownKeys are keys in the command's own memory; kept says that they are in the scan's.
func ownKeys(s *codec.Scan, cmd *codec.Command, keys []codec.Key, kept bool) []codec.Key {
	if !kept {
		return keys
	}
	s.Keys = keys // what it grew to
	return append(cmd.Keys[:0], keys...)
}

// checkHeader is the error for the header at pos, of which bulkHeader said body: incomplete, which may come whole yet, or
// malformed.
func checkHeader(buf []byte, pos, body int) error {
	switch {
	case pos < len(buf) && buf[pos] != '$':
		return errExpectedBulk(buf[pos])
	case body == malformed:
		return errBulk
	default:
		return nil
	}
}

// stop keeps in s that buf ends inside the argument at pos.
func stop(s *codec.Scan, buf []byte, pos, left, index, op int, keys []codec.Key, kept bool) error {
	need := len(buf) + 1
	if n, body := bulkHeader(buf, pos); body > 0 {
		need = body + n + 2
	}
	if need > maxFrame {
		s.Reset()
		return errFrame
	}
	if kept {
		s.Keys = keys
	} else {
		s.Keys = append(s.Keys[:0], keys...)
	}
	s.Need, s.Pos, s.Left, s.Index, s.Op = need, pos, left, index, op
	return nil
}

// number reads the digits at pos and the CRLF behind them; next is the offset after it, incomplete or malformed. What
// is malformed is so with any bytes behind it. Strict: no sign, no leading zero, at most maxBulk.
func number(buf []byte, pos int) (v, next int) {
	if pos+2 < len(buf) && buf[pos+1] == '\r' && buf[pos+2] == '\n' { // one digit
		if d := buf[pos] - '0'; d <= 9 {
			return int(d), pos + 3
		}
		return 0, malformed
	}
	i := pos
	for ; i < len(buf); i++ {
		d := buf[i] - '0'
		if d > 9 {
			break
		}
		if v = v*10 + int(d); v > maxBulk || i > pos && buf[pos] == '0' {
			return 0, malformed
		}
	}
	if i == len(buf) {
		return 0, incomplete
	}
	if i == pos || buf[i] != '\r' {
		return 0, malformed
	}
	if i+1 == len(buf) {
		return 0, incomplete
	}
	if buf[i+1] != '\n' {
		return 0, malformed
	}
	return v, i + 2
}

// bulkHeader reads "$<n>\r\n" at pos; body is the offset of the first of n bytes, incomplete or malformed.
func bulkHeader(buf []byte, pos int) (n, body int) {
	if len(buf)-pos >= len("$00\r\n") {
		b := buf[pos : pos+5]
		if d := b[1] - '0'; b[0] == '$' && d <= 9 {
			if b[2] == '\r' && b[3] == '\n' {
				return int(d), pos + 4
			}
			if e := b[2] - '0'; e <= 9 && d != 0 && b[3] == '\r' && b[4] == '\n' {
				return int(d)*10 + int(e), pos + 5
			}
		}
	}
	if pos >= len(buf) {
		return 0, incomplete
	}
	if buf[pos] != '$' {
		return 0, malformed
	}
	return number(buf, pos+1)
}

// bodyEnds tells whether buf has all up to end, and CRLF before it.
func bodyEnds(buf []byte, end int) bool {
	return end <= len(buf) && buf[end-2] == '\r' && buf[end-1] == '\n'
}
