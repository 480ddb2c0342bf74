package configs

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"cashew/engine"
)

// checker goes once over a file and notes all mistakes. A mistake never hides the ones after it; only what follows from
// a mistake is left out.
type checker struct {
	file   string
	text   text
	lookup lookupFunc
	acls   aclFiles
	again  bool // only secrets are read anew: what a start would open is not looked at

	options engine.Options   // without Pools
	given   map[string]given // of them
	pools   []*pool          // in the file's order
	routed  map[string]bool  // pools that others route to
	places  map[string]int   // of pools, by name; once all were read
	strays  bool             // a line that is to name one of these names none

	isRead   bool            // as YAML, with sections
	keys     map[string]bool // of all sections
	compared int             // words, with those of mistakes

	problems, warnings Problems
}

// report notes a problem at n, which may be nil for the file as a whole.
func (c *checker) report(n *yaml.Node, p Problem) {
	c.problems = append(c.problems, c.place(n, c.withCause(n, p)))
}

func (c *checker) warn(n *yaml.Node, p Problem) { c.warnings = append(c.warnings, c.place(n, p)) }

func (c *checker) place(n *yaml.Node, p Problem) Problem {
	p.File, p.Pool, p.Value = c.file, shownName(p.Pool), withoutPasswords(p.Value)
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	return p
}

// document checks the file as YAML, then its sections.
//
// Source: twemproxy 0.5.0 nc_conf.c, conf_validate_document, conf_validate_tokens and conf_validate_structure.
func (c *checker) document() {
	for _, mark := range c.text.marks() {
		c.report(&yaml.Node{Line: mark.line, Column: 1}, Problem{Reason: mark.name + " is disallowed"})
	}
	root, documents, err := parseYAML(c.text.utf8)
	if err != nil {
		line, reason := c.text.syntaxProblem(err)
		p, because := Problem{Reason: reason}, c.behind(line, reason)
		if p.Want = because.want; because.text != "" {
			p.Reason += ": " + because.text
		}
		if because.line > 0 {
			line = because.line
		}
		c.report(&yaml.Node{Line: line, Column: 1}, p)
		return
	}
	at := Problem{Want: `"pool name:" and below it, indented, the pool's settings`}
	switch {
	case documents == 0 && strings.TrimSpace(c.text.utf8) == "":
		c.report(nil, at.because("must contain only 1 document; found 0 documents: the file is empty"))
	case documents == 0:
		c.report(nil, at.because("must contain only 1 document; found 0 documents: the file has comments alone"))
	case documents > 1:
		c.report(nil, Problem{Reason: fmt.Sprintf("must contain only 1 document; found %d documents", documents)})
	}
	if root == nil || !c.isPlain(root, Problem{}) {
		return
	}
	switch root.Kind {
	case yaml.ScalarNode:
		c.report(root, at.because(`has invalid empty "key:" at depth 0`))
	case yaml.SequenceNode:
		c.report(root, at.because("has sequence at depth 0 instead of 2"))
	default:
		c.root(root)
	}
}

// root checks the sections, then the pools against each other.
func (c *checker) root(root *yaml.Node) {
	c.isRead = true
	names := make(map[string]*yaml.Node)
	hasPools := false
	c.routed, c.strays = routedPools(root)
	for name, body := range pairs(root) {
		at := Problem{Want: "a pool's name"}
		if !c.isText(name, at, `has more than one "key:value" at depth 1`, "has sequence at depth 1 instead of 2") {
			hasPools = true
			continue
		}
		if first, ok := names[name.Value]; ok {
			at := Problem{Pool: name.Value}
			c.report(name, at.because("has pools with same name '%s' (the first is on line %d)", oneLine(shownName(name.Value)), first.Line))
		} else {
			names[name.Value] = name
		}
		if isGlobal(name, body) {
			given := c.settings(body, Problem{}, globalSection+".", globalKeys(&c.options))
			c.given = given
			c.admin(given)
			c.adminFiles(given)
			c.logFile(given["audit_log"])
			c.accessLog(given)
			c.tracing(given)
			continue
		}
		hasPools = true
		c.pool(name, body)
	}
	if !hasPools {
		c.report(nil, Problem{Reason: "has no pools"})
	}
	c.sameListen()
	c.sameCache()
	c.routes()
	c.zoned()
}

