package session

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"cashew/codec"
	"cashew/codec/resp"
	"cashew/ring"
	"cashew/session/sessiontest"
	"cashew/topology"
)

// replicated is a loop before a master, s0, and its replicas r0 and r1, of which so many are well, and nothing else. Time passes in it.
type replicated struct {
	*sim
	t              *testing.T
	master, r0, r1 *sessiontest.Server
}

// readsBy has all that may read at a replica do so by a policy.
func readsBy(policy topology.ReadPolicy) []topology.ReadPolicy {
	var list []topology.ReadPolicy
	for _, may := range resp.ReadOps() {
		if may {
			list = append(list, policy)
		} else {
			list = append(list, topology.FromMaster)
		}
	}
	return list
}

// replicasGreet is how replicas say that they are that, and well.
var replicasGreet = func() map[string]string {
	info, well := array("INFO", "replication"), bulk("role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\n")
	readonly := "*1\r\n$8\r\nREADONLY\r\n"
	return map[string]string{info: well, readonly: "+OK\r\n", readonly + info: "+OK\r\n" + well}
}()

func newReplicated(t *testing.T, policy topology.ReadPolicy, edit func(*topology.Options)) *replicated {
	t.Helper()
	return newReplicatedWith(t, policy, edit, nil)
}

// newReplicatedWith is newReplicated with other settings towards clients, too.
func newReplicatedWith(t *testing.T, policy topology.ReadPolicy, edit func(*topology.Options), clients func(*Limits, *ClientOptions)) *replicated {
	t.Helper()
	protocol := resp.Options{Learn: true}
	s := newSimWith(t, 1, protocol, func(o *topology.Options) {
		for _, name := range []string{"r0", "r1"} {
			r := sessiontest.ServerNamed(name)
			r.Of = "s0"
			o.Replicas = append(o.Replicas, r)
		}
		o.ReadOptions = topology.ReadOptions{ReadPolicy: policy, ReadsByOp: readsBy(policy), ReadYourWrites: time.Second}
		if edit != nil {
			edit(o)
		}
	}, clients)
	s.AddServer("r0")
	s.AddServer("r1")
	s.Greetings = replicasGreet
	r := &replicated{s, t, s.Servers[0], s.Servers[1], s.Servers[2]}
	r.Passes(time.Second)
	return r
}

// fresh has replicas have all that was written until now.
func (r *replicated) fresh(replicas ...int) {
	at := r.Loop.World.Nanos()
	r.pool.MasterSaid(r.pool.Servers()[0], at, &codec.Replication{IsMaster: true, History: "h", Offset: at})
	for _, i := range replicas {
		r.pool.ReplicaSaid(r.pool.Replicas()[i], at, &codec.Replication{History: "h", Offset: at, Linked: true})
	}
}

// want sends commands of a client and wants each server to have these by then.
func (r *replicated) want(c *simClient, sent string, master, r0, r1 string) {
	r.t.Helper()
	c.Send(sent)
	r.Settle()
	for _, at := range []struct {
		server *sessiontest.Server
		want   string
	}{{r.master, master}, {r.r0, r0}, {r.r1, r1}} {
		got := ""
		if at.server.Sock != nil {
			got = at.server.Sock.Take()
		}
		if got != at.want {
			r.t.Errorf("behind %q %s has %q; want %q", sent, at.server.Name, got, at.want)
		}
	}
}

// answer has a server send a reply.
func (r *replicated) answer(v *sessiontest.Server, reply string) {
	v.Reply(reply)
	r.Settle()
}

// replies wants the client to have these.
func (r *replicated) replies(c *simClient, want string) {
	r.t.Helper()
	if got := c.Sock.Take(); got != want {
		r.t.Errorf("the client has %q; want %q", got, want)
	}
}

// play runs f in a bubble.
func play(t *testing.T, name string, policy topology.ReadPolicy, edit func(*topology.Options), f func(r *replicated, c *simClient)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newReplicated(t, policy, edit)
			f(r, r.connect())
		})
	})
}

var get, set = array("GET", "k"), array("SET", "k", "v")

