package regular

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHeaders: lines are headers, or a mistake that repeats nothing of them.
func TestHeaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "headers")
	for text, want := range map[string]string{
		"# a\n\n authorization: Bearer: x y \r\nX-a:1\nx-A: 2": "",
		"":                      "there are none in it",
		"# a\n":                 "there are none in it",
		"secret":                "its line 1 is no header",
		"a: 1\nsecret":          "its line 2 is no header",
		"sec ret: 1":            "its line 1 is no header",
		": secret":              "its line 1 is no header",
		"a:":                    "its line 1 is no header",
		"a: secret\x00":         "its line 1 is no header",
		"a: sec\rret":           "its line 1 is no header",
		"content-length: 1":     "its line 1 has a header that is not its to choose",
		strings.Repeat("a", 99): "it has more than 64 bytes",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Headers(path, 64)
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || got != nil) || want == "" && err != nil {
			t.Errorf("%q: %v, %v; want %q", text, got, err, want)
		}
		if want == "" && (got["Authorization"][0] != "Bearer: x y" || strings.Join(got["X-A"], " ") != "1 2") {
			t.Errorf("%v", got)
		}
	}
	if _, err := Headers(path+"none", 64); err == nil {
		t.Error("no file has headers")
	}
}
