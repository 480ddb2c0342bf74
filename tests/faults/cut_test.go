//go:build unix

package faults

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// exchange is one request of a pipeline with its only right reply.
type exchange struct{ text, want string }

// pipelines are requests whose replies have all forms. They have the same replies however often they are sent.
var pipelines = map[dialect][]exchange{
	redis: {
		{redisCommand("SET", "k", twoLines), "+OK\r\n"},
		{redisCommand("GET", "k"), bulk(twoLines)},
		{redisCommand("MGET", "k", "none", "k"), "*3\r\n" + bulk(twoLines) + "$-1\r\n" + bulk(twoLines)},
		{redisCommand("EVAL", script, "1", "k", "token"), "*2\r\n$1\r\nk\r\n$5\r\ntoken\r\n"},
		{redisCommand("STRLEN", "k"), ":18\r\n"},
		{redisCommand("GET", "none"), "$-1\r\n"},
		{redisCommand("SET", "k", twoLines, "GET"), bulk(twoLines)},
		{redisCommand("DEL", "none"), ":0\r\n"},
	},
	memcached: {
		{memcached.set("k", twoLines), "STORED\r\n"},
		{"get k\r\n", "VALUE k 0 18\r\n" + twoLines + "\r\nEND\r\n"},
		{"gets k none\r\n", "VALUE k 0 18 7\r\n" + twoLines + "\r\nEND\r\n"},
		{"mg k v k O1\r\n", "VA 18 kk O1\r\n" + twoLines + "\r\n"},
		{"ms k 2 k O2\r\nxy\r\n", "HD kk O2\r\n"},
		{"get none\r\n", "END\r\n"},
		{"mg none v\r\n", "EN\r\n"},
		{"touch k 0\r\n", "TOUCHED\r\n"},
		{"delete none\r\n", "NOT_FOUND\r\n"},
	},
}

// twoLines is a value of 18 bytes that looks like an end in its middle.
const twoLines = "one line\r\nEND\r\ntwo"

// whole is the text of all requests and the length of all replies.
func whole(pipeline []exchange) (text string, replies int) {
	var b strings.Builder
	for _, e := range pipeline {
		b.WriteString(e.text)
		replies += len(e.want)
	}
	return b.String(), replies
}

// cutter is a scripted server that delivers so many bytes on a connection and then does something else.
type cutter struct {
	*scripted
	mu     sync.Mutex
	left   int // bytes until then
	armed  bool
	then   func(conn *net.TCPConn, rest []byte) bool
	served int // bytes delivered
}

func startCutter(t testing.TB, d dialect) *cutter {
	t.Helper()
	c := &cutter{}
	c.scripted = startScripted(t, d, c.deliver)
	return c
}

// arm has then called once, after n more bytes, with the rest of the reply.
func (c *cutter) arm(n int, then func(conn *net.TCPConn, rest []byte) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.then, c.armed = n, then, true
}

func (c *cutter) deliver(conn *net.TCPConn, request, reply []byte) bool {
	c.mu.Lock()
	c.served += len(reply)
	if !c.armed || len(reply) <= c.left && c.left != 0 {
		c.left -= min(c.left, len(reply))
		at := c.left
		armed, then := c.armed, c.then
		if armed && at == 0 {
			c.armed = false
		}
		c.mu.Unlock()
		if !faithful(conn, request, reply) {
			return false
		}
		return !armed || at > 0 || then(conn, nil)
	}
	n, then := c.left, c.then
	c.armed = false
	c.mu.Unlock()
	conn.Write(reply[:n])
	return then(conn, reply[n:])
}

// idle waits until the proxy has no connection to the server.
func (s *scripted) idle(t testing.TB) {
	t.Helper()
	processtest.Await(t, processtest.Patience, "the proxy gives the connection up", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns) == 0
	})
}

