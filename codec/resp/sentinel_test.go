package resp

import (
	"errors"
	"slices"
	"testing"

	"cashew/codec"
)

// TestParseMaster: what a sentinel says of a master, and what is no such thing.
func TestParseMaster(t *testing.T) {
	p := New(Options{Sentinels: true})
	master := string(bulks("name", "m", "ip", "10.0.0.1", "config-epoch", "7"))
	others := "*2\r\n" + string(bulks("ip", "10.0.0.2", "port", "26379")) + string(bulks("ip", "::1", "port", "26380"))
	m, err := p.ParseMaster("m", [][]byte{[]byte(master), bulks("10.0.0.9", "6379"), []byte(others)})
	if err != nil || m.Name != "m" || m.Addr != "10.0.0.9:6379" || m.Epoch != 7 || !slices.Equal(m.Others, []string{"10.0.0.2:26379", "[::1]:26380"}) {
		t.Errorf("ParseMaster = %+v, %v", m, err)
	}
	unknown := []byte("-ERR No such master with that name\r\n")
	if m, err = p.ParseMaster("m", [][]byte{unknown, []byte("*-1\r\n"), unknown}); err != nil || m.Addr != "" {
		t.Errorf("of a master that is not known: %+v, %v", m, err)
	}
	refused := []byte("-NOPERM this user has no permissions\r\n")
	if m, err = p.ParseMaster("m", [][]byte{refused, bulks("h", "1"), refused}); err != nil || m.Addr != "h:1" || m.Epoch != 0 || m.Others != nil {
		t.Errorf("of a user that may not ask for all: %+v, %v", m, err)
	}
	for _, addr := range []string{string(refused), "+OK\r\n", string(bulks("h")), string(bulks("h", "0")), string(bulks("h", "x")), string(bulks("", "1")), string(bulks("h", "1")) + "x", ""} {
		if m, err := p.ParseMaster("m", [][]byte{[]byte(master), []byte(addr), []byte(others)}); err == nil {
			t.Errorf("%q: %+v", addr, m)
		}
	}
}

// TestParseEvent: which master an event is about, and which matter.
func TestParseEvent(t *testing.T) {
	p := New(Options{Sentinels: true})
	for _, c := range []struct {
		channel, text string
		want          codec.Event
	}{
		{"+switch-master", "m 10.0.0.1 6379 10.0.0.2 6379", codec.Event{Kind: codec.Changed, Master: "m"}},
		{"+failover-state-send-slaveof-noone", "slave 10.0.0.2:6379 10.0.0.2 6379 @ m 10.0.0.1 6379", codec.Event{Kind: codec.Promoting, Master: "m", Addr: "10.0.0.2:6379"}},
		{"+promoted-slave", "slave 10.0.0.2:6379 10.0.0.2 6379 @ m 10.0.0.1 6379", codec.Event{Kind: codec.Changed, Master: "m"}},
		{"+failover-end", "master m 10.0.0.1 6379", codec.Event{Kind: codec.Settled, Master: "m"}},
		{"-failover-abort-slave-timeout", "master m 10.0.0.1 6379", codec.Event{Kind: codec.Settled, Master: "m"}},
		{"+failover-state-send-slaveof-noone", "", codec.Event{Kind: codec.Promoting}},
	} {
		if got, ok := p.ParseEvent(bulks("message", c.channel, c.text)); !ok || got != c.want {
			t.Errorf("%s %s: %+v, %v; want %+v", c.channel, c.text, got, ok, c.want)
		}
	}
	for _, frame := range []string{string(bulks("message", "+sdown", "master m 10.0.0.1 6379")), "*3\r\n$9\r\nsubscribe\r\n$4\r\n+new\r\n:1\r\n", "+PONG\r\n", "", "*0\r\n"} {
		if e, ok := p.ParseEvent([]byte(frame)); ok {
			t.Errorf("%q is %+v", frame, e)
		}
	}
}

// TestRole: a server that has to be a master is asked for its role, behind all else, and one that is none is not used.
func TestRole(t *testing.T) {
	p := New(Options{Password: "secret", DB: 2, Sentinels: true, SentinelLogin: Login{Password: "other"}})
	as := codec.Login{Server: "s", Master: true}
	steps := p.Handshake(as, RESP3, 2)
	if len(steps) != 4 || string(steps[3]) != string(roleCommand) {
		t.Fatalf("the handshake is %q", steps)
	}
	replica := "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:1\r\n"
	var remark *codec.RemarkError
	if err := p.CheckHandshake(as, RESP3, 2, 3, []byte("*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n")); err != nil {
		t.Errorf("of a master: %v", err)
	}
	if err := p.CheckHandshake(as, RESP3, 2, 3, []byte(replica)); err == nil || errors.As(err, &remark) {
		t.Errorf("of a replica: %v", err)
	}
	if err := p.CheckHandshake(as, 0, 0, 1, []byte(replica)); err == nil {
		t.Error("of a replica, in database 0: no error")
	}
	if err := p.CheckHandshake(as, RESP3, 2, 3, []byte("-NOPERM this user has no permissions to run the 'role' command\r\n")); !errors.As(err, &remark) {
		t.Errorf("of one that does not say: %v", err)
	}
	if steps := p.Handshake(codec.Login{Server: codec.ToSentinels}, 0, 0); len(steps) != 1 || string(steps[0]) != string(bulks("AUTH", "other")) {
		t.Errorf("the handshake with a sentinel is %q", steps)
	}
	if steps := New(Options{Password: "secret", Sentinels: true}).Handshake(codec.Login{Server: codec.ToSentinels}, 0, 0); len(steps) != 0 {
		t.Errorf("a sentinel is given the servers' password: %q", steps)
	}
}
