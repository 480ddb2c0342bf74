package daemon

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/configs"
	"cashew/daemon/logging"
	"cashew/embedded"
	"cashew/engine"
	"cashew/stats"
	"cashew/world"
)

// settings is a configuration of one pool, called p, by key; servers are apart.
type settings struct {
	global, pool map[string]string
	servers      []string
	live         string // a server, whatever servers are
}

func (c *settings) file() string {
	var b strings.Builder
	section := func(name string, values map[string]string) {
		fmt.Fprintf(&b, "%s:\n", name)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(&b, "  %s: %s\n", key, values[key])
		}
	}
	section("global", c.global)
	section("p", c.pool)
	b.WriteString("  servers:\n")
	for i, addr := range c.servers {
		switch {
		case c.pool["cluster"] == "true": // its servers have no names
			fmt.Fprintf(&b, "    - %s\n", addr)
		case c.pool["sentinels"] != "": // who know masters by name
			fmt.Fprintf(&b, "    - m%d:1 s%d\n", i, i)
		default:
			fmt.Fprintf(&b, "    - %s:1 s%d\n", addr, i)
		}
	}
	if c.pool["mirror"]+c.pool["failover"]+c.pool["miss"]+c.pool["dual_write"] != "" { // which is another pool
		fmt.Fprintf(&b, "z:\n  redis: true\n  servers:\n    - %s:1\n", c.live)
	}
	return b.String()
}

// instance is a process as serve has it, but for signals, in this one.
type instance struct {
	*testing.T
	*process
	settings
	places  *strings.Replacer // what values may name: DIR, PORT, and the servers LIVE, DEAF, DEAD and MEMCACHED
	dir     string
	changes engine.Changes // of the last reload
}

