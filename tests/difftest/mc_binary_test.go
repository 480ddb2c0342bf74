//go:build unix

package difftest

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"

	"github.com/google/go-cmp/cmp"
)

// binConverse sends b in pieces to addr on a new connection, and a NOOP of its own behind it, and returns all that comes until that is
// answered, or the connection ends.
func binConverse(t testing.TB, addr string, b []byte, cuts []int) string {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	last := binFrame{op: binNoop, opaque: 0x1a57}.append(nil)
	go c.sendCut(slices.Concat(b, last), cuts) // the peer may close it before all is written
	var got []byte
	for {
		r, err := readBin(c.r)
		got = append(got, r.raw...)
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			t.Fatalf("%s is silent behind %q; it was sent %q", addr, clip(string(got)), clip(string(b)))
		}
		switch {
		case err != nil:
			return string(got) + "(closed)"
		case r.opaque == 0x1a57:
			return string(got)
		}
	}
}

// binCases are said directly and through the proxy, one after the other, on connections of their own.
var binCases = func() (list []binCase) {
	add := func(name string, frames ...binFrame) {
		c := binCase{name: name}
		for i, f := range frames {
			if f.opaque == 0 {
				f.opaque = uint32(i + 1)
			}
			c.text = f.append(c.text)
		}
		list = append(list, c)
	}
	none, set := string(make([]byte, 4)), "\xde\xad\xbe\xef\x00\x00\x00\x00"
	long, tooLong := strings.Repeat("k", 250), strings.Repeat("k", 251)
	store := func(op byte, key, value string) binFrame {
		extras := set
		if op == binAppend || op == binPrepend || op == 0x19 || op == 0x1a {
			extras = ""
		}
		return binFrame{op: op, extras: extras, key: key, value: value}
	}
	get := func(op byte, key string) binFrame { return binFrame{op: op, key: key} }
	gat := func(op byte, key string) binFrame { return binFrame{op: op, extras: none, key: key} }
	count := func(op byte, key string, by, first uint64, expiry uint32) binFrame {
		return binFrame{op: op, extras: binAdded(by, first, expiry), key: key}
	}
	quit, noop := binFrame{op: binQuit}, binFrame{op: binNoop}

	add("nothing")
	add("misses", get(binGet, "a"), get(binGetQ, "a"), get(binGetK, "a"), get(binGetKQ, "a"), gat(binGAT, "a"), gat(binGATQ, "a"), gat(binGATK, "a"), gat(binGATKQ, "a"),
		gat(binTouch, "a"), get(binDelete, "a"), get(binDeleteQ, "a"), store(binReplace, "a", "v"), store(0x13, "a", "v"), store(binAppend, "a", "v"),
		store(0x19, "a", "v"), store(binPrepend, "a", "v"), store(0x1a, "a", "v"))
	add("store", store(binSet, "a", "value"), get(binGet, "a"), get(binGetK, "a"), store(binAdd, "a", "other"), store(0x12, "a", "other"), store(binReplace, "a", "new"),
		store(binAppend, "a", ">"), store(binPrepend, "a", "<"), get(binGet, "a"), gat(binTouch, "a"), gat(binGAT, "a"), gat(binGATK, "a"), store(binSet, "e", ""), get(binGetK, "e"))
	add("quiet", store(binSetQ, "a", "1"), store(0x12, "b", "2"), store(0x13, "a", "3"), store(0x19, "a", ">"), store(0x1a, "a", "<"), get(binGetQ, "a"), get(binGetKQ, "a"), get(binGetQ, "none"),
		gat(binGATQ, "a"), gat(binGATKQ, "b"), count(binIncrQ, "n", 1, 10, 0), count(0x16, "n", 3, 10, 0), get(binGetQ, "n"), get(binDeleteQ, "n"), get(binGetQ, "n"), noop)
	add("numbers", count(binIncr, "n1", 5, 1<<63, 0), count(binIncr, "n1", 1<<63, 0, 0), count(binDecr, "n1", 100, 0, 0), count(binIncr, "none", 1, 1, 1<<32-1),
		count(binDecr, "none", 1, 1, 1<<32-1), count(binDecr, "n2", 1, 7, 0), count(binDecr, "n2", 9, 0, 0), store(binSet, "s", "text"), count(binIncr, "s", 1, 1, 0), count(binIncrQ, "s", 1, 1, 0),
		store(binSet, "s", "99"), count(binIncr, "s", 1, 1, 0), get(binGet, "s"))
	cas := func(f binFrame, id uint64) binFrame { f.cas = id; return f }
	add("cas", store(binSet, "c", "1"), cas(store(binSet, "c", "2"), 1<<40), cas(store(binSetQ, "c", "2"), 1<<40), cas(get(binDelete, "c"), 1<<40), cas(get(binDeleteQ, "c"), 1<<40),
		cas(store(binAppend, "c", "2"), 1<<40), cas(count(binIncr, "c", 1, 1, 0), 1<<40), cas(store(binSet, "nowhere", "2"), 5), cas(store(binAdd, "c", "2"), 5), get(binGet, "c"))
	for id := range uint64(60) { // the right one is among them
		add(fmt.Sprint("cas ", id), cas(store(binSet, "c", fmt.Sprint("by ", id)), id+1), get(binGet, "c"))
	}
	add("keys", store(binSet, long, "v"), get(binGetK, long), store(binSet, "a b\r\n\x00\x80", "v"), get(binGetK, "a b\r\n\x00\x80"), get(binGetK, "\xff"))
	for op := range 256 {
		opcode := byte(op)
		if opcode == binStat || opcode == binVerbosity {
			continue
		}
		known := op <= 0x24 && op != 0x1f
		add(fmt.Sprintf("%#x bare", op), binFrame{op: opcode}, noop)
		if !known && op%16 != 0 {
			continue
		}
		for _, key := range []string{"", "k", tooLong} {
			if !known && len(key) == 1 {
				continue // memcached skips as much of what follows
			}
			for _, extras := range []string{"", none, set, binAdded(1, 2, 0), "odd"} {
				if !known && extras != "" || extras != "" && (op >= 0x1d && op <= 0x24 || op == binTouch) && key == "k" && extras != none {
					continue // likewise
				}
				add(fmt.Sprintf("%#x %d %d", op, len(key), len(extras)), binFrame{op: opcode, key: key, extras: extras}, noop)
			}
		}
		if known && opcodeIsBare(opcode) {
			add(fmt.Sprintf("%#x value", op), binFrame{op: opcode, value: "v"}, noop)
		}
	}
	add("key longer than the body", store(binSet, "a", "1"), binFrame{op: binGet, key: "abc", lengths: func(_ *uint16, _ *byte, body *uint32) { *body = 2 }}, noop)
	add("extras longer than the body", binFrame{op: binGet, key: "abc", lengths: func(_ *uint16, extras *byte, _ *uint32) { *extras = 200 }}, noop, noop, noop, noop, noop, noop, noop, noop, noop)
	add("quit", noop, get(binGet, "a"), quit, noop)
	add("quitq", noop, get(binGet, "a"), binFrame{op: binQuitQ}, noop)
	add("version", binFrame{op: binVersion}, binFrame{op: binVersion, opaque: 1<<32 - 1})
	add("flush", binFrame{op: binFlush}, binFrame{op: binFlushQ}, binFrame{op: binFlush, extras: none}, binFrame{op: binFlushQ, extras: none}, noop)
	add("too large", store(binSet, "a", "1"), store(binSet, "a", strings.Repeat("v", 2<<20)), get(binGet, "a"), store(binSetQ, "b", strings.Repeat("v", 2<<20)), store(binAdd, "b", strings.Repeat("v", 2<<20)),
		store(binAppend, "b", strings.Repeat("v", 2<<20)), noop)
	add("large", store(binSet, "big", strings.Repeat("v", 1<<20-200)), get(binGet, "big"), get(binGetQ, "big"), get(binGetKQ, "big"), gat(binGATKQ, "big"), store(binSetQ, "big", strings.Repeat("w", 600<<10)), get(binGetKQ, "big"), noop)
	add("stats", binFrame{op: binStat, key: "reset"}, binFrame{op: binStat, key: "nosuch"}, binFrame{op: binStat, key: "detail on"}, get(binGet, "p:a"), binFrame{op: binStat, key: "detail dump"},
		binFrame{op: binStat, key: "detail off"}, binFrame{op: binStat, key: "detail"}, binFrame{op: binStat, key: "sizes"}, noop)
	add("stats with extras", binFrame{op: binStat, key: "items", extras: none}, noop)
	add("verbosity", binFrame{op: binVerbosity}, noop)
	add("sasl", binFrame{op: 0x20}, binFrame{op: binSASLAuth, key: "PLAIN", value: "\x00user\x00password"}, binFrame{op: 0x22, key: "PLAIN", value: "x"}, noop)
	list = append(list, binCase{name: "text behind it", text: append(noop.append(nil), strings.Repeat("get a\r\n", 10)...)})
	list = append(list, binCase{name: "a reply's magic", text: append(noop.append(nil), "\x81"+strings.Repeat("\x00", 23)...)})
	return list
}()

