package codec

import (
	"cashew/codec/about"
	"cashew/codec/walk"
)

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

	// A command of Kind Walk is one fragment, for the server that its cursor names:
	//
	//	client   SCAN 0                 -->  server 7: SCAN 0   -->  cursor 12  -->  client: 12 at 7
	//	client   SCAN (12 at 7)         -->  server 7: SCAN 12  -->  cursor 0   -->  client:  0 at 9, the next one
	//	client   SCAN (0 at 9)          -->  server 9: SCAN 0   -->  ...        -->  client:  0, after the last one

	// Cursor is where a command of Kind Walk goes on; ok is false if it has no cursor, which a server will say.
	Cursor(cmd *Command) (at walk.Cursor, ok bool)

	// AppendWalk appends the command for a server, whose own cursor is given; its reply is made the client's by AppendCoalesced.
	AppendWalk(dst []byte, cmd *Command, cursor uint64) []byte

	// AppendWalked appends the reply to a command behind the last server: nothing more comes.
	AppendWalked(dst []byte) []byte
}

// Gather is what a session keeps of a Scatter or Fanout command until its one reply is there: from before the first
// fragment leaves. AppendCoalesced gets it once all fragments are answered; Replies and Cursor are empty until then.
type Gather struct {
	Op      uint16
	Mark    Mark      // Command.Mark
	Some    bool      // Command.Some
	Part    []uint16  // Part[i] is the index in Replies of the fragment that holds key i of the command; with Subscribers, the place of the server that Replies[i] is from
	Replies [][]byte  // the whole reply to each fragment, but for those that Some leaves out; none is empty
	Keys    []byte    // what AppendKeys kept
	Step    walk.Step // of a walk
	Cursor  []int     // scratch, one for each reply, zeroed: the protocol's place in it

	Subscribers about.Subscribers // of the pool, for commands that publish or ask about subscriptions; else nil
}
