package stats

import (
	"encoding/json"
	"time"

	"cashew/codec"
	"cashew/codec/work"
	"cashew/near"
)

// Snapshot is a Proxy at one moment.
type Snapshot struct {
	At       time.Time `json:"at"`
	Started  time.Time `json:"started"`
	Version  string    `json:"version"`
	Loops    int       `json:"loops"`
	Silent   int       `json:"silent_loops"`    // loops that did not answer in time: their figures are older
	Worked   []int64   `json:"loops_worked_us"` // by loop: microseconds that it was at work since the start, as estimated
	Draining bool      `json:"draining"`
	Panics   int64     `json:"panics"` // survived

	TotalConnections int64 `json:"total_connections"` // clients, servers and listeners, ever
	CurrConnections  int64 `json:"curr_connections"`  // the same, now

	AccessLines   int64 `json:"access_log_entries"` // that the access log has, or had
	AccessDropped int64 `json:"access_log_dropped"` // that it lacks
	Traces        int64 `json:"traces"`             // that were to be told of
	TracesDropped int64 `json:"traces_dropped"`     // that the collector was not told of

	AuditEvents  int64 `json:"audit_events"`  // that the audit log has, or had
	AuditSummed  int64 `json:"audit_summed"`  // of those, that are counted in a line with others
	AuditDropped int64 `json:"audit_dropped"` // that it lacks

	Reload ReloadStatus `json:"reload"`
	Pools  []Pool       `json:"pools"` // in the order of Options.Pools
}

// ReloadStatus is what became of the attempts to load the configuration anew.
type ReloadStatus struct {
	Succeeded int64     `json:"succeeded"`
	Failed    int64     `json:"failed"`
	At        time.Time `json:"at,omitzero"`   // of the last attempt; zero: none
	Err       string    `json:"err,omitempty"` // of the last attempt; "": it succeeded
}

// Cluster is what is known of who has which slot of a Redis Cluster.
type Cluster struct {
	Epoch   uint64 `json:"epoch"`   // the highest with which a slot is had
	Unowned int    `json:"unowned"` // slots that no server has
	Applied int64  `json:"applied"` // maps that came into force
	Failed  int64  `json:"failed"`  // rounds in which no server said anything
}

// Sentinel is what is known of the masters of a pool by its sentinels.
type Sentinel struct {
	Sentinels int   `json:"sentinels"` // that are known
	Unknown   int   `json:"unknown"`   // masters of which nobody has told where they are
	Held      int   `json:"held"`      // masters whose place another is about to take
	Applied   int64 `json:"applied"`   // changes of where masters are that came into force
	Failed    int64 `json:"failed"`    // rounds in which no sentinel said anything
}

// Discovery is what is known of the servers of a pool that are looked for elsewhere than in its file.
type Discovery struct {
	Source  string `json:"source"`
	Up      bool   `json:"up"`      // the last that it said was a list that could be read
	Told    int64  `json:"told"`    // when it last told one, in Unix seconds; 0: never
	Known   int    `json:"known"`   // servers in force; 0: none was ever found
	Waiting int    `json:"waiting"` // servers that would join, leave or change their weight
	Reason  string `json:"reason"`  // why they wait; "": none does
	Held    int    `json:"held"`    // servers whose address has changed too often
	Changed int64  `json:"changed"` // lists that came into force with other names or weights
	Moved   int64  `json:"moved"`   // changes of addresses that came into force
	Refused int64  `json:"refused"` // lists that were told and refused
	Unkept  bool   `json:"unkept"`  // discovery_cache does not have what is in force
}

