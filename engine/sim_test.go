package engine

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"cashew/codec/resp"
	"cashew/session"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// sim is a proxy on one loop without sockets.
type sim struct {
	*sessiontest.Sim
	t     testing.TB
	proxy *Proxy
	local *session.Local
	pool  *pool
}

// simClient is one client of it.
type simClient struct {
	*sessiontest.Client
	session *session.Session
}

type simServer = sessiontest.Server

// newSim builds a loop before n servers; edit may change the options.
func newSim(t testing.TB, n int, edit func(*Options, *PoolOptions)) *sim {
	t.Helper()
	po := PoolOptions{Options: topology.Options{
		Name: "sim", Protocol: resp.New(resp.Options{}), Hash: "fnv1a_64", Distribution: "modula", ServerConnections: 1,
	}, ClientOptions: session.DefaultClientOptions()}
	po.ClientWriteTimeout = 0
	s := &sim{t: t, Sim: sessiontest.New(t)}
	for i := range n {
		po.Servers = append(po.Servers, sessiontest.ServerNamed("s"+strconv.Itoa(i)))
	}
	o := withPools(1)
	po.Probe = func(*topology.ServerOptions) error { return nil }
	if edit != nil {
		edit(&o, &po)
	}
	for _, v := range po.Servers {
		s.AddServer(v.Name)
	}
	o.Pools = []PoolOptions{po}
	p, err := New(o, s.Loop.World, s.Loop.Log)
	if err != nil {
		t.Fatal(err)
	}
	s.proxy, s.pool = p, p.pools()[0]
	t.Cleanup(s.pool.Close)
	p.loops, p.patience = []*rooms{newRooms(0, s.Local, p.now.Load(), &p.pressure.Pressure)}, time.Minute
	s.local = p.loops[0].sessions
	s.Tidy = s.local.Tidy
	s.pool.MakeGroups(p.locals())
	s.local.Add(s.pool.Pool)
	return s
}

func (s *sim) connect() *simClient {
	c := &simClient{session: session.New(s.local, s.pool.Pool, uint64(len(s.Clients)+1), "client")}
	c.Client = s.Connect(c.session)
	return c
}

// reload has the pool go on with other settings; servers that it did not have appear behind the others. The loop applies
// it when it settles.
func (s *sim) reload(edit func(*Options, *PoolOptions)) {
	s.t.Helper()
	o := *s.proxy.Options()
	po := o.Pools[0]
	po.Servers = slices.Clone(po.Servers)
	had := slices.Clone(po.Servers)
	edit(&o, &po)
	o.Pools = []PoolOptions{po}
	c, err := s.proxy.plan(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.proxy.adopt(c)
	for _, v := range po.Servers {
		if !slices.ContainsFunc(had, func(h topology.ServerOptions) bool { return h.Addr == v.Addr }) {
			s.AddServer(v.Name)
		}
	}
	s.proxy.now.Store(c.next)
	s.t.Cleanup(c.next.pools[0].Close)
	s.Loop.Execute(func() { s.proxy.loops[0].apply(c.next, c.change()) })
	s.Settle()
	s.pool = c.next.pools[0]
}

// steady is a client and its servers, connected and warm.
func steady(t testing.TB, servers int) (*sim, *simClient) {
	s := newSim(t, servers, nil)
	s.AcceptAll()
	c := s.connect()
	for _, k := range []string{"a", "b", "c", "d", "e", "f"} {
		c.Send(array("GET", k))
		s.Settle()
		for _, v := range s.Servers {
			if v.Sock != nil && v.Sock.Take() != "" {
				v.Reply("$-1\r\n")
			}
		}
	}
	c.Sock.Take()
	return s, c
}

var array, bulk = sessiontest.Array, sessiontest.Bulk
