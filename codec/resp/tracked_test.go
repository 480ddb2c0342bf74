package resp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cashew/codec"
)

// words is a command of words, as clients send it.
func words(text string) []byte {
	return commandOf(strings.Fields(text)...)
}

func commandOf(args ...string) []byte {
	out := appendHeader(nil, '*', len(args))
	for _, a := range args {
		out = appendBulk(out, a)
	}
	return out
}

// invalidated are the keys of a push that Invalidates yields, or "all".
func invalidated(push string) (keys []string) {
	if New(Options{}).Invalidates([]byte(push), func(key []byte) { keys = append(keys, string(key)) }) {
		return []string{"all"}
	}
	return keys
}

// trackedPeers are a connection to a server that tells it of writes, and another that reads, with a third that writes.
type trackedPeers struct {
	t                       *testing.T
	p                       *Protocol
	tracker, reader, writer *peer
}

func dialTracked(t *testing.T, prefixes ...string) *trackedPeers {
	t.Helper()
	socket := redisServer(t)
	k := &trackedPeers{t, New(Options{}), dialRedis(t, socket), dialRedis(t, socket), dialRedis(t, socket)}
	k.tracker.ask(words("HELLO 3"))
	number, ok := k.p.TrackerNumber([]byte(k.tracker.ask(k.p.AppendTracker(nil, prefixes))))
	switch {
	case !ok || number < 1:
		t.Fatalf("a tracker has the number %d, %v", number, ok)
	case len(prefixes) > 0:
	default:
		if reply := k.reader.ask(k.p.AppendTracks(nil, number)); !k.p.Tracks([]byte(reply)) {
			t.Fatalf("CLIENT TRACKING: %q", reply)
		}
	}
	return k
}

// reads has the server track a read.
func (k *trackedPeers) reads(frame []byte) (reply string) {
	k.t.Helper()
	if reply := k.reader.ask(k.p.AppendTracksNext(nil)); !k.p.Tracks([]byte(reply)) {
		k.t.Fatalf("CLIENT CACHING: %q", reply)
	}
	return k.reader.ask(frame)
}

// told is what the tracker was told until now.
func (k *trackedPeers) told() (keys []string) {
	k.t.Helper()
	for {
		reply := k.tracker.ask(nil)
		if reply == "+PONG\r\n" {
			return keys
		}
		keys = append(keys, invalidated(reply)...)
	}
}

// writes has the server write, and returns what the tracker was told.
func (k *trackedPeers) writes(frames ...[]byte) (keys []string) {
	k.t.Helper()
	for _, frame := range frames {
		if reply := k.writer.ask(frame); reply[0] == '-' {
			k.t.Fatalf("%q: %q", frame, reply)
		}
	}
	if _, err := k.tracker.conn.Write(words("PING")); err != nil {
		k.t.Fatal(err)
	}
	return k.told()
}

// TestTrackedAgainstRedis: a real server takes what is sent, and what it tells is understood.
func TestTrackedAgainstRedis(t *testing.T) {
	k := dialTracked(t)
	for _, key := range []string{"k", "", "a\r\nb", "\x00\xff", strings.Repeat("long", 10_000), "$5\r\nhello"} {
		k.writer.ask(commandOf("SET", key, "v"))
		if got := k.reads(commandOf("GET", key)); got != "$1\r\nv\r\n" {
			t.Errorf("%.20q is %q", key, got)
		}
		if got := k.writes(commandOf("SET", key, "w")); !slices.Equal(got, []string{key}) {
			t.Errorf("behind a write of %.20q the server told of %.40q", key, got)
		}
		if got := k.writes(commandOf("SET", key, "w")); len(got) != 0 {
			t.Errorf("behind one that nobody has read since it told of %.40q", got)
		}
	}
	k.reader.ask(words("GET k")) // without AppendTracksNext
	if got := k.writes(words("SET k x")); len(got) != 0 {
		t.Errorf("told of %q, which was not to be tracked", got)
	}
	k.reads(words("GET none"))
	if got := k.writes(words("SET none x")); !slices.Equal(got, []string{"none"}) {
		t.Errorf("told of %q, where a key was missing", got)
	}
	for _, flush := range []string{"FLUSHALL", "FLUSHDB"} {
		k.reads(words("GET k"))
		if got := k.writes(words(flush)); !slices.Equal(got, []string{"all"}) {
			t.Errorf("%s: told of %q", flush, got)
		}
	}
	var keys []string
	del := []string{"DEL"}
	for i := range 300 {
		keys = append(keys, fmt.Sprint("many", i))
		k.writer.ask(commandOf("SET", keys[i], "v"))
		k.reads(commandOf("GET", keys[i]))
	}
	got := k.writes(commandOf(append(del, keys...)...))
	slices.Sort(got)
	if slices.Sort(keys); !slices.Equal(got, keys) {
		t.Errorf("told of %d keys of %d", len(got), len(keys))
	}
}

