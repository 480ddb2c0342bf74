package memcached

import (
	"bytes"
	"math"

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
func (p *Protocol) ParseCommand(cl *codec.Client, s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	if cl.Profile != Text || p.guarded && !cl.Authed {
		return p.parseElse(cl, s, buf, cmd)
	}
	if s.Op != 0 {
		return goOn(s, buf, cmd)
	}
	end := bytes.IndexByte(buf[s.Pos:], '\n')
	if end < 0 {
		return noLine(s, buf)
	}
	end += s.Pos
	b, lead := buf, 0
	if buf[0] == ' ' || buf[0] == magicRequest || end > maxLine {
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
	line := withoutCR(b[:end])
	op, name := nameOf(line)
	begin(cmd, op, b[:end+1])
	shape := commands[op].shape
	if shape != store { // in one condition it costs each command more
		if bytes.IndexByte(line, 0) >= 0 { // memcached's line would end there
			refuseNUL(s, cmd, line)
			return lined(s, lead+end+1, cmd)
		}
	}
	switch shape {
	case retrieve:
		parseRetrieve(cmd, line, name)
	case store:
		if p.parseStore(s, b, line, name, cmd) {
			return lead + len(cmd.Frame), nil
		}
		return unwhole(s, lead, cmd)
	case metaStore:
		if p.parseMetaStore(s, b, line, name, cmd) {
			return lead + len(cmd.Frame), nil
		}
		return unwhole(s, lead, cmd)
	case meta:
		parseMeta(s, cmd, line, name)
	case unknown:
		refuseUnknownName(cmd, line)
	default:
		p.parseOther(s, cmd, line)
	}
	if cmd.Kind == codec.Refuse {
		return lined(s, lead+end+1, cmd)
	}
	return lead + end + 1, nil
}

// withoutCR is a line without the CR that may stand before its LF.
func withoutCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}

// unwhole is what ParseCommand returns for a command whose data block is not whole, behind so many spaces.
func unwhole(s *codec.Scan, lead int, cmd *codec.Command) (int, error) {
	s.Need += lead
	return lined(s, 0, cmd)
}

// lined is what ParseCommand returns for a command that is n bytes long, or of which no more than the line is there (0).
func lined(s *codec.Scan, n int, cmd *codec.Command) (int, error) {
	if cmd.Err == hangUp {
		s.Reset()
		return 0, errHTTP
	}
	if cmd.Err == hangUpTLS {
		s.Reset()
		return 0, errTLS
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
	if buf[0] == magicRequest {
		return 0, errBinary
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
	if codec.IsTLS(buf) {
		s.Reset()
		return 0, errTLS
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
	cmd.NoReply, cmd.Sole, cmd.Apart, cmd.Own, cmd.Some = false, false, false, false, false // a pool of the other protocol may have left them true
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
		if codec.IsTLS(line) { // a ClientHello has NULs, for its lengths
			refuse(cmd, hangUpTLS, false)
			return
		}
		refuseUnknownName(cmd, line[:bytes.IndexByte(line, 0)])
	case metaStore:
		refuseMetaStore(s, cmd, line)
	default:
		refuse(cmd, refuseFormat, false)
	}
}
