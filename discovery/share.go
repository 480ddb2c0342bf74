package discovery

import (
	"strconv"

	"cashew/topology"
)

// shareKeys is how many keys are looked up for an estimate: it takes some milliseconds.
const shareKeys = 10_000

// movedShare is the share of keys that another server has, by name, if next takes the place of o's servers: an estimate. It is negative if
// none is to be had.
func movedShare(o *topology.Options, was, next []topology.ServerOptions) float64 {
	if o.Distribution == "random" || len(was) == 0 || len(next) == 0 {
		return -1
	}
	before, after := *o, *o
	before.Servers, after.Servers = was, next
	a, err := topology.BuildRing(&before, nil, nil)
	if err != nil {
		return -1
	}
	b, err := topology.BuildRing(&after, nil, nil)
	if err != nil {
		return -1
	}
	moved := 0
	for i := range shareKeys {
		key := strconv.AppendUint(nil, uint64(i)*0x9e3779b97f4a7c15, 16) // they differ from their first byte on
		if x, y := a.Dispatch(key), b.Dispatch(key); x < 0 || y < 0 || was[x].Name != next[y].Name {
			moved++
		}
	}
	return float64(moved) / shareKeys
}
