package resp

import (
	"strings"

	"cashew/codec"
	"cashew/codec/acl"
)

// Users of a pool, and what each of its commands is to them. A client of a user who may do everything has nothing of this on its road: that
// of another has barJudged in its codec.Client.Bar, so that ParseCommand takes the way on which judge looks at the command, once it is
// clear where it would go, and what its keys are.
//
//	client --AUTH--> users --acl.User--> client
//	GET a  --finish--> Forward, key a --judge--> Forward, or Refuse: NOPERM ...
//
// What the pool's key commands forbids is forbidden to everybody, whatever a user may do.
//
// Source: redis 7.0 server.c, processCommand; acl.c.

// aclTable is the table as acl knows it.
type aclTable struct{}

// Users returns the users that lines say, and what is wrong with them; see acl.Parse.
func Users(lines []string, password string) (*acl.Users, []*acl.Error) {
	return acl.Parse(aclTable{}, lines, password)
}

// Change implements acl.Commands.
func (aclTable) Change(set *acl.Set, rule string) bool {
	return (*policy)(set).change(rule) == nil
}

// Find implements acl.Commands.
func (aclTable) Find(name string) (op uint16, container, sub bool) {
	i := fullLookup(name)
	return uint16(i), isWhole(&commands[i]), commands[i].parent != 0
}

// fullLookup is the row of a command by its full name, 0 if there is none.
func fullLookup(name string) int {
	head, tail, isSub := strings.Cut(name, "|")
	op := lookup([]byte(head), 0, len(head))
	if isSub && op != 0 {
		return commands[op].child([]byte(tail))
	}
	return op
}

// Free implements acl.Commands.
func (aclTable) Free(op uint16) bool { return int(op) < len(commands) && commands[op].beforeAuth }

// Reads implements acl.Commands. What a script does is not known; what administers a server changes it.
func (aclTable) Reads(op uint16) bool {
	if int(op) >= len(commands) {
		return false
	}
	c := &commands[op]
	return c.has('r') || !c.has('w') && !c.has('a') && c.categories&category("scripting") == 0 && c.groupName != "scripting"
}

// Users implements codec.Users.
func (p *Protocol) Users() *acl.Users { return p.users }

// addUsers has p have users, if any.
func (p *Protocol) addUsers(us *acl.Users) {
	if us == nil {
		return
	}
	p.users, p.guarded = us, !us.Begin().Open()
	for _, name := range us.Names() {
		p.homes = p.homes || us.Find(name).DB >= 0
	}
}

// Welcome implements codec.Users.
func (p *Protocol) Welcome(cl *codec.Client) {
	cl.Authed, cl.Known = !p.guarded, false
	if p.users == nil {
		return
	}
	if u := p.users.Known(cl.Cert, cl.Addr); u != nil {
		p.admit(cl, u)
		cl.Known = true
		return
	}
	p.be(cl, p.users.Begin())
}

// LogsIn implements codec.Users.
func (p *Protocol) LogsIn(cmd *codec.Command) bool {
	switch {
	case cmd.Op != opAuth && cmd.Op != opHello, !p.guarded && p.users == nil:
		return false
	case cmd.Op == opAuth:
		return true
	}
	args := argsOf(cmd.Frame)
	for args.left > 0 {
		if equalFold(args.next(), "auth") {
			return true
		}
	}
	return false
}

// admit has cl be a user who has proved to be that. Who has a database of its own goes there; who has none leaves that of the user before.
func (p *Protocol) admit(cl *codec.Client, u *acl.User) {
	db := u.DB
	if db < 0 && cl.User != nil && cl.User != u && cl.User.DB >= 0 {
		db = p.db
	}
	cl.Authed, cl.Known = true, false
	p.be(cl, u)
	if db >= 0 && p.Serves(db) {
		cl.DB, cl.Bar = db, uint16(gate(cl.Bar)&^barSelect)
	}
}

// be has cl be a user.
func (p *Protocol) be(cl *codec.Client, u *acl.User) {
	cl.User, cl.Bar = u, uint16(gate(cl.Bar)&^barJudged)
	if u != nil && u.Restricted() {
		cl.Bar |= uint16(barJudged)
	}
}

// Rejoin implements codec.Users.
func (p *Protocol) Rejoin(cl *codec.Client, name string) (stays, changed bool) {
	if cl.Tracks != nil && !p.private {
		return false, true // of keys of other pools, or of other masters, nobody would tell it
	}
	was := cl.User
	if p.users == nil {
		p.be(cl, nil)
		cl.Known = false
		return name == "" || name == acl.Default, was != nil && was.Restricted()
	}
	u := p.users.Begin()
	if name != "" && name != acl.Default {
		if u = p.users.Find(name); u == nil || !u.On() || cl.Known && p.users.Known(cl.Cert, cl.Addr) != u {
			p.Welcome(cl)
			cl.Authed = false
			return false, true
		}
	}
	if changed = u.Restricted(); was != nil {
		changed = !was.SameRights(u)
	}
	if u == p.users.Begin() && !u.On() {
		cl.Authed = false
	}
	if p.be(cl, u); changed {
		spoil(cl)
	}
	return true, changed
}

