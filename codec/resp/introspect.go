package resp

import (
	"math/bits"

	"cashew/codec"
)

// appendCommand is COMMAND and its subcommands: what the proxy serves, so that a client which asks for key positions or
// arities gets true ones. Commands that are refused are not told of.
//
// Source: redis 7.0 server.c, commandCommand.
func appendCommand(dst []byte, pr codec.Profile, cmd *codec.Command, args arguments) []byte {
	if cmd.Arg == 1 {
		return appendInfos(dst, pr)
	}
	sub := args.next()
	argc := cmd.Arg
	switch {
	case equalFold(sub, "count"):
		if argc != 2 {
			return appendArity(dst, "command|count")
		}
		return appendUint(dst, uint64(countServed()))
	case equalFold(sub, "docs"):
		return appendMapHeader(dst, pr, 0) // no documents; redis-cli goes without hints
	case equalFold(sub, "info"):
		if argc == 2 {
			return appendInfos(dst, pr)
		}
		dst = appendHeader(dst, '*', args.left)
		for args.left > 0 {
			dst = appendInfo(dst, pr, findServed(args.next()))
		}
		return dst
	case equalFold(sub, "list"):
		if argc != 2 {
			return append(dst, errSyntax...)
		}
		dst = appendHeader(dst, '*', countServed())
		for op := 1; op < len(commands); op++ {
			if served(op) {
				dst = appendBulk(dst, commands[op].name)
			}
		}
		return dst
	case equalFold(sub, "getkeys"):
		if argc < 3 {
			return appendArity(dst, "command|getkeys")
		}
		return appendGetKeys(dst, args)
	case equalFold(sub, "getkeysandflags"), equalFold(sub, "help"):
		return appendUnsupported(dst, "command")
	}
	dst = append(dst, "-ERR unknown subcommand '"...)
	dst = appendPrintable(dst, sub, 128)
	return append(dst, "'. Try COMMAND HELP.\r\n"...)
}

// served tells whether a top-level command is told of.
func served(op int) bool {
	c := &commands[op]
	return c.parent == 0 && c.kind != refused && c.kind != hangup
}

func countServed() (n int) {
	for op := 1; op < len(commands); op++ {
		if served(op) {
			n++
		}
	}
	return n
}

// findServed is the row of name, which may be "container|subcommand"; 0: none.
func findServed(name []byte) int {
	if op := lookup(name, 0, len(name)); op != 0 {
		if !served(op) {
			return 0
		}
		return op
	}
	for op := 1; op < len(commands); op++ {
		if c := &commands[op]; c.parent != 0 && c.kind != refused && equalFold(name, c.name) {
			return op
		}
	}
	return 0
}

func appendInfos(dst []byte, pr codec.Profile) []byte {
	dst = appendHeader(dst, '*', countServed())
	for op := 1; op < len(commands); op++ {
		if served(op) {
			dst = appendInfo(dst, pr, op)
		}
	}
	return dst
}

// appendInfo appends the ten elements that tell of a command since Redis 7.0; a null for op 0.
func appendInfo(dst []byte, pr codec.Profile, op int) []byte {
	if op == 0 {
		return appendNull(dst, pr)
	}
	c := &commands[op]
	dst = append(dst, "*10\r\n"...)
	dst = appendBulk(dst, c.name)
	dst = appendInt(dst, int(c.arity))
	dst = appendFlags(dst, pr, c)
	first, last, step := c.legacyKeys()
	dst = appendInt(dst, first)
	dst = appendInt(dst, last)
	dst = appendInt(dst, step)
	dst = appendCategories(dst, pr, c)
	dst = appendSetHeader(dst, pr, 0) // tips
	dst = appendKeySpec(dst, pr, c)
	n := 0
	for i := c.firstChild; i < c.endChild; i++ {
		if commands[i].kind != refused {
			n++
		}
	}
	if n == 0 {
		return appendSetHeader(dst, pr, 0)
	}
	dst = appendHeader(dst, '*', n)
	for i := c.firstChild; i < c.endChild; i++ {
		if commands[i].kind != refused {
			dst = appendInfo(dst, pr, int(i))
		}
	}
	return dst
}

// legacyKeys are the first key, the last and the step as COMMAND tells them: of keys that a count announces, none.
func (c *command) legacyKeys() (first, last, step int) {
	if c.keys.kind == counted || c.keys.kind == streams {
		return 0, 0, 0
	}
	return int(c.keys.first), int(c.keys.last), int(c.keys.step)
}

func appendInt(dst []byte, n int) []byte { return appendHeader(dst, ':', n) }

func appendStatus(dst []byte, s string) []byte {
	dst = append(dst, '+')
	dst = append(dst, s...)
	return append(dst, crlf...)
}

// movable tells whether arguments decide where the keys are.
func (c *command) movable() bool { return c.keys.kind != positions && c.keys.kind != copies }

func appendFlags(dst []byte, pr codec.Profile, c *command) []byte {
	n := len(c.flags)
	if c.movable() {
		n++
	}
	dst = appendSetHeader(dst, pr, n)
	for i := range len(c.flags) {
		dst = appendStatus(dst, flagNames[c.flags[i]])
	}
	if c.movable() {
		dst = appendStatus(dst, "movablekeys")
	}
	return dst
}

func (c *command) has(flag byte) bool {
	for i := range len(c.flags) {
		if c.flags[i] == flag {
			return true
		}
	}
	return false
}

func appendCategories(dst []byte, pr codec.Profile, c *command) []byte {
	dst = appendSetHeader(dst, pr, bits.OnesCount32(uint32(c.categories)))
	for left := c.categories; left != 0; left &= left - 1 {
		dst = appendStatus(dst, "@"+categoryNames[bits.TrailingZeros32(uint32(left))])
	}
	return dst
}

