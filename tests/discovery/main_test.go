//go:build unix

package discovery

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"cashew/tests/processtest"
)

var (
	proxyFlag = flag.String("discovery.proxy", "", "proxy under test; empty builds cashew")

	cashew string // the proxy under test
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run finds or builds the proxy under test, and removes what it built afterwards.
func run(m *testing.M) int {
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("4") // they mostly wait
	}
	path, remove, err := processtest.Proxy(*proxyFlag, raceEnabled)
	if err != nil {
		fmt.Fprintln(os.Stderr, "discovery:", err)
		return 1
	}
	defer remove()
	cashew = path
	return m.Run()
}

// patience bounds every wait for something that must happen.
const patience = processtest.Patience

// begin is what each test begins with: it runs beside the others.
func begin(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes seconds; run without -short")
	}
	t.Parallel()
}
