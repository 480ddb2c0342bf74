//go:build unix

package difftest

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// TestBlocking: commands that may block are answered byte for byte as by the server itself: what is there, what comes while they wait,
// nothing, and what is wrong with them; in both versions, before one server and before four.
func TestBlocking(t *testing.T) {
	t.Parallel()
	wantCashew(t, "blocking commands close the client, 6.2")
	direct, servers := startRedis(t), startRedises(t, 5)
	one, four := poolOf(servers[:1]), poolOf(servers[1:], append(spread, `hash_tag: "{}"`)...)
	one.name, four.name = "one", "four"
	p := startProxy(t, one, four)
	for _, version := range []string{"2", "3"} {
		flush(t, append(servers, direct)...)
		want := blockingTalk(t, direct.addr, version, direct)
		for _, pool := range []string{"one", "four"} {
			got := blockingTalk(t, p.addr(pool), version, servers...)
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("RESP%s, %s, step %d: %q; directly %q", version, pool, i, got[i], want[i])
				}
			}
		}
	}
}

// oddTimes are no times to block for, but for the first, 7.8 ms: a server looks whether one is over ten times a second.
var oddTimes = []string{
	"0x1p-7", "-1", "-inf", "inf", "nan", "", "abc", "1.5.5", " 1", "1 ", "1_0", "1e300", "99999999999999999999",
	"9223372036854775.808", "1\x00",
}

// blockingTalk has one client wait for what the other does.
func blockingTalk(t *testing.T, addr, version string, servers ...*redisServer) (replies []string) {
	t.Helper()
	waits, does := dial(t, addr), dial(t, addr)
	defer waits.close()
	defer does.close()
	waits.do("HELLO", version)
	for _, line := range []string{
		"BLPOP {k}a 0.01", "BRPOP {k}a {k}b 0.01", "BLMPOP 0.01 2 {k}a {k}b LEFT", "BZPOPMIN {k}z 0.01", "BZPOPMAX {k}z 0.01",
		"BZMPOP 0.01 1 {k}z MIN", "BLMOVE {k}a {k}b LEFT RIGHT 0.01", "BRPOPLPUSH {k}a {k}b 0.01", "XREAD BLOCK 10 STREAMS {k}s $",
		"BLPOP {k}a x", "BLPOP {k}a -1", "BLPOP {k}a", "BLMPOP x 1 {k}a LEFT", "BLMPOP 0 0 {k}a LEFT", "XREAD BLOCK x STREAMS {k}s $",
		"XREAD BLOCK -1 STREAMS {k}s $", "XREADGROUP GROUP g c BLOCK 1 STREAMS {k}s >", "SET {k}t v", "BLPOP {k}t 0.01", "BLPOP {k}a {k}t 0.01",
	} {
		replies = append(replies, waits.do(words(line)...))
	}
	for _, t := range oddTimes {
		for _, line := range []string{
			"BLPOP {k}e @", "BRPOP {k}t @", "BLMOVE {k}e {k}d LEFT RIGHT @", "BRPOPLPUSH {k}e {k}d @", "BLMPOP @ 1 {k}e LEFT", "BZPOPMAX {k}e @", "BZMPOP @ 1 {k}e MIN COUNT 2",
			"XREAD BLOCK @ STREAMS {k}e 0", "XREAD COUNT 1 BLOCK @ STREAMS {k}t 0", "XREADGROUP GROUP block 0 BLOCK @ STREAMS {k}e >", "XREADGROUP BLOCK @ GROUP g streams COUNT 1 STREAMS {k}e >",
		} {
			args := words(line)
			for i := range args {
				if args[i] == "@" {
					args[i] = t
				}
			}
			replies = append(replies, waits.do(args...))
		}
	}
	for _, line := range []string{
		"MULTI", "BLPOP {k}e 0", "XREAD BLOCK 0 STREAMS {k}e $", "BLMOVE {k}e {k}d LEFT LEFT 0", "BLPOP {k}e x", "BZMPOP 0 1 {k}e MIN", "EXEC",
		"EVAL 'return redis.call(\"blpop\",KEYS[1],0)' 1 {k}e", "EVAL 'return redis.pcall(\"xread\",\"block\",0,\"streams\",KEYS[1],\"$\")' 1 {k}e",
		"BLPOP {k}e 9223372036854775807", "xread Block 1 Streams {k}e $", "XREAD BLOCK 1 BLOCK 2 STREAMS {k}e $", "XREAD BLOCK 1 NOACK STREAMS {k}e $", "XREAD BLOCK 1 STREAMS {k}e {k}e $",
	} {
		replies = append(replies, waits.do(words(line)...))
	}
	for _, pair := range [][2]string{
		{"BLPOP {k}a {k}b 0", "RPUSH {k}b v w"},
		{"BLPOP {k}b 0", "PING"},
		{"BLMOVE {k}a {k}c LEFT RIGHT 0", "RPUSH {k}a v"},
		{"BRPOPLPUSH {k}a {k}c 0", "LPUSH {k}a v"},
		{"BLMPOP 0 1 {k}a LEFT COUNT 2", "RPUSH {k}a 1 2 3"},
		{"BRPOP {k}a 0", "PING"},
		{"BZPOPMIN {k}z 0", "ZADD {k}z 1 m 2 n"},
		{"BZMPOP 0 1 {k}z MAX", "PING"},
		{"XREAD BLOCK 0 STREAMS {k}s $", "XADD {k}s 1-1 f v"},
		{"XREAD BLOCK 0 COUNT 1 STREAMS {k}s 0", "PING"},
	} {
		waits.send(append(command(words(pair[0])...), command("LLEN", "{k}a")...))
		if pair[1] != "PING" { // else what it asks for is there
			await(t, pair[0]+" to wait", func() bool {
				return slices.ContainsFunc(servers, func(s *redisServer) bool { return hasBlocked(t, s) })
			})
		}
		replies = append(replies, does.do(words(pair[1])...))
		replies = append(replies, waits.replies(2)...)
	}
	replies = append(replies, does.do("DEL", "{k}a", "{k}b", "{k}c", "{k}s", "{k}t", "{k}z"))
	return append(replies, fmt.Sprint(len(replies)))
}

