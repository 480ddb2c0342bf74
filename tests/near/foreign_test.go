//go:build unix

package near

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// both is each way to say which keys are kept.
var both = map[string]string{"auto": "auto", "patterns": "k*"}

// TestForeign: what is written straight at the server is seen soon. How soon is told, and decides nothing.
func TestForeign(t *testing.T) {
	t.Parallel()
	for name, keys := range both { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			r := newRedis(t)
			p := runProxy(t, []string{r.addr}, "redis: true", "near_cache: 1mb", "near_cache_keys: "+keys)
			writer, reader := dial(t, r.addr), dial(t, p.addr)
			writer.ask(t, "SET", "k", "0")
			p.heat(t, reader, "GET", "k")
			var old []time.Duration
			for v := range ifShort(20, 400) {
				want := strconv.Itoa(v + 1)
				writer.ask(t, "SET", "k", want)
				written, last := time.Now(), time.Duration(0)
				processtest.Await(t, patience, "a write is seen", func() bool {
					for range 100 {
						sent := time.Now()
						if reader.ask(t, "GET", "k") == want {
							return true
						}
						last = sent.Sub(written)
					}
					return false
				})
				old = append(old, last)
				for range 3 { // it is kept again
					reader.ask(t, "GET", "k")
				}
			}
			slices.Sort(old)
			n := p.figures(t)
			t.Logf("the last stale reply was asked for so long after a write: p50 %v, p99 %v, most %v; %+v", old[len(old)/2], old[len(old)*99/100], old[len(old)-1], n)
			if n.Hits == 0 || n.Invalidated == 0 {
				t.Errorf("nothing was tried: %+v", n)
			}
		})
	}
}

// await reads by c until the reply is as it should be.
func (c *client) await(t *testing.T, want string, args ...string) {
	t.Helper()
	reply := ""
	if !processtest.Poll(patience, func() bool {
		var err error
		if reply, err = c.do(args...); err != nil {
			t.Fatal(err)
		}
		return reply == want
	}) {
		t.Errorf("%q: %.80q; want %.80q", args, reply, want)
	}
}

// trackers are the numbers of the server's connections over which it tells of writes.
func (r *redis) trackers(t *testing.T) (list []string) {
	t.Helper()
	text, err := processtest.Ask(r.addr, "CLIENT", "LIST")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		number, redirect, broadcast := "", "", false
		for _, field := range strings.Fields(line) {
			name, value, _ := strings.Cut(field, "=")
			switch name {
			case "id":
				number = value
			case "redir":
				redirect = value
			case "flags":
				broadcast = strings.Contains(value, "B")
			}
		}
		switch {
		case broadcast:
			list = append(list, number)
		case redirect != "-1" && redirect != "0" && !slices.Contains(list, redirect):
			list = append(list, redirect)
		}
	}
	return list
}

// awaitDropped waits until what was kept of a server is given up once more than before.
func (p *proxy) awaitDropped(t *testing.T, before int64) {
	t.Helper()
	processtest.Await(t, patience, "what was kept is given up", func() bool { return p.figures(t).Dropped > before })
}

// TestTracker: whatever becomes of the connection over which a server tells of writes, these are seen, and replies are kept again afterwards.
func TestTracker(t *testing.T) {
	t.Parallel()
	for name, keys := range both { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			r := newRedis(t)
			p := runProxy(t, []string{r.addr}, "redis: true", "near_cache: 1mb", "near_cache_keys: "+keys)
			again := func() *client { return dial(t, p.addr) }
			reader := again()
			for i, c := range []struct {
				name string
				do   func(t *testing.T)
			}{
				{"killed", func(t *testing.T) {
					list := r.trackers(t)
					if len(list) == 0 {
						t.Error("nobody tracks")
					}
					before := p.figures(t).Dropped
					for _, number := range list {
						dial(t, r.addr, "CLIENT KILL ID "+number, "SET k killed")
					}
					reader.await(t, "killed", "GET", "k")
					p.awaitDropped(t, before)
				}},
				{"stopped", func(t *testing.T) {
					before := p.figures(t).Dropped
					r.Pause(t)
					p.awaitDropped(t, before)
					r.Signal(syscall.SIGCONT)
					dial(t, r.addr, "SET k stopped")
					reader.await(t, "stopped", "GET", "k")
				}},
				{"restarted", func(t *testing.T) {
					r.Kill()
					r.up(t)
					dial(t, r.addr, "SET k restarted")
					reader.Close()
					reader = again()
					processtest.Await(t, patience, "the server is asked again", func() bool { return reader.ask(t, "GET", "k") == "restarted" })
				}},
			} {
				old := fmt.Sprint("before ", i)
				dial(t, r.addr).ask(t, "SET", "k", old)
				reader.await(t, old, "GET", "k")
				p.heat(t, reader, "GET", "k")
				t.Run(c.name, c.do)
			}
			p.heat(t, reader, "GET", "k")
		})
	}
}

// TestForeignWays: writes at the server that name no key, or nobody made, are seen as well.
func TestForeignWays(t *testing.T) {
	t.Parallel()
	for name, keys := range both { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			r := newRedis(t, "--tracking-table-max-keys", "10")
			p := runProxy(t, []string{r.addr}, "redis: true", "near_cache: 1mb", "near_cache_keys: "+keys)
			reader, writer := dial(t, p.addr), dial(t, r.addr)
			heat := func() {
				writer.ask(t, "SET", "k", "old")
				reader.await(t, "old", "GET", "k")
				p.heat(t, reader, "GET", "k")
			}
			for _, c := range []struct {
				want     string
				commands []string
			}{
				{"", []string{"FLUSHALL"}},
				{"", []string{"FLUSHDB"}},
				{"", []string{"PEXPIRE k 50"}},
				{"", []string{"DEL k"}},
				{"new", []string{"MULTI", "SET other new", "RENAME other k", "EXEC"}},
				{"oldnew", []string{"APPEND k new"}},
				{"", []string{"MOVE k 1"}},
			} {
				heat()
				for _, command := range c.commands {
					writer.ask(t, strings.Fields(command)...)
				}
				reader.await(t, c.want, "GET", "k")
			}
			dial(t, r.addr, "SELECT 1", "FLUSHDB")

			const n = 50 // more than the server's table has
			for i := range n {
				writer.ask(t, "SET", fmt.Sprint("k", i), "old")
			}
			for range 5 {
				for i := range n {
					reader.ask(t, "GET", fmt.Sprint("k", i))
				}
			}
			for i := range n {
				writer.ask(t, "SET", fmt.Sprint("k", i), "new")
			}
			for i := range n {
				reader.await(t, "new", "GET", fmt.Sprint("k", i))
			}
		})
	}
}

// TestLife: what a key's time is over for is not given, whether or not it was kept.
func TestLife(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	p := runProxy(t, []string{r.addr}, "redis: true", "near_cache: 1mb", "near_cache_keys: k*", "near_cache_msecs: 600000")
	reader := dial(t, p.addr)
	for range ifShort(5, 40) {
		dial(t, r.addr).ask(t, "SET", "k", "v", "PX", "30")
		set := time.Now()
		for {
			sent := time.Now()
			if reply := reader.ask(t, "GET", "k"); reply == "" {
				break
			}
			if d := sent.Sub(set); d > 35*time.Millisecond { // the server counts in milliseconds, and began before
				if reply, _ := processtest.Ask(r.addr, "GET", "k"); reply == "$-1" {
					t.Fatalf("given %v after a life of 30ms began", d)
				}
			}
		}
	}
	if n := p.figures(t); n.Hits == 0 {
		t.Errorf("nothing was tried: %+v", n)
	}
}
