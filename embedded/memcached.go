package embedded

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
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
//	              line ---> command ---> storage, retrieval, ...   (this file: read the rest, answer)
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

// noreplyMaybe looks at a line's last word, wherever it stands.
func (c *client) noreplyMaybe(f []string) { c.noreply = f[len(f)-1] == "noreply" }

func (c *client) retrieval(f []string) {
	keys := f[1:]
	touch, withCAS := f[0] == "gat" || f[0] == "gats", f[0] == "gets" || f[0] == "gats"
	var exptime int32
	if touch {
		var ok bool
		if exptime, ok = parseInt32(f[1]); !ok {
			c.reply(badExptime)
			return
		}
		keys = f[2:]
	}
	for _, key := range keys { // memcached takes back the items that it has found before a key that is too long
		if len(key) > maxKeyBytes {
			c.reply(badFormat)
			return
		}
	}
	for _, key := range keys {
		it, ok := c.store.get(key, func(it *item, now int64) {
			if touch {
				it.expiresAt = expiresAt(exptime, now)
			}
		})
		switch {
		case !ok:
			continue
		case withCAS:
			fmt.Fprintf(c.w, "VALUE %s %d %d %d\r\n", key, it.flags, len(it.value), it.cas)
		default:
			fmt.Fprintf(c.w, "VALUE %s %d %d\r\n", key, it.flags, len(it.value))
		}
		c.value(it.value)
	}
	c.reply("END")
}

func (c *client) value(v []byte) {
	_, _ = c.w.Write(v)
	_, _ = c.w.WriteString("\r\n")
}

var modes = map[string]storeMode{
	"set": modeSet, "add": modeAdd, "replace": modeReplace, "append": modeAppend, "prepend": modePrepend, "cas": modeSet,
}

func (c *client) storage(f []string) {
	c.noreplyMaybe(f)
	flags, ok1 := parseUint64(f[2])
	exptime, ok2 := parseInt32(f[3])
	size, ok3 := parseSize(f[4])
	if len(f[1]) > maxKeyBytes || !ok1 || !ok2 || !ok3 {
		c.reply(badFormat)
		return
	}
	q := storeRequest{key: f[1], mode: modes[f[0]], flags: uint32(flags), exptime: exptime}
	if f[0] == "cas" {
		var ok bool
		if q.cas, ok = parseUint64(f[5]); !ok {
			c.reply(badFormat)
			return
		}
		q.hasCAS = true
	}
	if text := c.block(&q, size, f[0] == "set"); text != "" {
		c.reply(text)
		return
	}
	status, _ := c.store.store(q)
	c.reply([...]string{stored: "STORED", notStored: "NOT_STORED", exists: "EXISTS", notFound: "NOT_FOUND"}[status])
}

// block reads the data block of size bytes into q.value and returns an error reply or "". One that is too large is
// swallowed; one that does not end where it should is not, what follows is read as a command.
func (c *client) block(q *storeRequest, size int, overwrites bool) string {
	if itemBytes(q.key, size, q.flags) > maxItemBytes {
		c.swallow(size)
		if overwrites {
			c.store.remove(q.key) // rather nothing than what it was to replace
		}
		return tooLarge
	}
	q.value = make([]byte, size+2)
	if _, err := io.ReadFull(c.r, q.value); err != nil || string(q.value[size:]) != "\r\n" {
		return badChunk
	}
	q.value = q.value[:size]
	return ""
}

func (c *client) swallow(size int) { _, _ = io.CopyN(io.Discard, c.r, int64(size)+2) }

func (c *client) arithmetic(f []string) {
	c.noreplyMaybe(f)
	if len(f[1]) > maxKeyBytes {
		c.reply(badFormat)
		return
	}
	delta, ok := parseUint64(f[2])
	if !ok {
		c.reply(badDelta)
		return
	}
	c.reply(c.store.locked(func(now int64) string {
		it := c.store.lookupLocked(f[1], now)
		if it == nil {
			return "NOT_FOUND"
		}
		_, n, ok := c.store.arithmeticLocked(f[1], it, delta, f[0] == "decr")
		if !ok {
			return nonNumeric
		}
		return strconv.FormatUint(n, 10)
	}))
}

// delete takes the time of old clients if it is 0.
func (c *client) delete(f []string) {
	if len(f) > 2 {
		c.noreplyMaybe(f)
		zero := f[2] == "0"
		if ok := zero && c.noreply || len(f) == 3 && (zero || c.noreply); !ok {
			c.reply(badDelete)
			return
		}
	}
	switch {
	case len(f[1]) > maxKeyBytes:
		c.reply(badFormat)
	case c.store.remove(f[1]):
		c.reply("DELETED")
	default:
		c.reply("NOT_FOUND")
	}
}

func (c *client) touch(f []string) {
	c.noreplyMaybe(f)
	if len(f[1]) > maxKeyBytes {
		c.reply(badFormat)
		return
	}
	exptime, ok := parseInt32(f[2])
	if !ok {
		c.reply(badExptime)
		return
	}
	if _, ok := c.store.get(f[1], func(it *item, now int64) { it.expiresAt = expiresAt(exptime, now) }); ok {
		c.reply("TOUCHED")
		return
	}
	c.reply("NOT_FOUND")
}

func (c *client) flushAll(f []string) {
	c.noreplyMaybe(f)
	var delay int32
	if len(f) > 2 || len(f) == 2 && !c.noreply {
		var ok bool
		if delay, ok = parseInt32(f[1]); !ok {
			c.reply(badExptime)
			return
		}
	}
	c.store.flushAll(delay)
	c.reply("OK")
}

// verbosity has no effect: there is no log.
func (c *client) verbosity(f []string) {
	c.noreplyMaybe(f)
	if _, ok := parseUint64(f[1]); !ok {
		c.reply(badFormat)
		return
	}
	c.reply("OK")
}

func (c *client) stats(f []string) {
	if len(f) > 1 {
		switch f[1] {
		case "reset":
			c.reply("RESET")
		case "items", "slabs", "sizes", "settings", "conns":
			c.reply("END")
		default:
			c.reply("ERROR")
		}
		return
	}
	items, size := c.store.size()
	fmt.Fprintf(c.w, "STAT pid %d\r\nSTAT uptime %d\r\nSTAT time %d\r\nSTAT version %s\r\n", os.Getpid(),
		int(time.Since(c.started).Seconds()), time.Now().Unix(), memcachedVersion)
	fmt.Fprintf(c.w, "STAT curr_items %d\r\nSTAT bytes %d\r\nSTAT limit_maxbytes %d\r\nEND\r\n", items, size, maxMemoryBytes)
}

// parseUint64 is safe_strtoull: a sign may precede the digits if it is a plus.
func parseUint64(s string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 64)
	return n, err == nil
}

// parseInt32 is safe_strtol, which reads 64 bits and keeps 32.
func parseInt32(s string) (int32, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return int32(n), err == nil
}

// parseSize reads a data block's length.
func parseSize(s string) (int, bool) {
	n, ok := parseInt32(s)
	return int(n), ok && n >= 0 && n <= 1<<31-3
}
