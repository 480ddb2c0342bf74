package resp

import (
	"slices"
	"strings"

	"cashew/codec/acl"
)

// Which commands may be sent is a pool's key commands: rules as in Redis's ACLs, of which the later one wins.
//
//	+name -name              a command, with all its subcommands
//	+name|sub -name|sub      one subcommand
//	+@category -@category    those that ACL CAT tells of it, each subcommand by its own categories
//	allcommands, +@all       all
//	nocommands, -@all        none; what no rule names may not be sent either
//
// They also judge what is not in the table and was looked up at the servers, by the categories that those tell; so a rule may name a
// module's command, with a dot, that the table does not have.
//
// AUTH, HELLO, QUIT and RESET are for everybody, as with Redis: a client could not begin or end without. What the proxy can't serve is
// refused as such, whatever the rules say. What a script does is its own matter: no server knows for which client it runs.
//
// Source: redis 7.0 acl.c, ACLSetSelector, ACLChangeSelectorPerm and ACLSelectorCheckCmd.

// DefaultCommands is in force where a pool has no rules: what an application sends with its data, a queue, a cache framework or a health
// check, and not what hurts everybody whose data are on the same servers. That is all but @dangerous, from which the first list
// comes back: it tells something, or is about the client's own keys and connections, or is answered by the proxy alone. The second
// list is what Redis does not call dangerous, though it takes scripts and functions from all others.
const DefaultCommands = "+@all -@dangerous" +
	" +client|kill +client|list +client|no-evict +client|unblock +cluster +config|get +info +lastsave +module|list +restore +role +slowlog +sort +sort_ro" +
	" -function|flush -function|kill -function|restore -script|debug -script|kill"

// maxOps is more than there are commands: an index below it needs no other check.
const maxOps = acl.Size

// policy tells by Op what may be sent.
type policy acl.Set

// A RuleError is a rule that says nothing.
type RuleError struct {
	Rule   string
	Reason string
	Known  []string // what could have stood there
}

func (e *RuleError) Error() string { return "resp: " + e.Rule + " " + e.Reason }

// CheckRules returns what is wrong with each of the rules for Options.Commands that is wrong.
func CheckRules(rules string) []*RuleError {
	_, wrong := parseRules(rules)
	return wrong
}

// parseRules carries rules out, those that are wrong left out.
func parseRules(rules string) (p *policy, wrong []*RuleError) {
	p = new(policy)
	for rule := range strings.FieldsSeq(rules) {
		if e := p.change(strings.ToLower(rule)); e != nil {
			e.Rule = rule
			wrong = append(wrong, e)
		}
	}
	for op := range commands {
		p[op] = p[op] || commands[op].beforeAuth
	}
	return p, wrong
}

// change carries one rule out.
func (p *policy) change(rule string) *RuleError {
	switch rule {
	case "allcommands", "+@all":
		p.setAll(true)
		return nil
	case "nocommands", "-@all":
		p.setAll(false)
		return nil
	}
	sign, name := rule[:1], rule[1:]
	allow := sign == "+"
	switch {
	case !allow && sign != "-" || name == "":
		return &RuleError{Reason: "is not a rule for commands", Known: []string{"allcommands", "nocommands"}}
	case name[0] == '@':
		of := category(name[1:])
		if of == 0 {
			return &RuleError{Reason: "names no category of commands", Known: signed(sign+"@", append([]string{"all"}, categoryNames...))}
		}
		for op := 1; op < len(commands); op++ {
			if commands[op].categories&of != 0 {
				p.set(op, allow)
			}
		}
		return nil
	}
	head, _, isSub := strings.Cut(name, "|")
	op := lookup([]byte(head), 0, len(head))
	c := &commands[op]
	switch {
	case op == 0 && strings.Contains(head, "."): // a module's, which servers may have: see permits
		return nil
	case op == 0 || c.kind == hangup:
		return &RuleError{Reason: "names no command", Known: signed(sign, commandNames())}
	case !isSub:
		p.set(op, allow)
	case !isWhole(c):
		return &RuleError{Reason: "names a subcommand, and '" + head + "' is judged as a whole", Known: []string{sign + head}}
	case !slices.Contains(subcommands(c), name):
		return &RuleError{Reason: "names no subcommand of '" + head + "'", Known: signed(sign, subcommands(c))}
	default:
		if sub := c.child([]byte(name[len(head)+1:])); sub != 0 {
			p.set(sub, allow)
		}
	}
	return nil
}

// set allows or forbids a command with all its subcommands.
func (p *policy) set(op int, allow bool) {
	p[op] = allow
	c := &commands[op]
	for i := c.firstChild; i < c.endChild; i++ {
		p[i] = allow
	}
}

func (p *policy) setAll(allow bool) {
	for op := range p {
		p[op] = allow
	}
}

// signed are names as rules would have them.
func signed(sign string, names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = sign + name
	}
	return list
}

// arity is how many arguments a command has that takes ParseCommand's straight way: n, or with -n so many or more; 0: it takes another.
type arity int8

// takes is command.takes for those.
func (a arity) takes(argc int) bool {
	return a != 0 && argc >= -int(a) && (a < 0 || argc == int(a))
}

// straight are the arities of those commands that are forwarded by their first argument, and that p allows.
func (p *policy) straight() (list [maxOps]arity) {
	for op := range commands {
		if c := &commands[op]; c.oneKey && p[op] {
			list[op] = arity(c.arity)
		}
	}
	return list
}

// permits judges a command that is not in the table: by its name, which may be "container|subcommand", and its categories.
func (p *Protocol) permits(name string, of []string) (allowed bool) {
	return acl.Permits(strings.Fields(strings.ToLower(p.rules)), name, of)
}
