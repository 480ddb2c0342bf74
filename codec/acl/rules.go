package acl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Why a rule is none. The texts are Redis's. Source: redis 7.0 acl.c, ACLSetUserStringError.
const (
	errUnknown   = "Unknown command or category name in ACL"
	errSyntax    = "Syntax error"
	errAllKeys   = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
	errAllChans  = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels"
	errNoPass    = "The password you are trying to remove from the user does not exist"
	errHash      = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
	errFirstArg  = "Allowing first-arg of a subcommand is not supported"
	errUnmatched = "Unmatched parenthesis in acl selector"
)

// newUser is a user as ACL SETUSER makes one: it is off and may do nothing. Source: redis 7.0 acl.c, ACLCreateUser.
func newUser(name string, t *sets) *User {
	return &User{Name: name, DB: -1, root: &selector{}, table: t}
}

// set carries one rule out on u; why says that it is none. Source: redis 7.0 acl.c, ACLSetUser.
func (u *User) set(c Commands, rule string) (why string) {
	switch strings.ToLower(rule) {
	case "":
		return ""
	case "on", "off":
		u.on = len(rule) == len("on")
	case "nopass":
		u.nopass, u.passwords = true, nil
	case "resetpass":
		u.nopass, u.passwords = false, nil
	case "sanitize-payload", "skip-sanitize-payload":
		u.skips = rule[1] == 'k' || rule[1] == 'K'
	case "clearselectors":
		u.others = nil
	case "reset":
		*u = *newUser(u.Name, u.table)
	default:
		switch rule[0] {
		case '>', '#', '<', '!':
			return u.setPassword(rule[0], rule[1:])
		case '(':
			if rule[len(rule)-1] == ')' {
				return u.addSelector(c, rule[1:len(rule)-1])
			}
		}
		return u.root.set(c, rule)
	}
	return ""
}

// setPassword adds a password or its hash, or takes it away.
func (u *User) setPassword(sign byte, text string) (why string) {
	sum := sha256.Sum256([]byte(text))
	if sign == '#' || sign == '!' {
		if !isHash(text) {
			return errHash
		}
		_, _ = hex.Decode(sum[:], []byte(text)) // isHash says that it can't fail
	}
	at := slices.Index(u.passwords, sum)
	if sign == '<' || sign == '!' {
		if at < 0 {
			return errNoPass
		}
		u.passwords = slices.Delete(u.passwords, at, at+1)
		return ""
	}
	if u.nopass = false; at < 0 {
		u.passwords = append(u.passwords, sum)
	}
	return ""
}

// isHash says that text is a SHA-256 as Redis writes it. Source: redis 7.0 acl.c, ACLCheckPasswordHash.
func isHash(text string) bool {
	return len(text) == hex.EncodedLen(sha256.Size) && strings.Trim(text, "0123456789abcdef") == ""
}

// IsHash says of a word that it is a rule with the hash of a password: '#' and 64 hexadecimal digits in lower case.
func IsHash(word string) bool { return strings.HasPrefix(word, "#") && isHash(word[1:]) }

// addSelector adds one of these rules. Source: redis 7.0 acl.c, aclCreateSelectorFromOpSet.
func (u *User) addSelector(c Commands, rules string) (why string) {
	s := new(selector)
	for rule := range strings.FieldsSeq(rules) {
		if why := s.set(c, rule); why != "" {
			return why
		}
	}
	u.others = append(u.others, s)
	return ""
}

// set carries one rule out on s. Source: redis 7.0 acl.c, ACLSetSelector.
func (s *selector) set(c Commands, rule string) (why string) {
	lower := strings.ToLower(rule)
	switch lower {
	case "allkeys", "~*":
		s.allKeys, s.keys, s.keyAt = true, nil, nil
	case "resetkeys":
		s.allKeys, s.keys, s.keyAt = false, nil, nil
	case "allchannels", "&*":
		s.allChannels, s.channels, s.hasChan = true, nil, nil
	case "resetchannels":
		s.allChannels, s.channels, s.hasChan = false, nil, nil
	case "allcommands", "+@all":
		s.setCommands(c, "+@all")
	case "nocommands", "-@all":
		s.setCommands(c, "-@all")
	default:
		switch rule[0] {
		case '~', '%':
			return s.addKeys(rule)
		case '&':
			return s.addChannels(rule[1:])
		case '+', '-':
			return s.change(c, lower)
		}
		return errSyntax
	}
	return ""
}

