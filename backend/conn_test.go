package backend

import (
	"strings"
	"testing"
	"time"

	"cashew/codec/resp"
	"cashew/topology"
)

const late, reset, invalid = "Connection timed out", "Connection reset by peer", "Invalid argument"

func within(d time.Duration) func(*topology.Options) {
	return func(o *topology.Options) { o.Timeout = d }
}

func guarded(o *topology.Options) { o.Protocol = resp.New(resp.Options{Password: "secret", DB: 3}) }

// TestConn is the life of a connection: what its requests hear, and what the server gets.
func TestConn(t *testing.T) {
	on(t, "replies in order, however they are cut", nil, func(t *testing.T, g *rig) {
		all := "$1\r\nA\r\n*2\r\n:1\r\n$-1\r\n+OK\r\n"
		c := g.conn(0, 1)
		v := (*line)(nil)
		for cut := range len(all) {
			g.get(c, "a")
			g.ask(c, "MGET", "b", "c")
			g.ask(c, "SET", "d", "1")
			if v == nil {
				v = g.accept()
			}
			g.settle()
			if got, want := v.heard(), commandOf("GET", "a")+commandOf("MGET", "b", "c")+commandOf("SET", "d", "1"); got != want {
				t.Fatalf("the server got %q; want %q", got, want)
			}
			v.says(all[:cut])
			v.says(all[cut:])
			g.are("$1\r\nA\r\n", "*2\r\n:1\r\n$-1\r\n", "+OK\r\n")
		}
		if f := g.group.Figures(g.server(0)); f.Responses != int64(3*len(all)) || f.ResponseBytes != int64(len(all)*len(all)) ||
			f.RequestBytes != int64(len(all)*len(commandOf("GET", "a")+commandOf("MGET", "b", "c")+commandOf("SET", "d", "1"))) {
			t.Errorf("%d responses of %d bytes, %d bytes of requests", f.Responses, f.ResponseBytes, f.RequestBytes)
		}
	})
	on(t, "a server that closes fails what waits, once, in order", nil, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		for _, key := range []string{"a", "b", "c"} {
			g.get(c, key)
		}
		v := g.accept()
		v.says("$1\r\nA\r\n$1\r")
		v.hangsUp()
		g.are("$1\r\nA\r\n", "$1\r"+reset, reset)
		g.get(g.conn(0, 1), "d")
		v = g.accept()
		if got := v.heard(); got != commandOf("GET", "d") {
			t.Errorf("the next connection begins with %q", got)
		}
		v.says("$1\r\nD\r\n")
		g.are("$1\r\nD\r\n")
		v.hangsUp()
		if f := g.group.Figures(g.server(0)); f.Connections != 0 || f.Connects != 2 || f.EOF != 2 || f.Err != 0 || f.Failed != 2 {
			t.Errorf("%d connections, %d connects, eof %d, err %d, failed %d", f.Connections, f.Connects, f.EOF, f.Err, f.Failed)
		}
	})
	on(t, "what is queued as a connection fails is the next one's", nil, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		first := g.get(c, "a")
		g.get(c, "b")
		first.then = func() { g.get(g.conn(0, 1), "again") }
		v := g.accept()
		v.hangsUp()
		g.are(reset, reset, "waits")
		v = g.accept()
		if got := v.heard(); got != commandOf("GET", "again") {
			t.Errorf("the next connection begins with %q", got)
		}
		v.says("$-1\r\n")
		g.are("$-1\r\n")
	})
	on(t, "an idle connection may end as it likes", func(o *topology.Options) { o.AutoEjectHosts, o.ServerFailureLimit = true, 1 }, func(t *testing.T, g *rig) {
		g.pool.Options().Probe = func(*topology.ServerOptions) error { return errRefused }
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says("$-1\r\n")
		v.hangsUp()
		g.passes(time.Millisecond)
		if g.pool.Ejections() != 0 {
			t.Error("the server was ejected")
		}
		g.get(g.conn(0, 1), "a")
		g.accept().hangsUp()
		g.passes(time.Millisecond)
		g.are("$-1\r\n", reset)
		if g.pool.Ejections() != 1 {
			t.Error("the server was not ejected")
		}
		if _, err := g.group.home.Conn(g.server(0), 1); err == nil && g.pool.Router().Live() > 0 {
			t.Error("it still gets requests")
		}
	})
	on(t, "what nobody asked for closes", nil, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says("$1\r\nA\r\n$1\r\nX\r\n")
		g.are("$1\r\nA\r\n")
		if !v.closed || g.pool.OutOfSteps() != 1 {
			t.Errorf("closed %v, out of step %d", v.closed, g.pool.OutOfSteps())
		}
	})
	on(t, "garbage fails what waits", nil, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		g.get(g.conn(0, 1), "b")
		v := g.accept()
		v.says("HTTP/1.1 400\r\n")
		g.are(invalid, invalid)
		if f := g.group.Figures(g.server(0)); !v.closed || g.pool.OutOfSteps() != 1 || f.Err != 1 || f.Failed != 2 {
			t.Errorf("closed %v, out of step %d, err %d, failed %d", v.closed, g.pool.OutOfSteps(), f.Err, f.Failed)
		}
	})
	on(t, "a push in RESP2 closes", nil, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says(">1\r\n+x\r\n")
		g.are(invalid)
	})
}

