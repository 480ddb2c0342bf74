//go:build unix

package difftest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// everything allows all commands, SWAPDB among them.
const everything = "commands: +@all"

// TestDatabases: what two clients say in turn, who go from database to database and name others, right and wrong, also within
// transactions and while they watch keys, is answered byte for byte as by the server itself, in both versions, before one server; and
// before three, where the keys are on one of them. Likewise what one client sends at once.
func TestDatabases(t *testing.T) {
	t.Parallel()
	wantCashew(t, "SELECT closes the client, 6.2")
	direct, servers := startRedis(t), startRedises(t, 4)
	one, three := poolOf(servers[:1], "databases: 16", everything), poolOf(servers[1:], append(spread, "databases: 16", everything, `hash_tag: "{}"`)...)
	one.name, three.name = "one", "three"
	p := startProxy(t, one, three)
	seeds := 30
	if testing.Short() {
		seeds = 10
	}
	for _, pool := range []string{"one", "three"} {
		for seed := range seeds {
			rng := newRand(uint64(seed))
			talks := databaseTalk(rng, pool == "one")
			flush(t, append(servers, direct)...)
			want, got := inTurn(t, direct.addr, talks), inTurn(t, p.addr(pool), talks)
			for i := range talks {
				if got[i] != want[i] {
					t.Fatalf("%s, seed %d, step %d, client %d: %s: %q; directly %q\n%v", pool, seed, i, talks[i].client, show(talks[i].args), got[i], want[i], talks[max(0, i-12):i])
				}
			}
			flush(t, append(servers, direct)...)
			var commands [][]string
			for _, k := range talks {
				if k.client == 0 {
					commands = append(commands, k.args)
				}
			}
			want, got = exchange(t, direct.addr, commands, whole, rng), exchange(t, p.addr(pool), commands, random, rng)
			if diff := diffReplies(commands, want, got); diff != "" {
				t.Fatalf("%s, seed %d, all at once:\n%s", pool, seed, diff)
			}
		}
	}
	c := dial(t, p.addr("one"))
	c.want("+PONG\r\n", "PING")
}

// databaseTalk makes up what they say. alone: before one server.
func databaseTalk(rng *rand.Rand, alone bool) (list []turn) {
	multi := false
	for range 150 {
		line := databaseWords[rng.IntN(len(databaseWords))]
		if rng.IntN(2) == 0 {
			line = transactionWords[rng.IntN(len(transactionWords))]
		}
		client := 0
		if rng.IntN(4) == 0 {
			line, client = otherDatabaseWords[rng.IntN(len(otherDatabaseWords))], 1
		}
		word, _, _ := strings.Cut(line, " ")
		switch {
		case line == "DISCARD x":
			continue
		case client == 0 && line == "MULTI":
			multi = true
		case client == 0 && (word == "EXEC" || word == "DISCARD" || word == "RESET"):
			multi = false // EXEC with an argument ends it as well
		case word == "HELLO": // its reply tells of the proxy, and what is watched is lost with it
			list = append(list, turn{0, []string{"DISCARD"}}, turn{0, []string{"UNWATCH"}}, turn{-1, words(line)})
			multi = false
			continue
		case word == "SWAPDB" && multi && !alone:
			continue
		}
		for strings.Contains(line, "@") {
			line = strings.Replace(line, "@", "{k}"+string("abc"[rng.IntN(3)]), 1)
		}
		for strings.Contains(line, "#") {
			line = strings.Replace(line, "#", fmt.Sprint(rng.IntN(4)), 1)
		}
		list = append(list, turn{client, words(line)})
	}
	list = append(list, turn{0, []string{"DISCARD"}}, turn{0, []string{"UNWATCH"}}, turn{0, []string{"GET", "{k}a"}})
	for db := range 4 {
		list = append(list, turn{0, []string{"SELECT", fmt.Sprint(db)}}, turn{0, words("MGET {k}a {k}b {k}c")}, turn{0, words("EXISTS {k}a {k}b {k}c")})
	}
	return list
}

var databaseWords = []string{
	"SELECT #", "SELECT #", "SELECT #", "SELECT #", "SELECT #", "MULTI", "MULTI", "EXEC", "EXEC", "WATCH @", "WATCH @ @", "SET @ #", "INCR @", "GET @",
	"SELECT 15", "SELECT 16", "SELECT -1", "SELECT x", "SELECT 2147483647", "SELECT 2147483648", "SELECT", "SELECT 1 2", "SELECT 01", "SELECT ''",
	"MOVE @ #", "MOVE @ #", "MOVE @ 16", "MOVE @ -1", "MOVE @ x", "MOVE @ 9999999999", "MOVE @",
	"COPY @ @ DB #", "COPY @ @ DB # REPLACE", "COPY @ @ REPLACE DB #", "COPY @ @ DB 16", "COPY @ @ DB 1 DB 16", "COPY @ @ FOO DB 16", "COPY @ @ DB 16 FOO",
	"COPY @ @ DB x", "COPY @ @ DB", "COPY @ @ DB 2147483648", "COPY @ @", "SWAPDB # #", "SWAPDB # #", "SWAPDB 1 16", "SWAPDB x 16", "SWAPDB 16 x",
	"SWAPDB 1", "SWAPDB 2147483648 1", "RESET", "HELLO 2", "HELLO 3", "HELLO 3", "BLPOP @ 0.01", "RPUSH @ x", "EVAL 'redis.call(\"select\", 3) return redis.call(\"exists\", KEYS[1])' 1 @",
}

var otherDatabaseWords = []string{"SELECT #", "SELECT #", "SET @ 5", "INCR @", "DEL @", "GET @", "LPUSH @ y", "MOVE @ #", "COPY @ @ DB #", "SWAPDB # #", "SELECT 16"}
