//go:build unix

package sentinel

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"cashew/tests/processtest"
)

var (
	durationFlag = flag.Duration("sentinel.duration", 0, "how long each kind of trouble lasts; 0 is the short form")
	proxyFlag    = flag.String("sentinel.proxy", "", "proxy under test; empty builds cashew")

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
		fmt.Fprintln(os.Stderr, "sentinel:", err)
		return 1
	}
	defer remove()
	cashew = path
	return m.Run()
}

// lasts is how long a trouble lasts whose short form takes so long.
func lasts(short time.Duration) time.Duration { return max(short, *durationFlag) }

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
