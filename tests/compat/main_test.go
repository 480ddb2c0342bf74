//go:build unix

package compat

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"cashew/tests/processtest"
)

var proxyFlag = flag.String("proxy", "", "cashew binary under test; empty builds it")

var (
	cashew  string // the program under test
	scratch string // a directory for what is built once for all tests
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

// run makes what the tests share, and removes it afterwards.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cashew-compat-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "compat:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	scratch, cashew = dir, *proxyFlag
	if cashew == "" {
		path, remove, err := processtest.Build()
		if err != nil {
			fmt.Fprintln(os.Stderr, "compat:", err)
			return 1
		}
		defer remove()
		cashew = path
	}
	code := m.Run()
	if *full && code == 0 {
		if err := writePage(); err != nil {
			fmt.Fprintln(os.Stderr, "compat:", err)
			return 1
		}
	}
	return code
}
