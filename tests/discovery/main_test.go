//go:build unix

package discovery

import (
	"flag"
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
	os.Exit(processtest.Main(m, "discovery", *proxyFlag, raceEnabled, 4, func(path string) { cashew = path }))
}

// patience bounds every wait for something that must happen.
const patience = processtest.Patience
