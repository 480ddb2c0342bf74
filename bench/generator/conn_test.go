package generator

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// asked returns a generator of a test whose one connection waits for n replies.
func asked(t *testing.T, args string, n int) (*generator, *conn) {
	t.Helper()
	o, err := parse(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	g := newGenerator(o)
	g.conns = append(g.conns, conn{})
	c := &g.conns[0]
	c.pending = make([]request, n)
	g.build(&g.random, c.pending)
	return g, c
}

func TestRequests(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"-protocol redis -test get", "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n"},
		{"-protocol redis -test set -size 3", "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\nxxx\r\n"},
		{"-protocol redis -test mget1", "*2\r\n$4\r\nMGET\r\n$16\r\nkey:000000000000\r\n"},
		{"-protocol redis -test mget2", "*3\r\n$4\r\nMGET\r\n$16\r\nkey:000000000000\r\n$16\r\nkey:000000000000\r\n"},
		{"-protocol redis -test mset2 -size 3", "*5\r\n$4\r\nMSET\r\n$16\r\nkey:000000000000\r\n$3\r\nxxx\r\n$16\r\nkey:000000000000\r\n$3\r\nxxx\r\n"},
		{"-protocol redis -test hgetall7", "*2\r\n$7\r\nHGETALL\r\n$16\r\nkey:000000000000\r\n"},
		{"-protocol redis -test multi -size 3", "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000000\r\n$3\r\nxxx\r\n*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000000\r\n*1\r\n$4\r\nEXEC\r\n"},
		{"-protocol memcached -test get", "get key:0\r\n"},
		{"-protocol memcached -test get3", "get key:0 key:0 key:0\r\n"},
		{"-protocol memcached -test set -size 3", "set key:0 0 0 3\r\nxxx\r\n"},
		{"-protocol memcached -test set -size 0", "set key:0 0 0 0\r\n\r\n"},
	} {
		for _, n := range []int{1, 3} {
			g, c := asked(t, tt.args, n)
			var r random
			if got, want := string(g.build(&r, c.pending)), strings.Repeat(tt.want, n); got != want {
				t.Errorf("%s: %d requests are %q; want %q", tt.args, n, got, want)
			}
		}
	}
}

// Every key comes, none that does not exist does, and no test has more than its share of sets.
func TestRandom(t *testing.T) {
	for _, tt := range []struct {
		args, key string
		sets      int // of 5
	}{
		{"-protocol redis -test set -keys 20", "key:%012d\r\n", 5},
		{"-protocol redis -test mixed -keys 20", "key:%012d\r\n", 1},
		{"-protocol memcached -test get -keys 20", "key:%d\r\n", 0},
	} {
		const n = 10_000
		g, c := asked(t, tt.args, n)
		var r random
		text := string(g.build(&r, c.pending))
		seen := 0
		for key := range 20 {
			times := strings.Count(text, fmt.Sprintf(tt.key, key))
			if times < n/20*8/10 || times > n/20*12/10 {
				t.Errorf("%s: key %d comes %d times in %d requests", tt.args, key, times, n)
			}
			seen += times
		}
		sets := 0
		for _, p := range c.pending {
			if p.set {
				sets++
			}
		}
		if seen != n || sets < n*tt.sets/5*9/10 || sets > n*tt.sets/5*11/10 {
			t.Errorf("%s: %d known keys and %d sets in %d requests", tt.args, seen, sets, n)
		}
	}
}

