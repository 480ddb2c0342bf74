package loop

import (
	"errors"
	"reflect"

	"github.com/panjf2000/gnet/v2/pkg/netpoll"
)

// interests stops and starts a poller's telling of what one descriptor has to read. gnet has no call for it that leaves the peer's end
// to be told, so we change the interest in its epoll set (or kqueue) ourselves and leave the bytes in the kernel, which makes the peer
// wait.
type interests struct {
	fd int // of the epoll set or kqueue
}

// interestsOf finds the descriptor of p. It reads (and only reads) an unexported field of gnet v2.9; a gnet without it is an error at
// start, not a surprise under load. Valid without gnet's build tag poll_opt, with which epoll's user data is a pointer.
func interestsOf(p *netpoll.Poller) (interests, error) {
	fd := reflect.Indirect(reflect.ValueOf(p)).FieldByName("fd")
	if !fd.IsValid() {
		return interests{}, errors.New("loop: this gnet version hides its poller: reading can't be paused")
	}
	return interests{fd: int(fd.Int())}, nil
}
