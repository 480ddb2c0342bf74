package resp

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"cashew/codec"
)

// gets is what a server is logged in to with: "user password", or "password".
func gets(p codec.Health, as codec.Login) string {
	var all []string
	for _, step := range p.Handshake(as, RESP3, 0) {
		args := argsOf(step)
		if name := args.next(); string(name) != "AUTH" {
			continue
		}
		for args.left > 0 {
			all = append(all, string(args.next()))
		}
	}
	return strings.Join(all, " ")
}

// TestAfter: a protocol that takes the place of another has its credentials as those before, as long as it takes that place.
func TestAfter(t *testing.T) {
	plain := func(password string) Options { return Options{Password: password} }
	server := func(name, user, password string) Options {
		return Options{Password: "rest", Logins: map[string]Login{name: {user, password}}}
	}
	for _, c := range []struct {
		name        string
		options     []Options // one after the other
		server      string
		now, before string // the same where there are none before; of several those that come next, with commas
	}{
		{"nothing changes", []Options{plain("a"), plain("a")}, "s", "a", "a"},
		{"a password", []Options{plain("a"), plain("b")}, "s", "b", "a"},
		{"a password, and a reload", []Options{plain("a"), plain("b"), plain("b")}, "s", "b", "a"},
		{"two passwords", []Options{plain("a"), plain("b"), plain("c")}, "s", "c", "b"},
		{"and back", []Options{plain("a"), plain("b"), plain("a")}, "s", "a", "b"},
		{"a user", []Options{plain("a"), {Password: "a", Login: Login{User: "u"}}}, "s", "u a", "a"},
		{"the default user", []Options{plain("a"), {Password: "a", Login: Login{User: "default"}}}, "s", "a", "a"},
		{"one apart from the clients'", []Options{plain("a"), {Password: "a", Login: Login{Password: "b"}}}, "s", "b", "a"},
		{"none before", []Options{plain(""), plain("b")}, "s", "b", "b"},
		{"none now", []Options{plain("a"), plain("")}, "s", "", ""},
		{"another for a server", []Options{server("s", "u", "a"), server("s", "v", "b")}, "s", "v b", "u a"},
		{"and the rest", []Options{server("s", "u", "a"), server("s", "v", "b")}, "x", "rest", "rest"},
		{"its own from now on", []Options{plain("a"), server("s", "u", "b")}, "s", "u b", "a"},
		{"its own no more", []Options{server("s", "u", "b"), plain("a")}, "s", "a", "u b"},
		{"its own no more, and a reload", []Options{server("s", "u", "b"), plain("a"), plain("a")}, "s", "a", "u b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p codec.Protocol
			for _, o := range c.options {
				if next := codec.Protocol(New(o)); p == nil {
					p = next
				} else {
					p = next.After(p)
				}
			}
			if got := gets(p, codec.Login{Server: c.server}); got != c.now {
				t.Errorf("servers get %q; want %q", got, c.now)
			}
			tried := triesAll(t, p, c.server)
			if got := strings.Join(tried[min(1, len(tried)-1):], ","); got != c.before {
				t.Errorf("servers that refuse that get %q; want %q", got, c.before)
			}
			if again := New(c.options[len(c.options)-1]).After(p); !reflect.DeepEqual(again, p) {
				t.Error("a reload that changes nothing changes it")
			}
		})
	}
	p := New(plain("a"))
	if p.After(p) != codec.Protocol(p) {
		t.Error("the same protocol is another after itself")
	}
}

// triesAll is what a server gets, one after the other, that refuses all.
func triesAll(t *testing.T, p codec.Protocol, server string) (tried []string) {
	t.Helper()
	as := codec.Login{Server: server}
	for range 2 * maxFormers {
		tried = append(tried, gets(p, as))
		err := p.CheckHandshake(as, RESP2, 0, 0, []byte("-WRONGPASS no\r\n"))
		var next *codec.LoginError
		if !errors.As(err, &next) {
			if err == nil && tried[0] != "" {
				t.Error("the last refusal is no error")
			}
			return tried
		}
		as.Attempt = next.Next
	}
	t.Fatal("it is tried for ever")
	return nil
}

// TestRefusalTellsNoSecret: servers repeat what they were sent, and cut it.
func TestRefusalTellsNoSecret(t *testing.T) {
	const password = "a-very-long-password-that-is-cut"
	p := New(Options{Login: Login{User: "u", Password: password}})
	for _, reply := range []string{
		"-ERR unknown command `AUTH`, with args beginning with: `u`, `" + password[:20] + "\r\n",
		"-ERR wrong: " + password + "\r\n", "+" + password + "\r\n", ":" + password + "\r\n",
	} {
		if err := p.CheckHandshake(codec.Login{}, RESP2, 0, 0, []byte(reply)); err != nil && strings.Contains(err.Error(), password[:8]) {
			t.Errorf("%q: %v", reply, err)
		}
	}
	err := p.CheckHandshake(codec.Login{}, RESP2, 0, 0, []byte("-ERR unknown command `AUTH`, with args beginning with: `u`, `"+password[:20]+"\r\n"))
	if err == nil || err.Error() != "AUTH was refused" {
		t.Errorf("error %v", err)
	}
}

// TestAfterTypo: a server that refuses the password gets the last one that it took, whatever stood in the configuration since; each
// server its own.
func TestAfterTypo(t *testing.T) {
	p := codec.Protocol(New(Options{Password: "p0"}))
	takes := func(server string) {
		t.Helper()
		if err := p.CheckHandshake(codec.Login{Server: server}, RESP2, 0, 0, []byte("+OK\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	becomes := func(password string) { p = New(Options{Password: password}).After(p) }
	want := func(server, before string) {
		t.Helper()
		if got := strings.Join(triesAll(t, p, server)[1:], " "); !strings.HasPrefix(got, before) {
			t.Errorf("%s gets %q; want %q", server, got, before)
		}
	}
	takes("a")
	takes("b")
	becomes("p1")
	takes("b")
	becomes("typo")
	becomes("p2") // ahead of the servers
	want("a", "p0 p1 typo")
	want("b", "p1 p0 typo")
	want("new", "p1 p0 typo") // who took none gets the last that any did
	becomes("typo")
	becomes("p1") // back
	takes("a")
	becomes("p3")
	want("a", "p1")
	takes("a")
	for _, password := range strings.Fields("p4 p5 p6 p7 p8") {
		becomes(password)
		takes("a")
	}
	becomes("p9")
	want("a", "p8")
	if n := len(p.(*Protocol).account.formers); n != maxFormers {
		t.Errorf("%d former ones are known", n)
	}
}
