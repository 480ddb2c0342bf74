package engine

import (
	"os"
	"strconv"
	"time"

	"cashew/codec"
)

// figures are those that need no loop. The first are memcached's own names; the others twemproxy's, or ours.
func (p *pool) figures() []codec.Figure {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	return []codec.Figure{
		{Name: "pid", Value: strconv.Itoa(os.Getpid())},
		{Name: "uptime", Value: n(int64(p.proxy.world.Nanos()) / int64(time.Second))},
		{Name: "time", Value: n(p.proxy.world.Now().Unix())},
		{Name: "version", Value: p.version},
		{Name: "pointer_size", Value: strconv.Itoa(strconv.IntSize)},
		{Name: "curr_connections", Value: n(p.clients.now.Load())},
		{Name: "total_connections", Value: n(p.clients.accepted.Load())},
		{Name: "rejected_connections", Value: n(p.clients.rejected.Load())},
		{Name: "threads", Value: strconv.Itoa(len(p.proxy.loops))},
		{Name: "pool", Value: p.Name},
		{Name: "servers", Value: strconv.Itoa(len(p.Options().Servers))},
		{Name: "servers_live", Value: n(p.Live())},
		{Name: "server_ejects", Value: n(p.Ejections())},
		{Name: "server_out_of_step", Value: n(p.OutOfSteps())},
		{Name: "forward_error", Value: n(p.Count.ForwardError.Load())},
		{Name: "lost_keys", Value: n(p.Count.LostKeys.Load())},
		{Name: "failure_misses", Value: n(p.Count.Misses.Load())},
		{Name: "slow_clients", Value: n(p.Count.Slow.Load())},
		{Name: "over_memory_clients", Value: n(p.Count.OverMemory.Load())},
		{Name: "malformed_clients", Value: n(p.Count.Malformed.Load())},
		{Name: "foreign_clients", Value: n(p.Count.Foreign.Load())},
	}
}
