package tlsconn

import (
	"os"
	"strings"
	"testing"
	"time"

	"cashew/tests/certtest"
)

// TestDoubtOf: a certificate is doubted behind its end, before its beginning, and for the last tenth of its time, two weeks at most; of
// a chain the worst, of authorities the best.
func TestDoubtOf(t *testing.T) {
	ca := certtest.New(t, "doubts")
	good, long, old := ca.Issue(t, certtest.Of{}), ca.Issue(t, certtest.Of{Ends: 365 * 24 * time.Hour}), ca.Issue(t, certtest.Of{Expired: true})
	file := t.TempDir() + "/all.crt"
	put := func(pairs ...*certtest.Pair) string {
		var all []byte
		for _, p := range pairs {
			all = append(all, p.PEM...)
		}
		if err := os.WriteFile(file, all, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	now := time.Now()
	for _, c := range []struct {
		name  string
		pairs []*certtest.Pair
		ca    bool
		at    time.Duration // from now
		want  string
	}{
		{"good", []*certtest.Pair{good}, false, 0, ""},
		{"nine tenths of four days are over", []*certtest.Pair{good}, false, 39 * time.Hour, "expires on"},
		{"a little earlier", []*certtest.Pair{good}, false, 38 * time.Hour, ""},
		{"two weeks of a year are left", []*certtest.Pair{long}, false, 352 * 24 * time.Hour, "expires on"},
		{"more of it", []*certtest.Pair{long}, false, 350 * 24 * time.Hour, ""},
		{"over", []*certtest.Pair{old}, false, 0, "expired on"},
		{"not begun", []*certtest.Pair{good}, false, -49 * time.Hour, "is not valid before"},
		{"over, in a chain", []*certtest.Pair{good, old, good}, false, 0, "expired on"},
		{"over, of several authorities", []*certtest.Pair{old, good, old}, true, 0, ""},
		{"over, of all authorities", []*certtest.Pair{old, old}, true, 0, "expired on"},
		{"none", nil, false, 0, ""},
	} {
		if got := DoubtOf(put(c.pairs...), c.ca, now.Add(c.at)); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q; want %q", c.name, got, c.want)
		}
	}
	if got := DoubtOf("", false, now) + DoubtOf(file+"x", false, now) + DoubtOf(t.TempDir(), true, now); got != "" {
		t.Errorf("of what can't be read: %q", got)
	}
}
