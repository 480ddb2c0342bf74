package configs

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/audit"
	"cashew/engine"
)

// auditEvents are the kinds of events by their names, in the order in which they are shown.
var auditEvents = []struct {
	name string
	kind audit.Kind
}{{"logins", audit.Logins}, {"refusals", audit.Refusals}, {"admin", audit.Admin}, {"commands", audit.Commands}}

func auditKeys(o *engine.Options) []key {
	return []key{
		pathKey("audit_log", "the path of a file", &o.AuditLog),
		auditEventsKey(&o.AuditEvents),
		plainKey("audit_sample", "a number of commands from 1 to 1000000000", &o.AuditSample, 1, 1_000_000_000),
		boolKey("audit_keys", &o.AuditKeys),
	}
}

func auditEventsKey(to *audit.Kind) key {
	names := make([]string, len(auditEvents))
	for i, e := range auditEvents {
		names[i] = e.name
	}
	return key{
		name: "audit_events", to: to, want: "one or several of " + strings.Join(names, ", ") + ", with spaces between",
		set: func(n *yaml.Node) string {
			*to = 0
			for word := range strings.FieldsSeq(n.Value) {
				kind := audit.Kind(0)
				for _, e := range auditEvents {
					if e.name == word {
						kind = e.kind
					}
				}
				if kind == 0 {
					return fmt.Sprintf("has '%s', which is none", withoutPasswords(word))
				}
				*to |= kind
			}
			return ""
		},
		show: func() any {
			var on []string
			for _, e := range auditEvents {
				if *to&e.kind != 0 {
					on = append(on, e.name)
				}
			}
			return strings.Join(on, " ")
		},
	}
}
