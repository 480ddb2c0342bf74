package session

import (
	"fmt"
	"strings"
	"testing"

	"cashew/codec/resp"
)

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

const noScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n"

// TestCallAgain: a server that lacks a script is loaded with it, and the command goes out again, wherever the error is cut.
func TestCallAgain(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	load, call := array("SCRIPT", "LOAD", "return 1"), array("EVALSHA", strings.ToUpper(sha), "1", "k")
	c.Send(array("EVAL", "return 1", "1", "k"))
	s.Settle()
	v.Reply(":1\r\n")
	for cut := range len(noScript) {
		s.Settle()
		c.Sock.Take()
		v.Sock.Take()
		c.Send(call)
		s.Settle()
		if cut > 0 {
			v.Reply(noScript[:cut])
			s.Settle()
		}
		v.Sock.Take()
		v.Reply(noScript[cut:])
		s.Settle()
		if got := v.Sock.Take(); got != load+call {
			t.Fatalf("cut at %d the server got %q", cut, got)
		}
		v.Reply(bulk(sha))
		c.Send(array("GET", "a"))
		s.Settle()
		v.Reply(":1\r\n$-1\r\n")
		s.Settle()
		if got, want := c.Sock.Take(), ":1\r\n$-1\r\n"; got != want {
			t.Fatalf("cut at %d the client has %q; want %q", cut, got, want)
		}
	}
	if n := c.session.keptCalls; n != 0 || len(s.local.calls) != 1 {
		t.Errorf("%d bytes are kept, %d calls", n, len(s.local.calls))
	}
}

// TestCallOnce: a client gets NOSCRIPT where the command would overtake, where the server lacks the script again, and where nobody
// knows it; and any other reply as it comes.
func TestCallOnce(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	load, call, get := array("SCRIPT", "LOAD", "return 1"), array("EVALSHA", sha, "1", "k"), array("GET", "a")
	step := func(what, in, reply, sent, got string) {
		t.Helper()
		c.Send(in)
		s.Settle()
		v.Sock.Take()
		v.Reply(reply)
		s.Settle()
		if s := v.Sock.Take(); s != sent {
			t.Errorf("%s: the server got %q; want %q", what, s, sent)
		}
		if s := c.Sock.Take(); s != got {
			t.Errorf("%s: the client has %q; want %q", what, s, got)
		}
	}
	step("unknown", call, noScript, "", noScript)
	step("load", load, bulk(sha), "", bulk(sha))
	step("a newer one", call+get, noScript+bulk("A"), load, noScript+bulk("A"))
	step("behind it", call, bulk(sha)+":1\r\n", "", ":1\r\n")
	step("twice", call, noScript, load+call, "")
	step("twice", "", bulk(sha)+noScript, "", noScript)
	step("an error of the script", call, "-NOSCRIPT of my own\r\n", "", "-NOSCRIPT of my own\r\n")
	step("an array", call, "*2\r\n:1\r\n"+noScript, "", "*2\r\n:1\r\n"+noScript)
	step("another error", call, "-N", "", "")
	step("another error", "", "O\r\n", "", "-NO\r\n")
	big := strings.Repeat("x", streamBytes)
	step("a large one", call, "$300000\r\n"+big, "", "$300000\r\n"+big)
	step("a large one", "", strings.Repeat("y", 300000-len(big))+"\r\n", "", strings.Repeat("y", 300000-len(big))+"\r\n")
	step("a large command", array("EVALSHA", sha, "1", "k", big), noScript, "", noScript)
	step("flush", array("SCRIPT", "FLUSH"), "+OK\r\n", "", "+OK\r\n")
	step("forgotten", call, noScript, "", noScript)
	step("seen again", array("EVAL", "return 1", "1", "k"), ":1\r\n", "", ":1\r\n")
	step("known again", call, noScript, load+call, "")
	step("known again", "", bulk(sha)+":1\r\n", "", ":1\r\n")
	if n := c.session.keptCalls; n != 0 {
		t.Errorf("%d bytes are kept", n)
	}
}

