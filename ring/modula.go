package ring

// modula builds the continuum of slots: for each of the live servers (indexes into servers, ascending, at least one) as
// many as its weight, one server after the other. total is the number of slots; the slot of a key is its hash mod total.
//
// twemproxy has an array entry for each slot. One point at a server's last slot says the same, so that memory does not
// grow with the weights.
//
// Source: twemproxy src/hashkit/nc_modula.c.
func modula(servers []Server, live []int) (c continuum, total uint32) {
	points := make([]point, 0, len(live))
	for _, s := range live {
		total += uint32(servers[s].Weight)
		points = append(points, newPoint(total-1, s))
	}
	return newContinuum(points, total-1), total
}
