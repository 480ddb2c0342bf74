package inspect

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"cashew/bench/generator"
	"cashew/embedded"
)

// benched runs the command with few short bursts.
func benched(args ...string) (exit int, stdout, stderr string) {
	var out, errs bytes.Buffer
	exit = Find("bench").Run(append([]string{"--rounds", "3", "--burst", "5ms", "--keys", "100", "--clients", "4"}, args...), &out, &errs)
	return exit, out.String(), errs.String()
}

// TestBench: a table of two servers, whose keys are as they were before.
func TestBench(t *testing.T) {
	one, two := miniredis.RunT(t), miniredis.RunT(t)
	two.RequireAuth("secret")
	two.RequireUserAuth("app", "secret")
	if err := one.Set("cashew", "1"); err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []string{"get", "set", "mixed", "mget3", "mset3"} {
		exit, out, errs := benched("--test", test, "--pipeline", "3", "direct="+one.Addr(), one.Addr())
		if exit != 0 || !regexp.MustCompile(`\n +direct +[0-9. ±]+ 1 +[0-9. ±]+\n +`+regexp.QuoteMeta(one.Addr())+` +[0-9. ±]+\n$`).MatchString(out) {
			t.Errorf("%s: exit %d, %s%s", test, exit, out, errs)
		}
		if keys := one.Keys(); len(keys) != 1 {
			t.Errorf("%s left the keys %q", test, keys)
		}
	}
	for _, user := range [][]string{{"--password-file", password}, {"--password-file", password, "--user", "app"}} {
		if exit, out, errs := benched(append(user, two.Addr())...); exit != 0 {
			t.Errorf("with a password: exit %d, %s%s", exit, out, errs)
		}
	}
	for _, tt := range []struct {
		args  []string
		exit  int
		error string
	}{
		{nil, 2, "it takes one address at least"},
		{[]string{"a=" + one.Addr(), "a=" + two.Addr()}, 2, `two are called "a"`},
		{[]string{one.Addr(), "b="}, 2, `"b=": want NAME=ADDR`},
		{[]string{"--user", "app", one.Addr()}, 2, "--user needs --password-file"},
		{[]string{"--test", "lrange", one.Addr()}, 2, `--test "lrange": there is no such test`},
		{[]string{"--rounds", "1", one.Addr()}, 2, "--rounds, --burst: want two at least, of a millisecond at least"},
		{[]string{"--protocol", "memcached", "--password-file", password, one.Addr()}, 2, "only Redis has AUTH"},
		{[]string{"--protocol", "tcp", one.Addr()}, 1, `-protocol "tcp": want redis or memcached`},
		{[]string{"auth=" + two.Addr()}, 1, `auth: "-NOAUTH Authentication required.\r\n" came`},
		{[]string{"--password-file", password, one.Addr()}, 1, `AUTH is answered "-ERR AUTH`},
		{[]string{"--password-file", password + "s", one.Addr()}, 1, "no such file or directory"},
		{[]string{"none=" + filepath.Join(t.TempDir(), "none")}, 1, "none: connection 1: dial unix"},
	} {
		if exit, out, errs := benched(tt.args...); exit != tt.exit || !strings.Contains(errs, tt.error) {
			t.Errorf("%q: exit %d, %s%s; want %d and %q", tt.args, exit, out, errs, tt.exit, tt.error)
		}
	}
	if keys := two.Keys(); len(keys) != 0 {
		t.Errorf("the keys %q were left", keys)
	}
}

// TestBenchInterrupted: Ctrl-C ends it, and no key is left.
func TestBenchInterrupted(t *testing.T) {
	server := miniredis.RunT(t)
	type end struct {
		exit   int
		stderr string
	}
	ended := make(chan end, 1)
	go func() {
		exit, _, errs := benched("--rounds", "1000000", server.Addr())
		ended <- end{exit, errs}
	}()
	for len(server.Keys()) == 0 { // from then on it listens to signals
		select {
		case e := <-ended:
			t.Fatalf("it ended with %d, %s", e.exit, e.stderr)
		case <-time.After(time.Millisecond):
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if e := <-ended; e.exit != 1 || !strings.Contains(e.stderr, "interrupt") {
		t.Errorf("it ended with %d, %s", e.exit, e.stderr)
	}
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("the keys %q were left", keys)
	}
}

// TestBenchMemcached: and as JSON.
func TestBenchMemcached(t *testing.T) {
	servers, err := embedded.StartMemcached(1)
	if err != nil {
		t.Fatal(err)
	}
	defer servers.Stop()
	exit, out, errs := benched("--protocol", "memcached", "--test", "get4", "--json", "a="+servers.Addrs()[0])
	var said struct {
		BurstMS int `json:"burst_ms"`
		Results []benchRun
	}
	if err := json.Unmarshal([]byte(out), &said); exit != 0 || err != nil {
		t.Fatalf("exit %d, %v, %s%s", exit, err, out, errs)
	}
	if r := said.Results; said.BurstMS != 5 || len(r) != 1 || r[0].Name != "a" || r[0].RPS.Mean <= 0 || r[0].Ratio.Mean != 1 || r[0].P99.Mean < r[0].P50.Mean || r[0].Hits != 1 {
		t.Errorf("it said %s", out)
	}
}

// TestBenchFigures: ratios are those of the same round, and what makes them worth nothing is said.
func TestBenchFigures(t *testing.T) {
	burst := func(rps float64, hits, misses int, cpu float64) generator.Figures {
		return generator.Figures{RPS: rps, P50: 1, P99: 2, Hits: hits, Misses: misses, CPU: cpu, Requests: int(rps), Elapsed: 1}
	}
	first := &benchRun{Name: "first", bursts: []generator.Figures{burst(1000, 10, 0, 500), burst(3000, 10, 0, 100)}}
	second := &benchRun{Name: "second", bursts: []generator.Figures{burst(500, 5, 5, 2000), burst(1500, 10, 0, 600)}}
	second.sum(first)
	if second.Ratio != (benchMean{0.5, 0}) {
		t.Errorf("the ratio is %v; want 0.5 in each round", second.Ratio)
	}
	if want := 500.0; second.RPS.Mean != 1000 || math.Abs(second.RPS.TwoErrors-2*want) > 1e-9 {
		t.Errorf("requests a second are %v; want 1000 ± 1000", second.RPS)
	}
	got := warnings([]*benchRun{first, second})
	want := []string{
		"second: the bench itself used 95 % of a CPU, so that the address may bear more than it says",
		"second found 75.0 % of the keys and first 100.0 %: they did not do the same work",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("warnings() = %q; want %q", got, want)
	}
	for text, m := range map[string]benchMean{"0.862 ± 0.014": {0.8621, 0.0141}, "73131 ± 7316": {73131.2, 7316.4}, "1.04 ± 0.23": {1.04, 0.23}, "1 ± 0": {1, 0}} {
		if m.String() != text {
			t.Errorf("%v is shown as %q; want %q", m, m.String(), text)
		}
	}
}
