package session

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cashew/access"
)

// accessible is alone with what is kept of commands.
type accessible struct {
	alone
	log *access.Log
}

func (a accessible) Access() *access.Log { return a.log }

// followsAll has s follow one of so many commands.
func (s *sim) followsAll(one int) *access.Log {
	host := accessible{log: new(access.Log)}
	host.log.Lines.Set(1_000_000, true)
	host.log.Spans.Set(1_000_000, false)
	s.pool.host = host
	s.local.limits.Looks = true
	s.local.limits.Access = AccessSamples{Lines: one, Spans: one, Keys: true}
	return host.log
}

// entriesOf is what a log has, an entry a word: the command, its key, what became of it, and the servers that were asked.
func entriesOf(entries []access.Entry) string {
	var words []string
	for i := range entries {
		e := &entries[i]
		text := fmt.Sprintf("%s(%s)=%v", e.Command, e.Key(), e.Result)
		for _, a := range e.Servers() {
			text += fmt.Sprintf("@%s:%d", a.Name, a.Bytes)
		}
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// TestFollowed: each command that is followed is told of once, with what became of it, whatever that is; and nothing is left behind.
func TestFollowed(t *testing.T) {
	for _, c := range []struct {
		name, sends, replies, want string
		closes                     bool
	}{
		{"in turn", array("GET", "a") + array("SET", "a", "v") + array("PING"), "$1\r\nx\r\n+OK\r\n", "ping()=local get(a)=ok@s0:7 set(a)=ok@s0:5", false},
		{"an error", array("LPUSH", "a", "v"), "-WRONGTYPE no\r\n", "lpush(a)=error@s0:15", false},
		{"a part of a reply", array("GET", "a"), "$5\r\nx", "", false},
		{"a client that leaves", array("GET", "a") + array("GET", "b"), "$1\r\nx\r\n", "get(a)=ok@s0:7 get(b)=client_left", true},
		{"refused", array("KEYS", "*") + array("GET", "a"), "$1\r\nx\r\n", "keys()=refused get(a)=ok@s0:7", false},
		{"a transaction", array("MULTI") + array("SET", "a", "v") + array("EXEC"), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n", "multi()=local set()=local exec()=ok@s0:9", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, client := steady(t, 1)
			log := s.followsAll(1)
			client.Send(c.sends)
			s.Settle()
			s.Servers[0].Reply(c.replies)
			s.Settle()
			if c.closes {
				client.session.close()
			}
			if got := entriesOf(log.Lines.Take(nil)); got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
			client.session.close()
			if a := &s.local.access; len(a.list) != 0 || a.unwritten != 0 || a.taking != nil {
				t.Errorf("left behind: %+v", a)
			}
		})
	}
}

// TestFollowedParts: of a command that is split all servers are told of.
func TestFollowedParts(t *testing.T) {
	s, client := steady(t, 2)
	log := s.followsAll(1)
	client.Send(array("MGET", "a", "b", "c", "d"))
	s.Settle()
	for _, v := range s.Servers {
		v.Reply("*2\r\n$-1\r\n$-1\r\n")
	}
	s.Settle()
	if got, want := entriesOf(log.Lines.Take(nil)), "mget(a)=ok@s0:14@s1:14"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// TestFollowedFew: of many commands about one of so many is followed, by the log and as a trace alike, and the others cost nothing.
func TestFollowedFew(t *testing.T) {
	s, client := steady(t, 1)
	log := s.followsAll(100)
	const all = 20_000
	for range all / 100 {
		client.Send(strings.Repeat(array("PING"), 100))
		s.Settle()
		client.Sock.Take()
	}
	lines, spans := log.Lines.Take(nil), log.Spans.Take(nil)
	if n := len(lines); n < all/100*7/10 || n > all/100*13/10 || len(spans) != n {
		t.Errorf("%d lines and %d traces of %d commands", n, len(spans), all)
	}
	if lines[0].Number != spans[0].Number || string(spans[0].Key()) != "" {
		t.Errorf("%+v and %+v", lines[0], spans[0])
	}
}

// TestFollowedBounded: who has too many commands on their way is followed no further, and that is counted.
func TestFollowedBounded(t *testing.T) {
	s, _ := steady(t, 1)
	log := s.followsAll(1)
	const each, clients = 32, 20
	for range clients {
		client := s.connect()
		client.Send(strings.Repeat(array("GET", "a"), each))
		s.Settle()
	}
	if _, dropped := log.Lines.Counts(); len(s.local.access.list) != maxFollowed || dropped != each*clients-maxFollowed {
		t.Errorf("%d are followed, %d are lost", len(s.local.access.list), dropped)
	}
	s.Servers[0].Reply(strings.Repeat("$-1\r\n", each*clients))
	s.Settle()
	if n := len(log.Lines.Take(nil)); n != maxFollowed {
		t.Errorf("%d are told of", n)
	}
}

// TestFollowedTimes: times of a command follow one another.
func TestFollowedTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client := steady(t, 1)
		log := s.followsAll(1)
		client.Send(array("GET", "a"))
		s.Settle()
		s.Passes(5 * time.Millisecond)
		s.Servers[0].Reply("$-1\r\n")
		s.Settle()
		e := log.Lines.Take(nil)[0]
		a := e.Servers()[0]
		if e.Taken > a.Queued || a.Queued > a.Sent || a.Replied-a.Sent < int64(5*time.Millisecond) || a.Replied > e.Due || e.Due > e.Ended || e.Class != "read" {
			t.Errorf("%+v", e)
		}
	})
}
