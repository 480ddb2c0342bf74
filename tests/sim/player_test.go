package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/engine"
	"cashew/topology"
)

// player is the world of a script, while it is played.
type player struct {
	t        *testing.T
	sim      *Sim
	line     string // the event
	settings [][2]string
	n        int // servers
	proxy    *engine.Proxy
	servers  []*scriptServer
	clients  []*scriptClient

	accepting bool // servers accept
	// three says that the last event of a client was of one that speaks RESP3, or is about to. That tells whose an attempt to connect
	// is, which does not tell itself; whether it is right shows with the first command on the connection.
	three bool
}

// scriptEnd is the script's end of a connection.
type scriptEnd struct {
	*end
	stalls  bool // it takes as much as its room says
	greeted bool // something came, ever
}

// scriptServer is a server's side of the proxy's only connection to it of one profile.
type scriptServer struct {
	three   *scriptServer // the same server's side of that of RESP3; nil if this is it
	name    string
	dialing *attempt // that the script has not decided
	conn    *scriptEnd
	former  []*scriptEnd // those before it that have not ended, or only in this event
	sick    bool         // answers no probe
}

// attempt is one to connect.
type attempt struct {
	decided bool
	refused bool
	waiters []waiter
}

type scriptClient struct {
	*scriptEnd
	three bool // it speaks RESP3
	told  bool // the end
}

// start makes the proxy, if there is none yet, and its servers.
func (p *player) start() {
	if p.proxy != nil {
		return
	}
	o, po := engine.DefaultOptions(), engine.DefaultPool("sim")
	o.Loops = 1
	po.Protocol, po.Distribution = resp.New(resp.Options{}), "modula"
	po.Listen = engine.Listen{Text: front, Network: "tcp", Addr: front}
	po.Probe = p.probe
	for i := range max(p.n, 1) {
		p.addServer(&po, i)
	}
	for _, kv := range p.settings {
		p.option(&o, &po, kv[0], kv[1])
	}
	o.Pools = append(o.Pools, po)
	var err error
	if p.proxy, err = engine.New(o, p.sim, slog.New(slog.DiscardHandler)); err != nil {
		p.t.Fatal(err)
	}
	p.sim.Go(func() { err = p.proxy.Start() })
	p.settle()
	if err != nil {
		p.t.Fatal(err)
	}
}

// option changes a setting.
func (p *player) option(o *engine.Options, po *engine.PoolOptions, name, value string) {
	n, _ := strconv.Atoi(value)
	switch name {
	case "timeout":
		po.Timeout = time.Duration(n) * time.Millisecond
	case "max_pipeline":
		o.MaxPipeline = n
	case "max_request":
		o.MaxRequestBytes = n
	case "client_output_buffer":
		po.ClientOutputBuffer = n
	case "client_write_timeout":
		po.ClientWriteTimeout = time.Duration(n) * time.Millisecond
	case "password":
		po.Protocol = resp.New(resp.Options{Password: value, DB: 3})
	case "eject":
		po.AutoEjectHosts, po.ServerFailureLimit, po.ServerRetryTimeout = true, n, time.Hour
	case "partial":
		po.PartialResults = true
	case "on_server_failure":
		po.OnServerFailure = topology.FailurePolicies[value]
	case "protocol":
		po.Protocol = memcached.New(memcached.Options{Admin: true})
	default:
		p.t.Fatalf("unknown option %q", name)
	}
}

// addServer adds the i-th server to a pool, and to the world.
func (p *player) addServer(po *engine.PoolOptions, i int) {
	at, name := fmt.Sprintf("10.0.0.%d:6379", 1+i), "s"+strconv.Itoa(i)
	v := &scriptServer{name: strconv.Itoa(i), three: &scriptServer{name: strconv.Itoa(i) + "/3"}}
	p.servers = append(p.servers, v)
	po.Servers = append(po.Servers, topology.ServerOptions{Name: name, PName: name, Network: "tcp", Addr: at, Weight: 1})
	var next *scriptServer // whose attempt was decided last
	p.sim.hosts[at] = &host{
		addr: addr(at),
		accept: func(e *end) {
			if next.conn != nil {
				next.former = append(next.former, next.conn)
			}
			next.conn = &scriptEnd{end: e}
		},
		decide: func(ctx context.Context) error {
			side := v
			if p.three {
				side = v.three
			}
			err := p.decide(ctx, side)
			next = side
			return err
		},
	}
}

// decide waits until the script says what becomes of an attempt.
func (p *player) decide(ctx context.Context, v *scriptServer) error {
	if p.accepting {
		return nil
	}
	if v.dialing != nil {
		p.t.Errorf("%q: server %s is connected to twice", p.line, v.name)
	}
	a := new(attempt)
	v.dialing = a
	for !a.decided && ctx.Err() == nil {
		p.sim.waitIn(ctx, 0, &a.waiters)
	}
	v.dialing = nil
	switch {
	case !a.decided:
		return ctx.Err()
	case a.refused:
		return syscall.ECONNREFUSED
	}
	return nil
}

// probe is in place of a connection that the script would have to tell from the loop's.
func (p *player) probe(o *topology.ServerOptions) error {
	for _, v := range p.servers {
		if "s"+v.name == o.Name && v.sick {
			return syscall.ECONNREFUSED
		}
	}
	return nil
}

// settle steps until nothing can happen at this time any more.
func (p *player) settle() {
	for p.sim.fire(); len(p.sim.ready) > 0; {
		p.sim.Step()
	}
}

// pass has time pass.
func (p *player) pass(d time.Duration) {
	s := p.sim
	end := s.now + int64(d)
	for len(s.timers) > 0 && s.timers[0].at <= end {
		s.now = s.timers[0].at
		p.settle()
	}
	s.now = end
}

