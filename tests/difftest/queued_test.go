//go:build unix

package difftest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestQueued: each command of the oracle, right and wrong, is queued between MULTI and EXEC by a pool of one server as by the server: it is
// refused at once where that refuses it, and then nothing of the transaction is executed, and else has the server's reply in that of EXEC.
//
//	MULTI   the call   SET {t}queued 1   EXEC, or DISCARD if the servers must not do it   DEL {t}queued
func TestQueued(t *testing.T) {
	t.Parallel()
	notRaced(t)
	wantCashew(t, "MULTI closes the client, 6.2")
	reference, server := startRedis(t), startRedis(t)
	p := startLoops(t, 2, pool{
		name: "one", servers: entries([]*redisServer{server}),
		settings: []string{"server_integrity_interval: 1000", "databases: 16", everything},
	})
	schedule := oracleSchedule(t, readTable(t, reference), *oracleSeedFlag, *oracleCallsFlag)
	for _, protocol := range []int{resp2, resp3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			run := &queuedRun{
				server: newOracleSide(t, reference.addr, protocol, []*redisServer{reference}),
				proxy:  newOracleSide(t, p.addr("one"), protocol, []*redisServer{server}),
			}
			run.all(schedule)
			if run.asked < *oracleCallsFlag || run.keyless < 100 {
				t.Errorf("%d transactions, of which %d had a command without a key", run.asked, run.keyless)
			}
			for _, name := range sortedKeys(run.differences) {
				all := run.differences[name]
				t.Errorf("%s: %d transactions differ:\n  %s", name, len(all), strings.Join(all[:min(len(all), 3)], "\n  "))
			}
		})
	}
}

// queuedRun compares two sides over transactions.
type queuedRun struct {
	server, proxy *oracleSide
	asked         int
	keyless       int // of the first list below
	differences   map[string][]string
}

// wholeServer are commands without a key that several servers could not have in a transaction.
var wholeServer = strings.Fields("dbsize keys randomkey flushdb flushall lastsave bgsave bgrewriteaof save config memory module function script info scan " +
	"latency slowlog acl time command swapdb pubsub lolwut role debug wait waitaof")

// notQueued are what the proxy refuses within a transaction; what the server refuses for a setting or its version when it is queued, and the
// proxy with EXEC; what a server says of a pipeline, or ends with.
var notQueued = strings.Fields("auth hello client|caching client|reply client|info client|list client|kill client|unblock psubscribe punsubscribe ssubscribe subscribe " +
	"sunsubscribe unsubscribe " +
	"module|load module|loadex module|unload zrank zrevrank " +
	"script|debug quit")

// asks says whether a call is one for the test, and whether the servers may do it.
func (run *queuedRun) asks(c oracleCall) (asks, done bool) {
	if slices.Contains(notQueued, c.name) || c.foreign {
		return false, false
	}
	if c.name == "client|tracking" && has("ON")(c) {
		return false, false
	}
	done = true
	for i := range oracleExceptions {
		if e := &oracleExceptions[i]; e.about(c, 1) && c.runs {
			if e.how == unasked {
				return false, false
			}
			done = done && e.how != untried
		}
	}
	return true, done
}

func (run *queuedRun) all(schedule []oracleSession) {
	run.differences = map[string][]string{}
	since := oracleBatch
	for _, session := range schedule {
		if len(session) != 1 {
			continue
		}
		c := session[0]
		asks, done := run.asks(c)
		if !asks {
			continue
		}
		if since++; since >= oracleBatch {
			since = 0
			for _, s := range []*oracleSide{run.server, run.proxy} {
				s.dial()
				s.empty()
			}
			run.server.fill()
			run.proxy.fill()
		}
		run.asked++
		if root, _, _ := strings.Cut(c.name, "|"); slices.Contains(wholeServer, root) {
			run.keyless++
		}
		if !run.one(c, done) {
			since = oracleBatch
		}
	}
}

