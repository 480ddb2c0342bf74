// Package compat is the laboratory of client libraries and frameworks: the real ones, with the settings that they have by
// default, connect and go through scenarios, directly to a redis-server or memcached and through cashew.
//
//	                +--> redis-server --------------------> steps --+
//	a program, in a |                                               |
//	language of its +--> cashew ------> 1 redis-server ---> steps --+--> the same, or a refusal that is in the table
//	                |                                               |
//	                +--> cashew ------> 3 redis-servers --> steps --+--> docs/compatibility.md
//
// A program gets a protocol (resp2, resp3, text, binary) and the port of its target as its last arguments. It prints the
// version of its library and a line of JSON for each step, as the step ends:
//
//	{"version": "9.23.0"}
//	{"step": "counter", "saw": ""}            all was as it should be
//	{"step": "wrong type", "saw": "Error: WRONGTYPE Operation against a key holding the wrong kind of value"}
//	{"step": "script", "error": "..."}
//
// If its environment has COMPAT_TLS_CA, the target speaks TLS, with a certificate of that authority; COMPAT_TLS_CERT and COMPAT_TLS_KEY
// are what the program has to show, if they are there.
//
// A step checks what it gets by itself. What it puts into saw besides is what the library makes of replies, with all types;
// it must be the same through the proxy, whatever it is. The first step is connect, and nothing is tried after it failed.
// A program that has not ended within a minute is killed, and the steps that it did not reach have failed.
//
// # Tables
//
//   - rows_test.go: libraries, which go through the scenarios, and frameworks, which are applications in small. A row is a library
//     with one protocol. Those that are short are run by make test, with what scripts/servers.sh installs; make compat runs all
//     (-full), with what "servers.sh compat" installs, and writes docs/compatibility.md.
//   - tls_test.go: transports. A library's row says by which it goes through the scenarios once more.
//   - scenarios, below them: the columns, and the names of the steps that each consists of. A library has a step of each, or a
//     reason why it has none.
//   - refused_test.go: what is red, with the reason. A step through the proxy is green if it does what it does directly. One that
//     is red and not in the table fails the test, and so does one that is in the table and green: so the table stays true. TestPage
//     holds the page to it.
//
// TestReplays sends, byte for byte, what the libraries sent when they were recorded that are not to be had here.
//
// # Adding a library
//
//   - From npm: name its exact version in node/package.json, run "npm install" in node/, and write node/NAME.mjs, which hands
//     the library's own calls for each command to scenario.mjs.
//   - A Go module: "go get MODULE@VERSION" in golang/, a file with a client, and a line in main.go. It is a module of its
//     own, so that cashew's does not list what only this laboratory needs.
//     What make test has no use for is a program of its own there, and of node/apps/ for npm, so that nobody fetches it in vain.
//   - From Debian: a program in php/, python/, ruby/ or a directory of its own, a function in needs_test.go that says which
//     package to install when it is missing, and the package in scripts/servers.sh, which installs it.
//   - One row for each protocol that it speaks, with a transport: sealed or certified if it has TLS, else tunnelled. Keys begin with
//     its name and protocol, since all share the servers.
//
// What is missing on a machine is skipped with the name of its package, and is a failure if CI=true.
//
// A framework's program starts its workers itself, and they end with it.
//
// npm's packages are installed into node_modules, once for each state of package-lock.json.
package compat
