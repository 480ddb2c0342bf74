package codec

// Transactions is how a session executes what a client queued between MULTI and EXEC. It keeps the commands, so that they go to
// their one server in one piece, on a connection that others use before and behind them:
//
//	client: MULTI        GET a           INCR b          EXEC
//	        +OK          +QUEUED         +QUEUED              *2 ...
//	server:                                              MULTI GET a INCR b EXEC
//
// A session calls it on its client's loop. Of a protocol that finds no command of Kind Queue, Exec, Discard or Watch nothing
// but Transaction is ever called.
type Transactions interface {
	// Transaction says whether cl is between MULTI and EXEC, and whether a command there was refused: then none is executed.
	Transaction(cl *Client) (begun, spoiled bool)

	// Forgets says that a command of Kind Switch ends what its client watches and has queued.
	Forgets(cmd *Command) bool

	// EndTransaction takes cl out of its transaction, which goes to its server.
	EndTransaction(cl *Client)

	// AppendApart and AppendTooLarge answer a command of Kind Queue that is not kept, and spoil the transaction: its keys and those before live on
	// different servers; there is no room for it.
	AppendApart(dst []byte, cl *Client, keys [2][]byte, servers [2]string) []byte
	AppendTooLarge(dst []byte, cl *Client) []byte

	// Spoil has the EXEC of cl's transaction fail, if there is one: a command in it was answered with an error by who calls.
	Spoil(cl *Client)

	// AppendAborted answers an EXEC that executes nothing, since a reload has changed the pool: cmd, which was queued before, is now one that
	// is refused (Refuse without Sole), that is to be learned (Unknown), or that only goes to a server which has no others beside it.
	AppendAborted(dst []byte, cl *Client, cmd *Command) []byte

	// AppendUnexecuted ends a transaction in place of its server: as if a key that cl watches had changed.
	AppendUnexecuted(dst []byte, cl *Client) []byte

	// Executed says of the reply to EXEC whether the transaction was executed.
	Executed(reply []byte) bool

	// AppendUnwatch appends the command that makes a server connection forget all that was watched on it; its reply is judged
	// by BeginOp.
	AppendUnwatch(dst []byte) []byte

	// AppendBegin and AppendExec append what a server is sent before and behind the commands of a transaction. BeginOp and
	// ExecOp are the Ops by which its replies are judged: to each command before the last, and to that.
	AppendBegin(dst []byte) []byte
	AppendExec(dst []byte) []byte
	BeginOp() uint16
	ExecOp() uint16
}