// Pool are one pool's figures. Those that twemproxy has bear its names; see its nc_stats.h.
type Pool struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"` // "redis" or "memcached"
	Listen   string `json:"listen"`   // as configured
	Live     int    `json:"live"`     // servers that are not ejected

	ClientEOF         int64 `json:"client_eof"`
	ClientErr         int64 `json:"client_err"`
	ClientConnections int64 `json:"client_connections"`
	ServerEjects      int64 `json:"server_ejects"`
	ForwardError      int64 `json:"forward_error"`
	Fragments         int64 `json:"fragments"`

	ClientsAccepted         int64 `json:"clients_accepted"`
	ClientsRejected         int64 `json:"clients_rejected"`
	TLSHandshakes           int64 `json:"tls_handshakes"`         // of clients
	TLSResumed              int64 `json:"tls_handshakes_resumed"` // of those, the ones that took up a session of before
	TLSFailed               int64 `json:"tls_handshakes_failed"`
	TLSExpires              int64 `json:"tls_certificate_expires"` // the certificate that clients are shown, in Unix seconds; 0: there is none
	ClientsIdle             int64 `json:"clients_idle"`
	LoginsFailed            int64 `json:"logins_failed"`
	ClientsMalformed        int64 `json:"clients_malformed"`
	ClientsForeign          int64 `json:"clients_wrong_protocol"`
	ClientsSlow             int64 `json:"clients_slow"`
	ClientsOverMemory       int64 `json:"clients_over_memory"`
	ClientsSlowSubscribers  int64 `json:"clients_slow_subscribers"`
	Subscriptions           int64 `json:"subscriptions"` // of clients, to channels and patterns, now
	ClientsMoved            int64 `json:"clients_moved"` // told to go before a drain
	Messages                int64 `json:"messages"`      // of what they are subscribed to, given to clients
	FailureMisses           int64 `json:"failure_misses"`
	LostKeys                int64 `json:"keys_left_out"`
	CrossServerScripts      int64 `json:"cross_server_scripts"`
	ScriptsKnown            int64 `json:"scripts_known"`     // now
	ScriptsDisplaced        int64 `json:"scripts_displaced"` // forgotten to make room for others
	ScriptLoads             int64 `json:"script_loads"`      // at servers that lacked them
	ScriptRepeats           int64 `json:"script_repeats"`    // calls sent again behind that
	CommandsLearned         int64 `json:"commands_learned"`  // looked up at the servers, known now
	ServerOutOfStep         int64 `json:"server_out_of_step"`
	ClientBlocked           int64 `json:"client_blocked"` // clients that wait until more is taken from them, now
	ClientWaiting           int64 `json:"client_waiting"` // clients that wait at a server, with a command that may block, now
	LocalCommands           int64 `json:"local_commands"` // answered by the proxy
	RequestBytesFromClients int64 `json:"request_bytes_from_clients"`
	ReplyBytesToClients     int64 `json:"reply_bytes_to_clients"`
	InFlight                int64 `json:"in_flight"` // commands whose reply is owed, now

	Profiles       map[string]int64 `json:"profiles"`        // clients by protocol version, now: "resp2", "resp3"
	ClientsRefused map[string]int64 `json:"clients_refused"` // for another reason than that there were too many, by that: "not_allowed", "failed_logins", ...

	Cluster  *Cluster  `json:"cluster,omitempty"`  // nil: the servers are none
	Sentinel *Sentinel `json:"sentinel,omitempty"` // nil: no sentinel is asked where they are

	Discovery *Discovery  `json:"discovery,omitempty"`  // nil: they are in the file
	Mirror    *PoolMirror `json:"mirror,omitempty"`     // nil: it has none
	Miss      *Tier       `json:"miss,omitempty"`       // nil: no other is asked for what it does not have
	Dual      *Dual       `json:"dual_write,omitempty"` // nil: no other gets what is written
	Near      *near.Tally `json:"near,omitempty"`       // nil: nothing is kept of its replies

	RateLimits []Limit `json:"rate_limits"` // in the order of the pool's rules

	Refused   map[string]int64 `json:"refused"`    // commands refused, by name in lower case; few names, the rest as "other"
	RefusedOf Refusals         `json:"refused_of"` // the same, by the client's library and its version as well
	Routed    map[string]int64 `json:"routed"`     // requests to servers of other pools, by pool
	WriteBack Histogram        `json:"write_back"` // from a reply's last byte, or its turn, to the write to the client
	Servers   []Server         `json:"servers"`    // in the order of Options.Servers
}

// Limit is what became of commands past a rule of a pool's limits.
type Limit struct {
	Rule   string  `json:"rule"`
	Past   string  `json:"past"`           // "error" or "delay"
	Times  int64   `json:"times"`          // commands
	Waited float64 `json:"waited_seconds"` // how long they waited in all
}

// ClientsTurnedAway is how many ClientsRefused are in all.
func (p *Pool) ClientsTurnedAway() (n int64) {
	for _, times := range p.ClientsRefused { // in no order: they are added up
		n += times
	}
	return n
}

// Replicated says that some of the servers are replicas, which stand behind the others.
func (p *Pool) Replicated() bool { return len(p.Servers) > 0 && p.Servers[len(p.Servers)-1].Of != "" }

