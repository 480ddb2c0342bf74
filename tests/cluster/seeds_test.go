//go:build unix

package cluster

import (
	"strings"
	"testing"
	"time"

	"cashew/ring"
	"cashew/tests/certtest"
	"cashew/tests/processtest"
)

// TestReplaced: no client sees that a master joins, gets all that another has, and that one is reset, which may happen to the only seed.
// Of the other seeds one is dead, and one is no cluster.
func TestReplaced(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 0)
	dead, port := processtest.FreePort(t), processtest.FreePort(t)
	other := processtest.Redis(t, "--bind", "127.0.0.1", "--port", port)
	other.Up(t, func() bool { return ask("127.0.0.1:"+port, "PING") == "+PONG" })
	seed := c.Nodes[1]
	p := startProxy(t, []string{"127.0.0.1:" + dead, "127.0.0.1:" + port, seed.Addr})
	l := startLoad(t, p.addr, 4, 6)
	l.More(t)
	joins := c.Join(t)
	moves := 1
	for _, tag := range tags {
		if slot := ring.SlotOf([]byte(tag)); c.Owner(t, slot) == seed {
			c.MoveSlot(t, slot, seed, joins)
			moves++
		}
	}
	c.Replace(t, seed, joins)
	l.More(t)
	seed.Kill()
	c.MoveSlot(t, ring.SlotOf([]byte(tags[0])), c.Owner(t, ring.SlotOf([]byte(tags[0]))), joins)
	l.end(t)
	l.wantHalved(t, moves)
	if n := ask("127.0.0.1:"+port, "DBSIZE"); n != ":0" {
		t.Errorf("the seed that is no cluster has %s keys", n)
	}
}

// TestClusterLogin: a cluster is asked, and served from, as a user.
func TestClusterLogin(t *testing.T) {
	processtest.Beside(t)
	c := processtest.StartCluster(t, 3, 0)
	for _, n := range c.Nodes {
		n.Want(t, "+OK", "ACL", "SETUSER", "cashew", "on", ">secret", "~*", "&*", "+@all")
	}
	for _, n := range c.Nodes {
		n.Want(t, "+OK", "ACL", "SETUSER", "default", "-@all", "+cluster", "+ping", "+migrate", "+info", "+role")
	}
	p := startProxy(t, seeds(c.Nodes[0]), "server_username: cashew", "server_password: secret")
	if got := ask(c.Nodes[0].Addr, "GET", "x"); !strings.HasPrefix(got, "-NOPERM") {
		t.Fatalf("without the password there is %q", got)
	}
	l := startLoad(t, p.addr, 2, 6)
	l.end(t)
	l.wantNoError(t)
}

// TestTLSCluster: a cluster whose nodes speak TLS is asked, and served from, over TLS, also where a slot goes.
func TestTLSCluster(t *testing.T) {
	processtest.Beside(t)
	ca := certtest.New(t, "authority")
	pair := ca.Issue(t, certtest.Of{})
	c := processtest.StartCluster(t, 3, 0, "--tls-cluster", "yes", "--tls-cert-file", pair.Cert, "--tls-key-file", pair.Key,
		"--tls-ca-cert-file", ca.File, "--tls-auth-clients", "no")
	p := startProxy(t, []string{c.Nodes[0].TLS}, "server_tls: true", "server_tls_ca_cert_file: "+ca.File)
	l := startLoad(t, p.addr, 2, 6)
	m := newMover(t, c, 3)
	for end := time.Now().Add(lasts(time.Second)); time.Now().Before(end); {
		m.move(t, tags[m.moves%len(tags)])
	}
	l.end(t)
	l.wantHalved(t, m.moves)
}
