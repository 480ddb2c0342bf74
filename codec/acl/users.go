package acl

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Users are those of one pool. They are immutable.
type Users struct {
	File string // that they were read from; "": they stand in the configuration

	byName map[string]*User
	names  []string // sorted
	begin  *User    // default
	named  bool     // a line is of default
	dummy  *User    // in place of one that there is not
	nets   []network
	unix   *User // of who comes by a unix socket; nil: nobody
}

// Error is what is wrong with a line.
type Error struct {
	Line   int    // from 0
	At     int    // which word it is, from 1; 0: the line as a whole
	Word   string // the rule, masked unless it is one of those that say nothing; "": the line as a whole
	Reason string
}

func (e *Error) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("line %d: %s", e.Line+1, e.Reason)
	}
	return fmt.Sprintf("line %d: word %d, '%s': %s", e.Line+1, e.At, e.Word, e.Reason)
}

// Parse makes users of lines, each a name and its rules; what is in the lines that are wrong is left out. If no line is of the default
// user, that is one with this password; without one, nobody can be it.
//
// Besides Redis's rules there are "readonly", "db=3", "cert=CN:name", "cert=SAN:name", "cert=SPIFFE:uri", and "address=10.0.0.0/8".
func Parse(c Commands, lines []string, password string) (*Users, []*Error) {
	t := new(sets)
	for op := uint16(1); op < Size; op++ {
		t.free[op], t.reads[op] = c.Free(op), c.Reads(op)
	}
	us := &Users{byName: make(map[string]*User), dummy: newUser("", t)}
	us.dummy.passwords = make([][sha256.Size]byte, 1)
	var wrong []*Error
	taken := make(map[string]string)
	for i, line := range lines {
		u, errs := parseLine(c, t, line)
		for _, e := range errs {
			e.Line = i
		}
		if u != nil && us.byName[u.Name] != nil {
			errs = append(errs, &Error{Line: i, Reason: "Duplicate user found. A user can only be defined once in config files"})
		}
		if u != nil {
			errs = append(errs, us.claim(u, i, taken)...)
		}
		if wrong = append(wrong, errs...); len(errs) == 0 {
			us.add(u)
		}
	}
	us.begin = us.byName[Default]
	if us.named = us.begin != nil; !us.named {
		us.begin = newUser(Default, t)
		if password != "" {
			for _, rule := range []string{"on", ">" + password, "~*", "&*", "+@all"} {
				us.begin.set(c, rule)
			}
		}
		us.begin.rights = us.begin.describe()
		us.add(us.begin)
	}
	slices.Sort(us.names)
	us.sortNetworks()
	return us, wrong
}

func (us *Users) add(u *User) {
	us.byName[u.Name] = u
	us.names = append(us.names, u.Name)
}

// parseLine makes a user of a line.
func parseLine(c Commands, t *sets, line string) (*User, []*Error) {
	words, rest := split(line)
	switch {
	case len(words) == 0 && rest.text == "":
		return nil, []*Error{{Reason: "has no name"}}
	case len(words) == 0 || !cleanName(words[0].text):
		return nil, []*Error{{Reason: "does not begin with a name"}}
	}
	u, wrong := newUser(words[0].text, t), []*Error(nil)
	for _, word := range words[1:] {
		why, ours := u.setOwn(word.text)
		if !ours {
			why = u.set(c, word.text)
		}
		if why != "" {
			wrong = append(wrong, &Error{At: word.at, Word: Shown(word.text), Reason: why})
		}
	}
	if rest.text != "" {
		wrong = append(wrong, &Error{At: rest.at, Word: Shown(rest.text), Reason: errUnmatched})
	}
	if u.Name == Default && u.DB >= 0 {
		wrong = append(wrong, &Error{Reason: "has db=, which is not for the default user: its database is the pool's"})
	}
	if u.Name == Default && len(u.from) > 0 {
		wrong = append(wrong, &Error{Reason: "has address=, which is not for the default user: it is who comes from anywhere else"})
	}
	op, _, _ := c.Find("select")
	u.kept = u.DB >= 0 && op != 0 && u.Judge(&Question{Op: op}).Reason != Allowed
	u.rights = u.describe()
	return u, wrong
}

// harmless are words that errors show. Any other may be a password that stands in a wrong place, or has a wrong letter before it.
var harmless = []string{
	"on", "off", "nopass", "resetpass", "reset", "sanitize-payload", "skip-sanitize-payload", "clearselectors", "allkeys", "resetkeys", "~*",
	"allchannels", "resetchannels", "&*", "allcommands", "nocommands", "+@all", "-@all", "readonly",
}

// Shown is a rule as errors may have it: by what it begins with, unless it is a word that everybody has.
func Shown(word string) string {
	if slices.Contains(harmless, strings.ToLower(word)) {
		return word
	}
	for _, sign := range []string{"db=", "cert=", "address=", "%R~", "%W~", "%RW~"} {
		if strings.HasPrefix(word, sign) {
			return sign + Masked
		}
	}
	if word != "" && strings.IndexByte("><#!~%&+-(", word[0]) >= 0 {
		return word[:1] + Masked
	}
	return Masked
}

// Masked stands where a secret would.
const Masked = "(masked)"

// setOwn carries out a word that Redis does not have; ours is false for others.
func (u *User) setOwn(word string) (why string, ours bool) {
	name, value, _ := strings.Cut(word, "=")
	switch strings.ToLower(name) {
	case "readonly":
		if name != word {
			return errSyntax, true
		}
		u.ReadOnly = true
	case "db":
		if u.DB = number(value); u.DB < 0 {
			return "is not a number of a database", true
		}
	case "cert":
		kind, text, _ := strings.Cut(value, ":")
		kind = strings.ToUpper(kind)
		if !slices.Contains([]string{"CN", "SAN", "SPIFFE"}, kind) || text == "" {
			return "is not CN:name, SAN:name or SPIFFE:uri", true
		}
		u.certs = append(u.certs, certName(kind, text))
	case "address":
		return u.setAddress(value), true
	default:
		return "", false
	}
	return "", true
}

// number is a database's, or -1.
func number(text string) (n int) {
	if text == "" || len(text) > 5 || strings.Trim(text, "0123456789") != "" {
		return -1
	}
	for _, c := range []byte(text) {
		n = n*10 + int(c-'0')
	}
	return n
}

// Begin is the default user.
func (us *Users) Begin() *User { return us.begin }

// Find is the user of a name; nil: there is none.
func (us *Users) Find(name string) *User { return us.byName[name] }

// Names are those of all users, sorted. They belong to us.
func (us *Users) Names() []string { return us.names }

// Lines are all users as a configuration could have them, with masked passwords.
func (us *Users) Lines() (list []string) {
	for _, name := range us.names {
		if name != Default || us.named {
			list = append(list, us.byName[name].ConfigLine())
		}
	}
	return list
}

// Login is the user of a name whose password this is; nil: no. How long it takes does not tell whether there is a user of that name.
//
// Source: redis 7.0 acl.c, ACLCheckUserCredentials.
func (us *Users) Login(name, password []byte) *User {
	sum := sha256.Sum256(password)
	u := us.byName[string(name)]
	if u == nil {
		us.dummy.admits(&sum)
		return nil
	}
	if !u.admits(&sum) {
		return nil
	}
	return u
}
