// Package walk has the words for commands that ask the servers of a pool one after the other, from call to call (Redis's SCAN): where such
// a walk is. See codec.Fragments.
package walk

// Cursor is where a walk is: at a server, by its stop (see topology.Stop), and where it is there.
type Cursor struct {
	Stop uint16 // 0 with Own 0: at the beginning
	Own  uint64 // the server's; 0: at its beginning
}

// Step is which server one call asked, and which is next.
type Step struct {
	Stop uint16
	Next uint16 // 0: it is the last
}
