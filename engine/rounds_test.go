package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/codec"
	"cashew/codec/memcached"
	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// round is some commands of one client sent and answered, as gnet's callbacks would bring it: what the hot path does, all
// but the system calls. Tests count its allocations and copies, benchmarks its time, bench/callgrind its instructions.
type round struct {
	name       string
	mc         bool // memcached; else Redis
	three      bool // in RESP3, or memcached's binary protocol
	cluster    bool // the servers are one
	replicated bool // each server has a replica, which reads go to
	servers    int
	in         string
	want       string // what the client gets
}

// hotCommand is a command that clients send all the time, and the reply to it.
type hotCommand struct{ name, in, want string }

// hotValue is what the servers of a stage answer where a value is asked for.
var hotValue = strings.Repeat("v", 64)

const hotKey = "key:000000000001"

// redisHot are the hot commands of the Redis protocol.
func redisHot() []hotCommand {
	keys := make([]string, 10)
	var pairs []string
	for i := range keys {
		keys[i] = fmt.Sprintf("key:%012d", i)
		pairs = append(pairs, keys[i], hotValue)
	}
	all := func(name string, args []string) string { return array(append([]string{name}, args...)...) }
	return []hotCommand{
		{"get", array("GET", hotKey), bulk(hotValue)},
		{"get-inline", "GET " + hotKey + "\r\n", bulk(hotValue)},
		{"set", array("SET", hotKey, hotValue), "+OK\r\n"},
		{"set-ex", array("SET", hotKey, hotValue, "EX", "600"), "+OK\r\n"},
		{"set-inline", "SET " + hotKey + " " + hotValue + "\r\n", "+OK\r\n"},
		{"setex", array("SETEX", hotKey, "600", hotValue), "+OK\r\n"},
		{"incr", array("INCR", hotKey), ":1\r\n"},
		{"expire", array("EXPIRE", hotKey, "600"), ":1\r\n"},
		{"hget", array("HGET", hotKey, "field"), bulk(hotValue)},
		{"hset", array("HSET", hotKey, "field", hotValue), ":1\r\n"},
		{"lpush", array("LPUSH", hotKey, hotValue), ":1\r\n"},
		{"lrange", array("LRANGE", hotKey, "0", "9"), "*10\r\n" + strings.Repeat(bulk(hotValue), 10)},
		{"zadd", array("ZADD", hotKey, "1", "member"), ":1\r\n"},
		{"evalsha", array("EVALSHA", strings.Repeat("a", 40), "1", hotKey, "arg"), ":1\r\n"},
		{"ping", array("PING"), "+PONG\r\n"},
		{"mget-100", all("MGET", slices.Repeat(keys, 10)), "*100\r\n" + strings.Repeat(bulk(hotValue), 100)},
		{"mget-10", all("MGET", keys), "*10\r\n" + strings.Repeat(bulk(hotValue), 10)},
		{"mset-10", all("MSET", pairs), "+OK\r\n"},
		{"del-10", all("DEL", keys), ":10\r\n"},
		{"exists-10", all("EXISTS", keys), ":10\r\n"},
	}
}

// redis3Hot are the hot commands in RESP3: what differs there, and what has to cost the same.
func redis3Hot() []hotCommand {
	hash := "%10\r\n" + strings.Repeat(bulk("field")+bulk(hotValue), 10)
	return append(redisHot(),
		hotCommand{"get-null", array("GET", "miss:1"), "_\r\n"},
		hotCommand{"hgetall", array("HGETALL", hotKey), hash},
		hotCommand{"zscore", array("ZSCORE", hotKey, "member"), ",1.5\r\n"},
	)
}

