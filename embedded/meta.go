package embedded

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

const (
	maxMetaFlags   = 20
	maxOpaqueBytes = 31

	badToken  = "CLIENT_ERROR bad token in command line format"
	badOpaque = "CLIENT_ERROR opaque token too long"
	badFlag   = "CLIENT_ERROR invalid or duplicate flag" // what md and ma say, whatever is wrong
)

// metaRequest is a meta command. The fields of flags that it does not have are zero.
type metaRequest struct {
	word  string // the key as it was written
	key   string
	flags []string // as they were written
	has   [128]bool

	mode           byte   // M
	ttl            int32  // T
	vivify         int32  // N
	recache        int32  // R
	clientFlags    uint32 // F
	cas, newCAS    uint64 // C, E
	initial, delta uint64 // J, D
	wins           bool   // mg: it has made the item
}

// parseMeta reads the key and the flags and returns an error reply or "".
//
// Source: memcached 1.6.18 proto_text.c _meta_flag_preparse: one list of flags for all commands.
func parseMeta(key string, flags []string) (q metaRequest, wrong string) {
	q = metaRequest{word: key, key: key, flags: flags, delta: 1}
	if len(flags) > maxMetaFlags {
		return q, "CLIENT_ERROR options flags are too long"
	}
	for _, f := range flags {
		letter, token := f[0], f[1:]
		if letter >= 128 || q.has[letter] {
			return q, "CLIENT_ERROR duplicate flag"
		}
		q.has[letter] = true
		ok, text := true, badToken
		switch letter {
		case 'b':
			decoded, err := base64.StdEncoding.DecodeString(key)
			q.key, ok, text = string(decoded), err == nil && len(decoded) > 0, "CLIENT_ERROR error decoding key"
		case 'N':
			q.vivify, ok = parseInt32(token)
		case 'T':
			q.ttl, ok = parseInt32(token)
		case 'R':
			q.recache, ok = parseInt32(token)
		case 'F':
			var n uint64
			n, ok = parseUint64(token)
			q.clientFlags, text = uint32(n), badFormat
		case 'C':
			q.cas, ok = parseUint64(token)
		case 'E':
			q.newCAS, ok = parseUint64(token)
		case 'J':
			q.initial, ok = parseUint64(token)
			text = "CLIENT_ERROR invalid numeric initial value"
		case 'D':
			q.delta, ok = parseUint64(token)
			text = "CLIENT_ERROR invalid numeric delta value"
		case 'M':
			ok, text = len(token) == 1, "CLIENT_ERROR incorrect length for M token"
			if ok {
				q.mode = token[0]
			}
		case 'O':
			ok, text = len(token) <= maxOpaqueBytes, badOpaque
		case 'c', 'f', 'h', 'I', 'k', 'l', 'L', 'P', 'q', 's', 't', 'u', 'v':
		default:
			return q, "CLIENT_ERROR invalid flag"
		}
		if !ok && wrong == "" {
			wrong = text
		}
	}
	return q, wrong
}

// metaKey checks the key of a meta command and then parses it.
func metaKey(f []string) (metaRequest, string) {
	if len(f[1]) > maxKeyBytes {
		return metaRequest{}, badFormat
	}
	return parseMeta(f[1], f[2:])
}

// metaKeyStrict is metaKey with the texts of md and ma.
func metaKeyStrict(f []string) (metaRequest, string) {
	q, wrong := metaKey(f)
	if wrong != "" && wrong != badFormat && wrong != badOpaque {
		wrong = badFlag
	}
	return q, wrong
}

