package processtest

import "syscall"

// childAttr puts a child in a process group of its own, and ends it if the test binary dies.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
