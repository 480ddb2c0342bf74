// Package discovery finds the servers of a pool elsewhere than in its configuration, and decides what of it comes into force.
//
//	Source (file, dns, ...) --lines, or an error--> Follower --parsed--> Keeper: the rules
//	                                                    |                   |
//	                           Await: what to begin with, once              +--> nothing yet, and when to ask again
//	                           Run: apply, the log, the file that is kept <-+--> another list
//
// A source tells whole lists, of lines as they could stand below servers: "host:port:weight name". A line's name is what the ring knows: it
// stays where its address changes. What a list may change at once, after a while or never, is in keeper.go; what survives a restart in
// cache.go. The packages below this one are the sources: each has the one library, if any, that it is made of, and none knows another. Package
// daemon puts them together, and nothing from engine down imports any of this.
package discovery

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Source is where servers are looked for.
type Source interface {
	// Watch calls tell with a whole list when there is one, each time that it may have changed, and now and then though it has not; or
	// with an error while it can't be had. An Unwatched comes beside a list. It returns when ctx ends.
	Watch(ctx context.Context, tell func(lines []string, err error))
}

// Backoff is how long a source waits until it tries again, the n-th time in a row, from 0 on: from a quarter of a second to sixteen.
func Backoff(n int) time.Duration { return 250 * time.Millisecond << min(n, 6) }

// Breath is how long a source that is told of a change waits until it reads what there is now: changes come in flocks.
const Breath = 50 * time.Millisecond

// Pause waits for d, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Line is a server's line, by its name, its address, "host:port" with an IPv6 address in brackets, and its weight.
func Line(name, address string, weight int) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if name == "" || host == "" || port == "" || strings.ContainsAny(name+address, " \t\r\n") {
		return "", fmt.Errorf("%q at %q is no server", name, address)
	}
	return fmt.Sprintf("%s:%s:%d %s", host, port, weight, name), nil
}

// Nonsense is an error of a source that was told a list which is none: somebody has to mend it, and it is no use to ask again before it changes.
type Nonsense struct{ Err error }

func (n *Nonsense) Error() string { return n.Err.Error() }
func (n *Nonsense) Unwrap() error { return n.Err }

// Join is "host:port", as Line takes it.
func Join(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