// TestConnHandshake: nothing of a request goes out before the handshake is done, and nothing that follows one of its replies
// is taken for the next.
func TestConnHandshake(t *testing.T) {
	auth, sel := commandOf("AUTH", "secret"), commandOf("SELECT", "3")
	on(t, "step by step", guarded, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		for _, c := range []struct{ heard, says string }{
			{auth, "+O"}, {"", "K\r\n"}, {sel, "+OK\r\n"}, {commandOf("GET", "a"), "$1\r\nA\r\n"},
		} {
			if got := v.heard(); got != c.heard {
				t.Errorf("before it says %q the server got %q; want %q", c.says, got, c.heard)
			}
			v.says(c.says)
		}
		g.are("$1\r\nA\r\n")
	})
	for _, says := range [][]string{
		{"+OK\r\n+OK\r\n"}, {"+OK\r\n$"}, {"+OK\r\n", "+OK\r\n$1\r\nB\r\n"}, {"+OK\r\n", "+OK\r\n$"}, {"+OK\r\n+OK\r\n$1\r\nB\r\n"},
	} {
		on(t, "stray bytes "+strings.Join(says, " then "), guarded, func(t *testing.T, g *rig) {
			g.get(g.conn(0, 1), "a")
			v := g.accept()
			for _, p := range says {
				v.says(p)
			}
			g.are(invalid)
			if !v.closed || strings.Contains(v.heard(), "GET") {
				t.Errorf("closed %v", v.closed)
			}
		})
	}
	on(t, "refused", guarded, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says("-WRONGPASS no\r\n")
		g.are("server refused the connection: AUTH was refused: WRONGPASS no")
		if _, err := g.group.home.Conn(g.server(0), 1); err == nil {
			t.Error("it is dialled again at once")
		}
	})
	on(t, "no reply", func(o *topology.Options) { guarded(o); o.Timeout = 400 * time.Millisecond }, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		g.passes(399 * time.Millisecond)
		g.are("waits")
		g.passes(2 * time.Millisecond)
		g.are(late)
		_ = v
	})
	on(t, "no reply, and nobody waits", guarded, func(t *testing.T, g *rig) {
		g.conn(0, 1)
		v := g.accept()
		g.passes(topology.DialTimeout + 2*time.Second)
		if !v.closed {
			t.Error("it is waited for without end")
		}
	})
	on(t, "a short write", guarded, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		c := g.dialing[0]
		g.dialing = nil
		v := &line{rig: g, conn: c, host: "10.0.0.1", room: 5}
		if g.loop.Opened(c, v) {
			t.Error("half a step is enough")
		}
		g.are(reset)
	})
}

// TestConnDial: a server that can't be reached is left alone for a moment, and for longer each time.
func TestConnDial(t *testing.T) {
	on(t, "refused", nil, func(t *testing.T, g *rig) {
		for n := range 8 {
			g.get(g.conn(0, 1), "a")
			g.get(g.conn(0, 1), "b")
			if len(g.dialing) != 1 {
				t.Fatalf("%d attempts at once", len(g.dialing))
			}
			g.refuse(errRefused)
			g.are("refused", "refused")
			longest := min(10<<n, 500)
			g.passes(time.Duration(longest/2-1) * time.Millisecond)
			if _, err := g.group.home.Conn(g.server(0), 1); err != errRefused { //nolint:errorlint // it is that error
				t.Fatalf("after failure %d: %v at once", n+1, err)
			}
			g.passes(time.Duration(longest/2+3) * time.Millisecond)
		}
		g.get(g.conn(0, 1), "c")
		v := g.accept()
		v.says("$1\r\nC\r\n")
		g.are("$1\r\nC\r\n")
		if !strings.Contains(g.log.String(), "server can be reached again") {
			t.Error("the log does not say that it is back")
		}
		v.hangsUp()
		g.conn(0, 1)
		g.refuse(errRefused)
		g.passes(11 * time.Millisecond)
		g.conn(0, 1) // the pauses begin anew
	})
	on(t, "given up before it is decided", within(100*time.Millisecond), func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		old := g.dialing[0]
		attempt := old.attempt
		g.passes(101 * time.Millisecond)
		g.are(late)
		g.passes(100 * time.Millisecond)
		g.get(g.conn(0, 1), "b")
		old.DialFailed(attempt, errRefused) // that of the first attempt
		g.are("waits")
		g.dialing = g.dialing[1:]
		g.accept().says("$1\r\nB\r\n")
		g.are("$1\r\nB\r\n")
	})
}