// memcachedHot are those of memcached's, classic and meta; mg-10-quiet is a batch that a mn ends, its last four keys missing.
func memcachedHot() []hotCommand {
	keys, values, withCas := "", "", ""
	batch, found := "", ""
	for i := range 10 {
		key := fmt.Sprintf("key:%012d", i)
		keys += " " + key
		values += mcValue(key, "")
		withCas += mcValue(key, " 7")
		if i < 6 {
			batch += "mg " + key + " v k q\r\n"
			found += "VA 64 k" + key + "\r\n" + hotValue + "\r\n"
		} else {
			batch += "mg miss:" + key + " v k q\r\n"
		}
	}
	block := "\r\n" + hotValue + "\r\n"
	return []hotCommand{
		{"get", "get " + hotKey + "\r\n", mcValue(hotKey, "") + "END\r\n"},
		{"gets", "gets " + hotKey + "\r\n", mcValue(hotKey, " 7") + "END\r\n"},
		{"get-10", "get" + keys + "\r\n", values + "END\r\n"},
		{"gets-10", "gets" + keys + "\r\n", withCas + "END\r\n"},
		{"gat", "gat 600 " + hotKey + "\r\n", mcValue(hotKey, "") + "END\r\n"},
		{"set", "set " + hotKey + " 0 600 64" + block, "STORED\r\n"},
		{"set-noreply", "set " + hotKey + " 0 600 64 noreply" + block, ""},
		{"add", "add " + hotKey + " 0 600 64" + block, "STORED\r\n"},
		{"append", "append " + hotKey + " 0 600 64" + block, "STORED\r\n"},
		{"cas", "cas " + hotKey + " 0 600 64 7" + block, "STORED\r\n"},
		{"incr", "incr " + hotKey + " 1\r\n", "1\r\n"},
		{"incr-noreply", "incr " + hotKey + " 1 noreply\r\n", ""},
		{"delete", "delete " + hotKey + "\r\n", "DELETED\r\n"},
		{"touch", "touch " + hotKey + " 600\r\n", "TOUCHED\r\n"},
		{"mg", "mg " + hotKey + " v\r\n", "VA 64" + block},
		{"ms", "ms " + hotKey + " 64" + block, "HD\r\n"},
		{"md", "md " + hotKey + "\r\n", "HD\r\n"},
		{"ma", "ma " + hotKey + "\r\n", "HD\r\n"},
		{"mn", "mn\r\n", "MN\r\n"},
		{"mg-10-quiet", batch + "mn\r\n", found + "MN\r\n"},
		{"ms-10-quiet", strings.Repeat("ms "+hotKey+" 64 q"+block, 10) + "mn\r\n", "MN\r\n"},
		{"md-10-quiet", strings.Repeat("md "+hotKey+" q\r\n", 10) + "mn\r\n", "MN\r\n"},
	}
}

func mcValue(key, cas string) string {
	return "VALUE " + key + " 0 64" + cas + "\r\n" + hotValue + "\r\n"
}

// rounds are all hot commands, alone and pipelined by 16, before one server and before four. Redis's have plain names,
// memcached's begin with mc, and in its binary protocol with mc-binary, those in RESP3 with resp3, those before a Redis Cluster with cluster, and those
// where reads go to replicas with replicas.
func rounds() []round {
	var all []round
	add := func(of round, prefix string, c hotCommand) {
		for _, servers := range []int{1, 4} {
			for _, p := range []int{1, 16} {
				if p > 1 && strings.HasSuffix(c.name, "-quiet") {
					continue // a batch is a pipeline
				}
				r := of
				r.name, r.servers, r.in, r.want = prefix+c.name, servers, strings.Repeat(c.in, p), strings.Repeat(c.want, p)
				if servers > 1 {
					r.name += "-four-servers"
				}
				if p > 1 {
					r.name += "-pipeline-" + strconv.Itoa(p)
				}
				all = append(all, r)
			}
		}
	}
	for _, c := range redisHot() {
		add(round{}, "", c)
		add(round{cluster: true}, "cluster-", c)
		if slices.Contains([]string{"get", "set", "mget-10", "mset-10", "evalsha"}, c.name) {
			add(round{replicated: true}, "replicas-", c)
		}
	}
	for _, c := range redis3Hot() {
		add(round{three: true}, "resp3-", c)
	}
	for _, c := range memcachedHot() {
		add(round{mc: true}, "mc-", c)
	}
	for _, c := range binaryHot() {
		add(round{mc: true, three: true}, "mc-binary-", c)
	}
	return all
}

// stage is a client before its servers, on which one round is played over and over.
type stage struct {
	sim     *sim
	client  *simClient
	servers []*simServer
	in      []byte // of the round, and a copy to send: what gnet reads is new each time
	send    []byte
	replies [][]byte // by server, and a copy
	reply   [][]byte
}

