package codec

// PubSub is how clients hear what others publish. A session calls it on its client's loop, and a server connection that nothing but
// subscriptions go over on its own. A subscription has a name and a sort, a small number; of a protocol without subscriptions, which
// has no sorts, nothing else of this is called. dst is the caller's, and nothing that is passed is kept.
//
//	client: SUBSCRIBE a           server: SUBSCRIBE a      once for all clients of a loop
//	        subscribe a 1    <--          subscribe a 1
//	        message a hello  <--          message a hello  as it came, but for what its client's profile has otherwise
type PubSub interface {
	// Sorts is how many sorts of subscriptions there are.
	Sorts() int

	// Subscribes says of a command of Kind Subscribe, whose Keys are names, of which sort they are, and whether it begins or ends.
	Subscribes(cmd *Command) (sort int, begins bool)

	// Everywhere says that what a name means may come from any server, and not only from that which the ring gives the name.
	Everywhere(sort int, name []byte) bool

	// Unsubscribed says what a frame that is no message tells the end of, if that may come unasked.
	Unsubscribed(frame []byte) (sort int, name []byte, ok bool)

	// AppendSubscribe appends the command that has a server begin, or end, to send what a name means.
	AppendSubscribe(dst []byte, sort int, name []byte, begins bool) []byte

	// AppendStay appends a command that a server answers on a connection for subscriptions, whatever those are.
	AppendStay(dst []byte) []byte

	// Message says whether a whole frame that came over such a connection is a message, and of what. If it is none, it answers the
	// oldest command that was not answered: AnswersSubscribe says whether it does so, and whether as a refusal, AnswersStay likewise.
	// What is returned points into frame.
	Message(frame []byte) (sort int, name []byte, ok bool)
	AnswersSubscribe(frame []byte, sort int, name []byte, begins bool) (fits, refused bool)
	AnswersStay(frame []byte) bool

	// AppendMessage appends such a message as a client of that profile has it. It is as long as it was.
	AppendMessage(dst []byte, pr Profile, frame []byte) []byte

	// AppendSubscribed tells a client that a subscription of that sort has begun or ended; counts is how many it has of each sort
	// since then. A nil name: it had none to end.
	AppendSubscribed(dst []byte, cl *Client, sort int, name []byte, begins bool, counts []int) []byte
}
