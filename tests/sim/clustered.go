package sim

import (
	"slices"
	"strconv"
	"strings"
)

// clusterDialect is how a client speaks to a proxy whose servers are a Redis Cluster. Queues and what is published are for pools whose keys
// stay where they are.
type clusterDialect struct{ redisDialect }

// suffixes implements dialect: many keys are of one slot, so that commands have several of it, also while it moves.
func (d clusterDialect) suffixes() []string {
	all := d.redisDialect.suffixes()
	return append(all, slices.Repeat([]string{"{tag}"}, len(all)/2)...)
}

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
	for _, k := range slices.Concat(r.shared[0], r.stranger.keys) {
		list = append(list, k.name)
	}
	return list
}

// isSoft says that a trouble of a cluster is none for clients: no command fails.
func (t *Trouble) isSoft() bool { return t.Do == "slots" || t.Do == "failover" && !t.Hard }

// excused says that an error is one of those that failing servers excuse, and that one does.
func (c *Client) excused(p string) bool {
	if c.inCluster && c.run.soft {
		return strings.HasPrefix(p, "TRYAGAIN") && c.inFlight() > 0
	}
	return excused(p) || c.inCluster && (strings.HasPrefix(p, "CLUSTERDOWN") || strings.HasPrefix(p, "TRYAGAIN"))
}

// seesLater says that a read may see what its client sent behind it: it was sent again as its connection ended, and that was done before, and
// will be answered with an error.
func (c *Client) seesLater() bool { return c.inCluster && !c.run.calm && !c.run.soft }

// has holds a value against what a key may have, and, if later may be seen, against what is on its way to it.
func (c *Client) has(k *key, r *reply, later bool) string {
	why := c.sees(k, r)
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

// keysOf are those of a command, or of all that are queued.
func (c *session) keysOf(x *request) (keys [][]byte) {
	switch string(x.args[0]) {
	case "WATCH":
		return x.args[1:]
	case "EXEC":
		for _, args := range c.queued {
			keys = append(keys, keysIn(args)...)
		}
		return keys
	}
	return keysIn(x.args)
}

// keysIn are the keys of a command by its row's forms, or by their number.
func keysIn(args [][]byte) [][]byte {
	row := rowOf(args)
	if row == nil {
		return nil
	}
	rest := args[len(row.words):]
	if row.script && len(rest) > 1 {
		n, _ := strconv.Atoi(string(rest[1]))
		return rest[2 : 2+n]
	}
	for _, form := range row.forms {
		if keys, ok := keysBy(form, rest); ok {
			return keys
		}
	}
	if len(row.forms) > 0 && len(row.forms[0]) > 0 && row.forms[0][0] == "k" && len(rest) > 0 { // with more or fewer values
		return rest[:1]
	}
	return nil
}

// keysBy are the keys of arguments that have a form.
func keysBy(form []string, args [][]byte) (keys [][]byte, ok bool) {
	for i, word := range form {
		switch {
		case word == "K":
			return append(keys, args[i:]...), true
		case word == "P":
			for k := i; k < len(args); k += 2 {
				keys = append(keys, args[k])
			}
			return keys, true
		case i >= len(args):
			return nil, false
		case word == "k":
			keys = append(keys, args[i])
		case len(word) > 1 && word != string(args[i]):
			return nil, false
		}
	}
	return keys, len(form) == len(args)
}
