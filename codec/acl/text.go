package acl

import (
	"strconv"
	"strings"
)

// Flags are u's as ACL GETUSER tells them.
func (u *User) Flags() []string {
	list := []string{"off"}
	if u.on {
		list[0] = "on"
	}
	if u.nopass {
		list = append(list, "nopass")
	}
	if u.skips {
		list = append(list, "skip-sanitize-payload")
	}
	return list
}

// Passwords is how many u has.
func (u *User) Passwords() int { return len(u.passwords) }

// Part is what a selector says of one thing each, in rules.
type Part struct{ Commands, Keys, Channels string }

// Parts are u's rules: those outside of parentheses, then each selector's.
func (u *User) Parts() []Part {
	list := []Part{u.root.part()}
	for _, s := range u.others {
		list = append(list, s.part())
	}
	return list
}

func (s *selector) part() (p Part) {
	p.Commands = strings.Join(s.rules, " ")
	if len(s.rules) == 0 || s.rules[0] != "+@all" {
		p.Commands = strings.TrimSuffix("-@all "+p.Commands, " ")
	}
	var b strings.Builder
	for i := range s.keys {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch k := &s.keys[i]; {
		case k.access == Read:
			b.WriteString("%R")
		case k.access == Write:
			b.WriteString("%W")
		case k.text == "*": // "~*" would allow the empty key as well, and no other pattern beside it
			b.WriteString("%RW")
		}
		b.WriteString("~" + s.keys[i].text)
	}
	if p.Keys = b.String(); s.allKeys {
		p.Keys = "~*"
	}
	if p.Channels = ""; s.allChannels {
		p.Channels = "&*"
	} else if len(s.channels) > 0 {
		p.Channels = "&" + strings.Join(s.channels, " &")
	}
	return p
}

// line is a part as a line of ACL LIST has it.
func (p Part) line() string {
	words := p.Keys
	if words != "" {
		words += " "
	}
	if p.Channels != "&*" {
		words += "resetchannels "
	}
	if p.Channels != "" {
		words += p.Channels + " "
	}
	return words + p.Commands
}

// Line is u as a line of ACL LIST has it, but for secrets, which are masked, with what is no rule of Redis behind it.
//
// Source: redis 7.0 acl.c, ACLDescribeUser, ACLDescribeSelector.
func (u *User) Line() string {
	return "user " + u.Name + " " + strings.Join(u.Flags(), " ") + strings.Repeat(" #"+Masked, len(u.passwords)) + " " + u.describe()
}

// ConfigLine is u as a line of users could have it, with masked passwords.
func (u *User) ConfigLine() string {
	line := u.Name + " " + strings.Join(u.Flags(), " ") + strings.Repeat(" >"+Masked, len(u.passwords))
	return strings.TrimSuffix(line+" "+strings.TrimPrefix(u.describe(), "resetchannels -@all "), " resetchannels -@all")
}

// describe is all that is no secret of u.
func (u *User) describe() string {
	parts := u.Parts()
	line := parts[0].line()
	for _, p := range parts[1:] {
		line += " (" + p.line() + ")"
	}
	for _, own := range u.Own() {
		line += " " + own
	}
	return line
}

// Own are the words of u that Redis does not have.
func (u *User) Own() (list []string) {
	if u.ReadOnly {
		list = append(list, "readonly")
	}
	if u.DB >= 0 {
		list = append(list, "db="+strconv.Itoa(u.DB))
	}
	for _, cert := range u.certs {
		list = append(list, "cert="+cert)
	}
	for _, from := range u.from {
		list = append(list, "address="+from)
	}
	return list
}
