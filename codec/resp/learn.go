package resp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"cashew/codec"
	"cashew/codec/verdict"
)

// What is not in the table is looked up in a server's COMMAND INFO; unknown.go has what becomes of such a command. Read from it are the
// keys, by key specs (Redis 7.0) or by first key, last and step; whether the command reads, writes, may block; the categories, by which
// the pool's commands judges it; and whether the proxy may send it at all: see reasons.

// learned is a lesson: a command that the servers have and the table does not.
type learned struct {
	name    string // in lower case, of a subcommand "container|subcommand"
	arity   int    // as in the table
	op      uint16 // of one of learnedRows
	blocks  bool   // may block
	told    bool   // its keys can be found, by finders
	finders []finder
	never   string              // why it is refused whatever the rules say; "": it is not
	allowed bool                // by the rules
	of      []string            // its categories
	subs    map[string]*learned // of a container: its subcommands, by their own names

	// Reasons to refuse it, as in errors.go: a wrong number of arguments, its client is subscribed, the rules, no key, keys that can't be found.
	wrongArity, subscribed, denied, keyless, untold string
}

// missing is a lesson of a name that no server has, or of which none tells.
type missing struct {
	silent  bool // it was not said
	allowed bool // a command that nothing is known of but this name
}

// learnedRows are the rows that stand in for commands that are not in the table, behind it: figures have no other names for those.
// Nobody finds them by name.
func learnedRows(at int) (rows []command) {
	for _, r := range []struct{ name, flags string }{{"learned|other", ""}, {"learned|read", "r"}, {"learned|write", "w"}} {
		rows = append(rows, command{name: r.name, arity: -1, kind: refused, flags: r.flags, parent: uint16(at)})
	}
	return rows
}

var opLearned = uint16(len(commands) - 3) // the first of learnedRows

// isLearned says that op is of a command that is not in the table.
func isLearned(op uint16) bool { return op >= opLearned }

// AppendAsk implements codec.Lessons.
func (*Protocol) AppendAsk(dst []byte, name string) []byte {
	dst = append(dst, "*3\r\n$7\r\nCOMMAND\r\n$4\r\nINFO\r\n"...)
	return appendBulk(dst, name)
}

var opCommand = mustOp("command")

// AskOp implements codec.Lessons.
func (*Protocol) AskOp() uint16 { return opCommand }

// maxLesson is how long the answer to COMMAND INFO may be; that about a container of twenty subcommands has some 10 KiB.
const maxLesson = 1 << 20

// Learn implements codec.Lessons. A server that may not, or can't, tell of commands (an ACL, COMMAND renamed, before 2.8.13) is one that
// does not have the command: it is refused as from a proxy that learns nothing.
//
// Source: redis 7.0 server.c, addReplyCommandInfo; the same without the last three elements in 6.0, and without categories before.
func (p *Protocol) Learn(name string, reply []byte) (lesson any, known, said bool) {
	if reply[0] == '-' {
		v := judgeError(reply)
		return &missing{silent: true}, false, v != verdict.Ailing && v != verdict.Busy
	}
	if reply[0] == '|' {
		reply = withoutAttributes(reply)
	}
	all, _, ok := readValue(reply[:min(len(reply), maxLesson)], 0)
	if !ok || len(all.list) != 1 {
		return &missing{silent: true}, false, true
	}
	info := &all.list[0]
	if info.isNull() {
		return &missing{allowed: p.permits(name, nil)}, false, true
	}
	e := p.learn(info)
	switch {
	case e == nil:
		return &missing{silent: true}, false, true
	case e.name != name:
		e.subs, e.never = nil, "ERR command '"+name+"' is another name of '"+printable(e.name)+"' at the servers, and is not supported by this proxy"
	}
	return e, true, true
}

// errUnknown is how servers begin their answer to a command that they do not have; its name follows, as it came, in quotes.
// Source: redis 7.0 server.c, commandCheckExistence; 5.0 server.c, processCommand, for other quotes.
const errUnknown = "-ERR unknown command "

// UnknownTo implements codec.Lessons.
func (*Protocol) UnknownTo(dst, reply []byte) []byte {
	text, is := bytes.CutPrefix(reply, []byte(errUnknown))
	if !is || len(text) < 2 {
		return dst
	}
	if end := bytes.IndexAny(text[1:min(len(text), maxAsked+2)], "'`"); end > 0 {
		return appendLower(dst, text[1:1+end])
	}
	return dst
}

