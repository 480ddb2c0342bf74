package resp

import (
	"bytes"
	"strconv"
	"strings"

	"cashew/codec"
	"cashew/codec/verdict"
)

// keptNames are commands whose reply, for one key, is the same until the key is written: those that are compared, and what tells of a value in a server's
// own order. What tells of time, of chance, of a cursor, or of what the server counts for itself is not among them.
const keptNames = comparableNames + " mget hgetall hkeys hvals smembers dump digest bitfield_ro georadius_ro georadiusbymember_ro geosearch xrange xrevrange " +
	"json.get json.type json.arrlen json.objlen json.objkeys json.strlen json.arrindex vgetattr vismember vcard vdim"

// kept says it of each row.
var kept = func() []bool {
	list := make([]bool, len(commands))
	names := " " + keptNames + " "
	for op := range commands {
		name := commands[op].name
		list[op] = name != "" && commands[op].has('r') && strings.Contains(names, " "+name+" ")
	}
	return list
}()

// Keeps implements codec.Tracked.
func (*Protocol) Keeps(cmd *codec.Command) (is, shares bool) { return kept[cmd.Op], true }

// Stays implements codec.Tracked.
func (p *Protocol) Stays(_ uint16, reply []byte) bool { return !p.IsError(reply) }

// AppendNothing implements codec.Tracked.
func (*Protocol) AppendNothing(dst []byte, _ codec.Profile) []byte { return append(dst, probe...) }

// TracksIn implements codec.Tracked: RESP2 has no pushes.
func (*Protocol) TracksIn() (codec.Profile, bool) { return RESP3, true }

// AppendTracker implements codec.Tracked. Source: redis 7.0 tracking.c.
func (*Protocol) AppendTracker(dst []byte, prefixes []string) []byte {
	if len(prefixes) == 0 {
		return append(dst, "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n"...)
	}
	dst = appendHeader(dst, '*', 4+2*len(prefixes))
	for _, word := range [...]string{"CLIENT", "TRACKING", "ON", "BCAST"} {
		dst = appendBulk(dst, word)
	}
	for _, prefix := range prefixes {
		dst = appendBulk(dst, "PREFIX")
		dst = appendBulk(dst, prefix)
	}
	return dst
}

// TrackerNumber implements codec.Tracked.
func (p *Protocol) TrackerNumber(reply []byte) (int64, bool) {
	if p.Tracks(reply) {
		return 1, true
	}
	n, ok := integer(reply)
	return int64(n), ok && n > 0
}

// AppendTracks implements codec.Tracked.
func (*Protocol) AppendTracks(dst []byte, number int64) []byte {
	var digits [20]byte
	dst = append(dst, "*6\r\n$6\r\nCLIENT\r\n$8\r\nTRACKING\r\n$2\r\nON\r\n$8\r\nREDIRECT\r\n"...)
	dst = appendBulk(dst, strconv.AppendInt(digits[:0], number, 10))
	return append(dst, "$5\r\nOPTIN\r\n"...)
}

// AppendTracksNext implements codec.Tracked.
func (*Protocol) AppendTracksNext(dst []byte) []byte {
	return append(dst, "*3\r\n$6\r\nCLIENT\r\n$7\r\nCACHING\r\n$3\r\nYES\r\n"...)
}

// Tracks implements codec.Tracked.
func (*Protocol) Tracks(reply []byte) bool { return string(reply) == "+OK\r\n" }

// Later implements codec.Tracked.
func (*Protocol) Later(reply []byte) bool {
	v := judgeError(reply)
	return v == verdict.Ailing || v == verdict.Busy
}

// AppendLife implements codec.Tracked.
func (*Protocol) AppendLife(dst, key []byte) []byte {
	return appendBulk(append(dst, "*2\r\n$4\r\nPTTL\r\n"...), key)
}

// Life implements codec.Tracked: PTTL says -1 and -2 as that does.
func (*Protocol) Life(reply []byte) (int64, bool) {
	if len(reply) < len(":0\r\n") || reply[0] != ':' || !bodyEnds(reply, len(reply)) {
		return 0, false
	}
	return parseInt(reply[1 : len(reply)-len(crlf)])
}

// Invalidates implements codec.Tracked: a push of an array of keys, or of null where the server forgot them all.
func (*Protocol) Invalidates(push []byte, yield func(key []byte)) (all bool) {
	const head = ">2\r\n$10\r\ninvalidate\r\n"
	rest, ok := bytes.CutPrefix(push, []byte(head))
	if !ok {
		return true // tracking-redir-broken, or what nobody knows: nothing is sure any more
	}
	n, pos := arrayAt(rest)
	if pos <= 0 {
		return true
	}
	for range n {
		var key []byte
		if key, pos = bulkAt(rest, pos); pos <= 0 {
			return true
		}
		yield(key)
	}
	return false
}
