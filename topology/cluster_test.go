package topology

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec"
	"cashew/codec/resp"
	"cashew/ring"
	"cashew/world"
	"cashew/world/worldtest"
)

// clusterWorld is a cluster in which each server says what the test says; one of which the test says nothing refuses connections, and one
// that is silent never answers.
type clusterWorld struct {
	*worldtest.Machine
	t *testing.T

	mu     sync.Mutex
	views  map[string]string // as viewOf has them, by address
	silent map[string]bool
	asked  []string
}

// LookupHost says that a name is its own address.
func (*clusterWorld) LookupHost(_ context.Context, host string) ([]string, error) {
	return []string{host}, nil
}

func (w *clusterWorld) Dial(ctx context.Context, _, addr string, _ world.DialOptions) (net.Conn, error) {
	w.mu.Lock()
	w.asked = append(w.asked, addr)
	silent, known := w.silent[addr], w.views[addr] != ""
	w.mu.Unlock()
	switch {
	case silent:
		<-ctx.Done()
		return nil, ctx.Err()
	case !known:
		return nil, errRefused
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		for r := bufio.NewReader(far); readArray(r); {
			_, _ = io.WriteString(far, "+PONG\r\n")
		}
	}()
	return near, nil
}

func (w *clusterWorld) say(views ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.views = make(map[string]string)
	for _, v := range views {
		self, _, _ := strings.Cut(strings.TrimPrefix(v, "!"), ":")
		w.views[self+":1"] = v
	}
}

// takeAsked are who was asked since the last call.
func (w *clusterWorld) takeAsked() (addrs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	addrs, w.asked = w.asked, nil
	return addrs
}

// saying is a protocol whose servers say what the world says.
type saying struct {
	*resp.Protocol
	w *clusterWorld
}

func (saying) ViewCommands() [][]byte { return [][]byte{[]byte("*1\r\n$4\r\nPING\r\n")} }

func (s saying) ParseView(addr string, _ [][]byte) (*codec.View, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.views[addr] == "" {
		return nil, errors.New("nothing to say")
	}
	return viewOf(s.w.t, s.w.views[addr]).view, nil
}

// followed is a pool whose cluster is followed, as the engine does it.
type followed struct {
	*clusterWorld
	pool atomic.Pointer[Pool] // in force
	stop atomic.Pointer[context.CancelFunc]
}

