package sim

import (
	"time"

	"cashew/stats"
)

// addUp holds the proxy's figures against each other, when nothing is in flight.
func (r *Run) addUp() {
	if r.Failure != "" {
		return
	}
	var s *stats.Snapshot
	r.await("a snapshot", time.Second, func() error { s = r.proxy.Snapshot(); return nil })
	if r.Failure != "" {
		return
	}
	for i := range s.Pools {
		p := &s.Pools[i]
		if p.Near != nil {
			r.kept[r.proxy] = *p.Near
		}
		if p.InFlight != 0 || p.ClientBlocked != 0 {
			r.fail("pool %s: %d commands in flight, %d clients blocked, when nothing is owed", p.Name, p.InFlight, p.ClientBlocked)
		}
		for j := range p.Servers {
			r.addUpServer(&p.Servers[j])
		}
	}
}

// addUpServer does so with a server's: a request was answered, was thrown away or has failed, and has its time. What is on its way is
// the proxy's own, one on each connection, which counts as no request.
func (r *Run) addUpServer(v *stats.Server) {
	if v.Requests != v.Responses+v.NoReply+v.Dropped+v.Failed || v.InQueue+v.OutQueue > v.ServerConnections {
		r.fail("%s: %d requests; %d responses, %d without, %d dropped, %d failed; %d and %d queued on %d connections", v.Name, v.Requests,
			v.Responses, v.NoReply, v.Dropped, v.Failed, v.InQueue, v.OutQueue, v.ServerConnections)
	}
	timed := int64(0)
	for i := range v.Latency {
		n := v.Latency[i].Server.Count()
		if q := v.Latency[i].Queue.Count(); q != n {
			r.fail("%s: %d times in the queue, %d at the server", v.Name, q, n)
		}
		timed += n
	}
	if timed+v.Untimed != v.Responses+v.Dropped {
		r.fail("%s: %d times, and %d without one, of %d responses and %d dropped", v.Name, timed, v.Untimed, v.Responses, v.Dropped)
	}
}
