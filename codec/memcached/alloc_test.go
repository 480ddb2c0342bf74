//go:build !race

package memcached

import (
	"strings"
	"testing"

	"cashew/codec/codectest"
)

// The steps of the hot path do not allocate.
func TestAllocs(t *testing.T) {
	s := codectest.NewStepper(t, New(Options{}))
	b := codectest.NewStepperOf(t, New(Options{}), Binary)
	tests := []struct {
		name string
		step func()
	}{
		{"get", s.Whole([]byte("get key\r\n"))},
		{"get of 50", s.Whole([]byte("get" + keyList(50) + "\r\n"))},
		{"set", s.Whole([]byte(storing(64)))},
		{"incr", s.Whole([]byte("incr key 1\r\n"))},
		{"mg", s.Whole([]byte("mg key v q\r\n"))},
		{"ms", s.Whole([]byte("ms key 2 q\r\nxy\r\n"))},
		{"mg base64", s.Whole([]byte("mg a2V5 v b\r\n"))},
		{"ms base64 in two", s.InTwo([]byte("ms a2V5 2 b\r\nxy\r\n"))},
		{"mn", s.Whole([]byte("mn\r\n"))},
		{"version", s.Whole([]byte("version\r\n"))},
		{"unknown", s.Whole([]byte("nosuch\r\n"))},
		{"refused", s.Whole([]byte("flush_all\r\n"))},
		{"get in two", s.InTwo([]byte("get key\r\n"))},
		{"get of 50 in two", s.InTwo([]byte("get" + keyList(50) + "\r\n"))},
		{"set in two", s.InTwo([]byte(storing(64)))},
		{"value", s.Reply(value("k", 64) + "END\r\n")},
		{"stored", s.Reply("STORED\r\n")},
		{"error", s.Reply("CLIENT_ERROR no\r\n")},
		{"number", s.Reply("123\r\n")},
		{"va", s.Reply("VA 3 t1\r\nabc\r\n")},
		{"values", s.Reply(strings.Repeat(value("k", 64), 20) + "END\r\n")},
		{"coalesced get", s.Coalesced(dealt(100, 4))},
		{"binary get", b.Whole([]byte(request(codeGet, "", "key", "")))},
		{"binary set", b.Whole([]byte(request(codeSet, storing8, "key", "value")))},
		{"binary noop", b.Whole([]byte(request(codeNoop, "", "", "")))},
		{"binary unknown", b.Whole([]byte(request(0xff, "", "", "")))},
		{"binary set in two", b.InTwo([]byte(request(codeSet, storing8, "key", "value")))},
		{"binary value", b.Reply(replyTo(codeGet, 0, "flag", "", "value"))},
		{"binary stored", b.Reply(replyTo(codeSet, 0, "", "", ""))},
		{"binary error", b.Reply(replyTo(codeGet, 1, "", "", "Not found"))},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.step); n != 0 {
			t.Errorf("%s: %v allocations; want 0", tt.name, n)
		}
	}
}