// TestTrackedByPrefix: with prefixes the server tells of all keys that begin so, read or not.
func TestTrackedByPrefix(t *testing.T) {
	k := dialTracked(t, "user:", "page")
	if got := k.writes(words("MSET user:1 a page b other c users d")); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"page", "user:1"}) {
		t.Errorf("told of %q", got)
	}
	if got := k.writes(words("FLUSHALL")); !slices.Contains(got, "all") {
		t.Errorf("told of %q", got)
	}
	c := dialRedis(t, redisServer(t))
	c.ask(words("HELLO 3"))
	if _, ok := k.p.TrackerNumber([]byte(c.ask(k.p.AppendTracker(nil, []string{"a", "ab"})))); ok {
		t.Error("the server takes prefixes of which one begins as the other")
	}
}

// TestLife: how long a key has is understood, and what says nothing of that is not.
func TestLife(t *testing.T) {
	c, p := dialRedis(t, redisServer(t)), New(Options{})
	c.ask(words("SET ever v"))
	c.ask(words("SET soon v PX 500000"))
	for key, ever := range map[string]bool{"ever": true, "none": true, "soon": false} { // in no order: each is another key
		ms, ok := p.Life([]byte(c.ask(p.AppendLife(nil, []byte(key)))))
		if !ok || ever != (ms < 0) || !ever && (ms < 400_000 || ms > 500_000) {
			t.Errorf("%s has %d ms, %v", key, ms, ok)
		}
	}
	for _, reply := range []string{"", ":", ":\r\n", ":1", ":1\n", "-ERR\r\n", "+OK\r\n", ":x\r\n", "$1\r\n1\r\n", ":1\r\n:2\r\n", ":99999999999999999999\r\n", "(1\r\n"} {
		if ms, ok := p.Life([]byte(reply)); ok {
			t.Errorf("%q is %d ms", reply, ms)
		}
	}
}

// TestInvalidates: whatever is not just a list of keys is of all of them.
func TestInvalidates(t *testing.T) {
	const head = ">2\r\n$10\r\ninvalidate\r\n"
	for push, want := range map[string][]string{
		head + "*1\r\n$1\r\na\r\n":                     {"a"},
		head + "*2\r\n$1\r\na\r\n$0\r\n\r\n":           {"a", ""},
		head + "*0\r\n":                                nil,
		head + "_\r\n":                                 {"all"},
		head + "*-1\r\n":                               {"all"},
		head + "$-1\r\n":                               {"all"},
		head:                                           {"all"},
		head + "*1\r\n":                                {"all"},
		head + "*2\r\n$1\r\na\r\n":                     {"all"},
		head + "*1\r\n:1\r\n":                          {"all"},
		head + "*1\r\n$-1\r\n":                         {"all"},
		head + "*1\r\n*1\r\n$1\r\na\r\n":               {"all"},
		head + "*1\r\n$5\r\nab\r\n":                    {"all"},
		head + "*99999999\r\n$1\r\na\r\n":              {"all"},
		">2\r\n$7\r\nmessage\r\n$1\r\na\r\n":           {"all"},
		">1\r\n$10\r\ninvalidate\r\n":                  {"all"},
		">2\r\n+invalidate\r\n*1\r\n$1\r\na":           {"all"},
		">2\r\n$21\r\ntracking-redir-broken\r\n:7\r\n": {"all"},
		"": {"all"},
	} { // in no order: each is a push of its own
		if got := invalidated(push); !slices.Equal(got, want) {
			t.Errorf("%q is of %q; want %q", push, got, want)
		}
	}
}