// TestOwnWrites: where a read goes, by what its client wrote before.
func TestOwnWrites(t *testing.T) {
	play(t, "nothing is known of replicas", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.want(c, get, get, "", "")
	})
	play(t, "nothing was written", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, get, "", get, "")
		r.answer(r.r0, bulk("v"))
		r.replies(c, bulk("v"))
	})
	play(t, "the write is not answered", topology.PreferReplica, func(o *topology.Options) { o.ReadYourWrites = 0 }, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, set+get, set+get, "", "")
		r.Passes(time.Second)
		r.fresh(0)
		r.want(c, get, get, "", "")
		r.answer(r.master, "+OK\r\n"+bulk("v")+bulk("v"))
		r.replies(c, "+OK\r\n"+bulk("v")+bulk("v"))
		r.want(c, get, get, "", "") // what was heard of the replica is older
		r.Passes(time.Millisecond)
		r.fresh(0)
		r.want(c, get, "", get, "")
	})
	play(t, "the write was a moment ago", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.want(c, set, set, "", "")
		r.answer(r.master, "+OK\r\n")
		r.Passes(999 * time.Millisecond)
		r.fresh(0)
		r.want(c, get, get, "", "")
		r.Passes(time.Millisecond)
		r.want(c, get, "", get, "")
	})
	play(t, "another replica has it", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0, 1)
		r.want(c, set, set, "", "")
		r.answer(r.master, "+OK\r\n")
		r.Passes(2 * time.Second)
		r.want(c, get, get, "", "")
		r.fresh(1)
		r.want(c, get, "", "", get)
	})
	play(t, "other clients are not held up", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, set, set, "", "")
		r.want(r.connect(), get, "", get, "")
	})
	play(t, "a write of many keys, a transaction, a script", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		for _, write := range []string{array("MSET", "a", "1", "b", "2"), array("EVAL", "return 1", "1", "k"), array("EVAL", "redis.call('SET', 'k', 'v')", "0")} {
			c := r.connect()
			c.Send(write)
			r.Settle()
			r.master.Sock.Take()
			r.want(c, get, get, "", "")
		}
		r.want(c, array("MULTI")+get+array("EXEC"), array("MULTI")+get+array("EXEC"), "", "")
	})
}

// TestWritesWait: a write is not done before what stands ahead of it is read, wherever that goes.
func TestWritesWait(t *testing.T) {
	play(t, "until replicas have answered", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, get+get+set+get, "", get+get, "")
		r.answer(r.r0, bulk("1"))
		r.want(c, "", "", "", "")
		r.answer(r.r0, bulk("2"))
		r.want(c, "", set+get, "", "")
		r.answer(r.master, "+OK\r\n"+bulk("3"))
		r.replies(c, bulk("1")+bulk("2")+"+OK\r\n"+bulk("3"))
	})
	play(t, "also a transaction, and what blocks", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		for _, write := range []string{array("MULTI") + set + array("EXEC"), array("BLPOP", "l", "0")} {
			c := r.connect()
			r.want(c, get+write, "", get, "")
			r.HangUp(c)
		}
	})
	play(t, "until those have failed", topology.FromReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, get+set, "", get, "")
		r.r0.HangUp()
		r.Settle()
		r.want(c, "", set, "", "")
		if got := c.Sock.Take(); !strings.HasPrefix(got, "-ERR ") {
			t.Errorf("the client has %q", got)
		}
	})
}

// HangUp has a client go.
func (r *replicated) HangUp(c *simClient) {
	c.HangUp(syscall.ECONNRESET)
	for _, v := range []*sessiontest.Server{r.master, r.r0, r.r1} {
		if v.Sock != nil {
			v.Reply(bulk("x"))
		}
	}
	r.Settle()
}

