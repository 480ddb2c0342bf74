package memcached

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"

	"cashew/codec"
)

// Limits of a command.
const (
	maxKey = 250 // memcached 1.6 KEY_MAX_LENGTH

	// maxLine is the longest line, without its LF, of a command that is no list of keys; and what a line of gat may be on
	// its way to a server. memcached 1.6 hangs up on a longer one if it does not see its end at once, with all requests
	// of others on that connection. Source: memcached 1.6 try_read_command_ascii.
	maxLine = 2048
	// maxLead are the spaces before a longer line. Source: the same.
	maxLead = 100
	// maxKeysLine is the longest line with keys: 10,000 of 250 bytes are 2.5 MB.
	maxKeysLine = 4 << 20

	// maxValue is the largest data block that is sent to a server. No memcached stores as much: an item is 1 GiB at most,
	// key and header included.
	maxValue = 1<<30 - 4<<10
	// maxSize is the largest size of a data block that memcached can read; beyond it a number is malformed.
	maxSize = math.MaxInt32 - 2
)

// placeholder is the key by which twemproxy routes commands that any server can answer.
var placeholder = []byte("placeholder")

// binaryMagic begins a request of the binary protocol.
const binaryMagic = 0x80

// ParseCommand implements codec.Commands. It finds the line's end, then the shape of the command decides.
//
// Where s is, between calls:
//
//	Op == 0         inside a line; Pos bytes of it hold no LF
//	Op == a store   inside a data block of Left bytes behind a line of Pos bytes (without leading spaces); Keys[0] places
//	                the key and, in Start and End, the q flag, or says that the line is odd; Index is 1 for noreply
//	Op == opSkip    inside a data block that no server gets; Left bytes of it are still to come
//
// In the last state ParseCommand takes whatever there is as frames of Kind Ignore, so that nothing is gathered.
func (p *Protocol) ParseCommand(_ *codec.Client, s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	if s.Op != 0 {
		return goOn(s, buf, cmd)
	}
	end := bytes.IndexByte(buf[s.Pos:], '\n')
	if end < 0 {
		return noLine(s, buf)
	}
	end += s.Pos
	b, lead := buf, 0
	if buf[0] == ' ' || buf[0] == binaryMagic || end > maxLine {
		var err error
		if lead, err = checkLine(buf, end); err != nil {
			s.Reset()
			return 0, err
		}
		b = buf[lead:]
		end -= lead
	}
	if s.Pos != 0 {
		s.Reset()
	}
	line := b[:end]
	if end > 0 && b[end-1] == '\r' {
		line = b[:end-1]
	}
	op, name := nameOf(line)
	begin(cmd, op, b[:end+1])
	shape := commands[op].shape
	if shape != store { // in one condition it costs each command more
		if bytes.IndexByte(line, 0) >= 0 {
			// memcached's line would end there.
			refuseNUL(s, cmd, line)
			return lined(s, lead+end+1, cmd)
		}
	}
	switch shape {
	case retrieve:
		parseRetrieve(cmd, line, name)
	case store:
		if !p.parseStore(s, b, line, name, cmd) {
			s.Need += lead
			return lined(s, 0, cmd)
		}
		return lead + len(cmd.Frame), nil
	case metaStore:
		if !p.parseMetaStore(s, b, line, name, cmd) {
			s.Need += lead
			return lined(s, 0, cmd)
		}
		return lead + len(cmd.Frame), nil
	case meta:
		parseMeta(cmd, line, name)
	case unknown:
		refuseUnknownName(cmd, line)
	default:
		p.parseOther(cmd, line)
	}
	if cmd.Kind == codec.Refuse {
		return lined(s, lead+end+1, cmd)
	}
	return lead + end + 1, nil
}

// lined is what ParseCommand returns for a command that is n bytes long, or of which no more than the line is there (0).
func lined(s *codec.Scan, n int, cmd *codec.Command) (int, error) {
	if cmd.Err == hangUp {
		s.Reset()
		return 0, errHTTP
	}
	return n, nil
}

// nameOf is the command that line begins with, and where its name ends.
func nameOf(line []byte) (op, end int) {
	if len(line) > 4 && line[3] == ' ' {
		switch {
		case line[0] == 'g' && line[1] == 'e' && line[2] == 't':
			return opGet, 3
		case line[0] == 's' && line[1] == 'e' && line[2] == 't':
			return opSet, 3
		}
	}
	if end = bytes.IndexByte(line, ' '); end < 0 {
		end = len(line)
	}
	return lookup(line[:end]), end
}

