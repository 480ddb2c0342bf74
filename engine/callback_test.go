package engine

import (
	"strings"
	"testing"

	"cashew/codec"
)

// clumsy is a protocol that panics where a test wants it.
type clumsy struct{ codec.Protocol }

func (p clumsy) AppendLocal(dst []byte, cl *codec.Client, cmd *codec.Command) []byte {
	if strings.Contains(string(cmd.Frame), "panic here") {
		panic("asked for")
	}
	return p.Protocol.AppendLocal(dst, cl, cmd)
}

func (p clumsy) AppendFragmentEnd(dst []byte, cmd *codec.Command) []byte {
	if strings.Contains(string(cmd.Frame), "panic here") {
		panic("asked for")
	}
	return p.Protocol.AppendFragmentEnd(dst, cmd)
}

func (p clumsy) ScanReply(s *codec.ReplyScan, buf []byte) (int, bool, error) {
	if strings.HasPrefix(string(buf), "+panic") {
		panic("asked for")
	}
	return p.Protocol.ScanReply(s, buf)
}

func (p clumsy) AppendCoalesced(dst []byte, g *codec.Gather) []byte {
	if strings.HasPrefix(string(g.Replies[0]), ":666") {
		panic("asked for")
	}
	return p.Protocol.AppendCoalesced(dst, g)
}

// TestSurvive: a panic costs the client it happened for, and what it touched, and nobody else.
func TestSurvive(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *sim, bad *simClient)
		lost bool // bad is closed
	}{
		{"answering here", func(_ *sim, bad *simClient) { bad.Send(array("PING", "panic here")) }, true},
		{"scattering", func(_ *sim, bad *simClient) { bad.Send(array("DEL", "a", "b", "panic here")) }, true},
		{"gathering", func(s *sim, bad *simClient) {
			bad.Send(array("DEL", "a", "b"))
			s.Settle()
			s.Servers[0].Reply(":666\r\n")
			s.Servers[1].Reply(":1\r\n")
		}, false},
		{"reading a reply", func(s *sim, bad *simClient) {
			bad.Send(array("GET", "a"))
			s.Settle()
			s.Servers[0].Reply("+panic\r\n")
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, 2, func(_ *Options, po *PoolOptions) { po.Protocol = clumsy{po.Protocol} })
			s.AcceptAll()
			good, bad := s.connect(), s.connect()
			ask := func() {
				t.Helper()
				for _, k := range []string{"a", "b"} {
					good.Send(array("GET", k))
					s.Settle()
					for _, v := range s.Servers {
						if v.Sock != nil && strings.Contains(v.Sock.Take(), "GET") {
							v.Reply(bulk("value of " + k))
						}
					}
					s.Settle()
					if got := good.Sock.Take(); got != bulk("value of "+k) {
						t.Fatalf("GET %s gets %q", k, got)
					}
				}
			}
			ask()
			c.do(s, bad)
			s.Settle()
			if got := s.Loop.Panics.Load(); got != 1 {
				t.Errorf("%d panics counted; want 1", got)
			}
			if c.lost != bad.Conn.Closed {
				t.Errorf("the client is closed: %v; want %v", bad.Conn.Closed, c.lost)
			}
			for _, v := range s.Servers {
				if v.Sock != nil {
					v.Sock.Take()
				}
			}
			good.Sock.Take()
			ask()
			ask() // not only what a new connection writes as it opens
		})
	}
}