// returns builds what a reply has after its code: an item's properties in the order of the request, of those flags that
// the command answers. The key and the opaque come back without an item too.
func (q *metaRequest) returns(letters string, it *item, now int64) string {
	var b strings.Builder
	for _, f := range q.flags {
		switch {
		case f[0] == 'O':
			b.WriteString(" " + f)
		case f[0] == 'k':
			b.WriteString(" k" + q.word)
			if q.has['b'] {
				b.WriteString(" b")
			}
		case it == nil || strings.IndexByte(letters, f[0]) < 0:
		case f[0] == 'c':
			fmt.Fprintf(&b, " c%d", it.cas)
		case f[0] == 'f':
			fmt.Fprintf(&b, " f%d", it.flags)
		case f[0] == 's':
			fmt.Fprintf(&b, " s%d", len(it.value))
		case f[0] == 'h':
			fmt.Fprintf(&b, " h%d", map[bool]int{true: 1}[it.fetched])
		case f[0] == 'l':
			fmt.Fprintf(&b, " l%d", now-it.usedAt)
		case f[0] == 't':
			fmt.Fprintf(&b, " t%d", it.ttl(now))
		}
	}
	return b.String()
}

// ttl is in seconds, -1 for never.
func (it *item) ttl(now int64) int64 {
	if it.expiresAt == 0 {
		return -1
	}
	return it.expiresAt - now
}

// keyText is the key as a client would write it.
func keyText(key string, binary bool) string {
	if binary {
		return base64.StdEncoding.EncodeToString([]byte(key))
	}
	return key
}

// metaGet is mg. Z: someone has been told to fetch the item anew; X: it is stale; W: you are told to.
//
// Source: memcached 1.6.18 proto_text.c process_mget_command.
func (c *client) metaGet(f []string) {
	q, wrong := metaKey(f)
	if wrong != "" {
		c.reply(wrong)
		return
	}
	var value []byte
	text := c.store.locked(func(now int64) string {
		it := q.getLocked(&c.store, now)
		if it == nil && q.has['q'] {
			return ""
		}
		if it == nil {
			return "EN" + q.returns("", nil, now)
		}
		text := q.hitLocked(it, now)
		if !q.has['v'] {
			return "HD" + text
		}
		value = it.value
		return "VA " + strconv.Itoa(len(value)) + text
	})
	c.reply(text)
	if strings.HasPrefix(text, "VA ") {
		c.value(value)
	}
}

// getLocked finds the item of mg, or makes one if N says so. One that it made has no value and a winner: q.
func (q *metaRequest) getLocked(s *store, now int64) *item {
	it := s.lookupLocked(q.key, now)
	if it == nil && q.has['N'] {
		it, q.wins = &item{expiresAt: expiresAt(q.vivify, now), usedAt: now, binary: q.has['b']}, true
		s.putLocked(q.key, it)
		if q.has['E'] {
			it.cas = q.newCAS
		}
	}
	return it
}

// hitLocked changes the item of mg as q asks and returns what follows HD, or VA and the length.
func (q *metaRequest) hitLocked(it *item, now int64) string {
	if q.has['T'] {
		it.expiresAt = expiresAt(q.ttl, now)
	}
	q.word, q.has['b'] = keyText(q.key, it.binary), it.binary // the key comes back as it was stored
	text := q.returns("cfhlst", it, now)
	wins := q.wins || it.stale || q.has['R'] && it.expiresAt != 0 && it.expiresAt < expiresAt(q.recache, now)
	if it.won {
		text += " Z"
	}
	if it.stale {
		text += " X"
	}
	if wins && !it.won {
		it.won = true
		text += " W"
	}
	if !q.has['u'] {
		it.fetched, it.usedAt = true, now
	}
	return text
}

// metaSet is ms.
func (c *client) metaSet(f []string) {
	if len(f[1]) > maxKeyBytes || len(f) < 3 {
		c.reply(badFormat)
		return
	}
	size, ok := parseSize(f[2])
	if !ok {
		c.reply(badFormat)
		return
	}
	q, wrong := parseMeta(f[1], f[3:])
	switch {
	case wrong != "":
	case !q.has['M']:
		q.mode = byte(modeSet)
	case strings.IndexByte("EARPS", q.mode) < 0:
		wrong = "CLIENT_ERROR invalid mode for ms M token"
	}
	if wrong != "" {
		c.swallow(size)
		c.reply(wrong)
		return
	}
	r := storeRequest{
		key: q.key, mode: storeMode(q.mode), flags: q.clientFlags, exptime: q.ttl, binary: q.has['b'],
		cas: q.cas, hasCAS: q.has['C'], invalidate: q.has['I'], newCAS: q.newCAS,
	}
	if text := c.block(&r, size, true); text != "" {
		c.reply(text)
		return
	}
	status, cas := c.store.store(r)
	if status == stored && q.has['q'] {
		return
	}
	code := [...]string{stored: "HD", notStored: "NS", exists: "EX", notFound: "NF"}[status]
	c.reply(code + q.returns("c", &item{cas: cas}, 0))
}

