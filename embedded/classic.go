package embedded

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

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
