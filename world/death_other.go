//go:build !linux

package world

import (
	"net"
	"time"
)

// noticeDeath has no counterpart here: keepalive finds idle connections that died, and the kernel's own time-outs others.
func noticeDeath(net.Conn, time.Duration) error { return nil }
