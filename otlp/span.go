package otlp

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"cashew/access"
)

// schema is which of OpenTelemetry's conventions names come from.
const schema = "https://opentelemetry.io/schemas/1.33.0"

// request is what the collector is told of entries. What is the same for all is made of OpenTelemetry's messages, and the spans stand in it as
// wire.go has them.
func (x *Exporter) request(entries []access.Entry) ([]byte, error) {
	host, _ := os.Hostname()
	pid := os.Getpid()
	scope, err := proto.MarshalOptions{}.MarshalAppend(x.scope[:0], &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: "cashew", Version: x.options.Version}, SchemaUrl: schema})
	if err != nil {
		return nil, err
	}
	of, err := proto.Marshal(&trace.ResourceSpans{SchemaUrl: schema, Resource: &resource.Resource{Attributes: []*common.KeyValue{
		text("service.name", x.options.Service), text("service.version", x.options.Version),
		text("service.instance.id", host+":"+strconv.Itoa(pid)), text("host.name", host), number("process.pid", pid),
	}}})
	if err != nil {
		return nil, err
	}
	for i := range entries {
		scope = x.spans(scope, &entries[i])
	}
	x.scope = scope
	size := len(of) + protowire.SizeTag(fieldScopeSpans) + protowire.SizeBytes(len(scope))
	body := make([]byte, 0, protowire.SizeTag(fieldResourceSpans)+protowire.SizeBytes(size)) // not kept: whoever sends it may read it yet
	body = protowire.AppendVarint(protowire.AppendTag(body, fieldResourceSpans, protowire.BytesType), uint64(size))
	return appendBytes(append(body, of...), fieldScopeSpans, scope), nil
}

// sampled is the flag that W3C's Trace Context has for it; knownRemote and remote say whether a span's parent is another process's.
const sampled, knownRemote, remote = 1, 0x100, 0x200

// spans appends those of e: the command, and below it, for each server, its wait in the queue and the server's own time, and the write to
// the client. Waits that took no time are left out.
func (x *Exporter) spans(dst []byte, e *access.Entry) []byte {
	operation := operationOf(e)
	v := &x.span
	*v = span{attributes: v.attributes[:0], trace: x.from.TraceID(e), name: operation, kind: trace.Span_SPAN_KIND_SERVER, flags: sampled | knownRemote}
	v.own, v.from, v.to = x.from.SpanID(e, 0), x.nanos(e.Taken), x.nanos(e.Ended)
	if e.Parent.Given {
		v.parent, v.flags = e.Parent.Span, sampled|knownRemote|remote
	}
	v.attributes = appendCommand(v.attributes, e, operation)
	v.failed, v.failure = e.Result == access.Failed || e.Result == access.Error, e.Failure
	dst = x.appendSpan(dst, v)

	v.parent, v.flags = v.own, sampled|knownRemote
	n := 0
	below := func(name string, kind trace.Span_SpanKind, from, to int64) {
		n++
		v.own, v.name, v.kind, v.failed, v.failure = x.from.SpanID(e, n), name, kind, false, ""
		v.from, v.to = x.nanos(from), x.nanos(max(from, to))
		v.attributes = v.attributes[:0]
	}
	for _, a := range e.Servers() {
		if a.Sent > a.Queued {
			below("queue", trace.Span_SPAN_KIND_INTERNAL, a.Queued, a.Sent)
			v.attributes = appendServer(v.attributes, &a)
			dst = x.appendSpan(dst, v)
		}
		from, to := a.Sent, a.Replied
		if from == 0 {
			from = a.Queued
		}
		if to == 0 {
			to = e.Ended
		}
		below(operation, trace.Span_SPAN_KIND_CLIENT, from, to)
		v.attributes = appendText(appendText(appendServer(v.attributes, &a), "db.system.name", e.System), "db.operation.name", operation)
		v.failed, v.failure = a.Failure != "", a.Failure
		dst = x.appendSpan(dst, v)
	}
	if e.Due != 0 && e.Ended > e.Due {
		below("write back", trace.Span_SPAN_KIND_INTERNAL, e.Due, e.Ended)
		dst = x.appendSpan(dst, v)
	}
	return dst
}

func (x *Exporter) nanos(at int64) uint64 { return uint64(x.time(at).UnixNano()) }

// operationOf is what the conventions call a command: as Redis writes it, and as memcached does.
func operationOf(e *access.Entry) string {
	name := strings.ReplaceAll(e.Command, "|", " ")
	if e.System == "redis" {
		name = strings.ToUpper(name)
	}
	return name
}

// appendCommand appends the attributes of a command.
func appendCommand(dst []byte, e *access.Entry, operation string) []byte {
	dst = appendText(dst, "db.system.name", e.System)
	dst = appendText(dst, "db.operation.name", operation)
	dst = appendText(dst, "cashew.pool", e.Pool)
	dst = appendText(dst, "cashew.result", e.Result.String())
	dst = appendNumber(dst, "cashew.keys", e.KeysTotal)
	dst = appendNumber(dst, "cashew.request.bytes", e.BytesIn)
	dst = appendNumber(dst, "cashew.reply.bytes", e.BytesOut)
	if key := e.Key(); len(key) > 0 {
		dst = appendText(dst, "cashew.key", string(key))
	}
	if e.ClientName != "" {
		dst = appendText(dst, "cashew.client.name", e.ClientName)
	}
	host, port, err := net.SplitHostPort(e.Client)
	if err != nil {
		return appendText(dst, "network.transport", e.Client) // unix
	}
	n, _ := strconv.Atoi(port)
	return appendNumber(appendText(dst, "client.address", host), "client.port", n)
}

// appendServer appends the attributes of a server.
func appendServer(dst []byte, a *access.Asked) []byte {
	dst, addr := appendText(dst, "cashew.server", a.Name), a.Addr
	if addr == "" {
		return dst
	}
	i := strings.LastIndexByte(addr, ':')
	if strings.HasPrefix(addr, "/") || i < 0 {
		return appendText(appendText(dst, "server.address", addr), "network.transport", "unix")
	}
	port, _ := strconv.Atoi(addr[i+1:])
	dst = appendNumber(appendText(dst, "server.address", addr[:i]), "server.port", port)
	if _, err := netip.ParseAddr(addr[:i]); err == nil {
		dst = appendNumber(appendText(dst, "network.peer.address", addr[:i]), "network.peer.port", port)
	}
	return dst
}

// text is an attribute.
func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: valid(value)}}}
}

func number(key string, value int) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: int64(value)}}}
}

// valid is a text without what is no UTF-8, which protobuf refuses.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

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
