//go:build unix

package sentinel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// load is steady traffic of several clients, each of whom increments a counter of its own, and reads it.
//
// A counter is what was acknowledged last and one more; where it is less, what it lacks was acknowledged and lost. An increment that fails was
// done, or not, once: where it is more than the failures since explain, one was done twice.
type load struct {
	addr    string
	pipe    int
	clients []*loadClient
	stop    atomic.Bool
	running sync.WaitGroup

	mu     sync.Mutex
	errors map[string]int
	wrong  []string
	acked  int
	lost   int
	worst  time.Duration
}

type loadClient struct {
	l       *load
	key     string
	value   int // what was acknowledged last
	doubts  int // increments that failed since
	batches atomic.Int64
}

func startLoad(t *testing.T, addr string, clients, pipe int) *load {
	t.Helper()
	l := &load{addr: addr, pipe: pipe, errors: map[string]int{}}
	for i := range clients {
		c := &loadClient{l: l, key: fmt.Sprint("n", i)}
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
		for i, c := range l.clients {
			if c.batches.Load() < from[i]+2 {
				return false
			}
		}
		return true
	})
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
	t.Logf("%d increments acknowledged, %d of them lost, errors %v; a batch took at most %v", l.acked, l.lost, l.errors, l.worst)
}

func (c *loadClient) report(format string, args ...any) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.wrong = append(c.l.wrong, fmt.Sprintf(format, args...))
}

func (c *loadClient) run() {
	conn, err := processtest.Dial(c.l.addr, 2*patience)
	if err != nil {
		c.report("%s: %v", c.key, err)
		return
	}
	defer conn.Close()
	var text []byte
	for range c.l.pipe {
		text = processtest.AppendCommand(processtest.AppendCommand(text, "INCR", c.key), "GET", c.key)
	}
	for !c.l.stop.Load() {
		began := time.Now()
		if _, err := conn.Write(text); err != nil {
			c.report("%s: %v", c.key, err)
			return
		}
		var replies []string
		for range 2 * c.l.pipe {
			reply, err := conn.Reply()
			if err != nil {
				c.report("%s: %v", c.key, err)
				return
			}
			replies = append(replies, reply)
		}
		c.judge(replies, time.Since(began))
		c.batches.Add(1)
	}
}

// judge looks at the replies to a batch.
func (c *loadClient) judge(replies []string, took time.Duration) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.worst = max(c.l.worst, took)
	failed := 0 // of the batch: a read that is sent again may see increments behind it which failed
	for i := 0; i < len(replies); i += 2 {
		if strings.HasPrefix(replies[i], "-") {
			failed++
		}
	}
	for i, reply := range replies {
		switch {
		case strings.HasPrefix(reply, "-"):
			c.l.errors[reply]++
			if i%2 == 0 {
				c.doubts++
			} else {
				c.l.wrong = append(c.l.wrong, fmt.Sprintf("%s: a read failed: %s", c.key, reply))
			}
		case i%2 == 0:
			n, err := strconv.Atoi(strings.TrimPrefix(reply, ":"))
			if err != nil || n > c.value+1+c.doubts {
				c.l.wrong = append(c.l.wrong, fmt.Sprintf("%s: INCR = %q behind %d and %d that failed", c.key, reply, c.value, c.doubts))
			}
			if n <= c.value {
				c.l.lost += c.value + 1 - n
			}
			c.l.acked++
			c.value, c.doubts = n, 0
		default:
			if n, _ := strconv.Atoi(reply); n > c.value+max(c.doubts, failed) {
				c.l.wrong = append(c.l.wrong, fmt.Sprintf("%s: GET = %q behind %d and %d that failed", c.key, reply, c.value, c.doubts))
			}
		}
	}
}

// wantErrors fails the test if a client has seen others than these.
func (l *load) wantErrors(t *testing.T, may ...string) {
	t.Helper()
	for text, n := range l.errors {
		if !slices.Contains(may, text) {
			t.Errorf("%d times a client had the error %q", n, text)
		}
	}
}
