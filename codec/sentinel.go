package codec

// Sentinels is what a protocol is asked of pools whose servers are found by Redis Sentinel. Topology calls it off the loops. A protocol
// without sentinels has no commands for them.
type Sentinels interface {
	// MasterCommands are what a sentinel is asked of the master of that name, each a whole command.
	MasterCommands(name string) [][]byte

	// ParseMaster makes of the whole replies to MasterCommands what a sentinel says. An error says what is wrong with them.
	ParseMaster(name string, replies [][]byte) (Master, error)

	// ReplicaCommand is what a sentinel is asked for the replicas of the master of that name, a whole command.
	ReplicaCommand(name string) []byte

	// ParseReplicas makes of the whole reply to ReplicaCommand where these are, as "host:port" to connect to.
	ParseReplicas(reply []byte) (addrs []string, err error)

	// EventCommand is what a sentinel is sent to tell of what happens.
	EventCommand() []byte

	// ParseEvent reads a whole reply of a sentinel that was sent EventCommand; ok is false for what is no event that matters.
	ParseEvent(frame []byte) (e Event, ok bool)
}

// ToSentinels is the server's name in the Login of a connection to a sentinel. No server has it: names have no blanks.
const ToSentinels = "the sentinels"

// Master is what one sentinel says of a master.
type Master struct {
	Name     string
	Addr     string   // "host:port", to connect to; "": it does not know the master
	Epoch    uint64   // its configuration's: of two that are said to be the master the higher one is
	Others   []string // addresses of the other sentinels that it knows
	Replicas []string // addresses of the master's replicas, if they were asked for
}

// Event is what a sentinel told of a master unasked.
type Event struct {
	Kind   EventKind
	Master string // name; "": any
	Addr   string // of Promoting, who is to be the master
}

// EventKind is what happened.
type EventKind uint8

const (
	// Changed is whatever makes it worth to ask.
	Changed EventKind = iota
	// Promoting comes before a replica is told to be the master: what its master does from then on will be lost.
	Promoting
	// Settled ends that, one way or another: asking tells.
	Settled
)
