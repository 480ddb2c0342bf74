//go:build unix

package near

import (
	"fmt"
	"strings"
	"testing"
)

// TestWays: once a command of one client is answered, all others read what it has done, whatever it is.
func TestWays(t *testing.T) {
	t.Parallel()
	for name, keys := range both { // in no order: each is a test of its own
		t.Run(name, func(t *testing.T) {
			r := newRedis(t)
			p := runProxy(t, []string{r.addr}, "redis: true", "databases: 2", "commands: +@all", "near_cache: 1mb", "near_cache_keys: "+keys)
			a := dial(t, p.addr)
			var readers []*client
			for i := range 8 {
				readers = append(readers, dial(t, p.addr, fmt.Sprint("HELLO ", 2+i%2)))
			}
			dial(t, r.addr, "SET from new", "SET kf new", "SADD set 1", "RPUSH list b a", "ZADD zset 3 m")
			dial(t, r.addr, "SELECT 1", "SET k new")
			if reply := dial(t, p.addr).ask(t, "FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function(keys) redis.call('set', keys[1], 'new') return 1 end)"); reply != "l" {
				t.Fatal(reply)
			}
			for _, c := range []struct{ first, then, read, want string }{
				{"SET k old", "SET k new", "GET k", "new"},
				{"SET k old", "SET k new", "MGET k kf", "(new,new)"},
				{"SET k old", "MSET kf new k new", "MGET kf k k", "(new,new,new)"},
				{"SET k old", "EVAL redis.call('set','k','new') 0", "MGET k kf", "(new,new)"},
				{"SET k old", "DEL k", "EXISTS k kf k", ":1"},
				{"SET k old", "GETDEL k", "GET k", ""},
				{"SET k old", "GETEX k PX 1", "STRLEN k", "*"},
				{"SET k old", "SETRANGE k 0 new", "GET k", "new"},
				{"SET k 1", "INCRBYFLOAT k 1.5", "GET k", "2.5"},
				{"SET k 1", "BITFIELD k SET u8 0 50", "GET k", "2"},
				{"SET k old", "COPY from k REPLACE", "GET k", "new"},
				{"SET k old", "MOVE k 1", "GET k", "old"}, // the other database has one
				{"SET k old", "EVAL redis.call('set','k','new') 0", "GET k", "new"},
				{"SET k old", "FCALL f 1 k", "GET k", "new"},
				{"SET k old", "BITOP NOT k none", "EXISTS k", ":0"},
				{"SADD k 1", "SUNIONSTORE k set none", "SCARD k", ":1"},
				{"RPUSH k 1 2", "LPOP k", "LRANGE k 0 -1", "(2)"},
				{"RPUSH k 1 2", "BLPOP k 0", "LRANGE k 0 -1", "(2)"},
				{"RPUSH k 1 2", "LMOVE k other LEFT LEFT", "LLEN k", ":1"},
				{"RPUSH k 2 1", "SORT k STORE k", "LINDEX k 0", "1"},
				{"HSET k f 1", "HINCRBY k f 1", "HGET k f", "2"},
				{"ZADD k 1 m", "ZINCRBY k 1 m", "ZRANGEBYSCORE k 2 2", "(m)"},
				{"ZADD k 1 m", "ZPOPMIN k", "ZCARD k", ":0"},
				{"XADD k 1-1 f v", "XTRIM k MAXLEN 0", "XLEN k", ":0"},
				{"GEOADD k 1 1 m", "ZREM k m", "GEOSEARCH k FROMLONLAT 1 1 BYRADIUS 1 km", "()"},
				{"SET k old", "SWAPDB 0 1", "GET k", "new"},
				{"SET k old", "SWAPDB 0 1", "GET k", "old"},
				{"SET k old", "FLUSHDB", "GET k", ""},
				{"SET k old", "FLUSHALL", "GET k", ""},
			} {
				dial(t, p.addr, "DEL k", c.first)
				read := strings.Fields(c.read)
				for range 3 {
					for _, o := range readers {
						o.ask(t, read...)
					}
				}
				before := p.figures(t).Hits
				for _, o := range readers {
					o.ask(t, read...)
				}
				if p.figures(t).Hits == before {
					t.Errorf("%s is not kept", c.read)
				}
				words := strings.Fields(c.then)
				if words[0] == "EVAL" {
					words = []string{"EVAL", strings.TrimSuffix(strings.TrimPrefix(c.then, "EVAL "), " 0"), "0"}
				}
				if reply := a.ask(t, words...); strings.HasPrefix(reply, "-") {
					t.Errorf("%s: %s", c.then, reply)
				}
				for _, o := range append(readers, a) {
					if reply := o.ask(t, read...); reply != c.want && (c.want != "" || reply != "_") && c.want != "*" {
						t.Errorf("%q behind %s; want %q", reply, c.then, c.want)
					}
				}
			}
		})
	}
}
