package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// A protocol is all that the bench must know of one kind of server, and of the program that loads it.
type protocol interface {
	name() string
	binaries() []string // servers and load generators, as they are looked up in PATH
	redis() bool        // what a proxy's configuration says

	serverArgv(port, dir string, clients int) []string // a server on loopback that keeps nothing on disk
	ping(c *conn) error
	flushAll(c *conn) error
	setCommand(key, value string) string
	setReply() string                 // of a set that was executed, without the line's end
	key(n int) string                 // the n-th key of loadArgv
	lookups(c *conn) (lookups, error) // of one server since it started

	// loadArgv is the command line that runs a test of a workload, and parseLoad reads what it prints, unless that is this
	// program, whose name is ourself.
	loadArgv(w workload, test, addr string) []string
	parseLoad(r io.Reader) (load, error)
}

// protocols are all, in the order of their tables.
var protocols = []protocol{redis{}, redisUnix{}, redisCluster{}, memcached{}}

// lookups are counters of a server: keys that were looked up and found or not, and sets executed.
type lookups struct{ hits, misses, sets int64 }

// readLookups adds up the counters of the servers.
func readLookups(ctx context.Context, p protocol, servers []*process) (lookups, error) {
	var sum lookups
	for _, s := range servers {
		err := talk(ctx, s.addr, 10*time.Second, func(c *conn) error {
			l, err := p.lookups(c)
			sum.hits, sum.misses, sum.sets = sum.hits+l.hits, sum.misses+l.misses, sum.sets+l.sets
			return err
		})
		if err != nil {
			return sum, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return sum, nil
}

// prefill writes every key that a run may ask for, with values of as many bytes as it wants, so that all contenders' gets hit.
func prefill(ctx context.Context, w workload, addr string) error {
	p, keys, size := w.protocol(), w.Keys, w.ValueBytes
	return talk(ctx, addr, 2*time.Minute, func(c *conn) error {
		value, set, reply := strings.Repeat("x", size), p.setCommand, p.setReply()
		if w.Fields > 0 {
			set, reply = w.setHash, fmt.Sprintf(":%d", w.Fields)
		}
		batch := min(max(1<<20/(size*max(w.Fields, 1)+64), 1), 512)
		for from := 0; from < keys && ctx.Err() == nil; from += batch {
			to := min(from+batch, keys)
			for k := from; k < to; k++ {
				_, _ = c.w.WriteString(set(p.key(k), value)) // Flush has the error
			}
			if err := c.w.Flush(); err != nil {
				return err
			}
			for range to - from {
				line, err := c.line()
				if err != nil {
					return err
				}
				if line != reply {
					return fmt.Errorf("a set is answered %q", line)
				}
			}
		}
		return context.Cause(ctx)
	})
}

// conn is a client's connection.
type conn struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

// talk connects, calls do and closes the connection; all must be over after timeout.
func talk(ctx context.Context, addr string, timeout time.Duration, do func(*conn) error) error {
	var d net.Dialer
	nc, err := d.DialContext(ctx, networkOf(addr), addr)
	if err != nil {
		return err
	}
	defer closeQuietly(nc)
	if err := nc.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	return do(&conn{Conn: nc, r: bufio.NewReaderSize(nc, 64<<10), w: bufio.NewWriterSize(nc, 256<<10)})
}

func (c *conn) line() (string, error) {
	s, err := c.r.ReadString('\n')
	return strings.TrimRight(s, "\r\n"), err
}

// ask sends text and returns the line that answers it.
func (c *conn) ask(text string) (string, error) {
	if _, err := io.WriteString(c.Conn, text); err != nil {
		return "", err
	}
	return c.line()
}

// expect is ask for one answer alone; want ends with "..." where only the beginning counts.
func (c *conn) expect(text, want string) error {
	line, err := c.ask(text)
	prefix, open := strings.CutSuffix(want, "...")
	if ok := line == want || open && strings.HasPrefix(line, prefix); err == nil && !ok {
		err = fmt.Errorf("%s is answered %q", strings.TrimSpace(text), line)
	}
	return err
}

// closeQuietly closes what was only read, or written and answered.
func closeQuietly(c io.Closer) { _ = c.Close() }

func isRoot() bool { return os.Getuid() == 0 }
