package embedded

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"

	"github.com/google/go-cmp/cmp"
)

// realMemcached starts memcached and returns its address. It skips where memcached is not installed, and fails under CI.
func realMemcached(t *testing.T) string {
	t.Helper()
	port := processtest.FreePort(t)
	addr := net.JoinHostPort("127.0.0.1", port)
	server := processtest.Memcached(t, "-l", "127.0.0.1", "-p", port, "-U", "0", "-m", "64")
	server.Up(t, func() bool { return processtest.Listens("tcp", addr) })
	return addr
}

// exchange sends a stream on a connection of its own, in two pieces cut at byte cut, and returns all replies, up to those
// to the two version commands that it appends, or up to the end of the connection where the stream ends with quit.
func exchange(t *testing.T, addr, stream string, cut int) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		io.WriteString(c, stream[:cut])
		if cut < len(stream) {
			time.Sleep(time.Millisecond)
			io.WriteString(c, stream[cut:])
		}
		if !strings.HasSuffix(stream, "quit\r\n") {
			io.WriteString(c, "version\r\nversion\r\n")
		}
	}()
	var got strings.Builder
	r := bufio.NewReader(c)
	for versions := 0; versions < 2; {
		line, err := r.ReadString('\n')
		got.WriteString(line)
		if err != nil {
			fmt.Fprintf(&got, "(%v)", err)
			break
		}
		if strings.HasPrefix(line, "VERSION ") {
			versions++
		} else {
			versions = 0
		}
	}
	return got.String()
}

var (
	longKey  = strings.Repeat("k", 250)
	tooLong  = longKey + "k"
	megabyte = strings.Repeat("x", 1<<20)
)

