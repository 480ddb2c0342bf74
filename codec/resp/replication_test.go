package resp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cashew/codec"
)

// infoReplies are replies to ReplicationCommands: of each section its lines, with blanks between them.
func infoReplies(sections ...string) (replies [][]byte) {
	for _, s := range sections {
		text := "# Section\r\n" + strings.ReplaceAll(s, " ", "\r\n") + "\r\n"
		replies = append(replies, []byte(fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)))
	}
	return replies
}

// TestParseReplication: what servers of several kinds say of themselves.
func TestParseReplication(t *testing.T) {
	for _, tt := range []struct {
		name    string
		replies [][]byte
		want    codec.Replication
		err     string
	}{
		{
			"a master", infoReplies("role:master master_replid:abc master_repl_offset:7", "loading:0", "redis_version:7.0.15", "cmdstat_get:calls=9,usec=1 cmdstat_migrate:calls=12,usec=5"),
			codec.Replication{IsMaster: true, History: "abc", Offset: 7, Migrations: 12},
			"",
		},
		{
			"a replica", infoReplies("role:slave master_link_status:up master_sync_in_progress:0 slave_read_repl_offset:9 slave_repl_offset:5 master_replid:abc master_repl_offset:7", "loading:0", "availability_zone:a", ""),
			codec.Replication{History: "abc", Offset: 5, Linked: true, Zone: "a"},
			"",
		},
		{
			"one that is given all", infoReplies("role:slave master_link_status:down master_sync_in_progress:1 slave_repl_offset:-1 master_replid:abc", "loading:0", "", ""),
			codec.Replication{History: "abc", Offset: -1, Syncing: true},
			"",
		},
		{
			"one that loads", infoReplies("role:slave master_link_status:down master_sync_in_progress:0 slave_repl_offset:1 master_replid:abc", "loading:1", "", ""),
			codec.Replication{History: "abc", Offset: 1, Loading: true},
			"",
		},
		{
			"what a user may not ask",
			[][]byte{infoReplies("role:master master_replid:a master_repl_offset:0")[0], infoReplies("loading:0")[0], []byte("-NOPERM no\r\n"), []byte("-NOPERM no\r\n")},
			codec.Replication{IsMaster: true, History: "a"},
			"",
		},
		{"nothing may be asked", [][]byte{[]byte("-NOPERM no\r\n"), infoReplies("loading:0")[0], infoReplies("")[0], infoReplies("")[0]}, codec.Replication{}, "NOPERM"},
		{"a sentinel", infoReplies("role:sentinel", "loading:0", "", ""), codec.Replication{}, "role"},
		{"no offset", infoReplies("role:slave", "loading:0", "", ""), codec.Replication{}, "slave_repl_offset"},
		{"too few", infoReplies("role:master"), codec.Replication{}, "replies"},
	} {
		got, err := New(Options{Cluster: true}).ParseReplication(tt.replies)
		if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) || err == nil && got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
}

// TestReadOps: what may be asked of a replica only reads keys, and needs no cursor of its server.
func TestReadOps(t *testing.T) {
	reads := ReadOps()
	for name, want := range map[string]bool{
		"get": true, "mget": true, "eval_ro": true, "fcall_ro": true, "sort_ro": true, "xread": true, "pfcount": true, "object|encoding": true,
		"set": false, "getex": false, "sort": false, "eval": false, "hscan": false, "sscan": false, "zscan": false, "scan": false, "keys": false,
		"dbsize": false, "bitfield": false, "georadius": false, "spublish": false,
	} {
		op := slices.IndexFunc(commands, func(c command) bool { return c.name == name })
		if op < 0 || reads[op] != want {
			t.Errorf("%s (op %d): %v; want %v", name, op, !want, want)
		}
	}
	for _, name := range []string{"@hash", "@read", "get", "object|encoding"} {
		if !slices.Contains(ReadNames(), name) {
			t.Errorf("%s is no name", name)
		}
	}
	for _, name := range []string{"set", "@pubsub", "hscan", "nothing", "@nothing"} {
		if slices.Contains(ReadNames(), name) {
			t.Errorf("%s is a name", name)
		}
	}
}

