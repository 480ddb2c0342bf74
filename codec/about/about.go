// Package about has what the proxy tells of itself, in plain values: facts, its clients, slow commands. The engine collects them,
// session passes them on unseen, and each protocol finds the words that its clients know.
//
//	engine --Facts, ClientLine, SlowLine--> Proxy --codec.Reports--> "uptime_in_seconds:90", "STAT uptime 90"
//
// Nothing here knows a protocol or does anything: it is a list of names with their units, for package codec and all above it.
package about

import "time"

// Proxy is what AppendReport of codec.Reports can ask of the proxy. It answers for the asking client's pool alone: other pools may
// be other people's. Asking may take as long as the busiest loop needs to answer; it never runs on one. What is returned
// belongs to the caller.
type Proxy interface {
	// Facts are about the process and the pool, as they are now.
	Facts() *Facts

	// Clients are the pool's, by ID.
	Clients() []ClientLine

	// Kill closes the clients that match and returns how many. The one that asks is left alone; self says that it, too,
	// matched. match is only called until Kill returns.
	Kill(match func(*ClientLine) bool) (n int, self bool)

	// Unblock ends the command with which the client of an id waits at a server: with an error, or as if its time were over. It says
	// whether there was one.
	Unblock(id uint64, failing bool) bool

	// Slow are the newest n entries of the slow log, the newest first; all of them for n < 0.
	Slow(n int) []SlowLine

	// SlowLen is how many entries Slow(-1) has.
	SlowLen() int

	// SlowReset forgets the entries so far, as far as the pool's clients see them.
	SlowReset()

	// Denials are the newest n commands and logins that were refused to the pool's users, the newest first.
	Denials(n int) []DenialLine

	// DenialsReset forgets them.
	DenialsReset()
}

// ClientLine is one client in a list.
type ClientLine struct {
	ID          uint64
	Addr        string // remote address; "unix" for a unix socket
	LAddr       string // the address that it connected to; "unix" likewise
	Profile     uint8  // its codec.Profile
	DB          int    // its database
	User        string // who it is; "": its pool has no users
	Name        string // CLIENT SETNAME
	Lib, LibVer string // CLIENT SETINFO
	Age, Idle   time.Duration
	InBytes     int // input kept
	InRoom      int // what more fits there
	OutBytes    int // replies that it has not taken
	InFlight    int // commands whose replies are owed
	Commands    int64
	LastCommand string // in lower case
	Waits       bool   // at a server, with a command that may block
	Begun       bool   // a transaction
	Queued      int    // commands of that
	QueuedBytes int
	Subscribed  []int // how many subscriptions it has, by sort; nil: none
	Watched     int   // keys
	Unwatched   bool  // what it watched was lost: its transaction will not be executed
	Wishes      uint8 // codec.Client.Wishes
}

// SlowLine is one command in the slow log.
type SlowLine struct {
	ID         int64 // counts up
	At         time.Time
	Took       time.Duration
	Command    string // in lower case
	Key        string // its first; cut if it is long
	Keys       int
	Client     string // address
	ClientName string
}

// DenialLine is what was refused to a user for one reason, once or several times within a minute. Reason is an acl.Reason.
type DenialLine struct {
	Count  int64
	Reason uint8
	Multi  bool // within a transaction
	Object string
	User   string
	Age    time.Duration // since the last time
	Client ClientLine    // as it was then
}

// Subscribers is what a pool's clients are subscribed to, and for how many of those the proxy itself is subscribed at servers, once for
// each loop. Sorts and names are those of codec.PubSub.
type Subscribers interface {
	// Count is how many clients are subscribed to a name, and how often the proxy is, at the server of that place; at all of them if
	// it is negative.
	Count(sort int, name []byte, place int) (clients, own int)

	// Names calls f with all names of a sort, and what Count says of them.
	Names(sort, place int, f func(name string, clients, own int))
}
