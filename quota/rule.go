// Package quota is how much a pool's clients may ask for in a second: rules, and the token buckets that hold them.
//
// A rule's bucket is the process's. It is one number, the time at which the bucket would be full again if nothing more were taken
// (the theoretical arrival time of the GCRA), which each loop moves on by a compare-and-swap. So that a loop does that 64 times a
// second at most while there is enough, it takes a portion, a 64th of what a second brings, into a plain counter of its own (Local),
// and spends that.
//
//	shared   full at t --Take, a portion--> full at t + portion
//	Local    tokens    --Take, a command--> tokens - cost
//
// What a loop has taken and not spent stays its own. So more than the burst may pass in one moment: a portion for each loop.
//
// Nothing here reads a clock: now is the loop's, in nanoseconds, which all loops of a process have in common.
package quota

import (
	"fmt"
	"slices"
	"strings"

	"cashew/codec/work"
)

// MaxRules is how many a pool may have.
const MaxRules = 32

// Rule is one line of a pool's limits. The zero value of what it selects by is all.
type Rule struct {
	Name   string
	User   string // of the client; "": whoever
	Prefix string // of the keys, or channels, that count; "": all commands, also those without a key
	Class  string // of the command, as work.Class has it; "": any

	Requests int64 // a second: one for each key of a command, and at least one; 0: any number
	Bytes    int64 // a second: of commands and of the servers' replies to them; 0: any number

	Burst      int64 // requests at once, after a pause; what a second brings, or more or less
	BurstBytes int64 // likewise

	Most int64 // requests of one command; one that is more is refused, however much may pass; 0: any number

	Delay bool // a command past it waits; else it is refused
}

// Past is what becomes of a command past r: "error" or "delay".
func (r *Rule) Past() string {
	if r.Delay {
		return "delay"
	}
	return "error"
}

// String is the line that Parse makes r of.
func (r *Rule) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	for _, o := range options {
		if text := o.text(r); text != "" {
			b.WriteString(" " + o.name + "=" + text)
		}
	}
	return b.String()
}

// Error is a mistake in a line.
type Error struct {
	Word   string // that is wrong, as written; "": the whole line
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%q %s", e.Word, e.Reason) }

// option is a word of a line, behind the name.
type option struct {
	name string
	set  func(r *Rule, value string) (reason string)
	text func(r *Rule) string // "": it need not stand there
}

var options = []option{
	{
		"user", func(r *Rule, v string) string { r.User = v; return "" }, func(r *Rule) string { return r.User },
	},
	{
		"prefix", func(r *Rule, v string) string { r.Prefix = v; return "" }, func(r *Rule) string { return r.Prefix },
	},
	{
		"class", setClass, func(r *Rule) string { return r.Class },
	},
	{
		"requests", amount(func(r *Rule) *int64 { return &r.Requests }), shown(func(r *Rule) int64 { return r.Requests }),
	},
	{
		"bytes", amount(func(r *Rule) *int64 { return &r.Bytes }), shown(func(r *Rule) int64 { return r.Bytes }),
	},
	{
		"burst", amount(func(r *Rule) *int64 { return &r.Burst }), unless(func(r *Rule) (int64, int64) { return r.Burst, r.Requests }),
	},
	{
		"burst_bytes", amount(func(r *Rule) *int64 { return &r.BurstBytes }), unless(func(r *Rule) (int64, int64) { return r.BurstBytes, r.Bytes }),
	},
	{
		"most", amount(func(r *Rule) *int64 { return &r.Most }), shown(func(r *Rule) int64 { return r.Most }),
	},
	{
		"past", setPast, func(r *Rule) string { return r.Past() },
	},
}

// Parse reads a line such as "batch user=etl class=write requests=1000 bytes=10mb burst=2000 past=delay".
func Parse(line string) (Rule, *Error) {
	words := strings.Fields(line)
	if len(words) == 0 || strings.Contains(words[0], "=") {
		return Rule{}, &Error{strings.Join(words[:min(len(words), 1)], ""), "stands where the rule's name is expected"}
	}
	r := Rule{Name: words[0]}
	if strings.ContainsFunc(r.Name, func(c rune) bool { return c < '!' || c > '~' || c == '\'' || c == '"' }) {
		return r, &Error{r.Name, "is no name: it has other characters than ASCII's, or a quote"}
	}
	seen := make(map[string]bool)
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		i := slices.IndexFunc(options, func(o option) bool { return o.name == name })
		switch {
		case i < 0:
			return r, &Error{w, "is not one of user=, prefix=, class=, requests=, bytes=, burst=, burst_bytes=, most=, past="}
		case seen[name]:
			return r, &Error{w, "is the second " + name + "="}
		case value == "":
			return r, &Error{w, "has no value"}
		}
		seen[name] = true
		if reason := options[i].set(&r, value); reason != "" {
			return r, &Error{w, reason}
		}
	}
	return r, r.complete()
}

// complete gives r its defaults, or says what it lacks.
func (r *Rule) complete() *Error {
	switch {
	case r.Requests == 0 && r.Bytes == 0:
		return &Error{"", "has neither requests= nor bytes="}
	case r.Most != 0 && r.Requests == 0:
		return &Error{"most=", "stands without requests="}
	case r.Burst != 0 && r.Requests == 0:
		return &Error{"burst=", "stands without requests="}
	case r.BurstBytes != 0 && r.Bytes == 0:
		return &Error{"burst_bytes=", "stands without bytes="}
	}
	if r.Burst == 0 {
		r.Burst = r.Requests
	}
	if r.BurstBytes == 0 {
		r.BurstBytes = r.Bytes
	}
	return nil
}

func setClass(r *Rule, v string) string {
	if classOf(v) == work.Classes {
		return "is not read, write or other"
	}
	r.Class = v
	return ""
}

// classOf is the class of that name; work.Classes: there is none.
func classOf(name string) work.Class {
	for c := range work.Classes {
		if c.String() == name {
			return c
		}
	}
	return work.Classes
}

func setPast(r *Rule, v string) string {
	if v != "error" && v != "delay" {
		return "is neither error nor delay"
	}
	r.Delay = v == "delay"
	return ""
}
