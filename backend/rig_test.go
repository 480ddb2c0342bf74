package backend

import (
	"context"
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

	"github.com/panjf2000/gnet/v2"

	"cashew/codec/resp"
)

// rig is one loop's connections to a pool of scripted servers, without sockets and, in a synctest bubble, without waiting. It
// stands where the engine stands: it queues requests, and hears what becomes of them.
type rig struct {
	t     *testing.T
	loop  *Loop
	pool  *Pool
	group *Group
	mu    sync.Mutex // timers call Execute
	tasks []gnet.Runnable

	dialing []*Conn // attempts to connect that were not decided, oldest first
	waiting map[int]func()
	lines   []*line
	asked   []*asked
	log     strings.Builder
	tokens  int
}

// line is an open connection, from the server's side.
type line struct {
	tightSocket
	gnet.Conn
	rig    *rig
	conn   *Conn
	fd     int
	host   string
	closed bool
}

func (l *line) Fd() int { return l.fd }
func (l *line) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP(l.host), Port: 1}
}
func (l *line) Read([]byte) (int, error)           { return 0, nil }
func (l *line) Write(p []byte) (int, error)        { return l.tightSocket.Write(p) }
func (l *line) Writev(b [][]byte) (n int, e error) { return l.tightSocket.Writev(b) }

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
	a.rig.loop.Unref(a.request)
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

func newRig(t *testing.T, servers int, edit func(*Options)) *rig {
	g := &rig{t: t, waiting: make(map[int]func())}
	g.pool = newTestPool(t, servers, func(o *Options) {
		o.AutoEjectHosts = false
		for i := range o.Servers {
			o.Servers[i].Addr = o.Servers[i].Name
		}
		if edit != nil {
			edit(o)
		}
	})
	l := &Loop{EL: rigLoop{rig: g}, Log: slog.New(slog.NewTextHandler(&g.log, nil)), Watcher: g}
	l.Connect = func(c *Conn) { g.dialing = append(g.dialing, c) }
	l.Flush, l.FlushSoon, l.Survive = l.FlushConns, l.FlushConns, func(*Conn) {}
	l.Token = func() string { g.tokens++; return fmt.Sprint(g.tokens) }
	was := started // a bubble's clock begins in 2000, before the process did
	started = time.Now().Add(-time.Hour)
	t.Cleanup(func() { started = was })
	l.Tick()
	g.loop, g.group = l, NewGroup(l, g.pool)
	return g
}

type rigLoop struct {
	gnet.EventLoop
	rig *rig
}

func (l rigLoop) Execute(_ context.Context, r gnet.Runnable) error {
	l.rig.mu.Lock()
	defer l.rig.mu.Unlock()
	l.rig.tasks = append(l.rig.tasks, r)
	return nil
}

func (l rigLoop) Close(gc gnet.Conn) error {
	v := gc.(*line)
	v.closed = true
	if v.conn.OnClosed(gc, nil) {
		l.rig.t.Error("a connection that we close is news")
	}
	return nil
}

func (g *rig) Watch(fd int, f func()) error { g.waiting[fd] = f; return nil }
func (g *rig) Cancel(fd int)                { delete(g.waiting, fd) }

// settle runs what is to run on the loop.
func (g *rig) settle() {
	g.loop.FlushConns()
	for {
		g.mu.Lock()
		if len(g.tasks) == 0 {
			g.mu.Unlock()
			return
		}
		r := g.tasks[0]
		g.tasks = slices.Delete(g.tasks, 0, 1)
		g.mu.Unlock()
		_ = r.Run(context.Background())
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
			g.loop.Execute(func() { g.loop.Tidy() })
		}
		g.settle()
	}
	g.loop.Tick()
}

// three is a connection of RESP3, open.
func (g *rig) three(server int) (*Conn, *line) {
	c, err := g.group.Set(resp.RESP3).Conn(server, 1)
	if err != nil {
		g.t.Fatal(err)
	}
	v := g.accept()
	v.says("%1\r\n$5\r\nproto\r\n:3\r\n")
	v.heard()
	return c, v
}

// conn is the connection that a client's requests to a server take.
func (g *rig) conn(server int, client uint64) *Conn {
	c, err := g.group.Set(0).Conn(server, client)
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
	a.request = g.loop.NewRequest(a)
	a.request.Op = g.op(args[0])
	c.Touch()
	c.Queue(a.request)
	c.Out().Append(g.loop, []byte(commandOf(args...)))
	g.asked = append(g.asked, a)
	return a
}

// op is a command's Op, which names what replies fit it.
func (g *rig) op(name string) uint16 {
	p := g.pool.opts.Protocol
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
	v := &line{rig: g, conn: c, fd: 10 + len(g.lines), host: "10.0.0.1"}
	v.room = 1 << 30
	g.lines = append(g.lines, v)
	g.loop.Tick()
	v.closed = !c.Opened(v, v)
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
	v.rig.loop.Tick()
	v.conn.OnData(buf)
	for i := range buf {
		buf[i] = 0xCC
	}
	v.rig.settle()
}

// hangsUp has the server close.
func (v *line) hangsUp() {
	v.closed = true
	v.rig.loop.Tick()
	if !v.conn.OnClosed(v, io.EOF) {
		v.rig.t.Error("a server that closes is no news")
	}
	v.rig.settle()
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
	if f := v.rig.waiting[v.fd]; f != nil {
		delete(v.rig.waiting, v.fd)
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
	f := g.group.Figures(server)
	if sum := f.Responses + f.NoReply + f.Dropped + f.Failed + f.InQueue + f.OutQueue; f.Requests != sum {
		g.t.Errorf("%d requests; responses %d, no reply %d, dropped %d, failed %d, in queue %d, out queue %d", f.Requests,
			f.Responses, f.NoReply, f.Dropped, f.Failed, f.InQueue, f.OutQueue)
	}
}

// on plays in a bubble with one server.
func on(t *testing.T, name string, edit func(*Options), play func(*testing.T, *rig)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, 1, edit)
			play(t, g)
			g.adds(0)
		})
	})
}

var errRefused = errors.New("refused")
