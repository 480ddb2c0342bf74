package discovery

import "testing"

// TestText: a line is taken as YAML takes it below servers.
func TestText(t *testing.T) {
	for line, want := range map[string]string{
		"10.0.0.1:6379:1 a":                      "10.0.0.1:6379:1 a",
		"  ::1:6379:1 a\r\n":                     "::1:6379:1 a",
		`"10.0.0.1:6379:1 a"`:                    "10.0.0.1:6379:1 a",
		`'10.0.0.1:6379:1 a'  # the first "one"`: "10.0.0.1:6379:1 a",
		`"10.0.0.1:6379:1 \x61" # it's a`:        "10.0.0.1:6379:1 a",
		`'/tmp/it''s:1 a'`:                       "/tmp/it's:1 a",
		"10.0.0.1:6379:1 a # the first":          "10.0.0.1:6379:1 a",
		"10.0.0.1:6379:1 a#1":                    "10.0.0.1:6379:1 a#1",
		"10.0.0.1:6379:1 it's":                   "10.0.0.1:6379:1 it's", // whether a name may have that is for who reads the list
		"# there were more":                      "",
		"":                                       "",
	} {
		if got, err := Text(line); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`""`, `"a`, `'a`, `"a" b`, `"a" "b"`, `"a": b`, `"\q"`, `'a'b'`, "a\nb", "\"a\nb\""} {
		if got, err := Text(line); err == nil {
			t.Errorf("%q is %q", line, got)
		}
	}
}
