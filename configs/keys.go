package configs

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"cashew/engine"
	"cashew/ring"
	"cashew/topology"
)

// key is a line that a section may hold: what it is called, how it is read and how it is shown.
type key struct {
	name      string
	to        any // points to what it sets, of engine.Options, PoolOptions or pool
	want      string
	set       func(n *yaml.Node) (reason string)                          // takes a scalar that is not empty and returns why it is refused, or ""
	put       func(name, value *yaml.Node) (reason string)                // likewise a line below the key; nil: it has none
	below     func(c *checker, entry *yaml.Node, at Problem, k *key) bool // takes an entry that has more below it; nil: none has
	show      func() any                                                  // the value as a file could hold it; nil: as if the file left the key out
	choices   []string                                                    // the only values, if there are few
	isList    bool                                                        // set takes each entry
	orText    bool                                                        // of a list: it may be a single value as well
	isWords   bool                                                        // a value is words with blanks between them, of which set takes each
	movesKeys bool                                                        // which server has a key hangs on it, so that no other value is suggested
	isInt32   bool                                                        // a number that twemproxy lets wrap

	isSecret bool // no problem repeats its value
}

// keys are what a pool may hold, in the order of twemproxy's table.
//
// Source: twemproxy 0.5.0 nc_conf.c, conf_commands.
func (p *pool) keys(lookup lookupFunc) []key {
	return slices.Concat(p.plainKeys(lookup), p.secretKeys("redis_auth", wantPassword, &p.auth, false), p.credentialKeys(), p.clusterKeys(), p.sentinelKeys(), p.discoveryKeys(), p.replicaKeys(), p.nearKeys(), p.tlsKeys(), p.doorKeys())
}

// plainKeys are those that have nothing to do with credentials.
func (p *pool) plainKeys(lookup lookupFunc) []key {
	return []key{
		p.listenKey(lookup),
		p.notInCluster(placeKey("hash", &p.Hash, ring.HashNames(), "is not a valid hash")),
		p.hashTagKey(),
		p.notInCluster(placeKey("distribution", &p.Distribution, ring.Distributions(), "is not a valid distribution")),
		msecKey("timeout", &p.Timeout),
		msecKey("resolve_interval", &p.ResolveInterval),
		msecKey("server_integrity_interval", &p.IntegrityInterval),
		numberKey("backlog", &p.Backlog),
		numberKey("client_connections", &p.ClientConnections),
		msecKey("client_write_timeout", &p.ClientWriteTimeout),
		foundKey(bytesKey("client_output_buffer", "bytes, 1mb or more, such as 64mb", &p.ClientOutputBuffer, 1<<20, math.MaxInt64)),
		p.onlyRedis(true, p.movingKey()),
		p.slowerThanKey(),
		plainKey("slowlog_max_len", "a number of entries, at most 100000", &p.SlowMaxLen, 0, 100_000),
		boolKey("redis", &p.redis),
		boolKey("tcpkeepalive", &p.TCPKeepalive),
		boolKey("reuseport", &p.ReusePort),
		p.onlyRedis(true, numberKey("redis_db", &p.redisDB)),
		p.onlyRedis(true, foundKey(plainKey("databases", "a number from 1 to 65536, as in redis.conf", &p.databases, 1, 65_536))),
		p.onlyRedis(true, p.commandsKey()),
		p.onlyRedis(true, namedKey("unknown_commands", &p.refusesUnknown, map[string]bool{"learn": false, "refuse": true}, "is not a valid policy")),
		p.onlyRedis(false, boolKey("memcached_admin", &p.memcachedAdmin)),
		p.usersKey(),
		p.aclFileKey(),
		p.limitsKey(),
		p.routesKey(),
		p.mirrorKey(),
		p.failoverKey(),
		p.dualKey(),
		p.missKey(),
		boolKey("preconnect", &p.Preconnect),
		boolKey("auto_eject_hosts", &p.AutoEjectHosts),
		policyKey("on_server_failure", &p.OnServerFailure),
		boolKey("partial_results", &p.PartialResults),
		scriptsKey("cross_server_scripts", &p.RefuseCrossScripts),
		numberKey("server_connections", &p.ServerConnections),
		p.onlyRedis(true, plainKey("transaction_connections", "a number from 1 to 10000", &p.TransactionConnections, 1, 10_000)),
		p.onlyRedis(true, plainKey("blocking_connections", "a number from 1 to 10000", &p.BlockingConnections, 1, 10_000)),
		msecKey("server_tcp_user_timeout", &p.ServerUserTimeout),
		msecKey("server_retry_timeout", &p.ServerRetryTimeout),
		numberKey("server_failure_limit", &p.ServerFailureLimit),
		p.serversKey(),
	}
}

