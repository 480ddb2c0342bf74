package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// load is what one run of a load generator says of itself. Latencies are in milliseconds; 0 for one that it does not say.
type load struct {
	command                 string
	rps, p50, p95, p99, max float64
	cpu                     time.Duration // user and system time of the load generator
}

// runLoad runs a load generator to its end, or kills it when ctx ends or when it takes as long as 2,000 requests a second
// would (a proxy that lost a reply leaves it waiting forever).
func runLoad(ctx context.Context, ps *processes, w workload, test, addr string) (load, error) {
	timeout := 30*time.Second + time.Duration(w.Requests)*500*time.Microsecond
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done after %v", timeout))
	defer cancel()
	argv := w.protocol().loadArgv(w, test, addr)
	l := load{command: strings.Join(argv, " ")}
	program := argv[0]
	if program == ourself {
		self, err := os.Executable()
		if err != nil {
			return l, err
		}
		argv[0] = self
	}
	full := pinned(ps.clientCPU, argv)
	cmd := exec.CommandContext(ctx, full[0], full[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		command := l.command
		l, err = w.protocol().parseLoad(program, bytes.NewReader(stdout.Bytes()))
		l.command = command
	}
	if err != nil {
		said := strings.TrimSpace(stderr.String() + stdout.String())
		return l, fmt.Errorf("%s, %s: %w: %s", program, test, err, said[max(0, len(said)-400):])
	}
	l.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return l, nil
}
