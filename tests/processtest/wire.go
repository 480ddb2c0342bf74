//go:build unix

package processtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is a connection to who speaks RESP. A reply is a line as it is, with its first byte, or the text of a bulk string, or nothing if that
// is null; the elements of an array stand in parentheses, with commas, as do the keys and values of a map.
type Conn struct {
	net.Conn
	r     *bufio.Reader
	limit time.Duration
}

// Dial connects within limit, which each Write and each Reply has as well.
func Dial(addr string, limit time.Duration) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return nil, err
	}
	return &Conn{c, bufio.NewReader(c), limit}, nil
}

// Write sends what is in p.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Reply reads the next reply: a line as it is, with its first byte, or the text of a bulk string, or nothing if that is null; the elements of
// an array stand in parentheses, with commas, as do the keys and values of a map.
func (c *Conn) Reply() (string, error) { return c.reply(shape{open: "(", between: ",", end: ")"}) }

func (c *Conn) reply(s shape) (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return "", err
	}
	return s.read(c.r)
}

// Ask sends one command to a server on a connection of its own. The reply is a line as it is, with its first byte, also of what is null, or the
// text of a bulk string; of an array, its elements in lines.
func Ask(addr string, args ...string) (reply string, err error) {
	c, err := Dial(addr, Patience)
	if err != nil {
		return "", err
	}
	defer c.Close() //nolint:errcheck // nothing is lost
	if _, err := c.Write(AppendCommand(nil, args...)); err != nil {
		return "", err
	}
	return c.reply(shape{between: "\n", nulls: true})
}

// shape is how a reply is shown.
type shape struct {
	open, between, end string // of the elements of an array
	nulls              bool   // what is null is a line, and not nothing
}

// read reads a reply.
func (s shape) read(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if line = strings.TrimSuffix(line, "\r\n"); line == "" {
		return "", errors.New("an empty line")
	}
	n, err := strconv.Atoi(line[1:])
	switch kind := line[0]; {
	case strings.IndexByte("+-:_", kind) >= 0:
		return line, nil
	case strings.IndexByte("$*>~%", kind) < 0 || err != nil:
		return "", fmt.Errorf("not a reply: %q", line)
	case n < 0 && s.nulls:
		return line, nil
	case n < 0:
		return "", nil
	case kind == '$':
		text := make([]byte, n+2)
		_, err := io.ReadFull(r, text)
		return string(text[:n]), err
	}
	if line[0] == '%' {
		n *= 2
	}
	elements := make([]string, n)
	for i := range elements {
		if elements[i], err = s.read(r); err != nil {
			return "", err
		}
	}
	return s.open + strings.Join(elements, s.between) + s.end, nil
}

// AppendCommand appends a command to dst.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, a := range args {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(a), a)
	}
	return dst
}