// TestReplicaFails: a read that a replica does not answer is asked of another, or of the master, and the client sees nothing of it.
func TestReplicaFails(t *testing.T) {
	const loading = "-LOADING Redis is loading the dataset in memory\r\n"
	play(t, "the connection ends", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, get+get, "", get+get, "")
		r.answer(r.r0, bulk("1"))
		r.r0.HangUp()
		r.Settle()
		r.want(c, "", get, "", "")
		r.answer(r.master, bulk("2"))
		r.replies(c, bulk("1")+bulk("2"))
		r.want(c, get, get, "", "") // until it has been looked at
		r.fresh(0)
		r.want(c, get, "", get, "")
	})
	play(t, "another replica is well", topology.FromReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		r.want(c, get, "", get, "")
		r.fresh(1)
		r.r0.HangUp()
		r.Settle()
		r.want(c, "", "", "", get)
		r.answer(r.r1, bulk("1"))
		r.replies(c, bulk("1"))
	})
	for cut := range len(loading) {
		play(t, "it loads, cut anywhere", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
			r.fresh(0)
			r.want(c, get+array("MGET", "a", "b"), "", get+array("MGET", "a", "b"), "")
			r.answer(r.r0, loading[:cut])
			r.answer(r.r0, loading[cut:])
			r.want(c, "", get, "", "")
			r.answer(r.r0, "*2\r\n"+bulk("a")+bulk("b"))
			r.answer(r.master, bulk("1"))
			r.replies(c, bulk("1")+"*2\r\n"+bulk("a")+bulk("b"))
			r.want(c, get, get, "", "")
		})
	}
	play(t, "it can't be connected to", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		redial := r.Redial
		r.Redial = func(v *sessiontest.Server) {
			if v == r.r0 {
				r.Tasks = append(r.Tasks, func() { v.Refuse(syscall.ECONNREFUSED) })
				return
			}
			redial(v)
		}
		r.want(c, get, get, "", "")
	})
	play(t, "none is well, and none else may answer", topology.FromReplica, nil, func(r *replicated, c *simClient) {
		r.want(c, get, "", "", "")
		r.replies(c, "-ERR no replica is well: r0: it has not been looked at yet\r\n")
		r.pool.ReplicaSaid(r.pool.Replicas()[0], 1, &codec.Replication{Loading: true})
		r.want(c, array("MGET", "a", "b"), "", "", "")
		r.replies(c, "-ERR no replica is well: r0: it is loading\r\n")
	})
}

// TestReadPolicies: what stays at the master, and what does not, by policy.
func TestReadPolicies(t *testing.T) {
	play(t, "cursors and what is about all stay", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		for _, cmd := range []string{array("HSCAN", "h", "0"), array("DBSIZE"), array("SCAN", "0"), array("TOUCH", "k") + array("KEYS", "*")} {
			c := r.connect()
			c.Send(cmd)
			r.Settle()
			if got := r.master.Sock.Take(); got != cmd && !strings.HasPrefix(cmd, array("TOUCH", "k")) {
				t.Errorf("of %q the master has %q", cmd, got)
			}
		}
	})
	play(t, "scripts that read go", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		r.fresh(0)
		eval := array("EVAL_RO", "return 1", "1", "k")
		r.want(c, eval, "", eval, "")
	})
	play(t, "any", topology.FromAny, nil, func(r *replicated, _ *simClient) {
		r.fresh(0, 1)
		counts := map[string]int{}
		for range 60 {
			c := r.connect()
			c.Send(get)
			r.Settle()
			for _, v := range r.Servers {
				if v.Sock != nil && v.Sock.Take() != "" {
					counts[v.Name]++
				}
			}
		}
		for _, name := range []string{"s0", "r0", "r1"} {
			if counts[name] < 10 {
				t.Errorf("clients read at %v", counts)
			}
		}
	})
}

// TestReadwrite: a client of a cluster may want masters alone.
func TestReadwrite(t *testing.T) {
	s := newSimWith(t, 1, resp.Options{Cluster: true}, func(o *topology.Options) {
		o.Cluster, o.Slots = true, new(ring.Slots)
		r := sessiontest.ServerNamed("r0")
		r.Of = "s0"
		o.Replicas = append(o.Replicas, r)
		o.ReadOptions = topology.ReadOptions{ReadsByOp: readsBy(topology.PreferReplica)}
	}, nil)
	s.AddServer("r0")
	r := &replicated{s, t, s.Servers[0], s.Servers[1], s.Servers[1]}
	time.Sleep(time.Millisecond)
	r.fresh(0)
	c := r.connect()
	c.Send(get)
	r.Settle()
	const readonly = "*1\r\n$8\r\nREADONLY\r\n"
	if got := r.r0.Sock.Take(); got != readonly {
		t.Fatalf("the replica has %q", got)
	}
	r.answer(r.r0, "+OK\r\n")
	s.Greetings = replicasGreet
	r.Settle()
	if got := r.r0.Sock.Take(); got != get {
		t.Errorf("the replica has %q", got)
	}
	r.answer(r.r0, bulk("1"))
	c.Send(array("READWRITE") + get)
	r.Settle()
	if got := r.master.Sock.Take(); got != get {
		t.Errorf("the master has %q", got)
	}
	r.answer(r.master, bulk("2"))
	c.Send(array("READONLY") + get)
	r.Settle()
	if got := r.r0.Sock.Take(); got != get {
		t.Errorf("the replica has %q", got)
	}
	r.replies(c, bulk("1")+"+OK\r\n"+bulk("2")+"+OK\r\n")
}