// Server are one server's figures.
type Server struct {
	Name   string  `json:"name"`  // in the ring
	PName  string  `json:"pname"` // as configured
	Addr   string  `json:"addr"`
	Weight int     `json:"weight"`
	State  string  `json:"state"` // "live", "ejected", "trial", "unknown" or "held", see topology.Server; of a replica "live" or "unwell"
	Share  float64 `json:"share"` // of the hash space, in the ring of the live servers; of the servers for random

	Of   string  `json:"replica_of,omitempty"`  // of a replica: the name of its master; "": it is none
	Lag  float64 `json:"lag_seconds,omitempty"` // of a replica: how far it was behind, as it was last looked at; below 0: nobody knows
	Why  string  `json:"why,omitempty"`         // it was ejected, or is a replica that gets no reads
	Next int64   `json:"next_try_at,omitempty"` // of an ejected server: when it will be asked again, in microseconds since 1970
	Zone string  `json:"zone,omitempty"`        // where it is, if anybody says

	Tracking string `json:"tracking,omitempty"` // in a pool with a near cache: whether it tells of writes, "on", "off", "refused" or "none"

	ServerEOF         int64 `json:"server_eof"`
	ServerErr         int64 `json:"server_err"`
	ServerConnections int64 `json:"server_connections"`
	ServerEjectedAt   int64 `json:"server_ejected_at"` // microseconds since 1970 of the last ejection; 0: never
	Requests          int64 `json:"requests"`
	RequestBytes      int64 `json:"request_bytes"`
	Responses         int64 `json:"responses"`
	ResponseBytes     int64 `json:"response_bytes"`
	InQueue           int64 `json:"in_queue"`
	InQueueBytes      int64 `json:"in_queue_bytes"`
	OutQueue          int64 `json:"out_queue"`
	OutQueueBytes     int64 `json:"out_queue_bytes"`

	// Requests are Responses, these three, and what is in the queues now.
	NoReply int64 `json:"no_reply"` // requests that expect no reply
	Dropped int64 `json:"dropped"`  // replies to clients that were gone, or had been told that time was up
	Failed  int64 `json:"failed"`   // requests whose connection failed, or never came about, after they were queued

	Expired int64 `json:"expired"` // requests that failed by timeout, which twemproxy calls server_timedout; among the others
	Untimed int64 `json:"untimed"` // replies to commands that may block, whose times say nothing

	TimedoutConnections int64 `json:"timedout_connections"` // given up because they were late, or never came about in time

	LeaseWaits    int64 `json:"lease_waits"`    // clients that waited for a connection for themselves
	LeaseRefusals int64 `json:"lease_refusals"` // clients that waited for one in vain
	Leased        int64 `json:"leased"`         // connections that one client has for itself at the moment
	Subscriptions int64 `json:"subscriptions"`  // that the proxy has there for its clients, one for each loop, now
	Resubscribed  int64 `json:"resubscribed"`   // begun anew since they were lost
	Messages      int64 `json:"messages"`       // that came for them
	Redials       int64 `json:"redials"`        // connections given up because the server said that it is no master, or not ready
	Remarks       int64 `json:"remarks"`        // connections that the server let in with a remark: it has no password

	// Of commands of one key whose reply tells whether it was there, as GET, how many were found; of one with several keys, if any was.
	KeyspaceHits   int64 `json:"keyspace_hits"`
	KeyspaceMisses int64 `json:"keyspace_misses"`

	Profiles map[string]int64 `json:"profiles"` // of ServerConnections, by protocol version
	Refuses  []string         `json:"refuses"`  // protocol versions that the server was last heard to refuse
	Pushes   map[string]int64 `json:"pushes"`   // what the server sent unasked, by kind; it was dropped

	Latency Latencies `json:"latency"`
}

// Latencies are by class of command.
type Latencies [work.Classes]Latency

// MarshalJSON is an object with the names of the classes.
func (l Latencies) MarshalJSON() ([]byte, error) {
	byClass := make(map[string]*Latency, len(l))
	for c := range l {
		byClass[work.Class(c).String()] = &l[c]
	}
	return json.Marshal(byClass)
}