// endings are the ways a connection ends in the middle of a reply. Of a reset the kernel may tell before the bytes that came
// ahead of it.
var endings = []struct {
	name  string
	sure  bool // replies that were whole are delivered
	apply func(conn *net.TCPConn, rest []byte) bool
}{
	{"closed", true, func(conn *net.TCPConn, _ []byte) bool {
		hangUp(conn)
		return false
	}},
	{"reset", false, func(conn *net.TCPConn, _ []byte) bool {
		conn.SetLinger(0)
		return false
	}},
}

// TestCut ends the server's connection after each byte of the replies to a pipeline. Whole replies arrive, the others are
// errors, the client's connection stays and the next request is served.
func TestCut(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		s := startCutter(t, d)
		p := startProxy(t, 1, pool{name: "p", d: d, servers: []string{s.addr}, settings: []string{"timeout: 5000"}})
		pipeline := pipelines[d]
		text, total := whole(pipeline)
		for _, ending := range endings {
			t.Run(name+" "+ending.name, func(t *testing.T) {
				c, err := dialRaw(p.addrs["p"])
				if err != nil {
					t.Fatal(err)
				}
				defer c.close()
				for at := 0; at <= total; at++ {
					s.arm(at, ending.apply)
					c.conn.SetDeadline(time.Now().Add(answerTime))
					io.WriteString(c.conn, text)
					end, errs := 0, 0
					for i, e := range pipeline {
						end += len(e.want)
						got, err := d.read(c.r)
						if err != nil {
							t.Fatalf("cut after %d bytes: %q = %s, %v", at, e.text, clip(got), err)
						}
						text, usual := d.errorText(got)
						switch {
						case text != "":
							errs++
							if !usual || ending.sure && end <= at {
								t.Errorf("cut after %d bytes: %q = %q; want %q", at, e.text, got, e.want)
							}
						case string(got) != e.want:
							t.Fatalf("cut after %d bytes: reply %d to %q = %q; want %q", at, i, e.text, got, e.want)
						}
					}
					if at < total && errs == 0 {
						t.Errorf("cut after %d bytes: no error", at)
					}
					s.idle(t)
					e := pipeline[0]
					got, err := c.ask(d, e.text)
					if text, usual := d.errorText(got); at == total && text != "" && usual {
						// All replies were whole, so that nothing told us whether the proxy has seen the end. It has now.
						got, err = c.ask(d, e.text)
					}
					if err != nil || string(got) != e.want {
						t.Fatalf("after a cut after %d bytes: %q = %q, %v; want %q", at, e.text, got, err, e.want)
					}
				}
			})
		}
	}
}

// TestStall has the server fall silent after each byte of the replies to a pipeline: for good, or until the requests have
// timed out. Replies that come too late are thrown away, and exactly those.
func TestStall(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		pipeline := pipelines[d]
		text, total := whole(pipeline)
		var pools []pool
		var cutters []*cutter
		for at := range total {
			s := startCutter(t, d)
			cutters = append(cutters, s)
			pools = append(pools, pool{
				name: fmt.Sprintf("p%d", at), d: d, servers: []string{s.addr},
				settings: []string{fmt.Sprintf("timeout: %d", timeout.Milliseconds())},
			})
		}
		p := startProxy(t, 1, pools...)
		for _, way := range []struct {
			name string
			then func(conn *net.TCPConn, rest []byte) bool
		}{
			{"late", func(conn *net.TCPConn, rest []byte) bool {
				time.Sleep(3 * timeout / 2)
				return faithful(conn, nil, rest)
			}},
			{"silent", func(conn *net.TCPConn, _ []byte) bool {
				io.Copy(io.Discard, conn)
				return false
			}},
		} {
			t.Run(name+" "+way.name, func(t *testing.T) {
				var running sync.WaitGroup
				for at, s := range cutters {
					s.arm(at, way.then)
					running.Go(func() {
						if err := stalled(d, p.addrs[pools[at].name], pipeline, text, at); err != nil {
							t.Errorf("silent after %d bytes: %v", at, err)
						}
					})
				}
				running.Wait()
			})
		}
	}
}

