package engine

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/session/sessiontest"
	"cashew/stats"
)

// TestRandom plays random events and holds each client's replies against a model: one reply for each command, in order,
// and either what the servers answered for just that command or an error. The servers are functions of their input, so the
// model needs no state: GET k is "v:k", MGET the same for each key, DEL counts its keys.
func TestRandom(t *testing.T) {
	runs := 150
	if testing.Short() {
		runs = 40
	}
	for seed := range runs {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playRandom(t, rand.New(rand.NewPCG(uint64(seed), 7))) })
		})
	}
}

// FuzzEvents is TestRandom with the choices in the fuzzer's hands: which bytes come from whom, who closes, when time passes.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("clients send, servers answer"))
	f.Add([]byte{0, 1, 2, 3, 255, 254, 253, 128, 64, 32})
	f.Fuzz(func(t *testing.T, choices []byte) {
		synctest.Test(t, func(t *testing.T) { playRandom(t, rand.New(&choiceSource{choices: choices, then: rand.NewPCG(1, 2)})) })
	})
}

// choiceSource is a source of "random" numbers that begin with what the fuzzer says.
type choiceSource struct {
	choices []byte
	then    rand.Source
}

func (c *choiceSource) Uint64() uint64 {
	if len(c.choices) == 0 {
		return c.then.Uint64()
	}
	b := uint64(c.choices[0])
	c.choices = c.choices[1:]
	return b<<56 | b<<24 // rand takes the high bits of either half
}

// modelServer answers what the proxy sends it.
type modelServer struct {
	sv   *simServer
	sock *fakeSocket // of the connection that in and out belong to
	in   string      // not parsed yet
	out  []string    // replies not sent yet; of the first, perhaps only the rest

	got, sent int // bytes, ever
}

func playRandom(t *testing.T, rnd *rand.Rand) {
	servers := 1 + rnd.IntN(4)
	broken := rnd.IntN(2) == 0 // servers fail in this run
	s := newSim(t, servers, func(o *Options, po *PoolOptions) {
		o.MaxPipeline = 1 + rnd.IntN(40)
		if broken && rnd.IntN(2) == 0 {
			po.Timeout = time.Duration(20+rnd.IntN(50)) * time.Millisecond
		}
	})
	s.Layered = rnd.IntN(3) == 0
	var models []*modelServer
	for _, v := range s.Servers {
		models = append(models, &modelServer{sv: v})
	}
	type client struct {
		*simClient
		want   []string // one for each command
		unsent string
		got    string
	}
	var clients []*client
	var sent, got int64 // bytes
	chunk := []int{
		100,     // bytes that a client sends at once
		2000,    // many commands, so that it has to wait
		100_000, // large commands, whose ends it has sent when their beginnings are read
	}[rnd.IntN(3)]
	for range 1 + rnd.IntN(5) {
		clients = append(clients, &client{simClient: s.connect()})
	}
	reloads := rnd.IntN(2) == 0
	added := 0
	step := func(last bool) {
		if reloads && !last && rnd.IntN(40) == 0 {
			s.reload(func(o *Options, po *PoolOptions) { randomReload(rnd, o, po, &added) })
			for _, v := range s.Servers[len(models):] {
				models = append(models, &modelServer{sv: v})
			}
		}
		c := clients[rnd.IntN(len(clients))]
		m := models[rnd.IntN(len(models))]
		switch k := rnd.IntN(10); {
		case k < 3 && !last: // a client thinks of commands
			for range 1 + rnd.IntN(8) {
				cmd, want := randomCommand(rnd)
				c.unsent += cmd
				c.want = append(c.want, want)
			}
		case k < 5: // a client sends some bytes
			n := min(len(c.unsent), 1+rnd.IntN(chunk))
			if last {
				n = len(c.unsent)
			}
			c.Send(c.unsent[:n])
			sent += int64(n)
			c.unsent = c.unsent[n:]
		case k < 6:
			m.sv.Accept()
		case k < 9:
			m.answer(rnd, broken && !last && rnd.IntN(8) == 0)
		case broken && !last && rnd.IntN(8) == 0:
			m.sv.HangUp()
		case broken && !last && rnd.IntN(4) == 0:
			s.Passes(time.Duration(1+rnd.IntN(20)) * time.Millisecond)
		case broken && !last:
			m.sv.Refuse(syscall.ECONNREFUSED)
		default: // a client's socket is full, or not
			if rnd.IntN(2) == 0 && !last {
				c.Sock.Room = rnd.IntN(50)
			} else {
				s.DrainRoom(c.Sock, -1)
			}
		}
		if rnd.IntN(3) == 0 || last {
			s.Settle()
		}
		for _, c := range clients {
			p := c.Sock.Take()
			c.got += p
			got += int64(len(p))
		}
	}
	for range 400 {
		step(false)
	}
	owed := func() bool {
		for _, c := range clients {
			if c.unsent != "" {
				return true
			}
		}
		for _, c := range s.local.Infos() {
			if c.InFlight > 0 || c.Blocked || c.OutBytes > 0 {
				return true
			}
		}
		return len(s.Tasks) > 0
	}
	for i := 0; owed() && i < 1e6; i++ {
		step(true)
	}
	commands := int64(0)
	for i, c := range clients {
		commands += int64(len(c.want))
		got := splitReplies(t, c.got)
		if len(got) != len(c.want) || c.unsent != "" {
			t.Fatalf("client %d: %d replies to %d commands, %d bytes unsent; clients: %+v",
				i, len(got), len(c.want), len(c.unsent), s.local.Infos())
		}
		for j := range got {
			if broken && (strings.HasPrefix(got[j], "-ERR Connection ") || got[j] == "-ERR Invalid argument\r\n") {
				continue
			}
			if got[j] != c.want[j] {
				t.Fatalf("client %d command %d: reply %q; want %q", i, j, got[j], c.want[j])
			}
		}
		c.HangUp(io.EOF)
	}
	if s.Loop.Busy != 0 {
		t.Errorf("busy = %d with no client left", s.Loop.Busy)
	}
	st := s.snapshot()
	if st.InFlight != 0 || st.ClientBlocked != 0 || st.ClientEOF != int64(len(clients)) || st.ClientErr != 0 {
		t.Errorf("in flight %d, blocked %d, client_eof %d, client_err %d; want 0, 0, %d, 0",
			st.InFlight, st.ClientBlocked, st.ClientEOF, st.ClientErr, len(clients))
	}
	if st.RequestBytesFromClients != sent || st.ReplyBytesToClients != got || st.WriteBack.Count() != commands {
		t.Errorf("%d bytes from clients, %d to them, %d replies; want %d, %d, %d",
			st.RequestBytesFromClients, st.ReplyBytesToClients, st.WriteBack.Count(), sent, got, commands)
	}
	for i := range st.Servers { // not those that a reload removed
		v := &st.Servers[i]
		m := slices.IndexFunc(models, func(m *modelServer) bool { return m.sv.Name == v.Name })
		models[m].addsUp(t, v, broken)
	}
}