// globalSection holds our own settings, unless it has listen or servers: then it is a pool with this name. twemproxy
// takes no pool without them, so no pool of a file that is valid for it can be taken for settings.
const globalSection = "global"

func isGlobal(name, body *yaml.Node) bool {
	return name.Value == globalSection && body.Kind == yaml.MappingNode && body.Style&yaml.FlowStyle == 0 &&
		!hasKey(body, "listen") && !hasKey(body, "servers")
}

// pool checks one pool.
func (c *checker) pool(name, body *yaml.Node) {
	at := Problem{Pool: name.Value, Want: "the pool's settings, indented, one a line"}
	if !c.isPlain(body, at) {
		return
	}
	switch body.Kind {
	case yaml.ScalarNode:
		if because, found := strayIn(name.Value, name.Column); found {
			at.Reason, at.Want = ": "+because.text, because.want
		} else if c.isKey(name.Value) {
			at.Want = "a pool's name; a setting stands indented below that"
		}
		c.report(body, at.because(`has invalid mapping "key:" at depth 1%s`, at.Reason))
	case yaml.SequenceNode:
		c.report(body, at.because("has sequence at depth 1 instead of 2"))
	default:
		p := newPool(name)
		p.lines = serverLinesOf(body)
		p.given = c.settings(body, Problem{Pool: p.Name}, "", p.keys(c.lookup))
		c.pools = append(c.pools, p)
		c.whole(p, hasList(body))
		c.limits(p)
		c.tls(p)
		c.door(p)
		c.demands(p)
	}
}

// Where a pool or our own settings hold a mapping, a list too many or no list, twemproxy says.
const (
	reasonDepth   = "has a depth greater than 2"
	reasonLists   = "has more than one sequence directive"
	reasonNoList  = "missing sequence directive at depth 2"
	reasonKeyList = `has invalid "key:value" at depth 2`
)

// settings checks the keys and values of one section. The keys in problems get the prefix.
func (c *checker) settings(body *yaml.Node, at Problem, prefix string, keys []key) map[string]given {
	seen := make(map[string]given)
	for name, value := range pairs(body) {
		at.Key = ""
		if !c.isText(name, at, reasonDepth, reasonKeyList) {
			continue
		}
		at.Key = prefix + name.Value
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == name.Value })
		if i < 0 {
			shown := withoutSecret(name.Value, keys)
			at.Key = prefix + shown
			unknown := at.because("directive %q is unknown", shown)
			unknown.Meant = c.nearest(shown, keyNames(keys))
			c.report(name, unknown)
			continue
		}
		k := &keys[i]
		if first, ok := seen[k.name]; ok {
			reason := "is a duplicate"
			if k.isList {
				reason = reasonLists
			}
			c.report(name, at.because("%s (the first is on line %d)", reason, first.name.Line))
			continue
		}
		check := c.scalar
		if k.put != nil && value.Kind == yaml.MappingNode {
			check = c.mapping
		}
		if k.isList && (!k.orText || value.Kind != yaml.ScalarNode) {
			check = c.list
		}
		seen[k.name] = given{name, value, check(value, at, k)}
	}
	return seen
}

// list checks a key whose value is a list.
func (c *checker) list(value *yaml.Node, at Problem, k *key) (ok bool) {
	list := at
	list.Want = `a list, each line "- " and ` + k.want
	if !c.isPlain(value, list) {
		return false
	}
	switch value.Kind {
	case yaml.ScalarNode:
		if !k.isSecret {
			list.Value = value.Value
		}
		c.report(value, list.because(reasonNoList))
		return false
	case yaml.MappingNode:
		c.report(value, list.because(reasonDepth))
		return false
	}
	ok = true
	for _, entry := range value.Content {
		if k.below != nil && hasMore(entry) {
			ok = k.below(c, entry, at, k) && ok
			continue
		}
		ok = c.scalar(entry, at, k) && ok
	}
	return ok
}