func newFollowed(t *testing.T, seeds []string, edit func(*Options)) *followed {
	w := &clusterWorld{Machine: worldtest.New(time.Now()), t: t, silent: map[string]bool{}}
	o := testOptions(0, func(o *Options) {
		o.AutoEjectHosts, o.Cluster, o.ClusterRefresh, o.Protocol = false, true, 10*time.Second, saying{resp.New(resp.Options{}), w}
		for _, s := range seeds {
			o.Servers = append(o.Servers, ServerAt(s+":1"))
		}
		o.Seeds = o.Servers
		if edit != nil {
			edit(o)
		}
	})
	p, err := NewPool(o, w, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := &followed{clusterWorld: w}
	f.pool.Store(p)
	return f
}

func (f *followed) begin() {
	ctx, stop := context.WithCancel(f.t.Context())
	f.stop.Store(&stop)
	go func(p *Pool) {
		p.Follow(ctx, func(news *Found) {
			next, err := p.Discovered(news)
			if err != nil {
				panic(err)
			}
			next.Adopt(p)
			next.Applied()
			f.pool.Store(next)
			stop()
			f.begin()
		})
	}(f.pool.Load())
}

// wait lets time go by.
func (f *followed) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// want fails unless the slots 0 to 9 lead where it says: one letter each, - for nobody.
func (f *followed) want(owners string) {
	f.t.Helper()
	got := ""
	for s := range 10 {
		owner := uint16(ring.NoServer)
		if f.pool.Load().opts.Slots != nil {
			owner = f.pool.Load().opts.Slots[s]
		}
		if owner == ring.NoServer {
			got += "-"
		} else {
			got += f.pool.Load().opts.Servers[owner].Name[:1]
		}
	}
	if got != owners {
		f.t.Fatalf("slots lead to %s; want %s", got, owners)
	}
}

const (
	before = "a=1:0-4 b=2:5-9"
	after  = "a=1:0-3 b=3:4-9"
)

// TestFollow: when servers are asked, and what comes of it.
func TestFollow(t *testing.T) {
	for _, c := range []struct {
		name  string
		seeds []string
		edit  func(*Options)
		play  func(f *followed)
	}{
		{"at once, then after the interval", []string{"a"}, nil, func(f *followed) {
			f.say("a:"+before, "b:"+before)
			f.begin()
			f.wait(0)
			f.want("aaaaabbbbb")
			f.say("a:"+before, "b:"+after)
			f.wait(8 * time.Second)
			f.want("aaaaabbbbb")
			f.wait(4 * time.Second)
			f.want("aaaabbbbbb")
			if fig := f.pool.Load().ClusterFigures(); *fig != (ClusterFigures{Epoch: 3, Applied: 2, Unowned: ring.SlotCount - 10}) {
				f.t.Errorf("figures %+v", fig)
			}
		}},
		{"never but when called for", []string{"a"}, func(o *Options) { o.ClusterRefresh = 0 }, func(f *followed) {
			f.say("a:"+before, "b:"+before)
			f.begin()
			f.wait(time.Hour)
			f.say("a:"+after, "b:"+after)
			f.takeAsked()
			f.wait(time.Hour)
			if asked := f.takeAsked(); asked != nil {
				f.t.Errorf("%q were asked", asked)
			}
			f.pool.Load().Stale()
			f.wait(0)
			f.want("aaaabbbbbb")
		}},
		{"no seed answers, then one does", []string{"x", "y", "a"}, nil, func(f *followed) {
			f.say("!b:" + before)
			f.begin()
			f.wait(time.Minute)
			f.want("----------")
			if fig := f.pool.Load().ClusterFigures(); fig.Failed < 60 || fig.Failed > 70 || fig.Unowned != ring.SlotCount {
				f.t.Errorf("figures %+v; want a failed round a second", fig)
			}
			f.say("a:" + before)
			f.wait(time.Second)
			f.want("aaaaabbbbb")
		}},
		{"the seeds are gone, masters are not", []string{"a"}, nil, func(f *followed) {
			f.say("a:" + before)
			f.begin()
			f.wait(0)
			f.say("b:" + after)
			f.pool.Load().Stale()
			f.wait(2 * roundGap)
			f.want("aaaabbbbbb")
		}},
		{"a silent server holds nobody up, and is not asked twice at once", []string{"a", "b"}, nil, func(f *followed) {
			f.silent["b:1"] = true
			f.say("a:" + before)
			f.begin()
			f.wait(roundGrace)
			f.want("aaaaabbbbb")
			f.takeAsked()
			for range 20 {
				f.pool.Load().Stale()
				f.wait(roundGap)
			}
			silent := 0
			for _, addr := range f.takeAsked() {
				if addr == "b:1" {
					silent++
				}
			}
			if silent > 1 {
				f.t.Errorf("a server that does not answer was asked %d times in a second", silent)
			}
		}},
		{"those that fail are not asked in place of those that answer", []string{"a", "u", "v", "w", "x", "y", "z"}, nil, func(f *followed) {
			f.say("a:"+before, "b:"+before)
			f.begin()
			f.wait(time.Second)
			f.want("aaaaabbbbb")
			for range 10 {
				f.pool.Load().Stale()
				f.wait(roundGap)
			}
			f.takeAsked()
			for range 20 {
				f.pool.Load().Stale()
				f.wait(roundGap)
				if asked := f.takeAsked(); !slices.Contains(asked, "a:1") || !slices.Contains(asked, "b:1") || len(asked) < 3 {
					f.t.Fatalf("%q were asked", asked)
				}
			}
		}},
		{"calls come in one round", []string{"a"}, nil, func(f *followed) {
			f.say("a:"+before, "b:"+before)
			f.begin()
			f.wait(time.Second)
			f.takeAsked()
			for range 1000 {
				f.pool.Load().Stale()
				time.Sleep(time.Millisecond)
			}
			f.wait(roundGap)
			if n := len(f.takeAsked()) / 2; n < 15 || n > 22 { // of two servers
				f.t.Errorf("%d rounds in a second in which they were called for a thousand times; want one in 50 ms", n)
			}
			f.wait(time.Second)
			if asked := f.takeAsked(); asked != nil {
				f.t.Errorf("a second later %q were asked", asked)
			}
		}},
		{"whoever got a slot by the word of others is asked soon", []string{"a"}, func(o *Options) { o.ClusterRefresh = time.Hour }, func(f *followed) {
			f.say("a:" + before)
			f.begin()
			f.wait(0)
			f.say("a:a=1:0-3 c=9:4 b=2:5-9", "c:a=1:0-4 c=9 b=2:5-9")
			f.pool.Load().Stale()
			f.wait(time.Second)
			if asked := f.takeAsked(); !slices.Contains(asked, "c:1") {
				f.t.Errorf("%q were asked; want c:1, too", asked)
			}
		}},
		{"a new cluster is believed after several rounds, which come soon", []string{"a"}, func(o *Options) { o.ClusterRefresh = time.Hour }, func(f *followed) {
			f.say("a:a=7:0-4 b=8:5-9")
			f.begin()
			f.wait(0)
			f.say("c:c=1:0-4 d=2:5-9", "d:c=1:0-4 d=2:5-9", "a:c=1:0-4 d=2:5-9")
			f.pool.Load().Stale()
			f.wait(time.Second)
			f.want("cccccddddd")
		}},
		{"other seeds, of another cluster", []string{"a"}, nil, func(f *followed) {
			f.say("a:a=7:0-4 b=8:5-9", "b:a=7:0-4 b=8:5-9", "c:c=1:0-4 d=2:5-9")
			f.begin()
			f.wait(0)
			f.want("aaaaabbbbb")
			(*f.stop.Load())()
			f.wait(0)
			o := *f.pool.Load().Options()
			o.Seeds = []ServerOptions{ServerAt("c:1")}
			next, err := f.pool.Load().Successor(o)
			if err != nil {
				f.t.Fatal(err)
			}
			next.Adopt(f.pool.Load())
			f.pool.Store(next)
			f.begin()
			f.wait(roundGap)
			f.want("cccccddddd")
		}},
		{"other seeds, of the same cluster", []string{"a"}, nil, func(f *followed) {
			f.say("a:a=7:0-4 b=8:5-9", "c:a=1:0-9")
			f.begin()
			f.wait(0)
			(*f.stop.Load())()
			f.wait(0)
			o := *f.pool.Load().Options()
			o.Seeds = []ServerOptions{ServerAt("c:1")}
			next, err := f.pool.Load().Successor(o)
			if err != nil {
				f.t.Fatal(err)
			}
			next.Adopt(f.pool.Load())
			f.pool.Store(next)
			f.begin()
			f.wait(roundGap)
			f.want("aaaaabbbbb")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFollowed(t, c.seeds, c.edit)
				c.play(f)
				(*f.stop.Load())()
				f.wait(time.Minute) // for those who are asked still
			})
		})
	}
}