// metaDelete is md.
func (c *client) metaDelete(f []string) {
	q, wrong := metaKeyStrict(f)
	if wrong != "" {
		c.reply(wrong)
		return
	}
	c.reply(c.store.locked(func(now int64) string { return q.deleteLocked(&c.store, now) }))
}

func (q *metaRequest) deleteLocked(s *store, now int64) string {
	switch it := s.lookupLocked(q.key, now); {
	case it == nil:
		return "NF" + q.returns("", nil, now)
	case q.has['C'] && it.cas != q.cas:
		return "EX" + q.returns("", nil, now)
	case q.has['I']:
		if q.has['T'] {
			it.expiresAt = expiresAt(q.ttl, now)
		}
		it.stale, it.won, it.cas = true, false, s.nextCASLocked()
		if q.has['E'] {
			it.cas = q.newCAS
		}
	default:
		s.removeLocked(q.key)
	}
	if q.has['q'] {
		return ""
	}
	return "HD" + q.returns("", nil, now)
}

// metaArithmetic is ma.
func (c *client) metaArithmetic(f []string) {
	q, wrong := metaKeyStrict(f)
	if wrong == "" && q.has['M'] && strings.IndexByte("I+D-", q.mode) < 0 {
		wrong = "CLIENT_ERROR invalid mode for ma M token"
	}
	if wrong != "" {
		c.reply(wrong)
		return
	}
	c.reply(c.store.locked(func(now int64) string { return q.arithmeticLocked(&c.store, now) }))
}

func (q *metaRequest) arithmeticLocked(s *store, now int64) string {
	n := q.initial
	it := s.lookupLocked(q.key, now)
	switch {
	case it == nil && q.has['N']:
		it = &item{value: strconv.AppendUint(nil, n, 10), expiresAt: expiresAt(q.vivify, now), usedAt: now}
		s.putLocked(q.key, it)
	case it == nil:
		return "NF" + q.returns("", nil, now)
	case q.has['C'] && it.cas != q.cas:
		return "EX" + q.returns("", nil, now)
	default:
		var ok bool
		if it, n, ok = s.arithmeticLocked(q.key, it, q.delta, q.mode == 'D' || q.mode == '-'); !ok {
			return nonNumeric
		}
		if q.has['T'] {
			it.expiresAt = expiresAt(q.ttl, now)
		}
	}
	if q.has['E'] {
		it.cas = q.newCAS
	}
	switch digits := strconv.FormatUint(n, 10); {
	case q.has['q']:
		return ""
	case q.has['v']:
		return "VA " + strconv.Itoa(len(digits)) + q.returns("ct", it, now) + "\r\n" + digits
	default:
		return "HD" + q.returns("ct", it, now)
	}
}

// metaDebug is me. An item has no slab class here; the answer is that of the smallest.
func (c *client) metaDebug(f []string) {
	if len(f) < 2 || len(f[1]) > maxKeyBytes {
		c.reply(badFormat)
		return
	}
	key := f[1]
	if len(f) == 3 && f[2] == "b" {
		decoded, err := base64.StdEncoding.DecodeString(key)
		if err != nil || len(decoded) == 0 {
			c.reply(badFormat)
			return
		}
		key = string(decoded)
	}
	c.reply(c.store.locked(func(now int64) string {
		it := c.store.lookupLocked(key, now)
		if it == nil {
			return "EN"
		}
		fetch := "no"
		if it.fetched {
			fetch = "yes"
		}
		return fmt.Sprintf("ME %s exp=%d la=%d cas=%d fetch=%s cls=1 size=%d", keyText(key, it.binary), it.ttl(now),
			now-it.usedAt, it.cas, fetch, itemBytes(key, len(it.value), it.flags))
	}))
}
