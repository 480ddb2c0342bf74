//go:build unix

package faults

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// TestEject takes a server away, in two ways, and measures when its keys move and when they come back.
//
// It does not run beside the others: what it measures is when things happen.
func TestEject(t *testing.T) {
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		t.Run(name+" killed", func(t *testing.T) {
			t.Parallel()
			testEject(t, d, func(s *server) { s.Kill() }, (*server).up)
		})
		t.Run(name+" stopped", func(t *testing.T) {
			t.Parallel()
			testEject(t, d,
				func(s *server) { s.Pause(t) },
				func(s *server) error { s.Signal(syscall.SIGCONT); return nil })
		})
	}
}

func testEject(t *testing.T, d dialect, away func(*server), back func(*server) error) {
	const retry = 400 * time.Millisecond
	timeout := slow(time.Second) // what a busy machine makes late is no failure here
	servers := startServers(t, d, 3)
	p := startProxy(t, 2, pool{name: "p", d: d, servers: addrs(servers), settings: []string{
		"hash: md5", "auto_eject_hosts: true", "server_failure_limit: 2",
		fmt.Sprintf("timeout: %d", timeout.Milliseconds()), fmt.Sprintf("server_retry_timeout: %d", retry.Milliseconds()),
	}})
	c, err := dialRaw(p.addrs["p"])
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	ask := func(text string) (failed bool) {
		t.Helper()
		c.conn.SetDeadline(time.Now().Add(answerTime))
		reply, err := c.ask(d, text)
		if err != nil {
			t.Fatalf("%q = %q, %v", text, reply, err)
		}
		e, usual := d.errorText(reply)
		if !usual {
			t.Fatalf("%q = %q", text, reply)
		}
		return e != ""
	}
	has := func(key string) bool {
		reply, err := askOnce(d, servers[0].addr, d.get(key))
		return err == nil && strings.Contains(string(reply), "the value of "+key)
	}
	set := func(key string) string { return d.set(key, "the value of "+key) }
	var mine, all []string // keys of server 0, and all keys
	for i := 0; len(mine) < 5; i++ {
		k := fmt.Sprintf("key:%d", i)
		if ask(set(k)) {
			t.Fatalf("%s can't be set", k)
		}
		if all = append(all, k); has(k) {
			mine = append(mine, k)
		}
	}
	// ejected returns when the last request was sent that failed, and when the first came back that did not.
	ejected := func(bound time.Duration) (failing, well time.Time) {
		t.Helper()
		from := time.Now()
		for {
			sent := time.Now()
			if !ask(set(mine[0])) {
				break
			}
			if failing = sent; time.Since(from) > bound {
				t.Fatalf("requests still fail %v after the server was gone", time.Since(from))
			}
		}
		if well = time.Now(); failing.IsZero() {
			t.Fatal("no request failed")
		}
		if took := well.Sub(from); took > bound {
			t.Errorf("ejected after %v, want %v at most", took, bound)
		}
		return failing, well
	}
	// returned waits until the server has its key again, and checks when that is.
	returned := func(what string, earliest, latest time.Time) {
		t.Helper()
		askOnce(d, servers[0].addr, d.forget(mine[0]).text)
		var at time.Time
		if !processtest.Poll(processtest.Patience, func() bool {
			if ask(set(mine[0])) {
				t.Fatalf("%s: a request failed while the server was out", what)
			}
			at = time.Now()
			return has(mine[0])
		}) {
			t.Fatalf("%s: the server does not return", what)
		}
		if at.Before(earliest) || at.After(latest) {
			t.Errorf("%s: the server was back %v after the earliest and %v before the latest time", what, at.Sub(earliest),
				latest.Sub(at))
		}
	}
	slack := slow(5 * time.Second)

	// Killed, each attempt to connect fails, with pauses of 10 and 20 ms; stopped, two requests wait for the timeout, or
	// the second for as long as the connection is kept: twice as long as the first.
	away(servers[0])
	failing, well := ejected(3*timeout + slack)
	if err := back(servers[0]); err != nil {
		t.Fatal(err)
	}
	returned("first time", failing.Add(retry), well.Add(retry+slack))
	for range 20 {
		for _, k := range all {
			if ask(set(k)) {
				t.Fatalf("set %s fails after the server is back", k)
			}
		}
	}

	// Soon afterwards again: it stays out twice as long, and then until it answers, and nobody notices.
	away(servers[0])
	_, well = ejected(3*timeout + slack)
	for n := 0; time.Since(well) < 4*retry; n++ {
		if k := all[n%len(all)]; ask(set(k)) {
			t.Fatalf("set %s fails %v after the ejection: a dead server was tried with a client's request", k, time.Since(well))
		}
	}
	if err := back(servers[0]); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	returned("second time", well.Add(2*retry), now.Add(retry+timeout+slack))
	for _, k := range mine {
		if ask(set(k)); !has(k) {
			t.Errorf("%s has not returned", k)
		}
	}
}

// TestBusyIsNotDead makes servers late, by less than the timeout, and floods them: no request fails and no key moves, since
// nothing is ejected.
func TestBusyIsNotDead(t *testing.T) {
	t.Parallel()
	for i, d := range []dialect{redis, memcached} {
		name := []string{"redis", "memcached"}[i]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			servers := startServers(t, d, 2)
			p := startProxy(t, 2, pool{name: "p", d: d, servers: addrs(servers), settings: []string{
				"hash: md5", "auto_eject_hosts: true", "server_failure_limit: 1", "server_retry_timeout: 60000",
				fmt.Sprintf("timeout: %d", slow(2*time.Second).Milliseconds()),
			}})
			l := startLoad(&load{d: d, name: name, addr: p.addrs["p"], tally: newTally()}, 4, 50+i)
			var once sync.Once
			end := func() { once.Do(l.end) }
			t.Cleanup(end)
			late := func(ln *lane, s *server) error { return halted(ln, s, ln.between(50*ms, 500*ms)) }
			if d == redis {
				late = func(ln *lane, s *server) error {
					return s.directly(redisCommand("DEBUG", "SLEEP", fmt.Sprintf("%.3f", ln.between(50*ms, 500*ms).Seconds())))
				}
			}
			kinds := []fault[*server]{{3, "server late", late}, {1, "server flooded", flooded}}
			stop := make(chan struct{})
			var running sync.WaitGroup
			for j, s := range servers {
				running.Go(func() {
					ln := &lane{rng: newRand(uint64(5000 + 10*i + j)), tally: l.tally, stop: stop}
					if err := inject(ln, s, kinds, 10*ms, 200*ms); err != nil {
						l.tally.report(surprising, "%v", err)
					}
				})
			}
			running.Go(func() {
				ln := &lane{rng: newRand(uint64(6000 + i)), tally: l.tally, stop: stop}
				flooding := []fault[*load]{{1, "client flooded", flood}}
				if err := inject(ln, l, flooding, 50*ms, 300*ms); err != nil {
					l.tally.report(surprising, "%v", err)
				}
			})
			pause(stop, 2*time.Second)
			close(stop)
			running.Wait()
			if !l.more(processtest.Patience, 5) {
				t.Error("the load does not go on")
			}
			end()
			t.Log(l.tally)
			l.tally.check(t)
			if len(l.tally.errors) > 0 {
				t.Errorf("errors: %s", counts(l.tally.errors))
			}
		})
	}
}
