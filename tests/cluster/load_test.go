//go:build unix

package cluster

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// load is steady traffic of several clients, each of whom has keys of its own and checks each reply.
//
// An increment that fails was done, or not, once: a counter is between what was acknowledged last and that plus the failures since. A MSET
// that fails leaves its keys at either value until the next is acknowledged.
type load struct {
	processtest.Load
	addr    string
	pipe    int
	first   int         // number of the first client
	script  string      // its SHA1
	loses   atomic.Bool // a master may die with what it has acknowledged: counters may go back
	clients []*loadClient

	mu      sync.Mutex
	errors  map[string]int
	done    int
	took    []time.Duration
	worst   time.Duration // of took, and when that began
	worstAt time.Time
}

type loadClient struct {
	l        *load
	id       int
	rng      *rand.Rand
	counters map[string]*counter // by tag
	mset     pairs               // one key of each tag
	sameSlot pairs               // two keys of the first tag
	n        int                 // of the last MSET
	errors   int
	spoilt   []time.Time // when that was sent which failed
}

// counter is what is known of the value of a key: it is low at least and high at most.
type counter struct{ low, high int }

// pairs are keys that are written together.
type pairs struct {
	keys []string
	now  int // what all of them were written last; -1: no one knows
}

const incrScript = "return redis.call('incr', KEYS[1])"

// startLoad starts clients that keep so many commands under way each.
func startLoad(t *testing.T, addr string, clients, pipe int) *load {
	t.Helper()
	return startLoadFrom(t, addr, 0, clients, pipe)
}

// startLoadFrom is startLoad for clients of such numbers, which their keys have: of several loads each has others.
func startLoadFrom(t *testing.T, addr string, first, clients, pipe int) *load {
	t.Helper()
	l := &load{addr: addr, pipe: pipe, first: first, errors: map[string]int{}, script: ask(addr, "SCRIPT", "LOAD", incrScript)}
	if len(l.script) != 40 {
		t.Fatalf("SCRIPT LOAD = %q", l.script)
	}
	for i := first; i < first+clients; i++ {
		c := &loadClient{l: l, id: i, rng: rand.New(rand.NewPCG(uint64(i), 1)), counters: map[string]*counter{}}
		for _, tag := range tags {
			c.counters[tag] = &counter{}
			c.mset.keys = append(c.mset.keys, fmt.Sprintf("m%s%d", tag, i))
		}
		c.sameSlot.keys = []string{fmt.Sprintf("s%s%d", tags[i%len(tags)], i), fmt.Sprintf("t%s%d", tags[i%len(tags)], i)}
		l.clients = append(l.clients, c)
	}
	l.Ahead = 3 // a batch may be answered in part with the next
	l.Start(t, clients, func(client int) { l.clients[client].run() })
	return l
}

// end stops the clients, waits for them, and holds all counters against the cluster.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.Stop(t)
	for _, c := range l.clients {
		for tag, n := range c.counters {
			reply := ask(l.addr, "GET", c.counterKey(tag))
			if got, _ := strconv.Atoi(reply); !l.fits(n, got) {
				l.Report("%s is %q in the end; want %d to %d", c.counterKey(tag), reply, n.low, n.high)
			}
		}
	}
	slices.Sort(l.took)
	at := func(share float64) time.Duration {
		return l.took[int(share*float64(len(l.took)-1))].Round(time.Microsecond)
	}
	t.Logf("%d commands, wrong %d, errors %v; a batch took %v in the median, p99 %v, p999 %v, at most %v, from %s",
		l.done, l.Tell(t), l.errors, at(0.5), at(0.99), at(0.999), at(1), l.worstAt.Format("15:04:05.000"))
}

// wantNoError fails the test if a client has seen one.
func (l *load) wantNoError(t *testing.T) {
	t.Helper()
	for _, text := range slices.Sorted(maps.Keys(l.errors)) {
		t.Errorf("%d times a client had the error %q", l.errors[text], text)
	}
}

// wantFewErrors fails the test if a client has seen one that a master's end by one of these times does not explain: only what had been
// written by then and was no read may fail, and one batch of a client was under way. One that dies takes a few milliseconds, in which it may
// be connected to again.
func (l *load) wantFewErrors(t *testing.T, ends []time.Time) {
	t.Helper()
	for text, n := range l.errors {
		if kind, _, _ := strings.Cut(text, " "); kind == "MGET" || !strings.HasSuffix(text, " -ERR Connection reset by peer") && !strings.HasSuffix(text, " -ERR Broken pipe") {
			t.Errorf("%d times a client had the error %q", n, text)
		}
	}
	for _, c := range l.clients {
		for _, began := range c.spoilt {
			if !slices.ContainsFunc(ends, func(end time.Time) bool { return began.Before(end) && end.Sub(began) < patience }) {
				t.Errorf("client %d had an error in a batch of %v, and masters died at %v", c.id, began, ends)
			}
		}
	}
}

func (l *load) fits(n *counter, got int) bool {
	return (got >= n.low || l.loses.Load()) && got <= n.high
}

func (c *loadClient) counterKey(tag string) string { return fmt.Sprintf("n%s%d", tag, c.id) }

