package sim

import (
	"strings"
	"testing"

	"cashew/codec/memcached"
	"cashew/codec/resp"
)

// TestAllCommands: clients send whatever the product knows.
func TestAllCommands(t *testing.T) {
	sent := make(map[string]bool)
	for _, r := range rows {
		sent[r.name] = true
	}
	for _, r := range refusals {
		sent[r.args[0]] = true
		if len(r.args) > 1 {
			sent[r.args[0]+"|"+r.args[1]] = true
		}
	}
	for _, b := range bars {
		for _, line := range []string{b.begin, b.end} {
			words := append(strings.Fields(line), "", "")
			sent[words[0]], sent[words[0]+"|"+words[1]] = true, true
		}
	}
	for _, name := range []string{"hello", "reset", "quit", "post", "multi", "watch", "script|load", "script|exists", "script|flush"} { // Client.reset, redisDialect.last, Client.transact, Client.stores
		sent[name] = true
	}
	for _, name := range []string{ // of listeners, and those who publish
		"subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe", "publish", "spublish", "pubsub|channels",
		"pubsub|numsub", "pubsub|numpat", "pubsub|shardchannels", "pubsub|shardnumsub",
	} {
		sent[name] = true
	}
	for _, name := range []string{"host:"} { // a line of a header, behind post
		sent[name] = true
	}
	for _, name := range []string{"learned|other", "learned|read", "learned|write"} { // what stands in for those of learned.go
		sent[name] = len(infos) > 0
	}
	p := resp.New(resp.Options{})
	for op := 1; op < p.Ops(); op++ {
		name, _ := p.Describe(uint16(op))
		if !sent[name] && !isContainer(p, name) {
			t.Errorf("no client sends %s", name)
		}
	}
	m := memcached.New(memcached.Options{})
	all := " get gets gat gats set add replace append prepend cas incr decr touch delete mg ms md ma me mn version quit noop "
	for _, r := range refusalsMemcached {
		name, _, _ := strings.Cut(r.args[0], " ")
		all += strings.TrimSpace(name) + " "
	}
	for op := 1; op < m.Ops(); op++ {
		if name, _ := m.Describe(uint16(op)); !strings.Contains(all, " "+name+" ") && name != "" && !strings.HasPrefix(name, "stats|") {
			t.Errorf("no client sends %s to memcached", name)
		}
	}
}

// isContainer says that a name is of commands that all have subcommands.
func isContainer(p *resp.Protocol, name string) bool {
	for op := 1; op < p.Ops(); op++ {
		if sub, _ := p.Describe(uint16(op)); strings.HasPrefix(sub, name+"|") {
			return true
		}
	}
	return false
}
