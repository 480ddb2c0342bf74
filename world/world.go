// Package world is what the proxy has of the machine that it runs on: clock and timers, goroutines and their waits, the network's
// addresses, chance, and memory. Nothing from engine down calls package time, rand or net for these, or starts a goroutine by
// itself: it asks the World that it was given. (Below the simulation's reach is package loop's Watcher, which starts one for the
// process; a simulation has a reactor of its own in place of gnet and the Watcher.) There are two: the Machine, and one in which
// a test decides what the clock says, who runs next and what the network does.
//
//	engine, topology, backend, loop --World--> Machine: time, net, runtime
//	                                  '------> a simulation
//
// What blocks starts with Go and blocks only in Sleep, in a Signal, a Lock or a Group, in a call of Network or of what that
// returned (a Listener's Accept, a Channel's Read, a probe's Read of its net.Conn), or in loop.Loop.Enroll: so that a simulation,
// which makes all of these, knows of everyone who waits, and for what. A sync.Mutex that is held for a few lines, and across none
// of these, is no wait. The bytes of connections are not in here: package loop has them.
//
// To read: world.go, then machine.go, group.go, network.go, listener.go, channel.go, memory.go.
package world

import (
	"context"
	"net"
	"time"
)

// World is all of it. Its methods may be called from any goroutine.
type World interface {
	Clock
	Tasks
	Network
	Chance
	Memory
}

// Clock tells the time and calls later.
type Clock interface {
	Now() time.Time // of day
	Nanos() int64   // nanoseconds since the world began; they never go back
	Time(nanos int64) time.Time
	AfterFunc(d time.Duration, f func()) Timer // f runs on a goroutine of its own
}

// Timer is a *time.Timer of AfterFunc.
type Timer interface {
	Stop() bool
	Reset(d time.Duration) bool
}

// Tasks are goroutines and what they wait for.
type Tasks interface {
	Go(f func())

	// Sleep returns after d, or with ctx's error as soon as that ends.
	Sleep(ctx context.Context, d time.Duration) error

	NewSignal() Signal
	NewLock() Lock

	WithCancel(ctx context.Context) (context.Context, context.CancelFunc)
	WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)

	// Both ends when a or b does; it has a's values and deadline.
	Both(a, b context.Context) (context.Context, context.CancelFunc)
}

// Signal wakes one goroutine that waits for it, or the next that does: set twice before anybody waits, it wakes one.
type Signal interface {
	Set()
	Wait(ctx context.Context) error // ctx's error, if that ends first
}

// Lock is a lock that may be held while its holder waits.
type Lock interface {
	Lock()
	TryLock() bool
	Unlock()
}

// Network finds and makes connections.
type Network interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	Dial(ctx context.Context, network, addr string, o DialOptions) (net.Conn, error)
	Listen(network, addr string, o ListenOptions) (Listener, error)

	// Adopt makes a connection of a descriptor, which is used up, whatever the outcome.
	Adopt(fd int) (net.Conn, error)

	Drop(fd int) // closes a descriptor

	// Descriptors is how many the process may have open at once, math.MaxInt64 if nobody counts.
	Descriptors() int64
}

// DialOptions are what a connection to a server has from its beginning.
type DialOptions struct {
	Keepalive bool // at the system's intervals
	// UserTimeout is how long what was sent may go without the other side's kernel taking note, and an idle connection without a
	// sign of life; 0: as long as the kernel likes.
	UserTimeout time.Duration
}

// Chance decides what must not be the same in two processes.
type Chance interface {
	IntN(n int) int // from 0 to n-1; n > 0
	Token() string  // one that nobody guesses, and that is given once
}

// Memory is the process's.
type Memory interface {
	MachineBytes() uint64 // what the process may have; math.MaxInt64 if nobody knows
	HeapBytes() uint64    // what objects have, garbage that was not collected yet among them
	Collect()             // garbage
	LimitHeap(bytes int)  // tells the collector, unless GOMEMLIMIT already does

	// Held are the bytes of heap that the system counts as the process's, and how often garbage was collected so far.
	Held() (bytes, collections uint64)
	GiveBack() // to the system, what is free of that
}
