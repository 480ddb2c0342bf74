package backend

import (
	"strings"
	"testing"
	"time"

	"cashew/codec/resp"
	"cashew/loop"
	"cashew/topology"
)

func singing(o *topology.Options) { o.IntegrityInterval = time.Second }

// TestConnCanary: a connection that lost or doubled a reply is found out, and one that is in step lives on.
func TestConnCanary(t *testing.T) {
	echo := commandOf("ECHO", "canary-1")
	start := func(g *rig) (*Conn, *line) {
		c := g.conn(0, 1)
		g.get(c, "a")
		v := g.accept()
		v.says("$-1\r\n")
		g.are("$-1\r\n")
		v.heard()
		g.passes(1100 * time.Millisecond)
		return c, v
	}
	on(t, "in step", singing, func(t *testing.T, g *rig) {
		c, v := start(g)
		if got := v.heard(); got != echo {
			t.Fatalf("the server got %q; want %q", got, echo)
		}
		g.get(c, "b")
		g.settle()
		v.heard()
		g.passes(3 * time.Second)
		if got := v.heard(); got != "" {
			t.Errorf("a second canary before the first was answered: %q", got)
		}
		v.says("$8\r\ncana")
		v.says("ry-1\r\n$1\r\nB\r\n")
		g.are("$1\r\nB\r\n")
		g.passes(time.Second)
		if got := v.heard(); got != commandOf("ECHO", "canary-2") {
			t.Errorf("the next canary is %q", got)
		}
		if f := g.group.Figures(g.server(0)); f.Requests != 2 || f.Responses != 2 || f.RequestBytes != int64(2*len(commandOf("GET", "a"))) {
			t.Errorf("%d requests of %d bytes, %d responses", f.Requests, f.RequestBytes, f.Responses)
		}
		v.says("$8\r\ncanary-2\r\n")
	})
	for _, c := range []struct{ name, says, b string }{
		{"a reply is missing before it", "$8\r\ncanary-1\r\n$1\r\nB\r\n", invalid},
		{"another reply in its place", "$1\r\nX\r\n$8\r\ncanary-1\r\n", invalid},
		{"another's canary", "$8\r\ncanary-0\r\n$1\r\nB\r\n", invalid},
	} {
		on(t, c.name, singing, func(t *testing.T, g *rig) {
			conn, v := start(g)
			if c.name == "a reply is missing before it" {
				v.heard()
				v.says("$8\r\ncanary-1\r\n")
				early := g.get(conn, "early")
				g.settle()
				g.passes(1100 * time.Millisecond)
				v.says("$8\r\ncanary-2\r\n")
				if early.is() != invalid || !v.closed {
					t.Errorf("the request that lost its reply: %s", early.is())
				}
				return
			}
			g.get(conn, "b")
			g.settle()
			v.says(c.says)
			g.are(c.b)
			if !v.closed || g.pool.OutOfSteps() != 1 {
				t.Errorf("closed %v, out of step %d", v.closed, g.pool.OutOfSteps())
			}
		})
	}
	on(t, "a long reply in its place is not waited for", singing, func(t *testing.T, g *rig) {
		_, v := start(g)
		v.says("$5000\r\n" + strings.Repeat("x", 1000))
		if v.closed {
			t.Error("closed too soon: an error may be as long")
		}
		v.says(strings.Repeat("x", 200))
		if !v.closed {
			t.Error("not closed")
		}
	})
	on(t, "the next after just the interval", singing, func(t *testing.T, g *rig) {
		c, v := start(g)
		v.heard()
		v.says("$8\r\ncanary-1\r\n")
		for _, after := range []time.Duration{time.Second - 1, time.Second} {
			g.loop.Now = c.canary.sent + int64(after)
			g.local.Tidy()
			g.loop.Flush()
			if sung := v.heard() != ""; sung != (after == time.Second) {
				t.Errorf("sent after %v: %v", after, sung)
			}
		}
		v.says("$8\r\ncanary-2\r\n")
	})
	on(t, "none is sent where nobody asked for them", nil, func(t *testing.T, g *rig) {
		_, v := start(g)
		g.passes(5 * time.Second)
		if got := v.heard(); got != "" {
			t.Errorf("the server got %q", got)
		}
	})
}

