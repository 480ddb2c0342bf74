package session

import (
	"time"

	"cashew/quota"
	"cashew/ring"
)

// Limits are what each client, or all of them together, may have at most.
type Limits struct {
	MaxPipeline     int // requests one client may have in flight before the loop stops reading from it
	MaxRequestBytes int // one command's frame
	MaxMemoryBytes  int // that all buffers of the process together may have

	DrainTimeout time.Duration // in which clients leave that are to, of a pool that is gone or of a process that ends

	AuditSample int // of so many commands the audit log has one; 0: it has none
	Access      AccessSamples
	Looks       bool // either has some

	SettingNames map[string]string // see SettingName
}

// SettingName is what a setting is called, by its field's name: names has what whoever configures the proxy calls it, as
// read_buffer for ReadBufferBytes. One that has no other name there keeps its field's.
func SettingName(names map[string]string, field string) string {
	if name, ok := names[field]; ok {
		return name
	}
	return field
}

// ClientOptions are a pool's settings towards its clients; see DefaultClientOptions.
type ClientOptions struct {
	// ClientWriteTimeout is how long a client may take no bytes of what it is owed before it is closed; 0: for ever.
	ClientWriteTimeout time.Duration

	// ClientIdleTimeout is how long a client may send nothing and be owed nothing before it is closed, unless it is subscribed to
	// something; 0: for ever.
	ClientIdleTimeout time.Duration

	// ClientOutputBuffer is how many bytes a client may be owed before its input waits; 0: a quarter of MaxMemoryBytes.
	ClientOutputBuffer int

	// MovingEndpoint is what clients are told to connect to that ask to be told before a drain, "host:port"; "": where they
	// connected before.
	MovingEndpoint string

	// Routes have keys be other pools' of the proxy; their prefixes differ.
	Routes []ring.Route

	// Failover is what has keys whose server can't be sent to.
	Failover FailoverOptions

	// Miss is what is asked for what the pool does not have; no mirror of it is compared with.
	Miss MissOptions

	// Near is what is kept of its replies.
	Near NearOptions
	// Dual is what gets the writes of clients as well.
	Dual DualOptions

	// Mirror is what gets copies of what clients send.
	Mirror MirrorOptions

	// RateLimits are how much clients may ask for, at most quota.MaxRules of them with names that differ.
	RateLimits []quota.Rule

	// RefuseCrossScripts refuses scripts whose keys live on several servers; else they go where the first is.
	RefuseCrossScripts bool

	// PartialResults answers MGET and the like with the keys that could be had, when some servers fail.
	PartialResults bool

	// SlowerThan is from where a request enters the slow log; 0: all do, negative: none.
	SlowerThan time.Duration
	SlowMaxLen int // entries that the slow log keeps
}

// DefaultClientOptions are what a file without a section of our own settings means.
func DefaultClientOptions() ClientOptions {
	return ClientOptions{Near: NearOptions{Life: time.Minute, Untold: time.Second, Check: ring.Whole / 1000}, ClientWriteTimeout: time.Minute, SlowerThan: 10 * time.Millisecond, SlowMaxLen: 128}
}