// addKeys adds a pattern of keys.
func (s *selector) addKeys(rule string) (why string) {
	if s.allKeys {
		return errAllKeys
	}
	p := pattern{text: rule[1:], access: Read | Write}
	if rule[0] == '%' {
		letters, text, _ := strings.Cut(rule[1:], "~")
		if p.access, p.text = 0, text; letters == "" {
			return errSyntax
		}
		for _, letter := range []byte(letters) {
			of := Access(0)
			switch letter {
			case 'r', 'R':
				of = Read
			case 'w', 'W':
				of = Write
			}
			if of == 0 || p.access&of != 0 {
				return errSyntax
			}
			p.access |= of
		}
	}
	if hasSpace(p.text) {
		return errSyntax
	}
	if i, ok := s.keyAt[p.text]; ok {
		s.keys[i].access |= p.access
		return ""
	}
	if s.keyAt == nil {
		s.keyAt = make(map[string]int)
	}
	s.keyAt[p.text] = len(s.keys)
	s.keys = append(s.keys, p)
	return ""
}

func (s *selector) addChannels(text string) (why string) {
	switch {
	case s.allChannels:
		return errAllChans
	case hasSpace(text):
		return errSyntax
	case !s.hasChan[text]:
		if s.hasChan == nil {
			s.hasChan = make(map[string]bool)
		}
		s.hasChan[text] = true
		s.channels = append(s.channels, text)
	}
	return ""
}

// hasSpace says what no pattern may have. Source: redis 7.0 acl.c, ACLStringHasSpaces.
func hasSpace(s string) bool { return strings.ContainsAny(s, " \t\n\v\f\r\x00") }

// change carries a rule for commands out, in lower case.
func (s *selector) change(c Commands, rule string) (why string) {
	name := rule[1:]
	if name == "" {
		return errUnknown
	}
	if head, sub, ok := cutLast(name); ok && name[0] != '@' && rule[0] == '+' {
		op, container, isSub := c.Find(head)
		switch {
		case op == 0 && !strings.Contains(head, "."):
			return errUnknown
		case isSub:
			return errFirstArg
		case sub == "":
			return errSyntax
		case op != 0 && !container:
			s.allowFirst(op, sub)
			s.note(rule)
			return ""
		}
	}
	if !s.setCommands(c, rule) {
		return errUnknown
	}
	return ""
}

func cutLast(name string) (head, sub string, ok bool) {
	i := strings.LastIndexByte(name, '|')
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i+1:], true
}

// allowFirst allows a command with one first argument alone.
func (s *selector) allowFirst(op uint16, first string) {
	if s.allowed[op] || slices.Contains(s.firstArgs[op], first) {
		return
	}
	if s.firstArgs == nil {
		s.firstArgs = make(map[uint16][]string)
	}
	s.firstArgs[op] = append(s.firstArgs[op], first)
}

// setCommands has c change what s allows. With which first arguments commands are allowed that the rule is about is forgotten.
func (s *selector) setCommands(c Commands, rule string) bool {
	var about Set
	if !c.Change(&s.allowed, rule) || !c.Change(&about, "+"+rule[1:]) {
		return false
	}
	for op := range about {
		if about[op] {
			delete(s.firstArgs, uint16(op))
		}
	}
	switch {
	case rule == "+@all":
		s.allCommands, s.rules = true, nil
	case rule == "-@all":
		s.allCommands, s.rules = false, nil
		return true
	case rule[0] == '-':
		s.allCommands = false
	}
	s.note(rule)
	return true
}

// note keeps a rule in s.rules: the same one, or its opposite, does not count any more.
func (s *selector) note(rule string) {
	s.rules = slices.DeleteFunc(s.rules, func(r string) bool { return r[1:] == rule[1:] && r != "+@all" })
	s.rules = append(s.rules, rule)
}

// rule is one of a line, and which of its words it begins with, from 1.
type rule struct {
	text string
	at   int
}

// split takes a line apart into rules; what is in parentheses is one. rest is where a selector begins that does not end.
//
// Source: redis 7.0 acl.c, ACLMergeSelectorArguments.
func split(line string) (words []rule, rest rule) {
	fields := strings.Fields(line)
	begin := -1
	for i, word := range fields {
		if begin < 0 {
			begin = i
		}
		if fields[begin][0] != '(' || word[len(word)-1] == ')' {
			words = append(words, rule{strings.Join(fields[begin:i+1], " "), begin + 1})
			begin = -1
		}
	}
	if begin >= 0 {
		rest = rule{strings.Join(fields[begin:], " "), begin + 1}
	}
	return words, rest
}

// cleanName says that name may be one, and is not a rule that stands in its place, as a password does where the name was forgotten. Source: redis 7.0 acl.c, ACLCreateUser; what would end a field of CLIENT LIST as well.
func cleanName(name string) bool {
	return name != "" && !strings.ContainsAny(name[:1], "><#!(") && !hasSpace(name) && bytes.IndexFunc([]byte(name), func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}
