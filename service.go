package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	log    *slog.Logger
	ended  sync.WaitGroup // whatever serves a listener
	stats  net.Listener

	mu    sync.Mutex
	addr  string       // of the admin pages, as configured
	pages net.Listener // nil: none
}

// serviceClosePatience is how long answers that are under way are waited for at the end.
const serviceClosePatience = time.Second

// newService binds the stats port and the admin pages; run begins to answer. The default admin address may be taken, by
// another proxy of this machine: then there are no pages, which is worth a warning, and no reason not to serve.
func newService(p *process, log *slog.Logger, pred *upgrade.Predecessor) (*service, error) {
	stats, err := pred.Listener(statsName)
	if stats == nil && err == nil {
		stats, err = admin.ListenStats(p.cli.statsAddr, p.cli.statsPort)
	}
	if err != nil {
		return nil, err
	}
	addr := p.options().Admin
	pages, err := pred.Listener(pagesName + addr)
	if pages == nil && err == nil {
		pages, err = listenPages(addr)
	}
	switch {
	case addr == configs.DefaultAdmin && errors.Is(err, syscall.EADDRINUSE):
		p.log.Warn("no admin pages: " + err.Error() + "; global.admin chooses another address")
	case err != nil:
		_ = stats.Close()
		return nil, err
	}
	src := admin.Sources{Proxy: p.proxy, Options: p.options, Config: describeConfig, Page: page.Handler(), Log: log}
	if !p.cli.demo {
		src.Reload = p.reload
	}
	return &service{server: admin.New(src), log: p.log, stats: stats, addr: addr, pages: pages}, nil
}

// run answers from now on. The proxy must have started.
func (s *service) run() {
	s.log.Info("statistics", "addr", s.stats.Addr().String())
	s.ended.Go(func() { s.over("stats", s.server.ServeStats(s.stats)) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve(s.pages)
}

// listenPages returns nil for no address.
func listenPages(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // there are no pages
	}
	ln, err := admin.Listen(addr)
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
	if addr == s.addr {
		return nil
	}
	pages, err := listenPages(addr)
	if err != nil {
		return err
	}
	if s.pages != nil {
		_ = s.pages.Close()
	}
	s.addr, s.pages = addr, pages
	s.serve(pages)
	return nil
}

// close ends all of it, whether or not it ran.
func (s *service) close() {
	ctx, cancel := context.WithTimeout(context.Background(), serviceClosePatience)
	defer cancel()
	s.server.Close(ctx)
	_ = s.stats.Close()
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
