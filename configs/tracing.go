package configs

import (
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/engine"
	"cashew/regular"
	"cashew/tlsconn"
)

func tracingKeys(o *engine.Options) []key {
	return []key{
		sampleKey("trace_sample", &o.TraceSample),
		plainKey("trace_rate", "a number of traces a second from 1 to 1000000", &o.TraceRate, 1, maxRate),
		boolKey("trace_keys", &o.TraceKeys),
		boolKey("trace_context", &o.TraceContext),
		endpointKey(&o.OTLPEndpoint),
		wordKey("otlp_service_name", "a name, such as cashew", &o.OTLPService),
		pathKey("otlp_headers_file", "the path of a file", &o.OTLPHeadersFile),
		pathKey("otlp_tls_ca_cert_file", "a file in PEM, of who signed the collector's certificate", &o.OTLPCACertFile),
		pathKey("otlp_tls_cert_file", "the path of a file", &o.OTLPCertFile),
		pathKey("otlp_tls_key_file", "the path of a file", &o.OTLPKeyFile),
	}
}

// wordKey is a text on one line that is not empty.
func wordKey(name, want string, to *string) key {
	k := textKey(name, want, to)
	k.set = func(n *yaml.Node) (reason string) {
		*to, reason = lineOf(n.Value)
		return reason
	}
	return k
}

// tracesPath is where a collector takes traces unless its URL says otherwise.
const tracesPath = "/v1/traces"

// endpointKey is the URL of a collector.
func endpointKey(to *string) key {
	return key{
		name: "otlp_endpoint", to: to, want: "a URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318",
		set: func(n *yaml.Node) string {
			u, err := url.Parse(n.Value)
			switch {
			case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !isPort(u.Port()):
				return "is not such a URL"
			case u.User != nil:
				return "has a user: who may tell the collector is for otlp_headers_file to say"
			case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
				return "has more than an address and a path"
			}
			if u.Path == "" || u.Path == "/" {
				u.Path = tracesPath
			}
			*to = u.String()
			return ""
		},
		show: func() any { return orNil(*to) },
	}
}

// isPort says that text is a port, or nothing.
func isPort(text string) bool {
	n, ok := parseNumber(text)
	return text == "" || ok && n >= 1 && n <= 65_535
}

// tracing checks our own settings of traces together. given are those that the section has.
func (c *checker) tracing(given map[string]given) {
	at := func(key string) Problem { return Problem{Key: globalSection + "." + key} }
	encrypted := strings.HasPrefix(c.options.OTLPEndpoint, "https:")
	for _, k := range tracingKeys(&engine.Options{}) {
		g := given[k.name]
		switch {
		case k.name == "otlp_endpoint" || !g.ok:
		case !given["otlp_endpoint"].ok:
			if _, wrong := given["otlp_endpoint"]; !wrong {
				c.warn(g.name, at(k.name).because("means nothing without otlp_endpoint"))
			}
		case strings.HasPrefix(k.name, "otlp_tls_") && !encrypted:
			c.report(g.name, at(k.name).because("needs an otlp_endpoint of https"))
		}
	}
	for _, k := range []struct{ has, wants string }{{"otlp_tls_cert_file", "otlp_tls_key_file"}, {"otlp_tls_key_file", "otlp_tls_cert_file"}} {
		if _, ok := given[k.wants]; !ok && given[k.has].ok {
			c.report(given[k.has].name, at(k.has).because("needs %s beside it", k.wants))
		}
	}
	if !c.again {
		c.tracingFiles(given, at)
	}
}

// maxHeaders is how long a file of headers may be.
const maxHeaders = 64 << 10

// tracingFiles checks the files as they are read to tell a collector.
func (c *checker) tracingFiles(given map[string]given, at func(string) Problem) {
	if g := given["otlp_headers_file"]; g.ok {
		if _, err := regular.Headers(g.value.Value, maxHeaders); err != nil {
			wrong := at("otlp_headers_file").because("has no headers: %v", reasonOf(err))
			if isPath(g.value.Value) {
				wrong.Value = g.value.Value
			}
			c.report(g.value, wrong)
		}
	}
	if g := given["otlp_tls_ca_cert_file"]; g.ok {
		if _, err := tlsconn.LoadPool(g.value.Value); err != nil {
			wrong := at("otlp_tls_ca_cert_file").because("can't be used: %v", reasonOf(err))
			wrong.Value = g.value.Value
			c.report(g.value, wrong)
		} else {
			c.ending(g, at("otlp_tls_ca_cert_file"), true)
		}
	}
	for _, key := range []string{"otlp_headers_file", "otlp_tls_key_file"} {
		c.openKey(given[key], at(key))
	}
	if cert, key := given["otlp_tls_cert_file"], given["otlp_tls_key_file"]; cert.ok && key.ok {
		c.pair(cert, key, at("otlp_tls_cert_file"), at("otlp_tls_key_file"))
	}
}
