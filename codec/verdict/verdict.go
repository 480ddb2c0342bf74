// Package verdict has the words in which a protocol judges what a server sent, so that a server connection knows what to do without
// knowing the protocol: a [Verdict] on each reply, a [Proof] where it may be out of step.
//
//	"-LOADING Redis is loading" --codec.Replies.Judge-------> Ailing     health counts it
//	"$5\r\nother\r\n"           --codec.Health.JudgeCanary--> OutOfStep  the connection is closed
package verdict

// Verdict is what Judge of codec.Replies makes of a reply.
type Verdict uint8

const (
	// Fine is a reply that may be passed on.
	Fine Verdict = iota
	// Busy is passed on, too: the server says that it can't just now, for what some request asked of it (it runs a script, is
	// out of memory). Nobody's failure.
	Busy
	// Ailing is passed on, too, but reports trouble of the server as a whole (it is loading, has lost its master) and not of
	// a request; health counts it.
	Ailing
	// Demoted is passed on, too: the server is no master any more. Whoever connects anew may find the one that is.
	Demoted
	// Last is passed on, too: the server closes the connection behind it, for a request that it can't take.
	Last
	// Unknown is passed on, too: the server does not have the command.
	Unknown
	// Unfit does not look like a reply to that command: the connection may be out of step, which has to be proved.
	Unfit
	// Moved is an error of a Redis Cluster: what was asked was not done. It has to be asked of another server, which it names, from now on.
	Moved
	// Asked is the same for this once.
	Asked
	// Again is one by which nothing was done either, and that may be over a little later.
	Again
	// Halved is the same, for its keys, all of one slot, are with two servers just now.
	Halved
	// Cut is the beginning of an error: what it says shows once it is whole.
	Cut
	// Push is no reply: the server sent it unasked, and nobody's turn goes by with it.
	Push
)

// Proof is what the reply to a canary says of its connection.
type Proof uint8

const (
	// OutOfStep is another command's reply.
	OutOfStep Proof = iota
	// InStep can be no other command's reply.
	InStep
	// Unproved is what the server says to any command just now, or to all that it does not know.
	Unproved
)
