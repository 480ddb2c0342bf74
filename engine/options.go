package engine

import (
	"errors"
	"io/fs"
	"net"
	"time"

	"cashew/session"
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

	// SettingNames are what whoever configures the proxy calls the fields of Options and PoolOptions: in a file ReadBufferBytes
	// is read_buffer. What is said of a setting has its name from here, or the field's own where there is none.
	SettingNames map[string]string

	Pools []PoolOptions
}

// settingName is what a field of o, or of its pools, is called.
func (o *Options) settingName(field string) string { return session.SettingName(o.SettingNames, field) }

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

// PoolOptions are one pool's settings: its servers' (topology.Options), its listener's and its clients'; see DefaultPool.
type PoolOptions struct {
	topology.Options

	Listen            Listen
	Backlog           int // listen(2); 0 is allowed
	ReusePort         bool
	ClientConnections int // clients at once; 0: no limit

	session.ClientOptions
}

// DefaultPool is a pool with the defaults of topology.DefaultOptions and DefaultClientOptions, and those of a listener. Protocol,
// Servers and Listen are left to the caller.
func DefaultPool(name string) PoolOptions {
	return PoolOptions{
		Options:       topology.DefaultOptions(name),
		ClientOptions: session.DefaultClientOptions(),
		Backlog:       512,
	}
}

// Listen is where a pool's clients connect to.
type Listen struct {
	Text    string      // as configured: two pools may not have the same
	Network string      // "tcp" or "unix"
	Addr    string      // "host:port", "[::]:22121" or a path
	Mode    fs.FileMode // of a unix socket; 0: leave it
}
