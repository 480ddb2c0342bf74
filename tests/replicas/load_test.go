//go:build unix

package replicas

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cashew/tests/processtest"
)

// load is steady traffic of several clients, each of whom writes keys of its own and reads them back. So that some reads go to replicas, it
// writes once in so many reads.
type load struct {
	addr    string
	reads   int // behind each write
	pipe    int // pairs at once
	clients []*loadClient
	stop    atomic.Bool
	running sync.WaitGroup

	mu    sync.Mutex
	wrong []string
	pairs atomic.Int64
}

type loadClient struct {
	l       *load
	name    string
	batches atomic.Int64
}

func startLoad(t *testing.T, addr string, clients, pipe, reads int) *load {
	t.Helper()
	l := &load{addr: addr, pipe: pipe, reads: reads}
	for i := range clients {
		c := &loadClient{l: l, name: fmt.Sprint("c", i)}
		l.clients = append(l.clients, c)
		l.running.Go(c.run)
	}
	t.Cleanup(func() {
		l.stop.Store(true)
		l.mu.Lock()
		defer l.mu.Unlock()
		if t.Failed() { // perhaps before end told it
			t.Logf("clients have %.1000q", l.wrong)
		}
	})
	l.more(t)
	return l
}

// more waits until each client has had another batch answered that it had not sent before.
func (l *load) more(t *testing.T) {
	t.Helper()
	from := make([]int64, len(l.clients))
	for i, c := range l.clients {
		from[i] = c.batches.Load()
	}
	processtest.Await(t, 2*patience, "each client is answered", func() bool {
		l.mu.Lock()
		failed := len(l.wrong) > 0
		l.mu.Unlock()
		for i, c := range l.clients {
			if c.batches.Load() < from[i]+2 {
				return failed
			}
		}
		return true
	})
}

// untilPairs waits until so many writes were read back since the beginning.
func (l *load) untilPairs(t *testing.T, n int64) {
	t.Helper()
	processtest.Await(t, 4*patience, fmt.Sprintf("%d writes are read back", n), func() bool { return l.pairs.Load() >= n })
}

// end stops the clients, waits for them and tells what they saw.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.more(t)
	l.stop.Store(true)
	l.running.Wait()
	for _, text := range l.wrong[:min(len(l.wrong), 10)] {
		t.Error(text)
	}
	t.Logf("%d writes read back, %d wrong replies", l.pairs.Load(), len(l.wrong))
}

func (c *loadClient) report(format string, args ...any) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.wrong = append(c.l.wrong, c.name+": "+fmt.Sprintf(format, args...))
}

func (c *loadClient) run() {
	conn, err := processtest.Dial(c.l.addr, 2*patience)
	if err != nil {
		c.report("%v", err)
		return
	}
	defer conn.Close()
	for n := 0; !c.l.stop.Load(); n++ {
		var text []byte
		var wants []string
		before := strconv.Itoa(n - 1)
		for i := range c.l.pipe { // what was there, then a write, and the reads of it
			key, value := fmt.Sprint(c.name, ":", i), strconv.Itoa(n)
			text = processtest.AppendCommand(text, "GET", key)
			text = processtest.AppendCommand(text, "SET", key, value)
			if n == 0 {
				before = ""
			}
			wants = append(wants, before, "+OK")
			for range c.l.reads {
				text = processtest.AppendCommand(text, "MGET", key, key+":other")
				text = processtest.AppendCommand(text, "GET", key)
				wants = append(wants, "("+value+",)", value)
			}
		}
		if _, err := conn.Write(text); err != nil {
			c.report("%v", err)
			return
		}
		for i, want := range wants {
			reply, err := conn.Reply()
			if err != nil {
				c.report("%v", err)
				return
			}
			if reply != want && (want != "" || !strings.HasPrefix(reply, "$-1")) {
				c.report("reply %d of batch %d is %q; want %q", i, n, reply, want)
			}
		}
		c.l.pairs.Add(int64(c.l.pipe))
		c.batches.Add(1)
	}
}
