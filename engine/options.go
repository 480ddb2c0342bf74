package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"time"

	"cashew/audit"
	"cashew/session"
	"cashew/tlsconn"
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

	Admin string // address of the admin pages, "host:port" or a path; "": none

	// AdminToken is what those have to give who ask the admin pages, or what AdminTokenFile has in its place; "": anybody may ask.
	AdminToken, AdminTokenFile string

	AdminTLSCertFile, AdminTLSKeyFile string // of the admin pages, in PEM; "": they speak no TLS

	// ReadyNeedsPools has the proxy not be ready for clients while one of its pools has no live server; else it is whenever it serves.
	ReadyNeedsPools bool

	DrainDelay   time.Duration // how long a stop goes on to accept, while it says already that it is not ready
	DrainTimeout time.Duration // how long a stop may wait, after that, for what is in flight
	LogFormat    string        // "text" or "json"

	// AuditLog is the path of the audit log, "": there is none; the others are what it has, see audit.Policy. Whoever has the file takes
	// Proxy.Audit's lines.
	AuditLog    string
	AuditEvents audit.Kind
	AuditSample int
	AuditKeys   bool

	AccessOptions

	// StatsExtended has the stats port show all statistics, in place of twemproxy's alone.
	StatsExtended bool

	// DefaultZone is the Zone of pools that have none; "": nowhere.
	DefaultZone string

	// Inherited are listeners that another process left us, by the keys of Proxy.ListenerFiles. Start uses those that
	// fit a pool in place of binding, and closes the others; a reload ignores them.
	Inherited map[string]net.Listener

	// Tickets are Proxy.Tickets of the process before, nil if there is none.
	Tickets []byte

	// SettingNames are what whoever configures the proxy calls the fields of Options and PoolOptions: in a file ReadBufferBytes
	// is read_buffer. What is said of a setting has its name from here, or the field's own where there is none.
	SettingNames map[string]string

	Pools []PoolOptions
}

// settingName is what a field of o, or of its pools, is called.
func (o *Options) settingName(field string) string { return session.SettingName(o.SettingNames, field) }

// DefaultAdmin is where the admin pages are unless the file says otherwise.
const DefaultAdmin = "127.0.0.1:22223"

// MaxAdminToken is how long a token in a file may be: more than anybody types, and less than a file that was meant for something else.
const MaxAdminToken = 4 << 10

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
		AuditEvents:     audit.Logins | audit.Refusals | audit.Admin,
		AuditSample:     1,
		AccessOptions:   defaultAccess(),
	}
}

// check refuses options that nobody has completed.
func (o *Options) check() error {
	if o.ReadBufferBytes <= 0 || o.MaxPipeline <= 0 || o.MaxRequestBytes <= 0 {
		return errors.New("engine: options without a limit: they are made from DefaultOptions")
	}
	return o.checkRoutes()
}

// checkRoutes refuses routes to pools, and mirrors, that there are not, or that speak otherwise: a key must not go anywhere else instead.
// A pool whose servers change places has no spare, and neither end of a dual write may be one; one whose masters sentinels know is no mirror that
// answers reads.
func (o *Options) checkRoutes() error {
	var errs []error
	stays := func(q *PoolOptions) bool { return !q.Follows() }
	whichever := func(*PoolOptions) bool { return true }
	for i := range o.Pools {
		p := &o.Pools[i]
		check := func(name string, fit func(q *PoolOptions) bool) {
			j := slices.IndexFunc(o.Pools, func(q PoolOptions) bool { return q.Name == name })
			switch {
			case j < 0 || o.Pools[j].Protocol.Name() != p.Protocol.Name():
				errs = append(errs, fmt.Errorf("pool %s: there is no pool %s of its protocol", p.Name, name))
			case !fit(&o.Pools[j]):
				errs = append(errs, fmt.Errorf("pool %s: the servers of pool %s change places", p.Name, name))
			}
		}
		for _, r := range p.Routes {
			check(r.Pool, whichever)
		}
		if p.Failover.Pool != "" {
			check(p.Failover.Pool, whichever)
			check(p.Name, stays)
		}
		if p.Miss.Pool != "" {
			check(p.Miss.Pool, whichever)
		}
		if p.Dual.Pool != "" {
			check(p.Dual.Pool, stays)
			check(p.Name, stays)
		}
		if p.Mirror.Pool != "" {
			check(p.Mirror.Pool, func(q *PoolOptions) bool { return p.Mirror.Ramp == 0 || len(q.Sentinels) == 0 })
		}
	}
	return errors.Join(errs...)
}

// PoolOptions are one pool's settings: its servers' (topology.Options), its listener's and its clients'; see DefaultPool.
type PoolOptions struct {
	topology.Options

	Listen            Listen
	Backlog           int // listen(2); 0 is allowed
	ReusePort         bool
	ClientConnections int // clients at once; 0: no limit

	tlsconn.FromClients
	DoorOptions
	session.ClientOptions
}

// DoorOptions are who of those that connect may be a client of a pool, and what is known of them.
type DoorOptions struct {
	// ProxyProtocolFrom are the senders that begin each connection with a PROXY header, which has the client's addresses.
	ProxyProtocolFrom Senders

	// HandshakeTimeout is how long a connection may take for each of what comes before its first command: a PROXY header, and TLS's
	// handshake.
	HandshakeTimeout time.Duration

	// AllowFrom, and not DenyFrom, has the addresses that clients may come from; where it is empty, all. Who comes by a unix socket is
	// allowed.
	AllowFrom, DenyFrom Networks

	ClientConnectionsPerAddress int // clients at once from one address, but for unix sockets; 0: no limit

	// AuthFailures is how many logins from one address, or one /64 of IPv6, may fail within a minute before it is held up, but for unix
	// sockets; 0: any number.
	AuthFailures int
}

// Networks are networks of addresses, each in its shortest form.
type Networks []netip.Prefix

// Have says whether a, which is no IPv4 in IPv6 and has no zone, is in one of them.
func (n Networks) Have(a netip.Addr) bool {
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Senders are networks, and perhaps all who come by a unix socket.
type Senders struct {
	Networks
	Unix bool
}

// DefaultPool is a pool with the defaults of topology.DefaultOptions and DefaultClientOptions, and those of a listener. Protocol,
// Servers and Listen are left to the caller.
func DefaultPool(name string) PoolOptions {
	return PoolOptions{
		Options:       topology.DefaultOptions(name),
		ClientOptions: session.DefaultClientOptions(),
		DoorOptions:   DoorOptions{HandshakeTimeout: 10 * time.Second, AuthFailures: 10},
		Backlog:       512,
	}
}

// Listen is where a pool's clients connect to; nowhere if it has no Addr: others route to it.
type Listen struct {
	Text    string      // as configured: two pools may not have the same
	Network string      // "tcp" or "unix"
	Addr    string      // "host:port", "[::]:22121" or a path
	Mode    fs.FileMode // of a unix socket; 0: leave it
}
