//go:build unix

package difftest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is a raw connection: it writes bytes cut as the test wants and reads replies whole. It fails the test on any
// error. Its methods must be called from the test's goroutine, except those that return an error.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := tryDial(t, addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryDial(t testing.TB, addr string) (*client, error) {
	conn, err := connect(addr, patience)
	if err != nil {
		return nil, err
	}
	return newClient(t, conn), nil
}

// newClient is a client that closes conn at the end of the test.
func newClient(t testing.TB, conn net.Conn) *client {
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * patience))
	return &client{t: t, conn: conn, r: bufio.NewReaderSize(conn, 1<<16)}
}

// untilEnd is what comes until the connection is closed.
func (c *client) untilEnd() string {
	c.t.Helper()
	var got strings.Builder
	_, err := io.Copy(&got, c.r)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		c.t.Fatalf("neither closed nor answered; so far %q", clip(got.String()))
	}
	return got.String()
}

// renew gives the client as much time as a new one has.
func (c *client) renew() { c.conn.SetDeadline(time.Now().Add(2 * patience)) }

func (c *client) close() { c.conn.Close() }

// closeWrite is half-close: no more requests, but replies are still read.
func (c *client) closeWrite() {
	c.t.Helper()
	if err := c.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatalf("write %d bytes: %v", len(b), err)
	}
}

// sendCut writes b in pieces that end at the given offsets, ascending.
func (c *client) sendCut(b []byte, cuts []int) error {
	from := 0
	for _, to := range append(slices.Clone(cuts), len(b)) {
		if _, err := c.conn.Write(b[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// reply reads one whole reply and returns its bytes as they came.
func (c *client) reply() string {
	c.t.Helper()
	b, err := readReply(c.r)
	if err != nil {
		c.t.Fatalf("read reply: %v after %q", err, clip(string(b)))
	}
	return string(b)
}

func (c *client) replies(n int) []string {
	c.t.Helper()
	all := make([]string, n)
	for i := range all {
		b, err := readReply(c.r)
		if err != nil {
			c.t.Fatalf("read reply %d of %d: %v after %q", i, n, err, clip(string(b)))
		}
		all[i] = string(b)
	}
	return all
}

// do sends one command and returns its reply.
func (c *client) do(args ...string) string {
	c.t.Helper()
	c.send(command(args...))
	return c.reply()
}

// want sends one command and checks its reply.
func (c *client) want(reply string, args ...string) {
	c.t.Helper()
	if got := c.do(args...); got != reply {
		c.t.Fatalf("%s = %q; want %q", show(args), clip(got), clip(reply))
	}
}

// wantPrefix sends one command and checks how its reply begins.
func (c *client) wantPrefix(prefix string, args ...string) {
	c.t.Helper()
	if got := c.do(args...); !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("%s = %q; want %q...", show(args), clip(got), prefix)
	}
}

// wantEOF checks that the peer closes the connection in order, with nothing more to read.
func (c *client) wantEOF() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
		c.t.Fatalf("read = %q, %v; want EOF", b, err)
	}
}

// drain reads whatever still comes until the peer closes the connection, in whichever way.
func (c *client) drain() string {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		c.t.Fatalf("the connection stays open after %q", clip(string(b)))
	}
	return string(b)
}

// readReply reads one RESP2 or RESP3 reply.
func readReply(r *bufio.Reader) ([]byte, error) { return appendReply(nil, r) }

func appendReply(dst []byte, r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadBytes('\n')
	dst = append(dst, line...)
	if err != nil {
		return dst, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return dst, fmt.Errorf("not a reply: %q", line)
	}
	number := func() (int, error) { return strconv.Atoi(string(line[1 : len(line)-2])) }
	switch line[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		return dst, nil
	case '$', '=', '!':
		n, err := number()
		if err != nil || n < 0 {
			return dst, err
		}
		from := len(dst)
		dst = slices.Grow(dst, n+2)[:from+n+2]
		if m, err := io.ReadFull(r, dst[from:]); err != nil {
			return dst[:from+m], err
		}
		if !bytes.HasSuffix(dst, []byte("\r\n")) {
			return dst, errors.New("a bulk longer than it says")
		}
		return dst, nil
	case '*', '~', '>', '%', '|':
		n, err := number()
		if line[0] == '%' || line[0] == '|' {
			n *= 2
		}
		for i := 0; err == nil && i < n; i++ {
			dst, err = appendReply(dst, r)
		}
		return dst, err
	}
	return dst, fmt.Errorf("not a reply: %q", line)
}

// command is a command as clients send it.
func command(args ...string) []byte { return appendCommand(nil, args) }

