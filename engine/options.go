package engine

import (
	"errors"
	"io/fs"
	"net"
	"time"

	"cashew/topology"
)

// Options are all settings of a proxy process: DefaultOptions, and what is to be otherwise. They are immutable once a Proxy
// was built from them.
type Options struct {
	Loops           int // event loops; 0: half of GOMAXPROCS, at least 1
	ReadBufferBytes int // each loop reads at most this much from a socket at once; a power of two
	// Coalesce bounds how long a loop lets more come in when little came while much is in flight, so that more share a write
	// and a wake-up; 0: it looks at once.
	Coalesce time.Duration

	MaxPipeline     int    // requests one client may have in flight before the loop stops reading from it
	MaxRequestBytes int    // one command's frame at most
	MaxMemoryBytes  int    // that all buffers together may have; 0: three quarters of what the process may use
	Version         string // the program's, for those who ask

	Admin        string        // address of the admin pages, "host:port" or a path; "": none
	DrainTimeout time.Duration // how long a stop may wait for what is in flight
	LogFormat    string        // "text" or "json"

	// StatsExtended has the stats port show all statistics, in place of twemproxy's alone.
	StatsExtended bool

	// Inherited are listeners that another process left us, by the keys of Proxy.ListenerFiles. Start uses those that
	// fit a pool in place of binding, and closes the others; a reload ignores them.
	Inherited map[string]net.Listener

	Pools []PoolOptions
}

// DefaultAdmin is where the admin pages are unless the file says otherwise.
const DefaultAdmin = "127.0.0.1:22223"

// DefaultOptions are what a file without a section of our own settings means. They have no pools.
func DefaultOptions() Options {
	return Options{
		ReadBufferBytes: 256 << 10,
		Coalesce:        200 * time.Microsecond,
		MaxPipeline:     1024,
		MaxRequestBytes: 1 << 30, // Redis's client-query-buffer-limit
		Admin:           DefaultAdmin,
		DrainTimeout:    30 * time.Second,
		LogFormat:       "text",
	}
}

// check refuses options that nobody has completed.
func (o *Options) check() error {
	if o.ReadBufferBytes <= 0 || o.MaxPipeline <= 0 || o.MaxRequestBytes <= 0 {
		return errors.New("engine: options without a limit: they are made from DefaultOptions")
	}
	return nil
}

// PoolOptions are one pool's settings: its servers' (topology.Options) and its clients'; see DefaultPool.
type PoolOptions struct {
	topology.Options

	Listen            Listen
	Backlog           int // listen(2); 0 is allowed
	ReusePort         bool
	ClientConnections int // clients at once; 0: no limit

	// ClientWriteTimeout is how long a client may take no bytes of what it is owed before it is closed; 0: for ever.
	ClientWriteTimeout time.Duration

	// ClientOutputBuffer is how many bytes a client may be owed before its input waits; 0: a quarter of MaxMemoryBytes.
	ClientOutputBuffer int

	// RefuseCrossScripts refuses scripts whose keys live on several servers; else they go where the first is.
	RefuseCrossScripts bool

	// PartialResults answers MGET and the like with the keys that could be had, when some servers fail.
	PartialResults bool

	// SlowerThan is from where a request enters the slow log; 0: all do, negative: none.
	SlowerThan time.Duration
	SlowMaxLen int // entries that the slow log keeps
}

// DefaultPool is a pool with the defaults of topology.DefaultOptions, and those towards its clients. Protocol, Servers and
// Listen are left to the caller.
func DefaultPool(name string) PoolOptions {
	return PoolOptions{
		Options:            topology.DefaultOptions(name),
		Backlog:            512,
		ClientWriteTimeout: time.Minute,
		SlowerThan:         10 * time.Millisecond,
		SlowMaxLen:         128,
	}
}

// Listen is where a pool's clients connect to.
type Listen struct {
	Text    string      // as configured: two pools may not have the same
	Network string      // "tcp" or "unix"
	Addr    string      // "host:port", "[::]:22121" or a path
	Mode    fs.FileMode // of a unix socket; 0: leave it
}