// appendKeySpec tells where the keys are by position or by a count; what an option may add (SORT STORE) is not told.
func appendKeySpec(dst []byte, pr codec.Profile, c *command) []byte {
	if c.keys.first == 0 {
		if c.keys.kind != streams {
			return appendSetHeader(dst, pr, 0)
		}
		dst = appendSetHeader(dst, pr, 1)
		dst = appendSpecFlags(dst, pr, c)
		dst = appendBegin(dst, pr, "keyword", 2)
		dst = appendBulk(dst, "keyword")
		dst = appendBulk(dst, "STREAMS")
		dst = appendField(dst, "startfrom", 1)
		return appendRange(dst, pr, -1, 1, 2)
	}
	switch c.keys.kind {
	case counted:
		dst = appendSetHeader(dst, pr, 1)
		return appendKeyNum(dst, pr, c, int(c.keys.first), int(c.keys.step))
	case destCounts:
		dst = appendSetHeader(dst, pr, 2)
		dst = appendIndex(dst, pr, c, 1)
		dst = appendRange(dst, pr, 0, 1, 0)
		return appendKeyNum(dst, pr, c, 2, 1)
	}
	dst = appendSetHeader(dst, pr, 1)
	dst = appendIndex(dst, pr, c, int(c.keys.first))
	last := int(c.keys.last)
	if last > 0 {
		last -= int(c.keys.first)
	}
	return appendRange(dst, pr, last, int(c.keys.step), 0)
}

// appendSpecFlags begins a key spec, a map of flags, begin_search and find_keys.
func appendSpecFlags(dst []byte, pr codec.Profile, c *command) []byte {
	dst = appendMapHeader(dst, pr, 3)
	dst = appendBulk(dst, "flags")
	dst = appendSetHeader(dst, pr, 1)
	if c.has('r') {
		return appendStatus(dst, "RO")
	}
	return appendStatus(dst, "RW")
}

// appendBegin is followed by n fields that say where the search for keys begins.
func appendBegin(dst []byte, pr codec.Profile, kind string, n int) []byte {
	return appendSearch(dst, pr, "begin_search", kind, n)
}

// appendFind is followed by n fields that say how keys are found from there.
func appendFind(dst []byte, pr codec.Profile, kind string, n int) []byte {
	return appendSearch(dst, pr, "find_keys", kind, n)
}

func appendSearch(dst []byte, pr codec.Profile, what, kind string, n int) []byte {
	dst = appendBulk(dst, what)
	dst = appendMapHeader(dst, pr, 2)
	dst = appendBulk(dst, "type")
	dst = appendBulk(dst, kind)
	dst = appendBulk(dst, "spec")
	return appendMapHeader(dst, pr, n)
}

func appendField(dst []byte, name string, n int) []byte {
	return appendInt(appendBulk(dst, name), n)
}

func appendIndex(dst []byte, pr codec.Profile, c *command, index int) []byte {
	dst = appendSpecFlags(dst, pr, c)
	dst = appendBegin(dst, pr, "index", 1)
	return appendField(dst, "index", index)
}

func appendRange(dst []byte, pr codec.Profile, last, step, limit int) []byte {
	dst = appendFind(dst, pr, "range", 3)
	dst = appendField(dst, "lastkey", last)
	dst = appendField(dst, "keystep", step)
	return appendField(dst, "limit", limit)
}

func appendKeyNum(dst []byte, pr codec.Profile, c *command, index, step int) []byte {
	dst = appendIndex(dst, pr, c, index)
	dst = appendFind(dst, pr, "keynum", 3)
	dst = appendField(dst, "keynumidx", 0)
	dst = appendField(dst, "firstkey", 1)
	return appendField(dst, "keystep", step)
}

// appendGetKeys is COMMAND GETKEYS name arg ...: args begins with the name. Rare, so it may allocate.
func appendGetKeys(dst []byte, args arguments) []byte {
	argc := args.left
	list := make([]codec.Key, 0, argc)
	frame, pos := args.frame, 0
	for range argc {
		n, body := bulkHeader(frame, pos)
		list = append(list, codec.Key{Off: uint32(body), Len: uint32(n)})
		pos = body + n + 2
	}
	op := lookup(frame, int(list[0].Off), int(list[0].Len))
	c := &commands[op]
	if c.kind == container && argc > 1 {
		op = c.child(bytesOf(frame, list[1]))
		c = &commands[op]
	}
	if op == 0 || c.kind == hangup {
		return append(dst, "-ERR Invalid command specified\r\n"...)
	}
	if c.keys.first == 0 && c.keys.kind == positions {
		return append(dst, "-ERR The command has no key arguments\r\n"...)
	}
	if !c.takes(argc) {
		return append(dst, "-ERR Invalid number of arguments specified for command\r\n"...)
	}
	keys, refusal := list[1:], ""
	if c.keys.kind == positions {
		keys = keys[:0]
		pl := plan{next: int(c.keys.first), last: int(c.keys.last), step: int(c.keys.step)}
		if pl.last < 0 {
			pl.last += argc
		}
		for i := pl.next; i <= pl.last; i += pl.step {
			keys = append(keys, list[i])
		}
	} else if keys, refusal = c.pick(frame, keys); refusal == refuseKeyless {
		keys, refusal = nil, ""
	}
	if refusal != "" {
		return append(dst, "-ERR Invalid arguments specified for command\r\n"...)
	}
	dst = appendHeader(dst, '*', len(keys))
	for _, k := range keys {
		dst = appendBulk(dst, bytesOf(frame, k))
	}
	return dst
}