func (c *loadClient) run() {
	conn, err := processtest.Dial(c.l.addr, 2*patience)
	if err != nil {
		c.l.Report("client %d: %v", c.id, err)
		return
	}
	defer conn.Close()
	var owed []due
	for c.l.Goes() || len(owed) > 0 {
		began := time.Now()
		var text []byte
		if c.l.Goes() {
			text, owed = c.batch(began, owed)
		}
		if _, err := conn.Write(text); err != nil {
			c.l.Report("client %d: %v", c.id, err)
			return
		}
		keeps := c.rng.IntN(c.l.pipe) // while the next batch is sent
		if !c.l.Goes() {
			keeps = 0
		}
		for len(owed) > keeps {
			reply, err := conn.Reply()
			if err != nil {
				c.l.Report("client %d: %v, with %d replies to come, after %q", c.id, err, len(owed), text)
				return
			}
			errs := c.errors
			if owed[0].judge(reply); c.errors > errs {
				c.spoilt = append(c.spoilt, owed[0].sent)
			}
			owed = owed[1:]
		}
		c.l.Answered(c.id - c.l.first)
		c.took(began)
	}
}

// due is a reply that is to come.
type due struct {
	judge func(reply string)
	sent  time.Time
}

// batch makes up commands, whose replies are owed then as well.
func (c *loadClient) batch(now time.Time, owed []due) ([]byte, []due) {
	var text []byte
	var judges []func(string)
	for range 1 + c.rng.IntN(c.l.pipe) {
		text, judges = c.next(text, judges)
	}
	for _, judge := range judges {
		owed = append(owed, due{judge, now})
	}
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.done += len(judges)
	return text, owed
}

func (c *loadClient) took(began time.Time) {
	took := time.Since(began)
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.took = append(c.l.took, took)
	if took > c.l.worst {
		c.l.worst, c.l.worstAt = took, began
	}
}

// failed says that reply is an error, and counts it.
func (c *loadClient) failed(kind, reply string) bool {
	if !strings.HasPrefix(reply, "-") {
		return false
	}
	c.errors++
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.errors[kind+" "+reply]++
	return true
}

// next appends a command, or a transaction, and who looks at each of its replies.
func (c *loadClient) next(text []byte, judges []func(string)) ([]byte, []func(string)) {
	tag := tags[c.rng.IntN(len(tags))]
	n, key := c.counters[tag], c.counterKey(tag)
	switch c.rng.IntN(8) {
	case 0:
		text = processtest.AppendCommand(processtest.AppendCommand(processtest.AppendCommand(processtest.AppendCommand(text, "MULTI"), "INCR", key), "GET", key), "EXEC")
		queued := func(reply string) { c.failed("in MULTI", reply) }
		return text, append(judges, queued, queued, queued, func(reply string) { c.executed(n, reply) })
	case 1:
		return processtest.AppendCommand(text, "EVALSHA", c.l.script, "1", key), append(judges, func(reply string) { c.incremented("EVALSHA", n, reply) })
	case 2:
		return c.write(text, judges, &c.mset)
	case 3:
		return c.read(text, judges, &c.mset)
	case 4:
		return c.write(text, judges, &c.sameSlot)
	case 5:
		return c.read(text, judges, &c.sameSlot)
	}
	return processtest.AppendCommand(text, "INCR", key), append(judges, func(reply string) { c.incremented("INCR", n, reply) })
}

func (c *loadClient) incremented(kind string, n *counter, reply string) {
	if c.failed(kind, reply) {
		n.high++
		return
	}
	got, err := strconv.Atoi(strings.TrimPrefix(reply, ":"))
	if err != nil || !c.l.fits(&counter{n.low + 1, n.high + 1}, got) {
		c.l.Report("client %d: %s = %q; want %d to %d", c.id, kind, reply, n.low+1, n.high+1)
	}
	*n = counter{got, got}
}

func (c *loadClient) executed(n *counter, reply string) {
	if c.failed("EXEC", reply) {
		n.high++
		return
	}
	first, second, _ := strings.Cut(strings.Trim(reply, "()"), ",")
	if first != ":"+second {
		c.l.Report("client %d: EXEC = %q", c.id, reply)
	}
	c.incremented("EXEC", n, first)
}

func (c *loadClient) write(text []byte, judges []func(string), p *pairs) ([]byte, []func(string)) {
	c.n++
	n, args := c.n, []string{"MSET"}
	for _, key := range p.keys {
		args = append(args, key, strconv.Itoa(n))
	}
	return processtest.AppendCommand(text, args...), append(judges, func(reply string) {
		switch {
		case c.failed("MSET", reply):
			p.now = -1
		case reply != "+OK":
			c.l.Report("client %d: MSET = %q", c.id, reply)
		default:
			p.now = n
		}
	})
}

func (c *loadClient) read(text []byte, judges []func(string), p *pairs) ([]byte, []func(string)) {
	return processtest.AppendCommand(text, append([]string{"MGET"}, p.keys...)...), append(judges, func(reply string) {
		if c.failed("MGET", reply) || p.now <= 0 || c.l.loses.Load() {
			return
		}
		if want := "(" + strings.Repeat(","+strconv.Itoa(p.now), len(p.keys))[1:] + ")"; reply != want {
			c.l.Report("client %d: MGET = %q; want %q", c.id, reply, want)
		}
	})
}

// wantSome fails the test if a client had another error than those that end so.
func (l *load) wantSome(t *testing.T, says ...string) {
	t.Helper()
	for text, n := range l.errors {
		if !slices.ContainsFunc(says, func(end string) bool { return strings.HasSuffix(text, end) }) {
			t.Errorf("%d times a client had the error %q", n, text)
		}
	}
}
