package main

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownGroup puts a process in a group of its own, so that Ctrl-C reaches only us, and has the kernel end it should we be
// killed. (The kernel watches the thread that started it; ours live as long as we do, for no goroutine locks one.)
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// cpuTime is the CPU time of all threads of a process, ended ones too, to the nanosecond where /proc/PID/stat counts
// ticks of 10 ms. 0 if the process is gone.
//
// Source: clock_getcpuclockid(3); the kernel's include/linux/posix-timers_types.h: bits 0..1 of the clock are
// CPUCLOCK_SCHED, bit 2 means a thread, the rest is the complement of the pid.
func cpuTime(pid int) time.Duration {
	const cpuclockSched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuclockSched), &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// ioCalls is how many system calls of the kind of read and write a process has made (sendto and recvfrom are not among
// them). It costs the process nothing, unlike strace.
func ioCalls(pid int) int64 {
	text, err := os.ReadFile(procFile(pid, "io"))
	if err != nil {
		return 0
	}
	r, _ := parseProcNumber(text, "syscr")
	w, _ := parseProcNumber(text, "syscw")
	return r + w
}

// switches is how often the threads of a process that live gave up their CPU, by themselves or not.
func switches(pid int) int64 {
	var sum int64
	tasks, _ := filepath.Glob(procFile(pid, "task/*/status"))
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // the thread ended
		}
		v, _ := parseProcNumber(text, "voluntary_ctxt_switches")
		n, _ := parseProcNumber(text, "nonvoluntary_ctxt_switches")
		sum += v + n
	}
	return sum
}

// resetPeakRSS makes peakRSS start anew from what is resident now.
func resetPeakRSS(pid int) {
	_ = os.WriteFile(procFile(pid, "clear_refs"), []byte("5"), 0)
}

// peakRSS is the largest resident size in bytes since resetPeakRSS.
func peakRSS(pid int) int64 {
	text, err := os.ReadFile(procFile(pid, "status"))
	if err != nil {
		return 0
	}
	kib, _ := parseProcNumber(text, "VmHWM")
	return kib << 10
}

// traced reports whether every thread of a process has a tracer.
func traced(pid int) bool {
	tasks, err := filepath.Glob(procFile(pid, "task/*/status"))
	if err != nil || len(tasks) == 0 {
		return false
	}
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if err != nil {
			continue // the thread ended
		}
		if tracer, _ := parseProcNumber(text, "TracerPid"); tracer == 0 {
			return false
		}
	}
	return true
}

func procFile(pid int, name string) string {
	return filepath.Join("/proc", strconv.Itoa(pid), name)
}

// allowedCPUs are the CPUs that we may use.
func allowedCPUs() ([]string, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	var cpus []string
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			cpus = append(cpus, strconv.Itoa(i))
		}
	}
	return cpus, nil
}

// raiseFileLimit lets our children open as many files as the hard limit allows, for 1,000 clients and more. (The Go
// runtime raises its own limit and hands the old one down, unless Setrlimit was called.)
func raiseFileLimit() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		l.Cur = min(l.Max, 65536)
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
	}
}

// cpuModel and kernel say what a result was measured on.
func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	return procText(text, "model name")
}

func kernel() string {
	text, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return "Linux " + leadingVersion(string(text))
}
