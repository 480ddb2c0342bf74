package daemon

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traceCollector takes traces as OpenTelemetry's does.
type traceCollector struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	says     int // status; 0: it takes them
	asked    int
	headers  http.Header // of the last request
	resource map[string]string
	spans    []*trace.Span
}

func newTraceCollector(t *testing.T, start func(*httptest.Server)) *traceCollector {
	c := &traceCollector{t: t}
	c.Server = httptest.NewUnstartedServer(c)
	start(c.Server)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP implements http.Handler.
func (c *traceCollector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var said collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &said)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("%v of %s %s: %v", r.Header, r.Method, r.URL, err)
	}
	if c.says != 0 {
		w.WriteHeader(c.says)
		return
	}
	c.headers, c.resource = r.Header, attributes(said.ResourceSpans[0].Resource.Attributes)
	for _, scope := range said.ResourceSpans[0].ScopeSpans {
		c.spans = append(c.spans, scope.Spans...)
	}
	answer, _ := proto.Marshal(new(collector.ExportTraceServiceResponse))
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

func (c *traceCollector) answer(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.says = status
}

// traceOf is the latest trace whose first span has that name, the first span first, and nothing if there is none.
func (c *traceCollector) traceOf(name string) (spans []*trace.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range slices.Backward(c.spans) {
		if s.Kind == trace.Span_SPAN_KIND_SERVER && s.Name == name {
			for _, s := range c.spans[i:] {
				if string(s.TraceId) == string(c.spans[i].TraceId) {
					spans = append(spans, s)
				}
			}
			return spans
		}
	}
	return nil
}

func attributes(list []*common.KeyValue) map[string]string {
	m := make(map[string]string)
	for _, a := range list {
		if m[a.Key] = a.Value.GetStringValue(); m[a.Key] == "" {
			m[a.Key] = strconv.FormatInt(a.Value.GetIntValue(), 10)
		}
	}
	return m
}

