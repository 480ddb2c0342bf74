package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cashew/configs"
	"cashew/topology"
)

// scripted is a source that says what a test has it say.
type scripted struct {
	says chan func(tell func([]string, error))
}

func newScripted() *scripted { return &scripted{says: make(chan func(tell func([]string, error)))} }

func (s *scripted) Watch(ctx context.Context, tell func([]string, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-s.says:
			f(tell)
		}
	}
}

// say tells lines by words as list has them, and returns once they are heard.
func (s *scripted) say(lines []string, err error) {
	done := make(chan struct{})
	s.says <- func(tell func([]string, error)) { tell(lines, err); close(done) }
	<-done
}

// rig is a Follower with what came of it.
type rig struct {
	*Follower
	source  *scripted
	applied chan []topology.ServerOptions
	log     *lines
}

type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func follow(t *testing.T, o topology.DiscoveryOptions, given *Kept) *rig {
	t.Helper()
	o.Discovery = "scripted"
	opts := topology.DefaultOptions("p")
	opts.DiscoveryOptions = o
	r := &rig{source: newScripted(), applied: make(chan []topology.ServerOptions, 100), log: new(lines)}
	r.Follower = Follow(Config{
		Pool: &opts, Source: r.source, Parse: configs.ParseServers, Lines: configs.ServerLines, Given: given,
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	t.Cleanup(r.Stop)
	return r
}

func (r *rig) run() {
	r.Run(func(s []topology.ServerOptions) error {
		r.applied <- s
		return nil
	})
}

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// await waits until something is so.
func (r *rig) await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s; figures %+v. The log: %s", what, r.Figures(), r.log)
		}
	}
}

