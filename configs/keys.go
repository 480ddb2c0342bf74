package configs

import (
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"cashew/backend"
	"cashew/engine"
	"cashew/ring"
)

// key is a line that a section may hold. set takes a scalar that is not empty and returns why it is
// refused, or "".
type key struct {
	name    string
	want    string
	set     func(n *yaml.Node) (reason string)
	choices []string // the only values, if there are few
	isList  bool     // set takes each entry
	isInt32 bool     // a number that twemproxy lets wrap
}

// keys are what a pool may hold, in the order of twemproxy's table.
//
// Source: twemproxy 0.5.0 nc_conf.c, conf_commands.
func (p *pool) keys(lookup lookupFunc) []key {
	return []key{
		{
			name: "listen", want: `"host:port" (an IPv6 address without brackets, such as ::1:22121) or "/path [octal mode]"`,
			set: func(n *yaml.Node) (reason string) {
				p.Listen, reason = parseListen(n.Value, lookup)
				return reason
			},
		},
		choiceKey("hash", &p.Hash, ring.HashNames(), "is not a valid hash"),
		{
			name: "hash_tag", want: `two characters, such as "{}"`,
			set: func(n *yaml.Node) string {
				if len(n.Value) != 2 {
					return "is not a valid hash tag string with two characters"
				}
				p.HashTag = n.Value
				return ""
			},
		},
		choiceKey("distribution", &p.Distribution, ring.Distributions(), "is not a valid distribution"),
		msecKey("timeout", &p.Timeout),
		msecKey("resolve_interval", &p.ResolveInterval),
		msecKey("server_integrity_interval", &p.IntegrityInterval),
		numberKey("backlog", &p.Backlog),
		numberKey("client_connections", &p.ClientConnections),
		msecKey("client_write_timeout", &p.ClientWriteTimeout),
		{
			name: "client_output_buffer", want: "bytes, 1mb or more, such as 64mb",
			set: func(n *yaml.Node) string {
				return setBetween(&p.ClientOutputBuffer, n, 1<<20, math.MaxInt64, parseBytes)
			},
		},
		{
			name: "slowlog_log_slower_than", want: "microseconds, or -1 for no slow log",
			set: func(n *yaml.Node) string {
				usec := 0
				if n.Value == "-1" {
					usec = -1
				} else if reason := setBetween(&usec, n, 0, math.MaxInt32, parsePlain); reason != "" {
					return reason
				}
				p.SlowerThan = time.Duration(usec) * time.Microsecond
				return ""
			},
		},
		{
			name: "slowlog_max_len", want: "a number of entries, at most 100000",
			set: func(n *yaml.Node) string { return setBetween(&p.SlowMaxLen, n, 0, 100_000, parsePlain) },
		},
		boolKey("redis", &p.redis),
		boolKey("tcpkeepalive", &p.TCPKeepalive),
		boolKey("reuseport", &p.ReusePort),
		{name: "redis_auth", want: "a password", set: func(n *yaml.Node) string {
			p.redisAuth = n.Value
			return ""
		}},
		numberKey("redis_db", &p.redisDB),
		boolKey("memcached_admin", &p.memcachedAdmin),
		boolKey("preconnect", &p.Preconnect),
		boolKey("auto_eject_hosts", &p.AutoEjectHosts),
		policyKey("on_server_failure", &p.OnServerFailure),
		boolKey("partial_results", &p.PartialResults),
		scriptsKey("cross_server_scripts", &p.RefuseCrossScripts),
		numberKey("server_connections", &p.ServerConnections),
		msecKey("server_tcp_user_timeout", &p.ServerUserTimeout),
		msecKey("server_retry_timeout", &p.ServerRetryTimeout),
		numberKey("server_failure_limit", &p.ServerFailureLimit),
		{
			name: "servers", isList: true,
			want: `"host:port:weight [name]" or "/path:weight [name]"`,
			set: func(n *yaml.Node) string {
				srv, reason := parseServer(n.Value)
				if reason == "" {
					p.Servers, p.entries = append(p.Servers, srv), append(p.entries, n)
				}
				return reason
			},
		},
	}
}