// TestCallInTransaction: a transaction is not executed twice, and its scripts are loaded for the next.
func TestCallInTransaction(t *testing.T) {
	s, c := steady(t, 1)
	v := s.Servers[0]
	load, call := array("SCRIPT", "LOAD", "return 1"), array("EVALSHA", sha, "1", "k")
	c.Send(load)
	s.Settle()
	v.Reply(bulk(sha))
	s.Settle()
	c.Sock.Take()
	c.Send(array("MULTI") + call + array("CLIENT", "GETNAME") + call + array("EXEC"))
	s.Settle()
	v.Reply("+OK\r\n" + queued + queued + "*2\r\n" + noScript[:20])
	s.Settle()
	v.Sock.Take()
	v.Reply(noScript[20:] + noScript)
	s.Settle()
	if got, want := v.Sock.Take(), load+load; got != want && got != load {
		t.Errorf("the server got %q; want the script", got)
	}
	if got, want := c.Sock.Take(), "+OK\r\n"+queued+queued+queued+"*3\r\n"+noScript+"$-1\r\n"+noScript; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	if n := c.session.keptCalls; n != 0 {
		t.Errorf("%d bytes are kept", n)
	}
}

// TestCallEnds: where the client goes, or the server does, nothing is left of a call.
func TestCallEnds(t *testing.T) {
	s, c := steady(t, 1)
	call := array("EVALSHA", sha, "1", "k")
	c.Send(call + call)
	s.Settle()
	if n := c.session.keptCalls; n != 2*len(call) {
		t.Errorf("%d bytes are kept; want %d", n, 2*len(call))
	}
	s.Servers[0].Reply("-NOSCR")
	s.Servers[0].HangUp()
	s.Settle()
	if got := c.Sock.Take(); strings.Count(got, "-ERR Connection reset by peer\r\n") != 2 {
		t.Errorf("the client has %q", got)
	}
	c = s.connect()
	c.Send(call + array("MULTI") + array("CLIENT", "ID") + call + array("EXEC"))
	c.session.close()
	s.Settle()
	if n, m := c.session.keptCalls, len(s.local.calls); n != 0 || m != 2 {
		t.Errorf("%d bytes are kept, %d calls", n, m)
	}
}

// TestScriptsBounded: the oldest script goes first, and one that was forgotten is seen again.
func TestScriptsBounded(t *testing.T) {
	k, v := new(scripts), new(seen)
	see := func(body string) (news bool) {
		if news = v.news([]byte(body), k); news {
			k.add(body, body)
		}
		return news
	}
	for i := range maxScripts + 1 {
		if !see(fmt.Sprint("script ", i)) {
			t.Fatalf("script %d is no news", i)
		}
	}
	if k.get("script 0") != "" || k.get("script 1") == "" || len(k.names) != maxScripts || len(k.bodies) != maxScripts {
		t.Errorf("%d names, %d bodies; want the oldest gone", len(k.names), len(k.bodies))
	}
	if see(fmt.Sprint("script ", maxScripts)) {
		t.Error("the last is news")
	}
	for i := range turnover {
		see(fmt.Sprint("more ", i))
	}
	if !see("script 0") || k.get("script 0") == "" {
		t.Error("one that was forgotten is not seen again")
	}
	for i := range maxScriptBytes/maxScriptSize + 1 {
		k.add(fmt.Sprint(i), strings.Repeat("x", maxScriptSize))
	}
	if k.bytes > maxScriptBytes || len(k.names) != maxScriptBytes/maxScriptSize {
		t.Errorf("%d scripts have %d bytes", len(k.names), k.bytes)
	}
	if k.known.Load() != int64(len(k.names)) || k.displaced.Load() != int64(maxScripts+1+turnover+1+maxScriptBytes/maxScriptSize+1-len(k.names)) {
		t.Errorf("%d are known, %d displaced", k.known.Load(), k.displaced.Load())
	}
	p, q := &Pool{scripts: k, Protocol: resp.New(resp.Options{})}, &Pool{scripts: new(scripts), Protocol: resp.New(resp.Options{})}
	q.Learn(append(p.Scripts(), make([]byte, maxScriptSize+1)))
	if got, want := q.Scripts(), p.Scripts()[:1]; len(got) != 1 || string(got[0]) != string(want[0]) { // they are all the same
		t.Errorf("another process has %d scripts", len(got))
	}
	k.forget()
	if !see("script 0") || len(k.bodies) != 1 || k.bytes != len("script 0") {
		t.Errorf("after all is forgotten there are %d scripts, %d bytes", len(k.bodies), k.bytes)
	}
}
