//go:build !linux

package main

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

// Other systems have no /proc: the bench runs and shows throughput, latency and the client's CPU time. See
// measure_linux.go for what these mean.

func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
func cpuTime(int) time.Duration      { return 0 }
func ioCalls(int) int64              { return 0 }
func switches(int) int64             { return 0 }
func resetPeakRSS(int)               {}
func peakRSS(int) int64              { return 0 }
func traced(int) bool                { return false }
func raiseFileLimit()                {}
func cpuModel() string               { return runtime.GOARCH }
func kernel() string                 { return runtime.GOOS }

func allowedCPUs() ([]string, error) { return nil, errors.New("only on Linux") }

func countInstructions(int) (stop func() int64, err error) { return nil, errors.New("only on Linux") }
