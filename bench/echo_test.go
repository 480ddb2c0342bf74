package main

import (
	"strings"
	"testing"
)

// Requests are answered alike wherever they are cut.
func TestEchoReaders(t *testing.T) {
	const redisValue, cachedValue = "$2\r\nxx\r\n", " 0 2\r\nxx\r\nEND\r\n"
	tests := []struct {
		name   string
		reader func(*echoClient, []byte, []byte) ([]byte, int, error)
		value  string
		in     string
		want   string
		bad    bool
	}{
		{"redis", (*echoClient).readRedis, redisValue, "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$3\r\nk\r\n\r\n", "+PONG\r\n" + redisValue, false},
		{"redis set", (*echoClient).readRedis, redisValue, "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$0\r\n\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n", "+OK\r\n" + redisValue, false},
		{"redis other", (*echoClient).readRedis, redisValue, "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n", "-ERR unknown command\r\n", false},
		{"redis inline", (*echoClient).readRedis, redisValue, "PING\r\n", "", true},
		{"redis empty line", (*echoClient).readRedis, redisValue, "\r\n", "", true},
		{"redis length", (*echoClient).readRedis, redisValue, "*2\r\n$-1\r\n", "", true},
		{"memcached", (*echoClient).readMemcached, cachedValue, "version\r\nget key:1\r\n", "VERSION echo\r\nVALUE key:1" + cachedValue, false},
		{"memcached set", (*echoClient).readMemcached, cachedValue, "set k 0 0 3\r\nget\r\nget k\r\n", "STORED\r\nVALUE k" + cachedValue, false},
		{"memcached other", (*echoClient).readMemcached, cachedValue, "incr k 1\r\n", "", true},
	}
	for _, tt := range tests {
		for cut := range len(tt.in) + 1 {
			c := &echoClient{value: tt.value}
			var got []byte
			var failed error
			rest := ""
			for _, part := range []string{tt.in[:cut], tt.in[cut:]} {
				rest += part
				out, used, err := tt.reader(c, []byte(rest), nil)
				got, rest = append(got, out...), rest[used:]
				if err != nil {
					failed = err
					break
				}
			}
			if (failed != nil) != tt.bad || string(got) != tt.want || !tt.bad && rest != "" {
				t.Errorf("%s, cut at %d: %q, %v, %q left; want %q", tt.name, cut, got, failed, rest, tt.want)
			}
		}
	}
}

func TestEchoDoesNotAllocate(t *testing.T) {
	c := &echoClient{value: "$64\r\n" + strings.Repeat("x", 64) + "\r\n"}
	in := []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")
	out := make([]byte, 0, 1<<10)
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := c.readRedis(in, out); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a request costs %v allocations", n)
	}
}
