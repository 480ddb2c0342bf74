package generator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Load is connections to one address that stay open from burst to burst, so that several addresses can be loaded in turn.
type Load struct {
	g      *generator
	login  string // what a connection says first; "": nothing
	filled int    // keys that were written, and are to be removed
}

// Open connects. args are those of Run; with a password, connections of Redis log in.
func Open(args []string, user, password string) (*Load, error) {
	o, err := parse(args)
	if err != nil {
		return nil, err
	}
	l := &Load{g: newGenerator(o)}
	if err := l.g.connect(); err != nil {
		l.g.close()
		return nil, err
	}
	if password == "" {
		return l, nil
	}
	words := []string{"AUTH", user, password}
	if user == "" {
		words = []string{"AUTH", password}
	}
	l.login = command(words...)
	for i := range l.g.conns {
		if err := logIn(l.g.conns[i].fd, l.login); err != nil {
			l.g.close()
			return nil, err
		}
	}
	return l, nil
}

// Close closes the connections.
func (l *Load) Close() { l.g.close() }

// Burst loads the address for so long, and until all that was sent is answered.
func (l *Load) Burst(d time.Duration) (Figures, error) {
	g := l.g
	g.limit, g.target, g.stopped = d, math.MaxInt, false
	g.sent, g.done, g.late, g.bursts, g.lastDone = 0, 0, 0, 0, 0
	clear(g.latency.counts)
	g.latency.count = 0
	for i := range g.conns {
		c := &g.conns[i]
		c.hits, c.misses, c.due, c.next = 0, 0, 0, 0
	}
	return g.run()
}

// Fill writes all keys, so that each get finds one.
func (l *Load) Fill(ctx context.Context) error {
	l.filled = l.g.keys
	value := strings.Repeat("x", l.g.size)
	if l.g.protocolName == "redis" {
		return l.each(ctx, func(key string) string { return command("SET", key, value) }, "+OK\r\n")
	}
	return l.each(ctx, func(key string) string { return fmt.Sprintf("set %s 0 0 %d\r\n%s\r\n", key, len(value), value) }, "STORED\r\n")
}

// Clear removes what Fill wrote.
func (l *Load) Clear(ctx context.Context) error {
	if l.filled == 0 {
		return nil
	}
	l.filled = 0
	if l.g.protocolName == "redis" {
		return l.each(ctx, func(key string) string { return command("DEL", key) }, ":0\r\n", ":1\r\n")
	}
	return l.each(ctx, func(key string) string { return "delete " + key + "\r\n" }, "DELETED\r\n", "NOT_FOUND\r\n")
}

// each sends a request for each key, many at once, over a connection of its own; each has to be answered by one of wants.
func (l *Load) each(ctx context.Context, request func(key string) string, wants ...string) error {
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, networkOf(l.g.addr), l.g.addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	r, w := bufio.NewReader(c), bufio.NewWriterSize(c, maxBatchBytes)
	answered := func(n int, wants ...string) error {
		err := errors.Join(c.SetDeadline(time.Now().Add(l.g.grace)), w.Flush())
		for ; n > 0 && err == nil; n-- {
			var line string
			if line, err = r.ReadString('\n'); err == nil && !slices.Contains(wants, line) {
				err = fmt.Errorf("%q came, not one of %q", line, wants)
			}
		}
		return err
	}
	if l.login != "" {
		_, _ = w.WriteString(l.login) // Flush has the error
		if err := answered(1, "+OK\r\n"); err != nil {
			return err
		}
	}
	atOnce := min(max(maxBatchBytes/(l.g.size+64), 1), 512)
	for from := 0; from < l.g.keys && ctx.Err() == nil; from += atOnce {
		to := min(from+atOnce, l.g.keys)
		for k := from; k < to; k++ {
			_, _ = w.WriteString(request(l.key(k)))
		}
		if err := answered(to-from, wants...); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// key is the n-th that requests ask for.
func (l *Load) key(n int) string {
	if l.g.protocolName == "redis" {
		return fmt.Sprintf("%s%012d", l.g.prefix, n)
	}
	return l.g.prefix + strconv.Itoa(n)
}

// command is one in Redis's form.
func command(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

// logIn logs in over a connection that does not block.
func logIn(fd int, login string) error {
	if _, err := unix.Write(fd, []byte(login)); err != nil { // the first bytes of a connection: there is room
		return fmt.Errorf("AUTH: %w", err)
	}
	line, b := "", make([]byte, 512)
	for deadline := time.Now().Add(dialTimeout); !strings.HasSuffix(line, "\r\n"); {
		left := time.Until(deadline).Milliseconds()
		if left <= 0 {
			return fmt.Errorf("AUTH is not answered within %v", dialTimeout)
		}
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left)); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		n, err := unix.Read(fd, b)
		if errors.Is(err, unix.EAGAIN) {
			continue
		}
		if n == 0 && err == nil {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("AUTH: %w", err)
		}
		line += string(b[:n])
	}
	if line != "+OK\r\n" {
		return fmt.Errorf("AUTH is answered %q", line)
	}
	return nil
}
