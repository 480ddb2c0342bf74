package ring

import "testing"

func TestTagged(t *testing.T) {
	cases := []struct{ name, tag, key, want string }{
		{"in the middle", "{}", "user:{42}:x", "42"},
		{"all of the key", "{}", "{42}", "42"},
		{"one byte", "{}", "{x}", "x"},
		{"empty tag", "{}", "a{}b", "a{}b"},
		{"empty tag, then another", "{}", "{}{x}", "{}{x}"},
		{"not closed", "{}", "open{1", "open{1"},
		{"open at the very end", "{}", "open{", "open{"},
		{"not opened", "{}", "x}y", "x}y"},
		{"closed before it opens", "{}", "a}b{c}", "c"},
		{"closed before it opens, then not", "{}", "a}b{c", "a}b{c"},
		{"two opens", "{}", "n{{7}}x", "{7"},
		{"two tags: the first", "{}", "{a}{b}", "a"},
		{"no tag", "{}", "plain", "plain"},
		{"empty key", "{}", "", ""},
		{"equal characters", "::", "a:42:b", "42"},
		{"equal characters, nothing between", "::", "a::b:c", "a::b:c"},
		{"equal characters, one only", "::", "a:b", "a:b"},
		{"equal characters, alone", "$$", "$", "$"},
		{"zero bytes", "\x00\xff", "a\x00b\xffc", "b"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := string(tagged([]byte(c.key), c.tag[0], c.tag[1])); got != c.want {
				t.Errorf("tagged(%q, %q) = %q; want %q", c.key, c.tag, got, c.want)
			}
			if got := string(taggedPlain([]byte(c.key), c.tag[0], c.tag[1])); got != c.want {
				t.Errorf("taggedPlain(%q, %q) = %q; want %q", c.key, c.tag, got, c.want)
			}
		})
	}
}

// taggedPlain is tagged, byte by byte.
func taggedPlain(key []byte, left, right byte) []byte {
	start := 0
	for start < len(key) && key[start] != left {
		start++
	}
	end := start + 1
	for end < len(key) && key[end] != right {
		end++
	}
	if end < len(key) && end > start+1 {
		return key[start+1 : end]
	}
	return key
}
