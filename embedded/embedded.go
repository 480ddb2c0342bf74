// Package embedded runs in-memory Redis and memcached servers inside the process, for a first look at the proxy on a
// machine that has neither, and for tests. What they hold is gone when the process ends. They listen on loopback
// addresses, on ports that the kernel chooses, and serve each connection on a goroutine of its own.
package embedded

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// Servers are the running servers, all of one kind.
type Servers struct {
	list []server
}

// server is what miniredis and our memcached have in common. Close may be called more than once.
type server interface {
	Addr() string
	Close()
}

// Start starts n Redis servers. On error none is left running.
func Start(n int) (*Servers, error) {
	return start(n, func() (server, error) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true) // keys expire by the clock, as they would in Redis
		return m, m.StartAddr("127.0.0.1:0")
	})
}

// StartMemcached starts n memcached servers, see memcached. On error none is left running.
func StartMemcached(n int) (*Servers, error) {
	return start(n, func() (server, error) { return startMemcached() })
}

func start(n int, one func() (server, error)) (*Servers, error) {
	s := &Servers{}
	for i := range n {
		running, err := one()
		if err != nil {
			s.Stop()
			return nil, fmt.Errorf("embedded: server %d: %w", i+1, err)
		}
		s.list = append(s.list, running)
	}
	return s, nil
}

// Addrs are the servers' addresses as host:port, in a fixed order.
func (s *Servers) Addrs() []string {
	addrs := make([]string, len(s.list))
	for i, m := range s.list {
		addrs[i] = m.Addr()
	}
	return addrs
}

// Stop closes the servers and all their connections. It may be called more than once, and on nil.
func (s *Servers) Stop() {
	if s == nil {
		return
	}
	for _, m := range s.list {
		m.Close()
	}
}
