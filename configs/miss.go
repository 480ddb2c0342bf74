package configs

import (
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"
)

// wantMiss is what the line of miss holds.
const wantMiss = `a pool, and for how many seconds what it has is kept here, such as "rest ttl=60" or "rest ttl=60 max=1mb"`

// Bounds of what is kept of a next tier. memcached takes more seconds than a month for a date.
const (
	missMaxSeconds = 30 * 24 * 60 * 60
	missBytes      = 64 << 10
	missMinBytes   = 1 << 10
	missMaxBytes   = 1 << 20
)

func (p *pool) missKey() key {
	return key{
		name: "miss", to: &p.Miss, want: wantMiss,
		set: func(n *yaml.Node) string {
			p.Miss.Seconds, p.Miss.MaxBytes = 0, missBytes
			reason := p.linked(n.Value, &p.Miss.Pool, p.setMiss)
			if reason == "" && p.Miss.Seconds == 0 {
				return "has no ttl="
			}
			return reason
		},
		show: func() any {
			if p.Miss.Pool == "" {
				return nil
			}
			return fmt.Sprintf("%s ttl=%d max=%d", p.Miss.Pool, p.Miss.Seconds, p.Miss.MaxBytes)
		},
	}
}

// setMiss takes one word.
func (p *pool) setMiss(name, value string) (reason string) {
	switch name {
	case "ttl":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > missMaxSeconds {
			return fmt.Sprintf("is no number of seconds from 1 to %d", missMaxSeconds)
		}
		p.Miss.Seconds = n
	case "max":
		n, ok := parseBytes(value)
		if !ok || n < missMinBytes || n > missMaxBytes {
			return "is no number of bytes from 1kb to 1mb"
		}
		p.Miss.MaxBytes = int(n)
	default:
		return "is neither ttl= nor max="
	}
	return ""
}

// miss checks the pool that p asks for what it does not have; names are those of all pools.
func (c *checker) miss(p *pool, names []string) {
	n, ok := p.value("miss")
	if !ok {
		return
	}
	at := Problem{Pool: p.Name, Key: "miss", Value: n.Value}
	switch i := c.placeOf(p.Miss.Pool); {
	case i < 0:
		at.Meant = c.nearest(p.Miss.Pool, names)
		c.report(n, at.because("is of a pool that the file does not have"))
	case c.pools[i] == p:
		c.report(n, at.because("is the pool itself"))
	case p.Mirror.Compare:
		c.report(n, at.because("does not go with compare=true in mirror: what is found elsewhere is not what the pool has"))
	default:
		if reason := p.unfit(c.pools[i], true, true); reason != "" {
			c.report(n, at.because("%s", reason))
		}
	}
}