func opcodeIsBare(op byte) bool {
	return op == binNoop || op == binVersion || op == binQuit || op == binQuitQ || op == binFlush || op == binFlushQ || op == 0x20
}

type binCase struct {
	name string
	text []byte
}

// TestMemcachedBinary says everything directly and through the proxy: the same bytes come back, with their cas ids, whole and cut.
func TestMemcachedBinary(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	rng := newRand(19)
	for _, cutting := range []bool{false, true} {
		direct, behind := startMemcached(t), startMemcached(t)
		addr := startProxy(t, mcPoolOf([]*mcServer{behind}, "memcached_admin: true")).addr("p")
		for _, c := range binCases {
			var cuts []int
			if cutting {
				if len(c.text) > 1<<20 {
					continue
				}
				for range 12 {
					cuts = append(cuts, rng.IntN(len(c.text)+24))
				}
				slices.Sort(cuts)
			}
			want := binConverse(t, direct.addr, c.text, nil)
			if got := binConverse(t, addr, c.text, cuts); got != want {
				w, g := around(want, got)
				t.Errorf("%s, cut %v:\n  want %s\n  got  %s", c.name, cutting, w, g)
			}
		}
	}
}

// TestMemcachedBinaryRandom says pipelines of commands, right and wrong, to both.
func TestMemcachedBinaryRandom(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	direct, behind := startMemcached(t), startMemcached(t)
	addr := startProxy(t, mcPoolOf([]*mcServer{behind}, "memcached_admin: true")).addr("p")
	n := 1500
	if testing.Short() {
		n = 300
	}
	for seed := range n {
		rng := newRand(uint64(seed))
		text := binRandom(rng)
		var cuts []int
		for range rng.IntN(6) {
			cuts = append(cuts, rng.IntN(len(text)+24))
		}
		slices.Sort(cuts)
		want := binConverse(t, direct.addr, text, nil)
		if got := binConverse(t, addr, text, cuts); got != want {
			w, g := around(want, got)
			t.Fatalf("seed %d, cuts %v, %q:\n  want %s\n  got  %s", seed, cuts, clip(string(text)), w, g)
		}
	}
}