func stalled(d dialect, addr string, pipeline []exchange, text string, at int) error {
	c, err := dialRaw(addr)
	if err != nil {
		return err
	}
	defer c.close()
	from := time.Now()
	io.WriteString(c.conn, text)
	end, late := 0, 0
	for _, e := range pipeline {
		end += len(e.want)
		got, err := d.read(c.r)
		if err != nil {
			return fmt.Errorf("%q = %s, %w", e.text, clip(got), err)
		}
		switch text, _ := d.errorText(got); {
		case strings.HasSuffix(text, "Connection timed out"):
			late++
		case string(got) != e.want || end > at:
			return fmt.Errorf("%q = %q; want %q or that it timed out", e.text, got, e.want)
		}
	}
	if took := time.Since(from); late == 0 || took < timeout-50*time.Millisecond || took > slow(10*timeout) {
		return fmt.Errorf("%d requests timed out after %v, want %v", late, took, timeout)
	}
	e := pipeline[0] // the connection is given up soon, or the late replies come
	var got []byte
	if !processtest.Poll(processtest.Patience, func() bool {
		got, err = c.ask(d, e.text)
		text, _ := d.errorText(got)
		return err != nil || text == ""
	}) || err != nil || string(got) != e.want {
		return fmt.Errorf("%q = %q, %w; want %q", e.text, got, err, e.want)
	}
	return nil
}

// TestCutOneOfTwo ends the connection to one of two servers after each byte it sends. Requests to the other do not notice,
// and commands for both have one reply: the right one or an error.
func TestCutOneOfTwo(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		t.Run(name, func(t *testing.T) {
			bad, good := startCutter(t, d), startCutter(t, d)
			p := startProxy(t, 1, pool{
				name: "p", d: d, servers: []string{bad.addr, good.addr},
				settings: []string{"timeout: 5000", "hash: md5", "distribution: modula"},
			})
			c, err := dialRaw(p.addrs["p"])
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			a, b := twoEach(t, c, d, bad.scripted, good.scripted)
			pipeline := scattered(d, a, b)
			bad.mu.Lock()
			bad.served = 0
			bad.mu.Unlock()
			exchangeAll(t, c, d, pipeline, -1, false)
			bad.mu.Lock()
			total := bad.served
			bad.mu.Unlock()
			for _, ending := range endings {
				for at := range total {
					bad.arm(at, ending.apply)
					exchangeAll(t, c, d, pipeline, at, true)
					bad.idle(t)
				}
			}
			exchangeAll(t, c, d, pipeline, -1, false)
		})
	}
}

// scattered is a pipeline of commands for both servers, and for the second alone, whose text ends in a blank for the test
// to know it by.
func scattered(d dialect, a, b []string) []exchange {
	if d == redis {
		return []exchange{
			{redisCommand("MGET", a[0], b[0], a[1], b[1]), "*4\r\n" + bulk(a[0]) + bulk(b[0]) + bulk(a[1]) + bulk(b[1])},
			{redisCommand("GET", b[0]), bulk(b[0])},
			{redisCommand("EXISTS", a[0], b[0], a[1]), ":3\r\n"},
			{redisCommand("GET", a[0]), bulk(a[0])},
			{redisCommand("MSET", b[0], b[0], a[0], a[0]), "+OK\r\n"},
			{redisCommand("MGET", b[0], b[1]), "*2\r\n" + bulk(b[0]) + bulk(b[1])},
			{redisCommand("GET", a[1]), bulk(a[1])},
		}
	}
	value := func(k string) string { return fmt.Sprintf("VALUE %s 0 %d\r\n%s\r\n", k, len(k), k) }
	return []exchange{
		{"get " + strings.Join([]string{a[0], b[0], a[1], b[1]}, " ") + "\r\n", value(a[0]) + value(b[0]) + value(a[1]) + value(b[1]) + "END\r\n"},
		{d.get(b[0]), value(b[0]) + "END\r\n"},
		{d.get(a[0]), value(a[0]) + "END\r\n"},
		{"get " + strings.Join([]string{b[0], a[0]}, " ") + "\r\n", value(b[0]) + value(a[0]) + "END\r\n"},
		{"get " + strings.Join(b, " ") + "\r\n", value(b[0]) + value(b[1]) + "END\r\n"},
		{d.set(b[1], b[1]), "STORED\r\n"},
		{"mg " + a[1] + " v\r\n", fmt.Sprintf("VA %d\r\n%s\r\n", len(a[1]), a[1])},
	}
}

