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
}

// Error is what is wrong with a line.
type Error struct {
	Line   int    // from 0
	Word   string // the rule; "": the line as a whole
	Reason string
}

func (e *Error) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("line %d: %s", e.Line+1, e.Reason)
	}
	return fmt.Sprintf("line %d: '%s': %s", e.Line+1, e.Word, e.Reason)
}

// Parse makes users of lines, each a name and its rules; what is in the lines that are wrong is left out. If no line is of the default
// user, that is one with this password; without one, nobody can be it.
//
// Besides Redis's rules there are "readonly", "db=3" and "cert=CN:name", "cert=SAN:name", "cert=SPIFFE:uri".
func Parse(c Commands, lines []string, password string) (*Users, []*Error) {
	t := new(sets)
	for op := uint16(1); op < Size; op++ {
		t.free[op], t.reads[op] = c.Free(op), c.Reads(op)
	}
	us := &Users{byName: make(map[string]*User), dummy: newUser("", t)}
	us.dummy.passwords = make([][sha256.Size]byte, 1)
	var wrong []*Error
	certs := make(map[string]string)
	for i, line := range lines {
		u, errs := parseLine(c, t, line)
		for _, e := range errs {
			e.Line = i
		}
		if u != nil && us.byName[u.Name] != nil {
			errs = append(errs, &Error{i, u.Name, "Duplicate user found. A user can only be defined once in config files"})
		}
		if u != nil {
			for _, cert := range u.certs {
				if other := certs[cert]; other != "" && other != u.Name {
					errs = append(errs, &Error{i, "cert=" + cert, "is user '" + other + "' already"})
				}
				certs[cert] = u.Name
			}
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
	case len(words) == 0 && rest == "":
		return nil, []*Error{{Reason: "has no name"}}
	case len(words) == 0 || !cleanName(words[0]):
		return nil, []*Error{{Reason: "does not begin with a name"}}
	}
	u, wrong := newUser(words[0], t), []*Error(nil)
	for _, word := range words[1:] {
		why, ours := u.setOwn(word)
		if !ours {
			why = u.set(c, word)
		}
		if why != "" {
			wrong = append(wrong, &Error{Word: shown(word), Reason: why})
		}
	}
	if rest != "" {
		wrong = append(wrong, &Error{Word: rest, Reason: errUnmatched})
	}
	if u.Name == Default && u.DB >= 0 {
		wrong = append(wrong, &Error{Word: "db=", Reason: "is not for the default user, whose database is the pool's"})
	}
	u.rights = u.describe()
	return u, wrong
}

// shown is a rule as errors may have it.
func shown(word string) string {
	if word != "" && strings.IndexByte("><#!", word[0]) >= 0 {
		return word[:1] + Masked
	}
	return word
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

// certName is how names in certificates are compared: those of hosts without regard to case.
func certName(kind, text string) string {
	switch kind {
	case "SAN":
		text = strings.ToLower(text)
	case "SPIFFE":
		if !strings.Contains(text, "://") {
			text = "spiffe://" + text
		}
	}
	return kind + ":" + text
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

// ByCertificate is the user that a client with a certificate is, by the common name of its subject and its alternative names, which may be
// of hosts, "name", or URIs, "spiffe://domain/path"; nil: none, or one that is off. Of several the first alternative name that is
// one decides, and then the common name.
func (us *Users) ByCertificate(commonName string, sans []string) *User {
	for _, san := range sans {
		if u := us.withCert("SPIFFE:" + san); u != nil {
			return u
		}
		if u := us.withCert(certName("SAN", san)); u != nil {
			return u
		}
	}
	if commonName == "" {
		return nil
	}
	return us.withCert("CN:" + commonName)
}

func (us *Users) withCert(cert string) *User {
	for _, name := range us.names {
		if u := us.byName[name]; u.on && slices.Contains(u.certs, cert) {
			return u
		}
	}
	return nil
}
