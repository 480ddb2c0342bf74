package session

import (
	"testing"
	"testing/synctest"
	"time"

	"cashew/session/sessiontest"
)

// tracked is a loop whose pool keeps replies, before one server that tells of writes, and a client.
type tracked struct {
	*sim
	t      *testing.T
	server *sessiontest.Server
	client *simClient
}

// Commands of the proxy's own, and a push that tells of a.
var (
	askID            = array("CLIENT", "ID")
	tracksSeven      = array("CLIENT", "TRACKING", "ON", "REDIRECT", "7", "OPTIN")
	readerCachingYes = array("CLIENT", "CACHING", "YES")
)

const pushOfA = ">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\nb\r\n$1\r\na\r\n"

// newTracked is in a bubble; its tracker is open.
func newTracked(t *testing.T) *tracked {
	t.Helper()
	s := newSim(t, 1, func(_ *Limits, o *ClientOptions) { o.Near.Bytes, o.Near.Check = 1<<20, 0 })
	s.local.Track(s.pool)
	x := &tracked{s, t, s.Servers[0], nil}
	x.opens()
	x.client = s.connect()
	return x
}

// opens has the tracker connect, and learn its number.
func (x *tracked) opens() {
	x.t.Helper()
	x.Settle()
	for _, step := range [][2]string{{array("HELLO", "3"), "%1\r\n$5\r\nproto\r\n:3\r\n"}, {askID, ":7\r\n"}} {
		if got := x.server.Feed.Sock.Take(); got != step[0] {
			x.t.Fatalf("the tracker sent %q; want %q", got, step[0])
		}
		x.server.Feed.Reply(step[1])
		x.Settle()
	}
}

// keeps has the server answer GET a until the reply is kept.
func (x *tracked) keeps(value string) {
	x.t.Helper()
	get := array("GET", "a")
	for range hotReads - 1 {
		x.asks(get, get, bulk(value))
	}
	x.asks(get, tracksSeven+readerCachingYes+get+array("PTTL", "a"), "+OK\r\n+OK\r\n"+bulk(value)+":-1\r\n")
	x.asks(get, "", "")
	x.has(bulk(value))
}

// asks has the client send a command, and the server, which gets that, answer.
func (x *tracked) asks(sent, got, reply string) {
	x.t.Helper()
	x.client.Sock.Take()
	x.client.Send(sent)
	x.Settle()
	has := ""
	if x.server.Sock != nil {
		has = x.server.Sock.Take()
	}
	if has != got {
		x.t.Fatalf("behind %q the server has %q; want %q", sent, has, got)
	}
	if reply != "" {
		x.server.Reply(reply)
		x.Settle()
	}
}

// has wants the client to have a reply.
func (x *tracked) has(want string) {
	x.t.Helper()
	if got := x.client.Sock.Take(); got != want {
		x.t.Errorf("the client has %q; want %q", got, want)
	}
}

// TestNearReaderEnds: a server forgets what was read over a connection with that, and tells nobody of writes to it: it is given no more.
func TestNearReaderEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		x.keeps("1")
		x.server.HangUp()
		x.Settle()
		x.asks(array("GET", "a"), tracksSeven+readerCachingYes+array("GET", "a")+array("PTTL", "a"), "+OK\r\n+OK\r\n"+bulk("2")+":-1\r\n")
		x.has(bulk("2"))
	})
}

// TestNearTold: of what a server tells nothing is given any more.
func TestNearTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		x.keeps("1")
		x.server.Feed.Reply(pushOfA)
		x.Settle()
		x.asks(array("GET", "a"), readerCachingYes+array("GET", "a")+array("PTTL", "a"), "+OK\r\n"+bulk("2")+":-1\r\n")
		x.has(bulk("2"))
	})
}

