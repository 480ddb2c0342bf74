package memcached

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cashew/codec"
	"cashew/tests/processtest"
)

// memcachedServer starts a memcached of its own for the test and returns the unix socket it listens on.
func memcachedServer(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(processtest.TempDir(t), "memcached.sock")
	processtest.Memcached(t, "-s", socket, "-a", "0777").Up(t, func() bool { return processtest.Listens("unix", socket) })
	return socket
}

// direct sends stream to the server and returns all it says until it hangs up, since that is the end of our input.
func direct(t *testing.T, socket string, stream []byte) string {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		c.Write(stream)
		c.(*net.UnixConn).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%.200q: %v behind %.200q", stream, err, got)
	}
	return string(got)
}

// proxied does what the engine does with stream, but for one thing: each command waits for its reply. All servers are
// the one at socket; keys are dealt to three as if there were more.
func proxied(t *testing.T, p *Protocol, socket string, pieces [][]byte) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	var pending []byte
	ask := func(frame []byte) []byte {
		if _, err := conn.Write(frame); err != nil {
			t.Fatalf("%.200q: %v", frame, err)
		}
		var (
			s     codec.ReplyScan
			reply []byte
		)
		for {
			n, done, err := p.ScanReply(&s, pending)
			if err != nil {
				t.Fatalf("reply to %.200q: %v in %.200q behind %.200q", frame, err, pending, reply)
			}
			reply = append(reply, pending[:n]...)
			pending = pending[n:]
			if done {
				return reply
			}
			chunk := make([]byte, 1+rand.N(4096))
			n, err = conn.Read(chunk)
			if err != nil {
				t.Fatalf("reply to %.200q: %v behind %.200q", frame, err, reply)
			}
			pending = append(pending, chunk[:n]...)
		}
	}
	var (
		s        codec.Scan
		cl       codec.Client
		cmd      codec.Command
		buf, out []byte
	)
	for _, piece := range pieces {
		buf = append(buf, piece...)
		for len(buf) > 0 && len(buf) >= s.Need {
			n, err := p.ParseCommand(&cl, &s, buf, &cmd)
			if err != nil {
				return string(p.AppendMalformed(out, cl.Profile, cmd.Mark, err))
			}
			if n == 0 {
				break
			}
			switch cmd.Kind {
			case codec.Forward:
				if cmd.NoReply {
					conn.Write(cmd.Frame)
				} else if reply := ask(cmd.Frame); cmd.Quiet == 0 || !p.Suppress(cmd.Quiet, reply) {
					out = append(out, reply...)
				}
			case codec.Scatter:
				out = append(out, scattered(p, &cmd, ask)...)
			case codec.Ignore:
			default:
				out = p.AppendLocal(out, &cl, &cmd)
			}
			if buf = buf[n:]; cmd.Kind == codec.Quit {
				return string(out)
			}
		}
	}
	if len(pending) > 0 {
		t.Fatalf("stray reply %.200q", pending)
	}
	if got := string(ask([]byte("mn\r\n"))); got != "MN\r\n" {
		t.Fatalf("the connection to the server is out of step: %.200q", got)
	}
	return string(out)
}

func scattered(p *Protocol, cmd *codec.Command, ask func([]byte) []byte) []byte {
	const servers = 3
	g := &codec.Gather{Op: cmd.Op, Keys: p.AppendKeys(nil, cmd)}
	var frames [servers][]byte
	part := map[int]uint16{}
	for i, k := range cmd.Keys {
		server := int(cmd.KeyAt(i)[len(cmd.KeyAt(i))-1]) % servers
		if frames[server] == nil {
			part[server] = uint16(len(g.Replies))
			g.Replies = append(g.Replies, nil)
			frames[server] = p.AppendFragment(nil, cmd, 1)
		}
		frames[server] = append(frames[server], cmd.Frame[k.Start:k.End]...)
		g.Part = append(g.Part, part[server])
	}
	for server, frame := range frames {
		if frame != nil {
			g.Replies[part[server]] = ask(p.AppendFragmentEnd(frame, cmd))
		}
	}
	g.Cursor = make([]int, len(g.Replies))
	return p.AppendCoalesced(nil, g)
}

