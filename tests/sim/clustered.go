package sim

import (
	"slices"
	"strings"
)

// clusterDialect is how a client speaks to a proxy whose servers are a Redis Cluster. Queues and what is published are for pools whose keys
// stay where they are.
type clusterDialect struct{ redisDialect }

// send implements dialect.
func (clusterDialect) send(c *Client) {
	r := c.rnd.IntN(200)
	if r >= 180 && r < 185 {
		r = 0
	}
	c.sendOne(r)
}

// refusalsOfCluster are what the proxy answers itself in a pool that is a cluster.
var refusalsOfCluster = func() (list []refusal) {
	for _, r := range refusals {
		switch r.args[0] {
		case "cluster", "select", "copy", "move", "swapdb", "readonly", "readwrite", "asking":
			continue
		}
		list = append(list, r)
	}
	return append(list, linesIn(answeredCluster)...)
}()

// answeredCluster is of pools that are a cluster, as answered is of others.
const answeredCluster = `
select 0 | +OK
select 1 | -ERR SELECT is not allowed in cluster mode
readonly | +OK
readwrite | +OK
asking | +OK
cluster|info | ?$=
cluster|nodes | ?$=
cluster|slots | ?*
cluster|shards | ?*
cluster|myid | ?$
msetnx a 1 b 2 | -CROSSSLOT Keys in request don't hash to the same slot
`

// keyNames are the names of all keys that clients of the cluster have for themselves, and that they share.
func (r *Run) keyNames() (list []string) {
	for _, c := range r.clients {
		if !c.inCluster {
			continue
		}
		list = appendNames(list, c.keys)
		for _, n := range c.counters {
			list = append(list, n.name)
		}
		for _, g := range c.everyGroup() {
			list = append(list, g.names[0])
		}
	}
	for _, k := range r.shared[0] {
		list = append(list, k.name)
	}
	return list
}

// isSoft says that a trouble of a cluster is none for clients: no command fails.
func (t *Trouble) isSoft() bool { return t.Do == "slots" || t.Do == "failover" && !t.Hard }

// excused says that an error is one of those that failing servers excuse, and that one does.
func (c *Client) excused(p string) bool {
	if c.inCluster && c.run.soft {
		return false
	}
	return excused(p) || c.inCluster && (strings.HasPrefix(p, "CLUSTERDOWN") || strings.HasPrefix(p, "TRYAGAIN"))
}

// seesLater says that a read may see what its client sent behind it: it was sent again as its connection ended, and that was done before, and
// will be answered with an error.
func (c *Client) seesLater() bool { return c.inCluster && !c.run.calm && !c.run.soft }

// mayBeLater says that a command with several keys may have been done behind what its client sent behind it: where its slot is half moved the
// server says TRYAGAIN, and does the others.
func (c *Client) mayBeLater() bool { return c.inCluster && !c.run.calm }

// has holds a value against what a key may have, and, if later may be seen, against what is on its way to it.
func (c *Client) has(k *key, r *reply, later bool) string {
	why := k.is(r, c.run.script.Loose)
	if why == "" || !later {
		return why
	}
	v := string(r.p)
	if r.kind == '_' {
		v = none
	}
	for i := range c.owed[c.first:] {
		switch o := &c.owed[c.first+i]; {
		case !slices.Contains(o.keys, k):
		case (o.op == opSet || o.op == opScript) && o.p == v, o.op == opDel && v == none:
			k.late.add(v)
			return ""
		}
	}
	return why
}
