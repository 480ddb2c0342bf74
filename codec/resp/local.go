package resp

import (
	"crypto/sha256"
	"crypto/subtle"
	"strconv"

	"cashew/codec"
)

// AppendLocal implements codec.Answers: what the proxy answers itself, in the words of redis-server except where
// twemproxy has its own (AUTH).
func (p *Protocol) AppendLocal(dst []byte, cl *codec.Client, cmd *codec.Command) []byte {
	if cmd.Op == opPing && cmd.Arg == 1 && cmd.Kind == codec.Local && cl.Bar == 0 { // health checks have nothing to be read
		return append(dst, "+PONG\r\n"...)
	}
	start := len(dst)
	if dst = p.appendLocal(dst, cl, cmd); cmd.Quiet == muteOnce || cmd.Quiet != 0 && cmd.Op != opReset { // that ends OFF before it is answered
		return dst[:start]
	}
	return dst
}

// appendLocal is AppendLocal for a client that wants its replies.
func (p *Protocol) appendLocal(dst []byte, cl *codec.Client, cmd *codec.Command) []byte {
	if cmd.Kind == codec.Refuse {
		bar(cl, cmd)
		return p.appendRefusal(dst, cl, cmd)
	}
	switch {
	case cmd.Kind == codec.Queue:
		return append(dst, "+QUEUED\r\n"...)
	case cmd.Kind == codec.Discard && cmd.Op == opExec:
		return appendAbortedExec(dst, cl, cmd.Err)
	}
	args := argsOf(cmd.Frame)
	args.next() // the command's name
	switch cmd.Op {
	case opPing:
		if gate(cl.Bar)&barSubscribed != 0 && cl.Profile == RESP2 {
			return appendPong(dst, cmd, args)
		}
		if cmd.Arg == 1 {
			return append(dst, "+PONG\r\n"...)
		}
		if cmd.Arg == 2 {
			return appendBulk(dst, args.next())
		}
		return appendArity(dst, "ping")
	case opEcho:
		return appendBulk(dst, args.next())
	case opQuit, opWatch, opUnwatch:
		return append(dst, replyOK...)
	case opAuth, opHello:
		return p.appendLogin(dst, cl, cmd, args)
	case opSelect:
		return p.appendSelect(dst, cl, args.next())
	case opMove, opCopy, opSwapDB:
		return append(dst, errDBRange...)
	case opReset:
		return p.appendReset(dst, cl)
	case opReadonly, opReadwrite, opAsking:
		return p.appendCluster(dst, cl, cmd.Op, args)
	case opRole:
		return append(dst, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"...)
	case opConfigGet:
		return appendConfigGet(dst, cl.Profile, args)
	case opMulti, opExec, opDiscard:
		return appendTransaction(dst, cl, cmd.Op)
	case opWait, opWaitAOF:
		return appendAcks(dst, cmd.Op, args)
	}
	switch commands[cmd.Op].parent {
	case opACL:
		return p.appendACL(dst, cl, cmd.Op, args)
	case opCluster:
		return p.appendCluster(dst, cl, cmd.Op, args)
	}
	args.next() // the subcommand's name
	return appendLocalSub(dst, cl, cmd, args)
}

// appendReset is RESET: the client is as one that has just come.
func (p *Protocol) appendReset(dst []byte, cl *codec.Client) []byte {
	cl.Name, cl.Profile, cl.DB, cl.Bar, cl.Moves, cl.Wishes = "", RESP2, p.db, 0, movesUntold, cl.Wishes&^wishNoTouch
	cl.Masters, cl.Tracks, cl.Caching = false, nil, false
	p.Welcome(cl)
	return append(dst, "+RESET\r\n"...)
}

// appendLocalSub is AppendLocal for subcommands; args are what stands behind their names.
func appendLocalSub(dst []byte, cl *codec.Client, cmd *codec.Command, args arguments) []byte {
	switch cmd.Op {
	case opSlowlogHelp:
		return appendHelp(dst, slowlogHelp)
	case opPubSubHelp:
		return appendHelp(dst, pubsubHelp)
	case opClientID:
		return appendUint(dst, cl.ID)
	case opClientGetName:
		if cl.Name == "" {
			return appendNull(dst, cl.Profile)
		}
		return appendBulk(dst, cl.Name)
	case opClientSetName:
		return appendSetName(dst, cl, args.next())
	case opClientSetInfo:
		option := args.next()
		return appendSetInfo(dst, cl, option, args.next())
	case opClientNoEvict:
		return appendWish(dst, cl, wishNoEvict, args.next())
	case opClientNoTouch:
		return appendWish(dst, cl, wishNoTouch, args.next())
	case opClientReply:
		return appendReply(dst, cl, args.next())
	case opScriptDebug:
		return appendScriptDebug(dst, args.next())
	case opClientMaint:
		return appendMaint(dst, cl, args)
	case opClientTracking:
		return appendTracking(dst, cl, args)
	case opClientTrackingInfo:
		return appendTrackingInfo(dst, cl)
	case opClientGetRedir:
		if cl.Tracks != nil {
			return append(dst, ":0\r\n"...)
		}
		return append(dst, ":-1\r\n"...)
	case opClientCaching:
		return appendCaching(dst, cl, args)
	}
	return appendUnsupported(dst, commands[cmd.Op].name)
}

var (
	opPing          = mustOp("ping")
	opEcho          = mustOp("echo")
	opQuit          = mustOp("quit")
	opAuth          = mustOp("auth")
	opSelect        = mustOp("select")
	opHello         = mustOp("hello")
	opReset         = mustOp("reset")
	opReadonly      = mustOp("readonly")
	opReadwrite     = mustOp("readwrite")
	opRole          = mustOp("role")
	opAsking        = mustOp("asking")
	opCluster       = mustOp("cluster")
	opWhoAmI        = mustSub("acl", "whoami")
	opConfigGet     = mustSub("config", "get")
	opClientID      = mustSub("client", "id")
	opClientGetName = mustSub("client", "getname")
	opClientSetName = mustSub("client", "setname")
	opClientSetInfo = mustSub("client", "setinfo")
	opClientNoEvict = mustSub("client", "no-evict")
	opClientNoTouch = mustSub("client", "no-touch")

	opClientTracking     = mustSub("client", "tracking")
	opClientTrackingInfo = mustSub("client", "trackinginfo")
	opClientGetRedir     = mustSub("client", "getredir")
	opClientCaching      = mustSub("client", "caching")
)

func mustSub(name, sub string) uint16 {
	op := commands[mustOp(name)].child([]byte(sub))
	if op == 0 {
		panic("resp: no such subcommand: " + name + " " + sub)
	}
	return uint16(op)
}

// Replies. Source: redis 7.0 server.c, networking.c, acl.c, db.c; twemproxy 0.5.0 nc_redis.c for the three of AUTH.
const (
	replyOK          = "+OK\r\n"
	errSyntax        = "-ERR syntax error\r\n"
	errAuthWrong     = "-ERR invalid password\r\n"
	errAuthNeedless  = "-ERR Client sent AUTH, but no password is set\r\n"
	errNoCluster     = "-ERR This instance has cluster support disabled\r\n"
	errNotTracking   = "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled\r\n"
	errHelloVersion  = "-ERR Protocol version is not an integer or out of range\r\n"
	errHelloProto    = "-NOPROTO unsupported protocol version\r\n"
	errHelloWrong    = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
	errHelloNoAuth   = "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n"
	errClientName    = "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"
	errClientNameLen = "-ERR Client names cannot be longer than 1024 bytes\r\n"
	maxClientName    = 1024
)

func appendUint(dst []byte, n uint64) []byte {
	dst = append(dst, ':')
	dst = strconv.AppendUint(dst, n, 10)
	return append(dst, crlf...)
}

// appendAuth is AUTH password and AUTH user password. A wrong password also takes back an earlier right one, as with
// twemproxy.
func (p *Protocol) appendAuth(dst []byte, cl *codec.Client, cmd *codec.Command, args arguments) []byte {
	user, password := []byte(defaultUser), args.next()
	switch cmd.Arg {
	case 2:
	case 3:
		user, password = password, args.next()
	default:
		return append(dst, errSyntax...)
	}
	if p.users != nil {
		return p.appendUserAuth(dst, cl, user, password, cmd.Arg == 2)
	}
	if !p.guarded {
		if string(user) != defaultUser {
			cl.Bar = uint16(gate(cl.Bar) | barUser)
			return append(dst, errHelloWrong...)
		}
		cl.Bar = uint16(gate(cl.Bar) &^ barUser)
		if cmd.Arg == 3 {
			return append(dst, replyOK...) // the default user without a password takes any, as with Redis
		}
		return append(dst, errAuthNeedless...)
	}
	if cl.Authed = p.matches(user, password); !cl.Authed {
		cl.LoginFailed = true
		return append(dst, errAuthWrong...)
	}
	cl.LoggedIn = true
	return append(dst, replyOK...)
}

const defaultUser = "default"

// matches compares hashes, so that how long it takes tells nothing of the password, not even its length.
func (p *Protocol) matches(user, password []byte) bool {
	given := sha256.Sum256(password)
	return subtle.ConstantTimeCompare(given[:], p.password[:])&subtle.ConstantTimeCompare(user, []byte(defaultUser)) == 1
}

// checkName is the error for a client name, or "".
func checkName(name []byte) string {
	switch {
	case len(name) > maxClientName:
		return errClientNameLen
	case !plain(name):
		return errClientName
	default:
		return ""
	}
}

// plain tells whether s is all visible ASCII.
func plain(s []byte) bool {
	for _, c := range s {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func appendSetName(dst []byte, cl *codec.Client, name []byte) []byte {
	if e := checkName(name); e != "" {
		return append(dst, e...)
	}
	cl.Name = string(name)
	return append(dst, replyOK...)
}

// appendSetInfo is CLIENT SETINFO. Source: redis 7.2 networking.c, clientSetinfoCommand.
func appendSetInfo(dst []byte, cl *codec.Client, option, value []byte) []byte {
	var field *string
	given, context := value, codec.Trace{}
	switch {
	case equalFold(option, "lib-name"):
		field = &cl.Lib
	case equalFold(option, "lib-ver"):
		field = &cl.LibVer
		value, context = traceOf(value)
	default:
		dst = append(dst, "-ERR Unrecognized option '"...)
		dst = appendPrintable(dst, option, 128)
		return append(dst, "'\r\n"...)
	}
	if len(given) > maxClientName || !plain(given) {
		dst = append(dst, "-ERR "...)
		dst = append(dst, option...)
		return append(dst, " cannot contain spaces, newlines or special characters.\r\n"...)
	}
	if field == &cl.LibVer {
		cl.Trace = context
	}
	if *field != string(value) { // a client may say so before each of its commands
		*field = string(value)
	}
	return append(dst, replyOK...)
}

// What CLIENT NO-EVICT and NO-TOUCH leave in codec.Client.Wishes. The proxy evicts nobody and touches nothing: CLIENT LIST tells them.
const (
	wishNoEvict = 1 << iota
	wishNoTouch
)

// appendWish is CLIENT NO-EVICT or NO-TOUCH.
func appendWish(dst []byte, cl *codec.Client, wish uint8, mode []byte) []byte {
	switch {
	case equalFold(mode, "on"):
		cl.Wishes |= wish
	case equalFold(mode, "off"):
		cl.Wishes &^= wish
	default:
		return append(dst, errSyntax...)
	}
	return append(dst, replyOK...)
}

// appendConfigGet answers what redis-benchmark asks before it starts; nothing else is the proxy's to tell.
func appendConfigGet(dst []byte, pr codec.Profile, args arguments) []byte {
	args.next() // GET
	var save, aof bool
	for args.left > 0 {
		switch name := args.next(); {
		case equalFold(name, "save"):
			save = true
		case equalFold(name, "appendonly"):
			aof = true
		}
	}
	n := 0
	if save {
		n++
	}
	if aof {
		n++
	}
	dst = appendMapHeader(dst, pr, n)
	if aof {
		dst = append(dst, "$10\r\nappendonly\r\n$2\r\nno\r\n"...)
	}
	if save {
		dst = append(dst, "$4\r\nsave\r\n$0\r\n\r\n"...)
	}
	return dst
}

// arguments walks the arguments of a frame that ParseCommand has found whole.
type arguments struct {
	frame []byte // what is left of it
	left  int    // arguments left
}

func argsOf(frame []byte) arguments {
	argc, pos := number(frame, 1)
	return arguments{frame: frame[pos:], left: argc}
}

// next returns the next argument; nil if there is none.
func (a *arguments) next() []byte {
	if a.left == 0 {
		return nil
	}
	n, body := bulkHeader(a.frame, 0)
	arg := a.frame[body : body+n]
	a.frame = a.frame[body+n+2:]
	a.left--
	return arg
}
