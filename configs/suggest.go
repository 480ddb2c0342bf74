package configs

import (
	"slices"
	"strings"
	"unicode"
)

// Near returns the word of known that word was most likely meant to be, or "" if none is near: at most one typing mistake
// in four letters, or the same beginning with a short rest ("fnv3" for "fnv1_64").
func Near(word string, known []string) string {
	word = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), "-", "_")
	if said, ok := otherBooleans[word]; ok && slices.Contains(known, said) {
		return said
	}
	best, bestDistance, bestPrefix := "", 0, 0
	for _, k := range known {
		d, prefix := distance(word, k), commonPrefix(word, k)
		if d > 1+len(word)/4 && (prefix < minPrefix || d > maxRest) {
			continue
		}
		if best == "" || d < bestDistance || d == bestDistance && prefix > bestPrefix {
			best, bestDistance, bestPrefix = k, d, prefix
		}
	}
	return best
}

// placeKey is choiceKey for what decides which server has a key.
func placeKey(name string, to *string, choices []string, reason string) key {
	k := choiceKey(name, to, choices, reason)
	k.movesKeys = true
	return k
}

// reasonMoves is said of a hash or a distribution that there is not, of which none other is as good.
const reasonMoves = ", and not supported here: any other one moves keys"

// spelled is the word of known that word is but for case, hyphens, underscores, blanks and quotes; "" if it is none.
func spelled(word string, known []string) string {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r == '-' || r == '_' || unicode.IsSpace(r) || strings.ContainsRune(typedQuotes+"`\"'", r) {
				return -1
			}
			return unicode.ToLower(r)
		}, s)
	}
	for _, k := range known {
		if plain(word) == plain(k) {
			return k
		}
	}
	return ""
}

// maxCompared is how many words mistakes of a file are compared with for a suggestion: after a thousand mistakes nobody reads any.
const maxCompared = 100_000

// nearest is Near, as long as it does not take too long for a file that is nothing but mistakes.
func (c *checker) nearest(word string, known []string) string {
	if c.compared += len(known); c.compared > maxCompared {
		return ""
	}
	return Near(word, known)
}

const (
	minPrefix = 3
	maxRest   = 4
)

// otherBooleans are the words that YAML 1.1 and other programs take for true and false, and twemproxy does not.
var otherBooleans = map[string]string{
	"yes": "true", "on": "true", "y": "true", "1": "true",
	"no": "false", "off": "false", "n": "false", "0": "false",
}

// distance is how many letters must be added, dropped, replaced or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	// Rows of the usual table: d[j] is the distance of a[:i] and b[:j].
	before, last, d := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range d {
		d[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, d = last, d, before
		d[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			d[j] = min(replaced, last[j]+1, d[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[j] = min(d[j], before[j-2]+1)
			}
		}
	}
	return d[len(b)]
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