// TestConnSilent: a connection on which something is owed and nothing comes is given up if the server answers on another.
func TestConnSilent(t *testing.T) {
	for _, dead := range []bool{false, true} {
		on(t, map[bool]string{false: "the server is well", true: "it answers nowhere"}[dead], func(o *topology.Options) {
			o.ServerUserTimeout = 5 * time.Second
		}, func(t *testing.T, g *rig) {
			g.pool.Options().Probe = func(*topology.ServerOptions) error {
				if dead {
					return errRefused
				}
				return nil
			}
			c := g.conn(0, 1)
			g.get(c, "a")
			v := g.accept()
			g.passes(4 * time.Second)
			v.says("$-1\r\n")
			g.are("$-1\r\n")
			g.passes(20 * time.Second) // nothing is owed
			g.get(c, "b")
			g.settle()
			g.passes(4 * time.Second)
			if v.closed {
				t.Fatal("closed too soon")
			}
			g.passes(3 * time.Second)
			if v.closed == dead {
				t.Errorf("closed: %v", v.closed)
			}
			if dead {
				v.says("$1\r\nB\r\n")
				g.are("$1\r\nB\r\n")
				return
			}
			g.are(late)
		})
	}
	on(t, "its handshake is not answered", func(o *topology.Options) { o.ServerUserTimeout = 5 * time.Second }, func(t *testing.T, g *rig) {
		g.pool.Options().Probe = func(*topology.ServerOptions) error { return nil }
		c, err := g.group.Set(resp.RESP3, g.group.home.db).Conn(g.server(0), 1)
		if err != nil {
			t.Fatal(err)
		}
		g.get(c, "a")
		v := g.accept()
		if g.passes(4 * time.Second); v.closed {
			t.Fatal("closed too soon")
		}
		g.passes(3 * time.Second)
		g.are(late)
	})
	on(t, "it was retired meanwhile", func(o *topology.Options) { o.ServerUserTimeout = 5 * time.Second }, func(t *testing.T, g *rig) {
		g.pool.Options().Probe = func(*topology.ServerOptions) error { return nil }
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		g.group.Moved(g.server(0), []string{"10.9.9.9"})
		if g.passes(4 * time.Second); v.closed {
			t.Fatal("closed too soon")
		}
		g.passes(3 * time.Second)
		g.are(late)
	})
	on(t, "something comes while the server is asked", func(o *topology.Options) { o.ServerUserTimeout = 5 * time.Second }, func(t *testing.T, g *rig) {
		answer := make(chan error)
		g.pool.Options().Probe = func(*topology.ServerOptions) error { return <-answer }
		c := g.conn(0, 1)
		g.get(c, "a")
		g.get(c, "b")
		v := g.accept()
		g.passes(7 * time.Second)
		v.says("$-1\r\n")
		answer <- nil
		g.passes(time.Millisecond)
		g.are("$-1\r\n", "waits")
		if v.closed {
			t.Error("closed all the same")
		}
	})
}

