// Package difftest holds end-to-end tests: real servers and real proxies run as child processes, the same bytes go to
// them by different ways, and what comes back must be the same bytes.
//
//	         +--> redis-server ------------------> replies --+
//	stream --+--> cashew ------> 1 redis-server -> replies --+--> equal, command by command
//	         +--> cashew ------> 4 redis-servers -> replies -+
//	         +--> nutcracker --> 1 redis-server -> replies --+
//
// The files mc_*_test.go do the same with memcached. A volatile part of its replies (a cas id, a time) is replaced before
// they are compared; in the binary protocol (mc_binary_test.go) nothing is, for two
// memcacheds count alike that were told the same.
//
// The proxy under test is built once per run from this module. To run the same tests against another one:
//
//	go test ./tests/difftest -proxy=/path/to/cashew
//	go test ./tests/difftest -proxy=nutcracker        validates the tests themselves; what it cannot do is skipped
//	go test ./tests/difftest -run Random -seed=17     the random streams of one seed
//
// redis-server, redis-cli, redis-benchmark, memcached, libmemcached's tools and nutcracker come from PATH; a test that
// needs an absent one is skipped, or fails if CI=true. Tests wait for conditions, never for a time, and end only the processes they started.
package difftest
