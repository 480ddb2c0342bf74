//go:build unix

package replicas

import (
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// TestOwnWrites: what a client wrote it reads back, and what stood there before a write it reads before, while one replica is a fifth of a
// second behind, and while all hear nothing of their master.
func TestOwnWrites(t *testing.T) {
	processtest.Beside(t)
	master := newNode(t, nil)
	late, near := newNode(t, master), newReplica(t, master)
	late.Want(t, "+OK", "REPLICAOF", "127.0.0.1", lag(t, master.Addr, 200*time.Millisecond))
	late.AwaitLink(t)
	p := runProxy(t, serversOf(master, late, near), "read_policy: any", "read_your_writes_msecs: 0", "max_lag: 0", "replica_interval: 20")
	p.awaitReplicas(t, 2)
	l := startLoad(t, p.addr, 8, 4, 2)
	l.untilPairs(t, 10_000)
	for _, n := range []*processtest.Node{late, near} { // they serve what they have
		n.Want(t, "+OK", "REPLICAOF", "127.0.0.1", processtest.FreePort(t))
	}
	l.untilPairs(t, l.pairs.Load()+5_000)
	near.Want(t, "+OK", "REPLICAOF", "127.0.0.1", master.Port)
	near.AwaitLink(t)
	l.untilPairs(t, 20_000)
	l.end(t)
	for _, n := range []*processtest.Node{late, near} {
		p.awaitReads(t, n)
	}
}

// TestOwnWritesNear: so it is where what the master says is kept near.
func TestOwnWritesNear(t *testing.T) {
	processtest.Beside(t)
	master := newNode(t, nil)
	late := newNode(t, master)
	late.Want(t, "+OK", "REPLICAOF", "127.0.0.1", lag(t, master.Addr, 200*time.Millisecond))
	late.AwaitLink(t)
	p := runProxy(t, serversOf(master, late), "read_policy: prefer_replica", "read_your_writes_msecs: 0", "max_lag: 0", "replica_interval: 20", "near_cache: 1mb")
	p.awaitReplicas(t, 1)
	l := startLoad(t, p.addr, 8, 4, 2)
	processtest.Await(t, patience, "what is kept is given", func() bool {
		if reply, err := processtest.Ask(p.addr, "GET", "hot"); err != nil || reply != "$-1" {
			t.Fatalf("%q, %v", reply, err)
		}
		text := p.metrics()
		return strings.Contains(text, `cashew_near_cache_hits_total{pool="r"} `) && !strings.Contains(text, `cashew_near_cache_hits_total{pool="r"} 0`)
	})
	l.untilPairs(t, 10_000)
	l.end(t)
	p.awaitReads(t, late)
	if n := strings.Count(p.metrics(), "\ncashew_near_cache_tracking{"); n != 1 {
		t.Errorf("%d servers tell of writes; want the master", n)
	}
}

// lag is a port at which addr is reached, whose words come so much later.
func lag(t *testing.T, addr string, by time.Duration) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			to, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				_ = from.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
			go func() { copyLate(from, to, by); _ = from.Close() }()
		}
	}()
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port
}

// copyLate copies what comes, so much later, until either end is closed.
func copyLate(to, from net.Conn, by time.Duration) {
	type part struct {
		text []byte
		due  time.Time
	}
	parts := make(chan part, 1<<16)
	go func() {
		defer close(parts)
		for {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			parts <- part{buf[:n], time.Now().Add(by)}
		}
	}()
	for p := range parts {
		time.Sleep(time.Until(p.due))
		_, _ = to.Write(p.text)
	}
}

// TestReplicaDies: nobody sees that a replica is killed, again and again, and it gets reads once it is back.
func TestReplicaDies(t *testing.T) {
	processtest.Beside(t)
	master := newNode(t, nil)
	a, b := newReplica(t, master), newReplica(t, master)
	p := runProxy(t, serversOf(master, a, b), "read_policy: prefer_replica", "read_your_writes_msecs: 0", "replica_interval: 20")
	p.awaitReplicas(t, 2)
	l := startLoad(t, p.addr, 8, 4, 4)
	for range 4 {
		a.Kill()
		l.More(t)
		a.Up(t)
		p.awaitReplicas(t, 2)
		l.More(t)
	}
	a.Kill()
	b.Kill() // the master is left
	l.More(t)
	l.end(t)
}

