package acl

// Matches tells whether name matches a pattern of Redis: * is any number of bytes, ? one, [a-c] one of a set, [^a] one that is not in it,
// and a backslash takes the next byte as it is. No bytes at all match an empty pattern alone, not *, as with Redis 7.0. Work is at most their lengths multiplied, whatever the pattern.
//
// Source: redis 7.0 util.c, stringmatchlen.
func Matches(pattern string, name []byte) bool {
	if len(name) == 0 {
		return pattern == ""
	}
	p, n := 0, 0
	star, from := -1, 0 // behind the last *, and from where in name it goes on
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, from = p, n
			continue
		}
		if p < len(pattern) {
			if fits, next := matchesByte(pattern, p, name[n]); fits {
				p, n = next, n+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, n = star, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchesByte tells whether what stands at p, which is no *, matches c, and where it ends.
func matchesByte(pattern string, p int, c byte) (fits bool, next int) {
	switch {
	case pattern[p] == '?':
		return true, p + 1
	case pattern[p] == '[':
		return matchesSet(pattern, p+1, c)
	case pattern[p] == '\\' && p+1 < len(pattern):
		p++
	}
	return pattern[p] == c, p + 1
}

// matchesSet is matchesByte for a set, whose first byte behind the bracket is at p. One without an end ends with the pattern.
func matchesSet(pattern string, p int, c byte) (fits bool, next int) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for p < len(pattern) && pattern[p] != ']' {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			fits = fits || pattern[p] == c
		case p+2 < len(pattern) && pattern[p+1] == '-':
			low, high := min(pattern[p], pattern[p+2]), max(pattern[p], pattern[p+2])
			fits = fits || low <= c && c <= high
			p += 2
		default:
			fits = fits || pattern[p] == c
		}
		p++
	}
	return fits != not, min(p+1, len(pattern))
}
