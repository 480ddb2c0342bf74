package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// countInstructions counts what a process executes outside the kernel, in all its threads, until stop is called, once.
// Machines without such a counter, as many virtual ones, and users who may not have it get an error.
func countInstructions(pid int) (stop func() int64, err error) {
	return countEvent(pid, unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_INSTRUCTIONS)
}

// countEvent opens a counter for each thread, which those that it starts inherit.
//
// Source: perf_event_open(2).
func countEvent(pid int, kind uint32, event uint64) (stop func() int64, err error) {
	tasks, err := os.ReadDir(procFile(pid, "task"))
	if err != nil {
		return nil, err
	}
	var counters []int
	stop = func() int64 {
		var sum int64
		for _, fd := range counters {
			var b [8]byte
			if n, err := unix.Read(fd, b[:]); err == nil && n == len(b) {
				sum += int64(binary.NativeEndian.Uint64(b[:]))
			}
			_ = unix.Close(fd) // it was only read
		}
		return sum
	}
	attr := unix.PerfEventAttr{Type: kind, Config: event, Bits: unix.PerfBitInherit | unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
	attr.Size = uint32(unsafe.Sizeof(attr))
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		fd, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if err == unix.ESRCH { //nolint:errorlint // unix returns it bare
			continue // the thread ended
		}
		if err != nil {
			stop()
			return nil, fmt.Errorf("perf_event_open: %w", err)
		}
		counters = append(counters, fd)
	}
	return stop, nil
}
