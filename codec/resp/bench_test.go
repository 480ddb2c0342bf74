package resp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"cashew/codec"
)

// command builds the frame that a client library sends.
func frameOf(args ...string) []byte { return bulks(args...) }

// keyList is n keys k000000, k000001, ...
func keyList(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("k%06d", i)
	}
	return keys
}

func msetFrame(n int) []byte {
	args := []string{"MSET"}
	for _, k := range keyList(n) {
		args = append(args, k, strings.Repeat("v", 64))
	}
	return frameOf(args...)
}

func BenchmarkParseCommand(b *testing.B) {
	p := New(Options{})
	benchmarks := []struct {
		name   string
		stream []byte
	}{
		{"get-16B", frameOf("GET", strings.Repeat("k", 16))},
		{"get-16B-lower", frameOf("get", strings.Repeat("k", 16))},
		{"set-64B", frameOf("SET", strings.Repeat("k", 16), strings.Repeat("v", 64))},
		{"set-64B-ex", frameOf("SET", strings.Repeat("k", 16), strings.Repeat("v", 64), "EX", "600")},
		{"set-1KiB", frameOf("SET", strings.Repeat("k", 16), strings.Repeat("v", 1024))},
		{"zremrangebyscore", frameOf("ZREMRANGEBYSCORE", strings.Repeat("k", 16), "0", "1234567")},
		{"hset-10-fields", frameOf(append([]string{"HSET", "key:000001"}, keyList(20)...)...)},
		{"mget-10", frameOf(append([]string{"MGET"}, keyList(10)...)...)},
		{"mget-100", frameOf(append([]string{"MGET"}, keyList(100)...)...)},
		{"mget-10000", frameOf(append([]string{"MGET"}, keyList(10000)...)...)},
		{"mset-10", msetFrame(10)},
		{"eval-2-keys", frameOf("EVALSHA", strings.Repeat("a", 40), "2", "key1", "key2", "arg1")},
		{"ping", frameOf("PING")},
		{"inline-get", []byte("GET key:000001\r\n")},
		{"pipeline-16", bytes.Repeat(frameOf("GET", strings.Repeat("k", 16)), 16)},
	}
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			var (
				s   codec.Scan
				cl  codec.Client
				cmd codec.Command
			)
			b.ReportAllocs()
			b.SetBytes(int64(len(bm.stream)))
			for b.Loop() {
				for rest := bm.stream; len(rest) > 0; {
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
	frame := frameOf(append([]string{"MGET"}, keyList(10000)...)...)
	var (
		s   codec.Scan
		cl  codec.Client
		cmd codec.Command
	)
	b.Run("mget-10000-in-1KiB", func(b *testing.B) {
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
	bulk := func(n int) string { return string(appendBulk(nil, strings.Repeat("v", n))) }
	benchmarks := []struct{ name, stream string }{
		{"bulk-16B", bulk(16)},
		{"bulk-64B", bulk(64)},
		{"bulk-1KiB", bulk(1024)},
		{"null", "$-1\r\n"},
		{"status", "+OK\r\n"},
		{"integer", ":1234\r\n"},
		{"error", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
		{"array-10x64B", "*10\r\n" + strings.Repeat(bulk(64), 10)},
		{"array-100-integers", "*100\r\n" + strings.Repeat(":12345\r\n", 100)},
		{"pipeline-16x64B", strings.Repeat(bulk(64), 16)},
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
	b.Run("bulk-1MiB-in-64KiB", func(b *testing.B) {
		var s codec.ReplyScan
		stream := []byte(bulk(1 << 20))
		b.ReportAllocs()
		b.SetBytes(int64(len(stream)))
		for b.Loop() {
			for rest := stream; len(rest) > 0; {
				n, _, err := p.ScanReply(&s, rest[:min(len(rest), 64<<10)])
				if err != nil {
					b.Fatal(err)
				}
				rest = rest[n:]
			}
		}
	})
}

func BenchmarkAppendCoalesced(b *testing.B) {
	p := New(Options{})
	for _, n := range []int{10, 100, 10000} {
		g := &codec.Gather{Op: opMGet}
		g.Replies, g.Part = dealt(n, 4)
		g.Cursor = make([]int, len(g.Replies))
		b.Run(fmt.Sprintf("mget-%d", n), func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				clear(g.Cursor)
				dst = p.AppendCoalesced(dst[:0], g)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
	b.Run("del-4", func(b *testing.B) {
		g := &codec.Gather{Op: mustOp("del"), Cursor: make([]int, 4)}
		for range 4 {
			g.Replies = append(g.Replies, []byte(":12\r\n"))
		}
		var dst []byte
		b.ReportAllocs()
		for b.Loop() {
			dst = p.AppendCoalesced(dst[:0], g)
		}
	})
}

// dealt deals n values of 64 bytes, every tenth a null, to the replies of some servers in turn.
func dealt(n, servers int) (replies [][]byte, part []uint16) {
	replies = make([][]byte, servers)
	count := make([]int, servers)
	for i := range n {
		part = append(part, uint16(i*7%servers))
		count[part[i]]++
	}
	for i, c := range count {
		replies[i] = appendHeader(nil, '*', c)
	}
	for i, s := range part {
		if i%10 == 9 {
			replies[s] = append(replies[s], nullBulk...)
		} else {
			replies[s] = appendBulk(replies[s], fmt.Sprintf("%064d", i))
		}
	}
	return replies, part
}

func BenchmarkLookup(b *testing.B) {
	for _, name := range []string{"GET", "mget", "EXPIRE", "ZREMRANGEBYSCORE", "nosuchcommand"} {
		frame := frameOf(name, "key")
		n, at := bulkHeader(frame, 4)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				lookup(frame, at, n)
			}
		})
	}
}