// globalKeys are what the section of our own settings may hold.
func globalKeys(o *engine.Options) []key {
	return []key{
		{
			name: "loops", want: fmt.Sprintf(`a number from 1 to %d, or "auto"`, maxLoops),
			set: func(n *yaml.Node) string {
				if n.Value == "auto" {
					o.Loops = 0
					return ""
				}
				return setBetween(&o.Loops, n, 1, maxLoops, parsePlain)
			},
		},
		{
			name: "read_buffer", want: "bytes from 1kb to 16mb, such as 256kb",
			set: func(n *yaml.Node) string {
				reason := setBetween(&o.ReadBufferBytes, n, 1<<10, 16<<20, parseBytes)
				o.ReadBufferBytes = ceilPowerOfTwo(o.ReadBufferBytes)
				return reason
			},
		},
		{
			name: "coalesce_usecs", want: "microseconds from 0 to 1000",
			set: func(n *yaml.Node) string {
				var usecs int
				reason := setBetween(&usecs, n, 0, 1000, parsePlain)
				o.Coalesce = time.Duration(usecs) * time.Microsecond
				return reason
			},
		},
		{
			name: "max_pipeline", want: fmt.Sprintf("a number from 1 to %d", maxMaxPipeline),
			set: func(n *yaml.Node) string { return setBetween(&o.MaxPipeline, n, 1, maxMaxPipeline, parsePlain) },
		},
		{
			name: "max_request", want: "bytes from 1kb to 1gb, such as 64mb",
			set: func(n *yaml.Node) string { return setBetween(&o.MaxRequestBytes, n, 1<<10, 1<<30, parseBytes) },
		},
		{
			name: "max_memory", want: "bytes, 32mb or more, such as 2gb",
			set: func(n *yaml.Node) string {
				return setBetween(&o.MaxMemoryBytes, n, 32<<20, math.MaxInt64, parseBytes)
			},
		},
		{
			name: "admin", want: `"host:port", "/path", or "off"`,
			set: func(n *yaml.Node) string {
				if n.Value == "off" {
					o.Admin = ""
					return ""
				}
				if !strings.HasPrefix(n.Value, "/") && !isAdminAddr(n.Value) {
					return "is not an address"
				}
				o.Admin = n.Value
				return ""
			},
		},
		msecKey("drain_timeout", &o.DrainTimeout),
		choiceKey("log_format", &o.LogFormat, []string{"text", "json"}, "is not a valid format"),
		boolKey("stats_extended", &o.StatsExtended),
	}
}

// isAdminAddr says whether s is host and port; an IPv6 address has brackets. 0 lets the kernel choose the port.
func isAdminAddr(s string) bool {
	_, port, err := net.SplitHostPort(s)
	n, ok := parsePlain(port)
	return err == nil && ok && n <= math.MaxUint16
}

const (
	maxLoops       = 256 // gnet's limit
	maxMaxPipeline = 1 << 20
)

func choiceKey(name string, to *string, choices []string, reason string) key {
	return key{name: name, want: "one of " + strings.Join(choices, ", "), choices: choices, set: func(n *yaml.Node) string {
		if !slices.Contains(choices, n.Value) {
			return reason
		}
		*to = n.Value
		return ""
	}}
}

func policyKey(name string, to *backend.FailurePolicy) key {
	var text string
	k := choiceKey(name, &text, slices.Sorted(maps.Keys(backend.FailurePolicies)), "is not a valid policy")
	choose := k.set
	k.set = func(n *yaml.Node) string {
		reason := choose(n)
		if reason == "" {
			*to = backend.FailurePolicies[text]
		}
		return reason
	}
	return k
}

func scriptsKey(name string, refuse *bool) key {
	var text string
	k := choiceKey(name, &text, []string{"first_key", "refuse"}, "is not a valid policy")
	choose := k.set
	k.set = func(n *yaml.Node) string {
		reason := choose(n)
		*refuse = text == "refuse"
		return reason
	}
	return k
}

func boolKey(name string, to *bool) key {
	choices := []string{"true", "false"}
	return key{name: name, want: `"true" or "false"`, choices: choices, set: func(n *yaml.Node) string {
		if !slices.Contains(choices, n.Value) {
			return `is not "true" or "false"`
		}
		*to = n.Value == "true"
		return ""
	}}
}

func numberKey(name string, to *int) key {
	return key{name: name, want: "digits only, at most 2147483647", isInt32: true, set: func(n *yaml.Node) string {
		v, ok := parseNumber(n.Value)
		if !ok {
			return reasonNumber
		}
		*to = v
		return ""
	}}
}

func msecKey(name string, to *time.Duration) key {
	const want = "milliseconds, digits only, at most 2147483647"
	return key{name: name, want: want, isInt32: true, set: func(n *yaml.Node) string {
		v, ok := parseNumber(n.Value)
		if !ok {
			return reasonNumber
		}
		*to = time.Duration(v) * time.Millisecond
		return ""
	}}
}

// setBetween is for our own numbers, which do not wrap.
func setBetween(to *int, n *yaml.Node, low, high int64, parse func(string) (int64, bool)) (reason string) {
	v, ok := parse(n.Value)
	switch {
	case !ok:
		return reasonNumber
	case v < low || v > high:
		return "is out of range"
	}
	*to = int(v)
	return ""
}

const reasonNumber = "is not a number"
