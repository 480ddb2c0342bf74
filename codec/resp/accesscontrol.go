package resp

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"cashew/codec"
	"cashew/codec/about"
	"cashew/codec/acl"
)

// ACL, in a pool with users, of which the proxy alone knows. It tells as Redis does, but for secrets, which it does not tell at all, not
// even their hashes: "(masked)" stands there. Users are changed in the configuration. HELP and GENPASS are any server's to answer.
//
// Source: redis 7.0 acl.c, aclCommand.

var (
	opACL        = mustOp("acl")
	opACLCat     = mustSub("acl", "cat")
	opACLDelUser = mustSub("acl", "deluser")
	opACLDryRun  = mustSub("acl", "dryrun")
	opACLGetUser = mustSub("acl", "getuser")
	opACLList    = mustSub("acl", "list")
	opACLLoad    = mustSub("acl", "load")
	opACLLog     = mustSub("acl", "log")
	opACLSave    = mustSub("acl", "save")
	opACLSetUser = mustSub("acl", "setuser")
	opACLUsers   = mustSub("acl", "users")
)

// becomeACL has a subcommand of ACL be the proxy's to answer.
func (p *Protocol) becomeACL(cmd *codec.Command) {
	switch cmd.Op {
	case opACLSetUser, opACLDelUser, opACLLoad, opACLSave:
		refuse(cmd, refuseUserChange)
	case opACLLog:
		if cmd.Kind = codec.Report; len(cmd.Frame) > maxReportFrame {
			refuse(cmd, refuseTooLong)
		}
	case opACLCat, opACLDryRun, opACLGetUser, opACLList, opACLUsers, opWhoAmI:
		cmd.Kind = codec.Local
	default:
		cmd.Kind, cmd.Key = codec.Anywhere, placeholder
	}
}

// appendACL is a subcommand of ACL that the client's loop answers; args are what stands behind the command's name.
func (p *Protocol) appendACL(dst []byte, cl *codec.Client, op uint16, args arguments) []byte {
	sub := args.next() // as it was sent
	switch op {
	case opWhoAmI:
		return appendBulk(dst, userName(cl.User))
	case opACLCat:
		return appendCategories(dst, sub, args)
	case opACLDryRun:
		return p.appendDryRun(dst, args)
	case opACLGetUser:
		return appendUser(dst, cl.Profile, p.users.Find(string(args.next())))
	case opACLList:
		dst = appendHeader(dst, '*', len(p.users.Names()))
		for _, name := range p.users.Names() {
			dst = appendBulk(dst, p.users.Find(name).Line())
		}
		return dst
	case opACLUsers:
		dst = appendHeader(dst, '*', len(p.users.Names()))
		for _, name := range p.users.Names() {
			dst = appendBulk(dst, name)
		}
		return dst
	}
	return appendUnsupported(dst, commands[op].name)
}

// appendCategories is ACL CAT [category]: what the rules of users mean by it.
func appendCategories(dst, sub []byte, args arguments) []byte {
	var list []string
	switch args.left {
	case 0:
		list = categoryNames
	case 1:
		name := args.next()
		of := category(string(bytes.ToLower(name)))
		if of == 0 {
			dst = append(dst, "-ERR Unknown category '"...)
			return append(appendPrintable(dst, name, 128), "'\r\n"...)
		}
		for op := 1; op < int(opLearned); op++ {
			if c := &commands[op]; c.categories&of != 0 && c.kind != container && c.kind != hangup {
				list = append(list, c.name)
			}
		}
	default:
		return appendACLHint(dst, sub)
	}
	dst = appendHeader(dst, '*', len(list))
	for _, name := range list {
		dst = appendBulk(dst, name)
	}
	return dst
}

// appendACLHint is Redis's answer to a number of arguments that a subcommand does not have.
func appendACLHint(dst, sub []byte) []byte {
	dst = append(dst, "-ERR unknown subcommand or wrong number of arguments for '"...)
	dst = appendPrintable(dst, sub, 128)
	return append(dst, "'. Try ACL HELP.\r\n"...)
}

// appendUser is ACL GETUSER. Source: redis 7.0 acl.c, aclAddReplySelectorDescription.
func appendUser(dst []byte, pr codec.Profile, u *acl.User) []byte {
	if u == nil {
		return appendNull(dst, pr)
	}
	parts, flags := u.Parts(), append(u.Flags(), u.Own()...)
	dst = appendMapHeader(dst, pr, 6)
	dst = appendSetHeader(appendBulk(dst, "flags"), pr, len(flags))
	for _, f := range flags {
		dst = appendBulk(dst, f)
	}
	dst = appendHeader(appendBulk(dst, "passwords"), '*', u.Passwords())
	for range u.Passwords() {
		dst = appendBulk(dst, acl.Masked)
	}
	dst = appendPart(dst, &parts[0])
	dst = appendHeader(appendBulk(dst, "selectors"), '*', len(parts)-1)
	for i := range parts[1:] {
		dst = appendPart(appendMapHeader(dst, pr, 3), &parts[1+i])
	}
	return dst
}

