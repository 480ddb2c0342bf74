//go:build !race

package memcached

import (
	"strings"
	"testing"

	"cashew/codec"
)

// The steps of the hot path do not allocate.
func TestAllocs(t *testing.T) {
	p := New(Options{})
	var (
		s    codec.Scan
		cl   codec.Client
		cmd  codec.Command
		rs   codec.ReplyScan
		dst  = make([]byte, 0, 1<<16)
		kept = make([]byte, 0, 1<<16)
	)
	g := dealt(100, 4)
	whole := func(frame string) func() {
		in := []byte(frame)
		return func() {
			if n, err := p.ParseCommand(&cl, &s, in, &cmd); n != len(in) || err != nil {
				t.Fatalf("ParseCommand(%.80q) = %d, %v", in, n, err)
			}
			switch cmd.Kind {
			case codec.Local, codec.Refuse, codec.Quit:
				dst = p.AppendLocal(dst[:0], &cl, &cmd)
			case codec.Scatter:
				dst = p.AppendFragment(dst[:0], &cmd, len(cmd.Keys))
				dst = p.AppendFragmentEnd(dst, &cmd)
				kept = p.AppendKeys(kept[:0], &cmd)
			}
		}
	}
	inTwo := func(frame string) func() {
		in := []byte(frame)
		return func() {
			if n, err := p.ParseCommand(&cl, &s, in[:len(in)/2], &cmd); n != 0 || err != nil {
				t.Fatalf("ParseCommand(%.80q) = %d, %v", in, n, err)
			}
			if n, err := p.ParseCommand(&cl, &s, in, &cmd); n != len(in) || err != nil {
				t.Fatalf("ParseCommand(%.80q) = %d, %v", in, n, err)
			}
		}
	}
	reply := func(stream string) func() {
		in := []byte(stream)
		return func() {
			for _, piece := range [][]byte{in[:len(in)/2], in[len(in)/2:]} {
				if _, _, err := p.ScanReply(&rs, piece); err != nil {
					t.Fatalf("ScanReply(%.80q): %v", stream, err)
				}
			}
			if n, done, err := p.ScanReply(&rs, in); n != len(in) || !done || err != nil {
				t.Fatalf("ScanReply(%.80q) = %d, %v, %v", stream, n, done, err)
			}
		}
	}
	tests := []struct {
		name string
		step func()
	}{
		{"get", whole("get key\r\n")},
		{"get of 50", whole("get" + keyList(50) + "\r\n")},
		{"set", whole(storing(64))},
		{"incr", whole("incr key 1\r\n")},
		{"mg", whole("mg key v q\r\n")},
		{"ms", whole("ms key 2 q\r\nxy\r\n")},
		{"mn", whole("mn\r\n")},
		{"version", whole("version\r\n")},
		{"unknown", whole("nosuch\r\n")},
		{"refused", whole("flush_all\r\n")},
		{"get in two", inTwo("get key\r\n")},
		{"get of 50 in two", inTwo("get" + keyList(50) + "\r\n")},
		{"set in two", inTwo(storing(64))},
		{"value", reply(value("k", 64) + "END\r\n")},
		{"stored", reply("STORED\r\n")},
		{"error", reply("CLIENT_ERROR no\r\n")},
		{"number", reply("123\r\n")},
		{"va", reply("VA 3 t1\r\nabc\r\n")},
		{"values", reply(strings.Repeat(value("k", 64), 20) + "END\r\n")},
		{"coalesced get", func() {
			clear(g.Cursor)
			dst = p.AppendCoalesced(dst[:0], g)
		}},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.step); n != 0 {
			t.Errorf("%s: %v allocations; want 0", tt.name, n)
		}
	}
}
