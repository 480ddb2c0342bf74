package world

import (
	"context"
	"math"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// machineNetwork is the Machine's Network.
type machineNetwork struct{}

// LookupHost implements Network.
func (machineNetwork) LookupHost(ctx context.Context, host string) ([]string, error) {
	return net.DefaultResolver.LookupHost(ctx, host)
}

// Dial implements Network.
func (machineNetwork) Dial(ctx context.Context, network, addr string, o DialOptions) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	switch t := o.UserTimeout; {
	case t > 0: // the last question is asked when half of t is left over three times
		d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: max(t/2, time.Second), Interval: max(t/6, time.Second), Count: 3}
	case o.Keepalive:
		d.KeepAlive = 0 // the default interval
	}
	nc, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if err := noticeDeath(nc, o.UserTimeout); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return nc, nil
}

// Adopt implements Network.
func (machineNetwork) Adopt(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "client")
	defer f.Close() //nolint:errcheck // FileConn has its own descriptor
	return net.FileConn(f)
}

// Drop implements Network.
func (machineNetwork) Drop(fd int) { _ = unix.Close(fd) }

// Descriptors implements Network. Go raises the soft limit to the hard one as it starts.
func (machineNetwork) Descriptors() int64 {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil || uint64(r.Cur) > math.MaxInt32 {
		return math.MaxInt64
	}
	return int64(r.Cur)
}
