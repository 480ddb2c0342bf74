package memcached

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"cashew/codec"
)

// keyList is n keys k000000, k000001, ... with a space before each.
func keyList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " k%06d", i)
	}
	return b.String()
}

// storing is a set of n bytes under a key of 16.
func storing(n int) string {
	return fmt.Sprintf("set %s 0 600 %d\r\n%s\r\n", strings.Repeat("k", 16), n, strings.Repeat("v", n))
}

// value is a VALUE block.
func value(key string, n int) string {
	return fmt.Sprintf("VALUE %s 0 %d\r\n%s\r\n", key, n, strings.Repeat("v", n))
}

func BenchmarkParseCommand(b *testing.B) {
	p := New(Options{})
	key := strings.Repeat("k", 16)
	benchmarks := []struct{ name, stream string }{
		{"get-16B", "get " + key + "\r\n"},
		{"set-64B", storing(64)},
		{"set-1KiB", storing(1024)},
		{"set-64B-noreply", "set " + key + " 0 600 64 noreply\r\n" + strings.Repeat("v", 64) + "\r\n"},
		{"incr", "incr " + key + " 1\r\n"},
		{"delete", "delete " + key + "\r\n"},
		{"mg", "mg " + key + " t f v\r\n"},
		{"ms-64B", "ms " + key + " 64 T600\r\n" + strings.Repeat("v", 64) + "\r\n"},
		{"mn", "mn\r\n"},
		{"get-10", "get" + keyList(10) + "\r\n"},
		{"get-100", "get" + keyList(100) + "\r\n"},
		{"get-10000", "get" + keyList(10000) + "\r\n"},
		{"pipeline-16", strings.Repeat("get "+key+"\r\n", 16)},
	}
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			var (
				s   codec.Scan
				cl  codec.Client
				cmd codec.Command
			)
			stream := []byte(bm.stream)
			b.ReportAllocs()
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				for rest := stream; len(rest) > 0; {
					n, err := p.ParseCommand(&cl, &s, rest, &cmd)
					if n == 0 || err != nil {
						b.Fatal(n, err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

func BenchmarkParseCommandInPieces(b *testing.B) {
	p := New(Options{})
	frame := []byte("get" + keyList(10000) + "\r\n")
	var (
		s   codec.Scan
		cl  codec.Client
		cmd codec.Command
	)
	b.Run("get-10000-in-1KiB", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			n := 0
			for end := 1024; n == 0; end += 1024 {
				var err error
				if n, err = p.ParseCommand(&cl, &s, frame[:min(end, len(frame))], &cmd); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkScanReply(b *testing.B) {
	p := New(Options{})
	key := strings.Repeat("k", 16)
	benchmarks := []struct{ name, stream string }{
		{"value-16B", value(key, 16) + "END\r\n"},
		{"value-64B", value(key, 64) + "END\r\n"},
		{"value-1KiB", value(key, 1024) + "END\r\n"},
		{"miss", "END\r\n"},
		{"stored", "STORED\r\n"},
		{"number", "1234\r\n"},
		{"error", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"},
		{"values-100x64B", strings.Repeat(value(key, 64), 100) + "END\r\n"},
		{"va-64B", "VA 64 t600 f0\r\n" + strings.Repeat("v", 64) + "\r\n"},
		{"hd", "HD\r\n"},
		{"hd-opaque", "HD O1234\r\n"},
		{"pipeline-16x64B", strings.Repeat(value(key, 64)+"END\r\n", 16)},
	}
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			var s codec.ReplyScan
			stream := []byte(bm.stream)
			b.ReportAllocs()
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				for rest := stream; len(rest) > 0; {
					n, done, err := p.ScanReply(&s, rest)
					if !done || err != nil {
						b.Fatal(n, done, err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

// dealt deals a get of n keys, of which every tenth is nowhere, out to servers, and answers it.
func dealt(n, servers int) *codec.Gather {
	p := New(Options{})
	var (
		s   codec.Scan
		cmd codec.Command
	)
	frame := []byte("get" + keyList(n) + "\r\n")
	if got, err := p.ParseCommand(new(codec.Client), &s, frame, &cmd); got != len(frame) || err != nil {
		panic(fmt.Sprint(got, err))
	}
	replies := make([]bytes.Buffer, servers)
	g := &codec.Gather{Op: cmd.Op, Keys: p.AppendKeys(nil, &cmd), Cursor: make([]int, servers)}
	for i := range cmd.Keys {
		part := i * 7 % servers
		g.Part = append(g.Part, uint16(part))
		if i%10 != 9 {
			replies[part].WriteString(value(string(cmd.KeyAt(i)), 64))
		}
	}
	for i := range replies {
		g.Replies = append(g.Replies, append(replies[i].Bytes(), replyEnd...))
	}
	return g
}

func BenchmarkCoalesce(b *testing.B) {
	p := New(Options{})
	for _, n := range []int{10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("get-%d-from-4", n), func(b *testing.B) {
			g := dealt(n, 4)
			dst := p.AppendCoalesced(nil, g)
			b.ReportAllocs()
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				clear(g.Cursor)
				dst = p.AppendCoalesced(dst[:0], g)
			}
		})
	}
}

func BenchmarkAppendKeys(b *testing.B) {
	p := New(Options{})
	var (
		s   codec.Scan
		cmd codec.Command
		dst []byte
	)
	frame := []byte("get" + keyList(100) + "\r\n")
	if _, err := p.ParseCommand(new(codec.Client), &s, frame, &cmd); err != nil {
		b.Fatal(err)
	}
	b.Run("get-100", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = p.AppendKeys(dst[:0], &cmd)
		}
	})
}
