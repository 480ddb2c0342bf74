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
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary the load generator and the echo server too, as the bench is for its own children.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{generateCommand, handshakesCommand, echoCommand}, os.Args[1]) {
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
	for _, bad := range []string{"-rounds=0", "-n=0", "-n=NaN", "-keys=0", "-loops=-1", "-name=a/b", "more", "-nonsense", "-set=all", "-generator=other"} {
		if o, err := parseFlags([]string{bad}, io.Discard); err == nil {
			t.Errorf("parseFlags(%s) = %+v; want an error", bad, o)
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

// buildCashew returns the path of cashew, built from this tree.
func buildCashew(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "cashew")
	if out, err := exec.Command("go", "build", "-o", bin, "..").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// smoke runs the bench on one small workload and returns what it printed. Every port it used must be closed afterwards.
func smoke(t *testing.T, ctx context.Context, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	needServers(t)
	t.Setenv("TMPDIR", t.TempDir()) // where a failed run leaves its logs
	out := t.TempDir()
	var o, e bytes.Buffer
	err = run(ctx, append([]string{"-quick", "-set", "matrix", "-rounds", "1", "-n", "0.005", "-keys", "500", "-out", out}, args...), &o, &e)
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
	stdout, stderr, err := smoke(t, t.Context(), "-contenders", "direct,echo", "-run", "^(p16-64|mget10-4s|lone|idle9900|p1-1k-rate60|mc-p16-64|mc-get100-4s|mc-p1-1k-mixed)$")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, row := range []string{
		"| p16-64 SET | direct | ", "| p16-64 GET | echo | ", "| mget10-4s MGET10 | direct | ", "| lone GET | echo | ",
		"| idle9900 GET | direct | ", "| p1-1k-rate60 GET | echo | ",
		"| mc-p16-64 SET | direct | ", "| mc-p16-64 GET | echo | ", "| mc-get100-4s GET100 | direct | ", "| mc-p1-1k-mixed MIXED | direct | ",
	} {
		if !strings.Contains(stdout, row) {
			t.Errorf("no row %q in\n%s", row, stdout)
		}
	}
	for _, other := range []string{"Warning", "| mget10-4s MGET10 | echo | "} {
		if strings.Contains(stdout, other) {
			t.Errorf("%q in\n%s", other, stdout)
		}
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

// TLS: redis-server's own, cashew's, and stunnel before a plain cashew.
func TestTLS(t *testing.T) {
	if _, err := lookPathSbin(stunnel); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	stdout, stderr, err := smoke(t, t.Context(), "-set", "goals", "-contenders", "direct,cashew,stunnel,nutcracker", "-cashew", buildCashew(t), "-run", "^(tls-p16-64|p1-1k-rate25-tls1000)$")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, c := range []string{direct, cashew, stunnel} {
		if !strings.Contains(stdout, "| tls-p16-64 GET | "+c+" | ") {
			t.Errorf("no row of %s in\n%s", c, stdout)
		}
	}
	if !strings.Contains(stdout, "| p1-1k-rate25-tls1000 GET | cashew | ") {
		t.Errorf("no row with handshakes in\n%s", stdout)
	}
	if strings.Contains(stdout, "Warning") || strings.Contains(stdout, "| tls-p16-64 GET | nutcracker | ") {
		t.Errorf("printed\n%s", stdout)
	}
}

// Two builds of cashew side by side, with all that is measured of it.
func TestCashew(t *testing.T) {
	bin := buildCashew(t)
	t.Setenv(proxiesEnv, "cashew-base="+bin)
	out := t.TempDir()
	stdout, stderr, err := smoke(t, t.Context(), "-contenders", "direct,cashew,cashew-base", "-cashew", bin, "-run", "^p1-1k$", "-out", out, "-name", "kept")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	for _, want := range []string{"| load | test | figure | goal | cashew | cashew-base |", "| p1-1k GET | cashew-base | "} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	r, err := readResult(filepath.Join(out, "kept.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Samples {
		if s.Contender != direct && (s.Go == nil || runtime.GOOS == "linux" && (s.ProxySwitches <= 0 || s.ProxyCPU <= 0 || s.PeakRSS < 1<<20)) {
			t.Errorf("not all is measured: %+v", s)
		}
	}
	var goals bytes.Buffer
	if err := run(t.Context(), []string{"-show", filepath.Join(out, "kept.json"), "-goals"}, &goals, io.Discard); err != nil || strings.Contains(goals.String(), "### redis") || !strings.Contains(goals.String(), "### goals") {
		t.Errorf("-goals prints, with %v,\n%s", err, goals.String())
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
