//go:build unix

package cluster

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// prober writes a key again and again, one write after the other, and notes when each was done. It asks the proxy, or the servers
// themselves: then it goes where they say, and tries each of them while nobody does it.
type prober struct {
	key     string
	addrs   []string
	conns   map[string]*processtest.Conn
	stop    atomic.Bool
	running sync.WaitGroup

	mu      sync.Mutex
	writes  []write
	refused map[string]int
}

// write is one that was done.
type write struct{ began, done time.Time }

// probeTime is how long a prober of servers waits for an answer, of the proxy as long as it takes.
const probeTime = 50 * time.Millisecond

func startProber(t *testing.T, key string, addrs ...string) *prober {
	t.Helper()
	p := &prober{key: key, addrs: addrs, conns: map[string]*processtest.Conn{}, refused: map[string]int{}}
	p.running.Go(func() {
		at := addrs[0]
		for i := 0; !p.stop.Load(); i++ {
			if next := p.probe(at); next != "" {
				at = next
			} else if len(addrs) > 1 {
				at = addrs[i%len(addrs)]
				time.Sleep(time.Millisecond)
			}
		}
	})
	t.Cleanup(func() { p.stop.Store(true); p.running.Wait() })
	return p
}

// probe asks one address, and returns whom to ask next; "": that one can't say.
func (p *prober) probe(addr string) (next string) {
	limit := probeTime
	if len(p.addrs) == 1 {
		limit = patience
	}
	c := p.conns[addr]
	began := time.Now()
	if c == nil {
		var err error
		if c, err = processtest.Dial(addr, limit); err != nil {
			p.note(began, err.Error())
			return ""
		}
		p.conns[addr] = c
	}
	_, err := c.Write(processtest.AppendCommand(nil, "INCR", p.key))
	reply := ""
	if err == nil {
		reply, err = c.Reply()
	}
	if err != nil {
		_ = c.Close()
		delete(p.conns, addr)
		reply = "-" + err.Error()
	}
	if p.note(began, reply); strings.HasPrefix(reply, ":") {
		return addr
	}
	if f := strings.Fields(reply); len(f) == 3 && f[0] == "-MOVED" {
		return f[2]
	}
	return ""
}

func (p *prober) note(began time.Time, reply string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.HasPrefix(reply, ":") {
		p.writes = append(p.writes, write{began, time.Now()})
	} else {
		word, _, _ := strings.Cut(reply, " ")
		p.refused[word]++
	}
}

// await waits until a write is done that began behind from.
func (p *prober) await(t *testing.T, from time.Time) {
	t.Helper()
	processtest.Await(t, patience, p.key+" is written", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.writes) > 0 && p.writes[len(p.writes)-1].began.After(from)
	})
}

// end stops p, and returns its longest gap behind from.
func (p *prober) end(from time.Time) write {
	p.stop.Store(true)
	p.running.Wait()
	return p.gap(from)
}

// gap is the longest time from one write to the next, of those behind from.
func (p *prober) gap(from time.Time) (longest write) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := from
	for _, w := range p.writes {
		if w.done.Before(from) {
			continue
		}
		if w.done.Sub(last) > longest.done.Sub(longest.began) {
			longest = write{last, w.done}
		}
		last = w.done
	}
	return longest
}

func (w write) String() string {
	return fmt.Sprintf("%v, until %s", w.done.Sub(w.began).Round(time.Millisecond), w.done.Format("05.000"))
}

// since is how much later w was over than before.
func (w write) since(before write) time.Duration {
	return w.done.Sub(before.done).Round(time.Millisecond)
}
