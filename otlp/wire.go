package otlp

import (
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// Spans are written as protobuf has them, field by field: made of messages, which are made and then measured and copied, each with all of its
// attributes, they took six times as long. The numbers are those of OpenTelemetry's trace.proto, common.proto and trace_service.proto.
const (
	fieldResourceSpans = 1 // of ExportTraceServiceRequest
	fieldScopeSpans    = 2 // of ResourceSpans
	fieldSpans         = 2 // of ScopeSpans

	fieldTraceID    = 1 // of Span
	fieldSpanID     = 2
	fieldParent     = 4
	fieldName       = 5
	fieldKind       = 6
	fieldStart      = 7
	fieldEnd        = 8
	fieldAttributes = 9
	fieldStatus     = 15
	fieldFlags      = 16

	fieldMessage = 2 // of Status
	fieldCode    = 3

	fieldKey   = 1 // of KeyValue
	fieldValue = 2

	fieldString = 1 // of AnyValue
	fieldInt    = 3
)

// span is one.
type span struct {
	trace       [16]byte
	own, parent [8]byte // parent is 0 of one that has none
	name        string
	kind        trace.Span_SpanKind
	from, to    uint64
	flags       uint32
	attributes  []byte // whole fields
	failed      bool
	failure     string
}

// appendSpan appends v, as ScopeSpans has it.
func (x *Exporter) appendSpan(dst []byte, v *span) []byte {
	b := appendBytes(x.scratch[:0], fieldTraceID, v.trace[:])
	b = appendBytes(b, fieldSpanID, v.own[:])
	if v.parent != [8]byte{} {
		b = appendBytes(b, fieldParent, v.parent[:])
	}
	b = appendString(b, fieldName, v.name)
	b = protowire.AppendVarint(protowire.AppendTag(b, fieldKind, protowire.VarintType), uint64(v.kind))
	b = protowire.AppendFixed64(protowire.AppendTag(b, fieldStart, protowire.Fixed64Type), v.from)
	b = protowire.AppendFixed64(protowire.AppendTag(b, fieldEnd, protowire.Fixed64Type), v.to)
	b = append(b, v.attributes...)
	if v.failure != "" {
		b = appendText(b, "error.type", v.failure)
	}
	if v.failed {
		size := 2 // of the code
		if v.failure != "" {
			size += 1 + protowire.SizeBytes(len(valid(v.failure)))
		}
		b = protowire.AppendVarint(protowire.AppendTag(b, fieldStatus, protowire.BytesType), uint64(size))
		if v.failure != "" {
			b = appendString(b, fieldMessage, v.failure)
		}
		b = protowire.AppendVarint(protowire.AppendTag(b, fieldCode, protowire.VarintType), uint64(trace.Status_STATUS_CODE_ERROR))
	}
	b = protowire.AppendFixed32(protowire.AppendTag(b, fieldFlags, protowire.Fixed32Type), v.flags)
	x.scratch = b
	return appendBytes(dst, fieldSpans, b)
}

func appendBytes(dst []byte, field protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(dst, field, protowire.BytesType), value)
}

func appendString(dst []byte, field protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), valid(value))
}

// appendAttribute begins an attribute of a span whose value has so many bytes as AnyValue has it.
func appendAttribute(dst []byte, key string, size int) []byte {
	dst = protowire.AppendTag(dst, fieldAttributes, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(1+protowire.SizeBytes(len(key))+1+protowire.SizeBytes(size)))
	dst = protowire.AppendString(protowire.AppendTag(dst, fieldKey, protowire.BytesType), key)
	dst = protowire.AppendTag(dst, fieldValue, protowire.BytesType)
	return protowire.AppendVarint(dst, uint64(size))
}

// appendText appends an attribute of a span.
func appendText(dst []byte, key, value string) []byte {
	value = valid(value)
	return appendString(appendAttribute(dst, key, 1+protowire.SizeBytes(len(value))), fieldString, value)
}

func appendNumber(dst []byte, key string, value int) []byte {
	dst = appendAttribute(dst, key, 1+protowire.SizeVarint(uint64(value)))
	return protowire.AppendVarint(protowire.AppendTag(dst, fieldInt, protowire.VarintType), uint64(value))
}
