//go:build unix

package difftest

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"cashew/tests/processtest"

	"github.com/bradfitz/gomemcache/memcache"
)

// terrain is what the reloads of a test are about: pool alpha, before Redis servers, that always listens in the same
// place; beta, that moves; gamma, that comes and goes; and mc, before memcacheds.
type terrain struct {
	*service
	redis  []*redisServer
	mc     []*mcServer
	listen map[string]string
}

func newTerrain(t *testing.T) *terrain {
	tr := &terrain{
		service: newService(t), redis: startRedises(t, 4), mc: startMemcacheds(t, 2), listen: map[string]string{},
	}
	for _, name := range []string{"alpha", "beta", "beta moved", "gamma", "mc"} {
		tr.listen[name] = "127.0.0.1:" + processtest.FreePort(t)
	}
	return tr
}

// alpha is the pool's text: the first n servers, of these weights (1 if there are none).
func (tr *terrain) alpha(n int, weights []int, settings ...string) string {
	lines := append([]string{"hash: md5", "distribution: ketama", "redis: true", "auto_eject_hosts: true"}, settings...)
	text := "alpha:\n  listen: " + tr.listen["alpha"] + "\n  " + strings.Join(lines, "\n  ") + "\n  servers:\n"
	for i, s := range tr.redis[:n] {
		weight := 1
		if weights != nil {
			weight = weights[i]
		}
		text += "   - " + s.entry(weight, fmt.Sprint("s", i)) + "\n"
	}
	return text
}

// other is the text of a pool before one Redis server.
func (tr *terrain) other(name, listen string) string {
	return fmt.Sprintf("%s:\n  listen: %s\n  redis: true\n  servers:\n   - %s\n", name, tr.listen[listen], tr.redis[0].entry(1, ""))
}

func (tr *terrain) memcached() string {
	return fmt.Sprintf("mc:\n  listen: %s\n  hash: md5\n  servers:\n   - %s\n   - %s\n", tr.listen["mc"], tr.mc[0].entry(1, ""), tr.mc[1].entry(1, ""))
}

// steps are configurations, each with all pools. The first is where a test begins.
func (tr *terrain) steps() [][]string {
	plain, beta, gamma, mc := tr.alpha(3, nil), tr.other("beta", "beta"), tr.other("gamma", "gamma"), tr.memcached()
	return [][]string{
		{plain, beta, gamma, mc},
		{tr.alpha(4, nil), beta, gamma, mc},
		{plain, beta, gamma, mc},
		{tr.alpha(3, []int{1, 5, 2}), beta, gamma, mc},
		{tr.alpha(3, nil, "timeout: 15000"), beta, gamma, mc},
		{tr.alpha(3, nil, `hash_tag: "{}"`, "server_connections: 2"), beta, gamma, mc},
		{plain, tr.other("beta", "beta moved"), gamma, mc},
		{tr.alpha(4, nil), beta, mc},
		{gamma, mc, plain, beta},
		{tr.alpha(2, nil), beta, gamma, mc},
	}
}

// settled are keys named by format that have the same server in all steps, and movers are the others.
func (tr *terrain) settled(t *testing.T, keys []string) (settled, movers []string) {
	t.Helper()
	moves := map[string]bool{}
	var first map[string]string
	for _, pools := range tr.steps() {
		tr.configure(t, pools...)
		where := tr.explain(t, "alpha", keys)
		if first == nil {
			first = where
		}
		for k, addr := range where {
			moves[k] = moves[k] || addr != first[k]
		}
	}
	for _, k := range keys {
		if moves[k] {
			movers = append(movers, k)
		} else {
			settled = append(settled, k)
		}
	}
	return settled, movers
}

// use puts load on all pools but gamma, whose clients have to leave.
func (tr *terrain) use(t *testing.T, l *traffic, clients int) []*loyal {
	t.Helper()
	const each = 40
	settled, movers := tr.settled(t, keysOf("load:%d", clients*each))
	const perClient, moversPerClient = 6, 4
	if len(settled) < clients*perClient || len(movers) < clients*moversPerClient {
		t.Fatalf("%d keys stay and %d move; they are too few for %d clients", len(settled), len(movers), clients)
	}
	tr.configure(t, tr.steps()[0]...)
	var all []*loyal
	for i := range clients {
		c := newLoyal(t, tr.listen["alpha"])
		all = append(all, c)
		mine, others := settled[i*perClient:(i+1)*perClient], movers[i*moversPerClient:(i+1)*moversPerClient]
		l.add(fmt.Sprint("client ", i), func(n int64) error { return c.work(n, mine, others) })
	}
	b := newLoyal(t, tr.listen["beta"])
	all = append(all, b)
	l.add("client of beta", func(n int64) error { return b.work(n, keysOf("beta:%d", 5), nil) })
	m := memcache.New(tr.listen["mc"])
	m.Timeout = patience
	t.Cleanup(func() { m.Close() })
	l.add("memcached client", func(n int64) error { return mcWork(m, n, keysOf("mc:%d", 5)) })
	l.add("new clients", func(int64) error { return connectAnew(tr.listen["alpha"]) })
	return all
}

