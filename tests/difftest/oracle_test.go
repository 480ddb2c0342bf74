//go:build unix

package difftest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/codec/resp"
)

// The oracle is redis-server: each call, right or wrong, goes to one directly and to others of the same data by the proxy, and
// the replies must be the same bytes.
//
//	         +--> redis-server ----------------------> reply --+
//	call ----+                                                 +--> equal, or oracleExceptions says why not
//	         +--> cashew --> 1 or 3 of redis-server --> reply --+
//
// Behind each call goes an ECHO or a RESET, so that a call which has no reply or two is seen at once. Commands are those of the proxy's
// table and those that redis-server lists; oracleLines has the templates of their calls. The data are made anew every few calls.
//
//	go test ./tests/difftest -run Oracle -oracle.seed=7 -oracle.calls=100000   more, and others
//	go test ./tests/difftest -run Oracle -oracle.shapes=FILE                   writes down of what types the replies were
var (
	oracleSeedFlag   = flag.Uint64("oracle.seed", 1, "seed of the oracle's calls")
	oracleCallsFlag  = flag.Int("oracle.calls", oracleShare, "how many calls of templates the oracle makes on each way, besides those of all numbers of arguments")
	oracleShapesFlag = flag.String("oracle.shapes", "", "file to write the first bytes of all replies to, by command")
)

// oracleShare is how many calls of templates are a fixed share of every test run.
const oracleShare = 3000

// oracleBatch is after how many calls the data are made anew.
const oracleBatch = 40

// oracleTable is what the server says of its commands, by name. Subcommands are container|name.
type oracleTable map[string]struct {
	arity  int  // -n is n or more
	writes bool // it may change data
}

func readTable(t testing.TB, s *redisServer) oracleTable {
	t.Helper()
	r, rest, err := parseOracle(s.do(t, "COMMAND"), resp2)
	if err != nil || rest != "" || len(r.elems) < 200 {
		t.Fatalf("COMMAND has %d elements: %v", len(r.elems), err)
	}
	table := oracleTable{}
	var add func([]oracleReply)
	add = func(list []oracleReply) {
		for _, row := range list {
			arity, err := strconv.Atoi(row.elems[1].text)
			if err != nil {
				t.Fatalf("COMMAND: %q", row.raw)
			}
			entry := table[row.elems[0].text]
			entry.arity = arity
			entry.writes = slices.ContainsFunc(row.elems[2].elems, func(flag oracleReply) bool {
				return flag.text == "write" || flag.text == "may_replicate" // the latter is of scripts
			})
			table[row.elems[0].text] = entry
			add(row.elems[9].elems)
		}
	}
	add(r.elems)
	return table
}

// proxyTable are the names of the proxy's table.
func proxyTable() (names []string) {
	p := resp.New(resp.Options{})
	for op := 1; op < p.Ops(); op++ {
		name, _ := p.Describe(uint16(op))
		names = append(names, name)
	}
	return names
}

// oracleCall is one call and what is known of it.
type oracleCall struct {
	args    []string
	name    string // in small letters; of a subcommand that the server or the proxy knows container|name
	runs    bool   // the server takes it, and so does what it says
	foreign bool   // the proxy knows it and the server does not
	writes  bool   // it may change data
}

// oracleSession are calls that follow one another on a connection.
type oracleSession []oracleCall

// leaves says that the connection is not as it was before.
func (s oracleSession) leaves() bool {
	return len(s) > 1 || slices.ContainsFunc(s, func(c oracleCall) bool {
		root, _, _ := strings.Cut(c.name, "|")
		switch root {
		case "auth", "client", "hello", "quit", "reset", "select", "watch", "asking", "readonly", "readwrite":
			return true
		}
		return false
	})
}

// switches says that a call may leave the connection with another protocol.
func (c oracleCall) switches() bool { return c.name == "hello" || c.name == "reset" }

// call is what is known of a call.
func (table oracleTable) call(known map[string]bool, args []string) oracleCall {
	c := oracleCall{args: args, name: strings.ToLower(args[0])}
	entry, listed := table[c.name]
	c.foreign = !listed && known[c.name]
	if len(args) > 1 {
		if sub := c.name + "|" + strings.ToLower(args[1]); known[sub] {
			c.name = sub
			entry, listed = table[sub]
			c.foreign = !listed
		} else if known[c.name+"|help"] {
			listed = false // a container without such a subcommand
		}
	}
	if !known[c.name] {
		c.name = "(unknown)"
	}
	c.runs = listed && (len(args) == entry.arity || entry.arity < 0 && len(args) >= -entry.arity)
	c.writes = c.runs && entry.writes
	return c
}

