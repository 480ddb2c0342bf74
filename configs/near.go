package configs

import (
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// autoKeys is what near_cache_keys says for those that many ask for.
const autoKeys = "auto"

// wantNearKeys is what near_cache_keys holds.
const wantNearKeys = `"auto", or keys with blanks between them, of which each may end with a star: "user:* page:front"`

// maxNearKeys is how many patterns a pool may have: servers compare each key that is written with all of them.
const maxNearKeys = 64

func (p *pool) nearKeys() []key {
	o := &p.Near
	auto := false
	return []key{
		bytesKey("near_cache", "bytes, 1mb or more, such as 64mb; 0 for none", &o.Bytes, 0, 1<<50),
		{
			name: "near_cache_keys", to: &o.Patterns, isWords: true, want: wantNearKeys,
			set: func(n *yaml.Node) string {
				switch {
				case n.Value == autoKeys && !auto && len(o.Patterns) == 0:
					auto = true
					return ""
				case n.Value == autoKeys || auto:
					return `has "auto" beside others`
				case len(o.Patterns) == maxNearKeys:
					return "has more than 64 keys"
				}
				reason := wrongPattern(n.Value, o.Patterns)
				o.Patterns = append(o.Patterns, n.Value)
				return reason
			},
			show: func() any {
				if len(o.Patterns) > 0 {
					return strings.Join(o.Patterns, " ")
				}
				return autoKeys
			},
		},
		msecKey("near_cache_msecs", &o.Life),
		msecKey("near_cache_untracked_msecs", &o.Untold),
		msecKey("near_cache_stale_msecs", &o.Stale),
		{
			name: "near_cache_check", to: &o.Check, want: "a percentage with at most two decimals, such as 0.1%; 0% for none",
			set:  func(n *yaml.Node) string { return setShare(&o.Check, n.Value) },
			show: func() any { return share(o.Check) },
		},
	}
}

// wrongPattern says why a pattern can't be one beside others; "": it can.
func wrongPattern(pattern string, others []string) (reason string) {
	prefix, _ := strings.CutSuffix(pattern, "*")
	switch {
	case pattern == "*":
		return "is of all keys: servers would tell each proxy of each write; auto is for keys that nobody knows beforehand"
	case strings.ContainsAny(prefix, "*?[]\\"):
		return "is no key, nor the beginning of one with a star behind it"
	}
	for _, other := range others {
		if o, _ := strings.CutSuffix(other, "*"); strings.HasPrefix(prefix, o) || strings.HasPrefix(o, prefix) {
			return `does not go with "` + oneLine(other) + `": one of the two begins as the other does, which servers refuse`
		}
	}
	return ""
}

// nearRefresh is cluster_refresh_interval of a pool that keeps replies, unless it is given: a server of a cluster that has lost a key to another may say
// nothing of what is written there.
const nearRefresh = time.Second

// near checks what p keeps of its replies; kept is what pools before it do.
func (c *checker) near(p *pool, kept *int) {
	n, ok := p.value("near_cache")
	if !ok {
		for _, name := range [...]string{"near_cache_keys", "near_cache_msecs", "near_cache_untracked_msecs", "near_cache_stale_msecs", "near_cache_check"} {
			if n, ok := p.value(name); ok {
				c.warn(n, Problem{Pool: p.Name, Key: name}.because("is ignored: there is no near_cache"))
			}
		}
		return
	}
	if p.Near.Bytes == 0 {
		return
	}
	at := Problem{Pool: p.Name, Key: "near_cache", Value: n.Value}
	if p.Near.Bytes < 1<<20 {
		at.Want = "1mb or more, or 0 for none"
		c.report(n, at.because("is too small"))
		return
	}
	if reason := p.unnear(); reason != "" {
		c.report(n, at.because("%s", reason))
	}
	if _, set := p.value("cluster_refresh_interval"); !set {
		p.ClusterRefresh = min(p.ClusterRefresh, nearRefresh)
	}
	*kept += p.Near.Bytes
	if most := c.options.MaxMemoryBytes; most > 0 && *kept > most/2 {
		c.report(n, at.because("makes %d bytes, with those of the pools before it: more than half of max_memory, %d", *kept, most))
	}
}

// unnear says why replies of p can't be kept.
func (p *pool) unnear() string {
	switch {
	case p.Cluster && p.ClusterRefresh == 0:
		return "does not go with cluster_refresh_interval: 0: what was read from a server that has lost the key would be given for near_cache_msecs"
	case p.Distribution == "random":
		return "does not go with distribution: random: a key has no server there"
	case len(p.Routes) > 0, p.Mirror.Pool != "", p.Failover.Pool != "", p.Miss.Pool != "", p.Dual.Pool != "":
		return "does not go with routes, mirror, failover, miss or dual_write yet"
	}
	return ""
}

// private says that clients of p may have server connections of their own, by CLIENT TRACKING: what each reads comes over them alone, and no
// command is sent again over another.
func (p *pool) private() bool {
	return p.Distribution != "random" && !p.Cluster && len(p.Sentinels) == 0 && len(p.Routes) == 0 && p.Mirror.Pool == "" && p.Failover.Pool == "" && p.Miss.Pool == "" && p.Dual.Pool == ""
}
