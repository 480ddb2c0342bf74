package resp

import (
	"math"
	"strings"
	"testing"
	"time"

	"cashew/codec"
)

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
