//go:build unix

package compat

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"cashew/tests/processtest"
)

// conn sends bytes as they were recorded and reads replies of both protocols.
type conn struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

// dial connects to port. All reads and writes together have as long as anything that must happen.
func dial(t testing.TB, port string) *conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", port), processtest.Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(processtest.Patience)); err != nil {
		t.Fatal(err)
	}
	return &conn{t: t, Conn: c, r: bufio.NewReader(c)}
}

// do sends one command in one write and reads its reply.
func (c *conn) do(words ...string) reply {
	c.t.Helper()
	return c.write([][]string{words})[0]
}

// write sends commands in one write and reads their replies.
func (c *conn) write(commands [][]string) []reply {
	c.t.Helper()
	var b strings.Builder
	for _, words := range commands {
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	if _, err := io.WriteString(c, b.String()); err != nil {
		c.t.Fatalf("write %q: %v", commands, err)
	}
	var all []reply
	for _, words := range commands {
		r, err := c.read()
		if err != nil {
			c.t.Fatalf("reply to %q: %v", words, err)
		}
		all = append(all, r)
	}
	return all
}

// memcachedHas asks a memcached for all its keys and tells whether any begins with prefix.
func (c *conn) memcachedHas(prefix string) bool {
	c.t.Helper()
	prefix = "key=" + url.QueryEscape(prefix)
	has, ended := false, false
	// One crawler at a time: it says BUSY while another library's keys are listed, or old ones are removed.
	processtest.Await(c.t, processtest.Patience, "keys of memcached", func() bool {
		if _, err := io.WriteString(c, "lru_crawler metadump all\r\n"); err != nil {
			c.t.Fatal(err)
		}
		for {
			line, err := c.r.ReadString('\n')
			if err != nil {
				c.t.Fatal(err)
			}
			ended = strings.HasPrefix(line, "END")
			if ended || strings.HasPrefix(line, "BUSY") {
				return ended
			}
			has = has || strings.HasPrefix(line, prefix)
		}
	})
	return has
}

// reply is one reply: its type, the first byte on the wire, with a line or bytes or parts. A map's parts are its keys and
// values in turn.
type reply struct {
	kind  byte
	null  bool // $-1 or *-1
	text  string
	parts []reply
}

// read reads one reply.
func (c *conn) read() (reply, error) {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	if !ok || line == "" {
		return reply{}, fmt.Errorf("line %q", line)
	}
	r := reply{kind: line[0], text: line[1:]}
	n, err := strconv.Atoi(r.text)
	switch r.kind {
	case '+', '-', ':', '_', ',', '#', '(':
		return r, nil
	case '$', '=', '*', '~', '>', '%':
		if r.null = n == -1; r.null {
			return r, nil
		}
		if err != nil || n < 0 {
			return r, fmt.Errorf("length in %q", line)
		}
	default:
		return r, fmt.Errorf("type of %q", line)
	}
	if r.kind == '$' || r.kind == '=' {
		b := make([]byte, n+2)
		_, err := io.ReadFull(c.r, b)
		r.text = string(b[:n])
		return r, err
	}
	if r.kind == '%' {
		n *= 2
	}
	for range n {
		part, err := c.read()
		if err != nil {
			return r, err
		}
		r.parts = append(r.parts, part)
	}
	return r, nil
}

// String shows the type of each part: +OK, "bulk", :1, _, ,1.5, [array], %{key: value}, ~{set}. The nulls of RESP2 are $-1
// and *-1.
func (r reply) String() string {
	var parts []string
	for _, p := range r.parts {
		parts = append(parts, p.String())
	}
	list := strings.Join(parts, " ")
	switch {
	case r.null:
	case r.kind == '$':
		return strconv.Quote(r.text)
	case r.kind == '*':
		return "[" + list + "]"
	case r.kind == '~', r.kind == '>':
		return string(r.kind) + "{" + list + "}"
	case r.kind == '%':
		var pairs []string
		for i := 0; i < len(parts); i += 2 {
			pairs = append(pairs, parts[i]+": "+parts[i+1])
		}
		return "%{" + strings.Join(pairs, " ") + "}"
	}
	return string(r.kind) + r.text
}
