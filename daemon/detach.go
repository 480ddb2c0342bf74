package daemon

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Go program cannot fork, so -d starts the program once more and waits until that one serves or has failed:
//
//	cashew -d ----exec, setsid, stdio to /dev/null---> cashew -d with readyEnv
//	   |                                                 log, pid file, configuration, ports
//	   |<------pipe: what it has to say on stderr--------  fails: status 1
//	   |<------pipe: readyMark---------------------------  serves
//	 exits with the child's status, or 0
//
// The working directory stays, and the umask becomes 0, as in nutcracker.
//
// Source: twemproxy 0.5.0 nc.c, nc_daemonize.

// readyEnv is set for the child of daemonize.
const readyEnv = "CASHEW_DAEMON"

// readyMark ends what the child has to say when it has started.
const readyMark = 0

// readyFD is the child's end of the pipe.
const readyFD = 3

// daemonize starts the daemon and returns the exit status of the command that the user gave.
func daemonize(stderr io.Writer) int {
	said, status, err := startDaemon()
	if err != nil {
		fmt.Fprintf(stderr, "%s: starting the daemon failed: %v\n", program, err)
		return 1
	}
	_, _ = stderr.Write(said)
	return status
}

// startDaemon returns what the child wrote to stderr until it served or ended, and the status.
func startDaemon() (said []byte, status int, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, 0, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	child := exec.Cmd{
		Path:        self,
		Args:        os.Args,
		Env:         append(os.Environ(), readyEnv+"=1"),
		ExtraFiles:  []*os.File{w},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err = child.Start()
	_ = w.Close()
	if err != nil {
		return nil, 0, err
	}
	said, err = io.ReadAll(r)
	if err != nil {
		return nil, 0, err
	}
	if said, ok := bytes.CutSuffix(said, []byte{readyMark}); ok {
		return said, 0, child.Process.Release()
	}
	if err := child.Wait(); child.ProcessState == nil {
		return nil, 0, err
	}
	if status = child.ProcessState.ExitCode(); status < 1 {
		return said, 1, fmt.Errorf("it ended: %v", child.ProcessState)
	}
	return said, status, nil
}

// readyPipe is where the child of daemonize tells that it has started; nil in any other process.
func readyPipe() *os.File {
	if _, ok := os.LookupEnv(readyEnv); !ok {
		return nil
	}
	_ = os.Unsetenv(readyEnv)
	unix.CloseOnExec(readyFD)
	unix.Umask(0)
	return os.NewFile(readyFD, "ready")
}

// tellReady lets the process that waits for this one go. What is written to stderr from here on is lost.
func tellReady(ready *os.File) {
	_, _ = ready.Write([]byte{readyMark})
	_ = ready.Close()
}
