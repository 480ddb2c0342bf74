//go:build !race

package generator

import (
	"testing"
	"time"
)

// A request and its reply allocate nothing once the buffers have their size.
func TestAllocations(t *testing.T) {
	for _, tt := range []struct{ args, reply string }{
		{"-protocol redis -test set -size 64", "+OK\r\n"},
		{"-protocol redis -test get -size 1", "$1\r\nx\r\n"},
		{"-protocol redis -test mget2 -size 1 -pipeline 4", "*2\r\n$1\r\nx\r\n$-1\r\n"},
		{"-protocol memcached -test set -pipeline 4", "STORED\r\n"},
		{"-protocol memcached -test get -size 1", "VALUE key:0 0 1\r\nx\r\nEND\r\n"},
	} {
		g, c := asked(t, tt.args, 0)
		reply := []byte(tt.reply)
		turn := func() {
			g.batch = append(g.batch[:0], make([]request, g.pipeline)...)
			g.build(&g.random, g.batch)
			c.expect(g.batch)
			for range g.batch {
				if err := g.take(c, reply, time.Millisecond); err != nil {
					t.Fatal(err)
				}
			}
			g.queue, c.queued = g.queue[:0], false
		}
		if n := testing.AllocsPerRun(100, turn); n != 0 {
			t.Errorf("%s: %v allocations", tt.args, n)
		}
	}
}
