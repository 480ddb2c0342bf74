package daemon

import (
	"os"
	"strings"
	"testing"
)

// TestSecretsAreWatched: secrets are read anew once their file looks the same twice, and the configuration is not.
func TestSecretsAreWatched(t *testing.T) {
	in := startInstance(t, map[string]string{"redis_auth_file": "DIR/secret"})
	var w secretWatch
	logged := func() string {
		text, err := os.ReadFile(in.dir + "/log")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	secret := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(in.dir+"/new", []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(in.dir+"/new", mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(in.dir+"/new", in.dir+"/secret"); err != nil {
			t.Fatal(err)
		}
	}
	looks := func(n int) {
		for range n {
			in.lookAtSecrets(&w)
		}
	}
	hello := func(password string) string { return in.ask("HELLO", "2", "AUTH", "default", password) }

	looks(3)
	if text := logged(); strings.Contains(text, "secrets") {
		t.Errorf("nothing has changed, and the log says:\n%s", text)
	}
	in.set("timeout", "1234")
	in.write() // somebody edits it
	secret("another\n", 0o604)
	looks(1)
	if got := hello("another"); !strings.HasPrefix(got, "-WRONGPASS") {
		t.Errorf("after one look: %q", got)
	}
	looks(1)
	if got := hello("another"); !strings.HasPrefix(got, "*14") {
		t.Errorf("after two looks: %q", got)
	}
	if got := hello("secret"); !strings.HasPrefix(got, "-WRONGPASS") {
		t.Errorf("the former password: %q", got)
	}
	if value, _ := in.shown("timeout"); value == nil || strings.Contains(logged(), "configuration reloaded") {
		t.Errorf("the configuration was read, too: timeout %v", value)
	} else if text, ok := value.(interface{ String() string }); !ok || text.String() == "1234" {
		t.Errorf("timeout %v is in force", value)
	}
	if text := logged(); strings.Count(text, "secrets read anew") != 1 || !strings.Contains(text, "everybody may read it") {
		t.Errorf("the log says:\n%s", text)
	}

	secret("\n", 0o600)
	looks(5)
	if text := logged(); strings.Count(text, "secrets have changed and can't be used") != 1 || !strings.Contains(text, "it is empty") {
		t.Errorf("the log says:\n%s", text)
	}
	if got := hello("another"); !strings.HasPrefix(got, "*14") {
		t.Errorf("with a file that can't be used: %q", got)
	}
	secret("third", 0o600)
	looks(2)
	if got := hello("third"); !strings.HasPrefix(got, "*14") {
		t.Errorf("once it can be: %q", got)
	}
	if text := logged(); strings.Contains(text, "another\n") || strings.Count(text, "secrets read anew") != 2 {
		t.Errorf("the log says:\n%s", text)
	}
}
