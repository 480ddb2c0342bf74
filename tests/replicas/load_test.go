//go:build unix

package replicas

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"cashew/tests/processtest"
)

// load is steady traffic of several clients, each of whom writes keys of its own and reads them back. So that some reads go to replicas, it
// writes once in so many reads.
type load struct {
	processtest.Load
	addr  string
	reads int // behind each write
	pipe  int // pairs at once
	pairs atomic.Int64
}

func startLoad(t *testing.T, addr string, clients, pipe, reads int) *load {
	t.Helper()
	l := &load{addr: addr, pipe: pipe, reads: reads}
	l.Start(t, clients, l.run)
	return l
}

// untilPairs waits until so many writes were read back since the beginning.
func (l *load) untilPairs(t *testing.T, n int64) {
	t.Helper()
	processtest.Await(t, 4*patience, fmt.Sprintf("%d writes are read back", n), func() bool { return l.pairs.Load() >= n })
}

// end stops the clients, waits for them and tells what they saw.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.Stop(t)
	t.Logf("%d writes read back, %d wrong replies", l.pairs.Load(), l.Tell(t))
}

func (l *load) run(client int) {
	conn, err := processtest.Dial(l.addr, 2*patience)
	if err != nil {
		l.Report("client %d: %v", client, err)
		return
	}
	defer conn.Close()
	for n := 0; l.Goes(); n++ {
		var text []byte
		var wants []string
		before := strconv.Itoa(n - 1)
		for i := range l.pipe { // what was there, then a write, and the reads of it
			key, value := fmt.Sprint("c", client, ":", i), strconv.Itoa(n)
			text = processtest.AppendCommand(text, "GET", key)
			text = processtest.AppendCommand(text, "SET", key, value)
			if n == 0 {
				before = ""
			}
			wants = append(wants, before, "+OK")
			for range l.reads {
				text = processtest.AppendCommand(text, "MGET", key, key+":other")
				text = processtest.AppendCommand(text, "GET", key)
				wants = append(wants, "("+value+",)", value)
			}
		}
		if _, err := conn.Write(text); err != nil {
			l.Report("client %d: %v", client, err)
			return
		}
		for i, want := range wants {
			reply, err := conn.Reply()
			if err != nil {
				l.Report("client %d: %v", client, err)
				return
			}
			if reply != want && (want != "" || !strings.HasPrefix(reply, "$-1")) {
				l.Report("client %d: reply %d of batch %d is %q; want %q", client, i, n, reply, want)
			}
		}
		l.pairs.Add(int64(l.pipe))
		l.Answered(client)
	}
}
