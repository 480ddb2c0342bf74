package near

import (
	"bytes"
	"sync"
	"sync/atomic"
)

// flying is how many commands on their way are known by their hash.
const flying = 1 << 12

// Flying is a command on its way, on the loop that sent it, for whose reply those of other loops may wait.
type Flying struct {
	Command
	Mark
	At int64 // when it was sent

	mu      sync.Mutex
	over    bool
	waiters []func(reply []byte)
}

// flights are the commands on their way, by hash.
type flights [flying]atomic.Pointer[Flying]

// Launch makes f, whose Frame is its own until Land, known to other loops; false: another has its place.
func (c *Cache) Launch(f *Flying) bool { return c.flights[f.Hash%flying].CompareAndSwap(nil, f) }

// Await has told called, on the goroutine of whoever lands it, with the whole reply to the same command as cmd that is on its way on another loop, which
// is nobody's to change; or with nil if there is none to be had. false: there is none that was sent from a time on, or what it reads was written since.
func (c *Cache) Await(cmd *Command, from int64, told func(reply []byte)) bool {
	f := c.flights[cmd.Hash%flying].Load()
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over || f.At < from || f.Hash != cmd.Hash || f.Form != cmd.Form || !bytes.Equal(f.Frame, cmd.Frame) || !c.Unchanged(&f.Mark) {
		return false
	}
	f.waiters = append(f.waiters, told)
	return true
}

// Land ends f, whose reply is copied if somebody waits for it; nil: there is none to be had.
func (c *Cache) Land(f *Flying, reply []byte) {
	c.flights[f.Hash%flying].CompareAndSwap(f, nil)
	f.mu.Lock()
	f.over = true
	waiters := f.waiters
	f.waiters = nil
	f.mu.Unlock()
	if len(waiters) == 0 {
		return
	}
	reply = bytes.Clone(reply)
	for _, told := range waiters {
		told(reply)
	}
}
