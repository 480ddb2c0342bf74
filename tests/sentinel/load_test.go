//go:build unix

package sentinel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// load is steady traffic of several clients, each of whom increments a counter of its own, and reads it.
//
// A counter is what was acknowledged last and one more; where it is less, what it lacks was acknowledged and lost. An increment that fails was
// done, or not, once: where it is more than the failures since explain, one was done twice.
type load struct {
	processtest.Load
	addr    string
	pipe    int
	clients int

	mu     sync.Mutex
	errors map[string]int
	acked  int
	lost   int
	worst  time.Duration
}

type loadClient struct {
	l      *load
	key    string
	value  int // what was acknowledged last
	doubts int // increments that failed since
}

func startLoad(t *testing.T, addr string, clients, pipe int) *load {
	t.Helper()
	l := &load{addr: addr, pipe: pipe, clients: clients, errors: map[string]int{}}
	l.Start(t, clients, func(client int) { (&loadClient{l: l, key: fmt.Sprint("n", client)}).run(client) })
	return l
}

// end stops the clients, waits for them and tells what they saw.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.Stop(t)
	l.Tell(t)
	t.Logf("%d increments acknowledged, %d of them lost, errors %v; a batch took at most %v", l.acked, l.lost, l.errors, l.worst)
}

func (c *loadClient) run(client int) {
	conn, err := processtest.Dial(c.l.addr, 2*patience)
	if err != nil {
		c.l.Report("%s: %v", c.key, err)
		return
	}
	defer conn.Close()
	var text []byte
	for range c.l.pipe {
		text = processtest.AppendCommand(processtest.AppendCommand(text, "INCR", c.key), "GET", c.key)
	}
	for c.l.Goes() {
		began := time.Now()
		if _, err := conn.Write(text); err != nil {
			c.l.Report("%s: %v", c.key, err)
			return
		}
		var replies []string
		for range 2 * c.l.pipe {
			reply, err := conn.Reply()
			if err != nil {
				c.l.Report("%s: %v", c.key, err)
				return
			}
			replies = append(replies, reply)
		}
		c.judge(replies, time.Since(began))
		c.l.Answered(client)
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
				c.l.Report("%s: a read failed: %s", c.key, reply)
			}
		case i%2 == 0:
			n, err := strconv.Atoi(strings.TrimPrefix(reply, ":"))
			if err != nil || n > c.value+1+c.doubts {
				c.l.Report("%s: INCR = %q behind %d and %d that failed", c.key, reply, c.value, c.doubts)
			}
			if n <= c.value {
				c.l.lost += c.value + 1 - n
			}
			c.l.acked++
			c.value, c.doubts = n, 0
		default:
			if n, _ := strconv.Atoi(reply); n > c.value+max(c.doubts, failed) {
				c.l.Report("%s: GET = %q behind %d and %d that failed", c.key, reply, c.value, c.doubts)
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
