//go:build unix

package faults

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"cashew/tests/processtest"
)

var (
	durationFlag = flag.Duration("faults.duration", 0, "how long faults are injected; 0 is the short form, one round")
	seedFlag     = flag.Uint64("faults.seed", 1, "seed of all random choices; 0 takes one from the clock")

	proxyFlag = flag.String("faults.proxy", "", "proxy under test; empty builds cashew")

	cashew string // the proxy under test
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run finds or builds the proxy under test, and removes what it built afterwards.
func run(m *testing.M) int {
	limit := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)
	if need := *durationFlag + *durationFlag/2 + time.Minute; limit > 0 && *durationFlag > 0 && limit < need {
		fmt.Fprintln(os.Stderr, "faults: go test ends it before it is done; add -timeout=0")
		return 2
	}
	if *seedFlag == 0 {
		*seedFlag = uint64(time.Now().UnixNano()) % 1_000_000
		fmt.Printf("faults: -faults.seed=%d\n", *seedFlag)
	}
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))) // they mostly wait
	}
	path, remove, err := processtest.Proxy(*proxyFlag, raceEnabled)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 1
	}
	defer remove()
	cashew = path
	return m.Run()
}

// newRand is the source of one test, client or lane; stream tells them apart.
func newRand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(*seedFlag, stream)) }

// slow stretches a bound for a proxy that is built with the race detector.
func slow(d time.Duration) time.Duration {
	if raceEnabled {
		return 3 * d
	}
	return d
}
