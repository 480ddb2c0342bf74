package memcached

import (
	"bytes"
	"math"

	"cashew/codec"
)

// parseStore reads a classic storage command behind its name; b is the frame and what follows. False: b ends inside the
// frame, and s tells where.
//
// What is read here is what every memcached reads alike: digits, in 32 bits, but for the cas of 64 bits. Any other line
// is up to parseOdd.
func (p *Protocol) parseStore(s *codec.Scan, b, line []byte, pos int, cmd *codec.Command) bool {
	for pos < len(line) && line[pos] == ' ' {
		pos++
	}
	from := pos
	pos = spaceOr(line, pos, 0)
	key := codec.Key{Off: uint32(from), Len: uint32(pos - from)}
	var n [4]uint64 // flags, exptime, size, cas
	fields, neg := 3, uint64(0)
	if cmd.Op == opCas {
		fields = 4
	}
	for i := range fields {
		for pos < len(line) && line[pos] == ' ' {
			pos++
		}
		if i == 1 && pos < len(line) && line[pos] == '-' {
			neg = 1
			pos++
		}
		n[i], pos = digits(line, pos)
	}
	noreply := false
	if pos < len(line) {
		last, end := word(line, pos)
		noreply = string(line[last:end]) == "noreply"
		if bytes.IndexByte(line[last:end], 0) >= 0 {
			pos = malformed
		} else if last, end = word(line, end); last < end {
			pos = malformed
		}
	}
	flags, exptime, size := n[0], n[1], int(n[2])
	if pos >= malformed || key.Len-1 >= maxKey || flags > math.MaxUint32 || n[2] > maxSize || exptime > math.MaxInt32+neg {
		return p.parseOdd(s, b, line, cmd)
	}
	if size > p.maxValue {
		return p.store(s, b, key, size, noreply, cmd)
	}
	cmd.NoReply = noreply
	return body(s, b, key, size, cmd)
}

// store goes on with a storage command whose line is understood.
func (p *Protocol) store(s *codec.Scan, b []byte, key codec.Key, size int, noreply bool, cmd *codec.Command) bool {
	if size > p.maxValue {
		refuse(cmd, refuseTooLarge, noreply)
		skip(s, size)
		return true
	}
	cmd.NoReply = noreply
	return body(s, b, key, size, cmd)
}

// body looks for the data block of size bytes behind the line in cmd.Frame, which b begins with.
func body(s *codec.Scan, b []byte, key codec.Key, size int, cmd *codec.Command) bool {
	n := len(cmd.Frame)
	if len(b)-n < size+2 {
		s.Op, s.Pos, s.Left, s.Need = int(cmd.Op), n, size, n+size+2
		s.Keys = append(s.Keys[:0], key)
		if cmd.NoReply {
			s.Index = 1
		}
		return false
	}
	finish(s, b[:n+size+2], key, cmd)
	return true
}

// finish fills cmd for a storage command that is whole. A data block that does not end in CRLF is refused here: not every
// server answers that with one line and goes on behind the block.
func finish(s *codec.Scan, frame []byte, key codec.Key, cmd *codec.Command) {
	cmd.Frame = frame
	if frame[len(frame)-2] != '\r' || frame[len(frame)-1] != '\n' {
		refuse(cmd, refuseChunk, cmd.NoReply)
		return
	}
	if key.Len < encoded {
		cmd.Key = frame[key.Off : key.Off+key.Len]
	} else {
		cmd.Key = decode(s, frame[key.Off:key.Off+key.Len-encoded])
	}
	switch {
	case key.End == key.Start:
	case key.Start == oddLine:
		rewrite(cmd)
	default:
		unquiet(cmd, int(key.Start), int(key.End))
	}
}

// goOn is ParseCommand inside a data block.
func goOn(s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	if s.Op == opSkip {
		n := min(s.Left, len(buf))
		begin(cmd, opSkip, buf[:n])
		cmd.Kind = codec.Ignore
		if s.Left -= n; s.Left == 0 {
			s.Reset()
		}
		return n, nil
	}
	if len(buf) < s.Need {
		return 0, nil
	}
	n := s.Need
	frame := s.Pos + s.Left + 2
	begin(cmd, s.Op, nil)
	cmd.NoReply = s.Index == 1
	finish(s, buf[n-frame:n], s.Keys[0], cmd)
	s.Reset()
	return n, nil
}

// skip has the data block of size bytes behind the current line, and its CRLF, taken out of the stream.
func skip(s *codec.Scan, size int) {
	s.Op, s.Left = opSkip, size+2
}