// oracleSchedule is all sessions of a seed: each command with every number of arguments, the sessions as they are written,
// and n calls of templates, of each about as many.
func oracleSchedule(t testing.TB, table oracleTable, seed uint64, n int) (all []oracleSession) {
	t.Helper()
	known := map[string]bool{}
	for name := range maps.Keys(table) {
		known[name] = true
	}
	for _, name := range proxyTable() {
		known[name] = true
	}
	g := &oracleCalls{rng: newRand(seed)}
	add := func(args ...string) { all = append(all, oracleSession{table.call(known, args)}) }

	templates, templated := slices.Clone(oracleTemplates), map[string]bool{}
	for _, seq := range templates {
		args := g.expand(seq)
		templated[table.call(known, args).name] = true
		for i := 1; i <= len(args); i++ {
			add(args[:i:i]...)
		}
		add(append(slices.Clone(args), "extra")...)
		add(append(slices.Clone(args), "extra", "more")...)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		switch _, listed := table[name]; {
		case templated[name]:
		case listed && !known[name+"|help"]:
			t.Errorf("no template for %s, which redis-server lists", name)
		default: // newer than the server, or a module's
			args := strings.Split(strings.ToUpper(name), "|")
			for range 8 {
				add(args...)
				args = append(slices.Clone(args), g.one(g.key(""), g.key(""), "1", "val"))
			}
		}
	}
	var session oracleSession
	for line := range strings.Lines(oracleSessions) {
		if args := words(line); len(args) > 0 {
			session = append(session, table.call(known, args))
		} else if len(session) > 0 {
			all, session = append(all, session), nil
		}
	}
	for i := range n {
		if i%len(templates) == 0 {
			g.rng.Shuffle(len(templates), func(i, j int) { templates[i], templates[j] = templates[j], templates[i] })
		}
		add(g.make(templates[i%len(templates)])...)
	}
	return all
}

// oracleSide is one of two that are asked the same.
type oracleSide struct {
	t        testing.TB
	addr     string
	protocol int
	servers  []*redisServer
	direct   []*client // to each server, to empty it
	conn     net.Conn
	buf      string // what was received and not taken yet
	chunk    []byte // what one read receives
	steps    int    // calls so far
	end      string // the reply to what was sent behind the last one
}

func newOracleSide(t testing.TB, addr string, protocol int, servers []*redisServer) *oracleSide {
	t.Helper()
	s := &oracleSide{t: t, addr: addr, protocol: protocol, servers: servers, chunk: make([]byte, 1<<16)}
	for _, server := range servers {
		c := dial(t, server.addr)
		c.want(bulk(oracleSHA), "SCRIPT", "LOAD", oracleLoaded)
		c.want(bulk("oracle"), "FUNCTION", "LOAD", "REPLACE", oracleLibrary)
		s.direct = append(s.direct, c)
	}
	s.dial()
	return s
}

// dial gives the side a new connection with its protocol.
func (s *oracleSide) dial() {
	s.t.Helper()
	if s.conn != nil {
		s.conn.Close()
	}
	conn, err := net.DialTimeout("tcp", s.addr, patience)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	s.conn, s.buf = conn, ""
	if s.protocol == resp2 {
		return
	}
	s.send(false, "HELLO", strconv.Itoa(s.protocol))
	if a := s.answer(s.protocol); len(a.replies) != 1 || a.replies[0].kind != '%' {
		s.t.Fatalf("HELLO %d = %q", s.protocol, a.raw)
	}
}

// empty takes all data from the side and sends the calls that make them anew.
func (s *oracleSide) empty() {
	s.t.Helper()
	for _, c := range s.direct {
		c.renew()
		c.want("+OK\r\n", "FLUSHALL")
	}
	s.conn.SetDeadline(time.Now().Add(patience))
	if _, err := s.conn.Write(oracleSeedStream); err != nil {
		s.t.Fatal(err)
	}
}

// fill waits until the data are there that empty sent.
func (s *oracleSide) fill() {
	s.t.Helper()
	for _, args := range oracleSeed {
		if r, err := s.next(s.protocol); err != nil || r.isError() {
			s.t.Fatalf("%s: %q, %v", show(args), clip(r.raw), err)
		}
	}
}

