package admin

import (
	"os"
	"strings"
	"testing"

	"cashew/engine"
)

// TestTokenFile: a file that no request can have the token of is an error, and not a token that nobody knows.
func TestTokenFile(t *testing.T) {
	o := &engine.Options{AdminTokenFile: t.TempDir() + "/token"}
	for text, wants := range map[string]string{
		"a": "", "a b\n": "", "a\r\n": "", "a\n\n": "",
		"": "is empty", "\n": "is empty", "a\nb\n": "has more than one line", "a\rb": "has more than one line", "\na": "has more than one line",
		strings.Repeat("a", engine.MaxAdminToken+1): "has more than",
	} {
		if err := os.WriteFile(o.AdminTokenFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := token(o)
		if wants == "" && (err != nil || string(got) != strings.TrimRight(text, "\r\n")) || wants != "" && (err == nil || !strings.Contains(err.Error(), wants)) {
			t.Errorf("%.10q: %q, %v; want %q", text, got, err, wants)
		}
	}
}