// TestConnDoubt: a reply that does not fit its command is passed on only once the connection is proved.
func TestConnDoubt(t *testing.T) {
	echo := commandOf("ECHO", "doubt-1")
	start := func(g *rig) *line {
		c := g.conn(0, 1)
		g.ask(c, "HGETALL", "a")
		g.get(c, "b")
		v := g.accept()
		v.heard()
		v.says("$1")
		if got := v.heard(); got != echo {
			g.t.Fatalf("the server got %q; want %q", got, echo)
		}
		v.says("\r\nA\r\n$1\r\nB\r\n")
		g.are("waits", "waits")
		g.get(c, "c")
		g.settle()
		return v
	}
	on(t, "in step", nil, func(t *testing.T, g *rig) {
		v := start(g)
		v.says("$7\r\ndoubt-")
		g.are("waits", "waits", "waits")
		v.says("1\r\n$1\r\nC\r\n")
		g.are("$1\r\nA\r\n", "$1\r\nB\r\n", "$1\r\nC\r\n")
		v.heard()
		g.ask(v.conn, "HGETALL", "a")
		g.settle()
		v.heard()
		v.says("$1\r\nA\r\n")
		g.are("$1\r\nA\r\n")
		if got := v.heard(); got != "" || strings.Count(g.log.String(), "form that no table has") != 1 {
			t.Errorf("the same again: %q; log %s", got, g.log.String())
		}
		g.ask(v.conn, "HGETALL", "a")
		g.settle()
		v.heard()
		v.says("+odd\r\n")
		if got := v.heard(); got != commandOf("ECHO", "doubt-2") {
			t.Errorf("another form: %q", got)
		}
		v.says("$7\r\ndoubt-2\r\n")
		g.are("+odd\r\n")
	})
	for _, c := range []struct{ name, says string }{
		{"one more reply", "$1\r\nC\r\n$7\r\ndoubt-1\r\n"},
		{"another canary", "$7\r\ndoubt-0\r\n"},
		{"garbage", "garbage\r\n"},
		{"an error for want of a password", "-NOAUTH Authentication required.\r\n"},
	} {
		on(t, c.name, nil, func(t *testing.T, g *rig) {
			v := start(g)
			v.says(c.says)
			g.are(invalid, invalid, invalid)
			if !v.closed || g.pool.OutOfSteps() != 1 {
				t.Errorf("closed %v, out of step %d", v.closed, g.pool.OutOfSteps())
			}
		})
	}
	on(t, "one reply less", nil, func(t *testing.T, g *rig) {
		c := g.conn(0, 1)
		g.ask(c, "HGETALL", "a")
		g.get(c, "b")
		v := g.accept()
		v.says("$1\r\nB\r\n$7\r\ndoubt-1\r\n")
		g.are(invalid, invalid)
	})
	on(t, "an error for ECHO proves as much", nil, func(t *testing.T, g *rig) {
		start(g).says("-ERR unknown command 'ECHO', with args beginning with: 'doubt-1' \r\n$1\r\nC\r\n")
		g.are("$1\r\nA\r\n", "$1\r\nB\r\n", "$1\r\nC\r\n")
	})
	on(t, "a server that fails in doubt fails all", nil, func(t *testing.T, g *rig) {
		start(g).hangsUp()
		g.are(reset, reset, reset)
	})
	on(t, "silence", nil, func(t *testing.T, g *rig) {
		v := start(g)
		g.passes(canaryTime - time.Second)
		g.are("waits", "waits", "waits")
		g.passes(3 * time.Second)
		g.are(late, late, late)
		if !v.closed {
			t.Error("not closed")
		}
	})
	on(t, "too much to hold", nil, func(t *testing.T, g *rig) {
		v := start(g)
		big := strings.Repeat("x", 8<<20)
		v.says("$67108864\r\n")
		for range 7 {
			v.says(big)
		}
		g.are("waits", "waits", "waits")
		v.says(big)
		g.are(invalid, invalid, invalid)
	})
	on(t, "pushes in between do not count", nil, func(t *testing.T, g *rig) {
		c, v := g.three(0)
		g.ask(c, "HGETALL", "a")
		g.get(c, "b")
		g.settle()
		v.heard()
		v.says("$1\r\nA\r\n>1\r\n+x\r\n$1\r\nB\r\n>1\r\n+x\r\n$7\r\ndoubt-1\r\n")
		g.are("$1\r\nA\r\n", "$1\r\nB\r\n")
		if f := g.group.Figures(g.server(0)); f.Pushes["x"]+f.Pushes["other"] != 2 && len(f.Pushes) == 0 {
			t.Errorf("pushes: %v", f.Pushes)
		}
	})
}

