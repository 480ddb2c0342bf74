package ring

// random builds a continuum with one point for each of the live servers (ascending, at least one), for Points to show.
func random(live []int) continuum {
	points := make([]point, 0, len(live))
	for i, s := range live {
		points = append(points, newPoint(uint32(i), s))
	}
	return newContinuum(points, uint32(len(live)-1))
}

// draw picks one of the live servers, all with the same chance: neither key nor weight count, as in twemproxy. Two calls
// for one key may differ, so a caller that groups keys by server must draw once for each. The generator is the Go
// runtime's, one for each thread, so loops do not contend for it, unless Options name another.
//
// Source: twemproxy src/hashkit/nc_random.c.
func (r *Ring) draw() int {
	return r.live[r.intN(len(r.live))]
}
