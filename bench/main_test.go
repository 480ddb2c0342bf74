package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary the load generator too, as the bench is one for its own child.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == generateCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestParseFlags(t *testing.T) {
	o, err := parseFlags([]string{"-quick", "-rounds", "7"}, io.Discard)
	if err != nil || o.rounds != 7 || o.scale != 0.01 || o.keys != 2000 {
		t.Errorf("-quick -rounds 7: %+v, %v", o, err)
	}
	for _, bad := range []string{"-rounds=0", "-n=0", "-n=NaN", "-keys=0", "-loops=-1", "-name=a/b", "more", "-nonsense"} {
		if o, err := parseFlags([]string{bad}, io.Discard); err == nil {
			t.Errorf("parseFlags(%s) = %+v; want an error", bad, o)
		}
	}
}

func TestFindContenders(t *testing.T) {
	dir := t.TempDir()
	var stderr bytes.Buffer
	cs, err := findContenders(options{contenders: "direct, cashew,nutcracker", cashew: filepath.Join(dir, "none"), nutcracker: filepath.Join(dir, "none")}, &stderr)
	if err != nil || len(cs) != 1 || cs[0].name != direct {
		t.Errorf("findContenders = %v, %v; want direct alone", cs, err)
	}
	if got := stderr.String(); !strings.Contains(got, "cashew is left out: no binary") || !strings.Contains(got, "nutcracker is left out") {
		t.Errorf("stderr %q does not say who is left out", got)
	}
	for _, bad := range []string{"", "direct,direct", "hare", "cashew"} {
		if cs, err := findContenders(options{contenders: bad, cashew: filepath.Join(dir, "none")}, io.Discard); err == nil {
			t.Errorf("findContenders(%q) = %v; want an error", bad, cs)
		}
	}
}

func TestConf(t *testing.T) {
	const want = `bench:
  listen: 127.0.0.1:22121
  hash: fnv1a_64
  distribution: ketama
  redis: true
  servers:
    - 127.0.0.1:7001:1 server1
    - 127.0.0.1:7002:1 server2
global:
  loops: 2
`
	c := contender{name: cashew, extraConf: "global:\n  loops: 2\n"}
	servers := []string{"127.0.0.1:7001", "127.0.0.1:7002"}
	for _, p := range protocols {
		want := strings.Replace(want, "redis: true", "redis: "+strconv.FormatBool(p.redis()), 1)
		if got := c.conf(p, "127.0.0.1:22121", servers); got != want {
			t.Errorf("%s: conf = %q; want %q", p.name(), got, want)
		}
	}
}

func TestFreePorts(t *testing.T) {
	ports, err := freePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range ports {
		if seen[p] {
			t.Errorf("port %d twice", p)
		}
		seen[p] = true
	}
}

// needServers skips where a server or a load generator is not installed, and fails instead under CI.
func needServers(t *testing.T) {
	for _, p := range protocols {
		for _, bin := range p.binaries() {
			if _, err := exec.LookPath(bin); err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
		}
	}
}

// smoke runs the bench on one small workload and returns what it printed. Every port it used must be closed afterwards.
func smoke(t *testing.T, ctx context.Context, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	needServers(t)
	t.Setenv("TMPDIR", t.TempDir()) // where a failed run leaves its logs
	out := t.TempDir()
	var o, e bytes.Buffer
	err = run(ctx, append([]string{"-quick", "-rounds", "1", "-n", "0.005", "-keys", "500", "-out", out}, args...), &o, &e)
	files, _ := filepath.Glob(filepath.Join(out, "*.json"))
	for _, f := range files {
		r, err := readResult(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, conf := range r.Confs {
			for _, addr := range regexp.MustCompile(`127\.0\.0\.1:\d+`).FindAllString(conf, -1) {
				if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
					c.Close()
					t.Errorf("something still listens at %s", addr)
				}
			}
		}
	}
	return o.String(), e.String(), err
}

func TestDirect(t *testing.T) {
	stdout, stderr, err := smoke(t, t.Context(), "-contenders", "direct", "-run", "^(p16-64|mget10-4s|mc-p16-64|mc-get100-4s)$")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, row := range []string{
		"| p16-64 SET | direct | ", "| p16-64 GET | direct | ", "| mget10-4s MGET10 | direct | ",
		"| mc-p16-64 SET | direct | ", "| mc-p16-64 GET | direct | ", "| mc-get100-4s GET100 | direct | ",
	} {
		if !strings.Contains(stdout, row) {
			t.Errorf("no row %q in\n%s", row, stdout)
		}
	}
	if strings.Contains(stdout, "Warning") {
		t.Errorf("warnings in\n%s", stdout)
	}
}

func TestNutcracker(t *testing.T) {
	if _, err := lookPathSbin("nutcracker"); err != nil {
		t.Skip(err)
	}
	stdout, stderr, err := smoke(t, t.Context(), "-contenders", "direct,nutcracker", "-run", "^(mget10-4s|mc-get100-4s)$")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if !strings.Contains(stdout, "| mget10-4s MGET10 | nutcracker | ") || !strings.Contains(stdout, "| mc-get100-4s GET100 | nutcracker | ") || strings.Contains(stdout, "Warning") {
		t.Errorf("printed\n%s", stdout)
	}
}

// A proxy that does not start, or that dies, costs only its own rows.
func TestBrokenProxy(t *testing.T) {
	script := filepath.Join(t.TempDir(), "cashew")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho 'no luck today' >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := smoke(t, t.Context(), "-contenders", "cashew,direct", "-cashew", script, "-run", "^p16-64$")
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no luck today") {
		t.Errorf("run: %v; want how cashew ended and its last words", err)
	}
	if !strings.Contains(stdout, "| p16-64 GET | direct | ") || !strings.Contains(stdout, "Warning") {
		t.Errorf("printed\n%s\n%s", stdout, stderr)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(700*time.Millisecond, cancel)
	start := time.Now()
	_, stderr, err := smoke(t, ctx, "-contenders", "direct", "-n", "50", "-run", "^p1-1k$")
	if err == nil || time.Since(start) > 15*time.Second {
		t.Errorf("run: %v after %v; want to end soon with an error\n%s", err, time.Since(start), stderr)
	}
}
