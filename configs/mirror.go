package configs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/engine"
	"cashew/ring"
)

// wantMirror is what the line of mirror holds.
const wantMirror = `a pool, and how much of what it gets, such as "new share=10% budget=64mb compare=true"`

// mirrorWords are the words behind the pool's name.
var mirrorWords = []string{"share=", "send=", "budget=", "compare=", "ramp=", "max_differences="}

// Defaults of a mirror.
const (
	mirrorBudget      = 64 << 20
	mirrorMinBudget   = 64 << 10
	mirrorDifferences = 10 // of 10,000
)

func (p *pool) mirrorKey() key {
	return key{
		name: "mirror", to: &p.Mirror, want: wantMirror,
		set: func(n *yaml.Node) string {
			p.Mirror.Share, p.Mirror.Budget = ring.Whole, mirrorBudget
			p.Mirror.Reads, p.Mirror.Writes, p.Mirror.MaxDifferences = true, true, mirrorDifferences
			if reason := p.linked(n.Value, &p.Mirror.Pool, p.setMirror); reason != "" {
				return reason
			}
			return p.mirrorLacks()
		},
		show: func() any {
			if p.Mirror.Pool == "" {
				return nil
			}
			return mirrorLine(&p.PoolOptions)
		},
	}
}

// setMirror takes one word.
func (p *pool) setMirror(name, value string) (reason string) {
	o := &p.Mirror
	switch name {
	case "share":
		return setShare(&o.Share, value)
	case "send":
		o.Reads, o.Writes = value != "writes", value != "reads"
		if !slices.Contains([]string{"reads", "writes", "all"}, value) {
			return "is none of reads, writes and all"
		}
	case "compare":
		if value != "true" && value != "false" {
			return "is neither true nor false"
		}
		o.Compare = value == "true"
	case "ramp":
		return setShare(&o.Ramp, value)
	case "max_differences":
		return setShare(&o.MaxDifferences, value)
	case "budget":
		n, ok := parseBytes(value)
		if !ok || n < mirrorMinBudget || n > math.MaxInt64/2 {
			return "is no number of bytes, 64kb or more"
		}
		o.Budget = int(n)
	default:
		return "is none of " + strings.Join(mirrorWords, " ")
	}
	return ""
}

// mirrorLacks says which words do not go together.
func (p *pool) mirrorLacks() (reason string) {
	switch o := &p.Mirror; {
	case o.Compare && !o.Reads:
		return "has compare=true, and sends no reads, which alone are compared"
	case o.Ramp > 0 && (!o.Compare || !o.Writes):
		return "has ramp=, for which compare=true and send=all are wanted"
	case o.Ramp > o.Share:
		return "has a ramp= that is more than its share="
	}
	return ""
}

// setShare takes a percentage with at most two decimals.
func setShare(to *int, value string) (reason string) {
	text, ok := strings.CutSuffix(value, "%")
	f, err := strconv.ParseFloat(text, 64)
	n := int(math.Round(f * ring.Whole / 100))
	if !ok || err != nil || f < 0 || f > 100 || math.Abs(f*ring.Whole/100-float64(n)) > 1e-6 {
		return "is no percentage with at most two decimals, such as 10% or 0.25%"
	}
	*to = n
	return ""
}

// share is a percentage as setShare takes it.
func share(n int) string { return strconv.FormatFloat(float64(n)*100/ring.Whole, 'f', -1, 64) + "%" }

// mirrorLine is a line that means o's mirror.
func mirrorLine(o *engine.PoolOptions) string {
	m, send := &o.Mirror, "all"
	if !m.Reads {
		send = "writes"
	} else if !m.Writes {
		send = "reads"
	}
	line := fmt.Sprintf("%s share=%s send=%s budget=%d", m.Pool, share(m.Share), send, m.Budget)
	if m.Compare {
		line += fmt.Sprintf(" compare=true ramp=%s max_differences=%s", share(m.Ramp), share(m.MaxDifferences))
	}
	return line
}

// mirror checks the pool that p's mirror is; names are those of all pools.
func (c *checker) mirror(p *pool, names []string) {
	n, ok := p.value("mirror")
	if !ok {
		return
	}
	at := Problem{Pool: p.Name, Key: "mirror", Value: n.Value}
	name := oneLine(p.Mirror.Pool)
	i := c.placeOf(p.Mirror.Pool)
	switch {
	case i < 0:
		at.Meant = c.nearest(p.Mirror.Pool, names)
		c.report(n, at.because("is of a pool that the file does not have"))
	case c.pools[i] == p:
		c.report(n, at.because("is the pool itself"))
	case c.pools[i].redis != p.redis:
		c.report(n, at.because("is pool '%s', which speaks another protocol", name))
	case p.Mirror.Ramp > 0 && !p.redis:
		c.report(n, at.because("has ramp=, which is for redis pools: a mirror does not take what is stored by CAS"))
	case p.Mirror.Ramp > 0 && len(c.pools[i].Sentinels) > 0:
		c.report(n, at.because("has ramp=, which a pool with sentinels, as '%s' is, can't have yet: it can be compared", name))
	case p.Reads() && (p.Mirror.Reads || p.Mirror.Ramp > 0):
		c.report(n, at.because("gets reads, which replicas answer by the pool's read_policy: it may have send=writes"))
	case p.Mirror.Share == 0:
		c.warn(n, at.because("has share=0%%, which copies nothing"))
	case p.databases > 0 && c.pools[i].databases < p.databases:
		c.report(n, at.because("is pool '%s', which does not have the %d databases that clients may choose", name, p.databases))
	}
}
