package difftest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"cashew/tests/processtest"
)

// TestTLSStunnel: stunnel before cashew for clients that speak no TLS, and behind it for a server that speaks none, as in fleets that
// had to do without TLS in their proxy.
//
//	plain --> stunnel, client --TLS--> cashew --TLS--> stunnel, server --plain--> redis-server
func TestTLSStunnel(t *testing.T) {
	notRaced(t)
	t.Parallel()
	k := newKeychain(t)
	stunnel := processtest.LookPath(t, "stunnel")
	servers := startRedises(t, 1)
	front, back, listen := "127.0.0.1:"+processtest.FreePort(t), "127.0.0.1:"+processtest.FreePort(t), "127.0.0.1:"+processtest.FreePort(t)
	conf := filepath.Join(processtest.TempDir(t), "stunnel.conf")
	text := fmt.Sprintf("foreground = yes\npid =\ndebug = warning\n"+
		"[front]\nclient = yes\naccept = %s\nconnect = %s\nCAfile = %s\nverifyChain = yes\ncheckHost = localhost\n"+
		"[back]\naccept = %s\nconnect = %s\ncert = %s\nkey = %s\n",
		front, listen, k.ca.File, back, servers[0].addr, k.srv.Cert, k.srv.Key)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	processtest.Run(t, stunnel, conf).Up(t, func() bool { return processtest.Listens("tcp", front) && processtest.Listens("tcp", back) })
	p := startLoops(t, 2,
		pool{name: "sealed", listen: listen, servers: []string{back + ":1"}, tls: true, settings: k.both()},
		pool{name: "plain", servers: entries(servers)},
	)
	for seed := range uint64(3) {
		commands := randomStream(newRand(seed), 300)
		flush(t, servers...)
		want := exchange(t, p.addr("plain"), commands, whole, newRand(seed))
		flush(t, servers...)
		report(t, fmt.Sprintf("seed %d", seed), "", diffReplies(commands, want, exchange(t, front, commands, random, newRand(seed))))
	}
}
