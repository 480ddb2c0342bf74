package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Few machines that tests run on count instructions; all count the time of a task, in the same way.
func TestCountEvent(t *testing.T) {
	cat := exec.Command("cat") // waits for its input
	stdin, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.Start(); err != nil {
		t.Skip(err)
	}
	defer func() { stdin.Close(); cat.Wait() }()
	if _, err := countEvent(1<<22, unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_TASK_CLOCK); err == nil {
		t.Error("countEvent of no process succeeds")
	}
	stop, err := countEvent(cat.Process.Pid, unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_TASK_CLOCK)
	if err != nil {
		t.Skip(err) // not allowed, or unknown here
	}
	before := cpuTime(cat.Process.Pid)
	if _, err := stdin.Write([]byte(strings.Repeat("x", 1<<20))); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); cpuTime(cat.Process.Pid) == before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if n := stop(); n <= 0 || n > int64(time.Minute) {
		t.Errorf("counted %d ns of cat's time", n)
	}
	if stop, err := countInstructions(os.Getpid()); err == nil {
		if n := stop(); n <= 0 {
			t.Errorf("counted %d instructions of our own", n)
		}
	}
}