// exchangeAll sends a pipeline. If mayFail, the first and last requests fail, others may, and those for keys of "b" alone
// may not.
func exchangeAll(t *testing.T, c *raw, d dialect, pipeline []exchange, at int, mayFail bool) {
	t.Helper()
	text, _ := whole(pipeline)
	c.conn.SetDeadline(time.Now().Add(answerTime))
	io.WriteString(c.conn, text)
	errs := 0
	for _, e := range pipeline {
		got, err := d.read(c.r)
		if err != nil {
			t.Fatalf("cut after %d bytes: %q = %s, %v", at, e.text, clip(got), err)
		}
		if string(got) == e.want {
			continue
		}
		_, usual := d.errorText(got)
		if errs++; !mayFail || !usual || !strings.Contains(e.text, "bad:") || bytes.HasPrefix(got, []byte(e.want[:1])) {
			t.Fatalf("cut after %d bytes: %q = %q; want %q", at, e.text, got, e.want)
		}
	}
	if mayFail && errs == 0 {
		t.Errorf("cut after %d bytes: no error", at)
	}
}

// twoEach finds two keys of each of two servers, whose values are their names: bad:N and good:N.
func twoEach(t *testing.T, c *raw, d dialect, bad, good *scripted) (a, b []string) {
	t.Helper()
	for i := 0; len(a) < 2 || len(b) < 2; i++ {
		for _, k := range []string{fmt.Sprint("bad:", i), fmt.Sprint("good:", i)} {
			reply, err := c.ask(d, d.set(k, k))
			if text, _ := d.errorText(reply); err != nil || text != "" {
				t.Fatalf("set %s = %q, %v", k, reply, err)
			}
			if strings.HasPrefix(k, "bad") == bad.has(k) && len(a) < 2 && bad.has(k) {
				a = append(a, k)
			}
			if strings.HasPrefix(k, "good") == good.has(k) && len(b) < 2 && good.has(k) {
				b = append(b, k)
			}
		}
	}
	return a, b
}

func (s *scripted) has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.values[key]
	return ok
}

// TestCutLarge ends the connection in the middle of a reply that the proxy passes on as it comes. What the client has of it
// can't be taken back, so it gets a prefix of the right replies and then the end, or an error instead; never other bytes.
func TestCutLarge(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		s := startCutter(t, d)
		p := startProxy(t, 1, pool{name: "p", d: d, servers: []string{s.addr}, settings: []string{"timeout: 5000"}})
		large, small := strings.Repeat("0123456789abcdef", size/16), "small"
		for k, v := range map[string]string{"large": large, "small": small} {
			if reply, err := askOnce(d, p.addrs["p"], d.set(k, v)); err != nil {
				t.Fatalf("set %s = %q, %v", k, reply, err)
			}
		}
		first, second := s.right(d.get("large")), s.right(d.get("small"))
		rng := newRand(7)
		offsets := []int{0, 1, 10, 255 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, len(first) - 2, len(first) - 1, len(first), len(first) + 3}
		for range 30 {
			offsets = append(offsets, rng.IntN(len(first)))
		}
		for _, ending := range endings {
			t.Run(name+" "+ending.name, func(t *testing.T) {
				for _, at := range offsets {
					s.arm(at, ending.apply)
					c, err := dialRaw(p.addrs["p"])
					if err != nil {
						t.Fatal(err)
					}
					io.WriteString(c.conn, d.get("large")+d.get("small"))
					c.conn.CloseWrite()
					got, err := io.ReadAll(c.r)
					c.close()
					if err != nil {
						t.Errorf("cut after %d bytes: %d bytes and %v; want EOF", at, len(got), err)
					}
					if !rightUpTo(d, string(got), first, second) {
						t.Errorf("cut after %d bytes: got %d bytes: %s", at, len(got), clip(got[min(len(got), max(0, len(got)-150)):]))
					}
					s.idle(t)
				}
			})
		}
	}
}

