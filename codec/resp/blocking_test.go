package resp

import (
	"math"
	"strings"
	"testing"
	"time"

	"cashew/codec"
)

// TestAcks: WAIT and WAITAOF are refused, and where a pool has one server they wait there, on a connection that was marked before; in
// a transaction the proxy answers them.
func TestAcks(t *testing.T) {
	p := New(Options{})
	for line, want := range map[string]struct {
		wait  int64
		multi string // the answer in a transaction
	}{
		"wait 1 0":          {math.MaxInt64, ":0\r\n"},
		"WAIT 1 250":        {int64(250 * time.Millisecond), ":0\r\n"},
		"wait x 1":          {int64(time.Millisecond), "-ERR value is not an integer or out of range\r\n"},
		"wait 1 x":          {1, "-ERR timeout is not an integer or out of range\r\n"},
		"wait 1 -5":         {1, "-ERR timeout is negative\r\n"},
		"waitaof 1 2 3":     {int64(3 * time.Millisecond), "*2\r\n:0\r\n:0\r\n"},
		"waitaof 2 1 3":     {int64(3 * time.Millisecond), "-ERR value is out of range, must between 0 and 1\r\n"},
		"waitaof x 1 3":     {int64(3 * time.Millisecond), "-ERR value is not an integer or out of range\r\n"},
		"waitaof 1 -1 3":    {int64(3 * time.Millisecond), "-ERR value is out of range, must be positive\r\n"},
		"waitaof 1 1 never": {1, "-ERR timeout is not an integer or out of range\r\n"},
	} {
		cl, cmd := codec.Client{Authed: true}, codec.Command{}
		if _, err := p.ParseCommand(&cl, new(codec.Scan), []byte(line+"\n"), &cmd); err != nil {
			t.Fatal(err)
		}
		if cmd.Kind != codec.Refuse || !cmd.Sole || !cmd.Own || cmd.Wait != want.wait || len(cmd.Keys) > 0 {
			t.Errorf("%s: %+v", line, cmd)
		}
		cmd.Kind = codec.Local
		if got := string(p.AppendLocal(nil, &cl, &cmd)); got != want.multi {
			t.Errorf("%s in a transaction: %q", line, got)
		}
	}
	out, ops := p.AppendMark(nil)
	if string(out) != "*1\r\n$4\r\nPING\r\n*3\r\n$8\r\nSPUBLISH\r\n$11\r\ncashew:wait\r\n$0\r\n\r\n" || ops != [2]uint16{opPing, opSPublish} {
		t.Errorf("the mark is %q, %v", out, ops)
	}
	for reply, refused := range map[string]bool{
		":0\r\n": false, ":3\r\n": false, "-ERR unknown command `SPUBLISH`, with args beginning with: `cashew:wait`, ``, \r\n": false,
		"-NOPERM this user has no permissions to run the 'spublish' command\r\n": true, "-NOPERM No permissions to access a channel\r\n": true,
		"-LOADING Redis is loading the dataset in memory\r\n": true,
	} {
		if why := p.Unmarked([]byte(reply)); (why != "") != refused {
			t.Errorf("%q: %q", reply, why)
		}
	}
}

// TestWait: how long a command may wait is found wherever it stands, and one that does not wait is sent like any other.
func TestWait(t *testing.T) {
	const forEver = math.MaxInt64
	for line, want := range map[string]int64{
		"blpop a b 1.5":                            int64(1500 * time.Millisecond),
		"brpop a 0":                                forEver,
		"bzpopmin a 0.0000000001":                  1,
		"bzpopmax a x":                             1,
		"blpop a -1":                               1,
		"blpop a 1e300":                            forEver,
		"blmove a b left right 2":                  int64(2 * time.Second),
		"brpoplpush a b 3":                         int64(3 * time.Second),
		"blmpop 0.5 2 a b left count 9":            int64(time.Second / 2),
		"bzmpop 0 1 a min":                         forEver,
		"xread block 250 streams a 0":              int64(250 * time.Millisecond),
		"xread count 1 BLOCK 0 streams a 0":        forEver,
		"xread count 1 streams block 0":            0,
		"xreadgroup group block 5 streams a >":     0,
		"xreadgroup group g c block 7 streams a >": int64(7 * time.Millisecond),
		"lpop a 5":                                 0,
	} {
		cl, cmd := codec.Client{Authed: true}, codec.Command{}
		if _, err := New(Options{}).ParseCommand(&cl, new(codec.Scan), []byte(line+"\n"), &cmd); err != nil {
			t.Fatal(err)
		}
		kind := codec.Lease
		if want == 0 {
			kind = codec.Forward
		}
		if cmd.Kind != kind || cmd.Kind == codec.Lease && (cmd.Wait != want || len(cmd.Keys) == 0 || !strings.Contains(line, string(cmd.KeyAt(0)))) {
			t.Errorf("%s: kind %d, waits %d with %d keys; want %d", line, cmd.Kind, cmd.Wait, len(cmd.Keys), want)
		}
	}
}
