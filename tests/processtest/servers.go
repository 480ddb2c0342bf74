//go:build unix

package processtest

import (
	"net"
	"os"
	"testing"
)

// Redis describes a redis-server with args, which say where it listens; it keeps nothing on disk.
func Redis(t testing.TB, args ...string) *Process {
	t.Helper()
	return New(t, LookPath(t, "redis-server"), append([]string{
		"--save", "", "--appendonly", "no", "--dir", TempDir(t), "--loglevel", "warning",
	}, args...)...)
}

// Memcached describes a memcached of one thread with args, which say where it listens; a later one overrides an earlier one.
func Memcached(t testing.TB, args ...string) *Process {
	t.Helper()
	path := LookPath(t, "memcached")
	if os.Geteuid() == 0 {
		// It will not run as root unless told to. To become another user would undo Pdeathsig.
		args = append([]string{"-u", "root"}, args...)
	}
	return New(t, path, append([]string{"-t", "1"}, args...)...)
}

// Up starts p and waits until ready says that it serves.
func (p *Process) Up(t testing.TB, ready func() bool) {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatalf("start %s: %v", p.Name, err)
	}
	Await(t, Patience, p.Name+" answers", func() bool {
		p.WantAlive(t)
		return ready()
	})
}

// Listens says that somebody takes connections at addr of network.
func Listens(network, addr string) bool {
	c, err := net.DialTimeout(network, addr, Patience)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