// addsUp holds a server's figures against each other and, if no connection failed, against what the server saw.
func (m *modelServer) addsUp(t *testing.T, v *stats.Server, broken bool) {
	t.Helper()
	if sum := v.Responses + v.NoReply + v.Dropped + v.Failed + v.InQueue + v.OutQueue; v.Requests != sum {
		t.Errorf("%s: %d requests; responses, dropped, failed and queued are %d: %+v", v.Name, v.Requests, sum, counts(*v))
	}
	timed := int64(0)
	for i := range v.Latency {
		timed += v.Latency[i].Server.Count()
		if q := v.Latency[i].Queue.Count(); q != v.Latency[i].Server.Count() {
			t.Errorf("%s: %d times in the queue, %d at the server", v.Name, q, v.Latency[i].Server.Count())
		}
	}
	if timed != v.Responses+v.Dropped {
		t.Errorf("%s: %d times of %d responses and %d dropped", v.Name, timed, v.Responses, v.Dropped)
	}
	if up := m.sv.Up != nil; v.ServerConnections != 0 && !up || v.ServerConnections != 1 && up {
		t.Errorf("%s: server_connections = %d, up %v", v.Name, v.ServerConnections, m.sv.Up != nil)
	}
	if broken {
		return
	}
	want := stats.Server{
		ServerConnections: v.ServerConnections, Requests: v.Requests, RequestBytes: int64(m.got), Responses: v.Requests,
		ResponseBytes: int64(m.sent),
	}
	if d := cmp.Diff(want, counts(*v)); d != "" {
		t.Errorf("%s, which never failed (-want +got):\n%s", v.Name, d)
	}
}

// randomReload adds a server, removes one, or changes a setting.
func randomReload(rnd *rand.Rand, o *Options, po *PoolOptions, added *int) {
	switch k := rnd.IntN(7); {
	case k == 6: // counts only where time passes: in runs with servers that fail
		po.Timeout = time.Duration(rnd.IntN(2)*(20+rnd.IntN(50))) * time.Millisecond
	case k < 2:
		*added++
		po.Servers = append(po.Servers, sessiontest.ServerNamed(fmt.Sprintf("n%d", *added)))
	case k < 4 && len(po.Servers) > 1:
		i := rnd.IntN(len(po.Servers))
		po.Servers = slices.Delete(po.Servers, i, i+1)
	case k == 4:
		po.Distribution = []string{"modula", "ketama"}[rnd.IntN(2)]
	default:
		o.MaxPipeline = 1 + rnd.IntN(40)
	}
}

