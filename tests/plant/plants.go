package main

// plants are faults of the kinds that were made, or nearly made, in proxies: a decrement that is forgotten, a wake-up that is lost, an
// answer that overtakes another. They stand in the order of the files on a request's road.
var plants = []plant{
	{"out-advance-loses-a-byte", "loop/out.go", "	o.pending -= n\n	o.taken += n\n	done := 0", "	o.pending -= n\n	o.taken += n\n	if n > 1 {\n		n--\n	}\n	done := 0"},
	{"roomy-is-lost", "session/wait.go", "	s.told &^= behindServer\n	s.unblock()", "	s.told &^= behindServer"},
}
