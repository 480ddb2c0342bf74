package embedded

import (
	"bufio"
	"io"
	"net"
	"testing"
)

func TestStart(t *testing.T) {
	s, err := Start(3)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()

	addrs := s.Addrs()
	if len(addrs) != 3 {
		t.Fatalf("Addrs() = %q; want 3 addresses", addrs)
	}
	for i, addr := range addrs {
		// Each server is its own: the key set on one is not there on the next.
		got := talk(t, addr, "*2\r\n$6\r\nEXISTS\r\n$1\r\nk\r\n")
		if got != ":0\r\n" {
			t.Errorf("EXISTS k on server %d = %q; want %q", i, got, ":0\r\n")
		}
		got = talk(t, addr, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n")
		if got != "+OK\r\n" {
			t.Errorf("SET k v on server %d = %q; want %q", i, got, "+OK\r\n")
		}
	}

	s.Stop()
	s.Stop()
	if c, err := net.Dial("tcp", addrs[0]); err == nil {
		c.Close()
		t.Errorf("server 0 still accepts on %s after Stop", addrs[0])
	}
}

func TestKeysExpire(t *testing.T) {
	s, err := Start(1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	addr := s.Addrs()[0]
	talk(t, addr, "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nPX\r\n$1\r\n1\r\n")
	for talk(t, addr, "*2\r\n$6\r\nEXISTS\r\n$1\r\nk\r\n") != ":0\r\n" { // until the test's own time limit
	}
}

// talk sends one command and returns the reply's line.
func talk(t *testing.T, addr, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, command); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}
