//go:build unix

package sentinel

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cashew/tests/processtest"
)

// proxy is a running cashew with one pool.
type proxy struct {
	*processtest.Process
	addr, admin string
}

// startProxy starts a proxy before masters that these sentinels know, and waits until it serves.
func startProxy(t *testing.T, s *processtest.Sentinels, sentinels []string, settings ...string) *proxy {
	t.Helper()
	p := runProxy(t, s, sentinels, settings...)
	processtest.Await(t, patience, "the proxy serves", func() bool {
		p.WantAlive(t)
		reply, err := processtest.Ask(p.addr, "GET", "k")
		return err == nil && reply == "$-1"
	})
	return p
}

// runProxy starts a proxy before a master that these sentinels know.
func runProxy(t *testing.T, s *processtest.Sentinels, sentinels []string, settings ...string) *proxy {
	t.Helper()
	p := &proxy{addr: "127.0.0.1:" + processtest.FreePort(t), admin: "127.0.0.1:" + processtest.FreePort(t)}
	var conf strings.Builder
	fmt.Fprintf(&conf, "s:\n  listen: %s\n  redis: true\n  sentinels: %s\n", p.addr, strings.Join(sentinels, " "))
	for _, line := range settings {
		fmt.Fprintf(&conf, "  %s\n", line)
	}
	fmt.Fprintf(&conf, "  servers:\n   - %s:1 shard1\nglobal:\n  admin: %s\n", s.Name, p.admin)
	file := filepath.Join(processtest.TempDir(t), "s.yml")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Process = processtest.Run(t, cashew, "-c", file, "-v", "6", "-a", "127.0.0.1", "-s", processtest.FreePort(t))
	p.Shown = 16 << 10
	t.Cleanup(func() { p.Stop(t) })
	return p
}

// await waits for a line of the proxy's log.
func (p *proxy) await(t *testing.T, text string) {
	t.Helper()
	processtest.Await(t, patience, "the log has "+text, func() bool { return bytes.Contains(p.Printed(), []byte(text)) })
}

// metrics are the proxy's figures.
func (p *proxy) metrics(t *testing.T) string {
	t.Helper()
	_, text, err := processtest.Page(http.MethodGet, "http://"+p.admin+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	return text
}
