package codec

import "cashew/codec/unblock"

// Answers is what the proxy says to a client in place of a server, and what it keeps from it. A session calls it on its
// client's loop; AppendError is also called where a client is turned away and where a report fails, each on a goroutine of
// its own. dst is the caller's, often a batch that other replies stand in: bytes go behind what is there, and nothing of dst
// or of the other arguments is kept.
type Answers interface {
	// AppendLocal appends the reply to a command of Kind Local, Switch, Refuse, Queue (which was
	// kept), Exec (of no commands, or of a spoiled transaction), Discard, Watch (of
	// which nothing is executed any more) or Quit, and may change cl (AUTH, CLIENT
	// SETNAME, HELLO). It is called once for each such command, in the order of the client's commands.
	AppendLocal(dst []byte, cl *Client, cmd *Command) []byte

	// AppendMiss appends what a server answers, to a client of that profile, that has none of the keys of a command with
	// Op op and so many keys. ok is false, and dst as it was, if the command writes or its reply to a miss is not always
	// the same.
	AppendMiss(dst []byte, pr Profile, m Mark, op uint16, keys int) (out []byte, ok bool)

	// AppendError appends an error reply that says text, which is one line without CR or LF: "-ERR text" for Redis,
	// "SERVER_ERROR text" for memcached. Source: twemproxy 0.5.0 msg_get_error.
	AppendError(dst []byte, text string) []byte

	// AppendFailure is AppendError in reply to a command with that mark, to a client of that profile.
	AppendFailure(dst []byte, pr Profile, m Mark, text string) []byte

	// AppendUnblocked answers a command of Op op that was blocked, and is so no more for why.
	AppendUnblocked(dst []byte, pr Profile, op uint16, why unblock.Reason) []byte

	// AppendMoving tells a client that has asked for it that it has so many seconds until its connection is closed, and which one to
	// make in its place; endpoint "": another where it made this. number counts such messages. Of another client dst is returned as
	// it is.
	AppendMoving(dst []byte, cl *Client, number, seconds int, endpoint string) []byte

	// AppendCrossServer appends the error for a command whose keys live on different servers and which is not scattered: two of the keys,
	// and the names of their servers.
	AppendCrossServer(dst []byte, keys [2][]byte, servers [2]string) []byte

	// AppendMalformed appends the last reply before a client of that profile is closed because ParseCommand returned err; m is what it
	// left in Command.Mark.
	AppendMalformed(dst []byte, pr Profile, m Mark, err error) []byte

	// Compares says that servers with the same data give the same reply, byte by byte, to a command of Op op with one key, which only reads.
	Compares(op uint16) bool

	// Fills says that a command of Op op reads the whole value of its key, and tells nothing else of it.
	Fills(op uint16) bool

	// AppendFill appends the command that stores under key, for so many seconds, what a server replied to a command that Fills says, to a client of a
	// profile without marks; unless the key is there. ok is false, and dst as it was, if reply has no value. FillOp is its Op, and Filled says by the reply to it that it was
	// stored.
	AppendFill(dst, key, reply []byte, seconds int) (out []byte, ok bool)
	FillOp() uint16
	Filled(reply []byte) bool

	// Doubles says that servers that are to have the same data all have to be sent cmd, as it does not only read; why is why that must not
	// be done, for each would do something else with it; "": it may. It does not judge its Kind.
	Doubles(cmd *Command) (writes bool, why string)

	// IsError says that a server's reply, of which these are the first bytes, is an error.
	IsError(reply []byte) bool

	// Suppress says whether the reply to a command whose Quiet was not 0 is kept from the client. reply is whole, or the first
	// 256 KiB of it or more. One that is not kept from the client it makes what the client expects, in place.
	Suppress(quiet uint16, reply []byte) bool

	// Skipped is called once for each command with Quiet that is not a Forward, after it was taken.
	Skipped(cl *Client, cmd *Command)
}
