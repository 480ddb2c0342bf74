// Package compat is the laboratory of client libraries: the real ones, with the settings that they have by default, connect
// and go through one scenario, directly to a redis-server or memcached and through cashew.
//
//	                +--> redis-server --------------------> steps --+
//	node, go, php,  |                                               |
//	python, ruby    +--> cashew ------> 1 redis-server ---> steps --+--> all ok, and the library saw the same
//	                |                                               |
//	                +--> cashew ------> 3 redis-servers --> steps --+
//
// A program gets the port of its target as its last argument and prints a line of JSON for each step, as the step ends:
//
//	{"step": "counter", "saw": ""}            all was as it should be
//	{"step": "wrong type", "saw": "Error: WRONGTYPE Operation against a key holding the wrong kind of value"}
//	{"step": "script", "error": "..."}
//
// A step checks what it gets by itself. What it puts into saw besides is what the library makes of replies, with all types;
// it must be the same through the proxy, whatever it is. The first step is connect, and nothing is tried after it failed.
// A program that has not ended within a minute is killed, and the steps that it did not reach have failed.
//
// TestReplays sends, byte for byte, what the libraries sent when they were recorded that are not to be had here.
//
// # Adding a library
//
//   - From npm: name its exact version in node/package.json, run "npm install" in node/, and write node/NAME.mjs, which hands
//     the library's own calls for each command to scenario.mjs.
//   - A Go module: "go get MODULE@VERSION" in golang/, a file with a client, and a line in main.go. It is a module of its
//     own, so that cashew's does not list what only this laboratory needs.
//   - From Debian: a program in php/, python/, ruby/ or a directory of its own, a function in needs_test.go that says which
//     package to install when it is missing, and the package in scripts/servers.sh, which installs it for CI.
//   - One row in libraries_test.go for each. Keys begin with the library's name there, since all share the servers.
//
// A step that cannot pass yet stands in its row with the reason; the test fails when it passes after all. What is missing on
// a machine is skipped with the name of its package, and is a failure if CI=true.
//
// npm's packages are installed into node/node_modules, once for each state of node/package-lock.json.
package compat
