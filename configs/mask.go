package configs

import (
	"regexp"
	"slices"
	"strings"

	"cashew/codec/acl"
)

// A mistake repeats what is wrong, and what is wrong may be a password that stands in the wrong place: in a line of limits or servers, or where a
// path is expected. Of a key that is a secret no mistake has the value at all; of all others what looks like a password is left out.

var (
	// behindSign is a word of ACLs that is a password, and all behind it: who forgets a quote has the rest of it there.
	behindSign = regexp.MustCompile(`(?s)(^|[\s"'(\[{=,:&+-])([><#!])[^\s].*`)
	// behindName is what somebody calls a password.
	behindName = regexp.MustCompile(`(?is)((?:pass|pwd|pw|token|secret|auth|credential)\w*(?:\s*[=:]\s*|\s+))[^\s].*`)
	// inURL is "user:password@", and what else it may be.
	inURL = regexp.MustCompile(`://.*@|:\S*@`)
	// inQuery is what stands behind the path of a URL.
	inQuery = regexp.MustCompile(`(/[^\s?#]*[?#]).+`)
	// bareHash is the SHA-256 of a password.
	bareHash = regexp.MustCompile(`\b[0-9a-fA-F]{64}\b`)
)

// withoutPasswords is what stands in a file, as a mistake may have it.
func withoutPasswords(s string) string {
	if i := strings.IndexAny(strings.TrimRight(s, "\r\n"), "\r\n"); i >= 0 {
		s = s[:i] + "..." // that it goes on is told; it may be a key in PEM
	}
	return withoutNamed(s)
}

// withoutNamed is one line, or a name, without passwords.
func withoutNamed(s string) string {
	s = behindName.ReplaceAllString(s, "${1}"+acl.Masked)
	s = inURL.ReplaceAllString(s, ":"+acl.Masked+"@")
	s = inQuery.ReplaceAllString(s, "${1}"+acl.Masked)
	return withoutSigned(s)
}

// withoutSigned is a text of ours that repeats something, without what is a password by how it is written.
func withoutSigned(s string) string {
	if strings.Contains(s, pemBegins) {
		return acl.Masked
	}
	s = behindSign.ReplaceAllString(s, "${1}${2}"+acl.Masked)
	return bareHash.ReplaceAllString(s, acl.Masked)
}

// hidden has texts leave out what withoutPasswords leaves out of a value whose words they repeat.
type hidden struct{ words *strings.Replacer } // nil: nothing

// hiddenIn looks at a value once, however many texts repeat its words.
func hiddenIn(value string) (h hidden) {
	shown := withoutPasswords(value)
	if shown == value {
		return h
	}
	left := make(map[string]bool)
	for word := range strings.FieldsSeq(shown) {
		left[word] = true
	}
	var words []string
	for word := range strings.FieldsSeq(value) {
		if len(word) > 2 && !left[word] {
			left[word] = true
			words = append(words, word)
		}
	}
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) }) // a word may have another in it
	var pairs []string
	for _, word := range words {
		pairs = append(pairs, word, withoutPart(word))
	}
	h.words = strings.NewReplacer(pairs...)
	return h
}

// without is text without them.
func (h hidden) without(text string) string {
	if h.words == nil {
		return text
	}
	return h.words.Replace(text)
}

// withoutPart is a word that is a password or has one.
func withoutPart(word string) string {
	if shown := withoutPasswords(word); shown != word {
		return shown
	}
	return acl.Masked
}

// pemBegins is what keys and certificates begin with.
const pemBegins = "-----BEGIN"

// shownName is the name of a pool, as withoutPasswords, where it does not look like one: a line without its indent is a pool.
func shownName(name string) string {
	if strings.ContainsAny(name, " \t=><#!") {
		return withoutNamed(name)
	}
	return name
}
