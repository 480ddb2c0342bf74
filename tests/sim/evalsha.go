package sim

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // servers name scripts by it
	"encoding/hex"
	"strconv"
	"time"
)

// Scripts of Redis, which the client sends, servers have by name, and the proxy loads where a server lacks them. All clients of a pool
// have the same few; each writes its argument to its key, and returns it. A server has none after a restart, and now and then it loses them in good times.

// luaScript is one.
type luaScript struct {
	body, name string
	since      int // the proxy knows it since so many flushes; -1: it may not
}

// storedScripts are those of a pool.
type storedScripts struct {
	list     []*luaScript
	flushes  int // that were sent
	flushing int // of them, not answered
}

func newStored() *storedScripts {
	s := new(storedScripts)
	for i := range 8 {
		body := writes + strconv.Itoa(i)
		s.list = append(s.list, &luaScript{body: body, name: nameOf([]byte(body)), since: -1})
	}
	return s
}

// writes is how all of them begin.
const writes = "redis.call('SET', KEYS[1], ARGV[1]) return ARGV[1] -- "

func nameOf(body []byte) string {
	sum := sha1.Sum(body) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// unsure takes note that another process, or one of before, may have taken scripts, and that nothing is on its way.
func (s *storedScripts) unsure() {
	s.flushing = 0
	for _, k := range s.list {
		k.since = -1
	}
}

// What a client does with a script.
const (
	scriptEval = iota
	scriptLoad
	scriptCall
	scriptExists
	scriptFlush
)

// stores sends a command about scripts.
func (c *Client) stores(k *key) {
	rnd, all := c.rnd, c.run.stored[c.pool]
	s := all.list[rnd.IntN(len(all.list))]
	o := owed{op: opScript, script: s, n: all.flushes, keys: k.one}
	if all.flushing > 0 {
		o.n = -1 // the proxy may take this first, and forget it then
	}
	switch r := rnd.IntN(1600); {
	case r < 300:
		o.act, o.p = scriptEval, c.value(k)
		c.command("EVAL", s.body, "1", k.name, o.p)
	case r < 450:
		o.act = scriptLoad
		c.command("SCRIPT", "LOAD", s.body)
	case r < 500:
		o.act = scriptExists
		c.command("SCRIPT", "EXISTS", s.name, all.list[0].name)
	case r < 503:
		o.act = scriptFlush
		all.flushes++
		all.flushing++
		c.command("SCRIPT", "FLUSH", []string{"SYNC", "ASYNC"}[rnd.IntN(2)])
	default:
		o.act, o.p = scriptCall, c.value(k)
		if c.called += len(o.p); s.since != all.flushes || len(o.p) > mostOfCall || c.called > mostOfCalls {
			o.n = -1 // it may be looked for before the proxy knows it, or the proxy does not keep the command
		}
		c.command("EVALSHA", s.name, "1", k.name, o.p)
	}
	c.owe(o)
}

// What of a command that calls a script, and of all that a client sent, the proxy keeps at least to send it again.
const (
	mostOfCall  = 60 << 10
	mostOfCalls = 200 << 10
)

// storedAnswer holds the reply to such a command against what it may be.
func (c *Client) storedAnswer(o *owed, r *reply, raw []byte) string {
	all, s := c.run.stored[c.pool], o.script
	switch o.act {
	case scriptFlush:
		all.flushing = max(all.flushing-1, 0)
	case scriptCall:
		c.called -= len(o.p)
	}
	if c.run.script.Sick && !c.run.calm {
		o.unknown()
		return ""
	}
	if r.kind == '-' {
		return c.storedError(o, r, string(raw))
	}
	right := false
	switch o.act {
	case scriptEval, scriptCall:
		if right = r.kind == '$' && string(r.p) == o.p; right {
			o.keys[0].wrote(o.p)
		}
	case scriptLoad:
		right = r.kind == '$' && string(r.p) == s.name
	case scriptExists:
		right = len(raw) == len("*2\r\n:0\r\n:0\r\n") && string(raw[:5]) == "*2\r\n:"
	case scriptFlush:
		right = string(raw) == "+OK\r\n"
	}
	if !right {
		return "not what is said of the script " + s.body
	}
	if o.act <= scriptLoad && all.flushing == 0 && o.n == all.flushes {
		s.since = all.flushes
	}
	return ""
}

// storedError says whether an error is excused: NOSCRIPT by a newer command that was sent, by a script that was flushed or never seen,
// by so many bytes that the command was not kept, and by attributes, in front of which the proxy does not look for it.
func (c *Client) storedError(o *owed, r *reply, raw string) string {
	all := c.run.stored[c.pool]
	switch {
	case raw == noScript && o.act == scriptCall:
		if c.run.calm && o.n == all.flushes && o.script.since == all.flushes && c.inFlight() == 0 && r.attributes == 0 {
			return "the proxy knows the script, and nothing was sent behind this"
		}
	case c.run.calm || !c.excused(string(r.p)):
		return "an error in good times"
	default:
		o.unknown()
		c.failed = true
	}
	return ""
}

const noScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n"

// lossTime is how long a server has a script at least.
const lossTime = int64(time.Second)

// scripting executes a command about scripts; false: it is none.
func (c *session) scripting(x *request) bool {
	switch row := rowOf(x.args); {
	case row == nil:
	case row.name == "eval", row.name == "eval_ro":
		c.keepScript(nameOf(x.args[1]))
		if bytes.HasPrefix(x.args[1], []byte(writes)) {
			c.runScript(x)
			return true
		}
	case row.name == "evalsha", row.name == "evalsha_ro":
		at, ok := c.scripts[string(x.args[1])]
		switch {
		case len(x.args[1]) != 2*sha1.Size:
			return false
		case ok && c.sim.now-at > lossTime && c.sim.rnd.IntN(20) == 0:
			c.loseScripts()
			ok = false
		}
		if !ok {
			c.out = append(c.out, noScript...)
			return true
		}
		c.runScript(x)
		return true
	case row.name == "script|load":
		name := nameOf(x.args[2])
		c.keepScript(name)
		c.out = appendBulk(c.out, []byte(name))
		return true
	case row.name == "script|exists":
		c.out = append(strconv.AppendInt(append(c.out, '*'), int64(len(x.args)-2), 10), "\r\n"...)
		for _, name := range x.args[2:] {
			n := 0
			if _, ok := c.scripts[string(name)]; ok {
				n = 1
			}
			c.out = append(strconv.AppendInt(append(c.out, ':'), int64(n), 10), "\r\n"...)
		}
		return true
	case row.name == "script|flush":
		c.loseScripts()
		c.out = append(c.out, "+OK\r\n"...)
		return true
	}
	return false
}

// runScript has a script of ours store its argument, and return it.
func (c *session) runScript(x *request) {
	c.stored()[string(x.args[3])] = value{kind: aString, p: string(x.args[4])}
	c.out = appendBulk(c.out, x.args[4])
}

func (v *Server) keepScript(name string) { v.scripts[name] = v.sim.now }

func (v *Server) loseScripts() { clear(v.scripts) }
