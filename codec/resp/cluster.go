package resp

import (
	"bytes"
	"slices"
	"strings"

	"cashew/codec"
	"cashew/codec/verdict"
)

// What the servers of a Redis Cluster say of requests that they do not serve.
//
// Source: Redis Cluster specification, "Redirection and resharding"; redis 7.0 cluster.c, clusterRedirectClient.

var (
	wordMoved = []byte("-MOVED ")
	wordAsk   = []byte("-ASK ")
	wordAbort = []byte("-EXECABORT ")

	askingCommand   = bulks("ASKING")
	readonlyCommand = bulks("READONLY") // else a replica sends all requests to its master
)

// redirects are errors by their first words that say that what they are about was not done: those of a cluster alone, and those of any
// servers that change places.
var redirects = []struct {
	words   []byte
	verdict verdict.Verdict
	cluster bool
}{
	{wordMoved, verdict.Moved, true},
	{wordAsk, verdict.Asked, true},
	{wordAbort, verdict.Again, false},
	{[]byte("-TRYAGAIN "), verdict.Halved, true},
	{[]byte("-CLUSTERDOWN "), verdict.Again, true},
	{[]byte("-LOADING "), verdict.Again, false},
	{[]byte("-MASTERDOWN "), verdict.Again, false},
	{[]byte("-READONLY "), verdict.Again, false},
	{[]byte("-UNBLOCKED force unblock"), verdict.Again, false}, // its server is no master any more
}

// judgeElsewhere says whether an error reply sends its request redirects, or later.
func judgeElsewhere(reply []byte, cluster bool) (v verdict.Verdict, is bool) {
	for i := range redirects {
		if row := &redirects[i]; (cluster || !row.cluster) && bytes.HasPrefix(reply, row.words) {
			return row.verdict, true
		}
	}
	return verdict.Fine, false
}

// unbegun are the texts with which servers refuse a script before it begins; * stands for any. The script itself may answer with any error, also
// one of redirects, and was executed then. READONLY comes out of scripts as well, with where in it behind: it wrote nothing, on a server where
// nobody writes.
//
// Source: redis 7.0 server.c, createSharedObjects; cluster.c, clusterRedirectClient; script.c, scriptPrepareForRun.
var unbegun = []string{
	"-TRYAGAIN Multiple keys request during rehashing of slot",
	"-CLUSTERDOWN Hash slot not served",
	"-CLUSTERDOWN The cluster is down",
	"-CLUSTERDOWN The cluster is down and only accepts read commands",
	"-LOADING * is loading the dataset in memory",
	"-MASTERDOWN Link with MASTER is down and *-serve-stale-data is set to 'no'.",
	"-READONLY You can't write against a read only *",
}

// beginsNot says that an error is a server's, which refuses a script.
func beginsNot(reply []byte) bool {
	text := string(bytes.TrimSuffix(reply, []byte(crlf)))
	if bytes.HasPrefix(reply, wordMoved) || bytes.HasPrefix(reply, wordAsk) {
		return strings.Count(text, " ") == 2
	}
	return slices.ContainsFunc(unbegun, func(own string) bool {
		head, tail, open := strings.Cut(own, "*")
		return text == own || open && len(text) > len(head)+len(tail) && strings.HasPrefix(text, head) && strings.HasSuffix(text, tail)
	})
}

// Redirection implements codec.Clustered: "-MOVED 3999 127.0.0.1:6381".
func (*Protocol) Redirection(reply []byte) (slot int, addr []byte, ok bool) {
	rest, ok := bytes.CutPrefix(reply, wordMoved)
	if !ok {
		if rest, ok = bytes.CutPrefix(reply, wordAsk); !ok {
			return 0, nil, false
		}
	}
	number, addr, _ := bytes.Cut(bytes.TrimRight(rest, "\r\n"), []byte(" "))
	n, ok := parseInt(number)
	addr, _, _ = bytes.Cut(addr, []byte(" "))
	if !ok || n < 0 || n >= clusterSlots || len(addr) == 0 {
		return 0, nil, false
	}
	return int(n), addr, true
}

// Aborted implements codec.Clustered.
func (*Protocol) Aborted(reply []byte) bool { return bytes.HasPrefix(reply, wordAbort) }

// AppendUnserved implements codec.Clustered, in a server's words where it has some.
func (*Protocol) AppendUnserved(dst []byte, mapped bool) []byte {
	if !mapped {
		return append(dst, "-CLUSTERDOWN no node has told yet which servers the cluster has\r\n"...)
	}
	return append(dst, "-CLUSTERDOWN Hash slot not served\r\n"...)
}

// clusterSlots is how many hash slots a cluster has.
const clusterSlots = 16384

// Asking implements codec.Clustered.
func (*Protocol) Asking() []byte { return askingCommand }

var _ codec.Clustered = (*Protocol)(nil)