// checkLine looks at a line whose LF is at end, or that goes on beyond buf, with end its length: it counts the leading
// spaces, and says whether the line may be that long.
func checkLine(buf []byte, end int) (lead int, err error) {
	if buf[0] == binaryMagic {
		return 0, ErrBinary
	}
	for lead < len(buf) && buf[lead] == ' ' {
		lead++
	}
	if end > maxLine && (end > maxKeysLine || lead > maxLead || !hasKeys(buf[lead:])) {
		return 0, errLine
	}
	return lead, nil
}

// hasKeys tells whether a line that begins with b is a list of keys.
func hasKeys(b []byte) bool {
	name, _, ok := bytes.Cut(b[:min(len(b), len("gats "))], []byte{' '})
	return ok && commands[lookup(name)].shape == retrieve
}

// noLine keeps in s that there is no LF in buf.
func noLine(s *codec.Scan, buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	if _, err := checkLine(buf, len(buf)); err != nil {
		s.Reset()
		return 0, err
	}
	s.Pos, s.Need = len(buf), len(buf)+1
	return 0, nil
}

// begin makes cmd the command op, about which no more is known.
func begin(cmd *codec.Command, op int, frame []byte) {
	cmd.Kind = codec.Forward
	cmd.NoReply = false
	cmd.Quiet = 0
	cmd.Op = uint16(op)
	cmd.Frame = frame
	cmd.Key = nil
	cmd.Keys = cmd.Keys[:0]
	cmd.Arg = 0
	cmd.Err = ""
}

// refuse has text answered. A client that said noreply is not even told that.
func refuse(cmd *codec.Command, text string, noreply bool) {
	cmd.Kind = codec.Refuse
	cmd.Err = text
	if noreply {
		cmd.Kind = codec.Ignore
	}
}

// answer has text answered by the proxy in place of a server.
func answer(cmd *codec.Command, text string, noreply bool) {
	refuse(cmd, text, noreply)
	if !noreply {
		cmd.Kind = codec.Local
	}
}

// refuseNUL refuses a line with a NUL in it: memcached would read it up to there, and perhaps no data block behind it.
// parseStore looks for it itself.
func refuseNUL(s *codec.Scan, cmd *codec.Command, line []byte) {
	switch commands[cmd.Op].shape {
	case unknown:
		refuseUnknownName(cmd, line[:bytes.IndexByte(line, 0)])
	case metaStore:
		refuseMetaStore(s, cmd, line)
	default:
		refuse(cmd, refuseFormat, false)
	}
}

// word is the next word of line at pos or behind it: line[from:to]; from == to: there is none.
func word(line []byte, pos int) (from, to int) {
	for pos < len(line) && line[pos] == ' ' {
		pos++
	}
	n := bytes.IndexByte(line[pos:], ' ')
	if n < 0 {
		return pos, len(line)
	}
	return pos, pos + n
}

// spaceOr is the place of the first space or c, a control byte, in b at pos or behind it; len(b) if there is none.
func spaceOr(b []byte, pos int, c byte) int {
	for pos = blank(b, pos); pos < len(b) && b[pos] != ' ' && b[pos] != c; {
		pos = blank(b, pos+1)
	}
	return pos
}

// blank is the place of the first byte of b at pos or behind it that is a space or a control byte; len(b) if there is none.
// It looks at eight bytes at once, which for a key costs less than a call of bytes.IndexByte.
func blank(b []byte, pos int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; pos+8 <= len(b); pos += 8 {
		w := binary.LittleEndian.Uint64(b[pos:])
		// The subtraction borrows into the top of each byte that is no greater than a space, and perhaps of those above
		// it; the lowest that is found is one.
		if hit := (w - (' '+1)*ones) & ^w & tops; hit != 0 {
			return pos + bits.TrailingZeros64(hit)/8
		}
	}
	for pos < len(b) && b[pos] > ' ' {
		pos++
	}
	return pos
}

// words cuts line into words, as many as fit into w; n counts them all, up to one more than fit.
func words(line []byte, w [][]byte) (n int) {
	for pos := 0; n <= len(w); n++ {
		from, to := word(line, pos)
		if from == to {
			break
		}
		if n < len(w) {
			w[n] = line[from:to]
		}
		pos = to
	}
	return n
}

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

// malformed is the offset behind a number that is none; behind any other there is less.
const malformed = math.MaxInt32

// digits reads the word at pos, which must be all digits and within 64 bits.
func digits(line []byte, pos int) (v uint64, next int) {
	next = pos
	for next < len(line) {
		d := uint64(line[next]) - '0'
		if d > 9 {
			break
		}
		if next-pos >= safeDigits && v > (math.MaxUint64-d)/10 {
			return 0, malformed
		}
		v = v*10 + d
		next++
	}
	if next == pos || next < len(line) && line[next] != ' ' {
		return 0, malformed
	}
	return v, next
}

