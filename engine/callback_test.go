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
		{"answering here", func(_ *sim, bad *simClient) { bad.send(array("PING", "panic here")) }, true},
		{"scattering", func(_ *sim, bad *simClient) { bad.send(array("DEL", "a", "b", "panic here")) }, true},
		{"gathering", func(s *sim, bad *simClient) {
			bad.send(array("DEL", "a", "b"))
			s.settle()
			s.servers[0].reply(":666\r\n")
			s.servers[1].reply(":1\r\n")
		}, false},
		{"reading a reply", func(s *sim, bad *simClient) {
			bad.send(array("GET", "a"))
			s.settle()
			s.servers[0].reply("+panic\r\n")
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, 2, func(_ *Options, po *PoolOptions) { po.Protocol = clumsy{po.Protocol} })
			s.redial = func(v *simServer) { s.tasks = append(s.tasks, v.accept) }
			good, bad := s.connect(), s.connect()
			ask := func() {
				t.Helper()
				for _, k := range []string{"a", "b"} {
					good.send(array("GET", k))
					s.settle()
					for _, v := range s.servers {
						if v.sock != nil && strings.Contains(v.sock.take(), "GET") {
							v.reply(bulk("value of " + k))
						}
					}
					s.settle()
					if got := good.sock.take(); got != bulk("value of "+k) {
						t.Fatalf("GET %s gets %q", k, got)
					}
				}
			}
			ask()
			c.do(s, bad)
			s.settle()
			if got := s.loop.Panics.Load(); got != 1 {
				t.Errorf("%d panics counted; want 1", got)
			}
			if c.lost != bad.conn.closed {
				t.Errorf("the client is closed: %v; want %v", bad.conn.closed, c.lost)
			}
			for _, v := range s.servers {
				if v.sock != nil {
					v.sock.take()
				}
			}
			good.sock.take()
			ask()
		})
	}
}
