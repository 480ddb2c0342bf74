package memcached

import (
	"bytes"
	"fmt"

	"cashew/codec"
	"cashew/codec/verdict"
)

var probe = []byte("mn\r\n")

// Probe implements codec.Health.
func (*Protocol) Probe() []byte { return probe }

// Canary implements codec.Health. mn has no room for the token, but its reply is no other command's.
func (*Protocol) Canary(pr codec.Profile, token string) (command, reply []byte) {
	if pr == Binary {
		return binaryCanary(token)
	}
	return probe, []byte("MN\r\n")
}

// JudgeCanary implements codec.Health. A memcached from before the meta commands says ERROR, as to anything that it does not
// know.
func (*Protocol) JudgeCanary(want, reply []byte) verdict.Proof {
	switch {
	case want[0] == magicReply:
		return judgeBinaryCanary(want, reply)
	case bytes.Equal(reply, want):
		return verdict.InStep
	case bytes.Equal(reply, []byte("ERROR\r\n")):
		return verdict.Unproved
	}
	return verdict.OutOfStep
}

// CheckProbe implements codec.Health. A memcached from before the meta commands knows no mn, but it answers.
func (*Protocol) CheckProbe(reply []byte) error {
	if bytes.HasPrefix(reply, []byte("MN")) || bytes.Equal(reply, []byte("ERROR\r\n")) {
		return nil
	}
	return fmt.Errorf("memcached: mn was answered %q", bytes.TrimRight(reply[:min(len(reply), 100)], "\r\n"))
}

// TLSApart implements codec.Health: a server forgets what its TLS library has behind a value that it read past its buffer. Source:
// memcached 1.6.18 memcached.c, conn_nread.
func (*Protocol) TLSApart() bool { return true }

// Judge implements codec.Replies. memcached's errors are about a request, never about the server as a whole. What the binary
// protocol's replies bear is looked at as they are scanned.
func (*Protocol) Judge(pr codec.Profile, op uint16, reply []byte) verdict.Verdict {
	if pr != Text {
		return verdict.Fine
	}
	words := firstWords[op]
	if words == nil || (op == opIncr || op == opDecr) && '0' <= reply[0] && reply[0] <= '9' {
		return verdict.Fine
	}
	for _, w := range words {
		if beginsWith(reply, w) {
			return verdict.Fine
		}
	}
	return verdict.Unfit
}

// beginsWith tells whether reply, which may be cut, begins with the word w.
func beginsWith(reply []byte, w string) bool {
	if len(reply) <= len(w) {
		return w[:len(reply)] == string(reply)
	}
	return string(reply[:len(w)]) == w && (reply[len(w)] == ' ' || reply[len(w)] == '\r')
}

// firstWords are what a command's reply may begin with; nil is anything.
var firstWords = func() (list [len(commands)][]string) {
	for op, own := range map[int][]string{ // in no order: each row has its own place in list
		opGet: {"VALUE", "END"}, opGets: {"VALUE", "END"}, opGat: {"VALUE", "END"}, opGats: {"VALUE", "END"},
		opSet: {"STORED", "NOT_STORED"}, opAdd: {"STORED", "NOT_STORED"}, opReplace: {"STORED", "NOT_STORED"},
		opAppend: {"STORED", "NOT_STORED"}, opPrepend: {"STORED", "NOT_STORED"},
		opCas:  {"STORED", "EXISTS", "NOT_FOUND", "NOT_STORED"},
		opIncr: {"NOT_FOUND"}, opDecr: {"NOT_FOUND"}, opTouch: {"TOUCHED", "NOT_FOUND"}, opDelete: {"DELETED", "NOT_FOUND"},
		opMetaGet: {"VA", "HD", "EN"}, opMetaSet: {"HD", "NS", "EX", "NF"}, opMetaDelete: {"HD", "NF", "EX"},
		opMetaArithmetic: {"HD", "VA", "NF", "EX", "NS"}, opMetaDebug: {"ME", "EN"},
		opVersion: {"VERSION"},
	} {
		list[op] = append(own, "ERROR", "CLIENT_ERROR", "SERVER_ERROR")
	}
	return list
}()

// Nothing implements codec.Catalogue. The binary protocol's replies are longer.
func (*Protocol) Nothing(pr codec.Profile, op uint16) string {
	switch {
	case pr == Binary:
		return ""
	case op == opGat || op == opGats:
		return replyEnd
	}
	reply, _ := (*Protocol)(nil).AppendMiss(nil, pr, 0, op, 1)
	return string(reply)
}

// AppendMiss implements codec.Answers. gat is no mere read: it touches.
func (*Protocol) AppendMiss(dst []byte, pr codec.Profile, m codec.Mark, op uint16, _ int) ([]byte, bool) {
	if pr == Binary {
		return appendBinaryMiss(dst, m, op)
	}
	switch op {
	case opGet, opGets:
		return append(dst, replyEnd...), true
	case opMetaGet:
		return append(dst, "EN\r\n"...), true
	}
	return dst, false
}
