//go:build unix

package difftest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"cashew/tests/processtest"
)

var (
	proxyFlag = flag.String("proxy", "", "proxy under test: a cashew binary, or \"nutcracker\"; empty builds cashew")
	seedFlag  = flag.Uint64("seed", 0, "run the random streams of this seed only")

	fuzzSeedsFlag = flag.Uint64("fuzzseeds", 100, "how many seeds the fuzzers of words have")

	// underTest is the proxy that startProxy starts.
	underTest proxyKind
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run builds the proxy under test into a directory that it removes afterwards.
func run(m *testing.M) int {
	switch *proxyFlag {
	case "nutcracker":
		underTest = nutcracker
		return m.Run()
	case "":
	default:
		underTest = proxyKind{name: "cashew", path: *proxyFlag}
		return m.Run()
	}
	var flags []string
	if raceEnabled {
		flags = append(flags, "-race")
		if os.Getenv("GORACE") == "" {
			os.Setenv("GORACE", "atexit_sleep_ms=100") // else each proxy lingers for a second
		}
	}
	path, remove, err := processtest.Build(flags...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "difftest:", err)
		return 1
	}
	defer remove()
	underTest = proxyKind{name: "cashew", path: path}
	return m.Run()
}

// long skips a test that takes seconds or much memory.
func long(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("a long test; run without -short")
	}
}

// wantCashew skips a test of what nutcracker is known not to do.
func wantCashew(t testing.TB, why string) {
	t.Helper()
	if underTest.name != "cashew" {
		t.Skipf("%s: %s", underTest.name, why)
	}
}

// hasNutcracker reports whether nutcracker is there to compare with; without it a test compares less, unless CI=true.
func hasNutcracker(t testing.TB) bool {
	t.Helper()
	if _, err := exec.LookPath("nutcracker"); err == nil {
		return true
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("nutcracker is not in PATH, and CI=true")
	}
	return false
}

// notRaced skips a test under the race detector: one client after the other asks, and which bytes come back it looks at without it.
func notRaced(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("it is about bytes and not about races")
	}
}
