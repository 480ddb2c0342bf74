//go:build unix

package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// conn is a raw connection. A reply is a line as it is, with its first byte, or the text of a bulk string, or nothing if that is null; the
// elements of an array stand in parentheses, with commas.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string, limit time.Duration) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReader(c)}, nil
}

// client is a conn that ends with its test.
type client struct {
	*conn
	t testing.TB
}

func newClient(t testing.TB, addr string) *client {
	t.Helper()
	c, err := dial(addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	return &client{c, t}
}

func (c *client) send(args ...string) {
	c.t.Helper()
	if _, err := c.Write(command(args...)); err != nil {
		c.t.Fatal(err)
	}
}

// reads checks the next reply.
func (c *client) reads(want string) {
	c.t.Helper()
	if got, err := c.reply(); got != want || err != nil {
		c.t.Fatalf("the reply is %q, %v; want %q", got, err, want)
	}
}

// want sends a command and checks its reply.
func (c *client) want(want string, args ...string) {
	c.t.Helper()
	c.send(args...)
	if got, err := c.reply(); got != want || err != nil {
		c.t.Fatalf("%q = %q, %v; want %q", args, got, err, want)
	}
}

func command(args ...string) []byte { return appendCommand(nil, args...) }

func appendCommand(dst []byte, args ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, a := range args {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(a), a)
	}
	return dst
}

func (c *conn) reply() (string, error) { return readReply(c.r) }

func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if line = strings.TrimSuffix(line, "\r\n"); line == "" {
		return "", errors.New("an empty line")
	}
	n, err := strconv.Atoi(line[1:])
	switch line[0] {
	case '+', '-', ':', '_':
		return line, nil
	case '$':
		if err != nil || n < 0 {
			return "", err
		}
		text := make([]byte, n+2)
		_, err := io.ReadFull(r, text)
		return string(text[:n]), err
	case '*', '>', '~':
		if err != nil || n < 0 {
			return "", err
		}
		var elements []string
		for range n {
			e, err := readReply(r)
			if err != nil {
				return "", err
			}
			elements = append(elements, e)
		}
		return "(" + strings.Join(elements, ",") + ")", nil
	}
	return "", fmt.Errorf("not a reply: %q", line)
}

// tags are hash tags of slots that are all over a cluster.
var tags = []string{"{a}", "{b}", "{c}", "{d}", "{e}", "{f}"}

// ask is processtest.Ask, with an error reply for an error.
func ask(addr string, args ...string) string {
	reply, err := processtest.Ask(addr, args...)
	if err != nil {
		return "-" + err.Error()
	}
	return reply
}
