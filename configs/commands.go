package configs

import (
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/codec/resp"
)

// wantRules is what commands may hold.
const wantRules = `rules of Redis's ACLs, such as "+@all -@dangerous +client|kill"`

// commandsKey takes any text: commands finds what is wrong with each of its rules.
func (p *pool) commandsKey() key {
	return key{
		name: "commands", to: &p.commands, want: wantRules,
		set: func(n *yaml.Node) string {
			if len(strings.Fields(n.Value)) == 0 {
				return "has no rules"
			}
			p.commands = strings.Join(strings.Fields(n.Value), " ")
			return ""
		},
		show: func() any { return p.commands },
	}
}

// commands checks a pool's rules, each of which may be wrong.
func (c *checker) commands(p *pool) {
	n, ok := p.value("commands")
	if !ok {
		return
	}
	hide := hiddenIn(n.Value)
	for _, wrong := range resp.CheckRules(p.commands) {
		c.report(n, Problem{
			Pool: p.Name, Key: "commands", Value: hide.without(wrong.Rule), Reason: wrong.Reason, Want: wantRules, Meant: c.nearest(wrong.Rule, wrong.Known),
		})
	}
}
