package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cashew/stats"
)

// TestSlowLogLength: a slow log that may have fewer entries loses the oldest at once, and one that may have more keeps those.
func TestSlowLogLength(t *testing.T) {
	s := connected(t, 1, func(_ *Options, po *PoolOptions) { po.SlowerThan, po.SlowMaxLen = 0, 3 })
	c, asked := s.connect(), 0
	get := func(n int) {
		for range n {
			asked++
			c.Send(array("GET", fmt.Sprint("k", asked)))
			s.Settle()
			s.Servers[0].Reply(bulk("x"))
			s.Settle()
		}
	}
	want := func(when string, n int) {
		t.Helper()
		log := ask(s, func() []stats.SlowEntry { return s.proxy.SlowLog(-1) })
		if len(log) != n || ask(s, s.proxy.SlowLogLen) != n {
			t.Fatalf("%s: %d entries; want %d", when, len(log), n)
		}
		for i := range log {
			if key := fmt.Sprint("k", asked-i); log[i].Key != key {
				t.Errorf("%s: entry %d is of %s; want %s", when, i, log[i].Key, key)
			}
		}
	}
	length := func(n int) { s.reload(func(_ *Options, po *PoolOptions) { po.SlowMaxLen = n }) }
	get(5)
	want("three", 3)
	length(2)
	want("two from now on", 2)
	get(1)
	want("two", 2)
	length(4)
	want("four from now on", 2)
	get(5)
	want("four", 4)
	length(0)
	want("none", 0)
}

// TestModeOfLostSocket: the mode of a socket whose file is gone can't be changed; the rest of the reload is carried out.
func TestModeOfLostSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	main := poolBefore("main", startKeyServer(t, "s"))
	main.Listen = Listen{Text: path, Network: "unix", Addr: path}
	p := startPools(t, withPools(1, main))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	main.Listen.Text, main.Listen.Mode, main.Backlog = path+" 0600", 0o600, 7
	ch, err := p.Reload(withPools(1, main))
	if err != nil || !strings.Contains(strings.Join(ch.Notes, "\n"), "no such file") {
		t.Errorf("Reload: %q, %v", ch.Notes, err)
	}
	if o := p.Options().Pools[0]; o.Listen.Text != path || o.Listen.Mode != 0 || o.Backlog != 7 {
		t.Errorf("in force: %+v, backlog %d", o.Listen, o.Backlog)
	}
}

// TestNotesOfSockets: a setting that sockets have from their beginning is that of new connections. Settings have the names that
// the options say, and those of their fields where they say none.
func TestNotesOfSockets(t *testing.T) {
	a := DefaultPool("a")
	b := a
	b.TCPKeepalive, b.ServerUserTimeout, b.RefuseCrossScripts = true, time.Second, true
	o := Options{SettingNames: map[string]string{"TCPKeepalive": "tcpkeepalive", "ServerUserTimeout": "server_tcp_user_timeout"}}
	want := []string{
		"pool a: changed: tcpkeepalive, server_tcp_user_timeout, RefuseCrossScripts",
		"pool a: connections that are open keep their tcpkeepalive and server_tcp_user_timeout",
	}
	if got := o.differences(&a, &b); !slices.Equal(got, want) {
		t.Errorf("notes %q; want %q", got, want)
	}
}
