package codec

// Lessons is how a pool learns of commands that its protocol does not know: it asks the servers. A session calls it on its client's
// loop, for a command of Kind Unknown; of a protocol that finds none nothing of this is ever called.
//
//	client: NEXT.YEAR key
//	server:                 COMMAND INFO next.year   *1 *10 ...   NEXT.YEAR key
//
// A lesson is what a server said of a command, as the protocol understood it; it is immutable, and all loops share it.
type Lessons interface {
	// AppendUnknown appends the name by which servers are asked about cmd, always the same for the same command.
	AppendUnknown(dst []byte, cmd *Command) []byte

	// AppendAsk appends the command that asks a server about the command of that name; AskOp is its Op.
	AppendAsk(dst []byte, name string) []byte
	AskOp() uint16

	// Learn takes the whole reply to that. known: the server has the command, and lesson says how it is; else lesson is what is to be
	// known of a name that the server does not have, or does not tell of. said is false if the server has for now no answer to anything.
	// reply is not kept. It may allocate.
	Learn(name string, reply []byte) (lesson any, known, said bool)

	// UnknownTo appends the name of the command of which reply, or its beginning, says that the server does not have it, as
	// AppendUnknown has it; nothing: it can't be told.
	UnknownTo(dst, reply []byte) []byte

	// Apply makes of cmd, of Kind Unknown, what lesson says; nil: nobody said anything.
	Apply(cl *Client, cmd *Command, lesson any)
}
