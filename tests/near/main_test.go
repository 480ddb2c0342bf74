//go:build unix

package near

import (
	"flag"
	"os"
	"testing"
	"time"

	"cashew/tests/processtest"
)

var (
	proxyFlag = flag.String("near.proxy", "", "proxy under test; empty builds cashew")
	forFlag   = flag.Duration("near.for", 4500*time.Millisecond, "how long the clients of TestFresh read and write")

	cashew string // the proxy under test
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(processtest.Main(m, "near", *proxyFlag, raceEnabled, 2, func(path string) { cashew = path }))
}

// patience bounds every wait for something that must happen.
const patience = processtest.Patience
