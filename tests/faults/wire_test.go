//go:build unix

package faults

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// raw is a connection that reads whole replies.
type raw struct {
	conn *net.TCPConn
	r    *bufio.Reader
}

// answerTime is how long a reply may take, whatever happens. Nothing waits for more than twice the timeout of 300 ms; the
// rest is what a busy machine may need.
const answerTime = 15 * time.Second

func dialRaw(addr string) (*raw, error) {
	conn, err := net.DialTimeout("tcp", addr, answerTime)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * answerTime))
	return &raw{conn: conn.(*net.TCPConn), r: bufio.NewReaderSize(conn, 16<<10)}, nil
}

func (c *raw) close() { c.conn.Close() }

// reset closes the connection with a RST.
func (c *raw) reset() {
	c.conn.SetLinger(0)
	c.conn.Close()
}

// ask sends a command and reads its reply.
func (c *raw) ask(d dialect, text string) ([]byte, error) {
	if _, err := io.WriteString(c.conn, text); err != nil {
		return nil, err
	}
	return d.read(c.r)
}

// readRESP reads one reply of RESP2 or RESP3, as far as the suite causes them; commands have the same form.
func readRESP(r *bufio.Reader) ([]byte, error) { return appendRESP(nil, r) }

func appendRESP(dst []byte, r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	dst = append(dst, line...)
	if err != nil {
		return dst, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return dst, fmt.Errorf("not a reply: %q", line)
	}
	kind := line[0]
	switch kind {
	case '+', '-', ':', '_':
		return dst, nil
	case '$', '*', '%':
	default:
		return dst, fmt.Errorf("not a reply: %q", line)
	}
	n, err := strconv.Atoi(string(line[1 : len(line)-2]))
	if err != nil || n < 0 {
		return dst, err
	}
	if kind == '$' {
		return appendBody(dst, r, n)
	}
	if kind == '%' {
		n *= 2
	}
	for range n {
		if dst, err = appendRESP(dst, r); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendBody reads n bytes and the CRLF behind them.
func appendBody(dst []byte, r *bufio.Reader, n int) ([]byte, error) {
	from := len(dst)
	dst = slices.Grow(dst, n+2)[:from+n+2]
	if m, err := io.ReadFull(r, dst[from:]); err != nil {
		return dst[:from+m], err
	}
	if !bytes.HasSuffix(dst, []byte("\r\n")) {
		return dst, errors.New("a body longer than it says")
	}
	return dst, nil
}

// The nil of each version.
const (
	nil2 = "$-1\r\n"
	nil3 = "_\r\n"
)

// bulks takes an array of bulk strings apart; nil stands for a nil.
func bulks(reply []byte) ([][]byte, bool) {
	head, rest, ok := bytes.Cut(reply, []byte("\r\n"))
	if !ok || len(head) < 2 || head[0] != '*' {
		return nil, false
	}
	n, err := strconv.Atoi(string(head[1:]))
	if err != nil || n < 0 {
		return nil, false
	}
	all := make([][]byte, n)
	for i := range all {
		head, after, _ := bytes.Cut(rest, []byte("\r\n"))
		if string(head) == "_" {
			rest = after
			continue
		}
		if len(head) < 2 || head[0] != '$' {
			return nil, false
		}
		size, err := strconv.Atoi(string(head[1:]))
		if err == nil && size == -1 {
			rest = after
			continue
		}
		if err != nil || size < 0 || size+2 > len(after) {
			return nil, false
		}
		all[i], rest = after[:size], after[size+2:]
	}
	return all, len(rest) == 0
}

func redisCommand(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// readMC reads one reply of memcached: a line, a line and its data block, or lines and blocks up to END.
func readMC(r *bufio.Reader) ([]byte, error) {
	var dst []byte
	for {
		line, err := r.ReadSlice('\n')
		dst = append(dst, line...)
		if err != nil {
			return dst, err
		}
		if !bytes.HasSuffix(line, []byte("\r\n")) {
			return dst, fmt.Errorf("not a reply: %q", line)
		}
		f := strings.Fields(string(line))
		at := 0
		switch {
		case len(f) >= 4 && f[0] == "VALUE":
			at = 3
		case len(f) >= 2 && f[0] == "VA":
			at = 1
		case len(f) > 0 && f[0] == "STAT":
			continue
		default:
			return dst, nil
		}
		n, err := strconv.Atoi(f[at])
		if err != nil {
			return dst, fmt.Errorf("not a reply: %q", line)
		}
		if dst, err = appendBody(dst, r, n); err != nil || at == 1 {
			return dst, err
		}
	}
}

// block is one VALUE of a reply to get.
type block struct {
	key, flags string
	data       []byte
}

// blocks takes the reply to get apart.
func blocks(reply []byte) ([]block, bool) {
	var all []block
	for {
		head, rest, ok := bytes.Cut(reply, []byte("\r\n"))
		if string(head) == "END" {
			return all, ok && len(rest) == 0
		}
		f := strings.Fields(string(head))
		if len(f) < 4 || f[0] != "VALUE" {
			return nil, false
		}
		n, err := strconv.Atoi(f[3])
		if err != nil || n < 0 || n+2 > len(rest) {
			return nil, false
		}
		all = append(all, block{f[1], f[2], rest[:n]})
		reply = rest[n+2:]
	}
}

func clip(b []byte) string {
	if len(b) <= 200 {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q...(%d bytes)", b[:160], len(b))
}
