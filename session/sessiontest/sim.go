// Package sessiontest is one loop without sockets, for tests of sessions and of what is around them: clients and servers are
// scripts, and time stands still unless a test moves it.
//
//	Client.Send --> Loop.Data --> session --> backend.Conn --> Server.Sock.Got
//	Client.Sock.Got <-- Loop.Settle <-- session <-- backend.Conn <-- Server.Reply
//
// It calls a loop's handlers exactly as the reactor does from gnet's callbacks. Whose handlers those are, it does not know: so
// tests inside package session may use it, and those of package engine.
package sessiontest

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cashew/backend"
	"cashew/codec/resp"
	"cashew/loop"
	"cashew/topology"
	"cashew/world"
	"cashew/world/worldtest"
)

// Sim is the loop, with its clients and servers.
type Sim struct {
	Loop  *loop.Loop
	Local *backend.Local // the server connections on the loop

	Clients []*Client
	Servers []*Server
	Redial  func(*Server) // what becomes of a connection attempt; nil: it waits for Accept or Refuse
	Tidy    func()        // what is done on the loop every second

	// Greetings are what a server answers by itself to all that it has got, as a connection opens; nil: nothing.
	Greetings map[string]string

	Tasks []func() // what Execute queued
	Naps  []time.Duration

	mu sync.Mutex // timers call Execute
}

// New returns a loop before servers of these names, which are their addresses, too. A benchmark is in no bubble, and has the
// product's clock.
func New(t testing.TB, servers ...string) *Sim {
	s := new(Sim)
	var w world.World = worldtest.New(time.Now())
	if _, ok := t.(*testing.B); ok {
		w = world.New(time.Now())
	}
	s.Loop = loop.NewLoop(s, w, slog.New(slog.DiscardHandler))
	s.Local = backend.NewLocal(s.Loop)
	tokens := 0
	s.Local.Token = func() string { tokens++; return strconv.Itoa(tokens) }
	s.Local.Connect = func(c *backend.Conn) {
		v := s.Server(c.Server().Addr)
		switch {
		case c.IsFeed():
			v = v.Feed
		case c.Database() != 0:
			v = v.In(c.Database())
		case c.Profile() == resp.RESP3:
			v = v.Three
		}
		v.Dialing = c
		v.attempt++
		if s.Redial != nil {
			s.Redial(v)
		}
	}
	for _, name := range servers {
		s.AddServer(name)
	}
	return s
}

// AcceptAll has all servers accept connections as soon as they are asked.
func (s *Sim) AcceptAll() {
	s.Redial = func(v *Server) { s.Tasks = append(s.Tasks, v.Accept) }
}

// Client is one client: what it was sent is in Sock.Got.
type Client struct {
	Conn *Conn
	Sock *Socket

	sim     *Sim
	handler loop.Handler
}

// Server is one server's side of the loop's only connection to it of one profile; of a lease, too, which takes its place.
type Server struct {
	Three   *Server // the same server's side of the connection of RESP3
	Feed    *Server // the same server's side of the feed
	Name    string
	Dialing *backend.Conn // an attempt to connect that was not decided
	Up      *backend.Conn // the open connection
	Conn    *Conn
	Sock    *Socket

	sim     *Sim
	attempt int             // the number of the last attempt to connect
	others  map[int]*Server // see In
}

// In is the same server's side of the connection to a database other than 0, of any profile.
func (v *Server) In(db int) *Server {
	if v.others == nil {
		v.others = make(map[int]*Server)
	}
	if v.others[db] == nil {
		v.others[db] = &Server{sim: v.sim, Name: v.Name}
	}
	return v.others[db]
}

// Enroll implements loop.Base: nobody dials or accepts here.
func (*Sim) Enroll(*loop.Loop, net.Conn, loop.Handler) error { panic("enrolled in a simulation") }

// Run queues f until Settle.
func (s *Sim) Run(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Tasks = append(s.Tasks, f)
	return true
}

// Nap takes note, and no time.
func (s *Sim) Nap(d time.Duration) { s.Naps = append(s.Naps, d.Round(time.Microsecond)) }

// Yield does nothing.
func (*Sim) Yield() {}

// AddServer adds a server behind the others.
func (s *Sim) AddServer(name string) {
	s.Servers = append(s.Servers, &Server{sim: s, Name: name, Three: &Server{sim: s, Name: name}, Feed: &Server{sim: s, Name: name}})
}

// Server is the latest of that name: one that a reload removed and added again is another.
func (s *Sim) Server(name string) *Server {
	for _, v := range slices.Backward(s.Servers) {
		if v.Name == name {
			return v
		}
	}
	panic("unknown server")
}

