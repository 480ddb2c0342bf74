package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cashew/embedded"
	"cashew/tests/processtest"
)

func TestStatsDocument(t *testing.T) {
	snap := twoPools()
	snap.Draining = true
	snap.Pools = snap.Pools[:1]
	snap.Pools[0].Name = "a \"<\n"
	snap.Pools[0].Servers = snap.Pools[0].Servers[1:]
	got := string(statsDocument(&snap, "host", true))
	want := `{"service":"nutcracker", "source":"host", "version":"1.2.3", "uptime":90, "timestamp":1767323135, ` +
		`"total_connections":30, "curr_connections":20, "loops":2, "silent_loops":0, "draining":1, "panics":0, "reloads_succeeded":3, "reloads_failed":1, ` +
		`"a \"<\n": {"client_eof":1, "client_err":2, "client_connections":3, "server_ejects":4, "forward_error":5, "fragments":6, ` +
		`"live":1, "in_flight":20, "clients_accepted":7, "clients_rejected":8, "tls_handshakes":41, "tls_handshakes_resumed":42, "tls_handshakes_failed":43, "clients_refused":33, "clients_idle":29, "logins_failed":30, "clients_malformed":9, "clients_wrong_protocol":10, ` +
		`"clients_slow":11, "clients_slow_subscribers":26, "subscriptions":27, "messages":28, "clients_over_memory":12, "client_blocked":16, "client_waiting":25, "local_commands":17, "refused_commands":24, ` +
		`"failure_misses":13, "keys_left_out":14, "server_out_of_step":15, "request_bytes_from_clients":18, "reply_bytes_to_clients":19, ` +
		`"clients_resp3":2, "write_back_p50_us":56, "write_back_p99_us":56, ` +
		`"s1": {"server_eof":1, "server_err":2, "server_timedout":17, "server_connections":4, "server_ejected_at":5000000, ` +
		`"requests":6, "request_bytes":7, "responses":8, "response_bytes":9, "in_queue":10, "in_queue_bytes":11, "out_queue":12, ` +
		`"out_queue_bytes":13, "up":0, "on_trial":0, "no_reply":14, "dropped":15, "failed":16, "expired":17, "server_connections_resp3":3, "refuses_resp3":1, "pushes":7, "keyspace_hits":18, "keyspace_misses":19, "weight":1, "share_ppm":0, "queue_p50_us":20, "queue_p99_us":20, ` +
		`"server_p50_us":3072, "server_p99_us":134217728, "server_p999_us":134217728, "timedout_connections":3}}}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statsDocument (-want +got):\n%s", diff)
	}

	got = string(statsDocument(&snap, "host", false))
	want = `{"service":"nutcracker", "source":"host", "version":"1.2.3", "uptime":90, "timestamp":1767323135, ` +
		`"total_connections":30, "curr_connections":20, ` +
		`"a \"<\n": {"client_eof":1, "client_err":2, "client_connections":3, "server_ejects":4, "forward_error":5, "fragments":6, ` +
		`"s1": {"server_eof":1, "server_err":2, "server_timedout":17, "server_connections":4, "server_ejected_at":5000000, ` +
		`"requests":6, "request_bytes":7, "responses":8, "response_bytes":9, "in_queue":10, "in_queue_bytes":11, "out_queue":12, ` +
		`"out_queue_bytes":13}}}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statsDocument, plain (-want +got):\n%s", diff)
	}
}

// Pools and servers stand in the order of the options, as twemproxy writes them.
func TestStatsOrder(t *testing.T) {
	snap := twoPools()
	text := string(statsDocument(&snap, "host", false))
	var at []int
	for _, s := range []string{`, "beta": {`, `, "s0": {`, `,"s1": {`, `},"alpha": {`} {
		at = append(at, strings.Index(text, s))
	}
	if at[0] < 0 || !slices.IsSorted(at) {
		t.Errorf("places %d in %s", at, text)
	}
	if !json.Valid([]byte(text)) {
		t.Errorf("no JSON: %s", text)
	}
}

// serveStats serves the stats port until the test ends.
func serveStats(t *testing.T, r *rig, addr string) net.Addr {
	t.Helper()
	ln, err := ListenStats(addr, 0)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.ServeStats(ln) }()
	t.Cleanup(func() {
		r.Close(context.Background())
		if err := <-served; err != nil {
			t.Errorf("ServeStats: %v", err)
		}
	})
	return ln.Addr()
}

