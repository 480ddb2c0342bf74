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
// is null; the elements of an array stand in parentheses, with commas.
type Conn struct {
	net.Conn
	r *bufio.Reader
}

// Dial connects within limit.
func Dial(addr string, limit time.Duration) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return nil, err
	}
	return &Conn{c, bufio.NewReader(c)}, nil
}

// Reply reads the next reply.
func (c *Conn) Reply() (string, error) { return readReply(c.r) }

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

// AppendCommand appends a command to dst.
func AppendCommand(dst []byte, args ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, a := range args {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(a), a)
	}
	return dst
}