// newStage connects everybody and plays r until the session knows how large its replies are, with servers that understand
// what they get. Then it keeps their answers.
func newStage(t testing.TB, r round, edits ...func(*Options, *PoolOptions)) *stage {
	t.Helper()
	s := newSim(t, r.servers, func(o *Options, po *PoolOptions) {
		po.Timeout, po.SlowerThan = time.Hour, time.Hour // nothing is late or slow, though valgrind may play it
		if r.mc {
			po.Protocol = memcached.New(memcached.Options{})
		}
		if r.cluster {
			po.Protocol, po.Cluster, po.Slots = resp.New(resp.Options{Cluster: true}), true, new(ring.Slots)
			for slot := range po.Slots {
				po.Slots[slot] = uint16(slot * r.servers / ring.SlotCount)
			}
		}
		if r.replicated {
			replicate(po)
		}
		for _, edit := range edits {
			edit(o, po)
		}
	})
	s.AcceptAll()
	if r.replicated {
		s.awaken()
	}
	g := &stage{sim: s, client: s.connect(), in: []byte(r.in), send: make([]byte, len(r.in))}
	g.replies, g.servers = make([][]byte, len(s.Servers)), slices.Clone(s.Servers)
	if r.three {
		for i, v := range g.servers {
			g.servers[i] = v.Three
		}
	}
	if r.three && !r.mc {
		g.client.Send(array("HELLO", "3"))
		g.answer(t, r)
		if got := g.client.Sock.Take(); !strings.HasPrefix(got, "%") {
			t.Fatalf("HELLO 3: the client gets %.300q", got)
		}
	}
	for range 32 {
		clear(g.replies)
		g.client.Send(r.in)
		g.answer(t, r)
		if got := g.client.Sock.Take(); got != r.want {
			t.Fatalf("the client gets %.300q; want %.300q", got, r.want)
		}
	}
	for _, p := range g.replies {
		g.reply = append(g.reply, make([]byte, len(p)))
	}
	if got := g.playRound(); string(got) != r.want {
		t.Fatalf("in one go, the client gets %.300q; want %.300q", got, r.want)
	}
	return g
}

// replicate gives each server a replica, which all go to that may.
func replicate(po *PoolOptions) {
	for i := range po.Servers {
		r := sessiontest.ServerNamed("r" + strconv.Itoa(i))
		r.Of = po.Servers[i].Name
		po.Replicas = append(po.Replicas, r)
	}
	for _, may := range resp.ReadOps() {
		policy := topology.FromMaster
		if may {
			policy = topology.PreferReplica
		}
		po.ReadsByOp = append(po.ReadsByOp, policy)
	}
}

// awaken has the replicas be well.
func (s *sim) awaken() {
	for i, r := range s.pool.Replicas() {
		s.AddServer(s.pool.Options().Replicas[i].Name)
		s.pool.MasterSaid(s.pool.Servers()[i], 1, &codec.Replication{IsMaster: true, History: "h"})
		s.pool.ReplicaSaid(r, 1, &codec.Replication{History: "h", Linked: true})
	}
}

// answer has the servers answer, and keeps what they say, until they have no more to do.
func (g *stage) answer(t testing.TB, r round) {
	t.Helper()
	for answered := true; answered; {
		answered = false
		g.sim.Settle()
		for i, v := range g.servers {
			if v.Sock == nil || len(v.Sock.Got) == 0 {
				continue
			}
			reply := hotReplies(t, r, v.Sock.Take())
			g.replies[i] = append(g.replies[i], reply...)
			v.Reply(reply)
			answered = true
		}
	}
}

// play plays the round once more and returns what the client got, until the next call.
//
//go:noinline // bench/callgrind counts the instructions of this function
func (g *stage) play() []byte { return g.playRound() }

func (g *stage) playRound() []byte {
	c := g.client
	c.Sock.Got = c.Sock.Got[:0]
	copy(g.send, g.in)
	g.sim.Loop.Data(c.session, g.send)
	for i, v := range g.servers {
		if v.Up == nil {
			continue
		}
		v.Sock.Got = v.Sock.Got[:0]
		if len(g.reply[i]) > 0 {
			copy(g.reply[i], g.replies[i])
			g.sim.Loop.Data(v.Up, g.reply[i])
		}
	}
	return c.Sock.Got
}

