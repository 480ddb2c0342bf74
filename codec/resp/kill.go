package resp

import (
	"cmp"
	"math"
	"time"

	"cashew/codec/about"
)

// appendClientKill is CLIENT KILL addr, and CLIENT KILL filter value ... with the filters ID, ADDR, TYPE, USER, MAXAGE and
// SKIPME. Source: redis 7.2 networking.c, clientKillCommand.
func (p *Protocol) appendClientKill(dst []byte, args arguments, proxy about.Proxy) (out []byte, last bool) {
	if args.left == 1 {
		addr := string(args.next())
		n, self := proxy.Kill(func(c *about.ClientLine) bool { return c.Addr == addr })
		if n == 0 && !self {
			return append(dst, "-ERR No such client\r\n"...), false
		}
		return append(dst, replyOK...), self
	}
	f := killFilter{skipMe: true}
	if refusal := f.parse(p, args); refusal != nil {
		return append(dst, refusal...), false
	}
	n, self := proxy.Kill(f.match)
	if self = self && !f.skipMe; self {
		n++
	}
	return appendUint(dst, uint64(n)), self
}

// appendClientUnblock is CLIENT UNBLOCK id [TIMEOUT|ERROR]. Source: redis 7.0 networking.c, clientCommand.
func appendClientUnblock(dst []byte, args arguments, proxy about.Proxy) []byte {
	if args.left > 2 {
		return append(dst, "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n"...)
	}
	text, failing := args.next(), false
	if args.left > 0 {
		switch reason := args.next(); {
		case equalFold(reason, "error"):
			failing = true
		case !equalFold(reason, "timeout"):
			return append(dst, "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"...)
		}
	}
	id, ok := parseInt(text)
	switch {
	case !ok:
		return append(dst, errInteger...)
	case proxy.Unblock(uint64(id), failing):
		return append(dst, ":1\r\n"...)
	}
	return append(dst, ":0\r\n"...)
}

// killFilter says which clients CLIENT KILL is about: those that all of its conditions hold for.
type killFilter struct {
	id     uint64
	addr   []byte // nil: any
	laddr  []byte // nil: any
	user   string // "": any
	maxAge time.Duration
	of     func(*about.ClientLine) bool // nil: any
	skipMe bool
}

// parse reads the filters; refusal is the reply if that can't be done. Of a filter that is given twice the last one holds.
func (f *killFilter) parse(p *Protocol, args arguments) (refusal []byte) {
	for args.left > 0 {
		option := args.next()
		if args.left == 0 {
			return []byte(errSyntax)
		}
		value := args.next()
		switch {
		case equalFold(option, "id"):
			n, ok := parseInt(value)
			if !ok || n < 1 {
				return []byte("-ERR client-id should be greater than 0\r\n")
			}
			f.id = uint64(n)
		case equalFold(option, "addr"):
			f.addr = value
		case equalFold(option, "maxage"):
			n, ok := parseInt(value)
			switch {
			case !ok:
				return []byte("-ERR maxage is not an integer or out of range\r\n")
			case n < 1:
				return []byte("-ERR maxage should be greater than 0\r\n")
			}
			f.maxAge = time.Duration(min(n, math.MaxInt64/int64(time.Second))) * time.Second
		case equalFold(option, "type"):
			of, known := clientType(value)
			if !known {
				return appendUnknownType(nil, value)
			}
			f.of = of
		case equalFold(option, "user"):
			if !p.hasUser(value) {
				refusal = appendPrintable([]byte("-ERR No such user '"), value, 128)
				return append(refusal, "'\r\n"...)
			}
			f.user = string(value)
		case equalFold(option, "skipme") && equalFold(value, "yes"):
			f.skipMe = true
		case equalFold(option, "skipme") && equalFold(value, "no"):
			f.skipMe = false
		case equalFold(option, "laddr"):
			f.laddr = value
		default:
			return []byte(errSyntax)
		}
	}
	return nil
}

func (f *killFilter) match(c *about.ClientLine) bool {
	return (f.of == nil || f.of(c)) && (f.id == 0 || f.id == c.ID) && (f.addr == nil || string(f.addr) == c.Addr) &&
		(f.laddr == nil || string(f.laddr) == c.LAddr) && c.Age >= f.maxAge &&
		(f.user == "" || f.user == cmp.Or(c.User, defaultUser))
}