// scalar checks a single value, or one entry of a list.
func (c *checker) scalar(value *yaml.Node, at Problem, k *key) (ok bool) {
	if at.Want = k.want; k.isList && k.name != "servers" && value.Kind == yaml.MappingNode {
		at.Want += `, in quotes if it has ": " in it, or ":" at its end`
	}
	if k.name == "servers" && value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 {
		at.Want += `, without a blank behind ":", which makes two values of it`
	}
	if !c.isText(value, at, reasonDepth, reasonLists) {
		return false
	}
	if k.isWords {
		return c.words(value, at, k)
	}
	if !c.taken(value, func() hidden { return hiddenIn(value.Value) }, at, k) {
		return false
	}
	c.doubtful(value, at, k)
	if k.isInt32 && wraps(value.Value) {
		n, _ := parseNumber(value.Value)
		at.Value, at.Want = value.Value, ""
		c.warn(value, at.because("is more than 32 bits hold: it is taken as %d, as by twemproxy", n))
	}
	return true
}

// words checks a value that is words, each of which may be wrong.
func (c *checker) words(value *yaml.Node, at Problem, k *key) (ok bool) {
	words := strings.Fields(value.Value)
	if len(words) == 0 {
		c.report(value, at.because("is empty"))
	}
	ok = len(words) > 0
	hide := sync.OnceValue(func() hidden { return hiddenIn(value.Value) })
	for _, text := range words {
		word := *value
		word.Value = text
		ok = c.taken(&word, hide, at, k) && ok
	}
	return ok
}

// taken has k take a value, or a word of all that the key has, and reports why it does not, without what all of it hides.
func (c *checker) taken(value *yaml.Node, hide func() hidden, at Problem, k *key) bool {
	reason := k.set(value)
	if reason == "" {
		return true
	}
	if !k.isSecret {
		at.Value = hide().without(value.Value)
	}
	if strings.Contains(reason, k.want) {
		at.Want = ""
	}
	if k.movesKeys {
		if at.Meant = spelled(value.Value, k.choices); at.Meant == "" {
			reason += reasonMoves
		}
	} else {
		at.Meant = c.nearest(value.Value, k.choices)
	}
	c.report(value, at.because("%s", hide().without(withoutSigned(reason))))
	return false
}

// isText says whether n is a scalar with something in it, and reports it if not. mapping and sequence are twemproxy's
// texts for those two at this place.
func (c *checker) isText(n *yaml.Node, at Problem, mapping, sequence string) bool {
	if !c.isPlain(n, at) {
		return false
	}
	switch {
	case n.Kind == yaml.MappingNode:
		c.report(n, at.because("%s", mapping))
	case n.Kind == yaml.SequenceNode:
		c.report(n, at.because("%s", sequence))
	case n.Value == "":
		c.report(n, at.because("is empty"))
	case strings.Contains(n.Value, "\x00"):
		c.report(n, at.because("has a NUL byte"))
	default:
		return true
	}
	return false
}

// isPlain says whether n itself, not what is in it, is of the YAML that twemproxy takes, and reports it if not.
func (c *checker) isPlain(n *yaml.Node, at Problem) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		at.Reason, at.Want = tokenAlias, "the value itself; quote it if it starts with *"
	case n.Anchor != "":
		at.Reason, at.Want = tokenAnchor, "the value itself; quote it if it starts with &"
	case n.Style&yaml.TaggedStyle != 0 || c.text.startsWith(n, '!'):
		at.Reason, at.Want = tokenTag, "the value itself; quote it if it starts with !"
	case n.Style&yaml.FlowStyle == 0:
		return true
	case n.Kind == yaml.SequenceNode:
		at.Reason, at.Want = tokenFlowSequence, cmp.Or(at.Want, `a list, each entry on a line of its own behind "- "`)
	default:
		at.Reason, at.Want = tokenFlowMapping, cmp.Or(at.Want, `"key: value", each on a line of its own`)
	}
	c.report(n, at.because("%s is disallowed", at.Reason))
	return false
}

// pairs yields the keys and values of a mapping, as they stand in the file.
func pairs(mapping *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !yield(mapping.Content[i], mapping.Content[i+1]) {
				return
			}
		}
	}
}

func hasKey(mapping *yaml.Node, key string) bool {
	for k := range pairs(mapping) {
		if k.Kind == yaml.ScalarNode && k.Value == key {
			return true
		}
	}
	return false
}

func hasList(mapping *yaml.Node) bool {
	for _, v := range pairs(mapping) {
		if v.Kind == yaml.SequenceNode {
			return true
		}
	}
	return false
}

func keyNames(keys []key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}
