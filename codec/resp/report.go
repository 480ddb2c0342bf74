package resp

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cashew/codec"
	"cashew/codec/about"
)

// maxReportFrame bounds the commands that ask about the proxy, which are copied off the loop: room for some thousand IDs
// in a CLIENT LIST.
const maxReportFrame = 64 << 10

var (
	opInfo          = mustOp("info")
	opClientInfo    = mustSub("client", "info")
	opClientKill    = mustSub("client", "kill")
	opClientList    = mustSub("client", "list")
	opClientUnblock = mustSub("client", "unblock")
	opSlowlogGet    = mustSub("slowlog", "get")
	opSlowlogHelp   = mustSub("slowlog", "help")
	opSlowlogLen    = mustSub("slowlog", "len")
	opSlowlogReset  = mustSub("slowlog", "reset")
)

// AppendReport implements codec.Reports: INFO, CLIENT INFO, KILL, LIST and TRACKING, SLOWLOG GET, LEN and RESET, in the shapes of
// redis-server, so that tools and client libraries can read them.
func (p *Protocol) AppendReport(dst []byte, cl codec.Client, op uint16, frame []byte, proxy about.Proxy) (out []byte, last bool) {
	args := argsOf(frame)
	args.next() // the command's name
	if op == opInfo {
		return p.appendInfoReply(dst, cl.Profile, args, proxy), false
	}
	sub := args.next() // as it was sent
	switch op {
	case opACLLog:
		return p.appendACLLog(dst, &cl, sub, args, proxy), false
	case opClientInfo:
		return p.appendClientInfo(dst, &cl, proxy), false
	case opClientKill:
		return p.appendClientKill(dst, args, proxy)
	case opClientUnblock:
		return appendClientUnblock(dst, args, proxy), false
	case opClientTracking:
		return appendRedirected(dst, args, proxy), false
	case opClientList:
		return p.appendClientList(dst, &cl, args, proxy), false
	case opSlowlogGet:
		return appendSlowlog(dst, args, proxy), false
	case opSlowlogLen:
		return appendUint(dst, uint64(proxy.SlowLen())), false
	case opSlowlogReset:
		proxy.SlowReset()
		return append(dst, replyOK...), false
	}
	return appendUnsupported(dst, commands[op].name), false
}

// appendClientInfo is CLIENT INFO. A client that has left while it was asked for is still told of itself.
func (p *Protocol) appendClientInfo(dst []byte, cl *codec.Client, proxy about.Proxy) []byte {
	line := about.ClientLine{ID: cl.ID, Addr: cl.Addr, LAddr: cl.LAddr, Profile: uint8(cl.Profile)}
	for _, c := range proxy.Clients() {
		if c.ID == cl.ID {
			line = c
		}
	}
	return appendVerbatim(dst, cl.Profile, p.appendClientLine(nil, cl, &line, "client|info"))
}

// appendClientList is CLIENT LIST [TYPE type | ID id ...]. With IDs the lines are in their order.
// Source: redis 7.0 networking.c, clientCommand.
func (p *Protocol) appendClientList(dst []byte, cl *codec.Client, args arguments, proxy about.Proxy) []byte {
	var ids []int64
	given := args.left
	option := args.next()
	of := ofAll
	switch {
	case given == 0:
	case given == 2 && equalFold(option, "type"):
		kind := args.next()
		var known bool
		if of, known = clientType(kind); !known {
			return appendUnknownType(dst, kind)
		}
	case given > 1 && equalFold(option, "id"):
		for args.left > 0 {
			id, ok := parseInt(args.next())
			if !ok {
				return append(dst, "-ERR Invalid client ID\r\n"...)
			}
			ids = append(ids, id)
		}
	default:
		return append(dst, errSyntax...)
	}

	lines := proxy.Clients()
	if ids != nil {
		lines = pickLines(lines, ids)
	}
	var b []byte
	for i := range lines {
		if of(&lines[i]) {
			b = p.appendClientLine(b, cl, &lines[i], "client|list")
		}
	}
	return appendVerbatim(dst, cl.Profile, b)
}