// startInstance starts a process before two Redis servers; more changes its settings.
func startInstance(t *testing.T, more map[string]string) *instance {
	t.Helper()
	dir, err := os.MkdirTemp("", "set") // not the test's own: its name may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	writeTLS(t, dir)
	for name, text := range map[string]string{"/secret": "secret\n", "/user": "bob\n", "/headers": "# of the collector\nauthorization: Bearer sesame\n"} {
		if err := os.WriteFile(dir+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CASHEW_TEST_SECRET", "secret")
	redis, memcached := startServers(t, embedded.Start, 2), startServers(t, embedded.StartMemcached, 1)
	if err := os.WriteFile(dir+"/list", fmt.Appendf(nil, "%s:1 s0\n%s:1 s1\n", redis[0], redis[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deaf.Close() })
	_, port, _ := net.SplitHostPort(freeAddr(t))
	in := &instance{T: t, dir: dir, settings: settings{
		global:  map[string]string{"admin": dir + "/admin", "loops": "1"},
		pool:    map[string]string{"listen": dir + "/p", "redis": "true"},
		servers: redis, live: redis[0],
	}}
	writeCertificates(t, dir)
	for name, text := range map[string]string{"token": "open sesame\n", "token2": "close sesame"} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in.places = strings.NewReplacer("DIR", dir, "PORT", port, "LIVE", redis[0], "DEAF", deaf.Addr().String(),
		"DEAD", freeAddr(t), "MEMCACHED", memcached[0])
	for key, value := range more {
		in.set(key, value)
	}
	in.start()
	return in
}

func startServers(t *testing.T, start func(int) (*embedded.Servers, error), n int) (addrs []string) {
	t.Helper()
	servers, err := start(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(servers.Stop)
	return servers.Addrs()
}

// freeAddr is an address where nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start does what serve does.
func (in *instance) start() {
	in.Helper()
	out, err := logging.Open(in.dir + "/log")
	if err != nil {
		in.Fatal(err)
	}
	in.Cleanup(func() { _ = out.Close() })
	in.write()
	in.process = newProcess(&cliOptions{confFile: in.dir + "/conf", statsAddr: in.dir + "/stats", verbose: 6}, "test", out, io.Discard)
	o, err := in.load(nil)
	if err != nil {
		in.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if in.proxy, err = engine.New(o, world.New(time.Now()), log); err != nil {
		in.Fatal(err)
	}
	in.Cleanup(in.proxy.Stop)
	file, err := openLogs(&o)
	if err != nil {
		in.Fatal(err)
	}
	in.beginLogs(file)
	in.Cleanup(in.logs.close)
	in.Cleanup(func() { in.exporter.Close() })
	if in.service, err = newService(in.process, log, nil); err != nil {
		in.Fatal(err)
	}
	in.Cleanup(in.service.close)
	if err := in.proxy.Start(); err != nil {
		in.Fatal(err)
	}
	in.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	in.service.run()
	in.found.Load().run(nil, in.process)
	in.Cleanup(func() { in.found.Load().stop() })
}

// set changes a setting in the file to be; servers are separated by spaces.
func (in *instance) set(key, value string) {
	value = in.places.Replace(value)
	global, _ := configs.Keys()
	switch {
	case key == "servers":
		in.servers = strings.Fields(value)
	case slices.Contains(global, key):
		in.global[key] = value
	default:
		in.pool[key] = value
	}
}

func (in *instance) write() {
	in.Helper()
	if err := os.WriteFile(in.dir+"/conf", []byte(in.file()), 0o600); err != nil {
		in.Fatal(err)
	}
}

// reloadWith changes one setting of the running process.
func (in *instance) reloadWith(key, value string) {
	in.Helper()
	in.set(key, value)
	in.write()
	var err error
	if in.changes, err = in.reload(); err != nil {
		in.Fatalf("%s: %s: %v", key, value, err)
	}
}

// request is one to the admin pages, with the token that is in the file.
func (in *instance) request(path string) *http.Request {
	scheme, token := "http", in.global["admin_token"]
	if in.global["admin_tls_cert_file"] != "" {
		scheme = "https"
	}
	if name := in.global["admin_token_file"]; name != "" {
		b, err := os.ReadFile(name)
		if err != nil {
			in.Fatal(err)
		}
		token = strings.TrimSpace(string(b))
	}
	r, err := http.NewRequest(http.MethodGet, scheme+"://localhost"+path, http.NoBody)
	if err != nil {
		in.Fatal(err)
	}
	if token != "" {
		r.SetBasicAuth("me", token)
	}
	return r
}

// page asks the admin pages.
func (in *instance) page(path string) string {
	in.Helper()
	return in.pageAs(path, "")
}

// openMetrics asks for metrics as OpenMetrics has them.
func (in *instance) openMetrics() string {
	in.Helper()
	return in.pageAs("/metrics", "application/openmetrics-text;version=1.0.0")
}

func (in *instance) pageAs(path, accept string) string {
	in.Helper()
	addr := in.service.pages.Addr()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, addr.Network(), addr.String())
		},
	}}
	request := in.request(path)
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	r, err := client.Do(request)
	if err != nil {
		in.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		in.Fatalf("%s: %s %s %v", path, r.Status, body, err)
	}
	return string(body)
}

// shown is what /config says of a setting, and the hash that comes with it.
func (in *instance) shown(key string) (value any, hash string) {
	in.Helper()
	var c struct {
		Hash   string
		Config map[string]map[string]any
	}
	d := json.NewDecoder(strings.NewReader(in.page("/config")))
	d.UseNumber()
	if err := d.Decode(&c); err != nil {
		in.Fatal(err)
	}
	if !strings.Contains(in.page("/metrics"), fmt.Sprintf("cashew_config_hash_info{hash=%q} 1", c.Hash)) {
		in.Errorf("the metrics have another hash than %s", c.Hash)
	}
	if value, ok := c.Config["global"][key]; ok {
		return value, c.Hash
	}
	return c.Config["p"][key], c.Hash
}

// ask sends a command to the pool, by a connection of its own, and returns the reply.
func (in *instance) ask(words ...string) string {
	in.Helper()
	var reply strings.Builder
	addr := strings.Fields(in.pool["listen"])[0]
	if err := ask(&reply, addr, words); err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(reply.String(), "\r\n", " ")
}

// wantReply asks until the reply begins with want.
func (in *instance) wantReply(want string, words ...string) {
	in.Helper()
	got := ""
	in.await(fmt.Sprintf("%q to be answered %q", words, want), func() bool {
		got = in.ask(words...)
		return strings.HasPrefix(got, want)
	})
}

// send sends raw commands by a connection that stays.
func (in *instance) send(text string) net.Conn {
	in.Helper()
	network := "unix"
	if !strings.HasPrefix(in.pool["listen"], "/") {
		network = "tcp"
	}
	c, err := net.Dial(network, in.pool["listen"])
	if err != nil {
		in.Fatal(err)
	}
	in.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, text); err != nil {
		in.Fatal(err)
	}
	return c
}