// Client is one client, as CLIENT LIST and the admin pages show it.
type Client struct {
	ID          uint64        `json:"id"`
	Profile     codec.Profile `json:"-"`
	Protocol    string        `json:"protocol"` // the profile's name
	Pool        string        `json:"pool"`
	DB          int           `json:"db"`
	User        string        `json:"user,omitempty"` // "": its pool has no users
	Addr        string        `json:"addr"`           // "unix" for a unix socket
	LAddr       string        `json:"laddr"`
	Name        string        `json:"name"` // CLIENT SETNAME
	Lib         string        `json:"lib"`
	LibVer      string        `json:"lib_ver"`
	Age         time.Duration `json:"-"`
	Idle        time.Duration `json:"-"`
	InFlight    int           `json:"in_flight"` // commands whose reply is owed
	InBytes     int           `json:"in_bytes"`  // input kept
	InRoom      int           `json:"-"`         // what more fits there
	OutBytes    int           `json:"out_bytes"` // replies not taken by the kernel yet
	Commands    int64         `json:"commands"`
	LastCommand string        `json:"last_command"` // in lower case
	Blocked     bool          `json:"blocked"`      // nothing more is taken from it for now
	Waits       bool          `json:"waits"`        // at a server, with a command that may block
	Begun       bool          `json:"transaction"`  // a transaction
	Queued      int           `json:"queued"`       // commands of that
	QueuedBytes int           `json:"queued_bytes"`
	Subscribed  []int         `json:"subscribed"` // how many subscriptions it has, by sort; nil: none
	Watched     int           `json:"watched"`    // keys
	Unwatched   bool          `json:"watch_lost"` // what it watched was lost: its transaction will not be executed
	Wishes      uint8         `json:"-"`          // codec.Client.Wishes
}

// MarshalJSON gives times in microseconds.
func (c Client) MarshalJSON() ([]byte, error) {
	type plain Client
	return json.Marshal(struct {
		plain
		Age  int64 `json:"age_us"`
		Idle int64 `json:"idle_us"`
	}{plain(c), c.Age.Microseconds(), c.Idle.Microseconds()})
}

// SlowEntry is a command that took longer than its pool's slowlog_log_slower_than. Values are never kept.
type SlowEntry struct {
	ID         int64         `json:"id"` // counts up from 0
	At         time.Time     `json:"at"`
	Pool       string        `json:"pool"`
	Command    string        `json:"command"` // in lower case
	Key        string        `json:"key"`     // cut at MaxShownKey bytes
	Keys       int           `json:"keys"`
	Server     string        `json:"server"` // its name in the ring; several servers of one scattered command are several entries
	Addr       string        `json:"addr"`   // the server's
	Client     string        `json:"client"` // address
	ClientName string        `json:"client_name"`
	Queue      time.Duration `json:"-"`     // until it was written to the server
	ServerTime time.Duration `json:"-"`     // from then to the last byte of the reply
	Own        time.Duration `json:"-"`     // of that, what the command took itself: since it was written, or since the reply before it on its connection
	Bytes      int           `json:"bytes"` // of the reply
}

// MarshalJSON gives times in microseconds.
func (e SlowEntry) MarshalJSON() ([]byte, error) {
	type plain SlowEntry
	return json.Marshal(struct {
		plain
		Queue      int64 `json:"queue_us"`
		ServerTime int64 `json:"server_us"`
		Own        int64 `json:"own_us"`
		Waited     int64 `json:"waited_us"`
	}{plain(e), e.Queue.Microseconds(), e.ServerTime.Microseconds(), e.Own.Microseconds(), e.Waited().Microseconds()})
}

// Waited is how long the command waited for others: in the proxy's queue, and at the server behind those of its connection.
func (e *SlowEntry) Waited() time.Duration { return e.Queue + e.ServerTime - e.Own }

// HotKey is a key that many requests, or large values, are for. Figures are estimates of the time since it was first
// noticed, scaled up from samples.
type HotKey struct {
	Pool     string `json:"pool"`
	Key      string `json:"key"`    // cut at MaxShownKey bytes
	Server   string `json:"server"` // its name in the ring
	Addr     string `json:"addr"`   // the server's
	Requests int64  `json:"requests"`
	Error    int64  `json:"error,omitempty"` // how far Requests may be off: two standard errors of the sampling, and what room in the sketch costs; a big key has none
	Bytes    int64  `json:"bytes"`           // of requests and replies; for a big key: of the largest

	Writes  int64    `json:"writes,omitempty"`  // of Requests
	Near    int64    `json:"near,omitempty"`    // of Requests, those that were answered with what is kept near
	Clients []string `json:"clients,omitempty"` // hosts that most of them come from, the first more than the others of its loop
}
