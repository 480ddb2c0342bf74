package session

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAllTooSlow: messages are under way as the last of those who hear them are closed, because they do not read. Nothing is left of that
// channel, and what is under way elsewhere goes on.
func TestAllTooSlow(t *testing.T) {
	for _, tt := range []struct {
		name   string
		behind func(text, other string) string // what comes behind the first message
		others int
	}{
		{"one channel", func(text, _ string) string { return text }, 0},
		{"one channel, in the middle of a round", func(text, _ string) string { return text + text + text }, 0},
		{"another one is under way", func(text, other string) string { return text + other + text }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.ClientOutputBuffer = 1 << 20 })
				for i := range 6 {
					c, name := s.connect(), "a"
					if i >= 4 {
						name = "b"
					}
					c.Send(array("SUBSCRIBE", name))
					s.Settle()
					s.confirmAll()
					if c.Sock.Take(); name == "a" {
						c.Sock.Room = 0
					}
				}
				feed := s.Servers[0].Feed
				text, other := messageOf("a", strings.Repeat("x", 600<<10)), messageOf("b", strings.Repeat("y", 1100<<10))
				feed.Reply(text)
				feed.Reply(tt.behind(messageOf("a", strings.Repeat("x", 450<<10)), other)) // four are closed in one portion
				s.Passes(10 * time.Millisecond)
				if n := s.pool.Count.SlowSubscribers.Load(); n != 4 {
					t.Errorf("%d are closed; want 4", n)
				}
				for _, c := range s.Clients[4:] {
					if got, want := c.Sock.Take(), strings.Repeat(other, tt.others); got != want {
						t.Errorf("another channel's client hears %d bytes; want %d", len(got), len(want))
					}
				}
				s.confirmAll()
				if h := s.local.shards[0].hub; len(h.walking) > 0 || len(h.topics[0]) != 1 {
					t.Errorf("%d topics go on, and there are %d", len(h.walking), len(h.topics[0]))
				}
			})
		})
	}
}

// TestBurst: a subscriber that reads is not closed, however much comes in one turn of the loop.
func TestBurst(t *testing.T) {
	s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.ClientOutputBuffer = 64 << 10 })
	c := s.connect()
	c.Send(array("SUBSCRIBE", "a"))
	s.Settle()
	s.confirmAll()
	c.Sock.Take()
	want := ""
	for _, n := range []int{100, 511, 512, 16 << 10, 60 << 10, 100 << 10, 1} {
		want += strings.Repeat(messageOf("a", strings.Repeat("x", n)), 200<<10/(n+100)+1)
	}
	s.Servers[0].Feed.Reply(want)
	s.Settle()
	if got := c.Sock.Take(); got != want || c.Conn.Closed {
		t.Errorf("it hears %d bytes; want %d; closed: %v", len(got), len(want), c.Conn.Closed)
	}
}