// Whatever the client sends before it reads, it gets the whole document and then the end, never a reset.
func TestStatsPort(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", filepath.Join(t.TempDir(), "stats")} {
		r := newRig()
		at := serveStats(t, r, addr)
		want := statsDocument(&r.proxy.snap, mustHostname(t), false)
		for name, sent := range map[string]string{
			"nothing": "", "an HTTP probe": "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "much": strings.Repeat("x", 10_000),
		} {
			nc, err := net.Dial(at.Network(), at.String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(nc, sent); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(nc)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, after %s was sent: %d bytes, %v; want %d", at, name, len(got), err, len(want))
			}
			nc.Close()
		}
	}
}

func mustHostname(t *testing.T) string {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// One who does not go away keeps nobody else from an answer.
func TestStatsPortIsConcurrent(t *testing.T) {
	r := newRig()
	at := serveStats(t, r, "127.0.0.1")
	var all sync.WaitGroup
	defer all.Wait()
	for range 50 {
		idle, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
		all.Go(func() {
			nc, err := net.Dial("tcp", at.String())
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			if got, err := io.ReadAll(nc); err != nil || !json.Valid(got) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// As with twemproxy, a port that a second proxy has, or any other program, is an error in its words, and so is one that is
// had on another address that overlaps. One that was had a moment ago is no obstacle.
func TestListenStats(t *testing.T) {
	for _, hosts := range [][2]string{{"127.0.0.1", "127.0.0.1"}, {"127.0.0.1", "0.0.0.0"}, {"0.0.0.0", "127.0.0.1"}} {
		first, err := ListenStats(hosts[0], 0)
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		port := first.Addr().(*net.TCPAddr).Port
		_, err = ListenStats(hosts[1], port)
		var fd int
		var text string
		if err != nil {
			fmt.Sscanf(err.Error(), "bind on m %d", &fd)
			_, text, _ = strings.Cut(err.Error(), fmt.Sprint(fd))
		}
		want := fmt.Sprintf(" to stats server addr '%s:%d' failed: address already in use", hosts[1], port)
		if fd < 1 || text != want {
			t.Errorf("ListenStats beside %s: %v, want bind on m FD%s", hosts[0], err, want)
		}
		if _, err := Listen(fmt.Sprintf("%s:%d", hosts[1], port)); err == nil {
			t.Errorf("admin pages at %s beside the stats port at %s", hosts[1], hosts[0])
		}
		nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		first.Close()
		second, err := ListenStats(hosts[1], port)
		if err != nil {
			t.Fatalf("a second proxy after the first: %v", err)
		}
		second.Close()
	}
}

// 0.0.0.0 is all of IPv4 and nothing of IPv6, as with twemproxy; :: is both.
func TestListenIsIPv4(t *testing.T) {
	stats, err := ListenStats("0.0.0.0", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer stats.Close()
	pages, err := Listen("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Close()
	for name, ln := range map[string]net.Listener{"statistics": stats, "admin pages": pages} {
		if at := ln.Addr().(*net.TCPAddr); at.IP.To4() == nil {
			t.Errorf("%s are at %v", name, at)
		}
	}
}

// The admin pages may move to an address that overlaps with the one that they have, and no other process may have it.
func TestListenBeside(t *testing.T) {
	first, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	wide := fmt.Sprintf("0.0.0.0:%d", first.Addr().(*net.TCPAddr).Port)
	if _, err := Listen(wide); err == nil {
		t.Fatal("a second process gets a part of the first one's address")
	}
	second, err := Listen(wide, first)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first.Close()
	for _, addr := range []string{first.Addr().String(), wide} {
		if _, err := Listen(addr); err == nil {
			t.Errorf("a second process gets %s, which the first one moved from or to", addr)
		}
	}
}

// -D's text begins with nutcracker's, to the byte; ours is apart, below it.
func TestDescribeAgainstNutcracker(t *testing.T) {
	out, err := exec.Command(processtest.LookPath(t, "nutcracker"), "-D").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	_, theirs, found := strings.Cut(string(out), "pool stats:")
	if !found {
		t.Fatalf("nutcracker -D: %s", out)
	}
	theirs = "pool stats:" + theirs
	var ours strings.Builder
	Describe(&ours)
	rest, found := strings.CutPrefix(ours.String(), strings.TrimRight(theirs, "\n")+"\n")
	if !found || !strings.HasPrefix(rest, "\npool stats of cashew's own") || !strings.Contains(rest, "\n  server_p99_us ") {
		t.Errorf("ours is not nutcracker's text and more below it:\n%s\nnutcracker's:\n%s", ours.String(), theirs)
	}
}

var (
	statsNumber = regexp.MustCompile(`":-?\d+`)
	statsText   = regexp.MustCompile(`"(source|version)":"[^"]*"`)
)

// withoutValues is a document in which all that differs from moment to moment and from program to program is the same.
func withoutValues(doc []byte) string {
	return statsText.ReplaceAllString(statsNumber.ReplaceAllString(string(doc), `":0`), `"$1":""`)
}

// What a real nutcracker says of the same pools and servers and what the stats port says are the same text but for the
// values: the same keys, nested the same way, in the same order, and nothing else.
func TestStatsAgainstNutcracker(t *testing.T) {
	theirs := statsOfNutcracker(t)
	at := serveStats(t, newRig(), "127.0.0.1")
	ours := readStats(t, at.Network(), at.String(), "")
	if diff := cmp.Diff(withoutValues(theirs), withoutValues(ours)); diff != "" {
		t.Errorf("the document (-nutcracker +ours):\n%s", diff)
	}
}

// statsOfNutcracker is the document of a real one with the pools and servers of twoPools.
func statsOfNutcracker(t *testing.T) []byte {
	t.Helper()
	path := processtest.LookPath(t, "nutcracker")
	servers, err := embedded.Start(2)
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Stop()
	dir := t.TempDir()
	var conf strings.Builder
	for _, pool := range []string{"beta", "alpha"} {
		fmt.Fprintf(&conf, "%s:\n  listen: %s/%s 0600\n  redis: true\n  servers:\n", pool, dir, pool)
		for i, addr := range servers.Addrs() {
			fmt.Fprintf(&conf, "    - %s:1 s%d\n", addr, i)
		}
	}
	confFile, socket := filepath.Join(dir, "conf.yml"), filepath.Join(dir, "stats")
	if err := os.WriteFile(confFile, []byte(conf.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	processtest.Run(t, path, "-c", confFile, "-a", socket, "-o", log)
	return readStats(t, "unix", socket, log)
}

// statsExtended is read for each answer, so that a reload is enough to change it.
func TestStatsExtended(t *testing.T) {
	r := newRig()
	at := serveStats(t, r, "127.0.0.1")
	page := r.do("GET", "/stats").Body.String()
	if plain := readStats(t, at.Network(), at.String(), ""); !strings.Contains(page, `"live"`) || len(plain) >= len(page) {
		t.Errorf("/stats %s\nstats port %s\nwant all at /stats, and less on the stats port", page, plain)
	}
	o := twoPoolsOptions()
	o.StatsExtended = true
	r.proxy.options.Store(o)
	if got := string(readStats(t, at.Network(), at.String(), "")); got != page {
		t.Errorf("stats port with stats_extended: %s\n/stats: %s", got, page)
	}
}

// readStats asks until whoever was started listens.
func readStats(t *testing.T, network, addr, log string) (doc []byte) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		nc, err := net.Dial(network, addr)
		if err == nil {
			defer nc.Close()
			doc, err = io.ReadAll(nc)
			if err != nil || !json.Valid(doc) {
				t.Fatalf("%s: %q, %v", addr, doc, err)
			}
			return doc
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			t.Fatalf("%s: %v; log: %s", addr, err, text)
		}
	}
}

// A snapshot that never comes costs the client its answer, not the port.
func TestStatsWithoutAnswer(t *testing.T) {
	r := newRig()
	r.patience = 20 * time.Millisecond
	r.proxy.wait = make(chan struct{})
	at := serveStats(t, r, "127.0.0.1")
	ask := func() []byte {
		nc, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		got, err := io.ReadAll(nc)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := ask(); len(got) != 0 {
		t.Errorf("while loops hang: %q", got)
	}
	close(r.proxy.wait)
	for deadline := time.Now().Add(time.Minute); !json.Valid(ask()); { // a busy machine may need more than our patience
		if time.Now().After(deadline) {
			t.Fatal("no answer although the loops are back")
		}
	}
}