// hasBlocked says that a client of a server waits.
func hasBlocked(t *testing.T, server *redisServer) bool {
	return !strings.Contains(server.do(t, "INFO", "clients"), "\r\nblocked_clients:0\r\n")
}

// TestBlockingLeaves: clients that go while they wait pop nothing afterwards, and leave no connection behind that waits.
func TestBlockingLeaves(t *testing.T) {
	t.Parallel()
	wantCashew(t, "blocking commands close the client, 6.2")
	server := startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server}, "blocking_connections: 20")).addr("p")
	other := dial(t, addr)
	for i := range 60 {
		c := dial(t, addr)
		c.send(command("BLPOP", "q", "0"))
		if i%4 == 3 {
			await(t, "it to wait", func() bool { return hasBlocked(t, server) })
		}
		if i%2 == 0 {
			c.close()
		} else {
			c.closeWrite()
			c.wantEOF()
		}
	}
	await(t, "nobody to wait", func() bool { return !hasBlocked(t, server) })
	other.want(":3\r\n", "RPUSH", "q", "1", "2", "3")
	other.want(":3\r\n", "LLEN", "q")
}

// TestBlockingStops: who waits for ever is told to ask again soon after an upgrade, or a stop, has begun; in an upgrade the connection
// goes on, in the new process.
func TestBlockingStops(t *testing.T) {
	t.Parallel()
	s, server := newService(t), startRedis(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	s.configure(t, upgradePool(listen, []*redisServer{server}))
	s.startDaemon(t)
	const unblocked = "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n"
	one, two := dial(t, listen), dial(t, listen)
	wait := func() {
		t.Helper()
		one.send(command("BLPOP", "q", "0"))
		two.send(append(command("GET", "k"), append(command("XREAD", "BLOCK", "0", "STREAMS", "s", "$"), command("PING")...)...))
		await(t, "both to wait", func() bool { return strings.Contains(server.do(t, "INFO", "clients"), "\r\nblocked_clients:2\r\n") })
	}
	wait()
	old, began := s.pid(), time.Now()
	if err := upgrade(s); err != nil {
		t.Fatal(err)
	}
	if got := one.reply(); got != unblocked {
		t.Errorf("BLPOP: %q", got)
	}
	if got, want := strings.Join(two.replies(3), ""), "$-1\r\n"+unblocked+"+PONG\r\n"; got != want {
		t.Errorf("GET, XREAD, PING: %q; want %q", got, want)
	}
	await(t, "the old process is gone", func() bool { return isGone(old) })
	wait()
	if err := syscall.Kill(s.pid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := one.drain(); got != unblocked {
		t.Errorf("BLPOP: %q; want an end behind it", got)
	}
	if got, want := two.drain(), "$-1\r\n"+unblocked+"+PONG\r\n"; got != want {
		t.Errorf("GET, XREAD, PING: %q; want %q, and the end", got, want)
	}
	await(t, "the last process is gone", func() bool { return s.pid() == 0 })
	if took := time.Since(began); took > 15*time.Second { // drain_timeout is 20
		t.Errorf("it took %v", took)
	}
}