// judge has a command be refused that its client's user may not send. It is told what the command would become.
func (p *Protocol) judge(cl *codec.Client, cmd *codec.Command) {
	if cmd.Kind == codec.Ignore || cmd.Kind == codec.Unknown {
		return
	}
	if cmd.Kind == codec.Queue && cmd.Own && cmd.Err != "" { // postponed: a server that reads it otherwise would find other keys in it
		refuse(cmd, cmd.Err)
		cmd.Own, cmd.Sole = false, false
	}
	c := &commands[cmd.Op]
	switch {
	case cmd.Err == refuseArity && c.group != 0 && cmd.Arg >= -int(c.arity): // a value too few, which Redis finds later
	case cmd.Err == refuseUnknown, cmd.Err == refuseUnknownSub, cmd.Err == refuseArity, cmd.Err == refuseNoAuth:
		cmd.Sole = false // what this table does not know, the user may not have a newer server judge
		return
	case c.kind == container && !c.takes(1): // COMMAND is one by itself
		p.deny(cl, cmd, refuseUnknownSub, acl.Denial{}, nil)
		return
	case cmd.Err != refuseArity && !c.takes(cmd.Arg):
		p.deny(cl, cmd, refuseArity, acl.Denial{}, nil)
		return
	}
	q := &cmd.Question
	p.ask(q, cmd, c)
	if p.heed(cl, cmd, q) && cl.User.Kept() && p.strays(cl.User.DB, cmd) {
		p.deny(cl, cmd, refuseUserDB, acl.Denial{Reason: acl.Command}, nil)
	}
	if cmd.Kind == codec.Refuse && c.kind != refused && !c.sole && cmd.Err != refuseKeyless {
		cmd.Sole = false // the server would find the keys that could not be found here
	}
}

// heed judges q, which cmd is, and says whether it is allowed.
func (p *Protocol) heed(cl *codec.Client, cmd *codec.Command, q *acl.Question) bool {
	switch d := cl.User.Judge(q); d.Reason {
	case acl.Allowed:
		return true
	case acl.Command:
		p.deny(cl, cmd, refuseUserCommand, d, nil)
	case acl.Key:
		var key []byte
		if d.Index < len(q.Keys) {
			key = q.Keys[d.Index].Text
		}
		p.deny(cl, cmd, refuseUserKey, d, key)
	case acl.Channel:
		p.deny(cl, cmd, refuseUserChannel, d, q.Channels[d.Index].Text)
	case acl.OutsideKeys:
		p.deny(cl, cmd, readsOthers(cmd.Frame), acl.Denial{}, nil)
	}
	return false
}

// ask makes a question of a command.
func (p *Protocol) ask(q *acl.Question, cmd *codec.Command, c *command) {
	*q = acl.Question{Op: cmd.Op, Keys: q.Keys[:0], Channels: q.Channels[:0]}
	args := argsOf(cmd.Frame)
	args.next()
	if q.First = args.next(); c.parent != 0 {
		q.First = args.next()
	}
	switch {
	case c.kind == publishes:
		q.Channels = appendArgsOf(q.Channels, cmd, 0, 0)
	case c.kind == subscribes:
		if sort, begins := p.Subscribes(cmd); begins {
			q.Channels, q.Literal = appendArgsOf(q.Channels, cmd, 0, 0), sort == patterns
		}
	case cmd.Err == refuseArity, cmd.Err == refuseUnbalanced: // the server would judge it, and then find that
		first, others := accessTo(cmd.Op, cmd.Frame)
		q.Keys = appendUneven(q.Keys, c, argsOf(cmd.Frame), first, others)
	case c.keys != noKey:
		first, others := accessTo(cmd.Op, cmd.Frame)
		q.Keys = appendArgsOf(q.Keys, cmd, first, others)
		q.AllRead = (cmd.Op == opSort || cmd.Op == opSortRO) && readsOthers(cmd.Frame) != ""
	}
}

// appendArgsOf appends the keys of a command, and what it does with the first and with the others.
func appendArgsOf(list []acl.Arg, cmd *codec.Command, first, others acl.Access) []acl.Arg {
	switch {
	case len(cmd.Keys) > 0:
		for i := range cmd.Keys {
			list = append(list, acl.Arg{Text: cmd.KeyAt(i), Access: first})
			first = others
		}
	case cmd.Key != nil:
		list = append(list, acl.Arg{Text: cmd.Key, Access: first})
	}
	return list
}

// appendUneven is appendArgsOf for a command of which a value too few came: those that have a value behind each key, and those of streams.
//
// Source: redis 7.0 key specs of MSET, and of XREAD: of what follows STREAMS the first half.
func appendUneven(list []acl.Arg, c *command, args arguments, first, others acl.Access) []acl.Arg {
	keys, step := 0, max(int(c.group), 1)
	if c.keys.kind == streams {
		for args.left > 0 && !equalFold(args.next(), "streams") {
		}
		keys = args.left / 2
	} else if c.group != 0 {
		for range c.keys.first {
			args.next()
		}
		keys = (args.left + step - 1) / step
	}
	for range keys {
		list = append(list, acl.Arg{Text: args.next(), Access: first})
		for i := 1; i < step && args.left > 0; i++ {
			args.next()
		}
		first = others
	}
	return list
}