func (p *player) number(s string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(s, ":"))
	if err != nil {
		p.t.Fatalf("%q: %v", p.line, err)
	}
	return n
}

// quoted is the event's string.
func (p *player) quoted() string {
	_, s, _ := strings.Cut(p.line, `"`)
	s, err := strconv.Unquote(`"` + s)
	if err != nil {
		p.t.Fatalf("%q: %v", p.line, err)
	}
	return s
}

// client is the n-th, which connects now if it has not yet, as those before it do.
func (p *player) client(n int) *scriptClient {
	for len(p.clients) < n {
		e := p.sim.connect(p.sim.hosts[front], "tcp")
		p.clients = append(p.clients, &scriptClient{scriptEnd: &scriptEnd{end: e}})
		p.settle()
	}
	return p.clients[n-1]
}

// serverEvent is what a server does but sending.
func (p *player) serverEvent(v *scriptServer, f []string) {
	switch f[0] {
	case "accepts", "refuses":
		if a := v.dialing; a != nil {
			a.decided, a.refused = true, f[0] == "refuses"
			wakeAll(a.waiters)
		}
	case "sickens":
		v.sick = true
	case "closes":
		if v.conn != nil {
			v.conn.close(false)
		}
	default:
		p.happens(v.conn, f)
	}
}

// happens is what a client does but sending, and a server with its connection.
func (p *player) happens(e *scriptEnd, f []string) {
	switch f[0] {
	case "sends":
		e.send(p.quoted())
	case "closes":
		_ = e.closeWrite()
	case "resets":
		e.close(true)
	case "stalls":
		e.stalls, e.room = true, 0
	case "takes":
		e.stalls, e.room = true, p.number(f[1])
		e.peer.wakeWriter()
	default:
		p.t.Fatalf("unknown event %q", p.line)
	}
}

// send sends s, unless the connection has ended.
func (e *scriptEnd) send(s string) {
	if e != nil && !e.closed {
		_, _ = e.write([]byte(s))
	}
}

// take is what came since the last call.
func (e *scriptEnd) take() string {
	got, _ := io.ReadAll(reader{e.end})
	if e.stalls {
		e.room -= len(got)
	}
	return string(got)
}

// reader ends where nothing more has come.
type reader struct{ *end }

func (r reader) Read(p []byte) (int, error) {
	n, err := r.read(p)
	if n == 0 {
		err = io.EOF
	}
	return n, err
}

// outcome writes what clients and servers got since the last event.
func (p *player) outcome(out *bytes.Buffer) {
	for _, v := range p.servers {
		p.serverOutcome(out, v)
		p.serverOutcome(out, v.three)
	}
	for i, c := range p.clients {
		if got := c.take(); got != "" {
			fmt.Fprintf(out, "  client %d gets %s\n", i+1, short(got))
			if _, proto, ok := strings.Cut(got, "$5\r\nproto\r\n:"); ok {
				c.three = proto[0] == '3'
			}
		}
		if c.fin && !c.told && !c.peer.closed {
			c.told = true
			fmt.Fprintf(out, "  client %d is told the end\n", i+1)
		}
		if c.peer.closed && c.refs > 0 {
			fmt.Fprintf(out, "  client %d is disconnected\n", i+1)
			c.release()
		}
	}
	p.settle() // what room was made by reading is looked at
}

// serverOutcome writes what v got.
func (p *player) serverOutcome(out *bytes.Buffer, v *scriptServer) {
	if v.dialing != nil {
		fmt.Fprintf(out, "  server %s is being connected to\n", v.name)
	}
	v.former = slices.DeleteFunc(v.former, func(e *scriptEnd) bool { return p.endOutcome(out, v, e) })
	if v.conn != nil && p.endOutcome(out, v, v.conn) {
		v.conn = nil
	}
}

// endOutcome writes what v got on one connection, and reports whether that has ended.
func (p *player) endOutcome(out *bytes.Buffer, v *scriptServer, e *scriptEnd) (ended bool) {
	if got := e.take(); got != "" {
		fmt.Fprintf(out, "  server %s gets %s\n", v.name, short(got))
		if hello := strings.HasPrefix(got, array("HELLO", "3")); hello != (v.three == nil) && !e.greeted {
			p.t.Errorf("%q: server %s is the wrong name of this connection", p.line, v.name)
		}
		e.greeted = true
	}
	if !e.peer.closed {
		return false
	}
	fmt.Fprintf(out, "  server %s is disconnected\n", v.name)
	e.release()
	return true
}

// end stops the proxy, and looks for what is left.
func (p *player) end() {
	if p.proxy == nil {
		return
	}
	p.sim.Go(p.proxy.Stop)
	p.settle()
	for _, v := range p.servers {
		for _, e := range slices.Concat(v.former, v.three.former, []*scriptEnd{v.conn, v.three.conn}) {
			if e != nil {
				e.release()
			}
		}
	}
	for _, c := range p.clients {
		if c.refs > 0 {
			c.release()
		}
	}
	p.pass(topology.DialTimeout + time.Second) // attempts that nobody decided
	if p.sim.open != 0 || p.sim.tasks != 0 {
		p.t.Errorf("%d ends of connections are open, and %d tasks have not ended, when all is over", p.sim.open, p.sim.tasks)
		return
	}
	p.sim.Close()
}

func short(s string) string {
	if len(s) > 400 {
		return fmt.Sprintf("%q... (%d bytes)", s[:40], len(s))
	}
	return strconv.Quote(s)
}

// array is a command as clients send it.
func array(args ...string) string {
	out := fmt.Sprintf("*%d\r\n", len(args))
	for _, a := range args {
		out += fmt.Sprintf("$%d\r\n%s\r\n", len(a), a)
	}
	return out
}