// rightUpTo says whether got is how two replies may end: a prefix of them, or with errors in place of either.
func rightUpTo(d dialect, got, first, second string) bool {
	isError := func(s string) bool {
		text, usual := d.errorText([]byte(s))
		return text != "" && usual && strings.Count(s, "\n") == 1 && strings.HasSuffix(s, "\r\n")
	}
	if strings.HasPrefix(first+second, got) {
		return true
	}
	if rest, ok := strings.CutPrefix(got, first); ok {
		return isError(rest)
	}
	line, rest, _ := strings.Cut(got, "\r\n")
	return isError(line+"\r\n") && (rest == second || isError(rest))
}

// TestStray has the server say what was not asked. Where it shows, by a reply too many or too few, the connection is given up;
// a reply that does not look like one, in its place, is the server's own business. The next request gets its own reply.
func TestStray(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		s := startScripted(t, d, faithful)
		p := startProxy(t, 2, pool{name: "p", d: d, servers: []string{s.addr}, settings: []string{"timeout: 5000"}})
		for k, v := range map[string]string{"good": "right", "bad": "spoilt"} {
			if reply, err := askOnce(d, p.addrs["p"], d.set(k, v)); err != nil {
				t.Fatalf("set %s = %q, %v", k, reply, err)
			}
		}
		right, spoilt := s.right(d.get("good")), s.right(d.get("bad"))
		instead := func(b string) deliver {
			return func(conn *net.TCPConn, request, reply []byte) bool {
				if bytes.Contains(request, []byte("bad")) {
					return faithful(conn, nil, []byte(b))
				}
				return faithful(conn, nil, reply)
			}
		}
		check := func(t *testing.T, f deliver, text string, want ...string) {
			t.Helper()
			c, err := dialRaw(p.addrs["p"])
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			defer s.set(faithful)
			for range 5 {
				s.set(f)
				got, err := c.ask(d, text)
				if err != nil || !slices.ContainsFunc(want, func(w string) bool { return strings.HasSuffix(string(got), w) }) {
					t.Fatalf("%q = %q, %v; want %q", text, got, err, want)
				}
				for range 3 {
					if got, err := c.ask(d, d.get("good")); err != nil || string(got) != right {
						t.Fatalf("then %q = %q, %v; want %q", d.get("good"), got, err, right)
					}
				}
			}
		}
		for _, extra := range []string{right, spoilt, garbage[d][0], "+OK\r\n", "END\r\n", "\r"} {
			t.Run(fmt.Sprintf("%s/behind the reply %.20q", name, extra), func(t *testing.T) {
				check(t, instead(spoilt+extra), d.get("bad"), spoilt)
			})
			t.Run(fmt.Sprintf("%s/out of nowhere %.20q", name, extra), func(t *testing.T) {
				for range 5 {
					check(t, faithful, d.get("bad"), spoilt)
					s.mu.Lock()
					for conn := range s.conns {
						io.WriteString(conn, extra)
					}
					s.mu.Unlock()
					s.idle(t)
				}
			})
		}
		for _, g := range garbage[d] {
			t.Run(fmt.Sprintf("%s/garbage %q", name, g), func(t *testing.T) {
				check(t, instead(g), d.get("bad"), invalid+"\r\n")
			})
		}
		for _, w := range wrongTypes[d] {
			t.Run(fmt.Sprintf("%s/wrong type %q to %.20q", name, w.want, w.text), func(t *testing.T) {
				check(t, instead(w.want), w.text, w.want)
			})
		}
		t.Run(name+"/one reply left out", func(t *testing.T) {
			s := startScripted(t, d, faithful) // one that is known for no form of its own
			p := startProxy(t, 2, pool{name: "p", d: d, servers: []string{s.addr}, settings: []string{"timeout: 5000"}})
			for k, v := range map[string]string{"good": "right", "bad": "spoilt"} {
				if reply, err := askOnce(d, p.addrs["p"], d.set(k, v)); err != nil {
					t.Fatalf("set %s = %q, %v", k, reply, err)
				}
			}
			leftOut(t, s, p.addrs["p"], right)
		})
	}
}