// want waits for a list to be applied.
func (r *rig) want(t *testing.T, want string) {
	t.Helper()
	select {
	case s := <-r.applied:
		if got := words(s); got != want {
			t.Fatalf("applied is %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("nothing is applied; want %q. The log: %s", want, r.log)
	}
}

// TestFollower: a list comes into force as the rules say, is kept in the file, and is there again when nobody says anything.
func TestFollower(t *testing.T) {
	o := topology.DiscoveryOptions{ApplyMembership: true, DiscoverySettle: 20 * time.Millisecond, DiscoveryWait: time.Hour, DiscoveryCache: filepath.Join(t.TempDir(), "kept")}
	r := follow(t, o, nil)
	go r.source.say([]string{"127.0.0.1:1:1 a", "127.0.0.1:2:1 b"}, nil)
	if got := words(r.Await(t.Context())); got != "a=1 b=2" {
		t.Fatalf("it begins with %q", got)
	}
	r.run()
	r.source.say([]string{"127.0.0.1:3:1 a", "127.0.0.1:2:1 b"}, nil)
	r.want(t, "a=3 b=2")
	r.source.say([]string{"127.0.0.1:3:1 a", "127.0.0.1:2:1 b", "127.0.0.1:4:1 c"}, nil)
	r.want(t, "a=3 b=2 c=4") // once it has settled, though nothing more is said
	r.await(t, "three servers are kept", func() bool {
		k, _ := ReadKept(o.DiscoveryCache)
		return k != nil && len(k.Lines) == 3
	})
	r.source.say(nil, errors.New("no way"))
	if f := r.Figures(); f.Up || f.Known != 3 || f.Changed != 2 || f.Moved != 1 || f.Told == 0 {
		t.Errorf("figures: %+v", f)
	}
	fi, err := os.Stat(o.DiscoveryCache)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("what is kept: %v, %v", fi, err)
	}
	if files, _ := filepath.Glob(filepath.Dir(o.DiscoveryCache) + "/.*"); len(files) > 0 {
		t.Errorf("left: %v", files)
	}

	o.DiscoveryWait = time.Millisecond
	if got := words(follow(t, o, nil).Await(t.Context())); got != "a=3 b=2 c=4" {
		t.Errorf("when nobody says anything it begins with %q", got)
	}
	o.Begin = list(t, "x=9")
	if got := words(follow(t, o, nil).Await(t.Context())); got != "x=9" {
		t.Errorf("when the configuration has other servers than before it begins with %q", got)
	}
	if got := words(follow(t, o, &Kept{Source: "of before", Begin: []string{"127.0.0.1:9:1 x"}, Lines: []string{"127.0.0.1:8:1 x"}}).Await(t.Context())); got != "x=8" {
		t.Errorf("with what another process had it begins with %q", got)
	}
	o.Begin = nil
	if got := words(follow(t, o, &Kept{Begin: []string{"127.0.0.1:9:1 x"}, Lines: []string{"127.0.0.1:8:1 x"}}).Await(t.Context())); got != "x=8" {
		t.Errorf("when the configuration has no servers any more it begins with %q", got)
	}
	other := *r.Kept()
	other.Source = "other"
	if _, err := other.Write(o.DiscoveryCache); err != nil {
		t.Fatal(err)
	}
	if got := follow(t, o, nil).Await(t.Context()); len(got) != 1 || got[0].Addr != "" {
		t.Errorf("when another wrote the file it begins with %v", got)
	}
	if _, err := (&Kept{Source: "scripted"}).Write(o.DiscoveryCache); err != nil {
		t.Fatal(err)
	}
	none := follow(t, o, nil)
	if got := none.Await(t.Context()); len(got) != 1 || got[0].Addr != "" || !strings.Contains(none.log.String(), `can't be used" pool=p whose="those of discovery_cache" error="there are none"`) {
		t.Errorf("without a server in the file it begins with %v; the log: %s", got, none.log)
	}
	if err := os.WriteFile(o.DiscoveryCache, []byte("{garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := follow(t, o, nil).Await(t.Context()); len(got) != 1 || got[0].Addr != "" {
		t.Errorf("with garbage in the file it begins with %v", got)
	}
}

// TestGarbage: a list with a line that is none, or two servers of a name, is refused whole; so is one of which no ring can be made. One line
// of the log says so, once.
func TestGarbage(t *testing.T) {
	r := follow(t, topology.DiscoveryOptions{ApplyMembership: true, DiscoveryWait: time.Millisecond, Begin: list(t, "a=1 b=2")}, nil)
	r.Await(t.Context())
	r.run()
	for range 3 {
		r.source.say([]string{"127.0.0.1:7:1 a", "127.0.0.1:8:1 a"}, nil)
	}
	r.source.say([]string{"127.0.0.1:7:1 a", "what is this?"}, nil)
	r.source.say([]string{"127.0.0.1:7:1 a", ""}, nil)
	many := make([]string, 4097)
	for i := range many {
		many[i] = fmt.Sprintf("127.0.0.1:%d:1 n%d", i+1, i)
	}
	r.source.say(many, nil)
	if f := r.Figures(); f.Refused != 6 || f.Up || f.Known != 2 {
		t.Errorf("figures: %+v", f)
	}
	if n := strings.Count(r.log.String(), "refused"); n != 4 {
		t.Errorf("the log says so %d times: %s", n, r.log)
	}
	r.source.say([]string{"127.0.0.1:7:1 a", "127.0.0.1:7:1 a", "127.0.0.1:2:1 b"}, nil) // twice the same is once
	r.want(t, "a=7 b=2")
}

// TestRefused: a list that the proxy does not take is not in force, and is tried again.
func TestRefused(t *testing.T) {
	r := follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Millisecond, Begin: list(t, "a=1 b=2")}, nil)
	r.Await(t.Context())
	var takes atomic.Bool
	r.Run(func(s []topology.ServerOptions) error {
		if !takes.Load() {
			return errors.New("no ring")
		}
		r.applied <- s
		return nil
	})
	r.source.say([]string{"127.0.0.1:7:1 a", "127.0.0.1:2:1 b"}, nil)
	r.await(t, "the list is refused", func() bool { return r.Figures().Refused > 0 })
	if k := r.Kept(); strings.Join(k.Lines, " ") != "127.0.0.1:1:1 a 127.0.0.1:2:1 b" {
		t.Errorf("in force is %v", k.Lines)
	}
	takes.Store(true)
	r.source.say([]string{"127.0.0.1:7:1 a", "127.0.0.1:2:1 b"}, nil)
	r.want(t, "a=7 b=2")
}

// TestFollowerAccepts: a person has a list come into force that is only warned of.
func TestFollowerAccepts(t *testing.T) {
	r := follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Millisecond, Begin: list(t, "a=1 b=2")}, nil)
	r.Await(t.Context())
	apply := func(s []topology.ServerOptions) error { r.applied <- s; return nil }
	if err := r.Accept(apply); err == nil {
		t.Error("accepted what nobody told")
	}
	r.run()
	r.source.say([]string{"127.0.0.1:5:1 x"}, nil)
	r.await(t, "three servers are waited with", func() bool { f := r.Figures(); return f.Waiting == 3 && f.Reason == string(Doubted) })
	if err := r.Accept(apply); err != nil {
		t.Fatal(err)
	}
	r.want(t, "x=5")
}