// Streams to a memcached and through the protocol to another: the answers must be the same, byte for byte.
func TestAsMemcached(t *testing.T) {
	const (
		setA = "set a 1 0 3\r\nabc\r\n"
		setB = "set b 2 0 2\r\nbb\r\n"
		big  = 2 << 20
	)
	x := strings.Repeat("x", big)
	tests := []struct {
		name, stream string
		diverges     string // why
		want         string // then
	}{
		{name: "get", stream: setA + "get a\r\nget b\r\ngets a\r\nget a\n  get   a  \r\n"},
		{name: "get of several", stream: setA + setB + "set c 0 0 0\r\n\r\nget c b a\r\nget x a y b z c\r\ngets a b a a\r\nget  a   x  \nget x y\r\n"},
		{name: "gat", stream: setA + setB + "gat 0 a\r\ngat 100 a b\r\ngats 100 b a c\r\ngat 0\r\ngat\r\ngat x a b\r\ngat x\r\ngat 0 x y\r\n"},
		{name: "key too long", stream: "get " + tooLong + "\r\nincr " + tooLong + " 1\r\ndelete " + tooLong + "\r\ntouch " + tooLong + " 0\r\nmg " + tooLong + " v\r\nget " + longest + "\r\n"},
		{name: "second key too long", stream: "get a " + tooLong + " b\r\nmn\r\n"},
		{name: "gat of a key too long", stream: "gat 0 " + tooLong + " a\r\nmn\r\n"},
		{name: "control bytes", stream: "set a\tb\x01\xff 0 0 1\r\nx\r\nget a\tb\x01\xff\r\nset a\rb 0 0 1\r\nx\r\nget a\rb c\r\nget c a\rb\r\r\n"},
		{name: "storing", stream: setA + "add a 0 0 1\r\nx\r\nreplace a 5 0 2\r\nyy\r\nappend a 0 0 1\r\nz\r\nprepend a 0 0 1\r\nw\r\nget a\r\nreplace n 0 0 1\r\nx\r\nadd n 0 -1 1\r\nx\r\nget n\r\n"},
		{name: "cas", stream: setA + "cas a 0 0 1 999999\r\nx\r\ncas n 0 0 1 1\r\nx\r\ncas a 0 0 1\r\n\r\n"},
		{name: "noreply", stream: "set a 0 0 3 noreply\r\nabc\r\nadd a 0 0 1 noreply\r\nx\r\nget a\r\nset n 0 0 1 noreply\r\n5\r\nincr n 2 noreply\r\ndecr n x noreply\r\nget n\r\ntouch n 100 noreply\r\ndelete a noreply\r\ndelete a 1 noreply\r\ndelete n 0 noreply\r\nget a n\r\ncas a 0 0 1 7 noreply\r\nx\r\nmn\r\n"},
		{name: "noreply misplaced", stream: "incr a 1 2 noreply\r\nset a 0 0 3 noreply x\r\ndelete noreply\r\nincr a noreply\r\ntouch a noreply\r\nget noreply\r\nversion noreply\r\nset a 0 0 noreply\r\nmn\r\n"},
		{name: "line ends", stream: "set a 0 0 3\nabc\r\nget a\nset a 0 0 3\r\nabc\nmn\r\n"},
		{name: "bad data", stream: setA + "set a 0 0 3\r\nabcdef\r\nget a\r\nset a 0 0 3\r\nab\r\nget a\r\nget a\r\nset a 0 0 3 noreply\r\nabcde\r\nmn\r\nms a 2 q\r\nabcd\r\nmn\r\nget a\r\n"},
		{name: "data of odd bytes", stream: "set a 0 0 9\r\nEND\r\n\r\n\r\n\r\nget a\r\nset a 0 0 4\r\n\x00\x80\xff\n\r\nget a b\r\n"},
		{name: "too large", stream: fmt.Sprintf("set a 0 0 %d\r\n%s\r\nget a\r\nset a 0 0 %d noreply\r\n%s\r\nms a %d q\r\n%s\r\nmn\r\n", big, x, big, x, big, x)},
		{name: "large", stream: "set a 0 0 600000\r\n" + x[:600000] + "\r\nget a\r\nmg a v\r\nget a b a\r\n"},
		{name: "numbers", stream: "set n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 8\r\nget n\r\nincr n -1\r\nincr n x\r\nincr m 1\r\nincr n\r\nincr n 1 2 3\r\nset n 0 0 1\r\nx\r\nincr n 1\r\nincr n 1 x\r\n"},
		{name: "delete and touch", stream: setA + "delete a 0\r\ndelete a\r\ndelete a 1\r\ndelete\r\ndelete a b c d\r\ntouch a 0\r\n" + setA + "touch a 100\r\ntouch a x\r\ntouch a\r\ntouch a 0 x\r\n"},
		{name: "version", stream: "version\r\nversion x\r\n"},
		{name: "quit", stream: setA + "get a\r\nquit now\r\nget a\r\n"},
		{name: "unknown", stream: "GET a\r\n\r\n\n \r\n\r\r\ng\nget\ta\r\nhello\r\nmx a\r\nget\r\nget \r\nset\r\nset a 0 0\r\nset a b c d e f g\r\n"},
		{name: "mg", stream: setA + "mg a\r\nmg a v\r\nmg a s v f k t Oabc\r\nmg b v\r\nmg b k Oabc\r\nmg\r\nmg a v v\r\nmg a !\r\nmg  a   v  \r\n"},
		{name: "mg quiet", stream: setA + "mg a q\r\nmg a v q\r\nmg b q\r\nmg b v k O1 q\r\nmg b qfoo v\r\nmn\r\nmg b v q\r\nmg a q !\r\nmn x\r\nmg b q q\r\nmn\r\n"},
		{name: "ms", stream: "ms a 3\r\nabc\r\nms a 3 T0 F5 k O77\r\nabd\r\nms a 2 ME\r\nxx\r\nms b 2 MR\r\nxx\r\nms b 2 MA\r\nxx\r\nms a 1 MA\r\nx\r\nms a 1 MX\r\nx\r\nmg a v f\r\nms a 1 !\r\nx\r\nms a\r\nms\r\nms a x\r\nmn\r\n"},
		{name: "ms quiet", stream: "ms a 3 q\r\nabc\r\nms a 3 ME q\r\nabc\r\nms b 3 MR q\r\nabc\r\nms a 3 C999999 q\r\nabc\r\nms b 3 C9 q\r\nabc\r\nms a 3 MX q\r\nabc\r\nms a 3 q q\r\nabc\r\nms a 3 O" + strings.Repeat("1", 40) + " q\r\nabc\r\nmn\r\n"},
		{name: "md", stream: setA + "md a\r\nmd a q\r\nmd a k O1\r\n" + setA + "md a q\r\nmd b q\r\n" + setA + "md a C999999 q\r\nmd a I T30 q\r\nmg a v\r\nmd a q q\r\nmd a ! q\r\nmd\r\nmn\r\n"},
		{name: "ma", stream: "ma n\r\nma n N0 J13 v t k O1\r\nma n\r\nma n v D5\r\nma n q\r\nma n v q\r\nma m q\r\nma n MX q\r\nma n C999999 q\r\nma n Dx q\r\n" + setA + "ma a q\r\nma a v q\r\nmn\r\n"},
		{name: "me", stream: "me b\r\nme\r\nme b q\r\nme " + tooLong + "\r\n"},
		{name: "base64", stream: "ms Zm9v 3 b\r\nabc\r\nget foo\r\nmg Zm9v b k v\r\nmg foo k v\r\nmg Zm9 b\r\nmg ICA= b k q\r\nms ICA= 2 b q\r\nxx\r\nmg ICA= b k v q\r\nmn\r\n"},
		{name: "too many flags", stream: "mg a" + strings.Repeat(" O", 18) + "\r\nmd a" + strings.Repeat(" O", 18) + "\r\nma a" + strings.Repeat(" O", 18) + "\r\nmg a" + strings.Repeat(" O", 17) + "\r\n"},
		{name: "quiet batch", stream: setA + setB + "mg a v q k\r\nmg x v q k\r\nmg b v q k\r\nmg y v q k\r\nms c 1 q\r\nc\r\nmd a q\r\nmd c q\r\nmn\r\nmg a q\r\nmn\r\n"},
		{name: "many keys", stream: setA + setB + "get" + keyList(3000) + " a" + keyList(3000) + " b a\r\n"},
		{name: "wrapped number", stream: "set a 4294967297 0 1\r\nx\r\nget a\r\nset a 0 0 4294967297\r\ny\r\nget a\r\nset a 0 4294967295 1\r\nx\r\nget a\r\nset a 0 4294967395 1\r\nx\r\nget a\r\nms a 4294967297\r\nz\r\nget a\r\n"},
		{name: "plus sign", stream: "set a +1 0 1\r\nx\r\nget a\r\nset a 0 0 +1\r\ny\r\nget a\r\nms a +1 q\r\nz\r\nget a\r\nmn\r\n"},

		{name: "malformed storing", stream: "set a x 0 4\r\nmn\r\n\r\nmn\r\n", diverges: "memcached reads the data block as commands", want: "CLIENT_ERROR bad command line format\r\nMN\r\n"},
		{name: "storing under a key too long", stream: "set " + tooLong + " 0 0 4\r\nmn\r\n\r\nms " + tooLong + " 4\r\nmn\r\n\r\nmn\r\n", diverges: "the same", want: strings.Repeat("CLIENT_ERROR bad command line format\r\n", 2) + "MN\r\n"},
		{name: "NUL", stream: "version \x00x\r\nget a\x00\r\n", diverges: "memcached's line ends there", want: strings.Repeat("CLIENT_ERROR bad command line format\r\n", 2)},
		{name: "made by quiet ma", stream: "ma m N0 q\r\nma o N0 J13 v q\r\nmn\r\n", diverges: "the HD can't be told from a hit's", want: "MN\r\n"},
		{name: "long gat", stream: "gat 0" + keyList(1000) + "\r\n", diverges: "memcached hangs up if it does not get the line at once", want: "CLIENT_ERROR line too long\r\n"},
		{name: "flush_all", stream: "flush_all\r\nflush_all noreply\r\n", diverges: "no client's to say", want: "CLIENT_ERROR flush_all is not allowed through this proxy\r\n"},
	}
	theirs, ours := memcachedServer(t), memcachedServer(t)
	p := New(Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stream := []byte(tt.stream)
			cut := rand.N(len(stream))
			for _, pieces := range [][][]byte{{stream}, {stream[:cut:cut], stream[cut:]}, inBytes(stream)} {
				for _, socket := range []string{theirs, ours} {
					direct(t, socket, []byte("flush_all\r\n"))
				}
				want := direct(t, theirs, stream)
				got := proxied(t, p, ours, pieces)
				if tt.diverges != "" {
					if got != tt.want || want == tt.want {
						t.Errorf("%.200q: %.300q; want %.300q, and not memcached's %.300q, since: %s", tt.stream, got, tt.want, want, tt.diverges)
					}
					continue
				}
				if a, b := withoutCas(got), withoutCas(want); a != b {
					t.Fatalf("%.300q in %d pieces:\ngot  %.600q\nwant %.600q", tt.stream, len(pieces), a, b)
				}
			}
		})
	}
}

// inBytes is stream byte by byte if it is short, or else in pieces of 1,000 bytes.
func inBytes(stream []byte) (pieces [][]byte) {
	size := 1
	if len(stream) > 4096 {
		size = 1000
	}
	for len(stream) > 0 {
		n := min(size, len(stream))
		pieces = append(pieces, stream[:n:n])
		stream = stream[n:]
	}
	return pieces
}

// withoutCas replaces the cas of each VALUE line: each server counts its own.
func withoutCas(replies string) string {
	lines := strings.SplitAfter(replies, "\r\n")
	for i, l := range lines {
		if f := strings.Fields(l); len(f) == 5 && f[0] == "VALUE" {
			lines[i] = strings.Join(f[:4], " ") + " CAS\r\n"
		}
	}
	return strings.Join(lines, "")
}
