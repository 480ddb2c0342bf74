package session

import "testing"

const sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db" // of "return 1"

// TestScriptToAll: SCRIPT LOAD, EXISTS and FLUSH are asked of all servers, and of those that are away only FLUSH fails.
func TestScriptToAll(t *testing.T) {
	s, c := steady(t, 2)
	load, exists, flush := array("SCRIPT", "LOAD", "return 1"), array("SCRIPT", "EXISTS", sha), array("SCRIPT", "FLUSH")
	c.Send(load + exists + flush)
	s.Settle()
	for i, v := range s.Servers {
		if got := v.Sock.Take(); got != load+exists+flush {
			t.Fatalf("server %d got %q", i, got)
		}
		v.Reply(bulk(sha) + []string{"*1\r\n:1\r\n", "*1\r\n:0\r\n"}[i] + "+OK\r\n")
	}
	s.Settle()
	if got, want := c.Sock.Take(), bulk(sha)+"*1\r\n:0\r\n+OK\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	c.Send(load + exists + flush)
	s.Settle()
	s.Servers[0].Reply("$40\r\ne0e1")
	s.Servers[1].Reply(bulk(sha) + "*1\r\n:1\r\n+OK\r\n")
	s.Servers[0].HangUp()
	s.Settle()
	if got, want := c.Sock.Take(), bulk(sha)+"*1\r\n:1\r\n-ERR Connection reset by peer\r\n"; got != want {
		t.Errorf("with one server the client has %q; want %q", got, want)
	}
	c.Send(load)
	s.Settle()
	for _, v := range s.Servers {
		v.HangUp()
	}
	s.Settle()
	if got, want := c.Sock.Take(), "-ERR Connection reset by peer\r\n"; got != want {
		t.Errorf("without a server the client has %q; want %q", got, want)
	}
}

// TestScriptWithoutKeys goes to a server that is the only one, also in a transaction, and is refused else.
func TestScriptWithoutKeys(t *testing.T) {
	const why = "-ERR this proxy needs at least one key to choose one of the pool's servers\r\n"
	eval := array("EVAL", "return 1", "0")
	s, c := steady(t, 1)
	c.Send(eval + array("MULTI") + eval + array("EXEC"))
	s.Settle()
	if got, want := s.Servers[0].Sock.Take(), eval+array("MULTI")+eval+array("EXEC"); got != want {
		t.Errorf("the server got %q; want %q", got, want)
	}
	s.Servers[0].Reply(":1\r\n+OK\r\n" + queued + "*1\r\n:1\r\n")
	s.Settle()
	if got, want := c.Sock.Take(), ":1\r\n+OK\r\n"+queued+"*1\r\n:1\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	_, c = steady(t, 2)
	c.Send(eval + array("MULTI") + eval + array("EXEC"))
	if got, want := c.Sock.Take(), why+"+OK\r\n"+why+aborted; got != want {
		t.Errorf("before two servers the client has %q; want %q", got, want)
	}
}
