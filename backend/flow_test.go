package backend

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/codec/work"
)

// TestConnFigures: what waits, what is with the server, and how long each took.
func TestConnFigures(t *testing.T) {
	one := int64(len(commandOf("GET", "a")))
	on(t, "queues", nil, func(t *testing.T, g *rig) {
		is := func(inQueue, inBytes, outQueue, outBytes int64) {
			t.Helper()
			f := g.group.Figures(g.server(0))
			if f.InQueue != inQueue || f.InQueueBytes != inBytes || f.OutQueue != outQueue || f.OutQueueBytes != outBytes {
				t.Errorf("in queue %d, %d bytes; out queue %d, %d bytes; want %d, %d; %d, %d", f.InQueue, f.InQueueBytes, f.OutQueue,
					f.OutQueueBytes, inQueue, inBytes, outQueue, outBytes)
			}
			g.adds(0)
		}
		c := g.conn(0, 1)
		g.get(c, "a")
		g.get(c, "b")
		is(2, 2*one, 0, 0)
		v := g.accept()
		is(0, 0, 2, 2*one)
		v.room = int(one) + 3
		for _, key := range []string{"c", "d", "e"} {
			g.get(c, key)
		}
		is(3, 3*one, 2, 2*one)
		g.settle()
		is(1, 2*one-3, 4, 3*one+3)
		v.says("$-1\r\n")
		is(1, 2*one-3, 3, 2*one+3)
		v.takes(int(one) - 3)
		is(1, one, 3, 3*one)
		v.takes(1)
		is(0, one-1, 4, 3*one+1)
		v.takes(1 << 20)
		is(0, 0, 4, 4*one)
		v.says(strings.Repeat("$-1\r\n", 4))
		is(0, 0, 0, 0)
		f := g.group.Figures(g.server(0))
		if f.Requests != 5 || f.Responses != 5 || f.RequestBytes != 5*one || f.ResponseBytes != 25 || f.Profiles[0] != 1 {
			t.Errorf("%d requests of %d bytes, %d responses of %d, %d connections", f.Requests, f.RequestBytes, f.Responses, f.ResponseBytes, f.Profiles[0])
		}
		if p := g.loop.Pass; p.Queued != 5 || p.Answered != 5 || p.Bytes != 25 || p.Awaited != 4 {
			t.Errorf("the pass: %+v", p)
		}
	})
	on(t, "times", nil, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		a := g.get(c, "a")
		g.passes(5 * time.Millisecond)
		v := g.accept()
		g.passes(7 * time.Millisecond)
		b := g.get(c, "b")
		g.settle()
		g.passes(11 * time.Millisecond)
		if a.request.QueuedAt() != b.request.QueuedAt()-int64(12*time.Millisecond) {
			t.Error("the second was queued 12 ms after the first")
		}
		v.says("$-1\r\n$-1\r\n")
		l := g.group.Figures(g.server(0)).Latency[work.Lookup]
		if l.Queue.Count() != 2 || l.Queue.Sum != 5*time.Millisecond || l.Server.Count() != 2 || l.Server.Sum != 29*time.Millisecond {
			t.Errorf("%d in the queue for %v, %d at the server for %v; want 2 for 5ms, 2 for 29ms", l.Queue.Count(), l.Queue.Sum,
				l.Server.Count(), l.Server.Sum)
		}
		if want := int64(23+11) * int64(time.Millisecond); g.loop.Pass.Took != want {
			t.Errorf("they took %d ns in sum; want %d", g.loop.Pass.Took, want)
		}
		c.NoReply()
		if f := g.group.Figures(g.server(0)); f.Requests != 3 || f.NoReply != 1 {
			t.Errorf("%d requests, %d without reply", f.Requests, f.NoReply)
		}
	})
}

