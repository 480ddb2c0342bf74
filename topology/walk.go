package topology

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// A walk over all servers of a pool (Redis's SCAN) goes from call to call, and between two of them a reload may bring servers and take others
// away. So its cursor names a server by a number of its own, its stop, that the server has in every process that knows the same servers,
// and the walk goes by the numbers: where a server is gone, it goes on with the next.
//
//	what was there from the beginning of a walk to its end, at servers that were, is told of
//	of a server that came meanwhile all or nothing is
//	a server that can't be reached is an error, never passed over
type stops struct {
	list []Stop            // by ID
	had  map[uint16]string // the servers that these numbers stand for, also those that a reload took away
}

// Stop is a server of a pool on a walk.
type Stop struct {
	ID    uint16 // not 0
	Place int    // in Pool.Servers
}

// maxHad is how many numbers a pool knows before it forgets those of servers that are gone: walks that stand at one of them end with an
// error. There are 65,535.
const maxHad = 1 << 14

// stopsOf numbers the servers of o. A number is a hash of the address, or of the name where that may change, or the next that no other server has, or had in a pool before.
func stopsOf(o *Options, before stops) (s stops) {
	type entry struct {
		name  string
		place int
	}
	entries := make([]entry, len(o.Servers))
	for i := range o.Servers {
		entries[i] = entry{o.Servers[i].Network + " " + cmp.Or(o.Servers[i].Master, o.Servers[i].Addr), i}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	if s.had = maps.Clone(before.had); s.had == nil || len(s.had) > maxHad {
		s.had = map[uint16]string{}
	}
	for i, e := range entries {
		if i > 0 && entries[i-1].name == e.name {
			e.name += " " + strconv.Itoa(i) // one address twice
		}
		id := uint16(xxhash.Sum64String(e.name))
		for id == 0 || s.had[id] != "" && s.had[id] != e.name {
			id++
		}
		s.had[id] = e.name
		s.list = append(s.list, Stop{ID: id, Place: e.place})
	}
	slices.SortFunc(s.list, func(a, b Stop) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

// Walked says that cursors of p's walks name servers. Those of a pool that has had one server since the process began are that server's own.
func (p *Pool) Walked() bool { return len(p.stops.had) > 1 }

// Stop is the first server of a walk from id on, which is 0 at its beginning, and the number of the one behind it, 0 if there is none. at is
// false if the server of id is gone, and stop nil if there are no more. known is false for an id that no server has or had.
func (p *Pool) Stop(id uint16) (stop *Stop, next uint16, at, known bool) {
	list := p.stops.list
	i, at := slices.BinarySearchFunc(list, id, func(s Stop, id uint16) int { return cmp.Compare(s.ID, id) })
	switch {
	case id != 0 && p.stops.had[id] == "":
		return nil, 0, false, false
	case i == len(list):
		return nil, 0, false, true
	case i+1 < len(list):
		next = list[i+1].ID
	}
	return &list[i], next, at, true
}
