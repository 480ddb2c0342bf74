package codec

// Replicated is what a protocol is asked of pools some of whose reads go to replicas. Topology calls it off the loops. A protocol without
// replicas has no commands for them.
type Replicated interface {
	// ReplicationCommands are what a server is asked for how it stands in the replication, each a whole command.
	ReplicationCommands() [][]byte

	// ParseReplication makes of the whole replies to ReplicationCommands what a server says. An error says what is wrong with them.
	ParseReplication(replies [][]byte) (Replication, error)
}

// Replication is how a server stands in the replication, as it says itself.
type Replication struct {
	IsMaster   bool
	History    string // names the writes that Offset counts: it is the master's, and its replicas'
	Offset     int64  // how far the server has written, or a replica has carried out what its master wrote
	Linked     bool   // of a replica: it hears its master
	Syncing    bool   // of a replica: it is being given all that its master has
	Loading    bool   // it reads its data from disk
	Migrations int64  // of a master: how often it has migrated keys to another
	Zone       string // where it stands, as it was told itself; "": it was not
}
