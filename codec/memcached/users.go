package memcached

import (
	"bytes"
	"strconv"
	"strings"

	"cashew/codec"
	"cashew/codec/acl"
)

// Users of a pool log in as to memcached with -Y, in text, and before anything else; then they may send all that the pool allows:
//
//	set anykey 0 0 12\r\n
//	alice secret\r\n          -->  STORED, or CLIENT_ERROR authentication failure
//	get k\r\n                 -->  before that, CLIENT_ERROR unauthenticated
//
// The key, its flags and its time mean nothing. The binary protocol has logins of its own (SASL), which are refused; a client whose
// certificate says who it is needs neither.
//
// Source: memcached 1.6 proto_text.c, try_read_command_asciiauth; authfile.c.

const (
	unauthenticated = "CLIENT_ERROR unauthenticated"
	authFailure     = "CLIENT_ERROR authentication failure"
	badToken        = "CLIENT_ERROR bad authentication token format"
	stored          = "STORED"

	// maxLogin is how long the line of a login may be, and maxToken its block, which a real one takes up to 16 KiB.
	maxLogin = 2048
	maxToken = 8 << 10
	// loginMark is the Err of a login, until it is answered.
	loginMark = "login"
)

// anyCommand is what acl knows of memcached's commands: a user may send all of them, or is no user.
type anyCommand struct{}

// Change implements acl.Commands.
func (anyCommand) Change(set *acl.Set, rule string) bool {
	for op := range set {
		set[op] = rule == "+@all"
	}
	return rule == "+@all" || rule == "-@all"
}

// Find implements acl.Commands.
func (anyCommand) Find(string) (op uint16, container, sub bool) { return 0, false, false }

// Free implements acl.Commands.
func (anyCommand) Free(uint16) bool { return true }

// Reads implements acl.Commands.
func (anyCommand) Reads(uint16) bool { return true }

// Users returns the users that lines say, and what is wrong with them; see acl.Parse. Of rules a user of memcached may have those that say how it logs in, and
// none that says what it may do, but that it may do everything.
func Users(lines []string) (*acl.Users, []*acl.Error) {
	us, wrong := acl.Parse(anyCommand{}, lines, "")
	for i, line := range lines {
		for j, word := range strings.Fields(line) {
			if word == "~*" || word == "&*" || word == "+@all" {
				continue
			}
			if strings.ContainsAny(word[:1], "~%&(+-") || strings.HasPrefix(word, "db=") || word == "readonly" {
				wrong = append(wrong, &acl.Error{Line: i, At: j + 1, Word: acl.Shown(word), Reason: "is not for a memcached pool, whose users may do all that it allows"})
			}
		}
	}
	return us, wrong
}

// Users implements codec.Users.
func (p *Protocol) Users() *acl.Users { return p.users }

// Guarded implements codec.Commands.
func (p *Protocol) Guarded() bool { return p.guarded }

// Welcome implements codec.Users.
func (p *Protocol) Welcome(cl *codec.Client) {
	cl.Authed, cl.Known = !p.guarded, false
	if p.users == nil {
		return
	}
	cl.User = p.users.Begin()
	if u := p.users.Known(cl.Cert, cl.Addr); u != nil {
		cl.User, cl.Authed, cl.Known = u, true, true
	}
}

// LogsIn implements codec.Users.
func (*Protocol) LogsIn(cmd *codec.Command) bool { return cmd.Err == loginMark }

// Rejoin implements codec.Users.
func (p *Protocol) Rejoin(cl *codec.Client, name string) (stays, changed bool) {
	authed, known := cl.Authed, cl.Known
	p.Welcome(cl)
	switch {
	case p.users == nil:
		return name == "" || name == acl.Default, false
	case known && cl.Known && cl.User.Name == name:
		return true, false
	case known:
		return false, true
	case name == "", name == acl.Default:
		cl.User, cl.Known = p.users.Begin(), false
		cl.Authed = !p.guarded || authed && cl.User.On()
		return true, false
	}
	u := p.users.Find(name)
	if u == nil || !u.On() {
		return false, true
	}
	cl.User, cl.Authed, cl.Known = u, authed, false
	return true, false
}

// parseElse is ParseCommand for a client of the binary protocol, or that has not logged in: both at once can't be.
func (p *Protocol) parseElse(cl *codec.Client, s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	switch {
	case !p.guarded || cl.Authed:
		return p.parseBinary(s, buf, cmd)
	case cl.Profile != Text:
		s.Reset()
		return 0, errUnauthenticated
	}
	return parseLogin(s, buf, cmd)
}

// parseLogin is parseElse for text.
func parseLogin(s *codec.Scan, buf []byte, cmd *codec.Command) (int, error) {
	end := bytes.IndexByte(buf, '\n')
	switch {
	case end > maxLogin, end < 0 && len(buf) > maxLogin:
		s.Reset()
		return 0, errLine
	case len(buf) > 0 && buf[0] == magicRequest:
		s.Reset()
		return 0, errBinary
	case end < 0:
		s.Need = len(buf) + 1
		return 0, nil
	}
	line := bytes.Fields(buf[:end])
	op, _ := nameOf(withoutCR(buf[:end]))
	begin(cmd, op, buf[:end+1])
	size := -1
	if len(line) >= 5 && string(line[0]) == "set" {
		if n, err := strconv.ParseUint(string(line[4]), 10, 31); err == nil {
			size = int(n)
		}
	}
	switch total := end + 1 + size + len(crlf); {
	case size < 0:
		refuse(cmd, unauthenticated, false)
	case size > maxToken:
		s.Reset()
		return 0, errLine
	case len(buf) < total:
		s.Need = total
		return 0, nil
	default:
		cmd.Kind, cmd.Err, cmd.Frame, cmd.Key = codec.Local, loginMark, buf[:total], buf[end+1:total]
	}
	s.Reset()
	return len(cmd.Frame), nil
}

// appendLogin carries a login out.
func (p *Protocol) appendLogin(dst []byte, cl *codec.Client, block []byte) []byte {
	words := bytes.FieldsFunc(bytes.TrimSuffix(block, []byte(crlf)), func(r rune) bool { return r == ' ' })
	if len(words) < 2 {
		return append(append(dst, badToken...), crlf...)
	}
	name := words[0]
	if u := p.users.Login(name, words[1]); u != nil && bytes.HasSuffix(block, []byte(crlf)) {
		cl.User, cl.Authed, cl.Known, cl.LoggedIn = u, true, false, true
		return append(append(dst, stored...), crlf...)
	}
	who := string(name[:min(len(name), maxKey)])
	cl.Denied, cl.LoginFailed = &acl.Refusal{Reason: acl.Login, Object: commands[opSet].name, User: who}, true
	return append(append(dst, authFailure...), crlf...)
}
