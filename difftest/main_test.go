//go:build unix

package difftest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var (
	proxyFlag = flag.String("proxy", "", "proxy under test: a cashew binary, or \"nutcracker\"; empty builds cashew")
	seedFlag  = flag.Uint64("seed", 0, "run the random streams of this seed only")

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
	dir, err := os.MkdirTemp("", "cashew-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "difftest:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "cashew")
	args := []string{"build", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
		if os.Getenv("GORACE") == "" {
			os.Setenv("GORACE", "atexit_sleep_ms=100") // else each proxy lingers for a second
		}
	}
	out, err := exec.Command("go", append(args, "cashew")...).CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "difftest: go %v: %v\n%s", args, err, out)
		return 1
	}
	underTest = proxyKind{name: "cashew", path: path}
	return m.Run()
}

// lookPath finds a program that a test cannot do without.
func lookPath(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not in PATH, and CI=true", name)
	}
	t.Skipf("%s is not in PATH", name)
	return ""
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
