package engine

import (
	"fmt"
	"time"

	"cashew/backend"
	"cashew/codec"
)

// This file holds what a Proxy tells of itself: plain values, merged over its loops, that belong to whoever asked.

// Snapshot is a Proxy at one moment.
type Snapshot struct {
	At, Started time.Time
	Version     string
	Loops       int
	Draining    bool
	Panics      int64 // survived

	TotalConnections int64 // clients, servers and listeners, ever
	CurrConnections  int64 // the same, now

	Reload ReloadStatus
	Pools  []PoolStats // in the order of Options.Pools
}

// ReloadStatus is what became of the attempts to load the configuration anew.
type ReloadStatus struct {
	Succeeded, Failed int64
	At                time.Time // of the last attempt; zero: none
	Err               string    // of the last attempt; "": it succeeded
}

// PoolStats are one pool's figures. Those that twemproxy has bear its names; see its nc_stats.h.
type PoolStats struct {
	Name     string
	Protocol string // "redis" or "memcached"
	Listen   string // as configured
	Live     int    // servers that are not ejected

	ClientEOF, ClientErr, ClientConnections      int64
	ServerEjects, ForwardError, Fragments        int64
	ClientsAccepted, ClientsRejected             int64
	ClientsMalformed, ClientsForeign             int64
	ClientsSlow, ClientsOverMemory               int64
	FailureMisses, LostKeys, ServerOutOfStep     int64
	ClientBlocked                                int64 // clients that wait until more is taken from them, now
	LocalCommands                                int64 // answered by the proxy
	RequestBytesFromClients, ReplyBytesToClients int64
	InFlight                                     int64 // commands whose reply is owed, now

	Refused   map[string]int64 // commands refused, by name in lower case; few names, the rest as "other"
	WriteBack Histogram        // from a reply's last byte, or its turn, to the write to the client
	Servers   []ServerStats    // in the order of Options.Servers
}

// ServerStats are one server's figures.
type ServerStats struct {
	Name   string // in the ring
	PName  string // as configured
	Addr   string
	Weight int
	State  string  // "live", "ejected" or "trial"
	Share  float64 // of the hash space, in the ring of the live servers; of the servers for random

	ServerEOF, ServerErr, ServerTimedout, ServerConnections int64
	ServerEjectedAt                                         int64 // microseconds since 1970 of the last ejection; 0: never
	Requests, RequestBytes, Responses, ResponseBytes        int64
	InQueue, InQueueBytes, OutQueue, OutQueueBytes          int64

	// Requests are Responses, these three, and what is in the queues now.
	NoReply int64 // requests that expect no reply
	Dropped int64 // replies to clients that were gone, or had been told that time was up
	Failed  int64 // requests whose connection failed, or never came about, after they were queued

	Expired int64 // requests that failed by timeout; among the others

	Latency [codec.Classes]Latency // by class of command
}

// Latency splits the time of a request to a server.
type Latency = backend.Latency

// Histogram counts durations in buckets that grow by a quarter of a power of two from one microsecond on. The zero value
// is empty and ready.
type Histogram = backend.Histogram

// HistogramBuckets is the number of buckets: up to a minute, and one for all beyond.
const HistogramBuckets = backend.HistogramBuckets

// HistogramBound is the upper bound of bucket i, inclusive; the last has none.
func HistogramBound(i int) time.Duration { return backend.HistogramBound(i) }

// ClientInfo is one client, as CLIENT LIST and the admin pages show it.
type ClientInfo struct {
	ID          uint64
	Pool        string
	Addr        string // "unix" for a unix socket
	Name        string // CLIENT SETNAME
	Lib, LibVer string
	Age, Idle   time.Duration
	InFlight    int // commands whose reply is owed
	InBytes     int // input kept
	OutBytes    int // replies not taken by the kernel yet
	Commands    int64
	LastCommand string // in lower case
	Blocked     bool   // nothing more is taken from it for now
}

// SlowEntry is a command that took longer than its pool's slowlog_log_slower_than. Values are never kept.
type SlowEntry struct {
	ID         int64 // counts up from 0
	At         time.Time
	Pool       string
	Command    string // in lower case
	Key        string // cut at maxShownKey bytes
	Keys       int
	Server     string // as configured; several servers of one scattered command are several entries
	Client     string // address
	ClientName string
	Queue      time.Duration // until it was written to the server
	ServerTime time.Duration // from then to the last byte of the reply
	Bytes      int           // of the reply
}

// maxShownKey is how much of a key is kept for slow logs and lists of hot keys.
const maxShownKey = backend.MaxShownKey

// HotKey is a key that many requests, or large values, are for. Figures are estimates of the time since it was first
// noticed, scaled up from samples.
type HotKey struct {
	Pool     string
	Key      string // cut at maxShownKey bytes
	Server   string
	Requests int64
	Bytes    int64 // of requests and replies; for a big key: of the largest
}

// Place says where a key goes and why.
type Place struct {
	Pool         string
	Key          string
	Hashed       string // the part of the key that is hashed
	Hash         uint32
	HashName     string
	Distribution string
	Point        uint32 // of the continuum; see ring.Ring.Points
	Server       string // as configured; "": none is live
	Name         string // in the ring
	Addr         string
	Reason       string // in words
}

// Changes says what a reload did, for people.
type Changes struct {
	Added, Removed, Changed, Unchanged []string // pools
	Notes                              []string // in detail, and what needs a restart
}

func (c Changes) String() string {
	return fmt.Sprintf("pools added %q, removed %q, changed %q, unchanged %d", c.Added, c.Removed, c.Changed, len(c.Unchanged))
}
