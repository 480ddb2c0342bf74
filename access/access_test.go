package access

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(n int64) time.Time { return began.Add(time.Duration(n)) }

// TestLines: a line has what the entry has, whatever that is, and its key only where that is asked for.
func TestLines(t *testing.T) {
	e := Entry{
		Lines: true, Spans: true, Number: 7, Sample: 100, Taken: 678_901_000, Due: 680_000_000, Ended: 680_003_000, Pool: "p", Client: "10.0.0.5:1042", ID: 9,
		User: "a\"\\\n\x7fé\xff", Command: "mget", KeysTotal: 10, BytesIn: 3, BytesOut: 4, Result: Failed, Failure: "<down>",
	}
	e.SetKey([]byte(strings.Repeat("k", 100)))
	for i := range MaxServers + 2 {
		if a := e.Ask(); a != nil {
			*a = Asked{Name: "s", Queued: 1000, Sent: 5000, Replied: int64(i) * 10_000, Bytes: i}
		}
	}
	for _, keys := range []bool{true, false} {
		l := new(Log)
		l.Seed(1, 2)
		l.Lines.Set(10, keys)
		l.Record(&e)
		line := string(NewLines(l, at).Take(nil, began))
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil || strings.Count(line, "\n") != 1 {
			t.Fatalf("%q: %v", line, err)
		}
		id := l.TraceID(&e)
		for name, want := range map[string]any{
			"time": "2026-01-02T03:04:05.678901Z", "pool": "p", "client": "10.0.0.5:1042", "id": 9.0, "user": "a\"\\\n\x7fé\ufffd", "command": "mget", "keys": 10.0,
			"result": "failed", "reason": "<down>", "duration_us": 1102.0, "write_us": 3.0, "bytes_in": 3.0, "bytes_out": 4.0, "sample": 100.0, "servers_total": 10.0,
		} {
			if got[name] != want {
				t.Errorf("%s = %v; want %v", name, got[name], want)
			}
		}
		if key, _ := got["key"].(string); (key == strings.Repeat("k", MaxKey)) != keys || !keys && key != "" {
			t.Errorf("the key is %q", key)
		}
		if hex, _ := got["trace_id"].(string); len(hex) != 32 || id == [16]byte{} || strings.Contains(line, "\\u003c") {
			t.Errorf("%s", line)
		}
		if !strings.Contains(line, `"servers":[{"server":"s","queue_us":4},{"server":"s","queue_us":4,"server_us":5,"bytes":1}`) || strings.Count(line, `"server":`) != MaxServers {
			t.Errorf("%s", line)
		}
	}
}

// TestBounded: a log that nobody empties, or that has too many in a second, is bounded, counts what it lacks and says so; and again, where
// what said so was lost.
func TestBounded(t *testing.T) {
	l, woken := new(Log), 0
	l.Lines.Set(MaxPending*2, false)
	lines := NewLines(l, at)
	lines.Wakes(func() { woken++ })
	for range MaxPending + 5 {
		l.Record(&Entry{Lines: true})
	}
	got := lines.Take(nil, began)
	if n, last := strings.Count(string(got), "\n"), `{"time":"2026-01-02T03:04:05.000000Z","lost":5}`+"\n"; n != MaxPending+1 || !strings.HasSuffix(string(got), last) || woken != 1 {
		t.Errorf("%d lines, woken %d times, the last of %q", n, woken, got[len(got)-100:])
	}
	lines.Lose(got)
	for range 2 {
		got = lines.Take(nil, began)
		if want := `"lost":1029}` + "\n"; !strings.HasSuffix(string(got), want) || strings.Count(string(got), "\n") != 1 {
			t.Fatalf("%q; want %s", got, want)
		}
		lines.Lose(got)
	}
	l = new(Log)
	l.Spans.Set(3, false)
	for i := range 10 {
		l.Record(&Entry{Spans: true, Ended: int64(i) * int64(time.Second) / 5})
	}
	if recorded, dropped := l.Spans.Counts(); recorded != 6 || dropped != 4 || len(l.Spans.Take(nil)) != 6 {
		t.Errorf("%d kept, %d dropped", recorded, dropped)
	}
	l.Spans.Set(0, false)
	l.Record(&Entry{Spans: true, Lines: true})
	if recorded, dropped := l.Spans.Counts(); recorded != 6 || dropped != 4 {
		t.Errorf("of none %d kept, %d dropped", recorded, dropped)
	}
}

// TestIDs: no two spans have the same number, in whichever trace.
func TestIDs(t *testing.T) {
	l := new(Log)
	l.Seed(3, 4)
	traces, spans := map[[16]byte]bool{}, map[[8]byte]bool{}
	const n = 2000
	for loop := range uint64(2) {
		for i := range uint64(n) {
			e := &Entry{Number: loop<<48 | i}
			traces[l.TraceID(e)] = true
			for j := range 20 {
				spans[l.SpanID(e, j)] = true
			}
		}
	}
	if len(traces) != 2*n || len(spans) != 2*n*20 {
		t.Errorf("%d traces, %d spans", len(traces), len(spans))
	}
	given := Parent{Trace: [16]byte{1}, Given: true}
	if got := l.TraceID(&Entry{Parent: given}); got != given.Trace {
		t.Errorf("%x", got)
	}
}

// TestExemplars: of each bucket the latest stands, each within the bounds of its own.
func TestExemplars(t *testing.T) {
	var x Exemplars
	of := Series{Of: ServerTime, Pool: "p", Server: "s", Class: "read"}
	for i, d := range []time.Duration{0, 10, 11, 20, 21, 1 << 40} {
		x.Note(of, Exemplar{Took: d * time.Microsecond, Trace: [16]byte{byte(i)}, At: began})
	}
	var got []byte
	for _, e := range x.Of(of) {
		got = append(got, e.Trace[0])
	}
	if string(got) != "\x01\x03\x04\x05" || len(x.Of(Series{Pool: "p"})) != 0 {
		t.Errorf("%v", got)
	}
	for i := range 2 * maxSeries {
		x.Note(Series{Pool: strconv.Itoa(i)}, Exemplar{At: began})
	}
	if len(x.of) != maxSeries {
		t.Errorf("%d histograms", len(x.of))
	}
	if x.Forget(); len(x.Of(of)) != 0 {
		t.Error("they are not forgotten")
	}
}

// BenchmarkLine is what a line costs that is written.
func BenchmarkLine(b *testing.B) {
	lines := NewLines(new(Log), at)
	e := Entry{System: "redis", Command: "get", Taken: 10, Due: 60, Ended: 70, Client: "10.0.0.5:1042", Pool: "cache", Sample: 100, KeysTotal: 1}
	*e.Ask() = Asked{Name: "shard1", Addr: "10.0.0.1:6379", Queued: 10, Sent: 20, Replied: 60}
	var buf []byte
	for b.Loop() {
		buf = lines.appendLine(buf[:0], &e)
	}
}