// deny has cmd be refused for why. object is the key or channel that is to blame, if it is one.
func (p *Protocol) deny(cl *codec.Client, cmd *codec.Command, why string, d acl.Denial, object []byte) {
	if d.Reason != acl.Allowed {
		text := string(object)
		if d.Reason == acl.Command {
			text = string(appendFullName(nil, cmd))
		}
		cl.Denied = &acl.Refusal{Reason: d.Reason, Object: text, User: cl.User.Name, Multi: gate(cl.Bar)&transacting != 0}
	}
	refuse(cmd, why)
	cmd.Sole, cmd.Apart, cmd.Own = false, false, false
	if cmd.Op == opExec {
		cmd.Kind = codec.Discard
	}
}

// judgeLearned is judge for a command that is not in the table; e is what is known of it, if anything is.
func (p *Protocol) judgeLearned(cl *codec.Client, cmd *codec.Command, e *learned) {
	if e == nil {
		if cmd.Sole = false; cmd.Kind != codec.Refuse {
			p.deny(cl, cmd, refuseUnknownSub, acl.Denial{}, nil) // a server was to say so
		}
		return
	}
	q := &cmd.Question
	*q = acl.Question{Name: e.name, Of: e.of, Writes: e.op != opLearned+1, Keys: q.Keys[:0], Channels: q.Channels[:0]}
	if cmd.Kind == codec.Refuse {
		q.Unknown = cmd.Err == e.untold
	} else {
		access := acl.Read
		if q.Writes {
			access |= acl.Write
		}
		q.Keys = appendArgsOf(q.Keys, cmd, access, access)
	}
	if cmd.Err == e.wrongArity {
		cmd.Sole = false
	}
	p.heed(cl, cmd, q)
}

// appendFullName appends the name of a command as its client's user would be told it.
func appendFullName(dst []byte, cmd *codec.Command) []byte {
	if isLearned(cmd.Op) {
		return append(dst, cmd.Question.Name...)
	}
	return append(dst, commands[cmd.Op].name...)
}

// appendNoPermission says that a user may not send a command. Source: redis 7.0.15 server.c, processCommand.
func appendNoPermission(dst []byte, cmd *codec.Command) []byte {
	dst = append(dst, "NOPERM this user has no permissions to run the '"...)
	dst = appendFullName(dst, cmd)
	return append(dst, "' command\r\n"...)
}

// userName is what a user is called, also where there are none.
func userName(u *acl.User) string {
	if u == nil {
		return defaultUser
	}
	return u.Name
}

// hasUser says that there is a user of that name.
func (p *Protocol) hasUser(name []byte) bool {
	if p.users == nil {
		return string(name) == defaultUser
	}
	return p.users.Find(string(name)) != nil
}

// login has cl be the user who has this password. It changes nothing if there is no such user.
func (p *Protocol) login(cl *codec.Client, name, password []byte) bool {
	u := p.users.Login(name, password)
	if u == nil {
		cl.Denied = &acl.Refusal{Reason: acl.Login, User: string(name[:min(len(name), maxToldName)])}
		cl.LoginFailed = true
		return false
	}
	p.admit(cl, u)
	cl.LoggedIn = true
	return true
}

// appendLogin is AUTH, or HELLO. A login that failed is told by its command, as it was sent.
func (p *Protocol) appendLogin(dst []byte, cl *codec.Client, cmd *codec.Command, args arguments) []byte {
	if cmd.Op == opAuth {
		dst = p.appendAuth(dst, cl, cmd, args)
	} else {
		dst = p.appendHello(dst, cl, args)
	}
	if d := cl.Denied; d != nil && d.Reason == acl.Login {
		whole := argsOf(cmd.Frame)
		d.Object = string(whole.next())
	}
	return dst
}

// maxToldName is how much of a name that somebody gave is kept.
const maxToldName = 128

// appendUserAuth is AUTH in a pool with users. Source: redis 7.0 acl.c, authCommand.
func (p *Protocol) appendUserAuth(dst []byte, cl *codec.Client, name, password []byte, nameless bool) []byte {
	switch {
	case nameless && p.users.Begin().Nopass():
		return append(dst, errAuthNoPassword...)
	case !p.login(cl, name, password):
		return append(dst, errHelloWrong...)
	}
	return append(dst, replyOK...)
}

const errAuthNoPassword = "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n"

// homeAfter is the database that a client is in behind an AUTH.
func (p *Protocol) homeAfter(cl *codec.Client, cmd *codec.Command, args arguments) int {
	as := *cl
	if p.users != nil && (cmd.Arg == 2 || cmd.Arg == 3) {
		p.appendAuth(nil, &as, cmd, args)
	}
	return as.DB
}