// globalKeys are what the section of our own settings may hold.
func globalKeys(o *engine.Options) []key {
	return slices.Concat([]key{
		loopsKey(o),
		readBufferKey(o),
		usecKey("coalesce_usecs", &o.Coalesce, 1000),
		plainKey("max_pipeline", fmt.Sprintf("a number from 1 to %d", maxMaxPipeline), &o.MaxPipeline, 1, maxMaxPipeline),
		bytesKey("max_request", "bytes from 1kb to 1gb, such as 64mb", &o.MaxRequestBytes, 1<<10, 1<<30),
		foundKey(bytesKey("max_memory", "bytes, 32mb or more, such as 2gb", &o.MaxMemoryBytes, 32<<20, math.MaxInt64)),
		adminKey(o),
		secretKey("admin_token", &o.AdminToken, "a token"),
		pathKey("admin_token_file", "the path of a file", &o.AdminTokenFile),
		pathKey("admin_tls_cert_file", "the path of a file", &o.AdminTLSCertFile),
		pathKey("admin_tls_key_file", "the path of a file", &o.AdminTLSKeyFile),
		choiceKey("log_format", &o.LogFormat, []string{"text", "json"}, "is not a valid format"),
		boolKey("stats_extended", &o.StatsExtended),
		zoneKey("default_zone", &o.DefaultZone),
	}, balanceKeys(o), auditKeys(o), accessKeys(o), tracingKeys(o))
}

func (p *pool) listenKey(lookup lookupFunc) key {
	return key{
		name: "listen", to: &p.Listen, want: `"host:port" (an IPv6 address without brackets, such as ::1:22121) or "/path [octal mode]"`,
		set: func(n *yaml.Node) (reason string) {
			p.Listen, reason = parseListen(n.Value, lookup)
			return reason
		},
		show: func() any { return orNil(p.Listen.Text) },
	}
}

func (p *pool) hashTagKey() key {
	return key{
		name: "hash_tag", to: &p.HashTag, want: `two characters, such as "{}"`,
		set: func(n *yaml.Node) string {
			if len(n.Value) != 2 {
				return "is not a valid hash tag string with two characters"
			}
			p.HashTag = n.Value
			return ""
		},
		show: func() any {
			if p.HashTag == "" {
				return nil
			}
			return p.HashTag
		},
	}
}

func (p *pool) slowerThanKey() key {
	return key{
		name: "slowlog_log_slower_than", to: &p.SlowerThan, want: "microseconds, or -1 for no slow log",
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
		show: func() any { return p.SlowerThan.Microseconds() },
	}
}

func (p *pool) serversKey() key {
	return key{
		name: "servers", to: &p.Servers, isList: true,
		want:  p.wantServer(),
		below: func(c *checker, entry *yaml.Node, at Problem, k *key) bool { return c.server(entry, at, p, k) },
		set: func(n *yaml.Node) string {
			srv, reason := p.parseLine(n.Value)
			if reason == "" {
				p.Servers, p.entries = append(p.Servers, srv), append(p.entries, n)
			}
			return reason
		},
		show: func() any {
			if p.Cluster {
				return clusterEntries(p.Seeds)
			}
			if p.Discovery != "" {
				if len(p.Begin) == 0 {
					return nil
				}
				return ServerLines(p.Begin)
			}
			entries := make([]string, len(p.Servers))
			for i := range p.Servers {
				if entries[i] = serverEntry(&p.Servers[i]); p.Servers[i].Master != "" {
					entries[i] = masterEntry(&p.Servers[i])
				}
			}
			return p.withReplicas(entries)
		},
	}
}

// onlyRedis is k, which pools of the other protocol do not show.
func (p *pool) onlyRedis(redis bool, k key) key {
	show := k.show
	k.show = func() any {
		if p.redis != redis {
			return nil
		}
		return show()
	}
	return k
}

func loopsKey(o *engine.Options) key {
	return key{
		name: "loops", to: &o.Loops, want: fmt.Sprintf(`a number from 1 to %d, or "auto"`, maxLoops),
		set: func(n *yaml.Node) string {
			if n.Value == "auto" {
				o.Loops = 0
				return ""
			}
			return setBetween(&o.Loops, n, 1, maxLoops, parsePlain)
		},
		show: func() any {
			if o.Loops == 0 {
				return "auto"
			}
			return o.Loops
		},
	}
}

