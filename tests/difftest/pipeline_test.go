//go:build unix

package difftest

import (
	"bytes"
	"fmt"
	"testing"
)

// TestPipelineWrittenFirst: a client that writes its whole pipeline before it reads gets all replies, though they are far more
// than the sockets on the way hold.
func TestPipelineWrittenFirst(t *testing.T) {
	t.Parallel()
	const pairs, size = 600, 100_000 // 60 MB there, and 60 MB back
	value := bytes.Repeat([]byte("v"), size)
	redises, memcacheds := startRedises(t, 3), startMemcacheds(t, 2)
	r, m := poolOf(redises, spread...), mcPoolOf(memcacheds, spread...)
	r.name, m.name = "redis", "mc"
	p := startProxy(t, r, m)
	t.Run("redis", func(t *testing.T) {
		var b, want bytes.Buffer
		for i := range pairs {
			fmt.Fprintf(&b, "*3\r\n$3\r\nSET\r\n$6\r\nkey%03d\r\n$%d\r\n%s\r\n*2\r\n$3\r\nGET\r\n$6\r\nkey%03d\r\n", i, size, value, i)
			fmt.Fprintf(&want, "+OK\r\n$%d\r\n%s\r\n", size, value)
		}
		writeFirst(t, p.addr("redis"), b.Bytes(), want.Bytes())
	})
	t.Run("memcached", func(t *testing.T) {
		var b, want bytes.Buffer
		for i := range pairs {
			fmt.Fprintf(&b, "set key%03d 0 0 %d\r\n%s\r\nget key%03d\r\n", i, size, value, i)
			fmt.Fprintf(&want, "STORED\r\nVALUE key%03d 0 %d\r\n%s\r\nEND\r\n", i, size, value)
		}
		writeFirst(t, p.addr("mc"), b.Bytes(), want.Bytes())
	})
}

// writeFirst writes all of b and only then reads what must be want.
func writeFirst(t *testing.T, addr string, b, want []byte) {
	t.Helper()
	c := dial(t, addr)
	if _, err := c.conn.Write(b); err != nil {
		t.Fatalf("nothing more was taken of %d bytes: %v", len(b), err)
	}
	got := make([]byte, len(want))
	for n := 0; n < len(got); {
		m, err := c.r.Read(got[n:min(len(got), n+1<<20)])
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", n, len(want), err)
		}
		n += m
	}
	if !bytes.Equal(got, want) {
		t.Error("the replies are others")
	}
}
