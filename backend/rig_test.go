package backend

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec/resp"
	"cashew/loop"
	"cashew/topology"
	"cashew/world/worldtest"
)

// rig is one loop's connections to a pool of scripted servers, without sockets and, in a synctest bubble, without waiting. It
// stands where the engine stands: it queues requests, and hears what becomes of them. And it is what the loop stands on.
type rig struct {
	t     *testing.T
	loop  *loop.Loop
	local *Local
	pool  *topology.Pool
	group *Group
	mu    sync.Mutex // timers call Execute
	tasks []func()

	dialing []*Conn // attempts to connect that were not decided, oldest first
	lines   []*line
	asked   []*asked
	log     strings.Builder
	tokens  int
}

// line is an open connection, from the server's side: a socket that takes as many bytes as its room.
type line struct {
	loop.Socket // its other methods are not called

	rig    *rig
	conn   *Conn
	host   string
	got    []byte
	room   int
	ready  func() // of whoever waits for room
	closed bool
}

func (v *line) Await(ready func()) error { v.ready = ready; return nil }
func (v *line) Forget()                  { v.ready = nil }

func (v *line) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(v.host), Port: 1}
}

func (v *line) Write(p []byte) (int, error) {
	n := min(len(p), v.room)
	v.room -= n
	v.got = append(v.got, p[:n]...)
	return n, nil
}

func (v *line) Writev(bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		m, _ := v.Write(b)
		if n += m; m < len(b) {
			break
		}
	}
	return n, nil
}

func (v *line) Close() {
	if v.closed {
		v.rig.t.Error("a connection is closed that has ended")
	}
	v.closed = true
}

// asked is a request, and what its owner heard.
type asked struct {
	rig     *rig
	request *Request
	reply   string
	ended   bool
	err     error
	then    func() // what the owner does when it failed
}

func (a *asked) Replied(r *Request, chunk []byte, last bool) {
	a.heard(r)
	a.reply += string(chunk)
	if last {
		a.end()
	}
}

func (a *asked) Failed(r *Request, err error) {
	a.heard(r)
	a.err = err
	a.end()
	if a.then != nil {
		a.then()
	}
}

func (a *asked) heard(r *Request) {
	if r != a.request || a.ended {
		a.rig.t.Errorf("an owner hears of a request of another's, or after its end: %q, %v", a.reply, a.err)
	}
}

func (a *asked) end() {
	a.ended = true
	a.request.Owner = nil
	a.rig.local.Unref(a.request)
}

// is says what became of it: the reply, the error, or "waits".
func (a *asked) is() string {
	switch {
	case a.err != nil && a.reply != "":
		return a.reply + Text(a.err)
	case a.err != nil:
		return Text(a.err)
	case !a.ended:
		return a.reply + "waits"
	}
	return a.reply
}

func newRig(t *testing.T, servers int, edit func(*topology.Options)) *rig {
	g := &rig{t: t}
	g.pool = newTestPool(t, servers, func(o *topology.Options) {
		o.AutoEjectHosts = false
		if edit != nil {
			edit(o)
		}
	})
	g.loop = loop.NewLoop(g, worldtest.New(time.Now().Add(-time.Hour)), slog.New(slog.NewTextHandler(&g.log, nil))) // no time is 0
	g.loop.Tick()
	g.local = NewLocal(g.loop)
	g.local.Connect = func(c *Conn) { g.dialing = append(g.dialing, c) }
	g.local.Token = func() string { g.tokens++; return fmt.Sprint(g.tokens) }
	g.group = MakeGroup(g.local, g.pool)
	g.group.Join()
	t.Cleanup(func() {
		if g.loop.Panics.Load() > 0 {
			t.Errorf("the loop survived a panic; log: %s", g.log.String())
		}
	})
	return g
}

// Enroll implements loop.Base, as the next three do: nobody dials here.
func (*rig) Enroll(*loop.Loop, net.Conn, loop.Handler) error { panic("enrolled in a rig") }

func (g *rig) Run(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tasks = append(g.tasks, f)
	return true
}

func (*rig) Nap(time.Duration) {}
func (*rig) Yield()            {}

// settle runs what is to run on the loop.
func (g *rig) settle() {
	g.loop.Flush()
	for {
		g.mu.Lock()
		if len(g.tasks) == 0 {
			g.mu.Unlock()
			return
		}
		f := g.tasks[0]
		g.tasks = slices.Delete(g.tasks, 0, 1)
		g.mu.Unlock()
		f()
	}
}

// passes lets time pass, with a Tidy each second.
func (g *rig) passes(d time.Duration) {
	tidy := time.Now().Add(time.Second)
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !time.Now().Before(tidy) {
			tidy = tidy.Add(time.Second)
			g.loop.Execute(func() { g.loop.Tidy(); g.local.Tidy() })
		}
		g.settle()
	}
	g.loop.Tick()
}

// three is a connection of RESP3, open.
func (g *rig) three(server int) (*Conn, *line) {
	c, err := g.group.Set(resp.RESP3, g.group.home.db).Conn(g.server(server), 1)
	if err != nil {
		g.t.Fatal(err)
	}
	v := g.accept()
	v.says("%1\r\n$5\r\nproto\r\n:3\r\n")
	v.heard()
	return c, v
}

// server is that at a place of the pool's list; nil: there is none.
func (g *rig) server(place int) *topology.Server {
	if place < 0 {
		return nil
	}
	return g.pool.Servers()[place]
}