func appendCommand(dst []byte, args []string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, a := range args {
		dst = fmt.Appendf(dst, "$%d\r\n", len(a))
		dst = append(dst, a...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// stream is all commands behind one another.
func stream(commands [][]string) []byte {
	var b []byte
	for _, args := range commands {
		b = appendCommand(b, args)
	}
	return b
}

// bulk is s as a reply.
func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

// bulks are the elements of an array reply of bulk strings; a nil element is "(nil)".
func bulks(t testing.TB, reply string) []string {
	t.Helper()
	var all []string
	for r := bufio.NewReader(strings.NewReader(reply[strings.Index(reply, "\n")+1:])); ; {
		b, err := readReply(r)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%q: %v", clip(reply), err)
		}
		_, body, _ := strings.Cut(string(b), "\r\n")
		if string(b) == "$-1\r\n" {
			body = "(nil)\r\n"
		}
		all = append(all, strings.TrimSuffix(body, "\r\n"))
	}
}

// How a stream of bytes is cut into writes.
type cutting int

const (
	whole cutting = iota
	random
	everyByte
)

func (c cutting) String() string { return [...]string{"whole", "random", "every byte"}[c] }

// cuts are the offsets at which b is cut. Random pieces are short in short streams and up to 64 KB in long ones.
func (c cutting) cuts(rng *rand.Rand, b []byte) []int {
	var at []int
	switch c {
	case random:
		longest := max(2, min(len(b)/8, 1<<16))
		for i := 1 + rng.IntN(longest); i < len(b); i += 1 + rng.IntN(longest) {
			at = append(at, i)
		}
	case everyByte:
		for i := 1; i < len(b); i++ {
			at = append(at, i)
		}
	}
	return at
}

// exchange sends all commands, cut as given, to addr on a new connection, and returns the reply to each. A reply that
// did not come is the error instead.
func exchange(t testing.TB, addr string, commands [][]string, how cutting, rng *rand.Rand) []string {
	t.Helper()
	c := dial(t, addr)
	defer c.close()
	b := stream(commands)
	cuts := how.cuts(rng, b)
	sent := make(chan error, 1)
	go func() { sent <- c.sendCut(b, cuts) }()
	all := make([]string, len(commands))
	for i := range all {
		reply, err := readReply(c.r)
		all[i] = string(reply)
		if err != nil {
			all[i] += fmt.Sprintf("(%v)", err)
			c.close()
			break
		}
	}
	<-sent
	return all
}

// diffReplies describes the commands whose replies differ, at most ten of them; "" if all are equal.
func diffReplies(commands [][]string, want, got []string) string {
	var b strings.Builder
	shown := 0
	for i := range commands {
		if want[i] == got[i] {
			continue
		}
		if shown++; shown > 10 {
			b.WriteString("...\n")
			break
		}
		w, g := around(want[i], got[i])
		fmt.Fprintf(&b, "command %d: %s\n  want %s\n  got  %s\n", i, show(commands[i]), w, g)
	}
	return b.String()
}

// around quotes two strings; long ones only near the first byte that differs.
func around(a, b string) (string, string) {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	cut := func(s string) string {
		if len(s) <= 400 {
			return strconv.Quote(s)
		}
		from, to := max(0, i-60), min(len(s), i+120)
		return fmt.Sprintf("%d bytes, [%d:%d] %q", len(s), from, to, s[from:to])
	}
	return cut(a), cut(b)
}

// show is a command for a message.
func show(args []string) string {
	var b strings.Builder
	for i, a := range args {
		if i == 12 {
			fmt.Fprintf(&b, " ... (%d arguments)", len(args))
			break
		}
		fmt.Fprintf(&b, " %q", clip(a))
	}
	return strings.TrimSpace(b.String())
}

// clip shortens what goes into a message.
func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return fmt.Sprintf("%s...(%d bytes)", s[:160], len(s))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// words splits a line of a table into a command. Spaces separate; 'a word' in single quotes is taken as it is;
// elsewhere \xNN, \r and \n stand for bytes.
func words(line string) []string {
	var args []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " ") {
		var word string
		if quoted, ok := strings.CutPrefix(line, "'"); ok {
			word, line, _ = strings.Cut(quoted, "'")
			args = append(args, word)
			continue
		}
		word, line, _ = strings.Cut(line, " ")
		if strings.Contains(word, `\`) {
			u, err := strconv.Unquote(`"` + word + `"`)
			if err != nil {
				panic("difftest: " + word + ": " + err.Error())
			}
			word = u
		}
		args = append(args, word)
	}
	return args
}

// newRand is a source of its own for each test, so that a case does not depend on those before it.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
