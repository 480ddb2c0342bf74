//go:build unix

package difftest

import (
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waitWords are WAIT and WAITAOF that are answered at once, right and wrong.
var waitWords = []string{
	"WAIT 0 0", "WAIT -1 0", "WAIT 1 1", "WAIT 1 25", "WAIT 1 007", "WAIT 1 -1", "WAIT 1 1.5", "WAIT 1 x", "WAIT x 1", "WAIT 1 inf", "WAIT 1 ''",
	"WAIT 1 99999999999999999999", "WAIT -99999999999999999999 0", "WAIT", "WAIT 1", "WAIT 1 2 3", "wait 0 0", "WAITAOF 0 0 0", "WAITAOF 1 1 1",
	"SET a 1", "WAIT 1 1", "GET a", "MULTI", "WAIT 1 0", "SET a 2", "WAIT x 0", "WAIT 1 x", "WAIT 1 -1", "WAIT -1 100", "EXEC", "MULTI", "WAIT 1", "EXEC",
	"WATCH a", "WAIT 1 1", "MULTI", "WAIT 1 0", "EXEC", "MULTI", "WAIT 1 0", "EXEC", "EVAL 'return redis.pcall(\"wait\", 1, 0)' 1 a",
}

// TestWait: a server without replicas answers the same through a pool that it is alone in, byte for byte, in both versions.
func TestWait(t *testing.T) {
	t.Parallel()
	wantCashew(t, "WAIT closes the client, 6.2")
	direct, server := startRedis(t), startRedis(t)
	addr := startProxy(t, poolOf([]*redisServer{server})).addr("p")
	for _, version := range []string{"2", "3"} {
		d, p := dial(t, direct.addr), dial(t, addr)
		d.do("HELLO", version)
		p.do("HELLO", version)
		var lines [][]string
		for _, line := range waitWords {
			lines = append(lines, words(line))
			if got, want := p.do(words(line)...), d.do(words(line)...); got != want {
				t.Errorf("RESP%s, %s: %q; directly %q", version, line, got, want)
			}
		}
		d.send(stream(lines))
		p.send(stream(lines))
		want, got := d.replies(len(lines)), p.replies(len(lines))
		if diff := diffReplies(lines, want, got); diff != "" {
			t.Errorf("RESP%s, in a pipeline: %s", version, diff)
		}
	}
}

// TestWaitForReplica: who has written, and who has not, waits for a replica that is stopped, until it goes on, its own time is over, or
// it leaves; nobody else does.
func TestWaitForReplica(t *testing.T) {
	t.Parallel()
	wantCashew(t, "WAIT closes the client, 6.2")
	server := startRedis(t, "--repl-diskless-sync-delay", "0")
	replica := startReplica(t, server)
	addr := startProxy(t, poolOf([]*redisServer{server}, "timeout: 400", "blocking_connections: 20")).addr("p")
	writes, reads := dial(t, addr), dial(t, addr)
	await(t, "the replica to follow", func() bool {
		writes.want("+OK\r\n", "SET", "k", "v")
		return writes.do("WAIT", "1", "100") == ":1\r\n"
	})
	reads.want(":1\r\n", "WAIT", "1", "0")

	replica.Pause(t)
	writes.want("+OK\r\n", "SET", "k", "w")
	began := time.Now()
	for _, c := range []*client{writes, reads, dial(t, addr)} { // also over the connection that was asked before
		c.want(":0\r\n", "WAIT", "1", "100")
		c.want(":0\r\n", "WAIT", "0", "0") // how many have it, and not how many were asked for
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("three waits of 100 ms were over after %v", took)
	}
	writes.want("+OK\r\n", "MULTI")
	writes.want("+QUEUED\r\n", "SET", "k", "x")
	writes.want("+QUEUED\r\n", "WAIT", "1", "0")
	writes.want("*2\r\n+OK\r\n:0\r\n", "EXEC")
	writes.want(":0\r\n", "WAIT", "1", "600") // longer than the pool's timeout

	half, gone := dial(t, addr), dial(t, addr)
	for _, c := range []*client{half, gone} {
		c.send(append(command("WAIT", "1", "0"), command("SET", "late", "1")...))
	}
	await(t, "both to wait", func() bool { return strings.Contains(server.do(t, "INFO", "clients"), "\r\nblocked_clients:2\r\n") })
	half.closeWrite()
	half.wantEOF()
	gone.close()
	await(t, "nobody to wait", func() bool { return !hasBlocked(t, server) })
	reads.want("$-1\r\n", "GET", "late")

	for _, c := range []*client{writes, reads} {
		c.send(append(command("WAIT", "1", "0"), command("PING")...))
	}
	await(t, "both to wait", func() bool { return strings.Contains(server.do(t, "INFO", "clients"), "\r\nblocked_clients:2\r\n") })
	dial(t, addr).want(bulk("x"), "GET", "k")
	replica.Signal(syscall.SIGCONT)
	for _, c := range []*client{writes, reads} {
		if got := c.replies(2); got[0] != ":1\r\n" || got[1] != "+PONG\r\n" {
			t.Errorf("WAIT, PING: %q", got)
		}
	}
}

// startReplica starts a replica of server.
func startReplica(t testing.TB, server *redisServer) *redisServer {
	t.Helper()
	host, port, err := net.SplitHostPort(server.addr)
	if err != nil {
		t.Fatal(err)
	}
	return startRedis(t, "--replicaof", host+" "+port)
}

// TestWaitRefused: a pool of several servers says why it can't, and so does one whose server does not let it be sure.
func TestWaitRefused(t *testing.T) {
	t.Parallel()
	wantCashew(t, "WAIT closes the client, 6.2")
	servers := startRedises(t, 3)
	narrow := servers[2]
	if said := narrow.do(t, "ACL", "SETUSER", "default", "-spublish"); said != "+OK\r\n" {
		t.Fatal(said)
	}
	two, one := poolOf(servers[:2], spread...), poolOf([]*redisServer{narrow})
	two.name, one.name = "two", "one"
	p := startProxy(t, two, one)
	c := dial(t, p.addr("two"))
	for _, command := range [][]string{{"WAIT", "1", "0"}, {"WAITAOF", "1", "0", "0"}} {
		why := "-ERR " + command[0] + " asks for the replicas of one server, and this pool has several\r\n"
		c.want(why, command...)
		c.want("+OK\r\n", "MULTI")
		c.want(why, command...)
		c.want("-EXECABORT Transaction discarded because of previous errors.\r\n", "EXEC")
		c.want("+OK\r\n", "SET", "a", "1")
	}
	c = dial(t, p.addr("one"))
	for range 3 {
		c.wantPrefix("-ERR the server refuses SPUBLISH", "WAIT", "1", "0")
		c.want("+OK\r\n", "SET", "a", "1")
	}
}
