// Package sentinel holds failovers that real sentinels make of real servers, before a real cashew, all of them child processes, under a load
// that knows what each of its replies must be.
//
// What must hold: a failover in peace is seen by no client, and next to nothing that was acknowledged is lost; of a master that dies only
// writes fail that were sent and not answered, once each; no increment is done twice. How long it takes is told (-v) and decides nothing.
//
//	go test ./tests/sentinel                                       the short form, part of make test
//	go test ./tests/sentinel -v -timeout=0 -sentinel.duration=1m   each kind of trouble for that long
//	go test ./tests/sentinel -sentinel.proxy=bin/cashew            a proxy that was built already
package sentinel
