package configs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"cashew/backend"
	"cashew/engine"
	"cashew/ring"
)

// masked stands where a secret would.
const masked = "(masked)"

// What the engine takes for a setting that the file leaves out; see engine.Options.
const (
	defaultReadBuffer  = 256 << 10
	defaultMaxPipeline = 1024
	defaultMaxRequest  = 1 << 30
)

// Section is a part of a configuration: keys as they are in the file, values that JSON and YAML can show. Sections, in a
// Section by pool, are a whole configuration.
type Section map[string]any

// Effective returns the settings in force, those that the file left out too, as sections that could be a file again.
// Secrets are masked, and a limit that the process finds for itself is left out. o is only read.
func Effective(o *engine.Options) Section {
	all := Section{"global": effectiveGlobal(o)}
	for i := range o.Pools {
		all[o.Pools[i].Name] = effectivePool(&o.Pools[i])
	}
	return all
}

func effectiveGlobal(o *engine.Options) Section {
	s := Section{
		"loops":          "auto",
		"coalesce_usecs": o.Coalesce.Microseconds(),
		"read_buffer":    orDefault(o.ReadBufferBytes, defaultReadBuffer),
		"max_pipeline":   orDefault(o.MaxPipeline, defaultMaxPipeline),
		"max_request":    orDefault(o.MaxRequestBytes, defaultMaxRequest),
		"admin":          "off",
		"drain_timeout":  o.DrainTimeout.Milliseconds(),
		"log_format":     o.LogFormat,
		"stats_extended": o.StatsExtended,
	}
	if o.Loops > 0 {
		s["loops"] = o.Loops
	}
	if o.MaxMemoryBytes > 0 {
		s["max_memory"] = o.MaxMemoryBytes
	}
	if o.Admin != "" {
		s["admin"] = o.Admin
	}
	return s
}

func scriptsPolicy(refuse bool) string {
	if refuse {
		return "refuse"
	}
	return "first_key"
}

func orDefault(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

func effectivePool(o *engine.PoolOptions) Section {
	s := Section{
		"listen":                    o.Listen.Text,
		"hash":                      o.Hash,
		"distribution":              o.Distribution,
		"timeout":                   o.Timeout.Milliseconds(),
		"resolve_interval":          o.ResolveInterval.Milliseconds(),
		"server_integrity_interval": o.IntegrityInterval.Milliseconds(),
		"backlog":                   o.Backlog,
		"client_connections":        o.ClientConnections,
		"client_write_timeout":      o.ClientWriteTimeout.Milliseconds(),
		"slowlog_log_slower_than":   slowerThan(o.SlowerThan),
		"slowlog_max_len":           o.SlowMaxLen,
		"tcpkeepalive":              o.TCPKeepalive,
		"reuseport":                 o.ReusePort,
		"preconnect":                o.Preconnect,
		"auto_eject_hosts":          o.AutoEjectHosts,
		"on_server_failure":         policyName(o.OnServerFailure),
		"partial_results":           o.PartialResults,
		"cross_server_scripts":      scriptsPolicy(o.RefuseCrossScripts),
		"server_connections":        o.ServerConnections,
		"server_tcp_user_timeout":   o.ServerUserTimeout.Milliseconds(),
		"server_retry_timeout":      o.ServerRetryTimeout.Milliseconds(),
		"server_failure_limit":      o.ServerFailureLimit,
	}
	if o.ClientOutputBuffer > 0 {
		s["client_output_buffer"] = o.ClientOutputBuffer
	}
	if o.HashTag != "" {
		s["hash_tag"] = o.HashTag
	}
	servers := make([]string, len(o.Servers))
	for i := range o.Servers {
		servers[i] = serverEntry(&o.Servers[i])
	}
	s["servers"] = servers

	s["redis"] = o.Protocol.Name() == "redis"
	if p, ok := o.Protocol.(interface {
		Guarded() bool
		DB() int
	}); ok {
		s["redis_db"] = p.DB()
		if p.Guarded() {
			s["redis_auth"] = masked
		}
	}
	if p, ok := o.Protocol.(interface{ Admin() bool }); ok {
		s["memcached_admin"] = p.Admin()
	}
	return s
}

// slowerThan is a threshold in microseconds, -1 for none.
func slowerThan(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Microseconds()
}

func policyName(p backend.FailurePolicy) string {
	for name, policy := range backend.FailurePolicies {
		if policy == p {
			return name
		}
	}
	return ""
}

// serverEntry is a line of servers that means srv.
func serverEntry(srv *backend.Server) string {
	if plain, reason := parseServer(srv.PName); reason == "" && plain.Name == srv.Name {
		return srv.PName
	}
	return srv.PName + " " + srv.Name
}

// Hash is the same for all proxies whose settings are the same, whatever the order in their files and whatever the
// secrets: those are not part of it, as a hash would let them be guessed.
func (s Section) Hash() string {
	text, err := json.Marshal(s) // sorts keys
	if err != nil {
		panic("configs: " + err.Error()) // strings, numbers and booleans always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:hashBytes])
}

// hashBytes is how much of a SHA-256 is shown: enough that no two configurations of a fleet meet by chance.
const hashBytes = 12

// RingHashes tells, by pool, where keys go while all servers are live: proxies with the same hash send each key to the
// same server. Building the rings takes milliseconds for hundreds of servers.
func RingHashes(o *engine.Options) (map[string]string, error) {
	hashes := make(map[string]string, len(o.Pools))
	for i := range o.Pools {
		h, err := ringHash(&o.Pools[i].Options)
		if err != nil {
			return nil, fmt.Errorf("configs: pool %s: %w", o.Pools[i].Name, err)
		}
		hashes[o.Pools[i].Name] = h
	}
	return hashes, nil
}

// ringHash covers what decides a key's server: the hash, the tag, and each point with the address that it leads to.
func ringHash(o *backend.Options) (string, error) {
	ro := ring.Options{Hash: o.Hash, HashTag: o.HashTag, Distribution: o.Distribution}
	for _, s := range o.Servers {
		ro.Servers = append(ro.Servers, ring.Server{Name: s.Name, Weight: s.Weight})
	}
	r, err := ring.Build(ro)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q\n", o.Hash, o.HashTag, o.Distribution)
	for _, s := range o.Servers {
		fmt.Fprintf(sum, "%q %q\n", s.Name, s.Addr)
	}
	var b [8]byte
	for value, server := range r.Points() {
		binary.BigEndian.PutUint32(b[:4], value)
		binary.BigEndian.PutUint32(b[4:], uint32(server))
		_, _ = sum.Write(b[:]) // a hash never fails
	}
	return hex.EncodeToString(sum.Sum(nil)[:hashBytes]), nil
}
