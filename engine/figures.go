package engine

import (
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"cashew/codec"
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

// figures are those that need no loop. The first are memcached's own names; the others twemproxy's, or ours.
func (p *pool) figures() []codec.Figure {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return []codec.Figure{
		{Name: "pid", Value: strconv.Itoa(os.Getpid())},
		{Name: "uptime", Value: n(int64(p.proxy.world.Nanos()) / int64(time.Second))},
		{Name: "time", Value: n(p.proxy.world.Now().Unix())},
		{Name: "version", Value: p.version},
		{Name: "pointer_size", Value: strconv.Itoa(strconv.IntSize)},
		{Name: "curr_connections", Value: n(p.clients.Load())},
		{Name: "total_connections", Value: n(p.count.accepted.Load())},
		{Name: "rejected_connections", Value: n(p.count.rejected.Load())},
		{Name: "threads", Value: strconv.Itoa(len(p.groups))},
		{Name: "pool", Value: p.name},
		{Name: "servers", Value: strconv.Itoa(len(p.Options().Servers))},
		{Name: "servers_live", Value: n(p.Live())},
		{Name: "server_ejects", Value: n(p.Ejections())},
		{Name: "server_out_of_step", Value: n(p.OutOfSteps())},
		{Name: "forward_error", Value: n(p.count.forwardError.Load())},
		{Name: "lost_keys", Value: n(p.count.lostKeys.Load())},
		{Name: "failure_misses", Value: n(p.count.misses.Load())},
		{Name: "slow_clients", Value: n(p.count.slow.Load())},
		{Name: "over_memory_clients", Value: n(p.count.overMemory.Load())},
		{Name: "malformed_clients", Value: n(p.count.malformed.Load())},
		{Name: "foreign_clients", Value: n(p.count.foreign.Load())},
	}
}
