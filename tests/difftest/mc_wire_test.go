//go:build unix

package difftest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a memcached proxy says for a server that is down or silent.
const (
	mcRefused  = "SERVER_ERROR Connection refused\r\n"
	mcTimedOut = "SERVER_ERROR Connection timed out\r\n"
)

// mcSet is a set command; flags and expiry are 0.
func mcSet(key, value string) string {
	return fmt.Sprintf("set %s 0 0 %d\r\n%s\r\n", key, len(value), value)
}

// mcGet is a get command of any number of keys.
func mcGet(keys ...string) string { return "get " + strings.Join(keys, " ") + "\r\n" }

// mcHit is the reply to a get of one key that is there; mcBlock is its VALUE block.
func mcHit(key, value string) string { return mcBlock(key, value) + "END\r\n" }

func mcBlock(key, value string) string {
	return fmt.Sprintf("VALUE %s 0 %d\r\n%s\r\n", key, len(value), value)
}

// mcValue is what tests store under key.
func mcValue(key string) string { return "value of " + key }

// mcReply reads one whole reply and returns its bytes as they came.
func (c *client) mcReply() string {
	c.t.Helper()
	b, err := readMC(c.r)
	if err != nil {
		c.t.Fatalf("read reply: %v after %q", err, clip(string(b)))
	}
	return string(b)
}

// ask sends one command, given as its bytes, and returns its reply.
func (c *client) ask(text string) string {
	c.t.Helper()
	c.send([]byte(text))
	return c.mcReply()
}

// expect sends one command and checks its reply.
func (c *client) expect(reply, text string) {
	c.t.Helper()
	if got := c.ask(text); got != reply {
		c.t.Fatalf("%q = %q; want %q", clip(text), clip(got), clip(reply))
	}
}

// expectAll writes the text, if there is any, and checks all that comes back, up to the length of want.
func (c *client) expectAll(want, text string) {
	c.t.Helper()
	wrote := make(chan error, 1)
	go func() {
		var err error
		if text != "" {
			_, err = io.WriteString(c.conn, text)
		}
		wrote <- err
	}()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		w, g := around(want, string(got[:n]))
		c.t.Fatalf("%q: (%v)\n  want %s\n  got  %s", clip(text), err, w, g)
	}
	if err := <-wrote; err != nil {
		c.t.Fatalf("write %d bytes: %v", len(text), err)
	}
}

// readMC reads one reply: a line, a line and its data block, or lines and blocks up to END.
func readMC(r *bufio.Reader) ([]byte, error) {
	var dst []byte
	for {
		from := len(dst)
		line, err := r.ReadBytes('\n')
		dst = append(dst, line...)
		if err != nil {
			return dst, err
		}
		if !bytes.HasSuffix(line, []byte("\r\n")) {
			return dst, fmt.Errorf("not a reply: %q", line)
		}
		n, more := mcBody(dst[from:])
		if n >= 0 {
			body := make([]byte, n+2)
			m, err := io.ReadFull(r, body)
			dst = append(dst, body[:m]...)
			if err != nil {
				return dst, err
			}
			if !bytes.HasSuffix(body, []byte("\r\n")) {
				return dst, errors.New("a data block longer than it says")
			}
		}
		if !more {
			return dst, nil
		}
	}
}

// mcBody is the length of the data block behind a reply's line, -1 if there is none, and whether the reply goes on
// behind it.
func mcBody(line []byte) (n int, more bool) {
	f := strings.Fields(string(line))
	at := 0
	switch {
	case len(f) >= 4 && f[0] == "VALUE":
		at, more = 3, true
	case len(f) >= 2 && f[0] == "VA":
		at = 1
	case len(f) >= 1 && (f[0] == "STAT" || f[0] == "PREFIX" || f[0] == "ITEM"):
		return -1, true
	default:
		return -1, false
	}
	n, err := strconv.Atoi(f[at])
	if err != nil {
		return -1, false
	}
	return n, more
}

// What differs between two servers, or two seconds, in a meta command's reply: the item's cas id, its time to live and
// its last access.
var (
	mcVolatileFlag  = regexp.MustCompile(` ([clt])\d+`)
	mcVolatileField = regexp.MustCompile(` (exp|la|cas)=\d+`)
)

// normal replaces what may differ from server to server and from second to second. The cas id in a VALUE line becomes
// the number of ids of this key that the stream has shown so far, so that an id that should have stayed or changed
// still shows.
func normal(s string) string {
	var b strings.Builder
	ids := map[string]map[string]int{}
	for s != "" {
		i := strings.IndexByte(s, '\n') + 1
		if i == 0 {
			i = len(s)
		}
		line := s[:i]
		s = s[i:]
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "VERSION "):
			line = "VERSION *\r\n"
		case strings.HasPrefix(line, "VALUE ") && len(f) == 5:
			if ids[f[1]] == nil {
				ids[f[1]] = map[string]int{}
			}
			if ids[f[1]][f[4]] == 0 {
				ids[f[1]][f[4]] = len(ids[f[1]]) + 1
			}
			line = fmt.Sprintf("%s #%d\r\n", strings.Join(f[:4], " "), ids[f[1]][f[4]])
		case strings.HasPrefix(line, "HD ") || strings.HasPrefix(line, "VA "):
			line = mcVolatileFlag.ReplaceAllString(line, " $1#")
		case strings.HasPrefix(line, "ME "):
			line = mcVolatileField.ReplaceAllString(line, " $1=#")
		}
		b.WriteString(line)
		if n, _ := mcBody([]byte(strings.Join(f, " "))); n >= 0 {
			n = min(n+2, len(s))
			b.WriteString(s[:n])
			s = s[n:]
		}
	}
	return b.String()
}

// converse sends b in pieces to addr on a new connection, awaits as many bytes of normalised replies as want has, then
// closes its side and returns all replies up to the peer's own close, normalised.
func converse(t testing.TB, addr string, b []byte, cuts []int, want string) string {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	sent := make(chan error, 1)
	go func() { sent <- c.sendCut(b, cuts) }()
	var got []byte
	buf := make([]byte, 1<<17)
	c.conn.SetReadDeadline(time.Now().Add(3 * time.Second))
	last := want[strings.LastIndexByte(strings.TrimSuffix(want, "\n"), '\n')+1:]
	for want != "" && (!bytes.HasSuffix(got, []byte(last)) || len(normal(string(got))) < len(want)) {
		n, err := c.r.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			break // it shows in the comparison
		}
	}
	c.renew()
	if err := <-sent; err == nil {
		c.conn.(interface{ CloseWrite() error }).CloseWrite() // fails if the peer has closed it
	}
	rest, err := io.ReadAll(c.r)
	got = append(got, rest...)
	out := normal(string(got))
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		out += "(the connection stays open)"
	}
	return out
}
