package daemon

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"

	"cashew/tests/certtest"
)

// sealed is a collector that speaks TLS, and with those alone who show a certificate of a.
func sealed(t *testing.T, a *certtest.Authority) *traceCollector {
	own := a.Issue(t, certtest.Of{})
	return newTraceCollector(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{own.TLS(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.Pool}
		s.StartTLS()
	})
}

// tracingCases are those of traces.
func tracingCases(t *testing.T) []settingCase {
	plain, a := newTraceCollector(t, (*httptest.Server).Start), certtest.New(t, "collectors")
	behind, mine, other := sealed(t, a), a.Issue(t, certtest.Of{}), certtest.New(t, "nobody")
	tells := func(c *traceCollector, name string) func(in *instance) {
		return func(in *instance) { in.wantTrace(c, name, name+" "+in.keyAt("s0")) }
	}
	recorded := func(in *instance) int64 { n, _ := in.proxy.Access().Spans.Counts(); return n }
	byTLS := func(key, value string) map[string]string {
		m := behind.traced("otlp_tls_ca_cert_file", a.File, "otlp_tls_cert_file", mine.Cert, "otlp_tls_key_file", mine.Key)
		m[key] = value
		return m
	}
	renamed := &certtest.Pair{Cert: mine.Cert + ".2", Key: mine.Key + ".2"}
	mine.Put(t, renamed)
	return []settingCase{
		{key: "otlp_endpoint", from: plain.traced("otlp_endpoint", "http://DEAF"), to: plain.URL, shows: plain.URL + "/v1/traces", does: tells(plain, "STRLEN")},
		{key: "trace_sample", from: plain.traced("trace_sample", "1/1000000000"), to: "1/1", shows: "1/1", does: tells(plain, "TTL")},
		{key: "trace_rate", from: plain.traced(), to: "1", shows: 1, does: func(in *instance) {
			in.until("traces are dropped", func() bool {
				in.send("PING\r\nPING\r\n")
				_, dropped := in.proxy.Access().Spans.Counts()
				return dropped > 0
			})
		}},
		{key: "trace_keys", from: plain.traced(), to: "true", shows: true, does: func(in *instance) {
			if key := in.keyAt("s0"); attributes(in.wantTrace(plain, "PTTL", "PTTL "+key)[0].Attributes)["cashew.key"] != key {
				in.Error("a trace has no key")
			}
		}},
		{key: "trace_context", from: plain.traced("trace_sample", "1/1000000000"), to: "true", shows: true, does: func(in *instance) {
			const said = "CLIENT SETINFO LIB-VER 9;traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
			was := recorded(in)
			in.until("a client to decide", func() bool { in.send(said + "PING\r\n"); return recorded(in) > was })
		}},
		{key: "otlp_service_name", from: plain.traced(), to: "front", shows: "front", does: func(in *instance) {
			in.until("another name", func() bool {
				in.send("PING\r\n")
				plain.mu.Lock()
				defer plain.mu.Unlock()
				return plain.resource["service.name"] == "front"
			})
		}},
		{key: "otlp_headers_file", from: plain.traced(), to: "DIR/headers", shows: "DIR/headers", does: func(in *instance) {
			in.until("a header", func() bool {
				in.send("PING\r\n")
				plain.mu.Lock()
				defer plain.mu.Unlock()
				return plain.headers.Get("Authorization") == "Bearer sesame"
			})
		}},
		{key: "otlp_tls_ca_cert_file", from: byTLS("otlp_tls_ca_cert_file", other.File), to: a.File, shows: a.File, does: tells(behind, "GET")},
		{key: "otlp_tls_cert_file", from: byTLS("otlp_tls_cert_file", mine.Cert), to: renamed.Cert, shows: renamed.Cert, does: tells(behind, "TTL")},
		{key: "otlp_tls_key_file", from: byTLS("otlp_tls_key_file", mine.Key), to: renamed.Key, shows: renamed.Key, does: tells(behind, "PTTL")},
	}
}
