package configs

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// wantFailover is what the line of failover holds.
const wantFailover = `a pool, and what is sent there, such as "spare" or "spare send=all"`

func (p *pool) failoverKey() key {
	return key{
		name: "failover", to: &p.Failover, want: wantFailover,
		set: func(n *yaml.Node) string {
			words := strings.Fields(n.Value)
			if len(words) == 0 || strings.Contains(words[0], "=") {
				return "names no pool"
			}
			if len(words) > 2 || len(words) == 2 && !slices.Contains([]string{"send=reads", "send=all"}, words[1]) {
				return "has more than send=reads or send=all behind the pool"
			}
			p.Failover.Pool, p.Failover.Writes = words[0], len(words) == 2 && words[1] == "send=all"
			return ""
		},
		show: func() any {
			switch {
			case p.Failover.Pool == "":
				return nil
			case p.Failover.Writes:
				return p.Failover.Pool + " send=all"
			}
			return p.Failover.Pool + " send=reads"
		},
	}
}

// failover checks the pool that p fails over to; names are those of all pools.
func (c *checker) failover(p *pool, names []string) {
	n, ok := p.value("failover")
	if !ok {
		return
	}
	at := Problem{Pool: p.Name, Key: "failover", Value: n.Value}
	switch i := slices.Index(names, p.Failover.Pool); {
	case i < 0:
		at.Meant = Near(p.Failover.Pool, names)
		c.report(n, at.because("is of a pool that the file does not have"))
	case !p.redis:
		c.report(n, at.because("is for redis pools: a CAS unique of the spare's would mean another value here"))
	case c.pools[i] == p:
		c.report(n, at.because("is the pool itself"))
	default:
		if reason := p.unfit(c.pools[i]); reason != "" {
			c.report(n, at.because("%s", reason))
		}
	}
}
