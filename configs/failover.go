package configs

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// wantFailover is what the line of failover holds.
const wantFailover = `a pool, and what is sent there, such as "spare" or "spare send=all"`

func (p *pool) failoverKey() key {
	return key{
		name: "failover", to: &p.Failover, want: wantFailover,
		set: func(n *yaml.Node) string {
			p.Failover.Writes = false
			return p.linked(n.Value, &p.Failover.Pool, p.setFailover)
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

// setFailover takes one word.
func (p *pool) setFailover(name, value string) (reason string) {
	switch {
	case name != "send":
		return "is not send=reads or send=all"
	case value == "writes":
		return "can't be: what is written goes to the spare with its reads or not at all, by send=all or send=reads"
	case value != "reads" && value != "all":
		return "is neither send=reads nor send=all"
	}
	p.Failover.Writes = value == "all"
	return ""
}

// linked takes a line that names another pool and says behind that, in words of the form "name=value", what it is to p: pool and set take these.
func (p *pool) linked(line string, pool *string, set func(name, value string) (reason string)) (reason string) {
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return "names no pool"
	case strings.Contains(words[0], "="):
		return fmt.Sprintf("names no pool: that comes first, and %q is a setting", oneLine(words[0]))
	}
	*pool = words[0]
	seen := make(map[string]bool)
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		reason := "is the second " + name + "="
		if !seen[name] {
			reason = set(name, value)
		}
		if seen[name] = true; reason != "" {
			return fmt.Sprintf("has %q, which %s", oneLine(w), reason)
		}
	}
	return ""
}

// failover checks the pool that p fails over to; names are those of all pools.
func (c *checker) failover(p *pool, names []string) {
	n, ok := p.value("failover")
	if !ok {
		return
	}
	at := Problem{Pool: p.Name, Key: "failover", Value: n.Value}
	switch i := c.placeOf(p.Failover.Pool); {
	case i < 0:
		at.Meant = c.nearest(p.Failover.Pool, names)
		c.report(n, at.because("is of a pool that the file does not have"))
	case !p.redis:
		c.report(n, at.because("is for redis pools: a CAS unique of the spare's would mean another value here"))
	case c.pools[i] == p:
		c.report(n, at.because("is the pool itself"))
	default:
		if reason := p.unfit(c.pools[i], false, true); reason != "" {
			c.report(n, at.because("%s", reason))
		}
	}
}
