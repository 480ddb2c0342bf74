package topology

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cashew/world"
	"cashew/world/worldtest"
)

func TestAddresses(t *testing.T) {
	r := newResolver(worldtest.New(time.Now()))
	var answer []string
	var fault error
	r.lookup = func(context.Context, string) ([]string, error) { return slices.Clone(answer), fault }
	for _, c := range []struct {
		name   string
		server *Server
		answer []string
		fault  error
		want   []string // nil: an error
	}{
		{"unix socket", &Server{Network: "unix", Addr: "/tmp/s"}, nil, nil, []string{"/tmp/s"}},
		{"address", &Server{Network: "tcp", Addr: "10.0.0.1:6379"}, nil, errors.New("not asked"), []string{"10.0.0.1:6379"}},
		{"IPv6 address", &Server{Network: "tcp", Addr: "[::1]:6379"}, nil, errors.New("not asked"), []string{"[::1]:6379"}},
		{"never known", &Server{Network: "tcp", Addr: "a:1"}, nil, errors.New("no such host"), nil},
		{"all addresses", &Server{Network: "tcp", Addr: "a:1"}, []string{"10.0.0.2", "10.0.0.1"}, nil, []string{"10.0.0.1:1", "10.0.0.2:1"}},
		{"the last good answer", &Server{Network: "tcp", Addr: "a:1"}, nil, errors.New("timeout"), []string{"10.0.0.1:1", "10.0.0.2:1"}},
		{"an empty answer is none", &Server{Network: "tcp", Addr: "a:1"}, nil, nil, []string{"10.0.0.1:1", "10.0.0.2:1"}},
		{"a new answer", &Server{Network: "tcp", Addr: "a:1"}, []string{"10.0.0.9"}, nil, []string{"10.0.0.9:1"}},
		{"another name", &Server{Network: "tcp", Addr: "b:1"}, nil, errors.New("no such host"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, fault = c.answer, c.fault
			got, err := r.addresses(t.Context(), c.server)
			if !slices.Equal(got, c.want) || (err != nil) != (c.want == nil) {
				t.Errorf("addresses(%s) = %v, %v; want %v", c.server.Addr, got, err, c.want)
			}
		})
	}
}

// silentWorld answers at one address. Whoever dials any other waits until he gives up.
type silentWorld struct {
	*worldtest.Machine
	answers string
}

func (w silentWorld) Dial(ctx context.Context, _, addr string, _ world.DialOptions) (net.Conn, error) {
	if addr == w.answers {
		near, far := net.Pipe()
		_ = far.Close()
		return near, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestDialSharesTime: the addresses of a name share the time of an attempt, whichever of them are silent.
func TestDialSharesTime(t *testing.T) {
	for _, c := range []struct {
		answers string
		after   time.Duration
	}{
		{"10.0.0.1:1", 0},
		{"10.0.0.2:1", 100 * time.Millisecond},
		{"10.0.0.3:1", 200 * time.Millisecond},
		{"none", 300 * time.Millisecond},
	} {
		t.Run(c.answers, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newTestPool(t, 1, func(o *Options) {
					o.Servers[0].Network, o.Servers[0].Addr = "tcp", "several:1"
					o.Timeout = 300 * time.Millisecond
				})
				p.world = silentWorld{worldtest.New(time.Now()), c.answers}
				p.registry.resolver.lookup = func(context.Context, string) ([]string, error) {
					return []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, nil
				}
				began := time.Now()
				nc, err := p.Dial(p.servers[0])
				if took := time.Since(began); took != c.after || (err == nil) != (c.answers != "none") {
					t.Errorf("after %v: %v; want it after %v", took, err, c.after)
				}
				if err == nil {
					_ = nc.Close()
				}
			})
		})
	}
}

