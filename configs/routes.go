package configs

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/ring"
)

// wantRoute is what a line of routes holds. The pool stands first, for YAML takes "user: users" for something else.
const wantRoute = `a pool and what its keys begin with, such as "users user:* session:*", or "rest *" for all others`

func (p *pool) routesKey() key {
	return key{
		name: "routes", to: &p.Routes, isList: true, want: wantRoute,
		set: func(n *yaml.Node) string {
			words := strings.Fields(n.Value)
			switch last := len(words) - 1; {
			case last < 1 && strings.HasSuffix(n.Value, "*"):
				return "names no pool: that comes first"
			case last < 1:
				return "has no prefix"
			case strings.HasSuffix(words[0], "*") && !strings.HasSuffix(words[last], "*"):
				return fmt.Sprintf("has %q behind prefixes: the pool comes first", oneLine(words[last]))
			}
			for _, word := range words[1:] {
				prefix, ok := strings.CutSuffix(word, "*")
				switch {
				case strings.HasSuffix(word, `"`) || strings.HasSuffix(word, "'"):
					return fmt.Sprintf("has %q: quotes go around the whole line, or nowhere", oneLine(word))
				case !ok:
					return fmt.Sprintf("has %q, which does not end with *", oneLine(word))
				case strings.ContainsAny(prefix, `*?[]\`):
					return fmt.Sprintf("has %q, which is a pattern: only a prefix can be routed", oneLine(word))
				case p.again("routes", prefix):
					return fmt.Sprintf("has %q, which is routed already", oneLine(word))
				}
				p.Routes, p.routeNodes = append(p.Routes, ring.Route{Prefix: prefix, Pool: words[0]}), append(p.routeNodes, n)
			}
			return ""
		},
		show: func() any {
			if len(p.Routes) == 0 {
				return nil
			}
			return routeLines(p.Routes)
		},
	}
}

// routeLines are lines that mean these routes.
func routeLines(routes []ring.Route) (lines []string) {
	for i, r := range routes {
		if i == 0 || routes[i-1].Pool != r.Pool {
			lines = append(lines, r.Pool)
		}
		lines[len(lines)-1] += " " + r.Prefix + "*"
	}
	return lines
}

// routedPools are the names of the pools that others of a file route to, have as a mirror, a spare, a next tier or to write to as well, whatever else is wrong with
// them; strays: one of these lines names no pool that there is.
func routedPools(root *yaml.Node) (names map[string]bool, strays bool) {
	names = make(map[string]bool)
	there := make(map[string]bool)
	for pool := range pairs(root) {
		there[pool.Value] = pool.Kind == yaml.ScalarNode || there[pool.Value]
	}
	for pool, body := range pairs(root) {
		for name, value := range pairs(body) {
			lines := value.Content
			if name.Value == "mirror" || name.Value == "failover" || name.Value == "miss" || name.Value == "dual_write" {
				lines = []*yaml.Node{value}
			} else if name.Value != "routes" {
				continue
			}
			for _, line := range lines {
				if words := strings.Fields(line.Value); len(words) > 0 && words[0] != pool.Value {
					names[words[0]] = true
					strays = strays || !there[words[0]]
				}
			}
		}
	}
	return names, strays
}

// routes checks what pools' routes lead to, what their mirrors, spares, next tiers and other pools to write to are, and what they keep.
func (c *checker) routes() {
	var names []string
	c.places = make(map[string]int, len(c.pools))
	for i, p := range slices.Backward(c.pools) { // of two with a name, which is a mistake, the first
		c.places[p.Name] = i
	}
	for _, p := range c.pools {
		names = append(names, p.Name)
	}
	kept := 0
	for _, p := range c.pools {
		c.near(p, &kept)
		c.mirror(p, names)
		c.failover(p, names)
		c.miss(p, names)
		c.dual(p, names)
		c.doubled(p)
		told := make(map[string]bool)
		for i, r := range p.Routes {
			at := Problem{Pool: p.Name, Key: "routes", Value: p.routeNodes[i].Value}
			j := c.placeOf(r.Pool)
			switch {
			case told[r.Pool]:
			case j < 0:
				at.Meant = c.nearest(r.Pool, names)
				c.report(p.routeNodes[i], at.because("leads to a pool that the file does not have"))
			default:
				if reason := p.unfit(c.pools[j], true, true); reason != "" {
					c.report(p.routeNodes[i], at.because("%s", reason))
				}
			}
			told[r.Pool] = true
		}
	}
}

// placeOf is where a pool stands in c.pools; -1: nowhere.
func (c *checker) placeOf(name string) int {
	if i, ok := c.places[name]; ok {
		return i
	}
	return -1
}

// unfit says why p can't send commands of its clients to q; "": it can. moves says whether their servers may change places, p's and q's.
func (p *pool) unfit(q *pool, moves ...bool) string {
	name := oneLine(q.Name)
	for i, side := range []struct {
		of  *pool
		who string
	}{{p, "the pool itself"}, {q, fmt.Sprintf("pool '%s'", name)}} {
		switch {
		case side.of.Distribution == "random":
			return "can't be: " + side.who + " has distribution random, which has no place for a key"
		case side.of.Cluster && !moves[i]:
			return "can't be: " + side.who + " is a Redis Cluster, and its servers change places"
		case len(side.of.Sentinels) > 0 && !moves[i]:
			return "can't be: " + side.who + " has sentinels, and its servers change places"
		case side.of.Reads():
			return "can't be: " + side.who + " has replicas take reads, by its read_policy"
		}
	}
	switch {
	case q.Near.Bytes > 0:
		return fmt.Sprintf("is none: pool '%s' has a near_cache, which knows what its own clients write alone", name)
	case p.redis != q.redis:
		return fmt.Sprintf("leads to pool '%s', which speaks another protocol", name)
	case p.databases > 0 && q.databases < p.databases:
		return fmt.Sprintf("leads to pool '%s', which does not have the %d databases that clients may choose", name, p.databases)
	}
	return ""
}
