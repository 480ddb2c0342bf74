package inspect

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
)

// answer is what /pools says so many seconds after 09:00, of two pools: of the second a server is out, and another came back a moment ago.
func answer(seconds, times int, why string) []byte {
	server := func(name, state, more string, requests, us int) string {
		return fmt.Sprintf(`{"name":%q,"state":%q,"requests":%d,"responses":%d,"request_bytes":%d,"response_bytes":%d,"out_queue":1,"server_connections":2,%s`+
			`"latency":{"read":{"server":{"buckets":[[%d,%d],[%d,%d]]}},"write":{"server":{"buckets":[[9000,%d]]}}}}`,
			name, state, requests*times, requests*times, 40*requests*times, 4000*requests*times, more, us, 90*times, 3*us, 8*times, 2*times)
	}
	out := fmt.Sprintf(`"server_ejected_at":%d,"next_try_at":%d,"why":%q,"server_err":%d,`,
		time.Date(2026, 3, 1, 8, 55, 0, 0, time.UTC).UnixMicro(), time.Date(2026, 3, 1, 9, 0, seconds+7, 0, time.UTC).UnixMicro(), why, times)
	return fmt.Appendf(nil, `{"at":"2026-03-01T09:00:%02dZ","started":"2026-02-28T07:00:00Z","version":"1.2.3","curr_connections":9,"total_connections":20,"pools":[`+
		`{"name":"fine","live":2,"client_connections":5,"servers":[%s,%s]},{"name":"sick","live":2,"client_connections":3,"forward_error":%d,"servers":[%s,%s,%s]}]}`,
		seconds, server("a", "live", "", 1000, 200), server("a-server-with-a-name-longer-than-there-is-room", "live", "", 5000, 300),
		4*times, server("b", "live", "", 10, 700), server("c", "trial", "", 10, 12_000), server("d", "ejected", out, 0, 1))
}

func readings(t *testing.T) (was, is *reading) {
	t.Helper()
	was, err := parsePools(answer(0, 1, "no reply"), "127.0.0.1:22223")
	if err != nil {
		t.Fatal(err)
	}
	is, err = parsePools(answer(2, 3, "connect: connection refused; 2 failures in a row; and more of it than there is room for in a line"), "127.0.0.1:22223")
	if err != nil {
		t.Fatal(err)
	}
	return was, is
}

// TestTop: the pool in trouble comes first, and in it the server that is out, which says why; no line is wider than 80 characters.
func TestTop(t *testing.T) {
	was, is := readings(t)
	const want = `cashew 1.2.3 on 127.0.0.1:22223, up 26h0m2s, 9 connections, 20 in all

 REQ/S  ERR/S   P50   P99   IN/S  OUT/S QUEUED CONNS STATE    POOL/SERVER
    20    4.0 700us  36ms    800  80000      3     3 2/3 up   sick
     0    1.0   1us 9.0ms      0      0      1     2 ejected    d
          for 5m2s, next try in 7s: connect: connection refused; 2 failures in …
    10      0  12ms  36ms    400  40000      1     2 trial      c
    10      0 700us 9.0ms    400  40000      1     2 live       b
  6000      0 300us 9.0ms   240k    24M      2     5 2/2 up   fine
  1000      0 200us 9.0ms  40000  4000k      1     2 live       a
  5000      0 300us 9.0ms   200k    20M      1     2 live       a-server-with-a…
`
	v := view{was: was, is: is, width: 80, order: "trouble"}
	got := string(v.table())
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for line := range strings.Lines(got) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d wide: %s", n, line)
		}
	}
	is.draining = true
	v.width = 160
	if got := string(v.table()); !strings.Contains(got, "than there is room for in a line\n") || !strings.Contains(got, "a-server-with-a-name-longer-than-there-is-room\n") || !strings.Contains(got, ":22223, draining, up") {
		t.Errorf("where there is room:\n%s", got)
	}
}

func TestTopOrders(t *testing.T) {
	was, is := readings(t)
	for order, want := range map[string][]string{
		"trouble":  {"sick", "d", "c", "b", "fine", "a", "a-server"},
		"requests": {"fine", "a-server", "a", "sick", "b", "c", "d"},
		"errors":   {"sick", "d", "b", "c", "fine", "a", "a-server"},
		"latency":  {"sick", "c", "b", "d", "fine", "a", "a-server"},
		"name":     {"fine", "a", "a-server", "sick", "b", "c", "d"},
	} {
		v := view{was: was, is: is, width: 200, order: order}
		var got []string
		for line := range strings.Lines(string(v.table())) {
			if f := strings.Fields(line); len(f) > 9 && f[0] != "cashew" && strings.ContainsAny(f[6], "0123456789") {
				got = append(got, strings.TrimSuffix(f[len(f)-1], "-with-a-name-longer-than-there-is-room"))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %q; want %q", order, got, want)
		}
	}
}

func TestHead(t *testing.T) {
	for lines, want := range map[int]string{0: "a\nb\nc\n", 1: "… and 3 lines more\n", 2: "a\n… and 2 lines more\n", 3: "a\nb\nc\n"} {
		if got := string(head([]byte("a\nb\nc\n"), lines)); got != want {
			t.Errorf("%d lines: %q; want %q", lines, got, want)
		}
	}
}

func TestReadKeys(t *testing.T) {
	for input, order := range map[string]string{"q": "trouble", "xQ": "trouble", "\x03": "trouble", "lq": "latency", "rrtnq": "name"} {
		quit, changed := make(chan os.Signal, 1), make(chan struct{}, 1)
		var v top
		v.readKeys(strings.NewReader(input), quit, changed)
		if len(quit) != 1 {
			t.Errorf("%q does not end the view", input)
		}
		if got := orders[v.order.Load()]; got != order || (len(changed) == 1) != (len(input) > 1 && input[0] != 'x') {
			t.Errorf("%q sorts by %s, changed %d times; want %s", input, got, len(changed), order)
		}
	}
	quit := make(chan os.Signal, 1)
	new(top).readKeys(strings.NewReader("abc"), quit, nil)
	if len(quit) != 0 {
		t.Error("other keys, and the end of the input, end the view")
	}
}
