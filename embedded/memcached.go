package embedded

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// The limits of memcached's defaults.
const (
	memcachedVersion = "1.6.18"
	maxKeyBytes      = 250
	maxItemBytes     = 1 << 20
	maxMemoryBytes   = 64 << 20
	maxLineBytes     = 16 << 20 // ours: memcached has none for get and gets, and 2 KB, more or less, for all else
)

// memcached speaks memcached's text protocol, classic and meta, as version 1.6.18 does: the same bytes for the same
// bytes, errors and cas ids too. What it leaves out: the binary protocol, slabs, lru and watch (answered ERROR), most of
// stats. One addition: the meta flag E of later versions.
//
//	accept ---> serve: one goroutine a connection
//	              line ---> command ---> storage, retrieval, ...   (classic.go: read the rest, answer)
//	                                \--> metaGet, metaSet, ...     (meta.go)
//	                                         |
//	                                       store                   (items.go: the items, under one lock)
//
// Source: memcached 1.6.18 doc/protocol.txt and proto_text.c; memcached_test.go compares.
type memcached struct {
	listener net.Listener
	started  time.Time
	done     sync.WaitGroup
	store    store

	mu     sync.Mutex // guards what follows
	conns  map[net.Conn]struct{}
	closed bool
}

func startMemcached() (*memcached, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &memcached{listener: l, started: time.Now(), conns: map[net.Conn]struct{}{}, store: store{items: map[string]*item{}}}
	m.done.Go(m.accept)
	return m, nil
}

// Addr is where it listens.
func (m *memcached) Addr() string { return m.listener.Addr().String() }

// Close ends the listener and all connections and waits for their goroutines.
func (m *memcached) Close() {
	m.mu.Lock()
	m.closed = true
	_ = m.listener.Close()
	for c := range m.conns {
		_ = c.Close()
	}
	m.mu.Unlock()
	m.done.Wait()
}

func (m *memcached) accept() {
	for {
		c, err := m.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors
			continue
		}
		m.mu.Lock()
		if m.closed {
			_ = c.Close()
		} else {
			m.conns[c] = struct{}{}
			m.done.Go(func() { m.serve(c) })
		}
		m.mu.Unlock()
	}
}

func (m *memcached) serve(conn net.Conn) {
	w := bufio.NewWriterSize(conn, 64<<10)
	c := &client{memcached: m, w: w, r: bufio.NewReaderSize(flushBeforeRead{conn, w}, 16<<10)}
	for {
		line, err := c.line()
		if err != nil || !c.command(line) {
			break
		}
	}
	_ = w.Flush()
	_ = conn.Close()
	m.mu.Lock()
	delete(m.conns, conn)
	m.mu.Unlock()
}

// flushBeforeRead sends all replies before it waits for more commands.
type flushBeforeRead struct {
	io.Reader
	w *bufio.Writer
}

func (f flushBeforeRead) Read(p []byte) (int, error) {
	if err := f.w.Flush(); err != nil {
		return 0, err
	}
	return f.Reader.Read(p)
}

// client is one connection. An error of r or w ends it at the next read.
type client struct {
	*memcached
	r       *bufio.Reader
	w       *bufio.Writer
	buf     []byte // the line
	noreply bool   // of the command at hand; as in memcached it also silences errors
}

// line reads one line and returns it without its end.
func (c *client) line() (string, error) {
	c.buf = c.buf[:0]
	for {
		part, err := c.r.ReadSlice('\n')
		c.buf = append(c.buf, part...)
		if err == nil {
			line := bytes.TrimSuffix(c.buf[:len(c.buf)-1], []byte("\r"))
			if end := bytes.IndexByte(line, 0); end >= 0 {
				line = line[:end] // it is a string of C
			}
			return string(line), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) || len(c.buf) > maxLineBytes {
			return "", err
		}
	}
}

// reply sends a line, unless it is empty.
func (c *client) reply(text string) {
	if !c.noreply && text != "" {
		_, _ = c.w.WriteString(text)
		_, _ = c.w.WriteString("\r\n")
	}
}

const (
	badFormat  = "CLIENT_ERROR bad command line format"
	badChunk   = "CLIENT_ERROR bad data chunk"
	badExptime = "CLIENT_ERROR invalid exptime argument"
	badDelta   = "CLIENT_ERROR invalid numeric delta argument"
	nonNumeric = "CLIENT_ERROR cannot increment or decrement non-numeric value"
	badDelete  = "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]"
	tooLarge   = "SERVER_ERROR object too large for cache"
)

// commands are the handlers by name, and how many words a line of theirs may have, the name among them. A line that has
// fewer or more is answered ERROR, like an unknown name.
var commands = map[string]struct {
	min, max int
	do       func(c *client, f []string)
}{
	"get":       {2, 1 << 30, (*client).retrieval},
	"gets":      {2, 1 << 30, (*client).retrieval},
	"gat":       {2, 1 << 30, (*client).retrieval},
	"gats":      {2, 1 << 30, (*client).retrieval},
	"set":       {5, 6, (*client).storage},
	"add":       {5, 6, (*client).storage},
	"replace":   {5, 6, (*client).storage},
	"append":    {5, 6, (*client).storage},
	"prepend":   {5, 6, (*client).storage},
	"cas":       {6, 7, (*client).storage},
	"incr":      {3, 4, (*client).arithmetic},
	"decr":      {3, 4, (*client).arithmetic},
	"delete":    {2, 4, (*client).delete},
	"touch":     {3, 4, (*client).touch},
	"flush_all": {1, 3, (*client).flushAll},
	"verbosity": {2, 4, (*client).verbosity},
	"version":   {1, 1 << 30, func(c *client, _ []string) { c.reply("VERSION " + memcachedVersion) }},
	"stats":     {1, 1 << 30, (*client).stats},
	"mg":        {2, 1 << 30, (*client).metaGet},
	"ms":        {2, 1 << 30, (*client).metaSet},
	"md":        {2, 1 << 30, (*client).metaDelete},
	"ma":        {2, 1 << 30, (*client).metaArithmetic},
	"me":        {1, 1 << 30, (*client).metaDebug},
	"mn":        {1, 1 << 30, func(c *client, _ []string) { c.reply("MN") }},
}

// command answers one line, and reads the data block that it announces. It returns false after quit.
func (c *client) command(line string) bool {
	f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' })
	c.noreply = false
	if len(f) > 0 && f[0] == "quit" {
		return false
	}
	if len(f) > 0 {
		if cmd, ok := commands[f[0]]; ok && len(f) >= cmd.min && len(f) <= cmd.max {
			cmd.do(c, f)
			return true
		}
	}
	c.reply("ERROR")
	return true
}
