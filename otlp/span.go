package otlp

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"cashew/access"
)

// schema is which of OpenTelemetry's conventions names come from.
const schema = "https://opentelemetry.io/schemas/1.33.0"

// request is what the collector is told of entries.
func (x *Exporter) request(entries []access.Entry) *collector.ExportTraceServiceRequest {
	spans := make([]*trace.Span, 0, 4*len(entries))
	for i := range entries {
		spans = x.spans(spans, &entries[i])
	}
	host, _ := os.Hostname()
	pid := os.Getpid()
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{
			text("service.name", x.options.Service), text("service.version", x.options.Version),
			text("service.instance.id", host+":"+strconv.Itoa(pid)), text("host.name", host), number("process.pid", pid),
		}},
		ScopeSpans: []*trace.ScopeSpans{{Scope: &common.InstrumentationScope{Name: "cashew", Version: x.options.Version}, Spans: spans, SchemaUrl: schema}},
		SchemaUrl:  schema,
	}}}
}

// sampled is the flag that W3C's Trace Context has for it; knownRemote and remote say whether a span's parent is another process's.
const sampled, knownRemote, remote = 1, 0x100, 0x200

// spans appends those of e: the command, and below it, for each server, its wait in the queue and the server's own time, and the write to
// the client. Waits that took no time are left out.
func (x *Exporter) spans(list []*trace.Span, e *access.Entry) []*trace.Span {
	id := x.from.TraceID(e)
	n := 0
	span := func(name string, kind trace.Span_SpanKind, from, to int64) *trace.Span {
		own := x.from.SpanID(e, n)
		s := &trace.Span{
			TraceId: id[:], SpanId: own[:], Name: name, Kind: kind, Flags: sampled | knownRemote,
			StartTimeUnixNano: uint64(x.time(from).UnixNano()), EndTimeUnixNano: uint64(x.time(max(from, to)).UnixNano()),
		}
		if n > 0 {
			parent := x.from.SpanID(e, 0)
			s.ParentSpanId = parent[:]
		}
		n++
		list = append(list, s)
		return s
	}
	operation := operationOf(e)
	whole := span(operation, trace.Span_SPAN_KIND_SERVER, e.Taken, e.Ended)
	if e.Parent.Given {
		whole.ParentSpanId, whole.Flags = e.Parent.Span[:], sampled|knownRemote|remote
	}
	whole.Attributes = attributesOf(e, operation)
	if e.Result == access.Failed {
		whole.Attributes = append(whole.Attributes, text("error.type", e.Failure))
	}
	if e.Result == access.Failed || e.Result == access.Error {
		whole.Status = &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: e.Failure}
	}
	for _, a := range e.Servers() {
		if a.Sent > a.Queued {
			span("queue", trace.Span_SPAN_KIND_INTERNAL, a.Queued, a.Sent).Attributes = serverOf(a.Name)
		}
		from, to := a.Sent, a.Replied
		if from == 0 {
			from = a.Queued
		}
		if to == 0 {
			to = e.Ended
		}
		s := span(operation, trace.Span_SPAN_KIND_CLIENT, from, to)
		s.Attributes = append(serverOf(a.Name), text("db.system.name", e.System), text("db.operation.name", operation))
		if a.Failure != "" {
			s.Attributes = append(s.Attributes, text("error.type", a.Failure))
			s.Status = &trace.Status{Code: trace.Status_STATUS_CODE_ERROR, Message: a.Failure}
		}
	}
	if e.Due != 0 && e.Ended > e.Due {
		span("write back", trace.Span_SPAN_KIND_INTERNAL, e.Due, e.Ended)
	}
	return list
}

// operationOf is what the conventions call a command: as Redis writes it, and as memcached does.
func operationOf(e *access.Entry) string {
	name := strings.ReplaceAll(e.Command, "|", " ")
	if e.System == "redis" {
		name = strings.ToUpper(name)
	}
	return name
}

// attributesOf are those of a command.
func attributesOf(e *access.Entry, operation string) []*common.KeyValue {
	list := append(make([]*common.KeyValue, 0, 12), text("db.system.name", e.System), text("db.operation.name", operation), text("cashew.pool", e.Pool),
		text("cashew.result", e.Result.String()), number("cashew.keys", e.KeysTotal), number("cashew.request.bytes", e.BytesIn), number("cashew.reply.bytes", e.BytesOut))
	if key := e.Key(); len(key) > 0 {
		list = append(list, text("cashew.key", string(key)))
	}
	if e.ClientName != "" {
		list = append(list, text("cashew.client.name", e.ClientName))
	}
	host, port, err := net.SplitHostPort(e.Client)
	if err != nil {
		return append(list, text("network.transport", e.Client)) // unix
	}
	n, _ := strconv.Atoi(port)
	return append(list, text("client.address", host), number("client.port", n))
}

// serverOf are the attributes of a server, which is host:port:weight or path:weight.
func serverOf(name string) []*common.KeyValue {
	addr := name
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		addr = name[:i]
	}
	i := strings.LastIndexByte(addr, ':')
	if strings.HasPrefix(addr, "/") || i < 0 {
		return append(make([]*common.KeyValue, 0, 6), text("server.address", addr), text("network.transport", "unix"))
	}
	port, _ := strconv.Atoi(addr[i+1:])
	list := append(make([]*common.KeyValue, 0, 6), text("server.address", addr[:i]), number("server.port", port))
	if net.ParseIP(addr[:i]) != nil {
		list = append(list, text("network.peer.address", addr[:i]), number("network.peer.port", port))
	}
	return list
}

// text is an attribute. What is no UTF-8, which protobuf refuses, is replaced.
func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: strings.ToValidUTF8(value, "\uFFFD")}}}
}

func number(key string, value int) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(value)}}}
}

// exemplify has the trace of e, which the collector has, stand for its times in histograms.
func (x *Exporter) exemplify(e *access.Entry) {
	at := access.Exemplar{Trace: x.from.TraceID(e), At: x.time(e.Ended)}
	note := func(of access.Histogram, server, class string, took int64) {
		at.Took = time.Duration(took)
		x.from.Exemplars.Note(access.Series{Of: of, Pool: e.Pool, Server: server, Class: class}, at)
	}
	for _, a := range e.Servers() {
		if a.Sent != 0 && a.Replied != 0 {
			note(access.QueueTime, a.Name, e.Class, a.Sent-a.Queued)
			note(access.ServerTime, a.Name, e.Class, a.Replied-a.Sent)
		}
	}
	if e.Due != 0 {
		note(access.WriteTime, "", "", e.Ended-e.Due)
	}
}
