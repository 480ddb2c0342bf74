package memcached

import (
	"bytes"
	"strconv"
	"strings"

	"cashew/codec"
)

// What several servers say to stats with arguments, and to slabs, becomes what one server would say. A list is merged by
// the names in it, in the order in which they are first seen, word by word:
//
//	STAT items:1:number 5     STAT items:1:number 7     -->  STAT items:1:number 12      numbers are added
//	STAT items:1:age 90       STAT items:1:age 60       -->  STAT items:1:age 90         or the largest is it
//	STAT tcpport 11211        STAT tcpport 11212        -->  STAT tcpport 11211,11212    what is set is told, once if all agree
//	PREFIX p get 5 hit 2 ...  PREFIX p get 1 hit 1 ...  -->  PREFIX p get 6 hit 3 ...
//	STAT 23:addr tcp:...      STAT 23:addr tcp:...      -->  both: connections are not the same for having one number

// merge is how words in the same place become one.
type merge uint8

const (
	add merge = iota
	largest
	told
)

// coalesceStats merges the replies to stats with arguments or to slabs. The reply of a single server passes as it is; of
// several that are no list the first that is not OK tells.
func coalesceStats(dst []byte, g *codec.Gather) []byte {
	if len(g.Replies) == 1 {
		return append(dst, g.Replies[0]...)
	}
	lists := 0
	for _, r := range g.Replies {
		if bytes.HasSuffix(r, []byte(replyEnd)) {
			lists++
		}
	}
	switch lists {
	case len(g.Replies):
		return append(mergeLists(dst, g), replyEnd...)
	case 0:
		for _, r := range g.Replies {
			if string(r) != replyOK {
				return append(dst, r...)
			}
		}
		return append(dst, replyOK...)
	default:
		return append(dst, replyInvalid...)
	}
}

// mergeLists appends the lines of all replies, merged by their first two words.
func mergeLists(dst []byte, g *codec.Gather) []byte {
	var lines []string
	at := map[string]int{}
	for _, r := range g.Replies {
		for line := range strings.SplitSeq(string(r[:len(r)-len(replyEnd)]), crlf) {
			if line == "" {
				continue
			}
			word, rest, _ := strings.Cut(line, " ")
			name, value, _ := strings.Cut(rest, " ")
			i, seen := at[word+" "+name]
			if !seen || g.Op == opStatsConns {
				at[word+" "+name] = len(lines)
				lines = append(lines, line)
				continue
			}
			_, rest, _ = strings.Cut(lines[i], " ")
			_, sum, _ := strings.Cut(rest, " ")
			lines[i] = word + " " + name + " " + mergeWords(sum, value, mergeOf(g.Op, name))
		}
	}
	classes := 0
	for _, line := range lines {
		if strings.Contains(line, ":chunk_size ") {
			classes++
		}
	}
	for _, line := range lines {
		if strings.HasPrefix(line, "STAT active_slabs ") { // servers may have the same ones
			line = "STAT active_slabs " + strconv.Itoa(classes)
		}
		dst = append(dst, line...)
		dst = append(dst, crlf...)
	}
	return dst
}

// mergeOf is how values with that name are merged.
func mergeOf(op uint16, name string) merge {
	if op == opStatsSettings {
		return told
	}
	switch field := name[strings.LastIndexByte(name, ':')+1:]; field {
	case "age", "age_hot", "age_warm", "evicted_time":
		return largest
	case "chunk_size", "chunks_per_page":
		return told
	default:
		return add
	}
}

// mergeWords merges two values word by word. Words that are no numbers are told, whatever how says.
func mergeWords(a, b string, how merge) string {
	if a == b && how != add {
		return a
	}
	v, w := strings.Fields(a), strings.Fields(b)
	if len(v) != len(w) {
		return tellBoth(a, b)
	}
	for i := range v {
		x, errX := strconv.ParseUint(v[i], 10, 64)
		y, errY := strconv.ParseUint(w[i], 10, 64)
		switch {
		case errX != nil, errY != nil, how == told:
			v[i] = tellBoth(v[i], w[i])
		case how == largest:
			v[i] = strconv.FormatUint(max(x, y), 10)
		default:
			v[i] = strconv.FormatUint(x+y, 10)
		}
	}
	return strings.Join(v, " ")
}

// tellBoth is list, values between commas, with v among them.
func tellBoth(list, v string) string {
	for have := range strings.SplitSeq(list, ",") {
		if have == v {
			return list
		}
	}
	return list + "," + v
}
