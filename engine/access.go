package engine

import (
	"time"

	"cashew/access"
	"cashew/session"
)

// AccessOptions are what is told of some of the commands of clients, and where.
type AccessOptions struct {
	// AccessLog is the path of the access log, "": there is none. Of so many commands it has one, at most so many in a second.
	AccessLog    string
	AccessSample int
	AccessRate   int
	AccessKeys   bool // with the first key of each

	// OTLPEndpoint is the URL that takes traces, "": nobody does. Of so many commands one is a trace, at most so many in a second.
	OTLPEndpoint string
	TraceSample  int
	TraceRate    int
	TraceKeys    bool // with the first key of each
	TraceContext bool // clients may say what is to be a trace, and of which it is a part

	OTLPService     string // what the proxy is called in traces
	OTLPHeadersFile string // a line "name: value" for each header of a request; "": there are none
	OTLPCACertFile  string // who signs the collector's certificate, in PEM; "": whom the system trusts
	OTLPCertFile    string // what the collector is shown, in PEM; "": nothing
	OTLPKeyFile     string
}

// defaultAccess is a file without these.
func defaultAccess() AccessOptions {
	return AccessOptions{AccessSample: 100, AccessRate: 1000, TraceSample: 100, TraceRate: 1000, OTLPService: "cashew"}
}

// Access is where what became of commands is, for whoever tells of it.
func (p *Proxy) Access() *access.Log { return &p.access }

// Access implements session.Host.
func (p *pool) Access() *access.Log { return &p.proxy.access }

// samples is Limits.Access.
func (o *AccessOptions) samples() (s session.AccessSamples) {
	if o.AccessLog != "" {
		s.Lines, s.Keys = o.AccessSample, o.AccessKeys
	}
	if o.OTLPEndpoint != "" {
		s.Spans, s.Keys, s.Context = o.TraceSample, s.Keys || o.TraceKeys, o.TraceContext
	}
	return s
}

// setAccess has what becomes of commands be kept as o says.
func (p *Proxy) setAccess(o *AccessOptions) {
	lines, spans := o.AccessRate, o.TraceRate
	if o.AccessLog == "" {
		lines = 0
	}
	if o.OTLPEndpoint == "" {
		spans = 0
		p.access.Exemplars.Forget()
	}
	p.access.Lines.Set(lines, o.AccessKeys)
	p.access.Spans.Set(spans, o.TraceKeys)
}

// Time is when nanosecond n of the process was, as entries of Access have it.
func (p *Proxy) Time(n int64) time.Time { return p.world.Time(n) }