// TestReadsBegin: a reload that has reads go to replicas finds a write under way of which nothing was noted.
func TestReadsBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicated(t, topology.FromMaster, func(o *topology.Options) { o.ReadsByOp = nil })
		r.fresh(0)
		c := r.connect()
		r.want(c, set, set, "", "")
		o := *r.pool.Options()
		o.ReadOptions = topology.ReadOptions{ReadsByOp: readsBy(topology.PreferReplica)}
		tp, err := r.pool.Successor(o)
		if err != nil {
			t.Fatal(err)
		}
		next := NewPool(tp, r.pool.opts, alone{})
		next.Adopt(r.pool)
		r.local.Apply(&Change{Limits: r.local.limits, Replaced: []Replaced{{r.pool, next}}})
		r.pool = next
		r.Settle()
		r.want(c, get, "", "", "")
		r.Passes(time.Second)
		r.fresh(0)
		r.answer(r.master, "+OK\r\n")
		r.want(c, "", get, "", "")
		r.answer(r.master, bulk("v"))
		r.Passes(time.Millisecond)
		r.fresh(0)
		r.want(c, get, "", get, "")
	})
}

// TestSlotMoves: of a slot that moves, and of a master that migrates keys, replicas are not asked: they do not know of it.
func TestSlotMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cluster(t, 2, func(o *topology.Options) {
			r := sessiontest.ServerNamed("r0")
			r.Of = "s0"
			o.Replicas = append(o.Replicas, r)
			o.ReadOptions = topology.ReadOptions{ReadsByOp: readsBy(topology.PreferReplica)}
		})
		s.AddServer("r0")
		s.Greetings = replicasGreet
		r := &replicated{s, t, s.Servers[0], s.Servers[2], s.Servers[2]}
		r.Passes(time.Second)
		c := r.connect()
		moves, stays := keyOf(0, 2, 1), keyOf(0, 2, 2)
		fresh := func(migrations int64) {
			at := r.Loop.World.Nanos()
			r.pool.MasterSaid(r.pool.Servers()[0], at, &codec.Replication{IsMaster: true, History: "h", Offset: at, Migrations: migrations})
			r.pool.ReplicaSaid(r.pool.Replicas()[0], at, &codec.Replication{History: "h", Offset: at, Linked: true})
		}
		wantAt := func(at *sessiontest.Server, command string) {
			t.Helper()
			c.Send(command)
			r.Settle()
			if at.Sock == nil {
				t.Fatalf("%s has no connection; it is to have %q", at.Name, command)
			}
			if got := at.Sock.Take(); got != command {
				t.Errorf("%s has %q; want %q", at.Name, got, command)
			}
			at.Reply("$-1\r\n")
			r.Settle()
		}
		fresh(5)
		wantAt(r.r0, array("GET", moves))
		set := array("SET", moves, "v")
		c.Send(set)
		r.Settle()
		r.master.Sock.Take()
		r.answer(r.master, strings.Replace(moved(moves, s.Servers[1]), "-MOVED", "-ASK", 1))
		if got, want := s.Servers[1].Sock.Take(), array("ASKING")+set; got != want {
			t.Fatalf("the new owner has %q; want %q", got, want)
		}
		r.answer(s.Servers[1], "+OK\r\n+OK\r\n")
		r.Passes(time.Second)
		fresh(5)
		wantAt(r.r0, array("GET", stays))
		wantAt(r.master, array("GET", moves))
		fresh(6) // it has migrated a key
		wantAt(r.master, array("GET", stays))
		r.Passes(11 * time.Second)
		fresh(6)
		wantAt(r.r0, array("GET", stays))
		wantAt(r.master, array("GET", moves))
		s.remap(t, func(slots *ring.Slots) { slots[ring.SlotOf([]byte(moves))] = 1 })
		wantAt(s.Servers[1], array("GET", moves))
		s.remap(t, func(slots *ring.Slots) { slots[ring.SlotOf([]byte(moves))] = 0 })
		fresh(6)
		wantAt(r.r0, array("GET", moves))
	})
}

