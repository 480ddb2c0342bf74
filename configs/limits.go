package configs

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"cashew/quota"
)

// wantLimit is what a line of limits holds.
const wantLimit = `a name and what it limits, such as "batch user=etl class=write requests=1000 bytes=10mb burst=2000 past=delay"`

func (p *pool) limitsKey() key {
	return key{
		name: "limits", to: &p.RateLimits, isList: true, want: wantLimit,
		set: func(n *yaml.Node) string {
			r, err := quota.Parse(n.Value)
			switch {
			case err != nil && (err.Word == "" || err.Word == r.Name):
				return err.Reason
			case err != nil:
				return fmt.Sprintf("has %q, which %s", withoutPasswords(err.Word), err.Reason)
			case slices.ContainsFunc(p.RateLimits, func(o quota.Rule) bool { return o.Name == r.Name }):
				return fmt.Sprintf("is the second rule '%s'", withoutPasswords(r.Name))
			case len(p.RateLimits) == quota.MaxRules:
				return fmt.Sprintf("is one too many: a pool has %d at most", quota.MaxRules)
			}
			p.RateLimits, p.limitNodes = append(p.RateLimits, r), append(p.limitNodes, n)
			return ""
		},
		show: func() any {
			if len(p.RateLimits) == 0 {
				return nil
			}
			return quota.Lines(p.RateLimits)
		},
	}
}

// limits checks the users that a pool's limits name.
func (c *checker) limits(p *pool) {
	at := Problem{Pool: p.Name, Key: "limits"}
	for i, n := range p.limitNodes {
		user := p.RateLimits[i].User
		switch {
		case user == "" || p.given["users"].value != nil && p.users == nil || p.given["aclfile"].value != nil && p.users == nil:
			// it is about anybody, or what is wrong with the users is told already
		case p.users == nil:
			at.Value, at.Want = n.Value, `"users:" or "aclfile:" beside it`
			c.report(n, at.because("is about user '%s', and the pool has no users", oneLine(withoutPasswords(user))))
		case p.users.Find(user) == nil:
			at.Value, at.Want = n.Value, "one of the pool's users"
			c.report(n, at.because("is about user '%s', which the pool does not have", oneLine(withoutPasswords(user))))
		}
	}
}