// learn reads what COMMAND INFO says of one command; nil: it can't be understood.
func (p *Protocol) learn(info *value) *learned {
	list := info.list
	if len(list) < 6 {
		return nil
	}
	e := &learned{name: string(bytes.ToLower(list[0].text)), op: opLearned, told: true}
	var place [3]int // first, last, step
	oks := make([]bool, 4)
	e.arity, oks[0] = list[1].number()
	for i := range place {
		place[i], oks[i+1] = list[3+i].number()
	}
	flags := list[2].words()
	if e.name == "" || slices.Contains(oks, false) {
		return nil
	}
	var categories []string
	if len(list) > 6 {
		categories = list[6].words()
	}
	categories = categoriesAt(categories, flags)
	switch {
	case slices.Contains(flags, "write"):
		e.op += 2
	case slices.Contains(flags, "readonly"):
		e.op++
	}
	e.blocks = slices.Contains(flags, "blocking")
	movable := slices.Contains(flags, "movablekeys")
	if len(list) > 8 && len(list[8].list) > 0 {
		e.learnKeys(list[8].list, movable)
	} else if e.told = !movable; place[0] != 0 {
		f, ok := rangeFinder(place[0], place[1], place[2])
		e.told, e.finders = e.told && ok, []finder{f}
	}
	if len(list) > 9 {
		e.subs = p.learnSubs(list[9].list)
	}
	e.of = categories
	e.never = e.reason(flags, categories)
	e.allowed = p.permits(e.name, categories)
	e.word()
	return e
}

// learnKeys reads key specs. Where a module has a function of its own that finds its keys, specs that don't say what arguments decide
// tell nothing of that function.
func (e *learned) learnKeys(specs []value, movable bool) {
	fixed := true
	for i := range specs {
		f, ok := readFinder(&specs[i])
		e.told = e.told && ok
		fixed = fixed && f.isRange()
		e.finders = append(e.finders, f)
	}
	e.told = e.told && (!movable || !fixed)
}

// learnSubs reads the subcommands of a container.
func (p *Protocol) learnSubs(list []value) map[string]*learned {
	subs := make(map[string]*learned)
	for i := range list {
		if sub := p.learn(&list[i]); sub != nil {
			if _, name, ok := strings.Cut(sub.name, "|"); ok {
				subs[name] = sub
			}
		}
	}
	return subs
}

// categoriesAt are the categories of a command, from what COMMAND INFO tells of them and of its flags: of a module's commands Redis 7.0
// tells none, and before 6.0 there were none. Source: redis 7.0 acl.c, setImplicitACLCategories.
func categoriesAt(told, flags []string) (list []string) {
	for _, name := range told {
		list = append(list, strings.TrimPrefix(name, "@"))
	}
	for _, of := range flagCategories {
		if slices.Contains(flags, flagNames[of.flag]) && (of.flag != 'r' || !slices.Contains(list, "scripting")) {
			list = append(list, of.name)
		}
	}
	if !slices.Contains(flags, "fast") {
		list = append(list, "slow")
	}
	if slices.Contains(flags, "admin") {
		list = append(list, "dangerous")
	}
	return list
}

// reason is why e is never sent. What all commands of many clients share is a connection; so what changes a connection's state, or is
// not answered once, can't be sent over it: subscriptions, commands of connections and transactions, logins, streams of replication
// (no_multi has SYNC and PSYNC; MONITOR and REPLCONF are for administrators, not for scripts, and have no key that is told).
func (e *learned) reason(flags, categories []string) string {
	why := ""
	container, _, isSub := strings.Cut(e.name, "|")
	has := func(list []string, names ...string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(names, s) })
	}
	switch {
	case has(flags, "pubsub"), has(categories, "pubsub"):
		why = "it is about subscriptions"
	case container == "client", has(categories, "connection", "transaction"), has(flags, "no_auth"):
		why = "it is about the connection, which clients share"
	case has(flags, "no_multi"), has(flags, "admin") && has(flags, "noscript") && (len(e.finders) == 0 || !e.told) && !isSub:
		why = "it may be about a stream of replication"
	default:
		return ""
	}
	return fmt.Sprintf("ERR command '%s' is not supported by this proxy: %s", printable(e.name), why)
}

// word makes the reasons for which e is refused.
func (e *learned) word() {
	name := printable(e.name)
	e.wrongArity = "ERR wrong number of arguments for '" + name + "' command"
	e.subscribed = "ERR " + strings.TrimSuffix(string(appendSubscribedOnly(nil, name)), crlf)
	e.denied = strings.TrimSuffix(string(appendDenied(nil, name)), crlf)
	e.keyless = "ERR command '" + name + "' has no key here that says which of the pool's servers it is for"
	e.untold = "ERR where the keys of command '" + name + "' are can't be told from its COMMAND INFO, and this pool has several servers"
}

// printable is what a server said as an error can have it.
func printable(s string) string { return string(appendPrintable(nil, []byte(s), 128)) }

// find finds the keys of a command of all those arguments, its name included, and moves them to their front; told is false if they can't
// be told.
func (e *learned) find(frame []byte, args []codec.Key) (keys []codec.Key, told bool) {
	argc := len(args)
	all, told := args, e.told
	for i := range e.finders {
		if told {
			all, told = e.finders[i].appendKeys(all, argc, frame)
		}
	}
	if !told {
		return nil, false
	}
	return all[:copy(all, all[argc:])], true
}