// appendPart appends three entries of a map.
func appendPart(dst []byte, p *acl.Part) []byte {
	dst = appendBulk(appendBulk(dst, "commands"), p.Commands)
	dst = appendBulk(appendBulk(dst, "keys"), p.Keys)
	return appendBulk(appendBulk(dst, "channels"), p.Channels)
}

// appendDryRun is ACL DRYRUN user command [argument ...]. A command that servers alone know is not found.
func (p *Protocol) appendDryRun(dst []byte, args arguments) []byte {
	name := args.next()
	u := p.users.Find(string(name))
	if u == nil {
		dst = appendPrintable(append(dst, "-ERR User '"...), name, 128)
		return append(dst, "' not found\r\n"...)
	}
	frame := append(appendHeader(nil, '*', args.left), args.frame...)
	cl := codec.Client{User: u, Authed: true, DB: p.db, Bar: uint16(barJudged)}
	var s codec.Scan
	var cmd codec.Command
	if n, err := p.parseArray(&s, frame, &cmd, 0); n == 0 || err != nil {
		return append(dst, errSyntax...)
	}
	if cmd.Kind == codec.Unknown || cmd.Err == refuseUnknown || cmd.Err == refuseUnknownSub {
		dst = appendPrintable(append(dst, "-ERR Command '"...), args.next(), 128)
		return append(dst, "' not found\r\n"...)
	}
	switch p.judge(&cl, &cmd); {
	case cl.Denied != nil:
	case cmd.Err == refuseArity && !fits(int(commands[cmd.Op].arity), cmd.Arg):
		return appendArity(dst, commands[cmd.Op].name)
	case cmd.Err == refuseDenied:
		return appendBulk(dst, strings.TrimSuffix(string(appendDenied(nil, commands[cmd.Op].name)), crlf))
	default:
		return append(dst, replyOK...)
	}
	object, _, _ := strings.Cut(cl.Denied.Object, "\x00") // as C prints it
	what := map[acl.Reason]string{acl.Command: "run the '%' command", acl.Key: "access the '%' key", acl.Channel: "access the '%' channel"}
	return appendBulk(dst, "This user has no permissions to "+strings.Replace(what[cl.Denied.Reason], "%", object, 1))
}

// denialWords are how ACL LOG tells a reason, and placeWords whether a command stood in a transaction.
var (
	denialWords = map[acl.Reason]string{acl.Command: "command", acl.Key: "key", acl.Channel: "channel", acl.Login: "auth"}
	placeWords  = map[bool]string{false: "toplevel", true: "multi"}
)

// appendACLLog is ACL LOG [count | RESET]. Source: redis 7.0 acl.c, aclCommand.
func (p *Protocol) appendACLLog(dst []byte, cl *codec.Client, sub []byte, args arguments, proxy about.Proxy) []byte {
	count := int64(10)
	switch option := args.next(); {
	case args.left > 0:
		return appendACLHint(dst, sub)
	case option == nil:
	case equalFold(option, "reset"):
		proxy.DenialsReset()
		return append(dst, replyOK...)
	default:
		var ok bool
		if count, ok = parseInt(option); !ok {
			return append(dst, errDBInteger...)
		}
	}
	lines := proxy.Denials(int(max(0, min(count, math.MaxInt32))))
	dst = appendHeader(dst, '*', len(lines))
	for i := range lines {
		l := &lines[i]
		dst = appendMapHeader(dst, cl.Profile, 7)
		dst = appendInt(appendBulk(dst, "count"), int(l.Count))
		dst = appendBulk(appendBulk(dst, "reason"), denialWords[acl.Reason(l.Reason)])
		dst = appendBulk(appendBulk(dst, "context"), placeWords[l.Multi])
		dst = appendBulk(appendBulk(dst, "object"), l.Object)
		dst = appendBulk(appendBulk(dst, "username"), l.User)
		dst = appendSeconds(appendBulk(dst, "age-seconds"), cl.Profile, l.Age.Seconds())
		line := p.appendClientLine(nil, &codec.Client{}, &l.Client, "")
		dst = appendBulk(appendBulk(dst, "client-info"), line[:len(line)-1])
	}
	return dst
}

// appendSeconds appends a number with digits behind the point, as a profile has it.
func appendSeconds(dst []byte, pr codec.Profile, n float64) []byte {
	text := strconv.FormatFloat(n, 'f', 3, 64)
	if pr == RESP2 {
		return appendBulk(dst, text)
	}
	dst = append(append(dst, ','), text...)
	return append(dst, crlf...)
}