// Replies may come in any pieces.
func TestReplies(t *testing.T) {
	for _, tt := range []struct {
		args, replies         string
		answers, hits, misses int
	}{
		{"-protocol redis -test set", "+OK\r\n+OK\r\n", 2, 0, 0},
		{"-protocol redis -test get -size 3", "$3\r\nabc\r\n$-1\r\n$3\r\n\r\n\n\r\n", 3, 2, 1},
		{"-protocol redis -test get -size 0", "$0\r\n\r\n", 1, 1, 0},
		{"-protocol redis -test mget3 -size 3", "*3\r\n$3\r\nabc\r\n$-1\r\n$3\r\ndef\r\n*3\r\n$-1\r\n$-1\r\n$-1\r\n", 2, 2, 4},
		{"-protocol redis -test mset3", "+OK\r\n", 1, 0, 0},
		{"-protocol redis -test hgetall2 -size 1", strings.Repeat("*4\r\n$12\r\nfield:000000\r\n$1\r\na\r\n$12\r\nfield:000001\r\n$1\r\nb\r\n", 2), 2, 2, 0},
		{"-protocol redis -test multi -size 1", strings.Repeat("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\na\r\n", 2), 2, 2, 0},
		{"-protocol memcached -test set", "STORED\r\nSTORED\r\n", 2, 0, 0},
		{"-protocol memcached -test get -size 5", "VALUE key:1 0 5\r\nEND\r\n\r\nEND\r\nEND\r\n", 2, 1, 1},
		{"-protocol memcached -test get3 -size 1", "VALUE key:1 0 1\r\na\r\nVALUE key:2 7 1\r\nb\r\nEND\r\n", 1, 2, 1},
	} {
		for cut := range tt.replies {
			g, c := asked(t, tt.args, tt.answers)
			for _, piece := range []string{tt.replies[:cut], tt.replies[cut:]} {
				b := append(append([]byte{}, c.partial...), piece...)
				if err := g.take(c, b, time.Millisecond); err != nil {
					t.Fatalf("%s: %q cut at %d: %v", tt.args, tt.replies, cut, err)
				}
			}
			if g.done != tt.answers || c.outstanding() != 0 || c.hits != tt.hits || c.misses != tt.misses || len(c.partial) != 0 || c.skip != 0 {
				t.Errorf("%s: %q cut at %d: %d answers, %d hits, %d misses; want %d, %d, %d",
					tt.args, tt.replies, cut, g.done, c.hits, c.misses, tt.answers, tt.hits, tt.misses)
			}
		}
	}
}

func TestWrongReplies(t *testing.T) {
	for _, tt := range []struct{ args, reply, err string }{
		{"-protocol redis -test set", "-ERR busy\r\n", `a set is answered "-ERR busy\r\n"`},
		{"-protocol redis -test set", "$-1\r\n", "a set"},
		{"-protocol redis -test get -size 3", "-LOADING\r\n", "a get is answered"},
		{"-protocol redis -test get -size 3", "+OK\r\n", "a get"},
		{"-protocol redis -test get -size 3", "*1\r\n$3\r\nabc\r\n", "a get"},
		{"-protocol redis -test get -size 3", "$4\r\nabcd\r\n", "$4"},
		{"-protocol redis -test mget2 -size 3", "*3\r\n", "a mget2"},
		{"-protocol redis -test mget2 -size 3", "$3\r\nabc\r\n", "a mget2"},
		{"-protocol redis -test mget2 -size 3", "*2\r\n$3\r\nabc\r\n:1\r\n", "a mget2"},
		{"-protocol redis -test set", "+OK\r\n+OK\r\n", "answers nothing"},
		{"-protocol redis -test set", strings.Repeat("+OK", 5000), "no end"},
		{"-protocol redis -test hgetall2", "*2\r\n", "a hgetall2"},
		{"-protocol redis -test multi", "+QUEUED\r\n", "a multi"},
		{"-protocol redis -test multi", "+OK\r\n-ERR unknown command\r\n", "unknown"},
		{"-protocol redis -test multi -size 1", "+OK\r\n+QUEUED\r\n+QUEUED\r\n*-1\r\n", "*-1"},
		{"-protocol memcached -test set", "NOT_STORED\r\n", "NOT_STORED"},
		{"-protocol memcached -test get -size 3", "STORED\r\n", "STORED"},
		{"-protocol memcached -test get -size 3", "SERVER_ERROR x\r\n", "SERVER_ERROR"},
		{"-protocol memcached -test get -size 3", "VALUE key:1 0 13\r\n", " 13"},
		{"-protocol memcached -test get -size 3", "VALUE key:1 0 3\r\nabc\r\nVALUE key:1 0 3\r\n", "VALUE"},
	} {
		g, c := asked(t, tt.args, 1)
		if err := g.take(c, []byte(tt.reply), 0); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s is answered %.100q: %v; want an error with %q", tt.args, tt.reply, err, tt.err)
		}
	}
}
