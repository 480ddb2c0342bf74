// Package replicas holds a real cashew that reads from replicas before real servers, all of them child processes: which lag, stop, are killed
// and come back under a load that knows what each of its replies must be.
//
// What must hold: what a client wrote it reads back, however far replicas are behind; a replica that dies is seen by no client; one that
// loads, or is given its master's data, is sent nothing; reads go where the policy says, as the servers' own figures have it.
//
//	go test ./tests/replicas                              part of make test
//	go test ./tests/replicas -replicas.proxy=bin/cashew   a proxy that was built already
package replicas
