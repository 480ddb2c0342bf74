//go:build unix

package difftest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"cashew/tests/processtest"

	"github.com/redis/go-redis/v9"
)

// TestUpgradeUnderLoad has a daemon replaced three times. Its clients keep their connections and lose no request, and
// whoever comes is let in.
func TestUpgradeUnderLoad(t *testing.T) {
	t.Parallel()
	s := newService(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	pool := upgradePool(listen, startRedises(t, 3))
	s.configure(t, pool)
	s.startDaemon(t)
	l := newTraffic(t)
	var clients []*loyal
	for i := range 4 {
		c, keys := newLoyal(t, listen), keysOf(fmt.Sprint("client", i, ":%d"), 10)
		clients = append(clients, c)
		l.add(fmt.Sprint("client ", i), func(n int64) error { return c.work(n, keys, nil) })
	}
	l.round(t)
	first := s.pid()
	before := descriptors(first)
	visitors := newTraffic(t)
	visitors.add("new clients", func(int64) error { return connectAnew(listen) })
	visitors.add("stats", func(int64) error {
		_, err := s.statistics()
		return err
	})
	visitors.add("readyz", func(int64) error {
		status, body, err := s.page("GET", "/readyz")
		if err == nil && status != 200 {
			return fmt.Errorf("/readyz = %d %s", status, body)
		}
		return err
	})
	visitors.round(t)

	pid := first
	for n := range 3 {
		old := pid
		if n == 1 {
			if err := syscall.Kill(old, syscall.SIGUSR2); err != nil {
				t.Fatal(err)
			}
		} else if err := upgrade(s); err != nil {
			t.Fatal(err)
		}
		await(t, "the pid file names another process", func() bool {
			pid = s.pid()
			return pid != 0 && pid != old
		})
		await(t, "the old process is gone", func() bool { return isGone(old) })
		l.round(t)
		visitors.round(t)
		if got := s.pid(); got != pid {
			t.Errorf("the pid file names %d; want %d", got, pid)
		}
	}

	s.configure(t, pool, "broken:\n  listen: nowhere\n")
	if err := upgrade(s); err == nil {
		t.Error("cashew upgrade succeeds with a bad configuration")
	}
	await(t, "the log says why", func() bool { return strings.Contains(s.logged(), "not upgraded: ") })
	if got := s.pid(); got != pid || isGone(pid) {
		t.Errorf("after an upgrade that failed the pid file names %d; want %d", got, pid)
	}
	l.round(t)
	visitors.round(t)

	visitors.wantClean(t)
	if before > 0 {
		await(t, fmt.Sprintf("the last process has no more descriptors than the first, %d", before), func() bool {
			return descriptors(pid) <= before
		})
	}
	l.wantClean(t)
	wantLoyal(t, clients)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "the last process is gone", func() bool { return isGone(pid) })
	s.wantTraceless(t)
}

func upgradePool(listen string, servers []*redisServer) string {
	return fmt.Sprintf("p:\n  listen: %s\n  redis: true\n  hash: md5\n  servers:\n   - %s\n", listen, strings.Join(entries(servers), "\n   - "))
}

func upgrade(s *service) error {
	out, err := exec.Command(underTest.path, "upgrade", "--pid-file", s.pidFile()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cashew upgrade: %w: %s", err, out)
	}
	return nil
}

// descriptors is how many the process has open; 0 where that can't be seen.
func descriptors(pid int) int {
	all, _ := os.ReadDir(filepath.Join("/proc", fmt.Sprint(pid), "fd"))
	return len(all)
}

// slowServer is a Redis server that answers nothing until it is let go, and everything then.
type slowServer struct {
	addr  string
	asked atomic.Int64 // commands that have come
	goOn  chan struct{}
}

func startSlow(t testing.TB) *slowServer {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nl.Close() })
	s := &slowServer{addr: nl.Addr().String(), goOn: make(chan struct{})}
	go func() {
		for {
			c, err := nl.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *slowServer) serve(c net.Conn) {
	defer c.Close()
	owed := make(chan struct{}, 1<<16)
	go func() {
		<-s.goOn
		for range owed {
			if _, err := io.WriteString(c, "$4\r\nlate\r\n"); err != nil {
				return
			}
		}
	}()
	defer close(owed)
	for r := bufio.NewReader(c); ; {
		if _, err := readReply(r); err != nil { // a command is an array
			return
		}
		owed <- struct{}{}
		s.asked.Add(1)
	}
}

// TestDrain ends a proxy while its server owes all that was asked, to a raw client and to go-redis.
func TestDrain(t *testing.T) {
	t.Parallel()
	s := newService(t)
	slow := startSlow(t)
	listen := "127.0.0.1:" + processtest.FreePort(t)
	s.configure(t, fmt.Sprintf("p:\n  listen: %s\n  redis: true\n  servers:\n   - %s:1\n", listen, slow.addr))
	s.start(t)
	s.wantPage(t, "GET", "/readyz", 200)

	const each, unread = 30, 70
	raw := dial(t, listen)
	var sent []byte
	for i := range each + unread {
		sent = append(sent, command("GET", fmt.Sprint("raw:", i))...)
	}
	raw.send(sent) // at once: what TCP still holds back here has not come there
	ended := make(chan error, 4)
	for i := range cap(ended) {
		c := newLoyal(t, listen)
		go func() {
			cmds, err := c.Pipelined(context.Background(), func(pipe redis.Pipeliner) error {
				for n := range each {
					pipe.Get(context.Background(), fmt.Sprint("key:", i, ":", n))
				}
				return nil
			})
			for _, cmd := range cmds {
				if got := cmd.(*redis.StringCmd).Val(); got != "late" {
					err = errors.Join(err, fmt.Errorf("%v; want late", cmd))
				}
			}
			ended <- err
		}()
	}
	// The proxy takes no more of a client than it would have room for replies, if those were large: the rest of the raw
	// client's waits in the kernel, and still was sent before.
	await(t, "the server has requests of all", func() bool { return slow.asked.Load() >= int64(each*(1+cap(ended))) })

	s.Signal(syscall.SIGTERM)
	await(t, "/readyz says that it drains", func() bool {
		status, body, err := s.page("GET", "/readyz")
		if err != nil {
			t.Fatalf("/readyz: %v", err)
		}
		return status == 503 && strings.Contains(body, "draining")
	})
	await(t, "nobody listens any more", func() bool {
		c, err := net.DialTimeout("tcp", listen, patience)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	s.WantAlive(t)
	if s.pid() != s.Pid() {
		t.Errorf("while it drains the pid file names %d; want %d", s.pid(), s.Pid())
	}
	close(slow.goOn)
	for i, reply := range raw.replies(each + unread) {
		if reply != "$4\r\nlate\r\n" {
			t.Errorf("reply %d is %q", i, reply)
		}
	}
	raw.wantEOF()
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	await(t, "the proxy ends", s.Ended)
	if status := s.State().ExitCode(); status != 0 {
		t.Errorf("the proxy ends with status %d; want 0", status)
	}
	s.wantTraceless(t)
	if strings.Contains(s.logged(), "not all that was in flight") {
		t.Error("the log says that not all was answered")
	}
}
