package configs

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"cashew/engine"
	"cashew/regular"
)

const maxRate = 1_000_000

func accessKeys(o *engine.Options) []key {
	return []key{
		pathKey("access_log", "the path of a file", &o.AccessLog),
		sampleKey("access_log_sample", &o.AccessSample),
		plainKey("access_log_rate", fmt.Sprintf("a number of lines a second from 1 to %d", maxRate), &o.AccessRate, 1, maxRate),
		boolKey("access_log_keys", &o.AccessKeys),
	}
}

// sampleKey is a share of commands: one of so many.
func sampleKey(name string, to *int) key {
	return key{
		name: name, to: to, want: "1/N, one of N commands, such as 1/100, with N from 1 to 1000000000",
		set: func(n *yaml.Node) string {
			many, ok := strings.CutPrefix(n.Value, "1/")
			if !ok {
				return "is not a share"
			}
			of := *n
			of.Value = many
			return setBetween(to, &of, 1, 1_000_000_000, parsePlain)
		},
		show: func() any { return fmt.Sprintf("1/%d", *to) },
	}
}

// logFile checks that lines could be appended to a log, which is neither opened nor made here.
func (c *checker) logFile(g given) {
	if !g.ok || c.again {
		return
	}
	if err := regular.Appendable(g.value.Value); err != nil {
		wrong := Problem{Key: globalSection + "." + g.name.Value, Value: g.value.Value, Want: "a file, a FIFO or a character device, or a directory where a file can be made"}
		c.report(g.value, wrong.because("can't be opened: %v", err))
	}
}

// accessLog checks our own settings of the access log together. given are those that the section has.
func (c *checker) accessLog(given map[string]given) {
	c.logFile(given["access_log"])
	if g, log := given["access_log"], given["audit_log"]; g.ok && log.ok && g.value.Value == log.value.Value {
		c.report(g.value, Problem{Key: globalSection + ".access_log"}.because("is the file of audit_log"))
	}
}