// wrongTypes are requests and what does not look like a reply to them.
var wrongTypes = map[dialect][]exchange{
	redis: {
		{redisCommand("GET", "bad"), "+OK\r\n"},
		{redisCommand("GET", "bad"), ":7\r\n"},
		{redisCommand("GET", "bad"), "*1\r\n$1\r\nx\r\n"},
		{redisCommand("SET", "bad", "spoilt"), ":1\r\n"},
		{redisCommand("DEL", "bad:1"), "+OK\r\n"},
		{redisCommand("DEL", "bad:1"), "$1\r\n1\r\n"},
		{redisCommand("INCR", "bad:1"), "$1\r\n1\r\n"},
		{redisCommand("MGET", "bad", "good"), "$5\r\nright\r\n"},
		{redisCommand("MSET", "bad", "spoilt"), "$-1\r\n"},
	},
	memcached: {
		{"get bad\r\n", "STORED\r\n"},
		{"get bad\r\n", "HD\r\n"},
		{"get bad\r\n", "EN\r\n"},
		{"get bad\r\n", "VA 5\r\nright\r\n"},
		{"get bad\r\n", "17\r\n"},
		{memcached.set("bad", "spoilt"), "VALUE good 0 5\r\nright\r\nEND\r\n"},
		{memcached.set("bad", "spoilt"), "OK\r\n"},
		{"delete bad:1\r\n", "STORED\r\n"},
		{"incr bad 1\r\n", "VALUE good 0 5\r\nright\r\nEND\r\n"},
		{"incr bad 1\r\n", "STORED\r\n"},
		{"mg bad v\r\n", "STORED\r\n"},
		{"mg bad v\r\n", "END\r\n"},
		{"mg bad v\r\n", "NOT_FOUND\r\n"},
		{"mg bad v\r\n", "VALUE good 0 5\r\nright\r\nEND\r\n"},
	},
}

