// Package discovery holds lists of servers that change, in a file, by DNS, in etcd, Consul and Kubernetes, before a real cashew, real servers
// behind it, all of them child processes, under a load that knows what each of its replies must be.
//
// What must hold: no client sees an error, or another key's value, whatever a list says; a list that says nonsense, or nothing, changes nothing;
// what was known outlives reloads, upgrades, and a restart at which nobody answers.
//
//	go test ./tests/discovery                                   part of make test
//	go test ./tests/discovery -discovery.proxy=bin/cashew       a proxy that was built already
package discovery
