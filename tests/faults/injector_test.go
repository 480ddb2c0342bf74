//go:build unix

package faults

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A lane injects one fault after the other into one server, or into the clients of one pool. What it does next comes from
// its own source, so that the seed decides it however the lanes interleave. It undoes what it did before it returns.
type lane struct {
	rng   *rand.Rand
	tally *tally
	stop  <-chan struct{}
}

// between is a random time.
func (l *lane) between(from, to time.Duration) time.Duration {
	return from + time.Duration(l.rng.Int64N(int64(to-from)))
}

// fault is one kind of fault, with how often it is chosen.
type fault[T any] struct {
	weight int
	name   string
	do     func(l *lane, on T) error
}

// inject goes on until it is stopped, or a fault can't be undone.
func inject[T any](l *lane, on T, kinds []fault[T], from, to time.Duration) error {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	for pause(l.stop, l.between(from, to)) {
		n := l.rng.IntN(total)
		for _, k := range kinds {
			if n -= k.weight; n < 0 {
				l.tally.fault(k.name)
				if err := k.do(l, on); err != nil {
					return fmt.Errorf("%s: %w", k.name, err)
				}
				break
			}
		}
	}
	return nil
}

const ms = time.Millisecond

// serverFaults are what happens to a real server.
var serverFaults = map[dialect][]fault[*server]{
	redis: {
		{4, "server killed", killed},
		{4, "server stopped", stopped},
		{4, "server asleep", func(l *lane, s *server) error {
			return s.directly(redisCommand("DEBUG", "SLEEP", fmt.Sprintf("%.3f", l.between(20*ms, 800*ms).Seconds())))
		}},
		{3, "script busy", func(l *lane, s *server) error {
			return s.directly(redisCommand("EVAL", busyScript, "0", fmt.Sprint(l.between(30*ms, 600*ms).Microseconds())))
		}},
		{4, "connections cut", func(l *lane, s *server) error {
			return s.directly(redisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
		}},
		{3, "server flooded", flooded},
	},
	memcached: {
		{4, "server killed", killed},
		{4, "server stopped", stopped},
		{6, "server late", func(l *lane, s *server) error {
			return halted(l, s, l.between(20*ms, 250*ms))
		}},
		{3, "server flooded", flooded},
	},
}

// busyScript works for so many microseconds.
const busyScript = `local function now() local t = redis.call('TIME') return t[1] * 1000000 + t[2] end
local till = now() + ARGV[1]
while now() < till do end
return 0`

func killed(l *lane, s *server) error {
	s.Kill()
	pause(l.stop, l.between(0, 700*ms))
	return s.up()
}

func stopped(l *lane, s *server) error { return halted(l, s, l.between(20*ms, 900*ms)) }

func halted(l *lane, s *server, d time.Duration) error {
	s.Signal(syscall.SIGSTOP)
	defer s.Signal(syscall.SIGCONT)
	pause(l.stop, d)
	return nil
}

// flooded keeps the server busy from elsewhere.
func flooded(l *lane, s *server) error {
	c, err := dialRaw(s.addr)
	if err != nil {
		return err
	}
	defer c.close()
	text := strings.Repeat(s.d.get("nothing"), 2000)
	for end := time.Now().Add(l.between(50*ms, 300*ms)); time.Now().Before(end) && !isDone(l.stop); {
		if _, err := io.WriteString(c.conn, text); err != nil {
			return err
		}
		for range 2000 {
			if _, err := s.d.read(c.r); err != nil {
				return err
			}
		}
	}
	return nil
}

// directly sends one command to the server, past the proxy, and awaits its reply, whatever that is.
func (s *server) directly(text string) error {
	_, err := askOnce(s.d, s.addr, text)
	return err
}

// scriptedFaults are what happens to a scripted server.
var scriptedFaults = []fault[*scripted]{
	{6, "reply cut", func(l *lane, s *scripted) error {
		at, reset := l.rng.Float64(), l.rng.IntN(2) == 0
		return s.once(l, func(conn *net.TCPConn, _, reply []byte) bool {
			conn.Write(reply[:int(at*float64(len(reply)))])
			if reset {
				conn.SetLinger(0)
			} else {
				hangUp(conn)
			}
			return false
		})
	}},
	{3, "server silent", func(l *lane, s *scripted) error {
		at := l.rng.Float64()
		return s.once(l, func(conn *net.TCPConn, _, reply []byte) bool {
			conn.Write(reply[:int(at*float64(len(reply)))])
			io.Copy(io.Discard, conn)
			return false
		})
	}},
	{4, "reply late", func(l *lane, s *scripted) error {
		d := l.between(50*ms, 700*ms)
		return s.once(l, func(conn *net.TCPConn, request, reply []byte) bool {
			pause(l.stop, d)
			return faithful(conn, request, reply)
		})
	}},
	{3, "garbage", func(l *lane, s *scripted) error {
		text := garbage[s.d][l.rng.IntN(len(garbage[s.d]))]
		return s.once(l, func(conn *net.TCPConn, _, _ []byte) bool {
			_, err := io.WriteString(conn, text)
			return err == nil
		})
	}},
	{3, "byte by byte", func(l *lane, s *scripted) error {
		s.set(func(conn *net.TCPConn, _, reply []byte) bool {
			for i := range min(len(reply), 300) {
				conn.Write(reply[i : i+1])
			}
			_, err := conn.Write(reply[min(len(reply), 300):])
			return err == nil
		})
		defer s.set(faithful)
		pause(l.stop, l.between(20*ms, 200*ms))
		return nil
	}},
	{3, "pushes", func(l *lane, s *scripted) error {
		s.set(s.pushing)
		defer s.set(faithful)
		pause(l.stop, l.between(20*ms, 200*ms))
		return nil
	}},
	{2, "connections cut", func(_ *lane, s *scripted) error {
		s.cutAll()
		return nil
	}},
}

// garbage is what no server says. Each of them shows at its first line.
var garbage = map[dialect][]string{
	redis:     {"hello\r\n", "$abc\r\n", "\x00\x01\x02\x03", "*-7\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "+no line end\n"},
	memcached: {"hello\r\n", "VALUE a b c\r\n", "\x81\x00\x00\x00", "VA x\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "STORED\n"},
}

// once has f deliver the next reply that is worth spoiling, and waits until it has, for a moment.
func (s *scripted) once(l *lane, f deliver) error {
	var done atomic.Bool
	s.set(func(conn *net.TCPConn, request, reply []byte) bool {
		if len(reply) == 0 || !done.CompareAndSwap(false, true) {
			return faithful(conn, request, reply)
		}
		return f(conn, request, reply)
	})
	defer s.set(faithful)
	for i := 0; i < 100 && !done.Load(); i++ {
		pause(l.stop, ms)
	}
	return nil
}

// proxyFaults are changes of all pools' settings that move no key; after each the proxy goes back to its first ones.
var proxyFaults = []fault[*proxy]{
	{4, "settings reloaded", func(l *lane, p *proxy) error {
		return reloaded(l, p, regexp.MustCompile(`  hash: md5\n`), fmt.Sprintf("  hash: md5\n  slowlog_max_len: %d\n", 1+l.rng.IntN(100)))
	}},
	{3, "timeouts reloaded", func(l *lane, p *proxy) error {
		return reloaded(l, p, regexp.MustCompile(`  timeout: \d+\n`), fmt.Sprintf("  timeout: %d\n", l.between(100*ms, timeout).Milliseconds()))
	}},
	{4, "connections reloaded", func(l *lane, p *proxy) error {
		return reloaded(l, p, regexp.MustCompile(`  server_connections: \d+\n`), fmt.Sprintf("  server_connections: %d\n", 1+l.rng.IntN(3)))
	}},
}

func reloaded(l *lane, p *proxy, what *regexp.Regexp, with string) error {
	if err := p.reload(what.ReplaceAllLiteralString(p.conf, with)); err != nil {
		return err
	}
	pause(l.stop, l.between(5*ms, 300*ms))
	return p.reload(p.conf)
}

// clientFaults are what clients do to a pool.
var clientFaults = []fault[*load]{
	{4, "client vanished", vanish},
	{4, "client half-closed", halfClose},
	{2, "client never read", deaf},
	{2, "client read late", readLate},
	{2, "client flooded", flood},
	{2, "connection storm", storm},
}

// vanish sends requests and a part of one more, and is gone.
func vanish(l *lane, ld *load) error {
	c, err := dialRaw(ld.addr)
	if err != nil {
		return err
	}
	text := strings.Repeat(ld.d.get(ld.name+":shared:0"), l.rng.IntN(50)) + ld.d.set("vanished", strings.Repeat("v", 2000))
	_, err = io.WriteString(c.conn, text[:len(text)-1-l.rng.IntN(2010)])
	pause(l.stop, l.between(0, 5*ms))
	if l.rng.IntN(2) == 0 {
		c.reset()
	} else {
		c.close()
	}
	return err
}

// halfClose sends requests, perhaps a part of one more, and that it will send no more; each whole one is answered.
func halfClose(l *lane, ld *load) error {
	c, err := dialRaw(ld.addr)
	if err != nil {
		return err
	}
	defer c.close()
	keys := ld.someKeys(l, 1+l.rng.IntN(200))
	text := ld.gets(keys)
	if l.rng.IntN(2) == 0 {
		text += ld.d.set("half", "a value")[:4]
	}
	if _, err := io.WriteString(c.conn, text); err != nil {
		return err
	}
	if err := c.conn.CloseWrite(); err != nil {
		return err
	}
	ld.expect(c, "half-closed client", keys)
	rest, err := io.ReadAll(c.r)
	if err != nil || len(rest) > 0 {
		ld.tally.report(crossed, "%s half-closed client: %s, %v after its last reply; want EOF", ld.name, clip(rest), err)
	}
	return nil
}

// largeKey has a value of 100 KB, if no fault has taken it.
func (ld *load) largeKey(c *raw) (string, error) {
	key := ld.name + ":shared:large"
	if reply, err := c.ask(ld.d, ld.d.set(key, value(key, 0, 1, 100<<10))); err != nil {
		return "", fmt.Errorf("%s: client %v sets 100 KB: %s, %w", ld.name, c.conn.LocalAddr(), clip(reply), err)
	}
	return key, nil
}

// deaf asks for far more than the kernel keeps, reads nothing and goes away.
func deaf(l *lane, ld *load) error {
	c, err := dialRaw(ld.addr)
	if err != nil {
		return err
	}
	defer c.reset()
	key, err := ld.largeKey(c)
	if err != nil {
		return err
	}
	c.conn.SetWriteDeadline(time.Now().Add(l.between(50*ms, 400*ms)))
	text := strings.Repeat(ld.d.get(key), 1000)
	for range 1000 {
		if _, err := io.WriteString(c.conn, text); err != nil || isDone(l.stop) {
			break // the proxy reads no more, as it should
		}
	}
	pause(l.stop, l.between(50*ms, 300*ms))
	return nil
}

// readLate asks for much and reads it after a while.
func readLate(l *lane, ld *load) error {
	c, err := dialRaw(ld.addr)
	if err != nil {
		return err
	}
	defer c.close()
	key, err := ld.largeKey(c)
	if err != nil {
		return err
	}
	var keys []string
	for range 100 {
		keys = append(keys, key)
	}
	if _, err := io.WriteString(c.conn, ld.gets(keys)); err != nil {
		return err
	}
	pause(l.stop, l.between(50*ms, 500*ms))
	ld.expect(c, "late reader", keys)
	return nil
}

// flood sends requests as fast as it can, and reads as fast as it can.
func flood(l *lane, ld *load) error {
	c, err := dialRaw(ld.addr)
	if err != nil {
		return err
	}
	defer c.close()
	keys := ld.someKeys(l, 1000+l.rng.IntN(4000))
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c.conn, ld.gets(keys))
		sent <- err
	}()
	ld.expect(c, "flooding client", keys)
	return <-sent
}

// storm opens many connections at once.
func storm(l *lane, ld *load) error {
	var all []*raw
	defer func() {
		for _, c := range all {
			c.close()
		}
	}()
	for range 20 + l.rng.IntN(80) {
		c, err := dialRaw(ld.addr)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	for _, c := range all {
		keys := ld.someKeys(l, 1)
		if _, err := io.WriteString(c.conn, ld.gets(keys)); err != nil {
			return err
		}
		ld.expect(c, "one of many clients", keys)
	}
	return nil
}

func (ld *load) someKeys(l *lane, n int) []string {
	var keys []string
	for range n {
		keys = append(keys, fmt.Sprintf("%s:shared:%d", ld.name, l.rng.IntN(sharedKeys)))
	}
	return keys
}

func (ld *load) gets(keys []string) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(ld.d.get(k))
	}
	return b.String()
}

// expect reads the replies to gets: errors, misses, and values of these keys in this order.
func (ld *load) expect(c *raw, who string, keys []string) {
	for i, k := range keys {
		reply, err := ld.d.read(c.r)
		if err != nil {
			ld.tally.report(closed, "%s %s: reply %d of %d: %s, %v", ld.name, who, i, len(keys), clip(reply), err)
			return
		}
		ld.tally.requests.Add(1)
		if text, usual := ld.errorText(reply); text != "" {
			ld.tally.error(text)
			if !usual {
				ld.tally.report(surprising, "%s %s: get %s = %s", ld.name, who, k, clip(reply))
			}
		} else if wrong := ld.d.judgeGet(reply, k); wrong != "" {
			ld.tally.report(crossed, "%s %s: get %s = %s: %s", ld.name, who, k, clip(reply), wrong)
		}
	}
}