var oracleSeedStream = stream(oracleSeed)

// send sends a call and, to see where its replies end, an ECHO. A connection that is of no use any more gets a RESET instead:
// the proxy may refuse all else on it.
func (s *oracleSide) send(last bool, args ...string) {
	s.steps++
	marker := []string{"ECHO", fmt.Sprintf("step:%d", s.steps)}
	if s.end = bulk(marker[1]); last {
		marker, s.end = []string{"RESET"}, "+RESET\r\n"
	}
	s.conn.SetDeadline(time.Now().Add(patience))
	s.conn.Write(appendCommand(appendCommand(nil, args), marker)) // what became of it is seen by who reads
}

// oracleAnswer is all that came before the reply to send's marker.
type oracleAnswer struct {
	replies []oracleReply
	raw     string
	err     error // what came instead of that reply; io.EOF: the connection was closed
}

// same says that two answers are the same bytes, and neither is other than one reply, except from a connection that closes.
func (a *oracleAnswer) same(o *oracleAnswer) bool {
	return a.raw == o.raw && a.closed() == o.closed() && (a.closed() || a.single() && o.single())
}

// closed says that the connection was closed instead of a reply or after it.
func (a *oracleAnswer) closed() bool { return errors.Is(a.err, io.EOF) }

// single says that the answer is one reply.
func (a *oracleAnswer) single() bool { return a.err == nil && len(a.replies) == 1 }

// refuses says that the answer is an error, after which the data are what they were.
func (a *oracleAnswer) refuses() bool { return a.single() && a.replies[0].isError() }

func (a *oracleAnswer) String() string {
	text := fmt.Sprintf("%q", a.raw)
	if len(a.raw) > 400 {
		text = fmt.Sprintf("%q... (%d bytes)", a.raw[:300], len(a.raw))
	}
	if a.err != nil {
		text += fmt.Sprintf(" (%v)", a.err)
	} else if len(a.replies) != 1 {
		text += fmt.Sprintf(" (%d replies)", len(a.replies))
	}
	return text
}

// answer reads up to the reply to send's marker. A connection that ended has to be dialed anew.
func (s *oracleSide) answer(protocol int) (a oracleAnswer) {
	for {
		r, err := s.next(protocol)
		if err == nil && r.raw == s.end {
			return a
		}
		if a.err = err; err != nil {
			a.raw += s.buf
			return a
		}
		a.replies = append(a.replies, r)
		a.raw += r.raw
	}
}

// next reads one reply.
func (s *oracleSide) next(protocol int) (oracleReply, error) {
	for {
		r, rest, err := parseOracle(s.buf, protocol)
		if err == nil {
			s.buf = rest
			return r, nil
		}
		if !errors.Is(err, errOracleShort) {
			return r, err
		}
		n, err := s.conn.Read(s.chunk)
		s.buf += string(s.chunk[:n])
		if n == 0 && err != nil {
			return r, err
		}
	}
}

// oracleRun compares two sides over a schedule.
type oracleRun struct {
	server, proxy *oracleSide
	twin          bool // the second side is no proxy but a server, too, so it has no errors of its own
	calls, equal  int
	excused       []int                          // by exception, the calls that it explained
	about         []int                          // by exception, the calls that it is about
	differences   map[string][]string            // by command
	shapes        map[string]map[string]struct{} // the first bytes of the server's replies by command, errors apart
}

func (run *oracleRun) all(schedule []oracleSession) {
	run.excused, run.about = make([]int, len(oracleExceptions)), make([]int, len(oracleExceptions))
	run.differences, run.shapes = map[string][]string{}, map[string]map[string]struct{}{}
	since := oracleBatch
	for _, session := range schedule {
		if since++; since >= oracleBatch {
			run.server.empty()
			run.proxy.empty()
			run.server.fill()
			run.proxy.fill()
			since = 0
		}
		protocol, leaves := run.server.protocol, session.leaves()
		for i, c := range session {
			if c.switches() {
				protocol = eitherProtocol
			}
			last := leaves && i == len(session)-1 && c.name != "reset"
			if !run.one(c, protocol, last) {
				since = oracleBatch
			}
		}
		if leaves {
			run.dial()
		}
	}
}

// dial gives both sides new connections.
func (run *oracleRun) dial() {
	run.server.dial()
	run.proxy.dial()
}

