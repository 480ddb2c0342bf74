package topology

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestTrial follows one server out of the ring and back: what the log says, when it is probed, and what its State is.
func TestTrial(t *testing.T) {
	play := func(name string, edit func(*Options), f func(*testing.T, *Pool, *strings.Builder)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newTestPool(t, 2, func(o *Options) {
					o.ServerFailureLimit = 1
					if edit != nil {
						edit(o)
					}
				})
				var log strings.Builder
				p.log = slog.New(slog.NewTextHandler(&log, nil))
				f(t, p, &log)
			})
		})
	}
	state := func(t *testing.T, p *Pool, want string, live int64) {
		t.Helper()
		synctest.Wait()
		if got, at := p.servers[0].State(); got != want || p.Live() != live || (at == 0) != (p.Ejections() == 0) {
			t.Errorf("%s, %d live, ejected at %d; want %s, %d", got, p.Live(), at, want, live)
		}
	}
	play("well after five good replies", nil, func(t *testing.T, p *Pool, log *strings.Builder) {
		state(t, p, "live", 2)
		p.Failure(p.servers[0], "it failed")
		state(t, p, "ejected", 1)
		if p.servers[0].failures.Load() != 0 {
			t.Error("failures are counted on")
		}
		time.Sleep(30 * time.Second)
		for n := range trialReplies {
			state(t, p, "trial", 2)
			if strings.Contains(log.String(), "server has passed its trial") {
				t.Errorf("well after %d replies", n)
			}
			p.Success(p.servers[0])
		}
		state(t, p, "live", 2)
		p.Success(p.servers[0])
		for _, line := range []string{"server ejected", "server answers again", "server has passed its trial"} {
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("%q stands in the log %d times", line, n)
			}
		}
		if p.Ejections() != 1 {
			t.Errorf("%d ejections", p.Ejections())
		}
	})
	play("an ejection says why, and when the server will be asked again", func(o *Options) { o.ServerFailureLimit, o.ServerRetryTimeout = 2, 4*time.Second }, func(t *testing.T, p *Pool, log *strings.Builder) {
		var answers atomic.Bool
		p.opts.Probe = func(*ServerOptions) error {
			if answers.Load() {
				return nil
			}
			return errRefused
		}
		p.Failure(p.servers[0], "the first")
		if why, _, ok := p.Ejection(p.servers[0]); ok || why != "" {
			t.Errorf("of one that is not ejected: %q", why)
		}
		p.Failure(p.servers[0], "no reply")
		why, next, ok := p.Ejection(p.servers[0])
		if want := "no reply; 2 failures in a row"; why != want || next != time.Now().Add(4*time.Second) || !ok {
			t.Errorf("why %q, next at %v, %v; want %q, in 4 s", why, next, ok, want)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		why, next, _ = p.Ejection(p.servers[0])
		if want := "no reply; 2 failures in a row; the last probe says: " + errRefused.Error(); why != want || next != time.Now().Add(time.Second) {
			t.Errorf("why %q, next at %v; want %q, in 1 s", why, next, want)
		}
		answers.Store(true)
		time.Sleep(time.Second)
		state(t, p, "trial", 2)
		p.Failure(p.servers[0], "again") // one on trial has no second chance
		if why, _, _ := p.Ejection(p.servers[0]); why != "again" {
			t.Errorf("why %q", why)
		}
		if line := `server=s0 why="no reply; 2 failures in a row" live=1 retry_after=4s`; !strings.Contains(log.String(), line) {
			t.Errorf("the log is %q; want %q in it", log, line)
		}
	})
	play("a line of the log names the server as everything does, and its address", nil, func(t *testing.T, p *Pool, log *strings.Builder) {
		p.opts.Servers[0].Name = "cache-a"
		p.Failure(p.servers[0], "it failed")
		if line := "server=cache-a addr=s0 why"; !strings.Contains(log.String(), line) {
			t.Errorf("the log is %q; want %q in it", log, line)
		}
	})
	play("out for longer each time, up to eight times", func(o *Options) { o.ServerRetryTimeout = 4 * time.Second }, func(t *testing.T, p *Pool, _ *strings.Builder) {
		for _, times := range []int{1, 2, 4, 8, 8} {
			p.Failure(p.servers[0], "it failed")
			time.Sleep(time.Duration(times)*4*time.Second - time.Millisecond)
			state(t, p, "ejected", 1)
			time.Sleep(time.Millisecond)
			state(t, p, "trial", 2)
		}
		time.Sleep(8 * time.Second) // it was well for twice the time
		p.Failure(p.servers[0], "it failed")
		time.Sleep(4*time.Second - time.Millisecond)
		state(t, p, "ejected", 1)
		time.Sleep(time.Millisecond)
		state(t, p, "trial", 2)
	})
	play("probed each second, and the log says so once", nil, func(t *testing.T, p *Pool, log *strings.Builder) {
		var probes atomic.Int32
		p.opts.Probe = func(*ServerOptions) error { probes.Add(1); return errRefused }
		p.Failure(p.servers[0], "it failed")
		time.Sleep(30*time.Second - time.Millisecond)
		for n := range int32(5) {
			if got := probes.Load(); got != n {
				t.Errorf("%d probes after %d seconds more", got, n)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if n := strings.Count(log.String(), "stays ejected"); n != 1 {
			t.Errorf("the log says %d times that it stays ejected", n)
		}
		p.Close()
		was := probes.Load()
		time.Sleep(time.Minute)
		if probes.Load() != was {
			t.Error("it is probed after the pool was closed")
		}
	})
	play("probed as often as the retry time says", func(o *Options) { o.ServerRetryTimeout = 100 * time.Millisecond }, func(t *testing.T, p *Pool, _ *strings.Builder) {
		var probes atomic.Int32
		p.opts.Probe = func(*ServerOptions) error { probes.Add(1); return errRefused }
		p.Failure(p.servers[0], "it failed")
		time.Sleep(1050 * time.Millisecond)
		if got := probes.Load(); got != 10 {
			t.Errorf("%d probes in 1050 ms; want 10", got)
		}
	})
	play("connections that it ended", func(o *Options) { o.ServerFailureLimit = 3 }, func(t *testing.T, p *Pool, _ *strings.Builder) {
		answer := make(chan error)
		var probes atomic.Int32
		p.opts.Probe = func(*ServerOptions) error { probes.Add(1); return <-answer }
		for range 3 {
			p.Suspect(p.servers[0])
		}
		synctest.Wait()
		if probes.Load() != 1 {
			t.Errorf("%d probes at once", probes.Load())
		}
		answer <- nil
		state(t, p, "live", 2)
		for range 2 {
			p.Suspect(p.servers[0])
		}
		synctest.Wait()
		answer <- errRefused
		state(t, p, "live", 2) // twice
		p.Suspect(p.servers[0])
		synctest.Wait()
		answer <- errRefused
		state(t, p, "ejected", 1)
	})
	play("its keys stay", func(o *Options) { o.OnServerFailure = FailFast }, func(t *testing.T, p *Pool, _ *strings.Builder) {
		ring := p.Router()
		p.Failure(p.servers[0], "it failed")
		state(t, p, "ejected", 1)
		if p.Router() != ring {
			t.Error("a ring is built although no key may move")
		}
	})
	play("nobody is ejected where nobody asked for it", func(o *Options) { o.AutoEjectHosts = false }, func(t *testing.T, p *Pool, _ *strings.Builder) {
		p.opts.Probe = func(*ServerOptions) error { t.Error("probed"); return errRefused }
		p.Suspect(p.servers[0])
		p.Failure(p.servers[0], "it failed")
		state(t, p, "live", 2)
	})
}
