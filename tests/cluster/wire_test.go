//go:build unix

package cluster

import (
	"testing"

	"cashew/tests/processtest"
)

// client is a connection that ends with its test.
type client struct {
	*processtest.Conn
	t testing.TB
}

func newClient(t testing.TB, addr string) *client {
	t.Helper()
	c, err := processtest.Dial(addr, 2*patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &client{c, t}
}

func (c *client) send(args ...string) {
	c.t.Helper()
	if _, err := c.Write(processtest.AppendCommand(nil, args...)); err != nil {
		c.t.Fatal(err)
	}
}

// reads checks the next reply.
func (c *client) reads(want string) {
	c.t.Helper()
	if got, err := c.Reply(); got != want || err != nil {
		c.t.Fatalf("the reply is %q, %v; want %q", got, err, want)
	}
}

// want sends a command and checks its reply.
func (c *client) want(want string, args ...string) {
	c.t.Helper()
	c.send(args...)
	if got, err := c.Reply(); got != want || err != nil {
		c.t.Fatalf("%q = %q, %v; want %q", args, got, err, want)
	}
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