// hotReplies is what a server answers to commands that it got.
func hotReplies(t testing.TB, r round, in string) (out string) {
	t.Helper()
	for len(in) > 0 {
		reply, n := "", 0
		switch {
		case r.mc && r.three:
			reply, n = binaryHotReply(in)
		case r.mc:
			reply, n = mcHotReply(in)
		default:
			reply, n = hotReply(in, r.want)
		}
		if n == 0 {
			t.Fatalf("a server got %q", in)
		}
		out, in = out+reply, in[n:]
	}
	return out
}

// hotReply answers the first command of in, which has n bytes. want is what a client gets: the reply to a command that only
// RESP3's rounds have.
func hotReply(in, want string) (reply string, n int) {
	var args []string
	if in[0] == '*' {
		args, n = parseArray(in)
	} else {
		line, _, _ := strings.Cut(in, "\r\n")
		args, n = strings.Fields(line), len(line)+2
	}
	if n == 0 {
		return "", 0
	}
	switch strings.ToUpper(args[0]) { // ours are in lower case
	case "HELLO":
		reply = "%1\r\n$5\r\nproto\r\n:3\r\n"
	case "HGETALL", "ZSCORE":
		reply = want
		if i := strings.LastIndex(want[1:], want[:3]); i >= 0 { // a pipeline's are all the same
			reply = want[i+1:]
		}
	case "GET", "HGET":
		if reply = bulk(hotValue); strings.HasPrefix(args[1], "miss:") {
			reply = "_\r\n"
		}
	case "LRANGE":
		reply = "*10\r\n" + strings.Repeat(bulk(hotValue), 10)
	case "MGET":
		reply = fmt.Sprintf("*%d\r\n", len(args)-1) + strings.Repeat(bulk(hotValue), len(args)-1)
	case "DEL", "EXISTS":
		reply = fmt.Sprintf(":%d\r\n", len(args)-1)
	case "SET", "SETEX", "MSET":
		reply = "+OK\r\n"
	default:
		reply = ":1\r\n"
	}
	return reply, n
}

// mcHotReply answers the first of memcached's. A meta command comes without its q: see Protocol.Suppress.
func mcHotReply(in string) (reply string, n int) {
	line, _, whole := strings.Cut(in, "\r\n")
	args := strings.Fields(line)
	if !whole || len(args) == 0 {
		return "", 0
	}
	n = len(line) + 2
	name := args[0]
	switch name {
	case "get", "gets", "gat":
		keys, cas := args[1:], ""
		if name == "gat" {
			keys = args[2:]
		}
		if name == "gets" {
			cas = " 7"
		}
		for _, k := range keys {
			reply += mcValue(k, cas)
		}
		reply += "END\r\n"
	case "set", "add", "append", "cas":
		n += len(hotValue) + 2
		reply = "STORED\r\n"
	case "incr":
		reply = "1\r\n"
	case "delete":
		reply = "DELETED\r\n"
	case "touch":
		reply = "TOUCHED\r\n"
	case "mg":
		switch {
		case strings.HasPrefix(args[1], "miss:"):
			reply = "EN\r\n"
		case slices.Contains(args, "k"):
			reply = "VA 64 k" + args[1] + "\r\n" + hotValue + "\r\n"
		default:
			reply = "VA 64\r\n" + hotValue + "\r\n"
		}
	case "ms":
		n += len(hotValue) + 2
		reply = "HD\r\n"
	default:
		reply = "HD\r\n"
	}
	if slices.Contains(args, "noreply") {
		reply = ""
	}
	return reply, n
}

// crowd is clients before one server that each send a GET in the same poll pass, so that one flush covers them all.
type crowd struct {
	sim     *sim
	clients []*simClient
	in      []byte // of one client
	reply   []byte // of the server, to all
}

func newCrowd(t testing.TB, n int) *crowd {
	t.Helper()
	s := newSim(t, 1, nil)
	s.AcceptAll()
	c := &crowd{sim: s}
	for range n {
		cl := s.connect()
		cl.Send(array("GET", hotKey))
		s.Settle()
		s.Servers[0].Sock.Take()
		s.Servers[0].Reply(bulk(hotValue))
		s.Settle()
		c.clients = append(c.clients, cl)
	}
	c.play()
	for i, cl := range c.clients {
		if got := cl.Sock.Take(); got != bulk(hotValue) {
			t.Fatalf("client %d gets %q", i, got)
		}
	}
	return c
}