// streams go to both servers in this order, each on its own connection: cas ids must agree from first to last.
var streams = []struct{ name, in string }{
	{"set and get", "set a 1 0 3\r\nabc\r\nget a\r\ngets a\r\nget a b a\r\ngets none\r\n"},
	{"a bare line feed", "set a 1 0 3\nabc\r\nget a\nget a\r\r\n"},
	{"binary data", "set a 0 0 6\r\n\r\n\x00\xff\r\n\r\nget a\r\n"},
	{"too much data", "set a 1 0 3\r\nabcd\r\nget a\r\nset a 1 0 0\r\nabcdefgh\r\nget a\r\nset a 1 0 3 noreply\r\nabcdef\r\n"},
	{"too little data", "set a 1 0 3\r\nab\r\nget a\r\nset a 1 0 3\nabc\nget a\n"},
	{"bad lengths", "set a 1 0 -1\r\nset a 1 0 x\r\nset a 1 0 2147483648\r\nset a 1 0 +1\r\na\r\nset a 1 0 3x\r\nset a 1 0 03\r\nabc\r\nget a\r\n"},
	{"bad flags", "set a x 0 1\r\nset a -1 0 1\r\nset a 4294967295 0 1\r\na\r\nget a\r\nset a 0x1 0 1\r\nset a +7 0 1\r\na\r\nget a\r\n"},
	{"exptime", "set a 0 -1 1\r\na\r\nget a\r\nset a 0 x 1\r\nset a 0 100 1\r\na\r\nget a\r\nset a 0 2592001 1\r\na\r\nget a\r\nset a 0 2147483647 1\r\na\r\nget a\r\n"},
	{"words", "set\r\nset a\r\nset a 1 0\r\nset a 1 0 1 x\r\na\r\nset a 1 0 1 noreply x\r\nadd\r\ncas a 0 0 1\r\nget\r\ngets\r\nincr a\r\ntouch a\r\ndelete\r\n"},
	{"spaces", " get a\r\n\r\n  \r\nget  a   b  \r\nget\ta\r\nGET a\r\nfoo\r\nget \x00a\r\nfoo noreply\r\n"},
	{"noreply", "set a 0 0 1 noreply\r\nz\r\nget a\r\nadd a 0 0 1 noreply\r\ny\r\nappend a 0 0 1 noreply\r\ny\r\nincr a x noreply\r\nincr a noreply\r\nget a noreply\r\ntouch a 0 noreply\r\ndelete a noreply\r\nget a\r\nset a b 0 1 noreply\r\na\r\ntouch noreply\r\n"},
	{"keys", "set " + longKey + " 0 0 1\r\na\r\nget " + longKey + "\r\nset " + tooLong + " 0 0 1\r\na\r\ntouch " + tooLong + " 0\r\ndelete " + tooLong + "\r\nincr " + tooLong + " 1\r\nset \x01\xff 0 0 1\r\na\r\nget \x01\xff\r\n"},
	// Each alone: together with the items that it had found, memcached takes back the replies before it that wait in the pipeline.
	{"keys of get", "get " + tooLong + "\r\n"},
	{"keys of get, after others", "get \x01\xff " + tooLong + " \x01\xff\r\n"},
	{"keys of gat", "gats 0 \x01\xff " + tooLong + "\r\n"},
	{"add replace append prepend", "delete b\r\nreplace b 0 0 1\r\nc\r\nappend b 0 0 1\r\nc\r\nprepend b 0 0 1\r\nx\r\nadd b 5 0 1\r\n1\r\nadd b 0 0 1\r\n2\r\nappend b 7 100 1\r\n2\r\nprepend b 9 -1 1\r\n0\r\ngets b\r\nreplace b 0 0 0\r\n\r\ngets b\r\n"},
	{"cas", "set c 0 0 1\r\na\r\ncas c 0 0 1 1\r\nb\r\ncas none 0 0 1 1\r\nb\r\ncas c 0 0 1 x\r\ncas c 0 0 1 -1\r\ncas c 0 0 1 1 noreply\r\nb\r\ngets c\r\n"},
	{"incr and decr", "set n 3 0 2\r\n10\r\nincr n 5\r\ndecr n 6\r\ngets n\r\ndecr n 100\r\nincr n x\r\nincr n -1\r\nincr none 1\r\nincr n 18446744073709551615\r\ngets n\r\nincr n 2\r\nincr n 18446744073709551616\r\nincr n 1 noreply\r\nincr n 1 x\r\nincr n 1 2 3\r\ngets n\r\n"},
	{"incr of odd numbers", "set n 0 0 1\r\nx\r\nincr n 1\r\nset n 0 0 3\r\n 1 \r\nincr n 1\r\nget n\r\nset n 0 0 2\r\n1x\r\nincr n 1\r\nset n 0 0 0\r\n\r\nincr n 1\r\nset n 0 0 2\r\n-1\r\nincr n 1\r\nset n 0 0 3\r\n1 x\r\nincr n 1\r\nset n 0 0 21\r\n000000000000000000001\r\nincr n 1\r\nset n 0 0 20\r\n18446744073709551616\r\nincr n 1\r\n"},
	{"delete", "set d 0 0 1\r\na\r\ndelete d 0\r\ndelete d\r\nset d 0 0 1\r\na\r\ndelete d 1\r\ndelete d x\r\ndelete d 0 x\r\ndelete d 0 0 0\r\ndelete d noreply noreply\r\ndelete d 0 noreply\r\ndelete d\r\n"},
	{"touch", "touch none 0\r\nset t 0 0 1\r\na\r\ntouch t 0\r\ntouch t x\r\ntouch t 0 x\r\ngets t\r\ntouch t -1\r\nget t\r\n"},
	{"gat", "gat\r\ngat 0\r\ngat x a\r\nset g 5 0 1\r\na\r\nset h 6 0 1\r\nb\r\ngat 0 g none h\r\ngats 100 h g\r\ngats -1 g\r\nget g h\r\ngat 0 noreply\r\n"},
	{"verbosity", "verbosity\r\nverbosity 0\r\nverbosity x\r\nverbosity 1 2\r\nverbosity 1 2 3 4 5\r\nverbosity 0 noreply\r\nverbosity noreply\r\n"},
	{"stats", "stats foo\r\nstats reset\r\nstats noreply\r\n"},
	{"flush_all", "set f 0 0 1\r\n1\r\nflush_all\r\nget f\r\nset f 0 0 1\r\n2\r\ngets f\r\nflush_all 10\r\nflush_all x\r\nflush_all noreply\r\nflush_all 0 noreply\r\nflush_all -1\r\nflush_all 1 2 3\r\nget f\r\n"},
	{"the largest item", "set l 0 0 1048516\r\n" + megabyte[:1048516] + "\r\nset l 1 0 1048512\r\n" + megabyte[:1048512] + "\r\ngets l\r\ndelete l\r\n"},
	{"too large", "set l 0 0 1\r\na\r\nadd l 0 0 1048576\r\n" + megabyte + "\r\nget l\r\nappend l 0 0 1048576\r\n" + megabyte + "\r\nget l\r\nset l 0 0 1048517\r\n" + megabyte[:1048517] + "\r\nget l\r\nset l 0 0 1048576 noreply\r\n" + megabyte + "\r\nget l\r\n"},
	{"grown too large", "set l 0 0 600000\r\n" + megabyte[:600000] + "\r\nappend l 0 0 600000\r\n" + megabyte[:600000] + "\r\nms l 600000 MP k\r\n" + megabyte[:600000] + "\r\nmg l s\r\ndelete l\r\n"},

	{"mn", "mn\r\nmn a b\r\nmn noreply\r\nmx\r\nm\r\nMG a\r\n"},
	{"mg misses", "mg\r\nmg none\r\nmg none q\r\nmg none k O1\r\nmg none q k O1 v\r\nmg none O1 k t s\r\nmg AAEC/w== b k v\r\n"},
	{"mg", "set a 7 0 2\r\nab\r\nmg a v\r\nmg a\r\nmg a v t f k s O12 c q\r\nmg a t f k s\r\nmg a s v\r\nmg a q\r\nmg  a  v  t \r\nmg a vfoo kfoo\r\nmg a P L\r\nmg a O\r\n"},
	{"mg h and u", "ms y 1\r\n1\r\nmg y h u\r\nmg y h\r\nmg y h l\r\nms y 1\r\n1\r\nget y\r\nmg y h\r\nms y 1\r\n1\r\ntouch y 0\r\nmg y h\r\n"},
	{"bad flags of mg", "mg a x\r\nmg a v v\r\nmg a k v k\r\nmg a O1 O2\r\nmg a T\r\nmg a Tx\r\nmg a Nx\r\nmg a Rx\r\nmg a Fx\r\nmg a Mxx\r\nmg a Jx\r\nmg a Dx\r\nmg a Cx\r\nmg a noreply\r\nmg a \xff\r\nmg " + tooLong + " v\r\nmg a F1 C1 MI J1 D1 I\r\n"},
	{"opaque", "mg a O" + longKey[:31] + "\r\nmg a O" + longKey[:32] + "\r\nms a 1 O" + longKey[:32] + "\r\na\r\nmd a O" + longKey[:32] + "\r\nms a 1 O\r\nx\r\n"},
	{"T of mg", "set a 0 0 1\r\nx\r\nmg a T100 t\r\nmg a T0 t\r\nmg a Tx t\r\nmg a T-1 v\r\nmg a v\r\n"},
	{"N and R of mg", "delete v\r\nmg v N30 v t k\r\nmg v N30 v k t\r\nmg v v t\r\nget v\r\nmg none2 N30 q\r\nms v 1 T100\r\na\r\nmg v R30 v t\r\nmg v R300 v t\r\nmg v R300 v t\r\nmg v v\r\nms v 1\r\na\r\nmg v R30 N30 t v c\r\ndelete none2\r\n"},
	{"ms", "ms\r\nms a\r\nms a 2\r\nhi\r\nmg a v f\r\nms a 2 F5 T0 c k O9\r\nhi\r\nmg a v f t c\r\nms a 2 q\r\nhi\r\nms a 0\r\n\r\nmg a v\r\nms a 2 I\r\nhi\r\nmg a v\r\nms a 2 T-1\r\nhi\r\nmg a\r\nms a 2 T100 k t s f v h\r\nhi\r\n"},
	{"bad ms", "ms a x\r\nms a -1\r\nms a S2\r\nms a 2 x\r\nhi\r\nms a 2 S2\r\nhi\r\nms a 2 F\r\nhi\r\nms a 2 Fx\r\nhi\r\nms a 2 Tx\r\nhi\r\nms a 2 M\r\nhi\r\nms a 2 Mz\r\nhi\r\nms a 2 Me\r\nhi\r\nms a 2 MM\r\nhi\r\nms a 2 Cx\r\nhi\r\nms a 2\r\nhiho\r\nms " + tooLong + " 2\r\nhi\r\nms !!! 2 b\r\nhi\r\n"},
	{"modes of ms", "delete none\r\nms a 2\r\nhi\r\nms a 2 ME k O7\r\nhi\r\nms a 2 ME q\r\nhi\r\nms a 2 MA\r\nho\r\nms a 2 MP k\r\n12\r\nmg a v c\r\nms a 2 MR\r\n34\r\nms a 2 MS\r\n56\r\nms none 2 MA\r\nho\r\nms none 2 MP k q\r\nho\r\nms none 2 MR c\r\nho\r\nms none 2 ME c F3\r\nho\r\nms none 2 MA F9 T10\r\nha\r\nmg none f t v\r\nmg a v\r\ndelete none\r\n"},
	{"cas of ms", "ms a 2\r\nhi\r\nms a 2 C1\r\nhi\r\nms none 2 C1\r\nhi\r\nms a 2 C1 q k O3 c\r\nhi\r\nms none 2 C1 q\r\nhi\r\nms a 2 MA C1\r\nhi\r\nms a 2 MR C1\r\nhi\r\nms a 2 ME C1\r\nhi\r\nms none 2 MR C1\r\nhi\r\nms none 2 MA C1\r\nhi\r\nms a 2 C0 c\r\nhi\r\nmg a c\r\n"},
	{"stale", "ms a 1 T100\r\nx\r\nms a 1 C1 I\r\nz\r\nmg a v t\r\nmg a v\r\nms a 1 C1 I c\r\ny\r\nmg a v k s\r\nms a 1 T0\r\nq\r\nmg a v t\r\nms a 1 C999999999999 I\r\nz\r\nmd a I T30\r\nmg a v t\r\nmg a v\r\nget a\r\nmd a I q k O1\r\nmg a v\r\nms a 1 MA\r\n2\r\nmg a v\r\nms n 1\r\n5\r\nmd n I\r\nma n v\r\nmg n v\r\n"},
	{"base64 keys", "ms Zm9v 2 b k\r\nhi\r\nmg foo v k\r\nmg Zm9v b v k\r\nmg Zm9v b k v O1 q s\r\nget foo\r\nms AAEC/w== 1 b k c O1\r\nz\r\nmg AAEC/w== v b k\r\nms bar 1\r\n1\r\nmg YmFy b k v\r\nma YmFy b k v\r\nmd Zm9v b k\r\nmd AAEC/w== b k O1\r\nmg !!! b v\r\nmg Zm9vX b v\r\nmg Zm9 b v\r\nmd !!! b\r\nma !!! b\r\n"},
	{"md", "md\r\nmd none\r\nmd none q\r\nmd none k O1\r\nms a 1\r\nx\r\nmd a C1 k O1\r\nmd a C1 q\r\nmd a C0\r\nmd a Cx\r\nmd a x\r\nmd a Tx\r\nmd a noreply\r\nmd a v\r\nms a 1\r\nx\r\nmd a q\r\nmd a q\r\nms a 1\r\nx\r\nmd a T30 s t c k O1\r\nmd none I\r\nmd none C1 k\r\nmd " + tooLong + "\r\n"},
	{"ma", "delete m\r\nma\r\nma m\r\nma m q\r\nma m k O1 C1\r\nma m N0\r\nma m\r\nma m v\r\ndelete m\r\nma m N0 J5 v k\r\nma m v D3 k O1 t\r\nma m v MD D20\r\nma m D10 v c\r\nma m M- v\r\nget m\r\nma m M+ v\r\nma m MI v t c k\r\nma m D1 v q\r\nma m q\r\nma m T30 t v\r\nma m h s f\r\nma m D18446744073709551615 v\r\n"},
	{"bad ma", "set s 0 0 1\r\nx\r\nma s\r\nma s q k v\r\nms m 1\r\n1\r\nma m C1\r\nma m C1 q k\r\nma m Cx\r\nma m Nx\r\nma m Jx\r\nma m Dx\r\nma m D-1\r\nma m J5 v\r\nma m x\r\nma m Mincr v\r\nma m Mx v\r\nma m Mi v\r\nma m M v\r\nma " + tooLong + "\r\n"},
	{"ma wraps", "delete m\r\nma m N0 J18446744073709551615 v\r\nma m v\r\ngets m\r\nma m b\r\nma bm4= b N0 J9 v k c t\r\nmg nn v k\r\ndelete nn\r\n"},
	{"me", "me\r\nme none\r\nme none k O1\r\nms a 1 F1\r\nx\r\nme a\r\nget a\r\nme a v\r\nms AAEC/w== 1 b\r\nz\r\nme AAEC/w== b\r\nme a b\r\nme a x y\r\nme " + tooLong + "\r\n"},
	{"cas ids to the last", "ms z 1 c\r\nx\r\ngets z\r\n"},
	{"quit", "get none\r\nquit\r\n"},
	{"quit with more", "get none\r\nquit now quit\r\n"},
}

