package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"

	"cashew/configs"
	"cashew/engine"
	"cashew/engine/admin"
	"cashew/engine/admin/page"
	"cashew/upgrade"
)

// service is what the process tells others: the admin pages and the stats port.
type service struct {
	server *admin.Server
	proxy  *engine.Proxy // knows where the pages are, as configured
	log    *slog.Logger
	ended  sync.WaitGroup // whatever serves a listener
	stats  net.Listener   // nil: none

	mu    sync.Mutex
	pages net.Listener // nil: none
}

// serviceClosePatience is how long answers that are under way are waited for at the end.
const serviceClosePatience = time.Second

// newService binds the stats port and the admin pages; run begins to answer. The default admin address may be taken, by
// another proxy of this machine: then there are no pages, which is worth a warning, and no reason not to serve. The same
// goes for the demo's stats port, unless the command line chose it.
func newService(p *process, log *slog.Logger, pred *upgrade.Predecessor) (*service, error) {
	if err := admin.Check(p.proxy.Options()); err != nil {
		return nil, err
	}
	stats, err := pred.Listener(statsName)
	if stats == nil && err == nil {
		stats, err = admin.ListenStats(p.cli.statsAddr, p.cli.statsPort)
	}
	switch chosen := p.cli.given["stats-port"] || p.cli.given["stats-addr"]; {
	case p.cli.demo && !chosen && errors.Is(err, syscall.EADDRINUSE):
		p.log.Warn("no statistics: " + err.Error() + "; -s and -a choose another address")
	case errors.Is(err, syscall.EADDRINUSE) && program != nutcracker:
		fmt.Fprintf(p.stderr, "%s: another proxy has the port of the statistics: -s PORT, or -a /PATH, chooses another one\n", program)
		return nil, err
	case err != nil:
		return nil, err
	}
	addr := p.proxy.Options().Admin
	pages, err := newPages(addr, pred)
	switch {
	case (addr == engine.DefaultAdmin || p.cli.demo) && errors.Is(err, syscall.EADDRINUSE):
		p.log.Warn("no admin pages: " + err.Error() + "; global.admin chooses another address")
	case err != nil:
		if stats != nil {
			_ = stats.Close()
		}
		return nil, err
	}
	src := admin.Sources{Proxy: seen{p.proxy, p.found.Load}, Config: describeConfig, Page: page.Handler(), Log: log, Audit: p.proxy.Audit(), Events: p.events, Exemplars: &p.proxy.Access().Exemplars}
	if !p.cli.demo {
		src.File = func() string { return configs.FileID(p.cli.confFile) }
		src.Reload, src.Accept = p.reload, p.acceptDiscovered
	}
	return &service{server: admin.New(src), proxy: p.proxy, log: p.log, stats: stats, pages: pages}, nil
}

// events are what the log said lately, newest first.
func (p *process) events() (list []admin.Event) {
	for _, e := range p.recent.Events() {
		list = append(list, admin.Event(e))
	}
	return list
}

// run answers from now on. The proxy must have started.
func (s *service) run() {
	if s.stats != nil {
		s.log.Info("statistics", "addr", s.stats.Addr().String())
		s.ended.Go(func() { s.over("stats", s.server.ServeStats(s.stats)) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve(s.pages)
}

// newPages is the predecessor's listener for the admin pages, or another if they are to be elsewhere now.
func newPages(addr string, pred *upgrade.Predecessor) (net.Listener, error) {
	left, err := pred.Listeners(pagesName)
	if err != nil {
		return nil, err
	}
	if pages := left[addr]; pages != nil {
		return pages, nil
	}
	leaving := slices.Collect(maps.Values(left))
	defer func() {
		for _, nl := range leaving {
			_ = nl.Close()
		}
	}()
	return listenPages(addr, leaving...)
}

// listenPages returns nil for no address. Those in leaving are about to be closed.
func listenPages(addr string, leaving ...net.Listener) (net.Listener, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // there are no pages
	}
	ln, err := admin.Listen(addr, leaving...)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return ln, nil
}

// serve answers on ln, which may be nil.
func (s *service) serve(ln net.Listener) {
	if ln == nil {
		return
	}
	s.log.Info("admin pages", "addr", ln.Addr().String())
	s.ended.Go(func() { s.over("admin", s.server.Serve(ln)) })
}

func (s *service) over(what string, err error) {
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Error(what+" pages ended", "error", err)
	}
}

// move has the admin pages at another address. On error they stay where they are.
func (s *service) move(addr string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr == s.proxy.Options().Admin {
		return nil
	}
	var leaving []net.Listener
	if s.pages != nil {
		leaving = append(leaving, s.pages)
	}
	pages, err := listenPages(addr, leaving...)
	if err != nil {
		return err
	}
	if s.pages != nil {
		_ = s.pages.Close()
	}
	s.pages = pages
	s.proxy.SetAdmin(addr)
	s.serve(pages)
	return nil
}

// close ends all of it, whether or not it ran.
func (s *service) close() {
	ctx, cancel := context.WithTimeout(context.Background(), serviceClosePatience)
	defer cancel()
	s.server.Close(ctx)
	if s.stats != nil {
		_ = s.stats.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pages != nil {
		_ = s.pages.Close()
	}
	s.ended.Wait()
}

// describeConfig is what /config shows.
func describeConfig(o *engine.Options) admin.Config {
	effective := configs.Effective(o)
	rings, err := configs.RingHashes(o)
	if err != nil {
		panic(err) // the proxy has built these rings
	}
	return admin.Config{Hash: effective.Hash(), RingHash: rings, Config: effective}
}