// TestPolicies: reads go where they are to, as the servers count them, and writes to the master.
func TestPolicies(t *testing.T) {
	processtest.Beside(t)
	for _, tt := range []struct {
		policy          string
		master, replica string // of GET: none, some or all
	}{
		{"read_policy: master", "all", "none"},
		{"read_policy: prefer_replica", "none", "all"},
		{"read_policy: replica", "none", "all"},
		{"read_policy: any", "some", "some"},
		{"read_policy: nearest_zone", "all", "none"},
		{"read_policy:\n    default: prefer_replica\n    \"@string\": master", "all", "none"},
		{"read_policy:\n    default: master\n    \"@string\": master\n    get: replica", "none", "all"},
	} {
		t.Run(strings.NewReplacer(" ", "", "\n", "").Replace(tt.policy), func(t *testing.T) {
			master := newNode(t, nil)
			replica := newReplica(t, master)
			p := runProxy(t, serversOf(master, replica)+"      zone: near\n", tt.policy, "zone: near")
			p.awaitReplicas(t, 1)
			const clients, reads = 20, 10
			for range clients {
				c, err := processtest.Dial(p.addr, patience)
				if err != nil {
					t.Fatal(err)
				}
				for range reads {
					if _, err := c.Write(processtest.AppendCommand(nil, "GET", "k")); err != nil {
						t.Fatal(err)
					}
					if reply, err := c.Reply(); err != nil || reply != "" {
						t.Fatalf("GET = %q, %v", reply, err)
					}
				}
				c.Close()
			}
			for where, n := range map[string]int{tt.master: calls(t, master, "get"), tt.replica: calls(t, replica, "get")} {
				if is := share(n, clients*reads); where != is && tt.master != tt.replica || tt.master == tt.replica && is != "some" {
					t.Errorf("master and replica had %d and %d of %d reads; want %s and %s", calls(t, master, "get"), calls(t, replica, "get"), clients*reads, tt.master, tt.replica)
				}
			}
		})
	}
}

// share is n of all in a word.
func share(n, all int) string {
	switch n {
	case 0:
		return "none"
	case all:
		return "all"
	}
	return "some"
}

// TestNoneWell: with reads for replicas alone they fail while none is well, and say why; a replica that is stopped gets none.
func TestNoneWell(t *testing.T) {
	processtest.Beside(t)
	master := newNode(t, nil)
	replica := newReplica(t, master)
	p := runProxy(t, serversOf(master, replica), "read_policy: replica", "timeout: 300")
	p.awaitReplicas(t, 1)
	replica.Pause(t)
	p.awaitReplicas(t, 0)
	if reply, err := processtest.Ask(p.addr, "GET", "k"); err != nil || !strings.HasPrefix(reply, "-ERR no replica is well: "+replica.Addr+": it does not say how it is") {
		t.Errorf("GET = %q, %v", reply, err)
	}
	if text := p.page("/explain?key=k"); !strings.Contains(text, `"reads":"by replica; `+replica.Addr+` (gets none: it does not say how it is`) {
		t.Errorf("/explain says %s", text)
	}
	replica.Signal(syscall.SIGCONT)
	p.awaitReplicas(t, 1)
	if reply, err := processtest.Ask(p.addr, "GET", "k"); err != nil || reply != "$-1" {
		t.Errorf("GET = %q, %v", reply, err)
	}
	replica.Want(t, "+OK", "REPLICAOF", "NO", "ONE")
	p.awaitReplicas(t, 0)
	if reply, err := processtest.Ask(p.addr, "GET", "k"); err != nil || !strings.Contains(reply, "it is no replica, but a master") {
		t.Errorf("GET = %q, %v", reply, err)
	}
}

// TestLoading: a replica that is given its master's data, or loads it, is asked nothing before it has all.
func TestLoading(t *testing.T) {
	processtest.Beside(t)
	master := newNode(t, nil)
	c, err := processtest.Dial(master.Addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const keys = 3000
	var text []byte
	for i := range keys {
		text = processtest.AppendCommand(text, "SET", "filler:"+strconv.Itoa(i), "v")
	}
	if _, err := c.Write(text); err != nil {
		t.Fatal(err)
	}
	for range keys {
		if reply, err := c.Reply(); err != nil || reply != "+OK" {
			t.Fatalf("SET = %q, %v", reply, err)
		}
	}
	port := processtest.FreePort(t)
	p := runProxy(t, serversOf(master, &processtest.Node{Addr: "127.0.0.1:" + port}), "read_policy: prefer_replica", "read_your_writes_msecs: 0", "replica_interval: 20")
	p.awaitReplicas(t, 0) // it serves
	l := startLoad(t, p.addr, 4, 4, 2)
	replica := processtest.NewNode(t, port, master, "--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024") // microseconds for each key
	if err := replica.Start(); err != nil {
		t.Fatal(err)
	}
	processtest.Await(t, patience, "the proxy sees that it loads", func() bool {
		text := p.page("/explain?key=k")
		return strings.Contains(text, "it is loading") || strings.Contains(text, "it is being given all")
	})
	l.More(t)
	p.awaitReplicas(t, 1)
	p.awaitReads(t, replica)
	l.end(t)
	for line := range strings.Lines(replica.Want(t, "", "INFO", "commandstats")) {
		if (strings.HasPrefix(line, "cmdstat_get:") || strings.HasPrefix(line, "cmdstat_mget:")) && !strings.Contains(line, "rejected_calls=0,") {
			t.Errorf("it was asked before: %s", line)
		}
	}
}
