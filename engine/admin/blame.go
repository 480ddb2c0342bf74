package admin

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cashew/stats"
)

// slowGroup are the slow commands of one name whose keys have one pattern.
type slowGroup struct {
	Pool    string `json:"pool"`
	Command string `json:"command"`
	Pattern string `json:"pattern"` // see pattern
	Times   int    `json:"times"`

	Own       int64 `json:"own_us"`     // what they took themselves, in sum, in microseconds as all that follows
	OwnMost   int64 `json:"own_max_us"` // of one
	Waited    int64 `json:"waited_us"`  // for others, in sum
	WaitedMax int64 `json:"waited_max_us"`

	At      time.Time         `json:"at"`      // of the newest
	Servers map[string]int    `json:"servers"` // which they were sent to, and how many of them
	Worst   []stats.SlowEntry `json:"worst"`   // the ones that took most themselves, at most worstOfGroup
}

// worstOfGroup is how many entries of a group are told.
const worstOfGroup = 5

// groupSlow groups a slow log by command and pattern of the key; the group that took most itself comes first. One that waited behind another's
// slow command is in the log as well, and stands further down.
func groupSlow(log []stats.SlowEntry) []slowGroup {
	type id struct{ pool, command, pattern string }
	at := make(map[id]int)
	var list []slowGroup
	for i := range log {
		e := &log[i]
		of := id{e.Pool, e.Command, pattern(e.Key)}
		j, known := at[of]
		if !known {
			j = len(list)
			at[of] = j
			list = append(list, slowGroup{Pool: of.pool, Command: of.command, Pattern: of.pattern, Servers: make(map[string]int)})
		}
		list[j].add(e)
	}
	for i := range list {
		worst := list[i].Worst
		slices.SortStableFunc(worst, func(a, b stats.SlowEntry) int { return cmp.Compare(b.Own, a.Own) })
		list[i].Worst = worst[:min(len(worst), worstOfGroup)]
	}
	slices.SortStableFunc(list, func(a, b slowGroup) int {
		return cmp.Or(cmp.Compare(b.Own, a.Own), cmp.Compare(b.Waited, a.Waited))
	})
	return list
}

func (g *slowGroup) add(e *stats.SlowEntry) {
	own, waited := e.Own.Microseconds(), e.Waited().Microseconds()
	g.Times++
	g.Own, g.OwnMost = g.Own+own, max(g.OwnMost, own)
	g.Waited, g.WaitedMax = g.Waited+waited, max(g.WaitedMax, waited)
	if e.At.After(g.At) {
		g.At = e.At
	}
	g.Servers[e.Server]++
	g.Worst = append(g.Worst, *e)
}

// pattern is a key with a * for what tells keys of a kind apart: numbers, and parts in which letters and digits are mixed, bytes that are no text, and
// eight or more hexadecimal digits.
//
//	user:1001:profile              user:*:profile
//	session-7f3a-99c2:{42}         session-*:{*}
//	cache:v2:page17                cache:v*:page*
func pattern(key string) string {
	var b strings.Builder
	for len(key) > 0 {
		n := strings.IndexFunc(key, separates)
		switch {
		case isUUID(key):
			n = uuidBytes
		case n < 0:
			n = len(key)
		}
		part := shape(key[:n])
		if sofar := b.String(); part == "*" && (strings.HasSuffix(sofar, "*-") || strings.HasSuffix(sofar, "*_") || strings.HasSuffix(sofar, "*.")) {
			b.Reset() // one * for all of it
			b.WriteString(sofar[:len(sofar)-1])
		} else {
			b.WriteString(part)
		}
		if key = key[n:]; key != "" {
			b.WriteByte(key[0])
			key = key[1:]
		}
	}
	return b.String()
}

const uuidBytes = 36

// isUUID says that key begins with one, which is 8-4-4-4-12 hexadecimal digits.
func isUUID(key string) bool {
	if len(key) < uuidBytes {
		return false
	}
	for i := range uuidBytes {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (key[i] == '-') || !dash && !strings.Contains(hexDigits, key[i:i+1]) {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789abcdefABCDEF"

// separates says that c stands between parts of a key. All are single bytes.
func separates(c rune) bool { return strings.ContainsRune(":/.-_|#,;@ {}[]", c) }

// shape is one part of a pattern.
func shape(part string) string {
	letters := strings.TrimRight(part, "0123456789")
	switch {
	case part == "":
		return ""
	case isUUID(part):
		return "*"
	case strings.ContainsFunc(part, func(c rune) bool { return c < ' ' || c == utf8.RuneError || c == 0x7f }):
		return "*"
	case len(letters) < len(part) && !strings.ContainsAny(letters, "0123456789"):
		return letters + "*" // of which letters may be ""
	case strings.ContainsAny(part, "0123456789"), len(part) >= 8 && strings.Trim(part, hexDigits) == "":
		return "*"
	}
	return part
}
