package resp

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"cashew/codec"
)

// A server connection logs in with the credentials of its server. When a reload changes these, the servers may not have the new ones
// yet, or the one who changed them was wrong; so those before are kept, and tried on the same connection, each once:
//
//	AUTH new --> +OK                                    HELLO 3, SELECT
//	   '-------> -WRONGPASS --> AUTH before --> +OK     HELLO 3, SELECT
//	                                  '-------> -WRONGPASS: the one before that; at last the connection fails
//
// First come those that this server took, then those that any did, the last first, and then the last that were in force, which servers may have
// come to have since nobody logged in. So who mends what was wrong, and is ahead of the servers again, loses nothing.

// Login is what a server connection logs in with.
type Login struct {
	User     string // "" and "default" are the same: AUTH with the password alone, as all servers know it
	Password string // "": no login
}

// account is what a server is logged in to with.
type account struct {
	now     *rite
	formers []*rite // what was in force before and has a password, the last first; see after
}

// maxFormers of an account are known.
const maxFormers = 4

// rite is a handshake with one login, without its SELECT.
type rite struct {
	login    Login
	took     *sync.Map          // names of servers that took the login
	steps    [profiles][][]byte // commands
	commands [profiles][]string // the same, as errors name them
}

// newRite makes a handshake of AUTH, and HELLO 3 for RESP3, each if needed. SELECT comes behind them, and then ROLE, of a server that has to be a master; twemproxy sends it before AUTH,
// and so works in database 0 if there is a password. AUTH is a command of its own, and no option of HELLO, which servers may not have.
func newRite(l Login) *rite {
	if l.User == defaultUser {
		l.User = ""
	}
	r := &rite{login: l, took: new(sync.Map)}
	for pr := range r.steps {
		add := func(name string, args ...string) {
			r.steps[pr] = append(r.steps[pr], bulks(args...))
			r.commands[pr] = append(r.commands[pr], name)
		}
		switch {
		case l.Password == "":
		case l.User == "":
			add(authCommand, "AUTH", l.Password)
		default:
			add(authCommand, "AUTH", l.User, l.Password)
		}
		if codec.Profile(pr) == RESP3 {
			add(helloCommand, "HELLO", "3")
		}
	}
	return r
}

const authCommand = "AUTH"

// addAccounts makes the accounts of a new protocol.
func (p *Protocol) addAccounts(o Options) {
	if o.Login.Password == "" {
		o.Login.Password = o.Password
	}
	p.account, p.shown = account{now: newRite(o.Login)}, o.Shown
	if o.Sentinels {
		p.setAccount(codec.ToSentinels, &account{now: newRite(o.SentinelLogin)})
	}
	for _, server := range slices.Sorted(maps.Keys(o.Logins)) {
		p.setAccount(server, &account{now: newRite(o.Logins[server])})
	}
}

func (p *Protocol) setAccount(server string, a *account) {
	if p.accounts == nil {
		p.accounts = make(map[string]*account)
	}
	p.accounts[server] = a
}

// Shown is Options.Shown; read-only.
func (p *Protocol) Shown() map[string]any { return p.shown }

// accountOf is what server is logged in to with.
func (p *Protocol) accountOf(server string) *account {
	if a := p.accounts[server]; a != nil {
		return a
	}
	return &p.account
}

// rite is the handshake of as. Credentials that are no more known are those in force.
func (p *Protocol) rite(as codec.Login) *rite {
	a := p.accountOf(as.Server)
	if i := int(as.Former) - 1; i >= 0 && i < len(a.formers) {
		return a.formers[i]
	}
	return a.now
}

// next is what is tried at a server that has refused as; ok is false if that is nothing.
func (a *account) next(as codec.Login) (next codec.Attempt, ok bool) {
	if as.Former > 0 {
		as.Tried |= 1 << (as.Former - 1)
	}
	best := len(rank)
	for i, r := range a.formers {
		if a.now.login.Password == "" || as.Tried>>i&1 != 0 {
			continue
		}
		for k := range rank[:best] {
			if rank[k](r, as.Server) {
				best, next, ok = k, codec.Attempt{Former: uint8(i + 1), Tried: as.Tried}, true
				break
			}
		}
	}
	return next, ok
}

// rank is in which order formers are tried, the last that were in force first.
var rank = []func(r *rite, server string) bool{
	(*rite).tookIt,
	func(r *rite, _ string) bool { return r.tookAny() },
	func(*rite, string) bool { return true },
}

// tookIt says that server took r, and tookAny that any did.
func (r *rite) tookIt(server string) bool {
	_, took := r.took.Load(server)
	return took
}

