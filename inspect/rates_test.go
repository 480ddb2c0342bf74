package inspect

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// document is a stats port's, as nutcracker writes it, with two pools and what is left out where a counter is not given.
func document(uptime int, servers string) []byte {
	return fmt.Appendf(nil, `{"service":"nutcracker", "source":"here", "version":"0.5.0", "uptime":%d, "timestamp":1, `+
		`"total_connections":20, "curr_connections":9, %s}`+"\n", uptime, servers)
}

func TestTable(t *testing.T) {
	now := time.Unix(1000, 0)
	parse := func(at time.Time, body []byte) *reading {
		s, err := parseStats(body, at)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	was := parse(now.Add(-2*time.Second), document(60,
		`"longer": {"client_connections":1, "s": {"requests":500}}, `+
			`"alpha": {"client_connections":3, "forward_error":1, "client_err":2, "server_ejects":0, `+
			`"b": {"requests":100, "request_bytes":3000, "responses":100, "response_bytes":500, "server_err":1, "server_connections":2}, `+
			`"c": {"requests":10}}`))
	is := parse(now, document(62,
		`"longer": {"client_connections":1, "s": {"requests":20}}, `+ // it was restarted
			`"alpha": {"client_connections":3, "forward_error":5, "client_err":2, "server_ejects":1, `+
			`"b": {"requests":300, "request_bytes":9000, "responses":290, "response_bytes":2500500, "server_err":2, "server_timedout":1, `+
			`"server_eof":1, "server_connections":2, "in_queue":7, "out_queue":8, "server_ejected_at":995000000}, `+
			`"c": {"requests":11}, "new": {"requests":1000000}}`))
	const want = `nutcracker 0.5.0 on here, up 1m2s, connections 9 now, 20 in all

  REQ/S  RSP/S  IN B/S  OUT B/S  ERR/S  IN Q  OUT Q  CONNS  POOL/SERVER
   500k     95    3000    1250k    2.0     7      8      3  alpha  0.5 ejections/s
    100     95    3000    1250k    1.5     7      8      2    b  ejected 5s ago
    0.5      0       0        0      0     0      0      0    c
   500k      0       0        0      0     0      0      0    new
     10      0       0        0      0     0      0      1  longer
     10      0       0        0      0     0      0      0    s
`
	if diff := gocmp.Diff(want, string(table(was, is))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Where the document says how a server is, that is what is shown, and not when it was ejected last.
func TestState(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		figures figures
		want    string
	}{
		{figures{}, ""},
		{figures{"server_ejected_at": 995e6}, "  ejected 5s ago"},
		{figures{"server_ejected_at": 995e6, "up": 0}, "  ejected for 5s"},
		{figures{"server_ejected_at": 995e6, "up": 1, "on_trial": 1}, "  on trial"},
		{figures{"server_ejected_at": 995e6, "up": 1, "on_trial": 0}, ""},
	} {
		if got := state(tt.figures, now); got != tt.want {
			t.Errorf("state(%v) = %q; want %q", tt.figures, got, tt.want)
		}
	}
}

func TestParseStatsErrors(t *testing.T) {
	for _, body := range []string{"", "HTTP/1.1 400", "[]", `"text"`, `{"service":`} {
		if _, err := parseStats([]byte(body), time.Now()); err == nil || !strings.Contains(err.Error(), "stats port") {
			t.Errorf("parseStats(%q) = %v; want an error", body, err)
		}
	}
}

func TestReadKeys(t *testing.T) {
	for _, input := range []string{"q", "xQ", "\x03"} {
		quit := make(chan os.Signal, 1)
		readKeys(strings.NewReader(input), quit)
		if len(quit) != 1 {
			t.Errorf("%q does not end the view", input)
		}
	}
	quit := make(chan os.Signal, 1)
	readKeys(strings.NewReader("abc"), quit)
	if len(quit) != 0 {
		t.Error("other keys, and the end of the input, end the view")
	}
}