// TestFollowNames: only a name whose addresses change is told of, and only then.
func TestFollowNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 2, func(o *Options) {
			o.ResolveInterval = time.Second
			o.Servers[0].Network, o.Servers[0].Addr = "tcp", "moving:1"
			o.Servers[1].Network, o.Servers[1].Addr = "tcp", "10.0.0.7:1"
		})
		var at atomic.Value
		at.Store("10.0.0.1")
		p.registry.resolver.lookup = func(context.Context, string) ([]string, error) { return []string{at.Load().(string)}, nil }
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan string, 10)
		go p.FollowNames(ctx, func(s *Server, hosts []string) { told <- s.Addr + " " + hosts[0] })
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if len(told) != 0 {
			t.Errorf("told %q though nothing moved", <-told)
		}
		at.Store("10.0.0.2")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(told) != 1 {
			t.Fatalf("told %d times; want once", len(told))
		}
		if got := <-told; got != "moving:1 10.0.0.2" {
			t.Errorf("told %q", got)
		}
		cancel()
		synctest.Wait()
	})
}

// TestFollowNamesTwice: each server of a host that moves is told of, and also where somebody has connected to the new address first.
func TestFollowNamesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 2, func(o *Options) {
			o.ResolveInterval = time.Second
			o.Servers[0].Network, o.Servers[0].Addr = "tcp", "moving:1"
			o.Servers[1].Network, o.Servers[1].Addr = "tcp", "moving:2"
		})
		r := p.registry.resolver
		answer := "10.0.0.1"
		r.lookup = func(context.Context, string) ([]string, error) { return []string{answer}, nil }
		dial := func() {
			for _, s := range p.servers {
				if addrs, err := r.addresses(t.Context(), s); err != nil || !strings.HasPrefix(addrs[0], answer) {
					t.Errorf("addresses: %v, %v", addrs, err)
				}
			}
		}
		dial()
		answer = "10.0.0.2"
		dial()
		var told []string
		ctx, cancel := context.WithCancel(t.Context())
		go p.FollowNames(ctx, func(s *Server, hosts []string) { told = append(told, s.Addr+" "+hosts[0]) })
		time.Sleep(2500 * time.Millisecond)
		cancel()
		synctest.Wait()
		if want := []string{"moving:1 10.0.0.2", "moving:2 10.0.0.2"}; !slices.Equal(told, want) {
			t.Errorf("told %q; want %q", told, want)
		}
	})
}

// TestFollowNamesOverReloads: a pool that is replaced more often than names are looked up has them looked up nevertheless,
// as often as if it had stayed, and at once if that is overdue by a shorter interval.
func TestFollowNamesOverReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lookups atomic.Int32
		every := func(interval time.Duration) func(*Options) {
			return func(o *Options) { o.ResolveInterval, o.Servers[0].Addr = interval, "name:1" }
		}
		p := newTestPool(t, 1, every(10*time.Second))
		p.registry.resolver.lookup = func(context.Context, string) ([]string, error) {
			lookups.Add(1)
			return []string{"10.0.0.1"}, nil
		}
		const lasts = 2999 * time.Millisecond // never when a look-up is due, which might then be made twice
		for i := range 100 {
			next := successor(t, p, 1, every(10*time.Second))
			ctx, cancel := context.WithCancel(t.Context())
			go p.FollowNames(ctx, func(*Server, []string) {})
			time.Sleep(lasts)
			cancel()
			synctest.Wait()
			next.Adopt(p)
			p = next
			passed := time.Duration(i+1) * lasts
			if n, want := lookups.Load(), int32(passed/(10*time.Second)); n != want {
				t.Fatalf("after %d reloads and %v: %d look-ups; want %d", i+1, passed, n, want)
			}
		}
		next := successor(t, p, 1, every(time.Second))
		next.Adopt(p)
		ctx, cancel := context.WithCancel(t.Context())
		go next.FollowNames(ctx, func(*Server, []string) {})
		before := lookups.Load()
		time.Sleep(3500 * time.Millisecond)
		if n := lookups.Load() - before; n != 4 {
			t.Errorf("3.5 s after a reload that made the interval 1 s: %d look-ups; want the one that was due and three more", n)
		}
		cancel()
		synctest.Wait()
	})
}