// pickLines are the lines of the clients with these ids, one for each that there is.
func pickLines(lines []about.ClientLine, ids []int64) (picked []about.ClientLine) {
	byID := make(map[int64]*about.ClientLine, len(lines))
	for i := range lines {
		byID[int64(lines[i].ID)] = &lines[i]
	}
	for _, id := range ids {
		if line := byID[id]; line != nil {
			picked = append(picked, *line)
		}
	}
	return picked
}

// clientType tells which of the proxy's clients are of a type, and whether there is such a type.
// Source: redis 7.0 networking.c, getClientTypeByName.
func clientType(name []byte) (of func(*about.ClientLine) bool, known bool) {
	for _, other := range []string{"slave", "replica", "master"} {
		if equalFold(name, other) {
			return func(*about.ClientLine) bool { return false }, true
		}
	}
	if equalFold(name, "pubsub") {
		return isSubscribed, true
	}
	return func(c *about.ClientLine) bool { return !isSubscribed(c) }, equalFold(name, "normal")
}

func ofAll(*about.ClientLine) bool { return true }

// isSubscribed tells whether a client is subscribed to something.
func isSubscribed(c *about.ClientLine) bool {
	return slices.ContainsFunc(c.Subscribed, func(n int) bool { return n > 0 })
}

// subscribed is how many subscriptions of a sort a client has.
func subscribed(c *about.ClientLine, sort int) int64 {
	if sort < len(c.Subscribed) {
		return int64(c.Subscribed[sort])
	}
	return 0
}

func appendUnknownType(dst, name []byte) []byte {
	dst = append(dst, "-ERR Unknown client type '"...)
	dst = appendPrintable(dst, name, 128)
	return append(dst, "'\r\n"...)
}

// appendClientLine appends one client as CLIENT LIST has it, with all of Redis's fields, in its order: client libraries ask for
// each of them, and take one of our own for an error. What means nothing here is 0. What cl, who asks, has said of itself
// is told as its command found it.
//
// Source: redis 7.2 networking.c, catClientInfoString; watch from 7.4, tot-cmds from 8.2.
func (p *Protocol) appendClientLine(dst []byte, cl *codec.Client, c *about.ClientLine, asked string) []byte {
	name, lib, libVer, last, pr, db, user := c.Name, c.Lib, c.LibVer, c.LastCommand, codec.Profile(c.Profile), c.DB, c.User
	if c.ID == cl.ID {
		name, lib, libVer, last, pr, db, user = cl.Name, cl.Lib, cl.LibVer, asked, cl.Profile, cl.DB, userName(cl.User)
		c.Wishes, c.Begun, c.Waits = cl.Wishes, false, false // or it could not have asked; what it sent behind that may be under way by now
	}
	if last == "" {
		last = "NULL"
	}
	multi := "-1"
	if c.Begun {
		multi = strconv.Itoa(c.Queued)
	}
	for _, f := range []struct {
		name string
		text string
		n    int64
	}{
		{"id=", "", int64(c.ID)},
		{" addr=", c.Addr, -1},
		{" laddr=", c.LAddr, -1},
		{" fd=", "", 0},
		{" name=", name, -1},
		{" age=", "", int64(c.Age / time.Second)},
		{" idle=", "", int64(c.Idle / time.Second)},
		{" flags=", clientFlags(c), -1},
		{" db=", "", int64(db)},
		{" sub=", "", subscribed(c, channels)},
		{" psub=", "", subscribed(c, patterns)},
		{" ssub=", "", subscribed(c, shards)},
		{" multi=", multi, -1},
		{" watch=", "", int64(c.Watched)},
		{" qbuf=", "", int64(c.InBytes)},
		{" qbuf-free=", "", int64(c.InRoom)},
		{" argv-mem=", "", 0},
		{" multi-mem=", "", int64(c.QueuedBytes)},
		{" rbs=", "", 0},
		{" rbp=", "", 0},
		{" obl=", "", 0},
		{" oll=", "", int64(c.InFlight)},
		{" omem=", "", int64(c.OutBytes)},
		{" tot-mem=", "", int64(c.InBytes + c.InRoom + c.OutBytes + c.QueuedBytes)},
		{" events=r", "", -1},
		{" cmd=", last, -1},
		{" user=", cmp.Or(user, defaultUser), -1},
		{" redir=-1", "", -1},
		{" resp=", "", int64(versionOf(pr))},
		{" lib-name=", lib, -1},
		{" lib-ver=", libVer, -1},
		{" tot-cmds=", "", c.Commands},
	} {
		dst = append(dst, f.name...)
		if f.n >= 0 {
			dst = strconv.AppendInt(dst, f.n, 10)
		} else {
			dst = append(dst, f.text...)
		}
	}
	return append(dst, '\n')
}