// TestConnTimeout: only what is late fails, and its reply is nobody's.
func TestConnTimeout(t *testing.T) {
	on(t, "a late reply is dropped, exactly that", within(100*time.Millisecond), func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		g.get(c, "a")
		v := g.accept()
		g.passes(60 * time.Millisecond)
		g.get(c, "b")
		g.settle()
		g.passes(39 * time.Millisecond)
		g.are("waits", "waits")
		g.passes(2 * time.Millisecond)
		g.are(late, "waits")
		v.says("$4\r\nla")
		v.says("te\r\n$1\r\nB\r\n")
		g.are("$1\r\nB\r\n")
		if f := g.group.Figures(g.server(0)); f.Expired != 1 || f.Dropped != 1 || f.Responses != 1 || f.ResponseBytes != int64(len("$1\r\nB\r\n")) {
			t.Errorf("expired %d, dropped %d, responses %d, of %d bytes", f.Expired, f.Dropped, f.Responses, f.ResponseBytes)
		}
	})
	on(t, "twice the time closes", within(100*time.Millisecond), func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		g.get(c, "a")
		v := g.accept()
		g.passes(150 * time.Millisecond)
		g.are(late)
		g.get(c, "b")
		g.settle()
		g.passes(49 * time.Millisecond)
		g.are("waits")
		g.passes(2 * time.Millisecond)
		g.are(late)
		if f := g.group.Figures(g.server(0)); !v.closed || f.Timedout != 1 || f.Expired != 2 || f.Failed != 2 {
			t.Errorf("closed %v, timed out %d, expired %d, failed %d", v.closed, f.Timedout, f.Expired, f.Failed)
		}
	})
	on(t, "what never reached the wire must not do so later", within(100*time.Millisecond), func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		g.get(c, "a")
		v := g.accept()
		v.says("$-1\r\n")
		g.are("$-1\r\n")
		v.room = 10
		g.ask(c, "SET", "a", "1")
		g.settle()
		g.get(c, "b")
		g.settle()
		if f := g.group.Figures(g.server(0)); f.InQueue != 1 && f.InQueue != 2 || f.InQueueBytes == 0 {
			t.Errorf("%d requests of %d bytes wait to be written", f.InQueue, f.InQueueBytes)
		}
		g.passes(50 * time.Millisecond)
		g.get(c, "c")
		g.passes(52 * time.Millisecond)
		g.are(late, late, late)
		if !v.closed {
			t.Error("the connection lives on")
		}
	})
	on(t, "a late reply is the server's fault only if it had the request", func(o *topology.Options) {
		o.AutoEjectHosts, o.ServerFailureLimit, o.Timeout = true, 1, 100*time.Millisecond
	}, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		g.get(c, "a")
		g.passes(60 * time.Millisecond)
		g.accept()
		g.passes(45 * time.Millisecond)
		g.are(late)
		if g.pool.Ejections() != 0 {
			t.Error("it is ejected for the time that the connection took")
		}
		g.passes(50 * time.Millisecond)
		g.get(c, "b")
		g.settle()
		g.passes(20 * time.Millisecond)
		if g.pool.Ejections() != 0 {
			t.Error("it is ejected already")
		}
	})
	on(t, "one that had it for long is at fault", func(o *topology.Options) {
		o.AutoEjectHosts, o.ServerFailureLimit, o.Timeout = true, 1, 100*time.Millisecond
	}, func(t *testing.T, g *rig) {
		g.get(g.conn(0, 1), "a")
		g.accept()
		g.passes(102 * time.Millisecond)
		g.are(late)
		if g.pool.Ejections() != 1 {
			t.Error("it is not ejected")
		}
	})
}

// TestFailuresLogged: attempts to connect that fail one after the other are one line, until one succeeds.
func TestFailuresLogged(t *testing.T) {
	on(t, "refused", nil, func(t *testing.T, g *rig) {
		lines := func() int { return strings.Count(g.log.String(), "server connection failed") }
		for range 3 {
			g.get(g.conn(0, 1), "a")
			g.refuse(errRefused)
			g.passes(2 * time.Second)
		}
		if n := lines(); n != 1 {
			t.Errorf("%d lines of three attempts that failed; want 1", n)
		}
		g.get(g.conn(0, 1), "a")
		g.accept().hangsUp()
		g.passes(2 * time.Second)
		g.get(g.conn(0, 1), "a")
		g.refuse(errRefused)
		if n := lines(); n != 3 {
			t.Errorf("%d lines, after a connection that ended and one more attempt; want 3", n)
		}
		g.asked = nil
	})
}
