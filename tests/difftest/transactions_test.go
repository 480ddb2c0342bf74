//go:build unix

package difftest

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTransactions: what two clients say in turn, with transactions right and wrong and keys that they watch, is answered byte for
// byte as by the server itself, in both versions, before one server; and before four, where the keys are on one of them.
func TestTransactions(t *testing.T) {
	t.Parallel()
	wantCashew(t, "MULTI closes the client, 6.2")
	direct, servers := startRedis(t), startRedises(t, 5)
	one, four := poolOf(servers[:1]), poolOf(servers[1:], append(spread, `hash_tag: "{}"`)...)
	one.name, four.name = "one", "four"
	p := startProxy(t, one, four)
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	for _, pool := range []string{"one", "four"} {
		for seed := range seeds {
			flush(t, append(servers, direct)...)
			rng := newRand(uint64(seed))
			talks := transactionTalk(rng)
			want, got := inTurn(t, direct.addr, talks), inTurn(t, p.addr(pool), talks)
			for i := range talks {
				if got[i] != want[i] {
					t.Fatalf("%s, seed %d, step %d, client %d: %s: %q; directly %q\n%v", pool, seed, i, talks[i].client, show(talks[i].args), got[i], want[i], talks[max(0, i-12):i])
				}
			}
		}
	}
	c := dial(t, p.addr("one"))
	c.want("+PONG\r\n", "PING")
}

// TestWatchTimesOut: a WATCH that got no reply in time watches nothing that anybody could rely on, and EXEC executes nothing.
func TestWatchTimesOut(t *testing.T) {
	t.Parallel()
	wantCashew(t, "WATCH closes the client, 6.2")
	server := startRedis(t)
	c := dial(t, startProxy(t, poolOf([]*redisServer{server}, "timeout: 300")).addr("p"))
	c.want("+OK\r\n", "SET", "k", "1")
	server.do(t, "CLIENT", "PAUSE", "450", "ALL")
	c.want("-ERR Connection timed out\r\n", "WATCH", "k")
	await(t, "the server to go on", func() bool { return c.do("GET", "k") == bulk("1") })
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SET", "k", "2")
	c.want("*-1\r\n", "EXEC")
	c.want(bulk("1"), "GET", "k")
	c.want("+OK\r\n", "WATCH", "k")
	c.want("+OK\r\n", "MULTI")
	c.want("+QUEUED\r\n", "SET", "k", "2")
	c.want("*1\r\n+OK\r\n", "EXEC")
}

// turn is what one of two clients says.
type turn struct {
	client int
	args   []string
}

// transactionTalk makes up what they say.
func transactionTalk(rng *rand.Rand) (list []turn) {
	say := func(client int, line string) { list = append(list, turn{client, words(line)}) }
	if rng.IntN(2) == 0 {
		list = append(list, turn{-1, []string{"HELLO", "3"}}) // the first client, and its reply tells of the proxy
	}
	for range 150 {
		line := transactionWords[rng.IntN(len(transactionWords))]
		client := 0
		if rng.IntN(5) == 0 {
			line, client = otherWords[rng.IntN(len(otherWords))], 1
		}
		for strings.Contains(line, "@") {
			line = strings.Replace(line, "@", "{k}"+string("abc"[rng.IntN(3)]), 1)
		}
		say(client, line)
	}
	return append(list, turn{0, []string{"DISCARD"}}, turn{0, []string{"UNWATCH"}}, turn{0, []string{"GET", "{k}a"}})
}

var transactionWords = []string{
	"MULTI", "MULTI", "MULTI", "EXEC", "EXEC", "EXEC", "DISCARD", "WATCH @", "WATCH @ @", "UNWATCH", "SET @ 1", "SET @ text", "GET @", "INCR @",
	"MGET @ @ @", "MSET @ 1 @ 2", "DEL @ @", "LPUSH @ x", "HSET @ f v", "HGETALL @", "SMEMBERS @", "PING", "PING hello", "ECHO x",
	"SET @", "GET", "NOSUCH @", "OBJECT ENCODING @", "OBJECT NOSUCH @", "MULTI x", "EXEC x", "DISCARD x", "WATCH", "CLIENT GETNAME",
	"CLIENT SETNAME bob", "SELECT 0", "SELECT x", "EVAL 'return redis.call(\"incr\", KEYS[1])' 1 @", "EVAL 'return {1,2,{3}}' 1 @",
	"SORT @", "XREAD COUNT 1 STREAMS @ 0", "ZADD @ 1 m", "ZRANGE @ 0 -1 WITHSCORES", "SPOP @", "EXISTS @ @", "RENAME @ @", "CLIENT NO-EVICT on",
	"MSET @ 1 @", "MSETNX @ 1 @ 2 @", "BLMPOP 0 x @ LEFT", "BLMPOP 0 3 @ LEFT", "BZMPOP 0 0 @ MIN", "XREAD STREAMS @ @ 0", "XREAD COUNT 1 @ 0",
	"XREADGROUP GROUP g c STREAMS @ @ >", "ZUNION 0 @", "ZUNION x @", "SINTERCARD 0 @", "SINTERCARD 5 @", "LMPOP 9 @ LEFT", "ZDIFFSTORE @ 9 @",
	"EVAL 'return 1' 5 @", "EVAL 'return 1' -1 @", "EVALSHA 0123456789012345678901234567890123456789 x @", "COMMAND GETKEYS", "COMMAND NOSUCH", "COMMAND COUNT x", "COMMAND COUNT",
	"LATENCY NOSUCH", "LATENCY GRAPH",
}

var otherWords = []string{"SET @ 5", "INCR @", "DEL @", "GET @", "LPUSH @ y"}

// inTurn has both clients say it, each awaiting its reply, and returns the replies.
func inTurn(t *testing.T, addr string, talks []turn) (replies []string) {
	t.Helper()
	clients := []*client{dial(t, addr), dial(t, addr)}
	for _, k := range talks {
		if k.client < 0 {
			clients[0].do(k.args...)
			replies = append(replies, "")
			continue
		}
		replies = append(replies, clients[k.client].do(k.args...))
	}
	for _, c := range clients {
		c.close()
	}
	return replies
}