// After implements codec.Health.
func (p *Protocol) After(old codec.Protocol) codec.Protocol {
	before, ok := old.(*Protocol)
	if !ok || before == p {
		return p
	}
	next := *p
	next.account, next.accounts = p.account.after(&before.account), nil
	for _, accounts := range []map[string]*account{p.accounts, before.accounts} {
		for _, server := range slices.Sorted(maps.Keys(accounts)) {
			a := p.accountOf(server).after(before.accountOf(server))
			if p.accounts[server] != nil || a.now != next.account.now || !slices.Equal(a.formers, next.account.formers) {
				next.setAccount(server, &a)
			}
		}
	}
	return &next
}

// after is a once it takes the place of before. Of credentials that no server took only the last are kept: they were wrong, or no server
// was asked.
func (a *account) after(before *account) account {
	next := account{now: a.now}
	for i, r := range append([]*rite{before.now}, before.formers...) {
		switch {
		case r.login == a.now.login:
			if i == 0 {
				return account{now: r, formers: before.formers}
			}
			next.now = r // it has been before, and who took it is known
		case r.login.Password == "", len(next.formers) == maxFormers:
		case len(next.formers) == 0, r.tookAny():
			next.formers = append(next.formers, r)
		}
	}
	return next
}

func (r *rite) tookAny() (took bool) {
	r.took.Range(func(_, _ any) bool { took = true; return false })
	return took
}

// Handshake implements codec.Health.
func (p *Protocol) Handshake(as codec.Login, pr codec.Profile, db int) [][]byte {
	steps := slices.Clip(p.rite(as).steps[pr])
	if db != 0 {
		steps = append(steps, p.AppendSelect(nil, db))
	}
	switch {
	case as.Master:
		steps = append(steps, roleCommand)
	case as.Replica && p.cluster:
		steps = append(steps, readonlyCommand, replicationCommands[0])
	case as.Replica:
		steps = append(steps, replicationCommands[0])
	}
	return steps
}

// CheckHandshake implements codec.Health. The error names the command and says what the server said.
func (p *Protocol) CheckHandshake(as codec.Login, pr codec.Profile, db, step int, reply []byte) error {
	r := p.rite(as)
	commands := r.commands[pr]
	command := "SELECT " + strconv.Itoa(db)
	reply = withoutAttributes(reply)
	selects := step == len(commands) && db != 0
	next, goesOn := p.accountOf(as.Server).next(as)
	if step < len(commands) {
		command = commands[step]
	}
	if step >= len(commands) && !selects {
		last := len(commands)
		if db != 0 {
			last++
		}
		switch {
		case as.Master:
			return checkRole(reply)
		case !p.cluster || step > last:
			return checkReplica(reply)
		}
		command = "READONLY"
	}
	switch {
	case command == helloCommand:
		return checkHello(reply)
	case len(reply) > 0 && reply[0] == '+':
		if command == authCommand && !r.tookIt(as.Server) {
			r.took.Store(as.Server, nil)
		}
		return nil
	case command == authCommand && needless(reply):
		return &codec.RemarkError{Text: "the server has no password; redis_auth is not needed there"}
	case command == authCommand && wrongPass(reply) && goesOn:
		return &codec.LoginError{Next: next}
	case tells(reply, r.login.Password):
		return errors.New(command + " was refused")
	case selects && db != p.db && lacksDB(reply):
		return &codec.RefusalError{Database: db, Reply: bytes.Clone(reply)}
	default:
		return unexpected(command, reply)
	}
}

// needless tells whether a server answers to AUTH that it has no password: while passwords are rolled out over a fleet some
// servers have one and others do not yet, or no more. Source: redis 7.0 acl.c, authCommand; 5.0 server.c for the latter.
func needless(reply []byte) bool {
	return bytes.HasPrefix(reply, []byte("-ERR AUTH <password> called without any password configured")) ||
		bytes.HasPrefix(reply, []byte("-ERR Client sent AUTH, but no password is set"))
}

// wrongPass tells whether a server answers to AUTH that these are not the credentials. Source: redis 7.0 acl.c, authCommand;
// 5.0 server.c for the latter.
func wrongPass(reply []byte) bool {
	return bytes.HasPrefix(reply, []byte("-WRONGPASS ")) || bytes.HasPrefix(reply, []byte("-ERR invalid password"))
}

// toldBytes is the beginning of a password that no error tells: a server may repeat what it was sent, and cut it. Source: redis 7.0
// server.c, rejectCommandFormat for a command that it does not have.
const toldBytes = 8

// tells says that a reply repeats a password.
func tells(reply []byte, password string) bool {
	return password != "" && bytes.Contains(reply, []byte(password[:min(len(password), toldBytes)]))
}
