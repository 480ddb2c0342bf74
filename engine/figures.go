package engine

import (
	"sync/atomic"
)

// counters are one pool's, of what happens rarely enough that all loops may share them.
type counters struct {
	accepted     atomic.Int64 // clients ever
	rejected     atomic.Int64 // clients beyond client_connections
	malformed    atomic.Int64 // clients closed because their framing was lost
	foreign      atomic.Int64 // of those, the ones that speak another protocol
	forwardError atomic.Int64 // errors of ours written to clients in place of a server's reply
	lostKeys     atomic.Int64 // keys that a reply leaves out, or has as nil, because their server failed
	slow         atomic.Int64 // clients closed because they did not read
	overMemory   atomic.Int64 // clients closed because they held most when memory ran out
	crossScripts atomic.Int64 // scripts whose keys live on several servers
	misses       atomic.Int64 // reads that were answered as a miss because the server failed
}