// binRandom is a pipeline; it is rarely wrong, since that ends it. What takes time to expire has much.
func binRandom(rng *rand.Rand) (text []byte) {
	keys := []string{"a", "b", "n", "m", strings.Repeat("k", 250), "\x80 \n"}
	for range 1 + rng.IntN(30) {
		f := binFrame{op: byte(rng.IntN(0x25)), opaque: rng.Uint32(), key: keys[rng.IntN(len(keys))]}
		switch f.op {
		case binSet, binAdd, binReplace, 0x11, 0x12, 0x13:
			f.extras, f.value = fmt.Sprintf("%04d", rng.IntN(10000))+string(make([]byte, 4)), []string{"", "v", "17", strings.Repeat("x", rng.IntN(5000))}[rng.IntN(4)]
		case binAppend, binPrepend, 0x19, 0x1a:
			f.value = []string{"", "v", "1"}[rng.IntN(3)]
		case binDecr, 0x16: // a number that gets shorter has spaces behind it, or not if a reply to somebody still has it
			continue
		case binIncr, binIncrQ:
			f.extras = binAdded(uint64(rng.IntN(1000)), uint64(rng.IntN(1000)), []uint32{0, 1<<32 - 1}[rng.IntN(2)])
		case binTouch, binGAT, binGATQ, binGATK, binGATKQ:
			f.extras = string(make([]byte, 4))
		case binNoop, binVersion, 0x20:
			f.key = ""
		case binFlush, binFlushQ: // what was stored in the same second stays
			continue
		case binQuit, binQuitQ, binStat, binVerbosity, 0x1f:
			continue
		}
		if rng.IntN(4) == 0 {
			f.cas = uint64(1 + rng.IntN(50))
		}
		switch rng.IntN(60) {
		case 0:
			f.extras = f.extras[:max(0, len(f.extras)-1)]
		case 1:
			f.key = strings.Repeat("l", 251)
		case 2:
			if f.key != "" { // else what follows begins elsewhere, and memcached hangs up without what it still owes
				f.lengths = func(_ *uint16, _ *byte, body *uint32) { *body = 0 }
			}
		}
		text = f.append(text)
	}
	return text
}