// one makes a call on both sides, perhaps the last one of their connections. It reports whether both still have the same data.
func (run *oracleRun) one(c oracleCall, protocol int, last bool) bool {
	run.calls++
	var about []int
	for i := range oracleExceptions {
		e := &oracleExceptions[i]
		if !e.about(c, len(run.proxy.servers)) {
			continue
		}
		if about = append(about, i); e.how == unasked && c.runs {
			run.about[i]++
			return run.unasked(i, c, protocol)
		}
		if e.how == untried && c.runs {
			run.about[i]++
			return true
		}
		if e.how == leaves {
			last = true
			defer run.dial()
		}
	}
	run.server.send(last, c.args...)
	run.proxy.send(last, c.args...)
	server, proxy := run.server.answer(protocol), run.proxy.answer(protocol)
	if server.single() && protocol != eitherProtocol && !server.replies[0].isError() {
		if run.shapes[c.name] == nil {
			run.shapes[c.name] = map[string]struct{}{}
		}
		run.shapes[c.name][server.raw[:1]] = struct{}{}
	}
	for _, i := range about {
		run.about[i]++
	}
	if server.err != nil || proxy.err != nil {
		defer run.dial()
	}
	if last && server.raw == proxy.raw && slices.ContainsFunc(about, func(i int) bool { return oracleExceptions[i].how == leaves }) {
		run.equal++ // in several replies
		run.excused[about[0]]++
		return true
	}
	if server.same(&proxy) {
		run.equal++
		return !c.writes || !slices.ContainsFunc(about, func(i int) bool { return oracleExceptions[i].taint })
	}
	for _, i := range about {
		if e := &oracleExceptions[i]; run.twin && e.how == differs || e.explains(&server, &proxy) {
			run.excused[i]++
			return !c.writes || e.how > shaped && !e.taint || server.refuses() && proxy.refuses()
		}
	}
	run.differ(c, server.String(), proxy.String())
	return false
}

// unasked makes a call that no server must get.
func (run *oracleRun) unasked(i int, c oracleCall, protocol int) bool {
	if run.twin {
		return true
	}
	defer run.dial() // the proxy may have given the connection a state that the server's has not
	run.proxy.send(true, c.args...)
	if a := run.proxy.answer(protocol); !a.single() || !oracleExceptions[i].own(a.raw) {
		run.differ(c, "(not asked)", a.String())
		return false
	}
	run.excused[i]++
	return true
}

// differ notes a difference.
func (run *oracleRun) differ(c oracleCall, server, proxy string) {
	run.differences[c.name] = append(run.differences[c.name], fmt.Sprintf("%q\n    server %s\n    proxy  %s", c.args, server, proxy))
}

// report fails the test for differences; of each command it shows a few.
func (run *oracleRun) report(t testing.TB) {
	t.Helper()
	t.Logf("%d calls, %d answered in the same bytes", run.calls, run.equal)
	for i, n := range run.excused {
		if n > 0 && testing.Verbose() {
			t.Logf("%6d excused: %s", n, oracleExceptions[i].why)
		}
	}
	for _, name := range sortedKeys(run.differences) {
		all := run.differences[name]
		t.Errorf("%s: %d of the calls have other replies in RESP%d:\n  %s", name, len(all), run.server.protocol, strings.Join(all[:min(len(all), 3)], "\n  "))
	}
}

// oracleWays are what the proxy stands before.
var oracleWays = []struct {
	pool    string
	servers int
}{
	{"one", 1},
	{"three", 3},
}