// randomCommand returns a command and the reply to it.
func randomCommand(rnd *rand.Rand) (cmd, want string) {
	key := func() string { return "k" + strconv.Itoa(rnd.IntN(1000)) }
	switch rnd.IntN(6) {
	case 0:
		return array("PING"), "+PONG\r\n"
	case 1:
		args := []string{"DEL"}
		for range 1 + rnd.IntN(6) {
			args = append(args, key())
		}
		return array(args...), fmt.Sprintf(":%d\r\n", len(args)-1)
	case 2:
		args := []string{"MGET"}
		for range 1 + rnd.IntN(10) {
			args = append(args, key())
		}
		want = fmt.Sprintf("*%d\r\n", len(args)-1)
		for _, k := range args[1:] {
			want += bulk("v:" + k)
		}
		return array(args...), want
	case 3:
		return "GET inline\r\n", bulk("v:inline")
	default:
		k := key()
		if rnd.IntN(50) == 0 {
			k += strings.Repeat("x", 20<<10+rnd.IntN(60<<10)) // too large for one batch, or for any
		}
		return array("GET", k), bulk("v:" + k)
	}
}

// answer parses what the server got and sends some bytes of its replies; mad, it sends garbage behind some of them.
func (m *modelServer) answer(rnd *rand.Rand, mad bool) {
	if m.sv.Up == nil {
		return
	}
	if m.sock != m.sv.Sock {
		m.sock, m.in, m.out = m.sv.Sock, "", nil
	}
	in := m.sv.Sock.Take()
	m.in += in
	m.got += len(in)
	for {
		args, n := parseArray(m.in)
		if n == 0 {
			break
		}
		m.in = m.in[n:]
		m.out = append(m.out, modelReply(args))
	}
	if mad {
		m.sv.Reply(strings.Join(m.out[:rnd.IntN(len(m.out)+1)], "") + "HTTP/1.1 400\r\n")
		return
	}
	n := 1 << 30
	if rnd.IntN(2) == 0 {
		n = 1 + rnd.IntN(64)
	}
	var p string
	for len(m.out) > 0 && n > 0 {
		k := min(n, len(m.out[0]))
		p += m.out[0][:k]
		m.out[0] = m.out[0][k:]
		if m.out[0] == "" {
			m.out = m.out[1:]
		}
		n -= k
	}
	m.sent += len(p)
	m.sv.Reply(p)
}

func modelReply(args []string) string {
	switch strings.ToUpper(args[0]) {
	case "GET":
		return bulk("v:" + args[1])
	case "DEL":
		return fmt.Sprintf(":%d\r\n", len(args)-1)
	case "MGET":
		reply := fmt.Sprintf("*%d\r\n", len(args)-1)
		for _, k := range args[1:] {
			reply += bulk("v:" + k)
		}
		return reply
	}
	panic("the proxy sent " + args[0])
}

// parseArray is a parser that is simple enough to be right; n == 0 if s is not a whole command.
func parseArray(s string) (args []string, n int) {
	line := func() (int, bool) {
		i := strings.Index(s[n:], "\r\n")
		if i < 0 {
			return 0, false
		}
		v, _ := strconv.Atoi(s[n+1 : n+i])
		n += i + 2
		return v, true
	}
	count, ok := line()
	for range count {
		size, ok := line()
		if !ok || len(s) < n+size+2 {
			return nil, 0
		}
		args = append(args, s[n:n+size])
		n += size + 2
	}
	if !ok {
		return nil, 0
	}
	return args, n
}

// splitReplies cuts a stream into replies.
func splitReplies(t *testing.T, s string) (replies []string) {
	var one func(s string) int
	one = func(s string) int {
		i := strings.Index(s, "\r\n")
		if i < 0 {
			t.Fatalf("half a reply: %q", s)
		}
		v, _ := strconv.Atoi(s[1:i])
		n := i + 2
		switch s[0] {
		case '$':
			n += v + 2
		case '*':
			for range v {
				n += one(s[n:])
			}
		}
		return n
	}
	for len(s) > 0 {
		n := one(s)
		replies = append(replies, s[:n])
		s = s[n:]
	}
	return replies
}
