// Package cluster holds what a Redis Cluster of real servers does in bad nights, before a real cashew, all of them child processes, under
// a load that knows what each of its replies must be.
//
//	load: INCR, MULTI/EXEC, EVALSHA, MSET, MGET, SET, GET; pipelined --> cashew --> masters and replicas: slots move, replicas take
//	prober: one write after the other, and when each was answered ----^             over, masters are killed, stopped, reset
//	prober of the servers themselves, that goes where they say -------------------> the same slot
//
// What must hold: slots that move and failovers in peace are seen by no client; of a master that dies only what was written and not
// answered fails, once each; no increment is lost or done twice; what was acknowledged is read back. How long it takes until all is well
// again is told (-v) and decides nothing.
//
//	go test ./tests/cluster                                      the short form, part of make test
//	go test ./tests/cluster -v -timeout=0 -cluster.duration=1m   each kind of trouble for that long
//	go test ./tests/cluster -cluster.proxy=bin/cashew            a proxy that was built already
package cluster