// TestMemcachedBinaryPlacement: what is set in binary lies where the text protocol puts it, and is found through either.
func TestMemcachedBinaryPlacement(t *testing.T) {
	t.Parallel()
	notRaced(t)
	wantCashew(t, "it closes the client without a word, 7.1")
	servers := startMemcacheds(t, 4)
	var pools []pool
	for _, p := range placements {
		pools = append(pools, p.memcachedPool(servers))
	}
	ours, keys := startProxy(t, pools...), mcKeys()
	for _, p := range placements {
		t.Run(p.name, func(t *testing.T) {
			addr := ours.addr(p.name)
			mcFlush(t, servers...)
			mcSetAll(t, addr, keys)
			want := mcWhereabouts(t, servers, keys)
			c := dial(t, addr)
			var gets []byte
			for _, k := range keys {
				gets = append(gets, binRequest(binGetKQ, "", k, "")...)
			}
			gets = append(gets, binRequest(binNoop, "", "", "")...)
			go c.conn.Write(gets) // ends when the connection does
			for _, k := range keys {
				if r := c.binReply(binGetKQ, k); r.key != k || r.value != mcValue(k) {
					t.Fatalf("%q in binary: %v", k, r)
				}
			}
			c.binReply(binNoop, "")
			mcFlush(t, servers...)
			for _, k := range keys {
				c.binWant(0, "", binSet, string(make([]byte, 8)), k, mcValue(k))
			}
			if diff := cmp.Diff(want, mcWhereabouts(t, servers, keys)); diff != "" {
				t.Fatalf("keys sit on other servers than with text (-want +got):\n%s", diff)
			}
			mcGetAll(t, addr, keys)
		})
	}
}