// TestCopies: a view has the replicas that can be connected to, with their masters.
func TestCopies(t *testing.T) {
	nodes := "m 10.0.0.1:1@2 myself,master - 0 0 3 connected 0-16383\n" +
		"r 10.0.0.2:1@2 slave m 0 0 3 connected\n" +
		"f 10.0.0.3:1@2 slave,fail m 0 0 3 disconnected\n" +
		"n :0@0 slave,noaddr m 0 0 3 disconnected\n" +
		"h 10.0.0.4:1@2 slave,handshake - 0 0 0 connected\n"
	v, err := new(Protocol).ParseView("10.0.0.1:1", clusterReplies("0 16383 10.0.0.1/1/m", nodes, "cluster_state:ok"))
	if err != nil {
		t.Fatal(err)
	}
	want := []codec.Copy{{ID: "r", Addr: "10.0.0.2:1", Of: "m"}, {ID: "f", Addr: "10.0.0.3:1", Of: "m"}}
	if !slices.Equal(v.Copies, want) {
		t.Errorf("replicas are %+v; want %+v", v.Copies, want)
	}
}

// TestParseReplicas: where a sentinel says that replicas are.
func TestParseReplicas(t *testing.T) {
	p := new(Protocol)
	if got := string(p.ReplicaCommand("m")); got != "*3\r\n$8\r\nSENTINEL\r\n$6\r\nSLAVES\r\n$1\r\nm\r\n" {
		t.Errorf("it is asked %q", got)
	}
	one := func(ip string) string {
		return "*4\r\n$2\r\nip\r\n$" + fmt.Sprint(len(ip)) + "\r\n" + ip + "\r\n$4\r\nport\r\n$1\r\n7\r\n"
	}
	addrs, err := p.ParseReplicas([]byte("*3\r\n" + one("10.0.0.1") + one("::1") + one("?")))
	if err != nil || !slices.Equal(addrs, []string{"10.0.0.1:7", "[::1]:7"}) {
		t.Errorf("%q, %v", addrs, err)
	}
	if _, err := p.ParseReplicas([]byte("-ERR No such master with that name\r\n")); err == nil {
		t.Error("an error is an answer")
	}
}

// TestReplicaHandshake: a replica of a cluster is told that reads are meant for it; each says whether it has what its master has, or had, and a
// connection to one that does not is none.
func TestReplicaHandshake(t *testing.T) {
	as := codec.Login{Server: "s", Replica: true}
	for _, cluster := range []bool{true, false} {
		p := New(Options{Cluster: cluster, Password: "secret"})
		steps := p.Handshake(as, RESP3, 0)
		last := len(steps) - 1
		if string(steps[last]) != "*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n" || (string(steps[last-1]) == "*1\r\n$8\r\nREADONLY\r\n") != cluster {
			t.Errorf("cluster %v: the last steps are %q", cluster, steps)
		}
		if err := p.CheckHandshake(as, RESP3, 0, last-1, []byte("+OK\r\n")); cluster && err != nil {
			t.Error(err)
		}
		if err := p.CheckHandshake(as, RESP3, 0, last-1, []byte("-ERR This instance has cluster support disabled\r\n")); cluster && (err == nil || !strings.Contains(err.Error(), "READONLY")) {
			t.Errorf("a refusal is %v", err)
		}
		for info, want := range map[string]string{ // in no order
			"role:slave\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\n":                                        "",
			"role:slave\r\nmaster_link_status:down\r\nmaster_sync_in_progress:0\r\nmaster_link_down_since_seconds:3\r\n":  "",
			"role:slave\r\nmaster_link_status:down\r\nmaster_sync_in_progress:0\r\nmaster_link_down_since_seconds:-1\r\n": "has not heard of its master",
			"role:slave\r\nmaster_link_status:down\r\nmaster_sync_in_progress:1\r\n":                                      "is being given",
			"role:master\r\n": "is no replica",
		} {
			info = "# Replication\r\n" + info
			for _, kind := range []string{"$", "="} {
				reply := fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)
				if kind != "$" {
					reply = fmt.Sprintf("=%d\r\ntxt:%s\r\n", len(info)+4, info)
				}
				if err := p.CheckHandshake(as, RESP3, 0, last, []byte(reply)); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%q: %v; want %q", reply, err, want)
				}
			}
		}
		var remark *codec.RemarkError
		if err := p.CheckHandshake(as, RESP3, 0, last, []byte("-NOPERM no\r\n")); !errors.As(err, &remark) {
			t.Errorf("who may not ask: %v", err)
		}
	}
}
