// Package topology is what the proxy knows of a pool's servers, whichever loop asks: which there are, which of them has a key,
// and how they are. Nothing of it belongs to a loop; a loop's connections to the servers are package backend's.
//
//	key --Router--> *Server            a request: one atomic load
//	reply --------> Success            a server that answers is well: two atomic loads
//	no reply -----> Failure --> health --ejects, probes, takes back--> another Router, swapped whole
//	reload -------> Successor          another Pool, with the same *Server for each address that stays
//
// Read options.go, router.go, server.go and pool.go first, then health.go with probe.go, resolve.go for names, ability.go for what
// servers speak, and successor.go for what a reload keeps; replica.go and replication.go for servers that take reads alone. Every method may be called from any goroutine; loops call those that never wait.
package topology

import (
	"time"

	"cashew/codec"
	"cashew/ring"
	"cashew/tlsconn"
)

// ServerOptions are one entry of a pool's servers list.
type ServerOptions struct {
	Name    string // ring name: what ketama hashes, what stats show; unique in its pool
	PName   string // host:port:weight or path:weight, as log lines show it
	Network string // "tcp" or "unix"
	Addr    string // what net.Dialer takes: "host:port", "[::1]:6379", or a path; a host is resolved at each dial
	Weight  int    // >= 1
	Master  string // the name by which sentinels know it, who say what Addr is, "" until then; "": they are not asked
	Of      string // of a replica: the Name of the server that it has the data of; "": it is none
	Zone    string // where it is, as the file says of it; "": it does not
}

// ServerAt is a server that goes by its address: of a cluster, or a sentinel.
func ServerAt(addr string) ServerOptions {
	return ServerOptions{Name: addr, PName: addr + ":1", Network: "tcp", Addr: addr, Weight: 1}
}

// FailurePolicy is what becomes of the keys of a server that fails (on_server_failure).
type FailurePolicy uint8

const (
	// Rehash moves the keys of an ejected server to the others, as twemproxy does.
	Rehash FailurePolicy = iota
	// FailFast moves no key: requests for an ejected server get an error at once.
	FailFast
	// Miss moves no key either; reads whose server fails are answered as if the key were nowhere, writes with an error.
	Miss
)

// MovesKeys says that the keys of an ejected server are the others' until it is back. Else no key moves, and requests for such a
// server fail at once.
func (p FailurePolicy) MovesKeys() bool { return p == Rehash }

// FailurePolicies are the policies by name.
var FailurePolicies = map[string]FailurePolicy{"rehash": Rehash, "error": FailFast, "miss": Miss}

// Options are one pool's settings towards its servers. They are immutable once a Pool was built from them.
type Options struct {
	Name string
	// Protocol is the pool's; this package calls its Replies and Health, package backend its Catalogue, too.
	Protocol     codec.Protocol
	Hash         string          // one of ring.HashNames
	HashTag      string          // two bytes, or "" for none
	Distribution string          // "ketama", "modula" or "random"
	Servers      []ServerOptions // sorted: shorter Name first, equal lengths by bytes (twemproxy's string_compare)
	Replicas     []ServerOptions // servers that have what those have, for reads; they go by their addresses
	ReadOptions

	// Cluster says that the servers are a Redis Cluster, which Seeds are asked about: Servers are its masters, and Slots has which of them
	// has a key, as they said last. Hash, HashTag and Distribution mean nothing then. Before anybody answered, Servers are the seeds and
	// Slots is nil: no server has any key.
	Cluster bool
	Seeds   []ServerOptions
	Slots   *ring.Slots
	// ClusterRefresh is the time between two rounds in which the servers are asked for Slots, if nothing calls for one sooner; 0: none.
	ClusterRefresh time.Duration

	// Sentinels say where the masters are that Servers name; nil: Servers have addresses.
	Sentinels   []ServerOptions
	SentinelTLS bool // they are spoken to as servers are by ServerTLS

	DiscoveryOptions

	Timeout           time.Duration // from queueing a request to its reply; 0 waits for ever
	ResolveInterval   time.Duration // between look-ups of the servers' names, besides those at each connect; 0: none
	IntegrityInterval time.Duration // between canaries on each server connection; 0: none
	ServerConnections int           // for each loop and server; >= 1
	// TransactionConnections bounds the connections of clients that watch keys, for each loop and server; >= 1.
	TransactionConnections int
	// BlockingConnections bounds those of clients whose command may block, for each loop and server; >= 1.
	BlockingConnections int
	Preconnect          bool
	TCPKeepalive        bool
	// ServerUserTimeout is how long what was sent to a server may go without the other side's kernel taking note, and an idle
	// connection without a sign of life, until the connection is given up; 0: as long as the kernel likes.
	ServerUserTimeout time.Duration

	tlsconn.ToServers

	AutoEjectHosts     bool
	ServerRetryTimeout time.Duration
	ServerFailureLimit int // 0 behaves as 1
	OnServerFailure    FailurePolicy

	Probe func(*ServerOptions) error // asks a server, on a connection of its own, whether it is well; nil: by the Protocol's Probe
}

// Follows says that servers tell where keys are, or masters: what of it is in force changes without a reload.
func (o *Options) Follows() bool { return o.Cluster || len(o.Sentinels) > 0 }

// DefaultOptions are those of a pool of which nothing but its name is known, with twemproxy's defaults where it has the
// setting. Protocol and Servers are left to the caller.
//
// Source: twemproxy 0.5.0 nc_conf.h, CONF_DEFAULT_*.
func DefaultOptions(name string) Options {
	return Options{
		Name:              name,
		Hash:              "fnv1a_64",
		Distribution:      "ketama",
		ResolveInterval:   time.Minute,
		ClusterRefresh:    10 * time.Second,
		ServerConnections: 1,
		DiscoveryOptions:  DiscoveryOptions{DiscoverySettle: 10 * time.Second, DiscoveryWait: 2 * time.Second},
		ReadOptions:       ReadOptions{MaxLag: 10 * time.Second, ReadYourWrites: time.Second, ReplicaInterval: time.Second},

		TransactionConnections: 128,
		BlockingConnections:    128,

		ServerUserTimeout:  30 * time.Second,
		ServerRetryTimeout: 30 * time.Second,
		ServerFailureLimit: 2,
	}
}