func (c *crowd) play() {
	for _, cl := range c.clients {
		c.in = append(c.in[:0], "*2\r\n$3\r\nGET\r\n$16\r\n"+hotKey+"\r\n"...)
		cl.Sock.Got = cl.Sock.Got[:0]
		c.sim.Loop.Data(cl.session, c.in)
	}
	c.sim.Settle()
	v := c.sim.Servers[0]
	v.Sock.Got = v.Sock.Got[:0]
	c.reply = c.reply[:0]
	for range c.clients {
		c.reply = append(c.reply, "$64\r\n"...)
		c.reply = append(c.reply, hotValue...)
		c.reply = append(c.reply, "\r\n"...)
	}
	c.sim.Loop.Data(v.Up, c.reply)
	c.sim.Settle()
}

// benchmarked are the rounds that BenchmarkRound plays.
var benchmarked = []string{
	"get", "set", "ping", "get-pipeline-16", "set-pipeline-16",
	"mget-10", "mget-10-four-servers", "mget-100-four-servers", "mset-10-four-servers", "del-10-four-servers",
	"mc-get", "mc-set", "mc-mg", "mc-get-pipeline-16", "mc-set-pipeline-16", "mc-get-10-four-servers", "mc-mg-10-quiet",
	"resp3-get", "resp3-set", "resp3-get-pipeline-16", "resp3-set-pipeline-16", "resp3-mget-10-four-servers",
	"cluster-get", "cluster-set", "cluster-get-pipeline-16", "cluster-set-pipeline-16", "cluster-mget-10-four-servers", "cluster-mget-100",
	"replicas-get", "replicas-set", "replicas-get-pipeline-16", "replicas-mget-10-four-servers",
	"mc-binary-get", "mc-binary-set", "mc-binary-get-pipeline-16", "mc-binary-get-10-quiet",
}

// BenchmarkRound is the whole of user code for one round, without system calls.
func BenchmarkRound(b *testing.B) {
	all := rounds()
	for _, name := range benchmarked {
		i := slices.IndexFunc(all, func(r round) bool { return r.name == name })
		b.Run(name, func(b *testing.B) {
			g := newStage(b, all[i])
			b.ReportAllocs()
			for b.Loop() {
				g.play()
			}
		})
	}
}

// gathering is clients before four servers that have a MGET each under way at once, short and long ones.
type gathering struct {
	sim     *sim
	clients []*simClient
	in      [][]byte // of each client
	replies [][]byte // of each server, to all
	scratch []byte
}

func newGathering(t testing.TB, n int) *gathering {
	t.Helper()
	s := newSim(t, 4, nil)
	s.AcceptAll()
	g := &gathering{sim: s, replies: make([][]byte, 4)}
	var want []string
	for i := range n {
		args := []string{"MGET"}
		for k := range 4 + (i*37)%90 {
			args = append(args, fmt.Sprintf("key:%d:%d", i, k))
		}
		g.clients = append(g.clients, s.connect())
		g.in = append(g.in, []byte(array(args...)))
		want = append(want, fmt.Sprintf("*%d\r\n", len(args)-1)+strings.Repeat(bulk(hotValue), len(args)-1))
	}
	g.send()
	for i, v := range s.Servers {
		g.replies[i] = []byte(hotReplies(t, round{}, v.Sock.Take()))
	}
	g.answer()
	for i, cl := range g.clients {
		if got := cl.Sock.Take(); got != want[i] {
			t.Fatalf("client %d gets %q; want %q", i, got, want[i])
		}
	}
	return g
}

func (g *gathering) play() {
	g.send()
	g.answer()
}

func (g *gathering) send() {
	for i, cl := range g.clients {
		g.scratch = append(g.scratch[:0], g.in[i]...)
		cl.Sock.Got = cl.Sock.Got[:0]
		g.sim.Loop.Data(cl.session, g.scratch)
	}
	g.sim.Settle()
}

func (g *gathering) answer() {
	for i, v := range g.sim.Servers {
		v.Sock.Got = v.Sock.Got[:0]
		g.scratch = append(g.scratch[:0], g.replies[i]...)
		g.sim.Loop.Data(v.Up, g.scratch)
	}
	g.sim.Settle()
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
