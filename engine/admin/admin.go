package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sync/singleflight"

	"cashew/access"
	"cashew/audit"
	"cashew/engine"
	"cashew/stats"
)

// Proxy is what can be asked of a running proxy; *engine.Proxy is one. Any goroutine may call any method. What they
// return belongs to nobody: it is only read. Methods may wait for the event loops.
type Proxy interface {
	Options() *engine.Options // in force; they do not change, a reload brings others, at another address
	Snapshot() *stats.Snapshot
	Clients() []stats.Client
	Kill(which func(*stats.Client) bool) (killed int)
	SlowLog(n int) []stats.SlowEntry
	SlowBlame() []stats.SlowEntry // SlowLog, and those that took long themselves and were displaced there
	SlowLogLen() int
	SlowLogReset()
	ResumeReads(pool string) bool
	HotKeys(n int) []stats.HotKey
	BigKeys(n int) []stats.HotKey
	Explain(pool string, key []byte) []engine.Place // pool "": all
}

// Config is the configuration in force.
type Config struct {
	Hash     string            `json:"hash"`      // the same for the same settings, whatever the secrets
	RingHash map[string]string `json:"ring_hash"` // by pool: the same where keys go the same ways
	Config   any               `json:"config"`    // what JSON can show; secrets are masked
}

// Sources are where a Server has its answers from. All but Proxy and Config may be left out.
type Sources struct {
	Proxy Proxy

	// Config describes options. It is called once for each that Proxy.Options returns.
	Config func(*engine.Options) Config

	// Reload loads the configuration anew. The error says, in lines for people, why nothing changed; nil: there is no
	// file to load.
	Reload func() (engine.Changes, error)

	// Accept has a pool go on with the servers that were discovered last, whatever the rules say; nil: none are looked for.
	Accept func(pool string) error

	// File tells one configuration file from another, as configs.FileID does; nil: there is none.
	File func() string

	Events func() []Event // what happened lately, newest first; nil: nobody knows

	Page http.Handler // of "/" and what is below "/page/"; nil: a list of the others
	Log  *slog.Logger

	// Exemplars are traces that stand for times in histograms; nil: there are none.
	Exemplars *access.Exemplars

	Audit *audit.Log // gets requests that change something, and those with a wrong token; nil: nobody does
}

// Event is something that happened, as the log has it.
type Event struct {
	At     time.Time `json:"at"`
	Level  string    `json:"level"` // "info", "warn", "error" or "notice"
	Text   string    `json:"text"`
	Pool   string    `json:"pool,omitempty"`
	Server string    `json:"server,omitempty"`
	More   string    `json:"more,omitempty"` // what else it is about, as name=value
}

// Limits of what one who asks may cost.
const (
	maxConns       = 128 // at once, for each listener
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 64 << 10
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	answerTimeout  = 2 * time.Second // for the event loops to answer
	secondChance   = 50 * time.Millisecond
)

// Server answers on any number of listeners.
type Server struct {
	src      Sources
	log      *slog.Logger
	http     *http.Server
	share    singleflight.Group
	patience time.Duration

	certificate certificate
	hot         hotSeen

	config struct {
		sync.Mutex
		of *engine.Options
		is Config
	}

	history history

	pages struct {
		sync.Mutex
		closed    bool
		listeners []net.Listener
		serving   sync.WaitGroup // those that accept
		conns     sync.WaitGroup
	}

	stats struct {
		sync.Mutex
		closed    bool
		listeners []net.Listener
		running   sync.WaitGroup // connections and those that accept them
	}
}

// New returns a Server that listens nowhere yet.
func New(src Sources) *Server {
	s := &Server{src: src, log: src.Log, patience: answerTimeout}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.http = &http.Server{
		Handler:           guard(s.named(s.audited(s.admit(s.routes())))),
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnState:         s.countConn,
	}
	return s
}

func (s *Server) countConn(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.pages.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.pages.conns.Done()
	case http.StateActive, http.StateIdle:
	}
}

// Serve answers HTTP on ln, which it owns from now on, until Close. It returns nil after Close.
func (s *Server) Serve(ln net.Listener) error {
	ln = secured{netutil.LimitListener(ln, maxConns), s}
	s.pages.Lock()
	if s.pages.closed {
		s.pages.Unlock()
		_ = ln.Close()
		return nil
	}
	s.pages.listeners = append(s.pages.listeners, ln)
	s.pages.serving.Add(1)
	s.history.start(s)
	s.pages.Unlock()
	defer s.pages.serving.Done()
	err := s.http.Serve(ln)
	s.pages.Lock()
	defer s.pages.Unlock()
	if s.pages.closed || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// closePages stops listening and waits, until ctx ends, for the connections that there are to have their answers.
// http.Server.Shutdown alone closes one whose request comes a moment too late, without an answer.
func (s *Server) closePages(ctx context.Context) {
	s.pages.Lock()
	s.pages.closed = true
	for _, ln := range s.pages.listeners {
		_ = ln.Close()
	}
	s.pages.listeners = nil
	s.pages.Unlock()
	s.http.SetKeepAlivesEnabled(false)
	done := make(chan struct{})
	go func() {
		s.pages.serving.Wait()
		s.pages.conns.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Close stops listening and waits, until ctx ends, for answers that are under way.
func (s *Server) Close(ctx context.Context) {
	s.closeStats()
	s.closePages(ctx)
	s.history.stop() // after it nobody starts
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	done := make(chan struct{})
	go func() {
		s.stats.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// errNoAnswer is what those get who ask while the event loops do not answer.
var errNoAnswer = errors.New("the event loops do not answer")

// ask calls f, or joins a call under the same name that is under way, and waits for it as long as s has patience. A call
// that takes longer goes on, alone: those who ask meanwhile join it.
func ask[T any](ctx context.Context, s *Server, name string, f func() T) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	select {
	case r := <-s.share.DoChan(name, func() (any, error) { return f(), nil }):
		return r.Val.(T), nil
	case <-ctx.Done():
		return answer, errNoAnswer
	}
}

// snapshot is shared by all who ask at the same time; it is only read.
func (s *Server) snapshot(ctx context.Context) (*stats.Snapshot, error) {
	snap, err := ask(ctx, s, "snapshot", s.src.Proxy.Snapshot)
	if err == nil && snap == nil {
		err = errNoAnswer
	}
	return snap, err
}

// fresh is a snapshot that all event loops took part in. A loop that is busy gets a second chance, and more, in all the time
// that s has patience.
func (s *Server) fresh(ctx context.Context) (*stats.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	for {
		snap, err := s.snapshot(ctx)
		if err != nil || snap.Silent == 0 {
			return snap, err
		}
		select {
		case <-time.After(secondChance):
		case <-ctx.Done():
			return nil, errNoAnswer
		}
	}
}

// configNow describes the options in force.
func (s *Server) configNow() Config {
	o := s.src.Proxy.Options()
	s.config.Lock()
	defer s.config.Unlock()
	if s.config.of != o {
		s.config.of, s.config.is = o, s.src.Config(o)
	}
	return s.config.is
}