// TestMemcachedBinarySeveral: what goes to all servers, and what the proxy tells of itself.
func TestMemcachedBinarySeveral(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	servers := startMemcacheds(t, 3)
	all, some := mcPoolOf(servers, append([]string{"memcached_admin: true"}, spread...)...), mcPoolOf(servers, spread...)
	some.name = "some"
	p := startProxy(t, all, some)
	keys := keysOf("key:%d", 60)
	c := dial(t, p.addr("p"))
	for n, flush := range []byte{binFlush, binFlushQ} {
		c.send([]byte(binRequest(flush, "", "", "")))
		if flush == binFlush {
			c.binReply(flush, "")
		}
		c.binWant(0, "", binNoop, "", "", "")
		for _, s := range servers {
			if got := s.stat(t, "cmd_flush"); got != fmt.Sprint(n+1) {
				t.Errorf("%#x: server %s has flushed %s times", flush, s.addr, got)
			}
		}
	}
	stats := func(key string) map[string]string {
		c.send([]byte(binRequest(binStat, "", key, "")))
		list := map[string]string{}
		for {
			r := c.binReply(binStat, key)
			if r.status != 0 || r.key == "" {
				return list
			}
			list[r.key] = r.value
		}
	}
	if own := stats(""); own["pool"] != "p" || own["servers"] != "3" || own["curr_connections"] != "1" {
		t.Errorf("stats: %v", own)
	}
	mcSetAll(t, p.addr("p"), keys)
	if items := stats("items"); items["items:1:number"] != "60" {
		t.Errorf("stats items: %v", items)
	}
	if settings := stats("settings"); strings.Count(settings["tcpport"], ",") != 2 {
		t.Errorf("stats settings: tcpport %q", settings["tcpport"])
	}
	if r := c.bin(binStat, "", "sizes_enable", ""); r.status != 0x20 {
		t.Errorf("stats sizes_enable: %v", r)
	}
	c.binWant(0x81, "Unknown command", binVerbosity, string(make([]byte, 4)), "", "")
	c = dial(t, p.addr("some"))
	c.binWant(0x20, "flush_all is not allowed through this proxy", binFlush, "", "", "")
	c.binWant(0x20, "flush_all is not allowed through this proxy", binFlushQ, "", "", "")
	c.binWant(0x20, "stats is not allowed through this proxy", binStat, "", "", "")
	c.binWant(0x20, "stats is not allowed through this proxy", binStat, "", "items", "")
	if r := c.bin(binVersion, "", "", ""); r.status != 0 || !strings.HasPrefix(r.value, "1.") {
		t.Errorf("version: %v", r)
	}
}

// TestMemcachedBinaryDeviations: what memcached 1.6.18 leaves in the stream, or takes out of it, hangs no request of others on it.
func TestMemcachedBinaryDeviations(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	addr := startProxy(t, mcPoolOf(startMemcacheds(t, 1), "memcached_admin: true")).addr("p")
	inside := binFrame{op: binSet, extras: string(make([]byte, 8)), key: "smuggled", value: "x"}.append(nil)
	for _, f := range []binFrame{
		{op: binGAT, extras: string(make([]byte, 4)), key: "a", value: string(inside)},
		{op: binTouch, extras: string(make([]byte, 4)), key: "a", value: string(inside)},
		{op: binStat, key: "reset", value: string(inside)},
	} {
		c := dial(t, addr)
		c.send(f.append(nil))
		if r, err := readBin(c.r); err != nil || r.status != 4 || r.value != "Invalid arguments" {
			t.Errorf("%#x with a value: %v, %v", f.op, r, err)
		}
		c.wantEOF()
	}
	c := dial(t, addr)
	c.send(binFrame{op: 0x50, extras: "1234", key: "key", value: string(inside)}.append(nil))
	if r, err := readBin(c.r); err != nil || r.status != 0x81 {
		t.Errorf("unknown: %v, %v", r, err)
	}
	c.binWant(1, "Not found", binGet, "", "smuggled", "")
}

// TestMemcachedBinaryMixed: a client's first byte decides, and what a text client says behind text does not.
func TestMemcachedBinaryMixed(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	addr := startProxy(t, mcPoolOf(startMemcacheds(t, 2), spread...)).addr("p")
	const told = "SERVER_ERROR the binary protocol behind text commands; a connection speaks one of them\r\n"
	c := dial(t, addr)
	c.send([]byte(mcSet("a", "1") + mcGet("a") + binRequest(binNoop, "", "", "")))
	if got, want := c.drain(), "STORED\r\n"+mcHit("a", "1")+told; got != want {
		t.Errorf("binary behind text: %q; want %q", got, want)
	}
	c = dial(t, addr)
	c.expectAll("END\r\nERROR\r\nEND\r\n", "get \x80\r\n\x81\r\nget b\x80\r\n") // elsewhere it is a byte like any other
	binary, text := dial(t, addr), dial(t, addr)
	for i := range 200 {
		k, v := fmt.Sprint("key:", i%7), fmt.Sprint("value ", i)
		binary.binWant(0, "", binSet, string(make([]byte, 8)), k, v)
		text.expect(mcHit(k, v), mcGet(k))
		text.expect("STORED\r\n", mcSet(k, v+"'"))
		binary.binWant(0, v+"'", binGet, "", k, "")
	}
}