// conn is the connection that a client's requests to a server take.
func (g *rig) conn(server int, client uint64) *Conn {
	c, err := g.group.home.Conn(g.server(server), client)
	if err != nil {
		g.t.Fatalf("no connection to server %d: %v", server, err)
	}
	return c
}

// get queues GET key on c, as a session would.
func (g *rig) get(c *Conn, key string) *asked {
	return g.ask(c, "GET", key)
}

func (g *rig) ask(c *Conn, args ...string) *asked {
	a := &asked{rig: g}
	a.request = g.local.NewRequest(a)
	a.request.Op = g.op(args[0])
	c.Touch()
	c.Queue(a.request)
	c.Out().Append(g.loop, []byte(commandOf(args...)))
	g.asked = append(g.asked, a)
	return a
}

// op is a command's Op, which names what replies fit it.
func (g *rig) op(name string) uint16 {
	p := g.pool.Options().Protocol
	for op := range p.Ops() {
		if n, _ := p.Describe(uint16(op)); strings.EqualFold(n, name) {
			return uint16(op)
		}
	}
	g.t.Fatalf("no command %s", name)
	return 0
}

func commandOf(args ...string) string {
	s := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		s += bulkOf(a)
	}
	return s
}

func bulkOf(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// accept has the oldest attempt to connect succeed.
func (g *rig) accept() *line {
	if len(g.dialing) == 0 {
		g.t.Fatal("nothing is being connected to")
	}
	c := g.dialing[0]
	g.dialing = g.dialing[1:]
	v := &line{rig: g, conn: c, host: "10.0.0.1", room: 1 << 30}
	g.lines = append(g.lines, v)
	if !g.loop.Opened(c, v) {
		v.closed = true
	}
	g.settle()
	return v
}

// refuse has it fail.
func (g *rig) refuse(err error) {
	c := g.dialing[0]
	g.dialing = g.dialing[1:]
	g.loop.Tick()
	c.DialFailed(c.attempt, err)
	g.settle()
}

// says is what the server sends; the bytes are overwritten afterwards, as gnet's are.
func (v *line) says(p string) {
	if v.closed {
		return
	}
	buf := []byte(p)
	v.rig.loop.Data(v.conn, buf)
	for i := range buf {
		buf[i] = 0xCC
	}
	v.rig.settle()
}

// hangsUp has the server close.
func (v *line) hangsUp() {
	v.ends()
	v.rig.settle()
}

// ends has the server close, and leaves what follows for later.
func (v *line) ends() {
	v.closed = true
	e := &ending{Conn: v.conn}
	if v.rig.loop.Ended(e, io.EOF); !e.news {
		v.rig.t.Error("a server that closes is no news")
	}
}

// ending notes what a connection says to its end.
type ending struct {
	*Conn
	news bool
}

func (e *ending) Ended(err error) bool {
	e.news = e.Conn.Ended(err)
	return e.news
}

// heard is what came since the last call.
func (v *line) heard() string {
	p := string(v.got)
	v.got = nil
	return p
}

// takes has a full socket take n more bytes.
func (v *line) takes(n int) {
	v.room = n
	if f := v.ready; f != nil {
		v.ready = nil
		f()
	}
	v.rig.settle()
}

// are holds what became of all requests so far against want, and forgets them.
func (g *rig) are(want ...string) {
	g.t.Helper()
	var got []string
	for _, a := range g.asked {
		got = append(got, a.is())
	}
	if !slices.Equal(got, want) {
		g.t.Errorf("requests: %q; want %q", got, want)
	}
	g.asked = slices.DeleteFunc(g.asked, func(a *asked) bool { return a.ended })
}

// adds holds a server's figures against each other.
func (g *rig) adds(server int) {
	g.t.Helper()
	f := g.group.Figures(g.server(server))
	if sum := f.Responses + f.NoReply + f.Dropped + f.Failed + f.InQueue + f.OutQueue; f.Requests != sum {
		g.t.Errorf("%d requests; responses %d, no reply %d, dropped %d, failed %d, in queue %d, out queue %d", f.Requests,
			f.Responses, f.NoReply, f.Dropped, f.Failed, f.InQueue, f.OutQueue)
	}
}

// on plays in a bubble with one server.
func on(t *testing.T, name string, edit func(*topology.Options), play func(*testing.T, *rig)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, 1, edit)
			play(t, g)
			g.adds(0)
		})
	})
}

var errRefused = errors.New("refused")

// newTestPool has n servers; keys go to them by modula.
func newTestPool(t *testing.T, n int, edit func(*topology.Options)) *topology.Pool {
	t.Helper()
	o := topology.Options{
		Name: "test", Protocol: resp.New(resp.Options{}), Hash: "fnv1a_64", Distribution: "modula", ServerConnections: 1,
		AutoEjectHosts: true, ServerFailureLimit: 2, ServerRetryTimeout: 30 * time.Second,
		Probe: func(*topology.ServerOptions) error { return nil },
	}
	for i := range n {
		name := "s" + string(rune('0'+i))
		o.Servers = append(o.Servers, topology.ServerOptions{Name: name, PName: name, Network: "tcp", Addr: name, Weight: 1})
	}
	if edit != nil {
		edit(&o)
	}
	p, err := topology.NewPool(o, worldtest.New(time.Now()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}
