package engine

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/stats"
)

// TestSlowFragments: the slow log names for each part of a split command the first of its keys, how many it has, and its server.
func TestSlowFragments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connected(t, 2, nil)
		zero, one := keyOn(t, s, 0), keyOn(t, s, 1)
		c := s.connect()
		c.Send(array("MGET", one, zero, zero+"{}", one))
		s.Settle()
		s.Passes(20 * time.Millisecond)
		for _, v := range s.Servers {
			cmds := v.Sock.Take()
			v.Reply("*" + cmds[1:2] + "\r\n" + strings.Repeat("$-1\r\n", int(cmds[1]-'0')))
		}
		s.Settle()
		log := ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(-1) })
		if len(log) != 2 {
			t.Fatalf("%d entries; want one for each part", len(log))
		}
		for _, e := range log {
			if want := map[string]string{"s0": zero, "s1": one}[e.Server]; e.Key != want || e.Command != "mget" || e.Keys < 1 || e.Keys > 3 {
				t.Errorf("%s: %s of %d keys, first %s; want %s", e.Server, e.Command, e.Keys, e.Key, want)
			}
		}
	})
}

// TestForeignLog: of clients that speak another protocol the log says the first, of what else is malformed nothing by default.
func TestForeignLog(t *testing.T) {
	var log strings.Builder
	s := newSim(t, 1, nil)
	s.Loop.Log = slog.New(slog.NewTextHandler(&log, nil))
	for i, p := range []string{"*1\r\n!oops\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "*1\r\n!oops\r\n"} {
		c := s.connect()
		c.Send(p)
		s.Settle()
		if got, want := strings.Count(log.String(), "malformed request"), min(i, 1); got != want {
			t.Errorf("after %d clients %d lines; want %d", i+1, got, want)
		}
	}
	if m, f := s.pool.Count.Malformed.Load(), s.pool.Count.Foreign.Load(); m != 4 || f != 2 {
		t.Errorf("%d malformed, of which %d foreign; want 4, 2", m, f)
	}
}