func TestMemcachedAsReal(t *testing.T) {
	want := realMemcached(t)
	s, err := StartMemcached(1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	got := s.Addrs()[0]
	if v := exchange(t, want, "", 0); v != strings.Repeat("VERSION "+memcachedVersion+"\r\n", 2) {
		t.Logf("this memcached answers version with %q; ours follows %s, which explains single differences", v, memcachedVersion)
	}
	for _, tt := range streams {
		for _, cut := range []int{len(tt.in), len(tt.in) / 2, len(tt.in) - 1} {
			var d string
			for range 3 { // a second may have passed on one side only
				w, g := exchange(t, want, tt.in, cut), exchange(t, got, tt.in, cut)
				if d = cmp.Diff(short(w), short(g)); d == "" {
					break
				}
			}
			if d != "" {
				t.Errorf("%s: %q cut at %d (-memcached +embedded):\n%s", tt.name, short(tt.in), cut, d)
			}
		}
	}
}

// short cuts a long run of x to its length.
func short(s string) string {
	i := strings.Index(s, megabyte[:1000])
	if i < 0 {
		return s
	}
	n := len(s[i:]) - len(strings.TrimLeft(s[i:], "x"))
	return s[:i] + fmt.Sprintf("(%d x)", n) + short(s[i+n:])
}

func TestMemcachedExpires(t *testing.T) {
	s, err := StartMemcached(2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	end := strings.Repeat("VERSION "+memcachedVersion+"\r\n", 2)
	set := fmt.Sprintf("set a 0 1 1\r\na\r\nset b 0 %d 1\r\nb\r\nset c 0 %d 1\r\nc\r\nget c\r\n", time.Now().Unix()+1, time.Now().Unix()-1)
	if got, want := exchange(t, s.Addrs()[0], set, 0), strings.Repeat("STORED\r\n", 3)+"END\r\n"+end; got != want {
		t.Errorf("%q = %q; want %q", set, got, want)
	}
	if got, want := exchange(t, s.Addrs()[1], "get a b\r\n", 0), "END\r\n"+end; got != want {
		t.Errorf("the other server has %q", got)
	}
	exchange(t, s.Addrs()[1], "set d 0 0 1\r\nd\r\nflush_all 1\r\n", 0)
	for i := range 2 { // until the test's own time limit
		for exchange(t, s.Addrs()[i], "get a b d\r\n", 0) != "END\r\n"+end {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// What is stored stays below the limit, and accounts for itself.
func TestMemcachedEvicts(t *testing.T) {
	m, err := startMemcached()
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	value := []byte(megabyte[:1_000_000])
	for i := range 100 {
		key := strconv.Itoa(i)
		m.store.store(storeRequest{key: key, mode: modeSet, value: value})
		if _, ok := m.store.get(key, nil); !ok {
			t.Fatalf("item %d is gone at once", i)
		}
	}
	items, size := m.store.size()
	if size > maxMemoryBytes || items != 67 {
		t.Errorf("%d items of %d bytes in all; want 67 in at most %d", items, size, maxMemoryBytes)
	}
	m.store.flushAll(0)
	if items, size := m.store.size(); items != 0 || size != 0 {
		t.Errorf("after flush_all: %d items of %d bytes", items, size)
	}
}

// Close ends clients that are in the middle of a command.
func TestMemcachedClose(t *testing.T) {
	s, err := StartMemcached(1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", s.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "mn\r\nset a 0 0 1000\r\nabc")
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); line != "MN\r\n" {
		t.Fatalf("mn = %q, %v", line, err)
	}
	s.Stop()
	s.Stop()
	if got, err := io.ReadAll(r); len(got) > 0 && err == nil {
		t.Errorf("after Stop: %q", got)
	}
	if c, err := net.Dial("tcp", s.Addrs()[0]); err == nil {
		c.Close()
		t.Error("it still accepts after Stop")
	}
}