func TestOracle(t *testing.T) {
	t.Parallel()
	notRaced(t)
	wantCashew(t, "it knows neither RESP3 nor most errors")
	reference, servers := startRedis(t), startRedises(t, 4)
	p := startLoops(t, 2,
		pool{name: "one", servers: entries(servers[:1]), settings: []string{"server_integrity_interval: 1000", "databases: 16", everything}},
		pool{name: "three", servers: entries(servers[1:]), settings: append([]string{`hash_tag: "{}"`, "server_integrity_interval: 1000", "databases: 16", everything}, spread...)},
	)
	schedule := oracleSchedule(t, readTable(t, reference), *oracleSeedFlag, *oracleCallsFlag)
	excused, about := make([]int, len(oracleExceptions)), make([]int, len(oracleExceptions))
	ran := 0
	for _, protocol := range []int{resp2, resp3} {
		for _, way := range oracleWays {
			t.Run(fmt.Sprintf("RESP%d/%s", protocol, way.pool), func(t *testing.T) {
				addr, behind := p.addr(way.pool), servers[:1]
				if way.servers > 1 {
					behind = servers[1:]
				}
				if c := dial(t, addr); strings.HasPrefix(c.do("HELLO", strconv.Itoa(protocol)), "-NOPROTO") {
					t.Skipf("the proxy does not speak RESP%d", protocol)
				}
				run := &oracleRun{
					server: newOracleSide(t, reference.addr, protocol, []*redisServer{reference}),
					proxy:  newOracleSide(t, addr, protocol, behind),
				}
				run.all(schedule)
				run.report(t)
				info := parseInfo(dial(t, addr).do("INFO", "proxy"))
				if n := info["server_out_of_step"]; n != "0" {
					t.Errorf("INFO: server_out_of_step is %q", n)
				}
				for i := range oracleExceptions {
					excused[i] += run.excused[i]
					about[i] += run.about[i]
				}
				ran++
			})
		}
	}
	if ran < 2*len(oracleWays) || *oracleCallsFlag < oracleShare {
		return
	}
	for i, e := range oracleExceptions {
		if about[i] == 0 {
			t.Errorf("no call is what this exception is about: %q, %s", e.names, e.why)
		} else if (e.how <= differs || e.how == masked) && excused[i] == 0 {
			t.Errorf("replies are the server's own now; remove the exception: %q, %s", e.names, e.why)
		}
	}
}

// TestOracleAgrees asks two servers directly: what differs between them is not the proxy's doing, and has to be excused.
func TestOracleAgrees(t *testing.T) {
	t.Parallel()
	notRaced(t)
	servers := startRedises(t, 2)
	schedule := oracleSchedule(t, readTable(t, servers[0]), *oracleSeedFlag, *oracleCallsFlag)
	shapes := map[string][2]string{}
	for i, protocol := range []int{resp2, resp3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			run := &oracleRun{
				server: newOracleSide(t, servers[0].addr, protocol, servers[:1]),
				proxy:  newOracleSide(t, servers[1].addr, protocol, servers[1:]),
				twin:   true,
			}
			run.all(schedule)
			run.report(t)
			for name, bytes := range run.shapes {
				row := shapes[name]
				row[i] = strings.Join(sortedKeys(bytes), "")
				shapes[name] = row
			}
		})
	}
	if *oracleShapesFlag == "" {
		return
	}
	var b strings.Builder
	for _, name := range sortedKeys(shapes) {
		fmt.Fprintf(&b, "%-28s %-8s %s\n", name, shapes[name][0], shapes[name][1])
	}
	if err := os.WriteFile(*oracleShapesFlag, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// TestOracleStep checks that a call which has no reply, two or half a one is told from a call which has one.
func TestOracleStep(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		comes  string // behind it comes the reply to the marker, unless the connection is closed
		closes bool
		single bool
		raw    string
	}{
		{"+OK\r\n", false, true, "+OK\r\n"},
		{"*2\r\n+a\r\n$4\r\n\r\n+b\r\n", false, true, "*2\r\n+a\r\n$4\r\n\r\n+b\r\n"},
		{"", false, false, ""},
		{"+OK\r\n+OK\r\n", false, false, "+OK\r\n+OK\r\n"},
		{"+OK\r\n", true, false, "+OK\r\n"},
		{"$10\r\nhalf", true, false, "$10\r\nhalf"},
		{"", true, false, ""},
		{"_\r\n", false, false, "_\r\n$1\r\n"}, // RESP3's, in RESP2: of what was read nothing is taken
	} {
		ours, theirs := net.Pipe()
		s := &oracleSide{t: t, conn: ours, chunk: make([]byte, 7), end: "$1\r\n:\r\n"}
		go func() {
			defer theirs.Close()
			if c.closes {
				io.WriteString(theirs, c.comes)
				return
			}
			io.WriteString(theirs, c.comes+s.end)
		}()
		a := s.answer(resp2)
		if a.single() != c.single || a.raw != c.raw || a.closed() != c.closes || a.same(&a) != (c.single || c.closes) {
			t.Errorf("%q: answer %v, single %v, closed %v", c.comes, &a, a.single(), a.closed())
		}
		ours.Close()
	}
	one, other := oracleAnswer{raw: "+OK\r\n", err: io.EOF}, oracleAnswer{raw: "+OK\r\n", replies: make([]oracleReply, 1)}
	if one.same(&other) || other.same(&one) {
		t.Error("a connection that closes is taken for one that does not")
	}
}