// TestConnUnwell: what a server says of itself.
func TestConnUnwell(t *testing.T) {
	ejecting := func(o *topology.Options) { o.AutoEjectHosts, o.ServerFailureLimit = true, 1 }
	ask := func(g *rig, c *Conn, v *line, reply string) {
		a := g.get(c, "a")
		g.settle()
		v.heard()
		if v.says(reply); a.is() != reply {
			g.t.Errorf("%s; want %s", a.is(), reply)
		}
	}
	open := func(g *rig) (*Conn, *line) {
		c := g.conn(0, 1)
		return c, g.accept()
	}
	on(t, "loading is a failure", ejecting, func(t *testing.T, g *rig) {
		c, v := open(g)
		ask(g, c, v, "-LOADING Redis is loading the dataset in memory\r\n")
		if g.pool.Ejections() != 1 {
			t.Error("not ejected")
		}
	})
	on(t, "loading for long: connect anew", nil, func(t *testing.T, g *rig) {
		c, v := open(g)
		loading := "-LOADING Redis is loading the dataset in memory\r\n"
		ask(g, c, v, loading)
		g.passes(ailingTime - 10*time.Millisecond)
		ask(g, c, v, loading)
		if v.closed {
			t.Fatal("too soon")
		}
		ask(g, c, v, "$-1\r\n")
		g.passes(time.Second)
		ask(g, c, v, loading)
		if v.closed {
			t.Fatal("a good reply in between does not count")
		}
		g.passes(ailingTime + time.Millisecond)
		ask(g, c, v, loading)
		if f := g.group.Figures(g.server(0)); !v.closed || f.Redials != 1 || f.EOF != 0 {
			t.Errorf("closed %v, redials %d, eof %d", v.closed, f.Redials, f.EOF)
		}
		if g.conn(0, 1) == c {
			t.Error("the connection that was given up gets requests")
		}
	})
	on(t, "no master: what is owed is awaited, the next connects anew, once a second", nil, func(t *testing.T, g *rig) {
		readonly := "-READONLY You can't write against a read only replica.\r\n"
		c, v := open(g)
		g.ask(c, "SET", "a", "1")
		g.get(c, "b")
		g.settle()
		v.says(readonly)
		g.are(readonly, "waits")
		next := g.conn(0, 1)
		if next == c || v.closed {
			t.Fatal("no other connection, or the old one is closed")
		}
		w := g.accept()
		ask(g, next, w, readonly)
		if g.conn(0, 1) != next {
			t.Error("connects anew each time")
		}
		v.says("$1\r\nB\r\n")
		g.are("$1\r\nB\r\n", readonly)
		if !v.closed {
			t.Error("the old connection is not closed after its last reply")
		}
		g.passes(1100 * time.Millisecond)
		ask(g, next, w, readonly)
		if !w.closed {
			t.Error("not given up a second later")
		}
		if g.local.Tidy(); len(g.group.retired) != 0 {
			t.Error("closed connections are kept")
		}
	})
	on(t, "a protocol error has no server ejected", ejecting, func(t *testing.T, g *rig) {
		g.pool.Options().Probe = func(*topology.ServerOptions) error { return errRefused }
		c, v := open(g)
		g.get(c, "b")
		ask2 := g.get(c, "c")
		g.settle()
		v.says("-ERR Protocol error: invalid bulk length\r\n")
		v.hangsUp()
		g.passes(time.Millisecond)
		if ask2.is() != reset || g.pool.Ejections() != 0 {
			t.Errorf("%s; ejections %d", ask2.is(), g.pool.Ejections())
		}
	})
	on(t, "abandoned", nil, func(t *testing.T, g *rig) {
		c, v := open(g)
		g.get(c, "a")
		c.Abandon(loop.ErrPanic)
		g.are(Text(loop.ErrPanic))
		if f := g.group.Figures(g.server(0)); !v.closed || f.Err != 0 {
			t.Errorf("closed %v, err %d", v.closed, f.Err)
		}
	})
}
