package configs

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"cashew/codec/resp"
	"cashew/engine"
)

func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	readme := string(readFile(t, "README.md"))
	if !strings.Contains(readme, "\n  "+resp.DefaultCommands+"\n") {
		t.Error("README.md does not show the rules that are in force without the key commands")
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			f, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			checkInvariants(t, f)
			if len(f.Warnings) > 0 {
				t.Errorf("warnings %q; want none", f.Warnings)
			}
			if !strings.Contains(readme, "["+path+"]("+path+")") {
				t.Errorf("README.md does not mention %s", path)
			}
			if !bytes.Contains(readFile(t, path), []byte("\n"+globalSection+":")) {
				if !nutcracker(t, path) {
					t.Errorf("nutcracker does not take %s", path)
				}
			}
		})
	}
}

// Every key is documented, and shown in an example.
func TestKeysAreDocumented(t *testing.T) {
	readme := string(readFile(t, "README.md"))
	check := func(keys []key, example string) {
		shown := string(readFile(t, example))
		for _, k := range keys {
			if !strings.Contains(readme, "| `"+k.name+"` |") {
				t.Errorf("README.md has no row for %s", k.name)
			}
			if !strings.Contains(shown, " "+k.name+":") {
				t.Errorf("%s does not show %s", example, k.name)
			}
			for _, choice := range k.choices {
				if !strings.Contains(readme, "`"+choice+"`") {
					t.Errorf("README.md does not mention %s for %s", choice, k.name)
				}
			}
		}
	}
	check(newPool(&yaml.Node{}).keys(testLookup), "nutcracker.yml")
	check(globalKeys(&engine.Options{}), "global.yml")
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
