package engine

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cashew/tests/certtest"
	"cashew/tlsconn"
	"cashew/world/worldtest"
)

// TestRereadDoubts: a certificate that is put in place and is over is in force, and the log says what is wrong with it, once.
func TestRereadDoubts(t *testing.T) {
	ca := certtest.New(t, "door")
	pair := ca.Issue(t, certtest.Of{})
	po := poolBefore("main", startKeyServer(t, "s"))
	po.TLS, po.TLSCertFile, po.TLSKeyFile = tlsconn.On, pair.Cert, pair.Key
	var log bytes.Buffer
	p, err := New(withPools(1, po), worldtest.New(time.Now()), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	for _, c := range []struct {
		of    certtest.Of
		wants string
	}{{certtest.Of{}, ""}, {certtest.Of{Expired: true}, "has a certificate that expired on"}, {certtest.Of{Ends: time.Hour}, "has a certificate that expires on"}} {
		log.Reset()
		ca.Issue(t, c.of).Put(t, pair)
		p.lookAtFiles()
		p.lookAtFiles()
		if got := log.String(); strings.Count(got, "read anew") != 1 || strings.Count(got, "WARN") != min(1, len(c.wants)) || !strings.Contains(got, c.wants) {
			t.Errorf("the log says %q; want %q", got, c.wants)
		}
	}
}
