package session

import (
	"testing"
	"testing/synctest"

	"cashew/codec/resp"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// TestParkedApart: what waits for a master that sentinels know fails if a reload has its keys be apart by then: one server would write what is
// read at another.
func TestParkedApart(t *testing.T) {
	for _, apart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			masters := func(o *topology.Options) {
				o.Sentinels = []topology.ServerOptions{sessiontest.ServerNamed("w")}
				for i := range o.Servers {
					o.Servers[i].Master = o.Servers[i].Name
				}
			}
			s := newSimWith(t, 1, resp.Options{Learn: true, Sentinels: true}, masters, nil)
			s.AddServer("s1")
			s.Greetings = map[string]string{array("ROLE"): "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"}
			c, mset := s.warm(t, "a"), array("MSET", "a", "1", "b", "2")
			c.Send(mset + array("SET", "a", "3"))
			s.Settle()
			s.Servers[0].Sock.Take()
			const held = "-READONLY You can't write against a read only replica.\r\n"
			s.Servers[0].Reply(held + held)
			s.Settle()
			c.has(t, "")
			want, reply, gets := mset+array("SET", "a", "3"), "+OK\r\n+OK\r\n", "+OK\r\n+OK\r\n"
			if apart {
				s.remapWith(t, func(o *topology.Options) {
					o.Servers = append(o.Servers[:1:1], sessiontest.ServerNamed("s1"))
					masters(o)
				})
				want, reply, gets = array("SET", "a", "3"), "+OK\r\n", held+"+OK\r\n"
			}
			s.Passes(5 * parkedTick)
			wants(t, s.Servers[0], want)
			s.Servers[0].Reply(reply)
			s.Settle()
			c.has(t, gets)
		})
	}
}
