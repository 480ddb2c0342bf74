package codec

// Databases is which of its servers' databases a pool serves: each has keys of its own, and a server connection works in one of them.
// Sessions, groups and hand-overs call it, on any goroutine. Of a protocol without databases there is one, 0, and nobody can leave it.
//
//	client: SELECT 3  GET a          on connections that have sent SELECT 3 as they opened
//	        +OK       $-1
type Databases interface {
	// Home is the database that a client begins in.
	Home() int

	// Databases is how many there are for clients to choose from, from 0 on; 0: Home is the only one, whatever number it has.
	Databases() int

	// Serves says that clients may be in database db, and be given requests of it.
	Serves(db int) bool

	// Evict notes that cl is in a database that is not served any more, since a reload: its commands are refused, saying so, until
	// it chooses another, and what it has queued is not executed.
	Evict(cl *Client)

	// AppendSelect appends the command that has a server connection go over to database db; its reply is judged by BeginOp of
	// Transactions.
	AppendSelect(dst []byte, db int) []byte

	// Selected says of the whole reply to a transaction whether its command i, which was AppendSelect's, was carried out. Commands that
	// the proxy answers do not count.
	Selected(reply []byte, i int) bool
}
