package session

import (
	"strconv"
	"testing"
	"time"

	"cashew/access"
	"cashew/audit"
	"cashew/codec/resp"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// sim is one loop without sockets, and a pool on it.
type sim struct {
	*sessiontest.Sim
	local *Local
	pool  *Pool
}

// simClient is one client of it.
type simClient struct {
	*sessiontest.Client
	session *Session
}

// alone is a proxy that counts nothing and answers no question.
type alone struct{}

func (alone) Left()                                    {}
func (alone) LoginFailed(string) bool                  { return false }
func (alone) HoldLogin(string) (time.Duration, func()) { return 0, nil }
func (alone) Audit() *audit.Log                        { return nil }
func (alone) Access() *access.Log                      { return new(access.Log) }
func (alone) Ask(*Report) bool                         { return false }

// newSim builds a loop before n servers, which accept connections; edit may change the settings.
func newSim(t testing.TB, n int, edit func(*Limits, *ClientOptions)) *sim {
	t.Helper()
	return newSimOf(t, n, resp.Options{Learn: true}, edit)
}

// newSimOf is newSim for a protocol with other settings.
func newSimOf(t testing.TB, n int, protocol resp.Options, edit func(*Limits, *ClientOptions)) *sim {
	t.Helper()
	return newSimWith(t, n, protocol, nil, edit)
}

// newSimWith is newSimOf for other settings towards servers, too.
func newSimWith(t testing.TB, n int, protocol resp.Options, servers func(*topology.Options), edit func(*Limits, *ClientOptions)) *sim {
	t.Helper()
	o := topology.Options{
		Name: "sim", Protocol: resp.New(protocol), Hash: "fnv1a_64", Distribution: "modula", ServerConnections: 1,
		TransactionConnections: 8, BlockingConnections: 8,
	}
	s := &sim{Sim: sessiontest.New(t)}
	for i := range n {
		o.Servers = append(o.Servers, sessiontest.ServerNamed("s"+strconv.Itoa(i)))
		s.AddServer(o.Servers[i].Name)
	}
	s.AcceptAll()
	if servers != nil {
		servers(&o)
	}
	limits, clients := Limits{MaxPipeline: 1024, MaxRequestBytes: 1 << 30, MaxMemoryBytes: 1 << 30, DrainTimeout: 30 * time.Second}, DefaultClientOptions()
	clients.ClientWriteTimeout = 0
	if edit != nil {
		edit(&limits, &clients)
	}
	bp, err := topology.NewPool(o, s.Loop.World, s.Loop.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bp.Close)
	s.pool = NewPool(bp, &clients, alone{})
	s.local = NewLocal(0, s.Local, limits, new(Pressure))
	s.Tidy = s.local.Tidy
	s.pool.MakeGroups([]*Local{s.local})
	s.local.Add(s.pool)
	return s
}

func (s *sim) connect() *simClient {
	c := &simClient{session: New(s.local, s.pool, uint64(len(s.Clients)+1), "client")}
	c.Client = s.Connect(c.session)
	return c
}

// steady is a client and its servers, connected and warm.
func steady(t testing.TB, servers int) (*sim, *simClient) {
	s := newSim(t, servers, nil)
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
