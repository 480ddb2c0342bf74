// Package embedded runs in-memory Redis servers inside the process, for a first look at the proxy on a machine that has
// no Redis. What they hold is gone when the process ends. They listen on loopback addresses, on ports that the kernel
// chooses, and serve each connection on a goroutine of its own.
package embedded

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// Servers are the running servers.
type Servers struct {
	list []*miniredis.Miniredis
}

// Start starts n servers. On error none is left running.
func Start(n int) (*Servers, error) {
	s := &Servers{}
	for i := range n {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true) // keys expire by the clock, as they would in Redis
		if err := m.StartAddr("127.0.0.1:0"); err != nil {
			s.Stop()
			return nil, fmt.Errorf("embedded: server %d: %w", i+1, err)
		}
		s.list = append(s.list, m)
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