// TestNearTrackerEnds: what was kept of a server is given no more once nothing is heard of it, or not in time.
func TestNearTrackerEnds(t *testing.T) {
	get := array("GET", "a")
	for name, ends := range map[string]func(x *tracked){
		"it hangs up":     func(x *tracked) { x.server.Feed.HangUp(); x.Settle() },
		"it does not say": func(x *tracked) { x.Passes(2100 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTracked(t)
				x.keeps("1")
				ends(x)
				x.asks(get, get, bulk("2"))
				x.has(bulk("2"))
			})
		})
	}
}

// TestNearJoinsNothingOlder: who reads behind another's write does not join who read before it.
func TestNearJoinsNothingOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		get, set := array("GET", "b"), array("SET", "b", "1")
		x.asks(get, get, "")
		x.client = x.connect()
		x.asks(get, "", "")
		x.client = x.connect()
		x.asks(set, set, "")
		x.client = x.connect()
		x.asks(get, get, "")
	})
}

// TestNearKeepsNoError: an error is not kept.
func TestNearKeepsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		get := array("GET", "b")
		x.asks(get, get, bulk("1"))
		x.asks(get, get, bulk("1"))
		x.asks(get, tracksSeven+readerCachingYes+get+array("PTTL", "b"), "+OK\r\n+OK\r\n-LOADING it is\r\n:-2\r\n")
		x.asks(get, readerCachingYes+get+array("PTTL", "b"), "")
	})
}

// TestNearReloadKeys: where other keys are kept than before, servers are asked to tell of those.
func TestNearReloadKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		x.keeps("1")
		x.reloads(func(o *ClientOptions) { o.Near.Patterns = []string{"a*"} })
		if got, want := x.server.Feed.Sock.Take(), array("HELLO", "3"); got != want {
			t.Fatalf("behind a reload the tracker sent %q; want %q", got, want)
		}
		x.server.Feed.Reply("%1\r\n$5\r\nproto\r\n:3\r\n")
		x.Settle()
		if got, want := x.server.Feed.Sock.Take(), array("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a"); got != want {
			t.Errorf("the tracker sent %q; want %q", got, want)
		}
	})
}

// TestNearReloadWrites: a write that was counted before a reload is not overlooked where replies are kept anew.
func TestNearReloadWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		x.keeps("1")
		other := x.connect()
		get := array("GET", "b")
		x.asks(get, get, "") // which the server reads first
		x.reloads(func(o *ClientOptions) { o.Near.Bytes = 2 << 20 })
		other.Send(get)
		x.Settle()
		if got := x.server.Sock.Take(); got != get {
			t.Errorf("the server has %q; want a command for each of two clients", got)
		}
	})
}

// TestNearReloadStays: a reload that has nothing to do with it leaves the tracker as it is, also while that is asked whether it is well.
func TestNearReloadStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		x.keeps("1")
		x.Passes(1001 * time.Millisecond) // the server is asked whether it is there
		x.reloads(func(o *ClientOptions) { o.SlowMaxLen = 7 })
		x.Settle()
		if n := x.pool.Servers()[0].Told().Number(); n != 7 || x.server.Feed.Up == nil {
			t.Errorf("the server tells connection %d", n)
		}
	})
}

// TestNearHandedOver: who comes from another process is not given what was kept before it wrote there.
func TestNearHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTracked(t)
		x.keeps("1")
		s := Restore(x.local, x.pool, 9, Parted{State: State{Pool: x.pool.Name, Addr: "client"}}, false)
		x.client = &simClient{x.Connect(s), s}
		get := array("GET", "a")
		x.asks(get, get, bulk("2"))
		x.has(bulk("2"))
	})
}

// reloads has the pool go on with other settings.
func (x *tracked) reloads(edit func(*ClientOptions)) {
	x.t.Helper()
	o := *x.pool.opts
	edit(&o)
	bp, err := x.pool.Successor(*x.pool.Options())
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(bp.Close)
	next := NewPool(bp, &o, alone{})
	next.Adopt(x.pool)
	x.local.Apply(&Change{Limits: x.local.limits, Replaced: []Replaced{{x.pool, next}}})
	x.pool = next
	x.Settle()
}
