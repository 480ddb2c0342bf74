package loop

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestAcceptLost: when a loop fails, which no loop should, whoever has it accept is told.
func TestAcceptLost(t *testing.T) {
	d := newDoorway(t, 1, "tcp", "127.0.0.1:0")
	end := d.accept()
	b := d.reactor.bases[0]
	if !b.Run(func() { _ = unix.Dup3(0, b.set.fd, 0) }) { // what is no epoll set
		t.Fatal("a loop takes no task")
	}
	<-d.over
	end()
	if b.Run(func() {}) {
		t.Error("a loop that has failed takes a task")
	}
}
