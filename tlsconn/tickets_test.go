package tlsconn

import (
	"crypto/tls"
	"os"
	"testing"
	"time"

	"cashew/tests/certtest"
	"cashew/world"
)

// laterWorld is the machine at another time of day.
type laterWorld struct {
	world.World
	later time.Duration
}

func (w *laterWorld) Now() time.Time { return w.World.Now().Add(w.later) }

// TestTickets: by which sessions clients are let in without a whole handshake, and by which not.
func TestTickets(t *testing.T) {
	ca, other := certtest.New(t, "one"), certtest.New(t, "other")
	p, client := ca.Issue(t, certtest.Of{}), ca.Issue(t, certtest.Of{Name: "client"})
	w := world.New(time.Now())
	tickets := NewTickets(w, nil)
	o := FromClients{TLSCertFile: p.Cert, TLSKeyFile: p.Key, TLSCACertFile: ca.File, TLSAuthClients: AuthOptional}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		comer := func() *tls.Config {
			c := clientOf(ca)
			c.MinVersion, c.MaxVersion, c.Certificates = version, version, []tls.Certificate{client.TLS(t)}
			return c
		}
		check := func(what string, tickets *Tickets, change func(o *FromClients), want bool) {
			t.Helper()
			c, with := comer(), o
			if _, resumed := wantMeet(t, acceptor(t, o, tickets), c); resumed {
				t.Fatal("a new client resumes")
			}
			change(&with)
			next := tickets
			if what == "another process" {
				next = NewTickets(w, tickets.Secrets())
			}
			if what == "a stranger" {
				next = NewTickets(w, nil)
			}
			if _, resumed := wantMeet(t, acceptor(t, with, next), c); resumed != want {
				t.Errorf("TLS %x, %s: resumed %v; want %v", version, what, resumed, want)
			}
		}
		same := func(*FromClients) {}
		check("the same", tickets, same, true)
		check("another process", tickets, same, true)
		check("a stranger", tickets, same, false)
		check("each has secrets of its own", nil, same, false)
		check("other ciphers", tickets, func(o *FromClients) { o.TLSCiphers, _ = ParseCiphers("ECDHE-ECDSA-AES128-GCM-SHA256") }, true)
		check("other rules", tickets, func(o *FromClients) { o.TLSAuthClients = AuthYes }, false)
		check("no rules", tickets, func(o *FromClients) { o.TLSAuthClients = AuthNo }, false)
	}
	both, err := os.ReadFile(ca.File)
	if err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile(other.File)
	if err != nil {
		t.Fatal(err)
	}
	a, c := acceptor(t, o, tickets), clientOf(ca)
	wantMeet(t, a, c)
	if err := os.WriteFile(ca.File, append(both, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Reread(); err != nil {
		t.Fatal(err)
	}
	if _, resumed := wantMeet(t, a, c); resumed {
		t.Error("a session resumed under another CA")
	}
	if _, resumed := wantMeet(t, a, c); !resumed {
		t.Error("no session is resumed under the new CA")
	}
}

// TestTurn: a secret makes tickets for six hours, and opens them for as many turns as are kept.
func TestTurn(t *testing.T) {
	ca := certtest.New(t, "one")
	p := ca.Issue(t, certtest.Of{})
	w := &laterWorld{World: world.New(time.Now())}
	tickets := NewTickets(w, nil)
	tickets.Turn() // for nobody
	if len(tickets.secrets) != 0 {
		t.Error("a secret that nobody has a use for")
	}
	o := FromClients{TLSCertFile: p.Cert, TLSKeyFile: p.Key}
	a := acceptor(t, o, tickets)
	for turns := range ticketsKept + 1 {
		c := clientOf(ca)
		wantMeet(t, a, c)
		for range turns {
			w.later += ticketTurn - time.Minute
			newest := string(tickets.secrets[0])
			if tickets.Turn(); string(tickets.secrets[0]) != newest {
				t.Error("a turn before it is time")
			}
			w.later += time.Minute
			tickets.Turn()
		}
		if _, resumed := wantMeet(t, a, c); resumed != (turns < ticketsKept) {
			t.Errorf("after %d turns, a session is resumed: %v", turns, resumed)
		}
		if len(tickets.secrets) > ticketsKept {
			t.Errorf("%d secrets are kept", len(tickets.secrets))
		}
	}
	c := clientOf(ca)
	wantMeet(t, a, c)
	next := NewTickets(w, tickets.Secrets())
	w.later += ticketTurn
	b := acceptor(t, o, next) // in the other process it is time
	if _, resumed := wantMeet(t, b, c); !resumed || len(next.secrets) != ticketsKept || string(next.secrets[1]) != string(tickets.secrets[0]) {
		t.Error("another process does not go on with the secrets")
	}
	a.Close()
	b.Close()
	if len(tickets.users) != 0 || len(next.users) != 0 {
		t.Errorf("%d and %d have their keys turned, of nobody", len(tickets.users), len(next.users))
	}
	for _, bad := range []string{"", "null", "{}", `{"Secrets":[]}`, "nonsense"} {
		if s := NewTickets(w, []byte(bad)); len(s.secrets) != 0 {
			t.Errorf("%q: %d secrets", bad, len(s.secrets))
		}
	}
}
