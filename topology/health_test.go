package topology

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/world/worldtest"
)

var errRefused = errors.New("refused")

// testOptions are those of a pool of n servers, which are well whoever asks; keys go to them by modula.
func testOptions(n int, edit func(*Options)) Options {
	o := Options{
		Name: "test", Protocol: resp.New(resp.Options{}), Hash: "fnv1a_64", Distribution: "modula", ServerConnections: 1,
		AutoEjectHosts: true, ServerFailureLimit: 2, ServerRetryTimeout: 30 * time.Second,
		Probe: func(*ServerOptions) error { return nil },
	}
	for i := range n {
		name := "s" + string(rune('0'+i))
		o.Servers = append(o.Servers, ServerOptions{Name: name, PName: name, Network: "tcp", Addr: name, Weight: 1})
	}
	if edit != nil {
		edit(&o)
	}
	return o
}

func newTestPool(t *testing.T, n int, edit func(*Options)) *Pool {
	t.Helper()
	p, err := NewPool(testOptions(n, edit), worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestHealth(t *testing.T) {
	live := func(t *testing.T, p *Pool, want int) {
		t.Helper()
		synctest.Wait() // the ring is built beside
		if got := p.Router().Live(); got != want {
			t.Fatalf("%d servers live; want %d", got, want)
		}
	}
	for _, c := range []struct {
		name string
		edit func(*Options)
		play func(*testing.T, *Pool)
	}{
		{"with none live all are asked at once", func(o *Options) { o.ServerRetryTimeout = time.Hour }, func(t *testing.T, p *Pool) {
			p.Failure(p.servers[0], "it failed")
			p.Failure(p.servers[0], "it failed")
			live(t, p, 1)
			time.Sleep(time.Minute)
			live(t, p, 1)
			p.Failure(p.servers[1], "it failed")
			p.Failure(p.servers[1], "it failed")
			live(t, p, 0)
			time.Sleep(probeInterval + time.Millisecond)
			live(t, p, 2)
		}},
		{"not back before it answers", nil, func(t *testing.T, p *Pool) {
			var dead atomic.Bool
			dead.Store(true)
			p.opts.Probe = func(*ServerOptions) error {
				if dead.Load() {
					return errors.New("connection refused")
				}
				return nil
			}
			p.Failure(p.servers[0], "it failed")
			p.Failure(p.servers[0], "it failed")
			time.Sleep(time.Minute)
			synctest.Wait()
			live(t, p, 1)
			dead.Store(false)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			live(t, p, 2)
		}},
		{"on trial one failure ejects, and for twice as long", nil, func(t *testing.T, p *Pool) {
			p.Failure(p.servers[0], "it failed")
			p.Failure(p.servers[0], "it failed")
			time.Sleep(31 * time.Second)
			synctest.Wait()
			p.Failure(p.servers[0], "it failed")
			live(t, p, 1)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			live(t, p, 1)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			live(t, p, 2)
			for range trialReplies {
				p.Success(p.servers[0])
			}
			p.Failure(p.servers[0], "it failed")
			live(t, p, 2)
		}},
		{"ejected at the limit, back after the retry time", nil, func(t *testing.T, p *Pool) {
			p.Failure(p.servers[0], "it failed")
			live(t, p, 2)
			p.Failure(p.servers[0], "it failed")
			live(t, p, 1)
			if d := p.Router().ring.Dispatch([]byte("any")); d != 1 {
				t.Errorf("Dispatch = %d with server 0 ejected; want 1", d)
			}
			time.Sleep(29 * time.Second)
			synctest.Wait()
			live(t, p, 1)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			live(t, p, 2)
		}},
		{"a success in between clears the count", nil, func(t *testing.T, p *Pool) {
			for range 5 {
				p.Failure(p.servers[0], "it failed")
				p.Success(p.servers[0])
			}
			live(t, p, 2)
		}},
		{"failures of an ejected server change nothing", nil, func(t *testing.T, p *Pool) {
			for range 9 {
				p.Failure(p.servers[1], "it failed")
			}
			live(t, p, 1)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			live(t, p, 2)
		}},
		{"a limit of 0 is 1", func(o *Options) { o.ServerFailureLimit = 0 }, func(t *testing.T, p *Pool) {
			p.Failure(p.servers[0], "it failed")
			live(t, p, 1)
		}},
		{"all may go", nil, func(t *testing.T, p *Pool) {
			for s := range 2 {
				p.Failure(p.servers[s], "it failed")
				p.Failure(p.servers[s], "it failed")
			}
			live(t, p, 0)
			if d := p.Router().ring.Dispatch([]byte("any")); d != -1 {
				t.Errorf("Dispatch = %d with no server live; want -1", d)
			}
		}},
		{"not asked for", func(o *Options) { o.AutoEjectHosts = false }, func(t *testing.T, p *Pool) {
			for range 9 {
				p.Failure(p.servers[0], "it failed")
			}
			live(t, p, 2)
		}},
		{"closed", nil, func(t *testing.T, p *Pool) {
			p.Close()
			p.Failure(p.servers[0], "it failed")
			p.Failure(p.servers[0], "it failed")
			live(t, p, 2)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.play(t, newTestPool(t, 2, c.edit)) })
		})
	}
}

func TestNewPoolErrors(t *testing.T) {
	_, err := NewPool(Options{Name: "x", Hash: "nosuch", Distribution: "ketama", Servers: []ServerOptions{{Name: "a", Weight: 1}}}, worldtest.New(time.Now()), nil)
	if err == nil {
		t.Error("NewPool accepts an unknown hash")
	}
}