// TestHandedOver: what a client wrote in another process it reads back, and its READWRITE holds.
func TestHandedOver(t *testing.T) {
	play(t, "a write", topology.PreferReplica, nil, func(r *replicated, _ *simClient) {
		r.fresh(0)
		s := Restore(r.local, r.pool, 9, Parted{State: State{Addr: "client", Authed: true}}, false)
		c := &simClient{Client: r.Connect(s), session: s}
		r.want(c, get, get, "", "")
		r.Passes(time.Second)
		r.want(c, get, get, "", "")
		r.fresh(0)
		r.want(c, get, "", get, "")
	})
	play(t, "READWRITE", topology.PreferReplica, nil, func(r *replicated, c *simClient) {
		c.session.cl.Masters = true
		if s := Restore(r.local, r.pool, 9, Parted{State: c.session.state(0)}, false); !s.cl.Masters {
			t.Error("it is forgotten")
		}
	})
}

// TestScatteredReads: of a command for several servers each part goes to a replica of its server, and what one does not answer to that server.
func TestScatteredReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimWith(t, 2, resp.Options{}, func(o *topology.Options) {
			for _, name := range []string{"r0", "r1"} {
				r := sessiontest.ServerNamed(name)
				r.Of = "s" + name[1:]
				o.Replicas = append(o.Replicas, r)
			}
			o.ReadOptions = topology.ReadOptions{ReadsByOp: readsBy(topology.PreferReplica)}
		}, nil)
		s.AddServer("r0")
		s.AddServer("r1")
		s.Greetings = replicasGreet
		s.Passes(time.Second)
		for i, r := range s.pool.Replicas() {
			s.pool.MasterSaid(s.pool.Servers()[i], 1, &codec.Replication{IsMaster: true, History: "h"})
			s.pool.ReplicaSaid(r, 1, &codec.Replication{History: "h", Linked: true})
		}
		var keys [2]string
		for i := 0; keys[0] == "" || keys[1] == ""; i++ {
			key := fmt.Sprint("k", i)
			keys[s.pool.Router().Place([]byte(key))] = key
		}
		c := s.connect()
		mset := array("MSET", keys[0], "1", keys[1], "2")
		c.Send(array("MGET", keys[0], keys[1]) + mset)
		s.Settle()
		for i, v := range s.Servers[2:] {
			if got, want := v.Sock.Take(), array("mget", keys[i]); got != want {
				t.Errorf("%s has %q; want %q", v.Name, got, want)
			}
		}
		s.Servers[3].Reply("*1\r\n" + bulk("b"))
		s.Servers[2].HangUp()
		s.Settle()
		if got, want := s.Servers[0].Sock.Take(), array("mget", keys[0]); got != want {
			t.Errorf("the master has %q; want %q", got, want)
		}
		if s.Servers[1].Sock != nil {
			t.Errorf("the other has %q", s.Servers[1].Sock.Take())
		}
		s.Servers[0].Reply("*1\r\n" + bulk("a"))
		s.Settle()
		for i, v := range s.Servers[:2] {
			if got, want := v.Sock.Take(), array("mset", keys[i], fmt.Sprint(i+1)); got != want {
				t.Errorf("%s has %q; want %q", v.Name, got, want)
			}
			v.Reply("+OK\r\n")
		}
		s.Settle()
		if got, want := c.Sock.Take(), "*2\r\n"+bulk("a")+bulk("b")+"+OK\r\n"; got != want {
			t.Errorf("the client has %q; want %q", got, want)
		}
		c.Send(array("MGET", keys[0], keys[1])) // the write is newer than what is known of the replicas
		s.Settle()
		for i, v := range s.Servers[:2] {
			if got, want := v.Sock.Take(), array("mget", keys[i]); got != want {
				t.Errorf("%s has %q; want %q", v.Name, got, want)
			}
		}
	})
}