// FuzzInvalidates: no push panics, and one of keys is of these.
func FuzzInvalidates(f *testing.F) {
	f.Add([]byte("a"), []byte("b"), []byte(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"))
	f.Add([]byte(""), []byte("\r\n"), []byte(">2\r\n$10\r\ninvalidate\r\n*-1\r\n"))
	f.Fuzz(func(t *testing.T, a, b, push []byte) {
		invalidated(string(push))
		text := append([]byte(">2\r\n$10\r\ninvalidate\r\n"), commandOf(string(a), string(b))...)
		if got := invalidated(string(text)); !slices.Equal(got, []string{string(a), string(b)}) {
			t.Errorf("%q is of %q", text, got)
		}
		for cut := range text {
			if got := invalidated(string(text[:cut])); len(got) == 0 || got[0] != "all" {
				t.Errorf("%q, which is cut, is of %q", text[:cut], got)
			}
		}
	})
}

// samples has each command whose reply is kept, and how its key is made and changed.
var samples = []struct{ make, change, reads string }{
	{"SET k 12345", "APPEND k 6", "get k; getrange k 0 -1; substr k 0 1; strlen k; exists k; type k; getbit k 1; bitcount k; bitcount k 0 1 BIT; bitpos k 1; bitfield_ro k GET u8 0; dump k"},
	{"HSET k f v g w", "HSET k f x", "hget k f; hmget k f none; hexists k f; hlen k; hstrlen k f; hgetall k; hkeys k; hvals k; dump k; type k; exists k"},
	{"RPUSH k a b c", "LPUSH k x", "llen k; lrange k 0 -1; lindex k 0; lpos k a; dump k"},
	{"SADD k a b 3", "SREM k a", "scard k; sismember k a; smismember k a b; smembers k"},
	{"ZADD k 1 a 2 b", "ZINCRBY k 5 a", "zcard k; zcount k 1 2; zlexcount k - +; zrange k 0 -1 WITHSCORES; zrevrange k 0 -1; zrangebyscore k 1 2; zrevrangebyscore k 2 1; " +
		"zrangebylex k - +; zrevrangebylex k + -; zrank k a; zrevrank k a; zscore k a; zmscore k a b"},
	{"GEOADD k 13 38 a 15 37 b", "ZREM k a", "geodist k a b; geopos k a; geohash k a; georadius_ro k 15 37 200 km; georadiusbymember_ro k a 200 km; geosearch k FROMMEMBER a BYRADIUS 200 km"},
	{"XADD k 1-1 f v", "XDEL k 1-1", "xlen k; xrange k - +; xrevrange k + -"},
}

// keeps says that replies to commands of an Op are kept.
func keeps(p *Protocol, op int) bool {
	is, _ := p.Keeps(&codec.Command{Op: uint16(op)})
	return is
}

// TestKeptAgainstRedis: of each command whose reply is kept the server says the same until its key is written, and tells of that.
func TestKeptAgainstRedis(t *testing.T) {
	k := dialTracked(t)
	p, sampled := k.p, map[string]bool{}
	for _, s := range samples {
		for read := range strings.SplitSeq(s.reads, "; ") {
			name, _, _ := strings.Cut(read, " ")
			sampled[name] = true
			k.writer.ask(words("DEL k"))
			k.writer.ask(words(s.make))
			first := k.reads(words(read))
			if first[0] == '-' || k.reads(words(read)) != first {
				t.Errorf("%s: %q and %q", read, first, k.reads(words(read)))
			}
			if op := opOf(name); op == 0 || !keeps(p, op) {
				t.Errorf("%s is not kept", name)
			}
			if got := k.writes(words(s.change)); !slices.Equal(got, []string{"k"}) {
				t.Errorf("behind %q the server tells of %q; it was read by %q", s.change, got, read)
			}
		}
	}
	for op, is := range kept {
		if name := commands[op].name; is && !sampled[name] {
			if info := k.writer.ask(words("COMMAND INFO " + name)); !strings.Contains(info, "-1") { // else the server does not have it
				t.Errorf("%s is kept, and no sample has it", name)
			}
		}
	}
	for name := range strings.FieldsSeq("set ttl pttl expiretime scan hscan srandmember hrandmember zrandmember randomkey object touch sort_ro xread xpending xinfo eval_ro time hello") {
		if keeps(p, opOf(name)) {
			t.Errorf("%s is kept", name)
		}
	}
}
