// Package admin tells people and monitors of a proxy: the HTTP admin address and twemproxy's stats port.
//
//	GET  /metrics /healthz /readyz /stats /pools /clients /slowlog /hotkeys /explain /ring /config /debug/pprof/ /
//	POST /reload /clients/kill /discovery/accept /mirror/resume /slowlog/reset
//	  |
//	  guard      loopback names, cross-site requests, sizes
//	  |
//	  admit      the token
//	  |
//	  handler    JSON, or Prometheus's text
//	  |
//	  share      one question at a time, whoever asks, and an answer in time or an error
//	  |
//	  Proxy      puts the question to its event loops
//
// All runs on net/http's goroutines and the stats port's. Event loops are asked for a snapshot and nothing else; however
// many ask at the same moment, it is made once. No answer holds a password or a value.
//
// metrics.go has the table of Prometheus metrics, stats.go that of twemproxy's statistics; docs/metrics.md lists both.
package admin
