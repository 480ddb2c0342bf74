//go:build unix

package sentinel

import (
	"flag"
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
	os.Exit(processtest.Main(m, "sentinel", *proxyFlag, raceEnabled, 4, func(path string) { cashew = path }))
}

// lasts is how long a trouble lasts whose short form takes so long.
func lasts(short time.Duration) time.Duration { return max(short, *durationFlag) }

// patience bounds every wait for something that must happen.
const patience = processtest.Patience
