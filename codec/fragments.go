package codec

import "cashew/codec/about"

// Fragments takes a command whose keys live on several servers apart, and puts the replies together: MGET of 100 keys on 3
// servers is 3 fragments and 1 reply. A session calls it on its client's loop. dst is the caller's: a server connection's
// batch for AppendFragment, the client's for AppendCoalesced. cmd is as ParseCommand left it; a Gather and all in it belong to
// the session.
type Fragments interface {
	// AppendFragment begins, in dst, the part of a Scatter command that goes to one server and holds keys of the
	// command's keys. The caller then appends cmd.Frame[k.Start:k.End] for each of those keys, in the command's order,
	// and finishes with AppendFragmentEnd.
	AppendFragment(dst []byte, cmd *Command, keys int) []byte

	// AppendFragmentEnd ends what AppendFragment began.
	AppendFragmentEnd(dst []byte, cmd *Command) []byte

	// AppendKeys appends what AppendCoalesced will need to know of the command's keys once its frame is gone; Redis
	// needs that of commands about subscriptions alone.
	AppendKeys(dst []byte, cmd *Command) []byte

	// AppendCoalesced appends the one reply to a Scatter command made of the replies to its fragments. Work is linear
	// in keys and bytes. If any fragment's reply cannot be merged (an error, another type) the result is one error.
	AppendCoalesced(dst []byte, g *Gather) []byte
}

// Gather is what a session keeps of a Scatter or Fanout command until its one reply is there: from before the first
// fragment leaves. AppendCoalesced gets it once all fragments are answered; Replies and Cursor are empty until then.
type Gather struct {
	Op      uint16
	Mark    Mark     // Command.Mark
	Some    bool     // Command.Some
	Part    []uint16 // Part[i] is the index in Replies of the fragment that holds key i of the command; with Subscribers, the place of the server that Replies[i] is from
	Replies [][]byte // the whole reply to each fragment, but for those that Some leaves out; none is empty
	Keys    []byte   // what AppendKeys kept
	Cursor  []int    // scratch, one for each reply, zeroed: the protocol's place in it

	Subscribers about.Subscribers // of the pool, for commands that publish or ask about subscriptions; else nil
}
