// Package acl is users and what they may do, as Redis's access control lists say it: rules to users, and a command to a verdict.
//
//	alice on >secret ~a:* %R~b:* &news.* +@read -keys (~tmp:* +set)
//	|     |  |       keys        channels commands   selector: what it allows is allowed as well
//	name  |  password, kept as its SHA-256
//	      may log in
//
//	lines --Parse, by way of Commands--> Users --Login, Find, Known--> User --Judge(Question)--> Denial
//
// What is here knows neither frames nor a command table: a protocol says by [Commands] what its commands are, and by a [Question] what
// one of them touches. Nothing does I/O; all but a [Log] is immutable once built, and may be used by all loops at once. Judge allocates nothing.
//
// Source: redis 7.0 acl.c.
package acl

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
)

// Default is the user that a client is before it logs in, and whose password AUTH without a name gives.
const Default = "default"

// Size is more than there are commands: a Set tells by their numbers, which are below it and not 0.
const Size = 1 << 9

// Set is which commands are allowed, by number.
type Set [Size]bool

// Commands is a protocol's command table. Names are in lower case; that of a subcommand is "container|subcommand".
type Commands interface {
	// Change allows or forbids what rule says: "+get", "-config|set", "+@read", "-@all". A container's name is all its
	// subcommands as well. false: nothing has that name.
	Change(set *Set, rule string) bool

	// Find is the number of a command, and whether it is a container, or a subcommand; op 0: there is none.
	Find(name string) (op uint16, container, sub bool)

	// Free says that a command is for everybody, as AUTH is.
	Free(op uint16) bool

	// Reads says that a user who may not write may send a command.
	Reads(op uint16) bool
}

// Access is what a command does with a key. 0: no more than to see that it is there, as EXISTS does.
type Access uint8

// What may be done with a key's value.
const (
	Read Access = 1 << iota
	Write
)

// Arg is a key of a command.
type Arg struct {
	Text   []byte
	Access Access
}

// Question is a command that is to be judged. What it holds is the caller's.
type Question struct {
	Op       uint16
	Name     string   // of a command that has no number of its own, which a server told of: it is judged by its name and these categories
	Of       []string // without '@'
	Writes   bool     // likewise, and says whether it may
	First    []byte   // the first argument behind the name, nil: none; a rule may allow a command with that one alone
	Keys     []Arg
	Channels []Arg // Access has no meaning there
	Literal  bool  // the channels are patterns: one is allowed if a rule has just it
	Unknown  bool  // it may touch any key
	AllRead  bool  // it is carried out only for a user who may read all keys: see OutsideKeys
}

// Reason is why a command is denied.
type Reason uint8

// In the order in which the last one of several selectors counts.
const (
	Allowed     Reason = iota
	Command            // the user may not run it
	Key                // or not touch one of its keys
	Login              // it is a login that failed
	Channel            // the user may not name one of its channels
	OutsideKeys        // it would read keys that it does not name, as SORT BY and GET do
)

// Denial is a verdict.
type Denial struct {
	Reason Reason
	Index  int // in Keys or Channels
}

// Refusal is what was refused to a user, for a log.
type Refusal struct {
	Reason Reason
	Object string // the command, key or channel; of a login, its command as it was sent
	User   string // who was refused; of a login, whom it named
	Multi  bool   // it stood in a transaction
}

// User is who a client is, and what it may do. It is immutable.
type User struct {
	Name string

	// What is no rule of Redis.
	DB       int  // the database that its clients begin in; negative: the pool's
	ReadOnly bool // "readonly"

	on        bool
	nopass    bool
	skips     bool // skip-sanitize-payload, which is the servers' matter
	passwords [][sha256.Size]byte
	certs     []string // "CN:name", "SAN:name", "SPIFFE:uri"
	from      []string // networks, and "unix"
	kept      bool     // it has a database of its own, and may not SELECT another
	root      *selector
	others    []*selector
	rights    string // all but secrets, in words: who has the same may do the same
	table     *sets
}

// sets are commands of the table that all users know of.
type sets struct {
	free  Set // they are for everybody
	reads Set // they are for users who may not write
}

// Restricted says that there is anything that u may not do: a client of another user need not be judged.
func (u *User) Restricted() bool {
	return u.ReadOnly || !u.root.allCommands || !u.root.allKeys || !u.root.allChannels
}

// Kept says that u's clients are to stay in its database.
func (u *User) Kept() bool { return u.kept }

// On says that clients may log in as u.
func (u *User) On() bool { return u.on }

// Open says that nobody needs a password to be u.
func (u *User) Open() bool { return u.on && u.nopass }

// Nopass says that any password is right.
func (u *User) Nopass() bool { return u.nopass }

// SameRights says that v may do what u may, whatever their passwords.
func (u *User) SameRights(v *User) bool { return u.rights == v.rights }