// ServerNamed is the setting of such a server.
func ServerNamed(name string) topology.ServerOptions {
	return topology.ServerOptions{Name: name, PName: name, Network: "tcp", Addr: name, Weight: 1}
}

// Settle runs what callbacks left for later, and has servers greet, until nothing is left.
func (s *Sim) Settle() {
	for {
		s.mu.Lock()
		if len(s.Tasks) == 0 {
			s.mu.Unlock()
			if !s.greet() {
				return
			}
			continue
		}
		r := s.Tasks[0]
		s.Tasks = slices.Delete(s.Tasks, 0, 1) // and not s.Tasks[1:], which would have the next append allocate
		s.mu.Unlock()
		r()
	}
}

// greet has servers answer what Greetings say, and says that one did.
func (s *Sim) greet() (some bool) {
	if len(s.Greetings) == 0 {
		return false
	}
	for _, server := range s.Servers {
		for _, v := range []*Server{server, server.Three} {
			if v.Sock == nil || v.Up == nil {
				continue
			}
			if reply, is := s.Greetings[string(v.Sock.Got)]; is {
				v.Sock.Take()
				v.Reply(reply)
				some = true
			}
		}
	}
	return some
}

func newConn() (*Conn, *Socket) {
	f := new(Conn)
	return f, &Socket{Conn: f, Room: -1}
}

// Connect has h be the session of another client.
func (s *Sim) Connect(h loop.Handler) *Client {
	c := &Client{sim: s, handler: h}
	c.Conn, c.Sock = newConn()
	s.Loop.Opened(h, c.Sock)
	s.Clients = append(s.Clients, c)
	return c
}

// Send is one OnTraffic. The bytes are overwritten afterwards, as gnet's read buffer is.
func (c *Client) Send(p string) {
	if c.Conn.Closed {
		return
	}
	for c.Sock.came = []byte(p); len(c.Sock.came) > 0 && !c.Conn.Closed; {
		n := min(len(c.Sock.came), readBytes)
		buf := c.Sock.came[:n:n]
		c.Sock.came = c.Sock.came[n:]
		c.sim.Loop.Data(c.handler, buf)
		for i := range buf {
			buf[i] = 0xCC
		}
	}
}

// readBytes is what the simulation's gnet reads at once: of a large command only the beginning.
const readBytes = 8 << 10

// HangUp has c close its connection, half of it if err is io.EOF.
func (c *Client) HangUp(err error) {
	if !c.Conn.Closed {
		c.Conn.Closed = true
		c.sim.Loop.Ended(c.handler, err)
	}
}

// HalfClose has c send no more.
func (c *Client) HalfClose() {
	c.Sock.half = true
	c.sim.Loop.Ended(c.handler, io.EOF)
}

// Accept accepts the attempt to connect that was not decided, if there is one.
func (v *Server) Accept() {
	c := v.Dialing
	if c == nil {
		return
	}
	v.Dialing = nil
	v.Conn, v.Sock = newConn()
	v.Conn.server, v.Up = v, c
	if !v.sim.Loop.Opened(c, v.Sock) { // given up meanwhile; the reactor closes it
		v.Up, v.Conn.Closed = nil, true
	}
}

// Refuse has that attempt fail.
func (v *Server) Refuse(err error) {
	c := v.Dialing
	if c == nil {
		return
	}
	v.Dialing = nil
	v.sim.Loop.Tick()
	c.DialFailed(v.attempt, &net.OpError{Op: "dial", Err: err})
	v.sim.Loop.Flush()
}

// Reply sends p, if the connection is open.
func (v *Server) Reply(p string) {
	if v.Up == nil || v.Conn.Closed {
		return
	}
	buf := []byte(p)
	v.sim.Loop.Data(v.Up, buf)
	for i := range buf {
		buf[i] = 0xCC
	}
}

// HangUp closes the connection.
func (v *Server) HangUp() {
	if v.Up != nil && !v.Conn.Closed {
		up := v.Up
		v.Conn.Close()
		v.sim.Loop.Ended(up, io.EOF)
	}
}

// DrainRoom lets a full socket take n more bytes and tells the loop.
func (s *Sim) DrainRoom(f *Socket, n int) {
	f.Room = n
	if ready := f.ready; ready != nil {
		f.ready = nil
		ready()
	}
	s.Settle()
}

// Passes lets time pass; only in a synctest bubble. Every second of it the loop is tidied, as a proxy has it.
func (s *Sim) Passes(d time.Duration) {
	tidy := time.Now().Add(time.Second)
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !time.Now().Before(tidy) {
			tidy = tidy.Add(time.Second)
			s.Loop.Execute(s.Tidy)
		}
		s.Settle()
	}
}

// Array is the command of args as clients send it.
func Array(args ...string) string {
	out := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		out += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	return out
}

// Bulk is the reply that has s.
func Bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
