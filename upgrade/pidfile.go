package upgrade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"cashew/regular"
)

// readPid returns the pid in the file and when it was written; pid 0 is a file that is being written.
func readPid(path string) (pid int, at time.Time, err error) {
	fi, err := os.Stat(path) // first: a pid read with an older time is looked at again, the reverse would mislead
	if err != nil {
		return 0, at, err
	}
	text, err := regular.Read(path, 64)
	if err != nil {
		return 0, at, err
	}
	if len(text) == 0 {
		return 0, fi.ModTime(), nil
	}
	pid, err = strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || pid < 2 {
		return 0, at, fmt.Errorf("%s holds no pid: %q", path, text)
	}
	return pid, fi.ModTime(), nil
}

// ErrNotReplaced is that the process that was asked to upgrade itself goes on.
var ErrNotReplaced = errors.New("the new process failed and the old one goes on; its log says why")

// Request asks the process whose pid is in the file at path to upgrade itself, with SIGUSR2, and waits until it did or
// ctx ends. It returns the pids before and after. It knows the outcome by the file, which whoever goes on writes anew: the
// new process when it is told that it is the one, or the old one when the new one failed.
func Request(ctx context.Context, path string) (before, after int, err error) {
	before, at, err := readPid(path)
	if err == nil && before == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	if err == nil {
		err = os.NewSyscallError(fmt.Sprintf("signal process %d", before), syscall.Kill(before, syscall.SIGUSR2))
	}
	if err != nil {
		return before, 0, err
	}
	for {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return before, 0, fmt.Errorf("process %d: %w", before, context.Cause(ctx))
		}
		pid, written, err := readPid(path)
		switch {
		case err == nil && pid != 0 && pid != before:
			return before, pid, nil
		case err == nil && pid != 0 && !written.Equal(at):
			return before, pid, ErrNotReplaced
		case errors.Is(syscall.Kill(before, 0), syscall.ESRCH):
			return before, 0, fmt.Errorf("process %d ended, and no other wrote %s", before, path)
		}
	}
}
