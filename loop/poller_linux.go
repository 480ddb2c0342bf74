package loop

import (
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/panjf2000/gnet/v2/pkg/netpoll"
	"golang.org/x/sys/unix"
)

// bytesUnread is the ioctl that says how many bytes wait in a socket.
const bytesUnread = unix.TIOCINQ

// napSlack is by how many nanoseconds a nap may be late, in place of the kernel's usual 50 µs.
const napSlack = 1000

// nap has the thread sleep for d. Go's own timers would have it give up its processor first, and cost more than is gained.
func nap(d time.Duration) {
	// The slack is the thread's, and a loop has not always the same thread.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, napSlack, 0, 0, 0)
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}

// readable says whether an event tells of more than the peer's end.
func readable(ev netpoll.IOEvent) bool { return ev&netpoll.ReadEvents != 0 }

// hungUp says whether the peer of fd has ended. That the kernel does not say is no end: the poller tells again.
func hungUp(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}

// accept accepts a client. (gnet's Accept has x/sys ask each one's protocol, which is a system call more.)
func accept(fd int) (client int, remote net.Addr, err error) {
	client, sa, err := syscall.Accept4(fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return client, &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port}, err
	case *syscall.SockaddrInet6:
		return client, &net.TCPAddr{IP: sa.Addr[:], Port: sa.Port, Zone: zone(sa.ZoneId)}, err
	}
	return client, &net.UnixAddr{Net: "unix"}, err
}

// zone is the name of a network interface, of clients with an address of that link alone.
func zone(id uint32) string {
	if id == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(id)); err == nil {
		return i.Name
	}
	return strconv.Itoa(int(id))
}

// setRead changes what gnet's epoll set waits for on fd: in any case for the peer's end.
func (p interests) setRead(fd int, on bool) {
	ev := unix.EpollEvent{Fd: int32(fd), Events: unix.EPOLLRDHUP}
	if on {
		ev.Events = unix.EPOLLIN | unix.EPOLLPRI
	}
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &ev)
}
