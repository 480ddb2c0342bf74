package stats

import (
	"maps"
	"slices"

	"cashew/codec/work"
)

// AddClients adds what one loop counted of the pool's clients; profiles are their names.
func (st *Pool) AddClients(t *ClientTally, profiles []string) {
	st.ClientEOF += t.EOF
	st.ClientErr += t.Err
	st.Fragments += t.Fragments
	st.Subscriptions += t.Subscriptions
	st.Messages += t.Messages
	st.ClientsMoved += t.Moves
	st.ClientBlocked += t.Blocked
	st.ClientWaiting += t.Waiting
	st.LocalCommands += t.Local
	st.RequestBytesFromClients += t.BytesIn
	st.ReplyBytesToClients += t.BytesOut
	st.InFlight += t.InFlight
	for pr, name := range profiles {
		st.Profiles[name] += t.Profiles[pr]
	}
	for _, name := range slices.Sorted(maps.Keys(t.Refused)) { // in order: the first names that are new have the places that are left
		addName(st.Refused, name, t.Refused[name])
	}
	st.RefusedOf.merge(t.RefusedOf)
	if t.Mirror != nil && st.Mirror != nil {
		st.Mirror.add(t.Mirror)
	}
	if t.Tier != nil && st.Miss != nil {
		st.Miss.add(t.Tier)
	}
	if t.Near != nil && st.Near != nil {
		st.Near.Add(t.Near)
	}
	if t.Dual != nil && st.Dual != nil {
		st.Dual.add(t.Dual)
	}
	for pool, n := range t.Routed { // in no order: a sum for each pool
		st.Routed[pool] += *n
	}
	st.WriteBack.Merge(&t.WriteBack)
}

// AddServer adds what one loop counted of server number i, of that name; a reload may have moved it since, or
// removed it.
func (st *Pool) AddServer(i int, name string, f *ServerTally, profiles []string) {
	if sv := st.server(i, name); sv != nil {
		sv.add(f, profiles)
	}
}

// server is the one of that name, most likely number i; nil if a reload removed it.
func (st *Pool) server(i int, name string) *Server {
	if i < len(st.Servers) && st.Servers[i].Name == name {
		return &st.Servers[i]
	}
	for i := range st.Servers {
		if st.Servers[i].Name == name {
			return &st.Servers[i]
		}
	}
	return nil
}

// add adds what one loop counted of the server; profiles are their names.
func (sv *Server) add(f *ServerTally, profiles []string) {
	for pr, name := range profiles {
		sv.Profiles[name] += f.Profiles[pr]
	}
	for kind, n := range f.Pushes { // in no order: a sum for each kind
		sv.Pushes[kind] += n
	}
	sv.ServerEOF += f.EOF
	sv.ServerErr += f.Err
	sv.ServerConnections += f.Connections
	sv.Requests += f.Requests
	sv.RequestBytes += f.RequestBytes
	sv.Responses += f.Responses
	sv.ResponseBytes += f.ResponseBytes
	sv.InQueue += f.InQueue
	sv.InQueueBytes += f.InQueueBytes
	sv.OutQueue += f.OutQueue
	sv.OutQueueBytes += f.OutQueueBytes
	sv.NoReply += f.NoReply
	sv.Dropped += f.Dropped
	sv.Failed += f.Failed
	sv.Expired += f.Expired
	sv.Untimed += f.Untimed
	sv.Redials += f.Redials
	sv.Leased += f.Leased
	sv.LeaseWaits += f.LeaseWaits
	sv.Subscriptions += f.Subscriptions
	sv.Resubscribed += f.Resubscribed
	sv.Messages += f.Messages
	sv.LeaseRefusals += f.LeaseRefusals
	sv.Remarks += f.Remarks
	sv.TimedoutConnections += f.Timedout
	sv.KeyspaceMisses += f.Misses
	sv.KeyspaceHits += f.Latency[work.Lookup].Server.Count() - f.Misses
	for i := range f.Latency {
		class := work.Class(i)
		if class == work.Lookup {
			class = work.Read
		}
		sv.Latency[class].Queue.Merge(&f.Latency[i].Queue)
		sv.Latency[class].Server.Merge(&f.Latency[i].Server)
	}
}
