package resp

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"

	"cashew/codec"
	"cashew/codec/codectest"
	"cashew/ring"
	"cashew/tests/processtest"
)

// clusterOf is the protocol of a pool that is a cluster.
func clusterOf(announce ...string) *Protocol {
	return New(Options{Cluster: true, Commands: "+@all", Learn: true, Announce: announce})
}

// id is the name of the node at an address.
func id(addr string) string {
	m := memberAt(addr)
	return m.id
}

// TestMembers: which node a client is told that it is connected to, and of which others.
func TestMembers(t *testing.T) {
	for _, tt := range []struct {
		announce string
		laddr    string
		want     string // host and port of all, self marked
	}{
		{"", "10.0.0.1:6379", "*10.0.0.1:6379"},
		{"", "[::1]:6379", "*::1:6379"},
		{"", "unix", "*:0"},
		{"lb:6379", "10.0.0.1:7000", "*lb:6379"},
		{"lb:6379", "unix", "*lb:6379"},
		{"a:1 b:2", "10.0.0.1:2", "a:1 *b:2"},               // by the port
		{"a:1 10.0.0.1:1", "10.0.0.1:1", "a:1 *10.0.0.1:1"}, // by the address
		{"a:1 b:2 c:2", "10.0.0.1:2", "*a:1 b:2 c:2"},       // two have the port
		{"a:1 b:2", "10.0.0.1:3", "*a:1 b:2"},
		{"a:1 [::1]:1", "[::1]:1", "a:1 *::1:1"},
	} {
		list, self := clusterOf(strings.Fields(tt.announce)...).members(&codec.Client{LAddr: tt.laddr})
		var got []string
		for i, m := range list {
			text := m.host + ":" + m.port
			if i == self {
				text = "*" + text
			}
			got = append(got, text)
			if !regexp.MustCompile("^[0-9a-f]{40}$").MatchString(m.id) {
				t.Errorf("%q: a node is called %q", tt.announce, m.id)
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%q, at %s: %q; want %q", tt.announce, tt.laddr, got, tt.want)
		}
	}
	if id("a:1") != "de89bfaf06245091a7873290a793604612302247" || id("a:1") == id("a:2") {
		t.Errorf("a:1 is called %s, a:2 %s", id("a:1"), id("a:2"))
	}
}

// TestFleet: proxies that are listed share all slots evenly, each with a name and an epoch of its own.
func TestFleet(t *testing.T) {
	p := clusterOf("10.0.0.1:1", "b.example:2", "[::1]:3")
	a, b, c := id("10.0.0.1:1"), id("b.example:2"), id("[::1]:3")
	for _, tt := range []struct{ in, want string }{
		{"cluster slots", "*3\r\n" +
			"*3\r\n:0\r\n:5460\r\n*4\r\n$8\r\n10.0.0.1\r\n:1\r\n$40\r\n" + a + "\r\n*0\r\n" +
			"*3\r\n:5461\r\n:10921\r\n*4\r\n$9\r\nb.example\r\n:2\r\n$40\r\n" + b + "\r\n*0\r\n" +
			"*3\r\n:10922\r\n:16383\r\n*4\r\n$3\r\n::1\r\n:3\r\n$40\r\n" + c + "\r\n*0\r\n"},
		{"cluster nodes", bulk(a + " 10.0.0.1:1@0 master - 0 0 1 connected 0-5460\n" +
			b + " b.example:2@0,b.example myself,master - 0 0 2 connected 5461-10921\n" +
			c + " ::1:3@0 master - 0 0 3 connected 10922-16383\n")},
		{"cluster myid", bulk(b)},
		{"cluster myshardid", bulk(b)},
		{"cluster replicas " + a, "*0\r\n"},
		{"cluster slaves " + strings.ToUpper(c), "*0\r\n"},
		{"cluster replicas " + id("other:1"), "-ERR Unknown node " + id("other:1") + "\r\n"},
		{"cluster count-failure-reports " + c, ":0\r\n"},
		{"cluster count-failure-reports x", "-ERR Unknown node x\r\n"},
		{"cluster links", "*0\r\n"},
	} {
		got, _, err := codectest.Commands(p, &codec.Client{LAddr: "10.0.0.9:2"}, [][]byte{[]byte(tt.in + "\r\n")})
		if len(got) != 1 || err != nil || got[0].Reply != tt.want {
			t.Errorf("%s: %v, %v; want %q", tt.in, got, err, tt.want)
		}
	}
	shards := func(pr codec.Profile, names ...string) string {
		p := New(Options{Cluster: true, Announce: []string{"b.example:2"}, PortNames: names})
		_, got := say(t, p, &codec.Client{Profile: pr}, "CLUSTER", "SHARDS")
		return got
	}
	named := "*1\r\n%%2\r\n$5\r\nslots\r\n*2\r\n:0\r\n:16383\r\n$5\r\nnodes\r\n*1\r\n%%%d\r\n$2\r\nid\r\n$40\r\n" + b + "\r\n%s$2\r\nip\r\n$9\r\nb.example\r\n" +
		"$8\r\nendpoint\r\n$9\r\nb.example\r\n$8\r\nhostname\r\n$9\r\nb.example\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$18\r\nreplication-offset\r\n:0\r\n$6\r\nhealth\r\n$6\r\nonline\r\n"
	if got, want := shards(RESP3, "tls-port"), fmt.Sprintf(named, 8, "$8\r\ntls-port\r\n:2\r\n"); got != want {
		t.Errorf("CLUSTER SHARDS of a pool with TLS: %q; want %q", got, want)
	}
	if got, want := shards(RESP3, "port", "tls-port"), fmt.Sprintf(named, 9, "$4\r\nport\r\n:2\r\n$8\r\ntls-port\r\n:2\r\n"); got != want {
		t.Errorf("CLUSTER SHARDS of a pool with both: %q; want %q", got, want)
	}
}

// TestFleetCovers: whatever the number of proxies, each slot has one.
func TestFleetCovers(t *testing.T) {
	for n := 1; n <= 1000; n++ {
		next := 0
		for i := range n {
			first, last := slotsOf(i, n)
			if first != next || last < first {
				t.Fatalf("%d of %d has %d to %d, behind %d", i, n, first, last, next-1)
			}
			next = last + 1
		}
		if next != ring.SlotCount {
			t.Fatalf("%d have %d slots", n, next)
		}
	}
}

// TestFacadeAgainstRedis: of a cluster of one node the proxy tells what that tells, in its words, byte for byte.
func TestFacadeAgainstRedis(t *testing.T) {
	port, bus := processtest.FreePort(t), processtest.FreePort(t)
	addr := "127.0.0.1:" + port
	server := processtest.Redis(t, "--bind", "127.0.0.1", "--port", port, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-announce-ip", "127.0.0.1")
	server.Up(t, func() bool { return processtest.Listens("tcp", addr) })
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	redis := newPeer(t, c)
	for _, args := range [][]string{{"CLUSTER", "SET-CONFIG-EPOCH", "1"}, {"CLUSTER", "ADDSLOTSRANGE", "0", "16383"}} {
		if got := redis.ask(frameOf(args...)); got != replyOK {
			t.Fatalf("%q: %q", args, got)
		}
	}
	node := decode(t, redis.ask(frameOf("CLUSTER", "MYID"))).(string)
	differences := strings.NewReplacer(node, id(addr), "@"+bus+" ", "@0 ", "cluster_state:fail", "cluster_state:ok") // for two seconds it waits for others
	p := clusterOf()
	p.version = "7.0.15"
	for profile, version := range []string{"2", "3"} {
		cl := &codec.Client{LAddr: addr, Profile: codec.Profile(profile)}
		redis.ask(frameOf("HELLO", version))
		for _, command := range []string{
			"CLUSTER SLOTS", "CLUSTER SHARDS", "CLUSTER NODES", "CLUSTER INFO", "CLUSTER MYID", "CLUSTER LINKS", "CLUSTER REPLICAS " + node, "CLUSTER REPLICAS x",
			"CLUSTER COUNT-FAILURE-REPORTS " + node, "CLUSTER COUNT-FAILURE-REPORTS x", "CLUSTER SLOTS x", "CLUSTER", "CLUSTER MEET",
			"READONLY", "READWRITE", "ASKING", "SELECT 0", "SELECT 1", "SELECT -1", "SELECT x", "SELECT 99999999999",
			"MULTI", "SELECT 1", "ASKING", "CLUSTER MYID", "DISCARD",
		} {
			args := strings.Fields(command)
			want := redis.ask(frameOf(args...))
			if want = differences.Replace(want); command == "CLUSTER NODES" || command == "CLUSTER INFO" {
				want = recount(want)
			}
			_, got := say(t, p, cl, strings.Fields(differences.Replace(command))...)
			if got != want {
				t.Errorf("RESP%s: %s: %q; the server says %q", version, command, got, want)
			}
		}
		hello := regexp.MustCompile(`id\r\n:\d+`)
		_, got := say(t, p, cl, "HELLO", version)
		if want := redis.ask(frameOf("HELLO", version)); hello.ReplaceAllString(got, "") != hello.ReplaceAllString(want, "") {
			t.Errorf("HELLO %s: %q; the server says %q", version, got, want)
		}
	}
}

// recount gives a text the length that it has now.
func recount(reply string) string {
	_, text, _ := strings.Cut(reply, crlf)
	return fmt.Sprintf("%c%d\r\n%s", reply[0], len(text)-len(crlf), text)
}

// TestFacadeChanges: what changes a cluster is refused, by name.
func TestFacadeChanges(t *testing.T) {
	p := clusterOf()
	for _, in := range []string{
		"ADDSLOTS 1", "ADDSLOTSRANGE 1 2", "BUMPEPOCH", "DELSLOTS 1", "DELSLOTSRANGE 1 2", "FAILOVER", "FLUSHSLOTS", "FORGET x", "MEET a 1", "REPLICATE x", "RESET",
		"RESET HARD", "SAVECONFIG", "SET-CONFIG-EPOCH 1", "SETSLOT 1 STABLE",
	} {
		cmd, got := say(t, p, &codec.Client{}, strings.Fields("CLUSTER "+in)...)
		name, _, _ := strings.Cut(in, " ")
		if want := "-ERR CLUSTER " + name + " is refused by this proxy: what changes the cluster is for its own nodes\r\n"; got != want || cmd.Kind != codec.Local {
			t.Errorf("%s: %q; want %q", in, got, want)
		}
	}
}

// TestFacadeGoes: what the servers of a cluster know better goes to them.
func TestFacadeGoes(t *testing.T) {
	p, plain := clusterOf(), New(Options{Commands: "+@all"})
	for _, tt := range []struct {
		kind  codec.Kind
		multi codec.Kind // within a transaction
		plain codec.Kind // of a pool that is no cluster
		in    []string
	}{
		{codec.Local, codec.Queue, codec.Local, []string{"CLUSTER SLOTS", "SELECT 1"}},
		{codec.Anywhere, codec.Queue, codec.Local, []string{"CLUSTER KEYSLOT a", "CLUSTER COUNTKEYSINSLOT 16384", "CLUSTER COUNTKEYSINSLOT -1", "CLUSTER COUNTKEYSINSLOT x"}},
		{codec.OfSlot, codec.Refuse, codec.Local, []string{
			"CLUSTER COUNTKEYSINSLOT 0", "CLUSTER COUNTKEYSINSLOT 16383", "CLUSTER GETKEYSINSLOT 7 10", "CLUSTER GETKEYSINSLOT 7 x", // which is not the slot's fault
		}},
		{codec.Forward, codec.Queue, codec.Refuse, []string{"MOVE a 1", "COPY a b DB 1"}},
		{codec.Anywhere, codec.Queue, codec.Refuse, []string{"SWAPDB 0 1", "EVAL s 0", "EVALSHA s 0 a", "FCALL_RO f 0"}},
		{codec.Forward, codec.Queue, codec.Forward, []string{"EVAL s 1 a"}},
		{codec.Refuse, codec.Queue, codec.Refuse, []string{"EVAL s x"}},
	} {
		for _, line := range tt.in {
			args := strings.Fields(line)
			in := &codec.Client{}
			say(t, p, in, "MULTI")
			cmd, _ := say(t, p, &codec.Client{}, args...)
			queued, _ := say(t, p, in, args...)
			other, _ := say(t, plain, &codec.Client{}, args...)
			if cmd.Kind != tt.kind || queued.Kind != tt.multi || other.Kind != tt.plain {
				t.Errorf("%s: %s, within MULTI %s, without a cluster %s; want %s, %s, %s", line, codectest.KindName(cmd.Kind), codectest.KindName(queued.Kind),
					codectest.KindName(other.Kind), codectest.KindName(tt.kind), codectest.KindName(tt.multi), codectest.KindName(tt.plain))
			}
			if strings.HasPrefix(line, "EVAL") && !cmd.Script && cmd.Kind == codec.Anywhere {
				t.Errorf("%s is no script", line)
			}
			if len(args) > 2 && args[0] == "CLUSTER" && cmd.Kind == codec.Forward && fmt.Sprint(ring.SlotOf(cmd.Key)) != args[2] {
				t.Errorf("%s goes to who has slot %d", line, ring.SlotOf(cmd.Key))
			}
		}
	}
	for slot, key := range slotKeys {
		if got := ring.SlotOf(key[:]); got != slot {
			t.Fatalf("the key of slot %d is in %d", slot, got)
		}
	}
}

// TestFacadeUsers: who may touch keys of some names only may ask what has none.
func TestFacadeUsers(t *testing.T) {
	p := withUsers(t, Options{Cluster: true, Commands: "+@all"}, "u on nopass ~a* +@all -cluster|slots")
	for in, want := range map[string]string{
		"EVAL s 0": "", "EVAL s 1 a": "", "EVAL s 1 b": refuseUserKey, "CLUSTER COUNTKEYSINSLOT 7": "", "CLUSTER KEYSLOT b": "", "SWAPDB 0 1": "",
		"MOVE b 1": refuseUserKey, "CLUSTER SLOTS": refuseUserCommand, "CLUSTER SHARDS": "", "READONLY": "",
	} {
		if cmd, _ := say(t, p, clientOf(p, "u"), strings.Fields(in)...); cmd.Err != want {
			t.Errorf("%s: %q; want %q", in, cmd.Err, want)
		}
	}
}

// TestFacadeSays: what is told of the pool elsewhere.
func TestFacadeSays(t *testing.T) {
	p := clusterOf()
	info, _ := p.AppendReport(nil, codec.Client{}, opInfo, frameOf("INFO"), &codectest.About{})
	for _, line := range []string{"\r\nredis_mode:cluster\r\n", "\r\ncluster_enabled:1\r\n"} {
		if !strings.Contains(string(info), line) {
			t.Errorf("INFO does not say %q: %q", line, info)
		}
	}
	apart := string(p.AppendApart(nil, &codec.Client{}, [2][]byte{[]byte("a"), []byte("b")}, [2]string{"s1", "s1"}))
	if want := "-CROSSSLOT Keys in request don't hash to the same slot\r\n"; apart != want {
		t.Errorf("keys of two slots: %q; want %q", apart, want)
	}
	cl := &codec.Client{}
	say(t, p, cl, "SELECT", "1")
	if cmd, _ := say(t, p, cl, "GET", "a"); cmd.Kind != codec.Forward { // as at a server, it is still in its database
		t.Errorf("behind a SELECT that is refused GET is %s", codectest.KindName(cmd.Kind))
	}
	if got := clusterOf("a:1", "[::1]:2").Announces(); strings.Join(got, " ") != "a:1 [::1]:2" {
		t.Errorf("announced: %q", got)
	}
}