// clientFlags are the letters of CLIENT LIST that a client of the proxy can have. Whether a key that it watches has changed, its server
// alone knows.
func clientFlags(c *about.ClientLine) string {
	flags := ""
	for _, f := range []struct {
		is     bool
		letter string
	}{
		{isSubscribed(c), "P"}, {c.Begun, "x"}, {c.Waits, "b"}, {c.Unwatched, "d"}, {!strings.Contains(c.Addr, ":"), "U"}, // a unix socket
		{c.Wishes&wishNoEvict != 0, "e"}, {c.Wishes&wishNoTouch != 0, "T"},
	} {
		if f.is {
			flags += f.letter
		}
	}
	if flags == "" {
		return "N"
	}
	return flags
}

// appendSlowlog is SLOWLOG GET [count]. The arguments of an entry are the command's name and its first key; values are not
// kept. Source: redis 7.0 slowlog.c, slowlogCommand.
func appendSlowlog(dst []byte, args arguments, proxy about.Proxy) []byte {
	count := int64(10)
	switch {
	case args.left > 1:
		return append(dst, "-ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.\r\n"...)
	case args.left == 1:
		var ok bool
		if count, ok = parseInt(args.next()); !ok || count < -1 {
			return append(dst, "-ERR count should be greater than or equal to -1\r\n"...)
		}
	}
	lines := proxy.Slow(int(min(count, math.MaxInt32)))
	dst = appendHeader(dst, '*', len(lines))
	for i := range lines {
		l := &lines[i]
		dst = append(dst, "*6\r\n"...)
		dst = appendUint(dst, uint64(l.ID))
		dst = appendUint(dst, uint64(l.At.Unix()))
		dst = appendUint(dst, uint64(max(l.Took.Microseconds(), 0)))
		dst = appendSlowArgs(dst, l)
		dst = appendBulk(dst, l.Client)
		dst = appendBulk(dst, l.ClientName)
	}
	return dst
}

// appendSlowArgs appends an entry's arguments; those that are left out are counted as Redis does it.
func appendSlowArgs(dst []byte, l *about.SlowLine) []byte {
	switch l.Keys {
	case 0:
		dst = append(dst, "*1\r\n"...)
		return appendBulk(dst, l.Command)
	case 1:
		dst = append(dst, "*2\r\n"...)
	default:
		dst = append(dst, "*3\r\n"...)
	}
	dst = appendBulk(dst, l.Command)
	dst = appendBulk(dst, l.Key)
	if l.Keys > 1 {
		dst = appendBulk(dst, "... ("+strconv.Itoa(l.Keys-1)+" more keys)")
	}
	return dst
}

// slowlogHelp is what SLOWLOG HELP says.
var slowlogHelp = []string{
	"SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
	"GET [<count>]",
	"    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
	"    Entries are made of:",
	"    id, timestamp, time in microseconds, command and first key, client IP and port,",
	"    client name",
	"LEN",
	"    Return the length of the slowlog.",
	"RESET",
	"    Reset the slowlog, as far as clients of this pool see it.",
	"HELP",
	"    Prints this help.",
}

func appendHelp(dst []byte, lines []string) []byte {
	dst = appendHeader(dst, '*', len(lines))
	for _, l := range lines {
		dst = appendStatus(dst, l)
	}
	return dst
}
