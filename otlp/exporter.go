// Package otlp tells a collector of traces, by OpenTelemetry's protocol over HTTP: what became of some commands (package access) becomes
// spans.
//
//	access.Log.Spans --Take--> Exporter --POST--> collector
//
// It has one goroutine. While the collector is down or slow entries wait in the Log, which drops what is too many; no event loop notices.
// Messages are those of OpenTelemetry's own module, without the services in it that are for gRPC (span.go), but for the spans themselves
// (wire.go); what asks by HTTP is discovery/web, which has timeouts and reads the files of TLS anew.
package otlp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"cashew/access"
	"cashew/discovery/web"
	"cashew/regular"
)

// Options are whom to tell, and how.
type Options struct {
	Endpoint                  string // a URL; "": nobody
	HeadersFile               string // lines of regular.Headers, read each time; "": none
	CAFile, CertFile, KeyFile string // of TLS, in PEM; "": whom the system trusts, and nothing is shown
	Service, Version          string // what the proxy is called
}

// MaxHeaders is how long a file of headers may be.
const MaxHeaders = 64 << 10

const (
	interval = 500 * time.Millisecond
	// most is how many traces a request has.
	most = 256
	// tries is how often one is sent, until it is lost; patience is for how long each time.
	tries    = 4
	patience = 5 * time.Second
	// lastPatience is how long the end of the process waits.
	lastPatience = 2 * time.Second
	maxAnswer    = 64 << 10
)

// Exporter is the goroutine.
type Exporter struct {
	from *access.Log
	time func(int64) time.Time
	log  *slog.Logger

	early chan struct{}
	ended chan struct{}
	open  context.Context // until Close
	close context.CancelFunc

	mu    sync.Mutex
	next  *Options           // in place of those in use; nil: these go on
	last  Options            // that were asked for
	asked context.CancelFunc // ends what the collector is asked; nil: it is asked nothing

	// Of the goroutine alone.
	options Options
	client  *web.Client // nil: nobody is told
	at      *url.URL    // of whom
	failed  bool        // the last request did, and the log has it
	pause   time.Duration
	span    span   // that is being written
	scratch []byte // of it
	scope   []byte // of a request
}

// New returns an Exporter of what l has, that tells nobody yet; began says when nanosecond n of the process was.
func New(l *access.Log, began func(n int64) time.Time, log *slog.Logger) *Exporter {
	x := &Exporter{from: l, time: began, log: log, early: make(chan struct{}, 1), ended: make(chan struct{}), pause: time.Second}
	x.open, x.close = context.WithCancel(context.Background())
	return x
}

// Use has another collector be told, from now on.
func (x *Exporter) Use(o Options) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if o == x.last {
		return
	}
	if x.next, x.last = &o, o; x.asked != nil {
		x.asked()
	}
}

// Run begins to tell.
func (x *Exporter) Run() {
	x.from.Spans.Wakes(func() {
		select {
		case x.early <- struct{}{}:
		default:
		}
	})
	go x.run()
}

// Close tells what is left, if that does not take long.
func (x *Exporter) Close() {
	if x == nil {
		return
	}
	x.close()
	select {
	case <-x.ended:
	case <-time.After(lastPatience + time.Second):
	}
}

func (x *Exporter) run() {
	defer close(x.ended)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var entries []access.Entry
	for last := false; !last; {
		select {
		case <-ticker.C:
		case <-x.early:
		case <-x.open.Done():
			last = true // one more look, also where it ended during a request
		}
		x.change()
		entries = x.from.Spans.Take(entries)
		for rest := entries; len(rest) > 0; {
			n := min(len(rest), most)
			x.tell(rest[:n])
			rest = rest[n:]
		}
	}
	if x.client != nil {
		x.client.Close()
	}
}

// change takes note of other options.
func (x *Exporter) change() {
	x.mu.Lock()
	next := x.next
	x.next = nil
	x.mu.Unlock()
	if next == nil {
		return
	}
	if x.client != nil {
		x.client.Close()
		x.client = nil
	}
	x.options, x.failed = *next, false
	at, err := url.Parse(next.Endpoint)
	if err != nil || at.Host == "" {
		return
	}
	x.at = at
	x.client = &web.Client{From: []string{hostPort(at)}}
	if at.Scheme == "https" {
		x.client.TLS = &web.TLS{CAFile: next.CAFile, CertFile: next.CertFile, KeyFile: next.KeyFile, Name: at.Hostname()}
	}
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// tell tells the collector of entries, or counts them as lost.
func (x *Exporter) tell(entries []access.Entry) {
	if x.client == nil {
		x.from.Spans.Lose(len(entries))
		return
	}
	ctx, done := x.asking()
	defer done()
	body, err := x.request(entries)
	rejected := 0
	for try := 1; err == nil; try++ {
		if rejected, err = x.send(ctx, body); err == nil || !passes(err) || try == tries || !x.waits(ctx, try) {
			break
		}
		err = nil
	}
	if err != nil {
		x.from.Spans.Lose(len(entries))
		if !x.failed && ctx.Err() == nil {
			x.log.Error("traces are not taken; they are lost and counted", "collector", x.at.Host, "error", err)
		}
		x.failed = true
		return
	}
	x.from.Spans.Lose(min(rejected, len(entries)))
	if x.failed {
		x.log.Info("traces are taken again", "collector", x.at.Host)
	}
	x.failed = false
	for i := range entries {
		x.exemplify(&entries[i])
	}
}

// passes says that a request may be sent again.
func passes(err error) bool {
	var status *web.Status
	if !errors.As(err, &status) {
		return true
	}
	switch status.Code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// asking returns a context that ends when somebody else is to be told, or done is called.
func (x *Exporter) asking() (ctx context.Context, done context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.asked = cancel; x.next != nil {
		cancel()
	}
	return ctx, func() {
		cancel()
		x.mu.Lock()
		defer x.mu.Unlock()
		x.asked = nil
	}
}

// waits before a request is sent once more, longer each time; false: the process ends, or somebody else is to be told.
func (x *Exporter) waits(ctx context.Context, try int) bool {
	timer := time.NewTimer(x.pause << (try - 1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil && x.open.Err() == nil
	case <-ctx.Done():
		return false
	case <-x.open.Done():
		return false
	}
}

// send makes one request, and returns how many spans of it are not kept.
func (x *Exporter) send(ctx context.Context, body []byte) (rejected int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stop := context.AfterFunc(x.open, func() { time.AfterFunc(lastPatience, cancel) }) // the end of the process lets it go on
	defer stop()
	headers := http.Header{}
	if x.options.HeadersFile != "" {
		if headers, err = regular.Headers(x.options.HeadersFile, MaxHeaders); err != nil {
			return 0, err
		}
	}
	headers.Set("Content-Type", "application/x-protobuf")
	headers.Set("User-Agent", "cashew/"+x.options.Version)
	answer, err := x.client.Ask(ctx, http.MethodPost, x.at.EscapedPath(), headers, body)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing is lost
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	var said collector.ExportTraceServiceResponse
	if err == nil && answer.Header.Get("Content-Type") == "application/x-protobuf" && proto.Unmarshal(text, &said) == nil {
		rejected = int(said.GetPartialSuccess().GetRejectedSpans())
	}
	return rejected, err
}
