package otlp

import (
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"cashew/access"
)

// TestSpans: an entry is a command, and what it waited for below it, whatever is known of that.
func TestSpans(t *testing.T) {
	x := New(new(access.Log), func(n int64) time.Time { return time.Unix(0, n) }, nil)
	e := access.Entry{System: "memcached", Command: "get", Taken: 10, Due: 60, Ended: 70, Client: "[::1]:7", Pool: "p\xff", Result: access.Failed, Failure: "down"}
	for _, a := range []access.Asked{
		{Name: "s", Addr: "10.0.0.1:11211", Queued: 10, Sent: 20, Replied: 50},
		{Name: "s", Addr: "::1:11211", Queued: 10, Sent: 10, Replied: 60},
		{Name: "s", Addr: "/run/m.sock", Queued: 10, Failure: "down"},
		{Name: "s", Addr: "cache.example:1", Queued: 10, Sent: 30, Failure: "late"},
	} {
		*e.Ask() = a
	}
	body, err := x.request([]access.Entry{e})
	var said collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &said)
	}
	if err != nil {
		t.Fatal(err)
	}
	if again, err := proto.Marshal(&said); err != nil || len(again) != len(body) || said.ResourceSpans[0].SchemaUrl != schema || said.ResourceSpans[0].ScopeSpans[0].Scope.Name != "cashew" {
		t.Errorf("%d bytes that are %d, %v", len(body), len(again), err)
	}
	spans := said.ResourceSpans[0].ScopeSpans[0].Spans
	var got string
	for i, s := range spans {
		if i > 0 && string(s.ParentSpanId) != string(spans[0].SpanId) || string(s.TraceId) != string(spans[0].TraceId) {
			t.Errorf("%v", s)
		}
		got += s.Name + " " + time.Duration(s.StartTimeUnixNano).String() + "-" + time.Duration(s.EndTimeUnixNano).String()
		for _, a := range s.Attributes {
			if a.Key == "server.address" || a.Key == "client.address" || a.Key == "error.type" {
				got += " " + a.Value.GetStringValue()
			}
		}
		got += "; "
	}
	const want = "get 10ns-70ns ::1 down; queue 10ns-20ns 10.0.0.1; get 20ns-50ns 10.0.0.1; get 10ns-60ns ::1; get 10ns-70ns /run/m.sock down; " +
		"queue 10ns-30ns cache.example; get 30ns-70ns cache.example late; write back 60ns-70ns; "
	if got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if s := spans[0]; s.Kind != trace.Span_SPAN_KIND_SERVER || s.Status.GetCode() != trace.Status_STATUS_CODE_ERROR || s.ParentSpanId != nil {
		t.Errorf("%v", s)
	}
}

// BenchmarkRequest is what a trace costs that is told of.
func BenchmarkRequest(b *testing.B) {
	x := New(new(access.Log), func(n int64) time.Time { return time.Unix(0, n) }, nil)
	entries := make([]access.Entry, most)
	for i := range entries {
		entries[i] = access.Entry{System: "redis", Command: "get", Taken: 10, Due: 60, Ended: 70, Client: "10.0.0.5:1042", Pool: "cache", Number: uint64(i)}
		*entries[i].Ask() = access.Asked{Name: "shard1", Addr: "10.0.0.1:6379", Queued: 10, Sent: 20, Replied: 60}
	}
	for range b.N / most {
		_, _ = x.request(entries)
	}
}
