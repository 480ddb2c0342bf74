package inspect

import (
	"fmt"
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
	const want = `nutcracker or cashew 0.5.0 on here, up 1m2s, 9 connections, 20 in all

 REQ/S  ERR/S   P50   P99   IN/S  OUT/S QUEUED CONNS STATE    POOL/SERVER
  500k    2.0     -     -   3000  1250k     15     3          alpha
        0.5 ejections/s
   100    1.5     -     -   3000  1250k     15     2            b
          it was ejected last 5s ago; whether it still is --admin tells
   0.5      0     -     -      0      0      0     0            c
  500k      0     -     -      0      0      0     0            new
    10      0     -     -      0      0      0     1          longer
    10      0     -     -      0      0      0     0            s
`
	v := view{was: was, is: is, width: 80, order: "trouble"}
	if diff := gocmp.Diff(want, string(v.table())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Where the document says how a server is, that is what is shown, and not when it was ejected last; and who says it is cashew.
func TestState(t *testing.T) {
	for _, tt := range []struct {
		server, state string
	}{
		{`"server_ejected_at":5`, ""},
		{`"server_ejected_at":5, "up":0, "on_trial":0`, "ejected"},
		{`"server_ejected_at":5, "up":1, "on_trial":1`, "trial"},
		{`"server_ejected_at":5, "up":1, "on_trial":0`, "live"},
	} {
		live, service := "", "nutcracker or cashew"
		if tt.state != "" {
			live, service = `"live":1, `, "cashew"
		}
		r, err := parseStats(document(1, `"p": {`+live+`"s": {`+tt.server+`}}`), time.Unix(1000, 0))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.pools[0].servers[0].state; got != tt.state || r.service != service {
			t.Errorf("%s: %q of %s; want %q of %s", tt.server, got, r.service, tt.state, service)
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
