package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/quota"
)

func limitsOf(t *testing.T, lines ...string) (rules []quota.Rule) {
	t.Helper()
	for _, line := range lines {
		r, err := quota.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, r)
	}
	return rules
}

// limited is a client of a pool of one server that has those limits.
func limited(t *testing.T, p codec.Protocol, lines ...string) (*sim, *simClient) {
	s := newSim(t, 1, func(_ *Options, po *PoolOptions) { po.Protocol, po.RateLimits = p, limitsOf(t, lines...) })
	s.AcceptAll()
	return s, s.connect()
}

// TestLimitReload: a reload that lifts a limit, or widens it, wakes those who wait for it; one that is about something else does not, and
// keeps what was taken and counted.
func TestLimitReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, lines := range map[string][]string{"lifted": nil, "wider": {"a requests=1000 past=delay"}, "another": {"b requests=1"}} {
			s, c := limited(t, resp.New(resp.Options{}), "a requests=1 past=delay")
			v := s.Servers[0]
			c.Send(array("GET", "1") + array("GET", "2"))
			s.Settle()
			if got := v.Sock.Take(); got != array("GET", "1") {
				t.Errorf("%s: the server got %q", name, got)
			}
			v.Reply(bulk("1"))
			s.Settle()
			s.reload(func(_ *Options, po *PoolOptions) { po.ClientWriteTimeout = time.Hour })
			if got := v.Sock.Take(); got != "" {
				t.Errorf("%s: after a reload of something else the server got %q", name, got)
			}
			if s.pool.RateLimits()[0].Times != 1 {
				t.Errorf("%s: figures %+v", name, s.pool.RateLimits())
			}
			s.reload(func(_ *Options, po *PoolOptions) { po.RateLimits = limitsOf(t, lines...) })
			if got := v.Sock.Take(); got != array("GET", "2") {
				t.Errorf("%s: after the reload the server got %q", name, got)
			}
			v.Reply(bulk("2"))
			s.Settle()
			if got := c.Sock.Take(); got != bulk("1")+bulk("2") {
				t.Errorf("%s: the client has %q", name, got)
			}
			s.Passes(1100 * time.Millisecond) // the timer of a wait that is over
		}
		s, c := limited(t, resp.New(resp.Options{}))
		c.Send(array("GET", "1"))
		s.Settle()
		v := s.Servers[0]
		v.Sock.Take()
		s.reload(func(_ *Options, po *PoolOptions) { po.RateLimits = limitsOf(t, "a requests=1 bytes=10") })
		v.Reply(bulk(strings.Repeat("x", 1000)))
		s.Settle()
		c.Sock.Take()
		c.Send(array("GET", "2") + array("GET", "3"))
		s.Settle()
		if got := v.Sock.Take(); got != array("GET", "2") {
			t.Errorf("under a new limit the server got %q", got)
		}
	})
}

// TestLimitMemcached: what is past a limit gets SERVER_ERROR, quiet commands too, and one with noreply nothing; a quiet command stays so
// though it had to wait, and its limit was lifted meanwhile.
func TestLimitMemcached(t *testing.T) {
	const over = "SERVER_ERROR rate limit 'a' exceeded\r\n"
	p := func() codec.Protocol { return memcached.New(memcached.Options{MaxValue: 1 << 20}) }
	s, c := limited(t, p(), "a requests=1")
	c.Send("get k\r\nget a b\r\nset k 0 0 1\r\nx\r\nset k 0 0 1 noreply\r\nx\r\nmg k v q\r\nmn\r\n")
	s.Settle()
	v := s.Servers[0]
	if got := v.Sock.Take(); got != "get k\r\n" {
		t.Errorf("the server got %q", got)
	}
	v.Reply("END\r\n")
	s.Settle()
	if got, want := c.Sock.Take(), "END\r\n"+over+over+over+"MN\r\n"; got != want {
		t.Errorf("the client has %q; want %q", got, want)
	}
	missing := binaryFrame(0x81, 0, "", "", "")
	missing = missing[:7] + "\x01" + missing[8:]
	synctest.Test(t, func(t *testing.T) {
		for _, lifted := range []bool{false, true} {
			for quiet, script := range map[string][4]string{
				"mg k v q\r\n":                       {"mg k v  \r\n", "EN\r\n", "mn\r\n", "MN\r\n"},
				binaryFrame(0x80, 0x09, "", "k", ""): {binaryFrame(0x80, 0, "", "k", ""), missing, binaryFrame(0x80, 0x0a, "", "", ""), binaryFrame(0x81, 0x0a, "", "", "")},
			} {
				s, c := limited(t, p(), "a requests=1 past=delay")
				v := s.Servers[0]
				c.Send(quiet + quiet + script[2])
				s.Settle()
				if v.Sock == nil {
					v = v.Three
					v.Sock.Take() // NOOP, of the handshake
					v.Reply(string(append([]byte{0x81, 0x0a}, make([]byte, 22)...)))
					s.Settle()
				}
				if got := v.Sock.Take(); got != script[0] {
					t.Errorf("%q: the server got %q; want %q", quiet, got, script[0])
				}
				if lifted {
					s.reload(func(_ *Options, po *PoolOptions) { po.RateLimits = nil })
				} else {
					s.Passes(1100 * time.Millisecond)
				}
				if got := v.Sock.Take(); got != script[0] {
					t.Errorf("%q: then the server got %q; want %q", quiet, got, script[0])
				}
				v.Reply(script[1] + script[1])
				s.Settle()
				if got := c.Sock.Take(); got != script[3] {
					t.Errorf("%q, lifted %v: the client has %q; want %q", quiet, lifted, got, script[3])
				}
			}
		}
	})
}
