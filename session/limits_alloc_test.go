//go:build !race

package session

import "testing"

// TestAllocsLimits: commands under limits allocate as little as any other, those within and those that are refused.
func TestAllocsLimits(t *testing.T) {
	s, c := limited(t, "a class=read requests=1000000000 bytes=100gb", "b prefix=p requests=1", "u user=default requests=1000000000 past=delay")
	c.Send(array("GET", "a") + array("GET", "p"))
	s.Settle()
	v := s.Servers[0]
	v.Reply(bulk("A") + bulk("P"))
	s.Settle()
	in, buf := []byte(array("GET", "a")+array("GET", "p")+array("MGET", "a", "b")), make([]byte, 1000)
	play := func() {
		s.Loop.Data(c.session, buf[:copy(buf, in)])
		s.Settle()
		s.Loop.Data(v.Up, buf[:copy(buf, "$1\r\nA\r\n*0\r\n")])
		s.Settle()
		v.Sock.Got, c.Sock.Got = v.Sock.Got[:0], c.Sock.Got[:0]
	}
	play()
	if n := testing.AllocsPerRun(100, play); n != 0 {
		t.Errorf("%v allocations in a round; want 0", n)
	}
}
