package engine

import (
	"net"
	"strings"
	"testing"
	"time"
)

// TestCanary: a connection that answers the canary goes on; one that is out of step is closed before its next reply
// reaches a client.
func TestCanary(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply func(canary string) string // of the whole connection, from the canary on
		up    bool
		gets  string // by the client, whose GET came after the canary
	}{
		{"in step", func(y string) string { return bulk(y) + bulk("a") }, true, bulk("a")},
		{"off by one", func(string) string { return bulk("b") + bulk("a") }, false, "-ERR Invalid argument\r\n"},
		{"another token", func(y string) string { return bulk(y[:len(y)-1]+"!") + bulk("a") }, false, "-ERR Invalid argument\r\n"},
		{"busy", func(string) string { return "-BUSY Redis is busy running a script.\r\n" + bulk("a") }, true, bulk("a")},
		{"no such command", func(string) string { return "-ERR unknown command\r\n" + bulk("a") }, true, bulk("a")},
		{"an error", func(string) string { return "-ERR no such key\r\n" + bulk("a") }, false, "-ERR Invalid argument\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, 1, func(_ *Options, po *PoolOptions) { po.IntegrityInterval = time.Nanosecond })
			s.AcceptAll()
			cl := s.connect()
			cl.Send(array("GET", "a"))
			s.Settle()
			v := s.Servers[0]
			v.Sock.Take()
			v.Reply(bulk("a"))
			cl.Sock.Take()
			s.Loop.Tick()
			s.local.Tidy()
			s.Loop.Flush()
			sent := v.Sock.Take()
			if !strings.HasPrefix(sent, "*2\r\n$4\r\nECHO\r\n$8\r\n") {
				t.Fatalf("the server gets %q; want an ECHO", sent)
			}
			token := strings.Split(sent, "\r\n")[4]
			cl.Send(array("GET", "a"))
			s.Settle()
			v.Reply(c.reply(token))
			s.Settle()
			if got := cl.Sock.Take(); got != c.gets {
				t.Errorf("the client gets %q; want %q", got, c.gets)
			}
			if up := v.Up != nil; up != c.up {
				t.Errorf("the connection is up: %v; want %v", up, c.up)
			}
			if n := s.pool.OutOfSteps(); (n == 0) != c.up {
				t.Errorf("%d connections out of step", n)
			}
		})
	}
}

// TestMoved: a server's new address is used for the next request, while what is outstanding at the old one is awaited.
func TestMoved(t *testing.T) {
	s := newSim(t, 1, nil)
	s.AcceptAll()
	cl := s.connect()
	cl.Send(array("GET", "a"))
	s.Settle()
	old := *s.Servers[0]
	old.Conn.Addr = &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}
	s.local.Moved(s.pool.Pool, s.pool.Servers()[0], []string{"10.0.0.1"})
	if old.Conn.Closed {
		t.Fatal("a connection to an address that is still right is closed")
	}
	s.local.Moved(s.pool.Pool, s.pool.Servers()[0], []string{"10.0.0.2"})
	cl.Send(array("GET", "b"))
	s.Settle()
	if s.Servers[0].Conn == old.Conn {
		t.Fatal("the next request goes to the old address")
	}
	s.Servers[0].Reply(bulk("new"))
	old.Reply(bulk("old"))
	s.Settle()
	if got, want := cl.Sock.Take(), bulk("old")+bulk("new"); got != want {
		t.Errorf("the client gets %q; want %q", got, want)
	}
	if !old.Conn.Closed {
		t.Error("the old connection is not closed though nothing is outstanding")
	}
}