// TestNobodyWaits: while a list is on its way into force, or to a disk that hangs, figures, what is in force and a handover wait for neither.
func TestNobodyWaits(t *testing.T) {
	o := topology.DiscoveryOptions{DiscoveryWait: time.Millisecond, DiscoveryCache: filepath.Join(t.TempDir(), "kept"), Begin: list(t, "a=1 b=2")}
	at, hangs, goesOn := make(chan string), atomic.Bool{}, make(chan struct{})
	opts := topology.DefaultOptions("p")
	o.Discovery, opts.DiscoveryOptions = "scripted", o
	source := newScripted()
	f := Follow(Config{
		Pool: &opts, Source: source, Parse: configs.ParseServers, Log: slog.New(slog.DiscardHandler),
		Lines: func(s []topology.ServerOptions) []string {
			if hangs.CompareAndSwap(true, false) { // as the disk does on which these are to be
				at <- "disk"
				<-goesOn
			}
			return configs.ServerLines(s)
		},
	})
	t.Cleanup(f.Stop)
	f.Await(t.Context())
	f.Run(func([]topology.ServerOptions) error {
		at <- "apply"
		<-goesOn
		hangs.Store(true)
		return nil
	})
	source.say([]string{"127.0.0.1:3:1 a", "127.0.0.1:2:1 b"}, nil)
	for i, where := range []string{"apply", "disk"} {
		if got := <-at; got != where {
			t.Fatalf("it is at %s, not at %s", got, where)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			source.say([]string{"127.0.0.1:3:1 a", "127.0.0.1:2:1 b"}, nil)
			if got := f.Figures(); got.Moved != int64(i) || !got.Up {
				t.Errorf("%s: figures %+v", where, got)
			}
			if got, want := f.Kept().Lines[0], []string{"127.0.0.1:1:1 a", "127.0.0.1:3:1 a"}[i]; got != want {
				t.Errorf("%s: in force is %s, want %s", where, got, want)
			}
			if where == "disk" {
				f.LeaveFile()
			}
		}()
		select {
		case <-done:
		case <-time.After(patience):
			t.Errorf("they wait for %s", where)
		}
		goesOn <- struct{}{}
	}
}

// TestBeginsEmpty: an empty list is an answer: it is not waited for another one, and the log does not say that nobody has told; of silence it does.
func TestBeginsEmpty(t *testing.T) {
	r := follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Hour, Begin: list(t, "a=1 b=2")}, nil)
	r.source.say(nil, nil)
	if got := words(r.Await(t.Context())); got != "a=1 b=2" {
		t.Errorf("it begins with %q", got)
	}
	if log := r.log.String(); strings.Contains(log, "nobody") || strings.Count(log, "told an empty list") != 1 {
		t.Errorf("the log: %s", log)
	}
	r = follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Hour}, nil)
	r.source.say(nil, nil)
	if got := r.Await(t.Context()); len(got) != 1 || got[0].Addr != "" || r.Instead() != "an empty list of servers is told, and none are known from before" {
		t.Errorf("it begins with %v, %s", got, r.Instead())
	}
	r = follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Millisecond}, nil)
	r.Await(t.Context())
	if log := r.log.String(); !strings.Contains(log, "nobody has told yet") || strings.Contains(log, "nil") {
		t.Errorf("the log: %s", log)
	}
}

// TestUnwatched: a list is one though it can't be watched, and the log says so once.
func TestUnwatched(t *testing.T) {
	r := follow(t, topology.DiscoveryOptions{DiscoveryWait: time.Hour}, nil)
	for range 3 {
		r.source.say([]string{"127.0.0.1:1:1 a"}, &Unwatched{errors.New("no way")})
	}
	if got, f := words(r.Await(t.Context())), r.Figures(); got != "a=1" || !f.Up {
		t.Errorf("it begins with %q, %+v", got, f)
	}
	r.source.say([]string{"127.0.0.1:1:1 a"}, nil)
	if log := r.log.String(); strings.Count(log, "can't be watched") != 1 || strings.Count(log, "watched again") != 1 {
		t.Errorf("the log: %s", log)
	}
}

// TestShare: one of four servers that goes has about a quarter of the keys.
func TestShare(t *testing.T) {
	o := topology.DefaultOptions("p")
	if share := movedShare(&o, list(t, "a=1 b=2 c=3 d=4"), list(t, "a=1 b=2 c=3")); share < 0.15 || share > 0.35 {
		t.Errorf("the share is %v", share)
	}
	if share := movedShare(&o, list(t, "a=1 b=2"), list(t, "a=3 b=4")); share != 0 {
		t.Errorf("with other addresses alone the share is %v", share)
	}
	o.Distribution = "random"
	if share := movedShare(&o, list(t, "a=1 b=2"), list(t, "a=3")); share != -1 {
		t.Errorf("of a ring by chance the share is %v", share)
	}
}