// leftOut has the server forget one reply of a pipeline whose replies alternate in type, so that each of the later ones
// would go to the request before its own.
func leftOut(t *testing.T, s *scripted, addr, right string) {
	c, err := dialRaw(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 5 {
		s.set(func(conn *net.TCPConn, request, reply []byte) bool {
			return bytes.Contains(request, []byte("bad")) || faithful(conn, request, reply)
		})
		stored := map[dialect]string{redis: "+OK\r\n", memcached: "STORED\r\n"}[s.d]
		var pipeline []exchange
		for i := range 10 {
			k := []string{"good", "bad"}[i/4%2]
			pipeline = append(pipeline, exchange{s.d.get(k), right}, exchange{s.d.set("other", fmt.Sprint(i)), stored})
		}
		text, _ := whole(pipeline)
		io.WriteString(c.conn, text)
		for i, e := range pipeline {
			got, err := s.d.read(c.r)
			text, _ := s.d.errorText(got)
			if err != nil || text == "" && string(got) != e.want {
				t.Fatalf("reply %d to %q = %q, %v; want %q or an error", i, e.text, got, err, e.want)
			}
			if i >= 8 && text == "" {
				t.Errorf("reply %d to %q = %q; want an error", i, e.text, got)
			}
		}
		s.set(faithful)
		if got, err := c.ask(s.d, s.d.get("good")); err != nil || string(got) != right {
			t.Fatalf("then %q = %q, %v; want %q", s.d.get("good"), got, err, right)
		}
	}
}

// TestOutOfStep has the server forget one reply among requests that all look alike, so that nothing shows: from then on each
// client gets what belongs to another, if the requests never pause. This the proxy can only find out by a request of its
// own, within server_integrity_interval and the second between two looks.
func TestOutOfStep(t *testing.T) {
	t.Parallel()
	const interval = 200 * time.Millisecond
	for name, d := range map[string]dialect{"redis": redis, "memcached": memcached} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startScripted(t, d, faithful)
			p := startProxy(t, 1, pool{name: "p", d: d, servers: []string{s.addr}, settings: []string{
				"timeout: 10000", fmt.Sprintf("server_integrity_interval: %d", interval.Milliseconds()),
			}})
			var forgotten, last atomic.Int64 // when it was, and when a client last got another's reply; Unix nanoseconds
			var running sync.WaitGroup
			stop := make(chan struct{})
			for i := range 4 {
				key := fmt.Sprintf("key:%d", i)
				if reply, err := askOnce(d, p.addrs["p"], d.set(key, key)); err != nil {
					t.Fatalf("set %s = %q, %v", key, reply, err)
				}
				right := s.right(d.get(key))
				running.Go(func() {
					c, err := dialRaw(p.addrs["p"])
					if err != nil {
						t.Error(err)
						return
					}
					defer c.close()
					for !isDone(stop) {
						got, err := c.ask(d, d.get(key))
						if err != nil {
							t.Error(err)
							return
						}
						if text, _ := d.errorText(got); text == "" && string(got) != right {
							last.Store(time.Now().UnixNano())
						}
					}
				})
			}
			s.set(func(conn *net.TCPConn, request, reply []byte) bool {
				if strings.Contains(string(request), "key:2") && forgotten.CompareAndSwap(0, time.Now().UnixNano()) {
					return true
				}
				return faithful(conn, request, reply)
			})
			bound := slow(interval + 2*time.Second)
			processtest.Await(t, processtest.Patience, "a reply is forgotten", func() bool { return forgotten.Load() != 0 })
			processtest.Await(t, 2*bound, "nobody gets another's replies", func() bool {
				return time.Since(time.Unix(0, max(last.Load(), forgotten.Load()))) > bound/2
			})
			close(stop)
			running.Wait()
			switch took := time.Duration(last.Load() - forgotten.Load()); {
			case last.Load() == 0:
				t.Error("nobody got another's reply: the test shows nothing")
			case took > bound:
				t.Errorf("out of step for %v, want %v at most", took, bound)
			default:
				t.Logf("out of step for %v", took)
			}
		})
	}
}

// TestCanaryOfBusyServer: a server that is busy, and says so to the proxy's own request, is not out of step.
func TestCanaryOfBusyServer(t *testing.T) {
	t.Parallel()
	s := startScripted(t, redis, faithful)
	p := startProxy(t, 1, pool{name: "p", d: redis, servers: []string{s.addr}, settings: []string{
		"timeout: 5000", "server_integrity_interval: 100",
	}})
	const busy = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n"
	var canaries atomic.Int64
	s.set(func(conn *net.TCPConn, request, _ []byte) bool {
		if bytes.Contains(bytes.ToUpper(request), []byte("ECHO")) {
			canaries.Add(1)
		}
		return faithful(conn, nil, []byte(busy))
	})
	c, err := dialRaw(p.addrs["p"])
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	processtest.Await(t, processtest.Patience, "three canaries", func() bool {
		if got, err := c.ask(redis, redis.get("k")); err != nil || string(got) != busy {
			t.Fatalf("GET k = %q, %v; want %q", got, err, busy)
		}
		return canaries.Load() >= 3
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepted != 1 {
		t.Errorf("the proxy connected %d times, want once", s.accepted)
	}
}
