//go:build !linux

package world

import "net"

// Acknowledge is for kernels that can be asked to; see Linux's.
func Acknowledge(net.Conn) {}