// traced is a configuration that tells of all commands.
func (c *traceCollector) traced(more ...string) map[string]string {
	m := map[string]string{"otlp_endpoint": c.URL, "trace_sample": "1/1"}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

// wantTrace sends a command until there is a trace of it.
func (in *instance) wantTrace(c *traceCollector, name, command string) (spans []*trace.Span) {
	in.Helper()
	in.send(command + "\r\n")
	in.until("a trace of "+name, func() bool { spans = c.traceOf(name); return spans != nil })
	return spans
}

// TestTraces: a collector is told of a command and of each server that was asked, by the names of the conventions, with its key where that is
// asked for, and no value.
func TestTraces(t *testing.T) {
	c := newTraceCollector(t, (*httptest.Server).Start)
	in := startInstance(t, c.traced("otlp_headers_file", "DIR/headers", "otlp_service_name", "front", "access_log", "DIR/access", "access_log_sample", "1/1", "trace_keys", "true"))
	a, b := in.keyAt("s0"), in.keyAt("s1")
	spans := in.wantTrace(c, "MGET", "SET "+a+" thevalue\r\nMGET "+a+" "+b)
	root := attributes(spans[0].Attributes)
	for name, want := range map[string]string{
		"db.system.name": "redis", "db.operation.name": "MGET", "cashew.pool": "p", "cashew.result": "ok", "cashew.keys": "2", "cashew.key": a, "network.transport": "unix",
	} {
		if root[name] != want {
			t.Errorf("%s is %q; want %q", name, root[name], want)
		}
	}
	servers := 0
	for _, s := range spans[1:] {
		if string(s.ParentSpanId) != string(spans[0].SpanId) || s.StartTimeUnixNano < spans[0].StartTimeUnixNano || s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%v is no part of %v", s, spans[0])
		}
		if of := attributes(s.Attributes); s.Kind == trace.Span_SPAN_KIND_CLIENT {
			servers++
			if addr := of["server.address"] + ":" + of["server.port"]; !slices.Contains(in.servers, addr) || of["db.operation.name"] != "MGET" || of["network.peer.address"] != "127.0.0.1" {
				t.Errorf("a span of a server has %v", of)
			}
		}
	}
	if servers != 2 || c.resource["service.name"] != "front" || c.headers.Get("Authorization") != "Bearer sesame" || c.headers.Get("User-Agent") != "cashew/test" {
		t.Errorf("%d servers; %v; %v", servers, c.resource, c.headers)
	}
	id := hex.EncodeToString(spans[0].TraceId)
	in.until("the same trace in the access log", func() bool { return in.hasLine("access", `"command":"mget"`, `"trace_id":"`+id+`"`) })
	for _, s := range c.spans {
		if strings.Contains(s.String(), "thevalue") {
			t.Errorf("a value: %v", s)
		}
	}
	in.reloadWith("trace_keys", "false")
	if of := attributes(in.wantTrace(c, "DEL", "DEL "+a)[0].Attributes); of["cashew.key"] != "" {
		t.Errorf("%v", of)
	}
	if err := os.WriteFile(in.dir+"/headers", []byte("Authorization: Bearer other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in.wantTrace(c, "GET", "GET "+a)
	if got := c.headers.Get("Authorization"); got != "Bearer other" {
		t.Errorf("the header is %q still", got)
	}
}

// TestTraceContext: a client that says of what its commands are a part decides what is told, where that is asked for.
func TestTraceContext(t *testing.T) {
	c := newTraceCollector(t, (*httptest.Server).Start)
	in := startInstance(t, c.traced("trace_sample", "1/1000000000", "trace_context", "true"))
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	said := "CLIENT SETINFO LIB-VER 9.0;traceparent=00-" + id + "-" + parent
	in.send(said + "-00\r\nGET unsampled\r\n")
	spans := in.wantTrace(c, "GET", said+"-01\r\nGET k\r\nCLIENT SETINFO LIB-VER 9.0\r\nSET k v")
	if s := spans[0]; hex.EncodeToString(s.TraceId) != id || hex.EncodeToString(s.ParentSpanId) != parent || s.Flags != 0x301 {
		t.Errorf("%v", s)
	}
	in.wantTrace(c, "ECHO", said+"-01\r\nECHO x")
	for _, s := range c.spans {
		if s.Name == "SET" || hex.EncodeToString(s.TraceId) != id {
			t.Errorf("nobody asked for %v", s)
		}
	}
	if got := in.ask("CLIENT", "LIST"); strings.Contains(got, "traceparent") {
		t.Errorf("%q", got)
	}
	in.reloadWith("trace_context", "false")
	before, _ := in.proxy.Access().Spans.Counts()
	conn := in.send(said + "-01\r\nGET k\r\nQUIT\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	if after, _ := in.proxy.Access().Spans.Counts(); after != before {
		t.Error("a client decides although nobody asked for that")
	}
}

// TestCollectorDown: whatever becomes of the collector, clients do not notice; what it was not told is counted, and said once.
func TestCollectorDown(t *testing.T) {
	c := newTraceCollector(t, (*httptest.Server).Start)
	c.answer(http.StatusBadRequest)
	in := startInstance(t, c.traced("trace_rate", "1000000"))
	dropped := func() int64 { _, n := in.proxy.Access().Spans.Counts(); return n }
	in.wantReply("+PONG", "PING")
	in.until("traces are lost", func() bool { return dropped() > 0 })
	in.until("that is said", func() bool {
		log, _ := os.ReadFile(in.dir + "/log")
		return strings.Count(string(log), "traces are not taken") == 1
	})
	c.answer(http.StatusServiceUnavailable) // it is asked again
	in.wantReply("+PONG", "PING")
	c.mu.Lock()
	asked := c.asked
	c.mu.Unlock()
	in.until("it is asked", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.asked > asked })
	c.answer(0)
	in.wantTrace(c, "PING", "PING")

	in.reloadWith("otlp_endpoint", "http://DEAF") // takes connections and never answers
	was := dropped()
	conn := in.send(strings.Repeat("PING\r\n", 5000) + "QUIT\r\n")
	if all, err := io.ReadAll(conn); err != nil || strings.Count(string(all), "+PONG") != 5000 {
		t.Errorf("%d replies, %v", strings.Count(string(all), "+PONG"), err)
	}
	in.until("what there is no room for is dropped", func() bool { return dropped() > was })
	in.reloadWith("otlp_endpoint", c.URL)
	in.until("the first is told again", func() bool { in.send("ECHO x\r\n"); return c.traceOf("ECHO") != nil })
}

// TestExemplars: who asks for OpenMetrics is told a trace for times in histograms, which the collector has.
func TestExemplars(t *testing.T) {
	c := newTraceCollector(t, (*httptest.Server).Start)
	in := startInstance(t, c.traced())
	id := hex.EncodeToString(in.wantTrace(c, "GET", "GET k")[0].TraceId)
	for _, name := range []string{"cashew_request_server_seconds", "cashew_request_queue_seconds", "cashew_write_back_seconds"} {
		line := regexp.MustCompile(`\n` + name + `_bucket\{[^\n]*\} [0-9]+ # \{trace_id="` + id + `"\} [0-9.e-]+ [0-9.e+]+\n`)
		in.until("an exemplar of "+name, func() bool { return line.MatchString(in.openMetrics()) })
	}
	if text := in.openMetrics(); !strings.HasSuffix(text, "# EOF\n") || strings.Contains(in.page("/metrics"), "trace_id") {
		t.Errorf("%s", text)
	}
	in.reloadWith("otlp_endpoint", "http://DEAF")
	delete(in.global, "otlp_endpoint")
	in.reloadWith("trace_sample", "1/2")
	if strings.Contains(in.openMetrics(), "trace_id") {
		t.Error("there are exemplars although nobody is told of traces")
	}
}