// admits says that sum is the hash of one of u's passwords. It takes as long for any that is not.
func (u *User) admits(sum *[sha256.Size]byte) bool {
	found := 0
	for i := range u.passwords {
		found |= subtle.ConstantTimeCompare(u.passwords[i][:], sum[:])
	}
	return u.on && (u.nopass || found == 1)
}

// selector is one list of rules. The root one is what stands outside of parentheses.
type selector struct {
	allowed     Set
	allCommands bool // those that are not in the table as well
	allKeys     bool
	allChannels bool
	firstArgs   map[uint16][]string // by command that is not allowed: with which first arguments it is, in lower case
	keys        []pattern
	channels    []string
	rules       []string // of commands, in their order: "+get"

	keyAt   map[string]int  // of keys, by text, while rules are read
	hasChan map[string]bool // of channels, likewise
}

// pattern is one of keys.
type pattern struct {
	text   string
	access Access
}

// Judge says whether u may do what q asks. Of several selectors that all deny it, the one that got furthest says why.
//
// Source: redis 7.0 acl.c, ACLCheckAllUserCommandPerm, ACLUserCheckCmdWithUnrestrictedPerms.
func (u *User) Judge(q *Question) Denial {
	if u.ReadOnly && !u.mayRead(q) {
		return Denial{Reason: Command}
	}
	var d Denial
	for i := -1; i < len(u.others); i++ {
		s := u.root
		if i >= 0 {
			s = u.others[i]
		}
		e := s.judge(u.table, q)
		if e.Reason == Allowed && q.AllRead && !s.readsAll() {
			e.Reason = OutsideKeys
		}
		if e.Reason == Allowed {
			return e
		}
		if e.Reason > d.Reason || e.Reason == d.Reason && e.Index > d.Index {
			d = e
		}
	}
	return d
}

// mayRead says whether q is for a user who may not write.
func (u *User) mayRead(q *Question) bool {
	if q.Name != "" {
		return !q.Writes
	}
	return u.table.free[q.Op] || u.table.reads[q.Op]
}

// judge is Judge of one selector. Source: redis 7.0 acl.c, ACLSelectorCheckCmd.
func (s *selector) judge(t *sets, q *Question) Denial {
	if !s.runs(t, q) {
		return Denial{Reason: Command}
	}
	if !s.allKeys {
		if q.Unknown {
			return Denial{Reason: Key}
		}
		for i := range q.Keys {
			if !s.touches(&q.Keys[i]) {
				return Denial{Key, i}
			}
		}
	}
	if !s.allChannels {
		for i := range q.Channels {
			if !s.hears(q.Channels[i].Text, q.Literal) {
				return Denial{Channel, i}
			}
		}
	}
	return Denial{}
}

// runs says whether s allows the command of q, whatever it touches.
func (s *selector) runs(t *sets, q *Question) bool {
	switch {
	case s.allCommands:
		return true
	case q.Name != "":
		return Permits(s.rules, q.Name, q.Of)
	case s.allowed[q.Op], t.free[q.Op]:
		return true
	}
	for _, first := range s.firstArgs[q.Op] {
		if equalFold(q.First, first) {
			return true
		}
	}
	return false
}

// touches says whether s allows what is done with a key. Source: redis 7.0 acl.c, ACLSelectorCheckKey.
func (s *selector) touches(k *Arg) bool {
	for i := range s.keys {
		if p := &s.keys[i]; p.access&k.Access == k.Access && Matches(p.text, k.Text) {
			return true
		}
	}
	return false
}

// hears says whether s allows a channel. Source: redis 7.0 acl.c, ACLCheckChannelAgainstList.
func (s *selector) hears(name []byte, literal bool) bool {
	for _, p := range s.channels {
		if literal && p == string(name) || !literal && Matches(p, name) {
			return true
		}
	}
	return false
}

// readsAll says whether s allows to read all keys. Source: redis 7.0 acl.c, ACLSelectorHasUnrestrictedKeyAccess.
func (s *selector) readsAll() bool {
	if s.allKeys {
		return true
	}
	for i := range s.keys {
		if p := &s.keys[i]; p.text == "*" && p.access&Read != 0 {
			return true
		}
	}
	return false
}

// Permits judges a command that is not in the table by rules of which the later one wins: by its name, which may be
// "container|subcommand", and its categories.
func Permits(rules []string, name string, of []string) (allowed bool) {
	head, _, _ := strings.Cut(name, "|")
	for _, rule := range rules {
		switch what := rule[1:]; {
		case rule == "allcommands":
			allowed = true
		case rule == "nocommands":
			allowed = false
		case what == "@all", what == name, what == head, what[0] == '@' && slices.Contains(of, what[1:]):
			allowed = rule[0] == '+'
		}
	}
	return allowed
}

// equalFold says that b is s, which is in lower case, but for the case of its letters.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
