package topology

import (
	"cmp"
	"slices"

	"cashew/codec"
	"cashew/ring"
)

// Router says which server has a key, as long as the same servers are live. Nothing in it changes: when servers come or go, the
// pool has another.
type Router struct {
	ring    *ring.Ring
	servers []*Server // by place
}

// Route returns the server that has key, and its place, which is its index in Options.Servers. If no server is live, it is nil
// and the place negative.
func (r *Router) Route(key []byte) (place int, s *Server) {
	if place = r.ring.Dispatch(key); place >= 0 {
		s = r.servers[place]
	}
	return place, s
}

// Place is Route without the server; it saves 8 instructions for each key.
func (r *Router) Place(key []byte) int { return r.ring.Dispatch(key) }

// Places appends the place of each key of cmd to dst; false: no server is live.
func (r *Router) Places(dst []uint16, cmd *codec.Command) (_ []uint16, ok bool) {
	var some [ring.AtOnce][]byte
	var places [ring.AtOnce]int
	for keys := cmd.Keys; len(keys) > 0; {
		n := min(len(keys), len(some))
		for i, k := range keys[:n] {
			some[i] = cmd.Frame[k.Off : k.Off+k.Len]
		}
		r.ring.DispatchAll(some[:n], &places)
		for _, place := range places[:n] {
			if place < 0 {
				return dst, false
			}
			dst = append(dst, uint16(place))
		}
		keys = keys[n:]
	}
	return dst, true
}

// HasSlots says that s, a server of p, which is a cluster, has a slot.
func (p *Pool) HasSlots(s *Server) bool {
	return p.opts.Slots != nil && slices.Contains(p.opts.Slots[:], uint16(p.places[s.slot]))
}

// Owner returns who has a slot of a cluster, as Route does for a key.
func (r *Router) Owner(slot int) (place int, s *Server) {
	if place = r.ring.Owner(slot); place >= 0 {
		s = r.servers[place]
	}
	return place, s
}

// Locate is Route for those who want to know why: what of key is hashed, to which hash, and at which point it stands.
func (r *Router) Locate(key []byte) (hashed []byte, hash, point uint32, place int) {
	return r.ring.Locate(key)
}

// Live is how many servers have keys.
func (r *Router) Live() int { return r.ring.Live() }

// Shares are the servers' shares of all keys, by place.
func (r *Router) Shares() []float64 { return r.ring.Shares(len(r.servers)) }

// noSlots is where nobody has told who has which slot.
var noSlots = func() (s ring.Slots) {
	for i := range s {
		s[i] = ring.NoServer
	}
	return s
}()

// sameRing says that the rings of two pools are the same while all their servers are live: of names and weights, whatever the addresses.
func sameRing(o, p *Options) bool {
	return !o.Cluster && !p.Cluster && o.Hash == p.Hash && o.HashTag == p.HashTag && o.Distribution == p.Distribution &&
		slices.EqualFunc(o.Servers, p.Servers, func(a, b ServerOptions) bool { return a.Name == b.Name && a.Weight == b.Weight })
}

// BuildRing builds the ring of a pool whose servers are live as live says, one for each entry, or all of them if live is nil.
// Where the policy moves no key, that is the ring of all in any case. intN gives chance to the distribution random; nil: the Go
// runtime's. A server of the ring is known by its index in o.Servers. Building takes 2 ms for a hundred servers.
func BuildRing(o *Options, live []bool, intN func(n int) int) (*ring.Ring, error) {
	if o.Cluster {
		return ring.BuildSlots(cmp.Or(o.Slots, &noSlots), len(o.Servers)), nil
	}
	ro := ring.Options{Hash: o.Hash, HashTag: o.HashTag, Distribution: o.Distribution, IntN: intN}
	if o.OnServerFailure.MovesKeys() {
		ro.Live = live
	}
	for _, s := range o.Servers {
		ro.Servers = append(ro.Servers, ring.Server{Name: s.Name, Weight: s.Weight})
	}
	return ring.Build(ro)
}
