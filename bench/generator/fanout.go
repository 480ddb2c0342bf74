package generator

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The test "publish": all connections but the last are subscribed to one channel, to which that publishes -pipeline messages at once; once all have all of
// them, the next ones. A request is a message to one subscriber.
const fanOut = "publish"

const channel = "fanout"

// fan is what each connection is sent in a round.
type fan struct {
	publish  []byte
	messages []byte // for a subscriber
	answers  []byte // for who publishes
	got      []int  // bytes, of each connection
}

// subscribe makes all connections but the last subscribers.
func (g *generator) subscribe() error {
	f := &g.fan
	f.got = make([]int, len(g.conns))
	f.messages = []byte(fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", len(channel), channel))
	request := []byte(fmt.Sprintf("*2\r\n$9\r\nSUBSCRIBE\r\n$%d\r\n%s\r\n", len(channel), channel))
	g.start = time.Now()
	for i := range g.clients {
		if _, err := unix.Write(g.conns[i].fd, request); err != nil {
			return err
		}
	}
	if err := g.all(g.clients*len(f.messages), func(int) {}); err != nil {
		return fmt.Errorf("SUBSCRIBE: %w", err)
	}
	value := strings.Repeat("x", g.size)
	repeat := func(format string, args ...any) []byte {
		return bytes.Repeat([]byte(fmt.Sprintf(format, args...)), g.pipeline)
	}
	f.publish = repeat("*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(channel), channel, g.size, value)
	f.messages = repeat("*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(channel), channel, g.size, value)
	f.answers = repeat(":%d\r\n", g.clients)
	return nil
}

// rounds publishes until all requests are done.
func (g *generator) rounds() error {
	f, each := &g.fan, g.clients*g.pipeline
	for g.target = max(g.requests/each, 1) * each; g.done < g.target; {
		at := g.clock()
		n, err := unix.Write(g.conns[g.clients].fd, f.publish)
		if err != nil || n < len(f.publish) {
			return errors.Join(errors.New("what is published does not fit in the socket"), err)
		}
		err = g.all(g.clients*len(f.messages)+len(f.answers), func(n int) {
			now := g.clock()
			g.latency.add(now-at, n)
			g.done += n
			g.lastDone = now
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// all reads until the connections have so many bytes in all that they are to be sent. came is told how many messages are whole.
func (g *generator) all(left int, came func(n int)) error {
	clear(g.fan.got)
	message := len(g.fan.messages)
	if g.fan.publish != nil {
		message /= g.pipeline
	}
	for until := g.clock() + g.grace; left > 0; {
		events, err := g.poller.wait(max(until-g.clock(), 0))
		if err == nil && g.clock() >= until {
			err = fmt.Errorf("%d bytes did not come", left)
		}
		if err != nil {
			return err
		}
		for _, e := range events {
			n, err := g.more(e.id)
			if err != nil {
				return fmt.Errorf("connection %d: %w", e.id+1, err)
			}
			left -= n
			if got := g.fan.got[e.id]; e.id < g.clients {
				came(got/message - (got-n)/message)
			}
		}
	}
	return nil
}

// more reads what there is of a connection, and holds it against what is to come.
func (g *generator) more(id int) (int, error) {
	f, want := &g.fan, g.fan.messages
	if id == g.clients {
		want = f.answers
	}
	n, err := unix.Read(g.conns[id].fd, g.in)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("read: %w", err)
	case n == 0:
		return 0, io.ErrUnexpectedEOF
	}
	if from := f.got[id]; from+n > len(want) || !bytes.Equal(g.in[:n], want[from:from+n]) {
		return 0, fmt.Errorf("it is sent %.100q", g.in[:n])
	}
	f.got[id] += n
	return n, nil
}
