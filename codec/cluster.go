package codec

// Clustered is what a protocol is asked of pools whose servers are a Redis Cluster. Topology calls the first two off the loops, server
// connections the others on theirs. A protocol without clusters has no commands for a view, and nothing of a cluster is ever its reply.
type Clustered interface {
	// ViewCommands are what a server is asked for its view of the cluster, each a whole command.
	ViewCommands() [][]byte

	// ParseView makes a view of the whole replies to ViewCommands of a server at addr, "host:port". An error says what is wrong with them.
	ParseView(addr string, replies [][]byte) (*View, error)

	// Redirection reads a whole error reply by which a server of a cluster sends a request elsewhere: to addr, which lives as long as
	// reply and whose host may be missing where it is the server's own. ok is false for one that names nobody.
	Redirection(reply []byte) (slot int, addr []byte, ok bool)

	// Aborted says that a whole error reply is to the end of a transaction, of which a command was not queued.
	Aborted(reply []byte) bool

	// AppendUnserved appends the error for a command that no server of a cluster is known to serve. mapped is false while none has told yet
	// which there are.
	AppendUnserved(dst []byte, mapped bool) []byte

	// Asking is the whole command that a request has before it which is sent where an ASK points; its reply is a line.
	Asking() []byte
}

// View is what one server of a Redis Cluster says of it.
type View struct {
	Self     string // the ID of who says so; "": it did not say
	Well     bool   // it says that all is well: it sees most masters, and all slots have one
	Nodes    []Node
	Owners   []int32  // of each of ring.SlotCount slots, an index of Nodes; -1: nobody
	Replicas []string // IDs of those that are no masters
	Copies   []Copy   // of these, the ones that can be connected to
}

// Copy is a replica of a View.
type Copy struct {
	ID, Addr string // as of a Node
	Of       string // the ID of its master
}

// Node is a master of a View. Those that have no slot yet are told of as well, unless they are known to have failed.
type Node struct {
	ID    string
	Addr  string // "host:port", to connect to
	Epoch uint64 // its configuration's: of two that claim a slot the higher one has it
}
