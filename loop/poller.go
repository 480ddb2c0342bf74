package loop

import (
	"errors"
	"reflect"

	"github.com/panjf2000/gnet/v2"
)

// poller stops and starts gnet's reading from one connection. gnet has no call for it: level-triggered, it reads whatever
// comes and buffers what is not taken, without limit. So we change the interest in its epoll set (or kqueue) ourselves and
// leave the bytes in the kernel, which makes the peer wait.
type poller struct {
	fd int // of gnet's epoll set or kqueue
}

// newPoller finds the descriptor of el's poller. It reads (and only reads) two unexported fields of gnet v2.9; a gnet
// without them is an error at start, not a surprise under load. Valid without gnet's build tag poll_opt, with which
// epoll's user data is a pointer.
func newPoller(el gnet.EventLoop) (poller, error) {
	v := reflect.Indirect(reflect.ValueOf(el))
	for _, name := range []string{"poller", "fd"} {
		if v.Kind() != reflect.Struct || !v.FieldByName(name).IsValid() {
			return poller{}, errors.New("loop: this gnet version hides its poller: reading can't be paused")
		}
		v = reflect.Indirect(v.FieldByName(name))
	}
	return poller{fd: int(v.Int())}, nil
}