// safeDigits are within 64 bits, whatever they are.
const safeDigits = 19

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
	finish(b[:n+size+2], key, cmd)
	return true
}

// finish fills cmd for a storage command that is whole. A data block that does not end in CRLF is refused here: not every
// server answers that with one line and goes on behind the block.
func finish(frame []byte, key codec.Key, cmd *codec.Command) {
	cmd.Frame = frame
	if frame[len(frame)-2] != '\r' || frame[len(frame)-1] != '\n' {
		refuse(cmd, refuseChunk, cmd.NoReply)
		return
	}
	cmd.Key = frame[key.Off : key.Off+key.Len]
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
	finish(buf[n-frame:n], s.Keys[0], cmd)
	s.Reset()
	return n, nil
}

// skip has the data block of size bytes behind the current line, and its CRLF, taken out of the stream.
func skip(s *codec.Scan, size int) {
	s.Op, s.Left = opSkip, size+2
}

// parseOther reads a command of one of the rarer shapes. How many words it has is checked here even if
// the server would: to a command of too many it answers in spite of a noreply at its end.
func (p *Protocol) parseOther(cmd *codec.Command, line []byte) {
	var w [5][]byte
	n := words(line, w[:])
	if n == 3 && isVersion(w[2]) {
		refuse(cmd, hangUp, false)
		return
	}
	noreply := n > 1 && n <= len(w) && string(w[n-1]) == "noreply"
	switch commands[cmd.Op].shape {
	case change:
		if n != 3 && n != 4 {
			refuse(cmd, refuseUnknown, false)
			return
		}
		forward(cmd, w[1], noreply)
	case remove:
		if n < 2 || n > 4 {
			refuse(cmd, refuseUnknown, false)
			return
		}
		forward(cmd, w[1], noreply && n > 2)
	case metaDebug:
		if n < 2 {
			refuse(cmd, refuseFormat, false)
			return
		}
		forward(cmd, w[1], false)
	case metaNoop:
		answer(cmd, answerNoop, false) // all replies before it are there first: that is the barrier
	case anywhere:
		cmd.Key = placeholder
	case verbosity:
		p.parseVerbosity(cmd, n, noreply)
	case flushAll:
		switch {
		case n > 3:
			refuse(cmd, refuseUnknown, false)
		case p.admin:
			cmd.Kind = codec.Fanout
			cmd.NoReply = noreply
		default:
			refuse(cmd, refuseAdmin, noreply)
		}
	case stats:
		p.parseStats(cmd, w[:], n)
	case slabs:
		switch {
		case p.admin:
			cmd.Kind = codec.Fanout
			cmd.NoReply = noreply && n > 2 && string(w[1]) == "automove"
		default:
			refuse(cmd, refuseAdmin, noreply)
		}
	case quit:
		cmd.Kind = codec.Quit
	case refused:
		refuse(cmd, refuseAdmin, noreply)
	case refusedAloud:
		refuse(cmd, refuseAdmin, false)
	default:
		refuse(cmd, refuseUnknown, false)
	}
}

// forward sends a command with one key to its server, if it can have such a key.
func forward(cmd *codec.Command, key []byte, noreply bool) {
	if len(key) > maxKey {
		refuse(cmd, refuseFormat, noreply)
		return
	}
	cmd.Key = key
	cmd.NoReply = noreply
}

// parseVerbosity goes to every server if the pool's clients may do that.
func (p *Protocol) parseVerbosity(cmd *codec.Command, n int, noreply bool) {
	switch {
	case n != 2 && n != 3:
		refuse(cmd, refuseUnknown, false)
	case p.admin:
		cmd.Kind = codec.Fanout
		cmd.NoReply = noreply
	default:
		refuse(cmd, refuseAdmin, noreply)
	}
}

// parseStats tells of the proxy, or goes to every server with what stands behind the name. To turn the histogram of sizes
// on and off is not for this proxy: the reply is a list without an end.
func (p *Protocol) parseStats(cmd *codec.Command, w [][]byte, n int) {
	switch {
	case !p.admin:
		refuse(cmd, refuseAdmin, false)
		return
	case n == 1:
		cmd.Kind = codec.Report
		return
	}
	cmd.Kind = codec.Fanout
	switch string(w[1]) {
	case "settings":
		cmd.Op = opStatsSettings
	case "conns":
		cmd.Op = opStatsConns
	case "sizes_enable", "sizes_disable":
		refuse(cmd, refuseSizes, false)
	default:
		cmd.Op = opStatsOther
	}
}