// TestMemcachedBinaryRefused: a server that speaks text alone is named to the client, again and again, and once in the log.
func TestMemcachedBinaryRefused(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	servers := []*mcServer{startMemcached(t), startMemcached(t, "-B", "ascii")}
	s := newService(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	s.configure(t, fmt.Sprintf("p:\n  listen: %s\n  hash: md5\n  distribution: modula\n  servers:\n   - %s\n", listen, strings.Join(mcEntries(servers), "\n   - ")))
	s.startDaemon(t)
	where := mcOwners(t, listen, servers, "key:%d", 40)
	speaks, not := pick(t, where, 0, 5), pick(t, where, 1, 5)
	want := "server " + servers[1].addr + " does not speak the binary protocol, which the client chose: ERROR"
	for range 3 {
		c := dial(t, listen)
		for i := range 5 {
			c.binWant(0, mcValue(speaks[i]), binGet, "", speaks[i], "")
			c.binWant(0x84, want, binGet, "", not[i], "")
			c.send([]byte(binRequest(binGetKQ, "", not[i], "") + binRequest(binNoop, "", "", "")))
			if r := c.binReply(binGetKQ, not[i]); r.status != 0x84 || r.value != want {
				t.Errorf("quiet: %v", r)
			}
			c.binReply(binNoop, "")
		}
	}
	text := dial(t, listen)
	text.expect(mcHit(not[0], mcValue(not[0])), mcGet(not[0]))
	if n := strings.Count(s.logged(), "server does not speak what a client asked for"); n != 1 {
		t.Errorf("the log says so %d times; want once:\n%s", n, s.logged())
	}
}

// TestMemcachedBinaryKilledUnderLoad kills a server under clients of both protocols.
func TestMemcachedBinaryKilledUnderLoad(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	servers := startMemcacheds(t, 4)
	addr := startLoops(t, 2, mcPoolOf(servers, append(spread, "timeout: 5000")...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 100)
	text := startMCLoad(t, addr, where, 3)
	text.mayFail.Store(0)
	killUnderLoad(t, startBinLoad(t, addr, where, 4), servers[0].Kill, func() {
		dead := slices.DeleteFunc(sortedKeys(where), func(k string) bool { return where[k] != 0 })
		servers[0].start(t)
		mcRecovered(t, addr, dead[0])
		c := dial(t, addr)
		defer c.close()
		for _, k := range dead { // the server came back empty
			await(t, "every client connection's loop has its server back", func() bool {
				return c.bin(binSet, string(make([]byte, 8)), k, mcValue(k)).status == 0
			})
		}
	})
	text.end(t)
}

// TestMemcachedBinaryTimeout stops a server without closing anything, and lets it go on later.
func TestMemcachedBinaryTimeout(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	servers := startMemcacheds(t, 2)
	addr := startProxy(t, mcPoolOf(servers, append(spread, "timeout: 300")...)).addr("p")
	where := mcOwners(t, addr, servers, "key:%d", 40)
	stopped, live := pick(t, where, 0, 10), pick(t, where, 1, 10)
	c := dial(t, addr)
	c.binWant(0, mcValue(stopped[0]), binGet, "", stopped[0], "")
	for range 2 {
		servers[0].Pause(t)
		c.send([]byte(binRequest(binGet, "", live[0], "") + binRequest(binGetQ, "", stopped[0], "") + binStored(binSetQ, stopped[1], mcValue(stopped[1])) +
			binRequest(binDelete, "", stopped[9], "") + binRequest(binGetKQ, "", live[1], "") + binRequest(binNoop, "", "", "")))
		if r := c.binReply(binGet, live[0]); r.value != mcValue(live[0]) {
			t.Fatalf("live: %v", r)
		}
		for _, late := range []struct {
			op  byte
			key string
		}{{binGetQ, stopped[0]}, {binSetQ, stopped[1]}, {binDelete, stopped[9]}} {
			if r := c.binReply(late.op, late.key); r.status != 0x84 || r.value != "Connection timed out" {
				t.Fatalf("stopped: %v", r)
			}
		}
		if r := c.binReply(binGetKQ, live[1]); r.value != mcValue(live[1]) || r.key != live[1] {
			t.Fatalf("live: %v", r)
		}
		c.binReply(binNoop, "")
		servers[0].Signal(syscall.SIGCONT)
		await(t, "the server is back", func() bool { return c.bin(binGet, "", stopped[3], "").status == 0 })
		for i := range 200 { // replies that came too late must not be taken for those of later requests
			c.binWant(0, mcValue(stopped[i%8]), binGet, "", stopped[i%8], "")
		}
	}
}

// TestMemcachedBinaryHuge: values much larger than any buffer, whole and quiet, under two clients at once.
func TestMemcachedBinaryHuge(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it closes the client without a word, 7.1")
	servers := startMemcacheds(t, 2, "-m", "512", "-I", "64m")
	addr := startProxy(t, mcPoolOf(servers, spread...)).addr("p")
	value := string(randomBytes(19, 24<<20))
	done := make(chan struct{})
	other := dial(t, addr)
	go func() {
		defer close(done)
		for i := range 2000 {
			k := fmt.Sprint("small", i%10)
			other.conn.Write([]byte(binStored(binSet, k, k) + binRequest(binGetK, "", k, "")))
			for _, op := range []byte{binSet, binGetK} {
				if r, err := readBin(other.r); err != nil || r.op != op || r.opaque != crc32.ChecksumIEEE([]byte(k)) || r.status != 0 || op == binGetK && r.value != k {
					t.Errorf("beside it: %v, %v", r, err)
					return
				}
			}
		}
	}()
	c := dial(t, addr)
	go io.WriteString(c.conn, binStored(binSetQ, "huge", value)+binRequest(binGet, "", "huge", "")+binRequest(binGetKQ, "", "huge", "")+
		binRequest(binGetQ, "", "none", "")+binRequest(binGetQ, "", "huge", "")+binRequest(binNoop, "", "", ""))
	for _, op := range []byte{binGet, binGetKQ, binGetQ} {
		c.renew()
		if r := c.binReply(op, "huge"); !bytes.Equal([]byte(r.value), []byte(value)) {
			t.Fatalf("%#x: %d bytes of another value; want %d", op, len(r.value), len(value))
		}
	}
	c.binReply(binNoop, "")
	<-done
}

// TestMemcachedBinaryUpgrade: a client of the binary protocol goes over to another process, in the middle of a frame, and says what it
// is in the figures.
func TestMemcachedBinaryUpgrade(t *testing.T) {
	t.Parallel()
	wantCashew(t, "it has no upgrade")
	servers := startMemcacheds(t, 2)
	s := newService(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	s.configure(t, fmt.Sprintf("p:\n  listen: %s\n  hash: md5\n  servers:\n   - %s\n", listen, strings.Join(mcEntries(servers), "\n   - ")))
	s.startDaemon(t)
	idle, inside, text := dial(t, listen), dial(t, listen), dial(t, listen)
	idle.binWant(0, "", binSet, string(make([]byte, 8)), "a", "1")
	inside.binWant(0, "1", binGet, "", "a", "")
	text.expect(mcHit("a", "1"), mcGet("a"))
	frame := binStored(binSet, "b", "12345")
	inside.send([]byte(frame[:30]))
	first := s.pid()
	if err := upgrade(s); err != nil {
		t.Fatal(err)
	}
	await(t, "another process has all clients", func() bool { return s.pid() != first && s.pid() != 0 && isGone(first) })
	inside.send([]byte(frame[30:]))
	if r := inside.binReply(binSet, "b"); r.status != 0 {
		t.Fatalf("cut by the upgrade: %v", r)
	}
	idle.binWant(0, "12345", binGet, "", "b", "")
	text.expect(mcHit("b", "12345"), mcGet("b"))
	await(t, "the page tells how many speak what", func() bool {
		_, body, err := s.page("GET", "/metrics")
		return err == nil && strings.Contains(body, `protocol="binary"} 2`) && strings.Contains(body, `protocol="text"} 1`)
	})
	idle.send([]byte(binRequest(binQuit, "", "", "")))
	idle.binReply(binQuit, "")
	idle.wantEOF()
}
