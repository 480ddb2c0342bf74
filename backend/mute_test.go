package backend

import (
	"errors"
	"net"
	"strings"
	"testing"

	"cashew/topology"
)

// TestMute: of a server that ends connections on which it has sent nothing is said what to look at, once it is no chance; not of one that
// had answered, or to which there is no way.
func TestMute(t *testing.T) {
	const nothing = reset + "; the server has sent nothing"
	ends := func(g *rig, want string) {
		g.t.Helper()
		g.get(g.conn(0, 1), "a")
		g.accept().hangsUp()
		g.are(want)
		g.passes(1e9) // the pause before the next attempt
	}
	on(t, "plain", nil, func(t *testing.T, g *rig) {
		ends(g, reset)
		const hint = nothing + " (does it speak TLS at this port?)"
		ends(g, hint)
		if !strings.Contains(g.log.String(), "does it speak TLS") {
			t.Errorf("log: %s", g.log.String())
		}
		ends(g, hint)
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		v.says("$1\r\nA\r\n")
		g.are("$1\r\nA\r\n")
		g.get(g.conn(0, 1), "a")
		v.hangsUp()
		g.are(reset)
		ends(g, reset)
		ends(g, hint)
	})
	on(t, "login", secured, func(t *testing.T, g *rig) {
		ends(g, reset)
		ends(g, nothing+" (does it speak TLS at this port?)")
		if !strings.Contains(g.log.String(), "does it speak TLS") {
			t.Errorf("log: %s", g.log.String())
		}
	})
	tls := func(o *topology.Options) { o.ServerTLS = true }
	on(t, "TLS", tls, func(t *testing.T, g *rig) {
		const hint = " (does it ask for a certificate? see server_tls_cert_file)"
		ends(g, nothing+hint)
		g.get(g.conn(0, 1), "a")
		v := g.accept()
		g.loop.Ended(v.conn, &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")})
		g.are("the server refuses TLS: certificate required" + hint)
	})
}