func readBufferKey(o *engine.Options) key {
	k := bytesKey("read_buffer", "bytes from 1kb to 16mb, such as 256kb", &o.ReadBufferBytes, 1<<10, 16<<20)
	set := k.set
	k.set = func(n *yaml.Node) string {
		reason := set(n)
		o.ReadBufferBytes = ceilPowerOfTwo(o.ReadBufferBytes)
		return reason
	}
	return k
}

const (
	maxLoops       = 256 // more than cores that anybody gives a proxy
	maxMaxPipeline = 1 << 20
)

func choiceKey(name string, to *string, choices []string, reason string) key {
	return key{
		name: name, to: to, want: "one of " + strings.Join(choices, ", "), choices: choices,
		set: func(n *yaml.Node) string {
			if !slices.Contains(choices, n.Value) {
				return reason
			}
			*to = n.Value
			return ""
		},
		show: func() any { return *to },
	}
}

// namedKey is for a value that has one of these names in a file.
func namedKey[T comparable](name string, to *T, values map[string]T, reason string) key {
	var text string
	k := choiceKey(name, &text, slices.Sorted(maps.Keys(values)), reason)
	choose := k.set
	k.to = to
	k.set = func(n *yaml.Node) string {
		reason := choose(n)
		if reason == "" {
			*to = values[text]
		}
		return reason
	}
	k.show = func() any {
		for text, value := range values {
			if value == *to {
				return text
			}
		}
		return nil
	}
	return k
}

func policyKey(name string, to *topology.FailurePolicy) key {
	return namedKey(name, to, topology.FailurePolicies, "is not a valid policy")
}

func scriptsKey(name string, refuse *bool) key {
	return namedKey(name, refuse, map[string]bool{"first_key": false, "refuse": true}, "is not a valid policy")
}

func boolKey(name string, to *bool) key {
	choices := []string{"true", "false"}
	return key{
		name: name, to: to, want: `"true" or "false"`, choices: choices,
		set: func(n *yaml.Node) string {
			if !slices.Contains(choices, n.Value) {
				return `is not "true" or "false"`
			}
			*to = n.Value == "true"
			return ""
		},
		show: func() any { return *to },
	}
}

func textKey(name, want string, to *string) key {
	return key{
		name: name, to: to, want: want,
		set: func(n *yaml.Node) string {
			*to = n.Value
			return ""
		},
		show: func() any { return orNil(*to) },
	}
}

func numberKey(name string, to *int) key {
	return key{
		name: name, to: to, want: "digits only, at most 2147483647", isInt32: true,
		set: func(n *yaml.Node) string {
			v, ok := parseNumber(n.Value)
			if !ok {
				return reasonNumber
			}
			*to = v
			return ""
		},
		show: func() any { return *to },
	}
}

func msecKey(name string, to *time.Duration) key {
	var msecs int
	k := numberKey(name, &msecs)
	set := k.set
	k.to, k.want = to, "milliseconds, digits only, at most 2147483647"
	k.set = func(n *yaml.Node) string {
		reason := set(n)
		if reason == "" {
			*to = time.Duration(msecs) * time.Millisecond
		}
		return reason
	}
	k.show = func() any { return to.Milliseconds() }
	return k
}

// plainKey is for our own numbers, which do not wrap.
func plainKey(name, want string, to *int, low, high int64) key {
	return key{
		name: name, to: to, want: want,
		set:  func(n *yaml.Node) string { return setBetween(to, n, low, high, parsePlain) },
		show: func() any { return *to },
	}
}

func bytesKey(name, want string, to *int, low, high int64) key {
	k := plainKey(name, want, to, low, high)
	k.set = func(n *yaml.Node) string { return setBetween(to, n, low, high, parseBytes) }
	return k
}

func usecKey(name string, to *time.Duration, most int64) key {
	return key{
		name: name, to: to, want: fmt.Sprintf("microseconds from 0 to %d", most),
		set: func(n *yaml.Node) string {
			var usecs int
			reason := setBetween(&usecs, n, 0, most, parsePlain)
			*to = time.Duration(usecs) * time.Microsecond
			return reason
		},
		show: func() any { return to.Microseconds() },
	}
}

// foundKey is k, a number, which the process finds for itself, or which is not in force, where it is 0: that is not shown.
func foundKey(k key) key {
	show := k.show
	k.show = func() any {
		if v := show(); v != 0 {
			return v
		}
		return nil
	}
	return k
}

// setBetween sets a number of ours, which does not wrap.
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