// TestStale: it does not allocate, and means nothing where there is no cluster.
func TestStale(t *testing.T) {
	plain := newTestPool(t, 1, nil)
	plain.Stale()
	if plain.registry.discovery.poked.Load() || plain.ClusterFigures() != nil {
		t.Error("a pool that is no cluster is to be asked for one")
	}
	p := newTestPool(t, 1, func(o *Options) { o.Cluster = true })
	if n := testing.AllocsPerRun(100, func() {
		p.Stale()
		p.registry.discovery.poked.Store(false)
	}); n != 0 {
		t.Errorf("Stale makes %v allocations", n)
	}
}

// TestFound: what is new is told as it is.
func TestFound(t *testing.T) {
	was, slots := merge(nil, []answer{viewOf(t, "a: a=1:0-4 b=2:5-8")}, false).next.lineup()
	now := merge(nil, []answer{viewOf(t, "b: b=5:1-4,6-8 c=6:9 d=7:0")}, false).next
	f := &Found{}
	f.Servers, f.Slots = now.lineup()
	f.compare(was, slots)
	// 0 to 4 had another server, 9 nobody; 5 has nobody any more
	if f.Moved != 7 || f.Unowned != ring.SlotCount-9 || strings.Join(f.Joined, " ") != "c:1 d:1" || strings.Join(f.Left, " ") != "a:1" {
		t.Errorf("found %d slots moved, %d without an owner, joined %q, left %q", f.Moved, f.Unowned, f.Joined, f.Left)
	}
}