func (in *instance) await(what string, cond func() bool) {
	in.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			in.Fatalf("still waiting for %s", what)
		}
	}
}

// keyAt is a key that goes to the server of that name.
func (in *instance) keyAt(server string) string {
	for i := 0; ; i++ {
		if key := "k" + strconv.Itoa(i); in.proxy.Explain("p", []byte(key))[0].Name == server {
			return key
		}
	}
}

// server is what is known of the pool's server of that number.
func (in *instance) server(i int) stats.Server { return in.proxy.Snapshot().Pools[0].Servers[i] }

// settingCase changes one setting, and looks whether what /config shows is what the process does.
type settingCase struct {
	key   string
	from  map[string]string // the file before the reload, besides what it has anyway
	to    string
	shows any                // of /config after the reload; nil: what was in force still is
	note  string             // of the reload
	was   func(in *instance) // sees what holds before
	does  func(in *instance) // sees what holds after; nil: that cannot be seen, or not soon
}

// ofHost are settings that the hash leaves out, since they differ from host to host.
var ofHost = map[string]bool{"listen": true, "admin": true, "default_zone": true, "zone": true, "cluster_announce": true}

// TestSettingsInForce goes through all settings: after a reload with another value /config shows what is in force, and so do
// its hash and the metrics.
func TestSettingsInForce(t *testing.T) {
	cases := slices.Concat(globalCases(), poolCases(), serverCases(), discoveryCases(), doorCases(), accessCases(), tracingCases(t))
	global, pool := configs.Keys()
	for _, key := range slices.Concat(global, pool) {
		if !slices.ContainsFunc(cases, func(c settingCase) bool { return c.key == key }) {
			t.Errorf("nobody looks what %s does", key)
		}
	}
	for _, c := range cases {
		name := c.key
		if c.shows == nil {
			name += " stays"
		}
		t.Run(name, func(t *testing.T) { c.play(t) })
	}
}

func (c *settingCase) play(t *testing.T) {
	in := startInstance(t, c.from)
	value, hash := in.shown(c.key)
	if c.was != nil {
		c.was(in)
	}
	in.reloadWith(c.key, c.to)
	got, changed := in.shown(c.key)
	want := c.shows
	if want == nil {
		want = value
	} else if text, ok := want.(string); ok {
		want = in.places.Replace(text)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || (changed != hash) != (c.shows != nil && !ofHost[c.key]) {
		t.Errorf("%s shows %v, hash %s, after %v, hash %s; want %v", c.key, got, changed, value, hash, want)
	}
	if notes := strings.Join(in.changes.Notes, "\n"); !strings.Contains(notes, c.note) || c.shows == nil && c.note == "" {
		t.Errorf("the reload says %q; want %q in it", notes, c.note)
	}
	if c.does != nil {
		c.does(in)
	}
}
