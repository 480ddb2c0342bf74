package session

import (
	"strings"
	"testing"
)

// asker is a proxy that answers questions when the test says so.
type asker struct {
	alone
	asked []*Report
}

func (a *asker) Ask(r *Report) bool { a.asked = append(a.asked, r); return true }

// TestReportsGoOn: a client that waits for answers about the proxy goes on once it has half of them, whoever owes it a reply before those.
func TestReportsGoOn(t *testing.T) {
	s, c := steady(t, 2)
	h := new(asker)
	s.pool.host = h
	c.Send(array("GET", "a") + strings.Repeat(array("INFO"), maxClientReports) + array("GET", "last"))
	s.Settle()
	got := func() (all string) {
		for _, v := range s.Servers {
			all += v.Sock.Take()
		}
		return all
	}
	if all := got(); all != array("GET", "a") || len(h.asked) != maxClientReports {
		t.Fatalf("servers got %q, and %d answers are made", all, len(h.asked))
	}
	for _, r := range h.asked[:maxClientReports/2] {
		s.Loop.Execute(func() { c.session.reported(r.request, []byte("+x\r\n"), false) })
	}
	s.Settle()
	if all := got(); all != array("GET", "last") {
		t.Errorf("with half of the answers servers got %q; want the next command", all)
	}
}
