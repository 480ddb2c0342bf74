// Package near holds a real cashew that keeps replies near before real servers, all of them child processes, with clients who know how old
// each reply may be: values are versions that only grow, and a read may give none older than the last write that was answered before it was
// sent.
//
// What must hold: whoever read a write of this process as answered, or its effect, reads nothing older, on whichever loop and however it was
// written; what is written straight at the server is seen soon, and whatever happens to the connection over which servers tell of it; of
// what many ask for at once the server is asked once.
//
//	go test ./tests/near                          part of make test
//	go test ./tests/near -near.proxy=bin/cashew   a proxy that was built already
//	go test ./tests/near -run TestFresh -near.for=1h   more of it
package near