// TestConnRuns: requests that are answered together have their own times, if only one of theirs differs.
func TestConnRuns(t *testing.T) {
	one := len(commandOf("GET", "a"))
	times := func(t *testing.T, g *rig, class work.Class, n int64, queue, server time.Duration) {
		t.Helper()
		l := g.group.Figures(g.server(0)).Latency[class]
		if l.Queue.Count() != n || l.Server.Count() != n || l.Queue.Sum != queue || l.Server.Sum != server {
			t.Errorf("class %d: %d in the queue for %v, %d at the server for %v; want %d, %v, %v", class, l.Queue.Count(), l.Queue.Sum,
				l.Server.Count(), l.Server.Sum, n, queue, server)
		}
	}
	const ms = time.Millisecond
	on(t, "queued one by one, written together", nil, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		g.passes(3 * ms)
		g.get(g.conn(0, 1), "b")
		g.passes(5 * ms)
		v := g.accept()
		g.passes(2 * ms)
		v.says("$-1\r\n$-1\r\n")
		times(t, g, work.Lookup, 2, 13*ms, 4*ms)
	})
	on(t, "queued together, written one by one", nil, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		v := g.accept()
		v.room = one
		g.get(c, "a")
		g.get(c, "b")
		g.settle()
		g.passes(3 * ms)
		v.takes(1 << 20)
		g.passes(2 * ms)
		v.says("$-1\r\n$-1\r\n")
		times(t, g, work.Lookup, 2, 3*ms, 7*ms)
	})
	on(t, "reads and writes", nil, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		g.get(c, "a")
		g.get(c, "b")
		g.ask(c, "SET", "c", "1")
		v := g.accept()
		g.passes(2 * ms)
		v.says("$-1\r\n$-1\r\n+OK\r\n")
		times(t, g, work.Lookup, 2, 0, 4*ms)
		times(t, g, work.Write, 1, 0, 2*ms)
	})
}

// TestConnLog: of failures in a row the log has the first, then one a second with how many there were.
func TestConnLog(t *testing.T) {
	on(t, "failures", nil, func(t *testing.T, g *rig) {
		fails := func() {
			g.get(g.conn(0, 1), "a")
			g.accept().hangsUp()
		}
		for range 4 {
			fails()
		}
		g.passes(999 * time.Millisecond)
		fails()
		if n := strings.Count(g.log.String(), "server connection failed"); n != 1 {
			t.Errorf("%d lines within a second", n)
		}
		g.passes(time.Millisecond)
		fails()
		fails()
		g.passes(time.Second)
		fails()
		var got []string
		for line := range strings.Lines(g.log.String()) {
			_, more, _ := strings.Cut(line, "suppressed=")
			got = append(got, strings.TrimSpace(more))
		}
		if want := []string{"", "4", "1"}; !slices.Equal(got, want) {
			t.Errorf("lines that stand for %q more; want %q", got, want)
		}
	})
}

// TestConnThrough: a large request goes out at once where it can, in its turn, and not before the handshake is done.
func TestConnThrough(t *testing.T) {
	large := bytes.Repeat([]byte("v"), 40<<10)
	on(t, "through", guarded, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		g.get(c, "a")
		c.Touch()
		c.Through(large)
		v := g.accept()
		v.says("+OK\r\n")
		if strings.Contains(v.heard(), "GET") {
			t.Fatal("sent before the handshake was done")
		}
		v.says("+OK\r\n")
		if got := v.heard(); got != commandOf("GET", "a")+string(large) {
			t.Errorf("the server got %d bytes", len(got))
		}
		g.get(c, "b")
		c.Through(large)
		if got := v.heard(); got != commandOf("GET", "b")+string(large) {
			t.Errorf("the server got %d bytes at once", len(got))
		}
		if f := g.group.Figures(g.server(0)); f.InQueue != 0 || f.OutQueue != 2 {
			t.Errorf("in queue %d, out queue %d", f.InQueue, f.OutQueue)
		}
		v.room = 10
		g.get(c, "c")
		c.Through(large)
		if f := g.group.Figures(g.server(0)); f.InQueue != 0 || f.OutQueue != 3 || f.InQueueBytes == 0 {
			t.Errorf("in queue %d, out queue %d with half of it written", f.InQueue, f.OutQueue)
		}
		g.settle()
		v.takes(1 << 20)
		if got := v.heard(); got != commandOf("GET", "c")+string(large) {
			t.Errorf("the server got %d bytes in two parts", len(got))
		}
		v.says(strings.Repeat("$-1\r\n", 3))
		g.are("$-1\r\n", "$-1\r\n", "$-1\r\n")
	})
}
