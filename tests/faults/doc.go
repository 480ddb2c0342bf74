// Package faults holds the fault suite: real redis-servers and memcacheds behind a real cashew, all child processes, and
// clients that know what each of their replies must be, while servers and clients do all that they do in bad nights.
//
//	clients: each value names its key, client and sequence number --+
//	clients that vanish, half-close, stop reading, flood -----------+--> cashew --> redis-server, memcached: killed,
//	                                                                                stopped, late, flooded
//	                                                                           --> scripted servers: cut at any byte,
//	                                                                                late, stray, garbage, wrong types
//
// What must hold: no reply belongs to another request; every request is answered exactly once, in order, or its connection
// is closed; when the faults are over all servers serve again within a bound; ejection and return keep their times; no
// descriptor, goroutine or memory is left behind; the proxy lives, and its log knows of no panic.
//
//	go test ./tests/faults                                        the short form, part of make test
//	go test ./tests/faults -timeout=0 -faults.duration=10m        the soak: rounds of faults and calm
//	go test ./tests/faults -faults.seed=17                        other choices; 0 takes a seed from the clock and prints it
//	go test ./tests/faults -faults.proxy=bin/cashew               a proxy that was built already
//
// The seed decides which faults and requests there are and in which order; how they interleave is up to the machine.
//
// Servers come from PATH; without one its tests are skipped, or fail under CI=true. All is on loopback, and only processes
// that were started here are ended.
package faults
