package codec

import "cashew/codec/verdict"

// Replies understands what servers send. A server connection calls it on its loop; a probe, which has a connection of its own,
// calls ScanReply on its own goroutine. The bytes belong to the caller, are read and neither changed nor kept; s is the
// connection's.
type Replies interface {
	// ScanReply takes the bytes at the front of buf that belong to the current reply: n of them, all of buf if the
	// reply goes on beyond it (done == false). s keeps the state between calls, so that a reply can be passed on as it
	// comes, cut at any byte. done == true: byte n-1 was the reply's last, and s is ready for the next reply. An error
	// wraps ErrMalformed: the server connection is lost. Does not allocate, whatever the reply declares.
	ScanReply(s *ReplyScan, buf []byte) (n int, done bool, err error)

	// Marks says that replies of that profile bear the mark of their command. Then ReplyScan.Marked is set, and Mark for each reply;
	// ScanReply has an error for one that bears another.
	Marks(pr Profile) bool

	// Judge looks at the beginning of a server's reply, one byte or more, to a command that had Op op, on a connection of
	// that profile.
	Judge(pr Profile, op uint16, reply []byte) verdict.Verdict

	// PushKind names what a server sends unasked (see verdict.Push) by the beginning of it, 64 bytes or all; one of few names.
	PushKind(push []byte) string
}

// ReplyScan is the state of ScanReply. The zero value is the start of a reply. Its fields belong to the protocol; First is for
// tests to look at.
type ReplyScan struct {
	Marked bool // see Replies.Marks
	Mark   Mark // of the command that the current reply answers; 0: any

	First byte     // first byte of the reply, behind any attribute: its type; stays until the next reply begins
	State uint8    // the protocol's own: what comes next
	Neg   bool     // Redis: a minus sign was seen in the current length; memcached: the byte before was a CR
	Attr  bool     // Redis: an attribute stands before the reply
	Depth int16    // memcached: what kind of reply it is
	Num   int64    // the length being read, digit by digit; memcached: also 1 once VALUE's key has a byte
	Skip  int64    // body bytes (with their line end) still to come before the next thing to look at
	Line  int32    // Redis: digits of the current length so far; memcached: bytes of the current line, or header
	Word  [2]int64 // memcached: the first 16 bytes of the line's first word, or of the header; behind a word Word[0] counts a number's digits
	Stack []int64  // Redis: elements still to come on each level, below 0 for an attribute's; memory is kept from reply to reply
}