// one makes a transaction of a call on both sides, and reports whether both still have the same data.
func (run *queuedRun) one(c oracleCall, done bool) (same bool) {
	end := "EXEC"
	if !done {
		end = "DISCARD"
	}
	var answers [2]oracleAnswer
	for _, s := range []*oracleSide{run.server, run.proxy} {
		s.conn.Write(stream([][]string{{"MULTI"}, c.args, {"SET", "{t}queued", "1"}, {end}}))
		s.send(true, "DEL", "{t}queued")
	}
	for i, s := range []*oracleSide{run.server, run.proxy} {
		answers[i] = s.answer(eitherProtocol)
		s.dial()
	}
	var about []*oracleException
	taint := false
	for i := range oracleExceptions {
		if e := &oracleExceptions[i]; e.about(c, 1) {
			about, taint = append(about, e), taint || e.taint
		}
	}
	if answers[0].raw == answers[1].raw && answers[0].closed() == answers[1].closed() {
		return !c.writes || !taint
	}
	server, proxy, ok := queuedParts(&answers[0], &answers[1])
	if ok && slices.ContainsFunc(about, func(e *oracleException) bool { return e.explains(server, proxy) }) {
		return !c.writes
	}
	run.differences[c.name] = append(run.differences[c.name], fmt.Sprintf("%q\n    server %s\n    proxy  %s", c.args, &answers[0], &answers[1]))
	return false
}

// queuedParts are what two answers to a transaction say of its first command, if all else in them is the same.
func queuedParts(server, proxy *oracleAnswer) (a, b *oracleAnswer, ok bool) {
	const exec = 3 // the reply to EXEC
	if len(server.replies) <= exec || len(server.replies) != len(proxy.replies) || server.closed() != proxy.closed() {
		return nil, nil, false
	}
	for i := range server.replies {
		if i != exec && server.replies[i].raw != proxy.replies[i].raw {
			return nil, nil, false
		}
	}
	both := [2][]oracleReply{server.replies[exec].elems, proxy.replies[exec].elems}
	if len(both[0]) != 2 || len(both[1]) != 2 || both[0][1].raw != both[1][1].raw {
		return nil, nil, false
	}
	part := func(r oracleReply) *oracleAnswer { return &oracleAnswer{raw: r.raw, replies: []oracleReply{r}} }
	return part(both[0][0]), part(both[1][0]), true
}

// TestQueuedRules: what a pool's rules forbid is refused within a transaction whatever else is wrong with it, in any pool; and scripts that a
// transaction has the only server forget are forgotten, so that a call of one says what the server says.
func TestQueuedRules(t *testing.T) {
	notRaced(t)
	t.Parallel()
	wantCashew(t, "MULTI closes the client, 6.2")
	servers := startRedises(t, 2)
	one, two := poolOf(servers[:1], "commands: +@all -mset -blmpop"), poolOf(servers, append(spread, "commands: +@all -mset -blmpop")...)
	one.name, two.name = "one", "two"
	p := startProxy(t, one, two)
	for _, pool := range []string{"one", "two"} {
		c := dial(t, p.addr(pool))
		for _, line := range []string{"MSET a 1 b", "BLMPOP 0 x a LEFT"} {
			c.want("+OK\r\n", "MULTI")
			c.wantPrefix("-", words(line)...)
			c.want("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
		}
	}
	c := dial(t, p.addr("two"))
	for _, line := range []string{"DBSIZE", "SCRIPT FLUSH", "FUNCTION LIST", "SCAN 0", "INFO keyspace"} {
		c.want("+OK\r\n", "MULTI")
		c.want("-ERR Command not allowed inside a transaction\r\n", words(line)...)
		c.wantPrefix("-EXECABORT", "EXEC")
	}
	c = dial(t, p.addr("one"))
	const sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" // of return 1
	c.want(":1\r\n", "EVAL", "return 1", "0")
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SCRIPT", "FLUSH")
	c.want("+QUEUED\r\n", "EVALSHA", sha, "0")
	c.wantPrefix("*2\r\n+OK\r\n-NOSCRIPT", "EXEC")
	c.wantPrefix("-NOSCRIPT", "EVALSHA", sha, "0")
}