// wantLoyal fails the test if a client had to connect again.
func wantLoyal(t *testing.T, clients []*loyal) {
	t.Helper()
	for i, c := range clients {
		if n := c.dials.Load(); n != 0 {
			t.Errorf("client %d had to connect again, %d times", i, n)
		}
	}
}

// TestReloadUnderLoad reloads again and again, in all ways there are, and no client sees any of it.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	tr := newTerrain(t)
	l := newTraffic(t)
	tr.configure(t, tr.steps()[0]...)
	tr.start(t)
	clients := tr.use(t, l, 8)
	steps := tr.steps()
	l.round(t)
	for n := 1; n <= 3*len(steps); n++ {
		tr.configure(t, steps[n%len(steps)]...)
		switch n % 3 {
		case 0:
			tr.Signal(syscall.SIGHUP)
		case 1:
			tr.Signal(syscall.SIGUSR1)
		case 2:
			tr.wantPage(t, "POST", "/reload", 200)
		}
		await(t, fmt.Sprintf("reload %d succeeds", n), func() bool {
			succeeded, failed := tr.reloads(t)
			if failed > 0 {
				t.Fatalf("reload %d failed", n)
			}
			return succeeded == n
		})
		if has := strings.Contains(strings.Join(steps[n%len(steps)], ""), "gamma:"); has != answers(tr.listen["gamma"]) {
			t.Errorf("after reload %d pool gamma answers is %t; want %t", n, !has, has)
		}
		l.round(t)
	}
	l.wantClean(t)
	wantLoyal(t, clients)
	tr.end(t)
}

// TestBadReloadUnderLoad gives the proxy files that it can't use, and all stays as it was.
func TestBadReloadUnderLoad(t *testing.T) {
	t.Parallel()
	tr := newTerrain(t)
	l := newTraffic(t)
	tr.configure(t, tr.steps()[0]...)
	tr.start(t)
	clients := tr.use(t, l, 2)
	l.round(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	before := tr.configHash(t)
	other := tr.alpha(4, nil, "timeout: 1")
	for i, c := range []struct{ name, text, want string }{
		{"syntax", other + " nonsense: [\n", "yaml"},
		{"unknown key", other + "  colour: blue\n", "colour"},
		{"bad value", strings.Replace(other, "md5", "fnv3", 1), "fnv3"},
		{"address taken", other + strings.Replace(tr.other("delta", "beta"), tr.listen["beta"], taken.Addr().String(), 1), "address already in use"},
	} {
		tr.configure(t, c.text)
		if body := tr.wantPage(t, "POST", "/reload", 400); !strings.Contains(body, c.want) {
			t.Errorf("%s: the reply says %q; want something with %s", c.name, body, c.want)
		}
		tr.Signal(syscall.SIGHUP)
		await(t, "the reload by signal fails", func() bool {
			_, failed := tr.reloads(t)
			return failed == 2*(i+1)
		})
		await(t, "the log says it twice", func() bool { return strings.Count(tr.logged(), "not reloaded, nothing has changed") == 2*(i+1) })
		await(t, "the log says why", func() bool { return strings.Count(tr.logged(), c.want) >= 2 })
		if after := tr.configHash(t); after != before {
			t.Errorf("%s: /config has the hash %s; want %s, that of before", c.name, after, before)
		}
		if n, ok := tr.metrics(t)["cashew_config_last_reload_successful"]; !ok || n != 0 {
			t.Errorf("%s: cashew_config_last_reload_successful is %v; want 0", c.name, n)
		}
		l.round(t)
	}
	tr.configure(t, tr.steps()[0]...)
	tr.wantPage(t, "POST", "/reload", 200)
	if n := tr.metrics(t)["cashew_config_last_reload_successful"]; n != 1 {
		t.Errorf("after the file was mended cashew_config_last_reload_successful is %v; want 1", n)
	}
	l.wantClean(t)
	wantLoyal(t, clients)
	tr.end(t)
}

// end asks the proxy to end, and wants that it does so in peace and without a trace.
func (s *service) end(t *testing.T) {
	t.Helper()
	s.Signal(syscall.SIGTERM)
	await(t, "the proxy ends", s.Ended)
	if status := s.State().ExitCode(); status != 0 {
		t.Errorf("the proxy ends with status %d; want 0", status)
	}
	s.wantTraceless(t)
}

// wantTraceless is for a proxy that has ended.
func (s *service) wantTraceless(t *testing.T) {
	t.Helper()
	if pid := s.pid(); pid != 0 {
		t.Errorf("the pid file has stayed, with %d", pid)
	}
	text := s.logged()
	if s.Process != nil {
		text += string(s.Printed())
	}
	for _, bad := range []string{"panic", "fatal error:", "DATA RACE"} {
		if strings.Contains(text, bad) {
			t.Errorf("the proxy printed %q", bad)
		}
	}
}
