package house

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"
)

// The floor plan is held by depguard's lists in .golangci.yml. depguard says nothing of a package for which there is no list, nor of a
// door that nobody goes through: both are found here.

// An importList is one of depguard's rules.
type importList struct {
	Mode  string   `yaml:"list-mode"`
	Files []string `yaml:"files"`
	Allow []string `yaml:"allow"`
}

// readLists returns the strict rules in config, by name.
func readLists(config []byte) (map[string]importList, error) {
	var file struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]importList `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	err := yaml.Unmarshal(config, &file)
	lists := file.Linters.Settings.Depguard.Rules
	maps.DeleteFunc(lists, func(_ string, l importList) bool { return l.Mode != "strict" })
	return lists, err
}

// isFor says whether l has a list for the files of dir: with its tests or without.
func (l *importList) isFor(dir string, tests bool) bool {
	if tests && slices.Contains(l.Files, "!$test") {
		return false
	}
	return slices.ContainsFunc(l.Files, func(pattern string) bool {
		return pattern == "**/"+dir+"/*.go" || pattern == "${base-path}/*.go" && dir == "."
	})
}

// allows says whether the entry of an Allow is for an import.
func allows(entry, imported string) bool {
	if entry == "$gostd" {
		first, _, _ := strings.Cut(imported, "/")
		return first != "cashew" && !strings.Contains(first, ".")
	}
	if exact, ok := strings.CutSuffix(entry, "$"); ok {
		return imported == exact
	}
	return strings.HasPrefix(imported, entry)
}

// imports are what the files of each folder import: product code, and tests.
type imports struct{ code, tests map[string][]string }

// readImports reads the module in fsys, and of those that lie in it the ones that go.work names.
func readImports(fsys fs.FS) (imports, error) {
	in := imports{map[string][]string{}, map[string][]string{}}
	modules, err := readModules(fsys)
	if err != nil {
		return in, err
	}
	return in, fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			_, err := fs.Stat(fsys, name+"/go.mod")
			_, ours := modules[name]
			if name != "." && (err == nil && !ours || d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		case path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		of, dir := in.code, path.Dir(name)
		if strings.HasSuffix(name, "_test.go") {
			of = in.tests
		}
		of[dir] = append(of[dir], "") // the folder has such a file, whatever that imports
		for _, i := range file.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			of[dir] = append(of[dir], imported)
		}
		return nil
	})
}

// openDoors returns a sentence for each folder whose product code has no list or several, and for each entry that nobody needs.
func (in imports) openDoors(lists map[string]importList) (sentences []string) {
	for _, dir := range slices.Sorted(maps.Keys(in.code)) {
		n := 0
		for _, l := range lists {
			if l.isFor(dir, false) {
				n++
			}
		}
		if n != 1 {
			sentences = append(sentences, fmt.Sprintf("%s has %d lists of what it may import; want 1", dir, n))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		l := lists[name]
		var all []string
		for dir := range in.code {
			if l.isFor(dir, false) {
				all = append(all, in.code[dir]...)
			}
		}
		for dir := range in.tests {
			if l.isFor(dir, true) {
				all = append(all, in.tests[dir]...)
			}
		}
		for _, entry := range l.Allow {
			if !slices.ContainsFunc(all, func(i string) bool { return i != "" && allows(entry, i) }) {
				sentences = append(sentences, fmt.Sprintf("list %s allows %s, which nobody there imports", name, entry))
			}
		}
	}
	return sentences
}

func TestImports(t *testing.T) {
	root := os.DirFS("../..")
	config, err := fs.ReadFile(root, ".golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	lists, err := readLists(config)
	if err != nil {
		t.Fatal(err)
	}
	in, err := readImports(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(lists) < 20 || len(in.code) < 20 {
		t.Fatalf("there are %d lists and %d folders; something is wrong with this test", len(lists), len(in.code))
	}
	for _, s := range in.openDoors(lists) {
		t.Error(s)
	}
}

// TestOpenDoors: a folder without a list, an entry without an import.
func TestOpenDoors(t *testing.T) {
	lists, err := readLists([]byte(`
linters: {settings: {depguard: {rules: {
  lax: {list-mode: lax, files: [$all], allow: [nobody]},
  top: {list-mode: strict, files: ["${base-path}/*.go"], allow: [$gostd, cashew/a$]},
  ab: {list-mode: strict, files: ["**/a/*.go", "**/b/*.go", "!$test"], allow: [$gostd, x.org/y, cashew/b, cashew/a$]},
  tests: {list-mode: strict, files: ["**/tests/t/*.go"], allow: [$gostd, cashew/b$, cashew/a$]},
  b: {list-mode: strict, files: ["**/b/*.go"], allow: [$gostd]},
}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	source := func(imports string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("package p\n\nimport (" + imports + ")\n")}
	}
	in, err := readImports(fstest.MapFS{
		"main.go":           source(`"os"; "cashew/a"`),
		"a/a.go":            source(`"x.org/y/z"`),
		"b/b.go":            source(`"net/http"; "cashew/a/c"; "cashew/b/c"`),
		"b/b_test.go":       source(`"cashew/a"`),
		"c/c.go":            source(``),
		"tests/t/t_test.go": source(`"os"; "cashew/b"`),
		"d/go.mod":          {},
		"go.mod":            {},
		"go.work":           {},
		"d/d.go":            source(`"os"`),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"b has 2 lists of what it may import; want 1",
		"c has 0 lists of what it may import; want 1",
		"list ab allows cashew/a$, which nobody there imports",
		"list tests allows cashew/a$, which nobody there imports",
	}
	if got := in.openDoors(lists); !slices.Equal(got, want) {
		t.Errorf("openDoors() = %q; want %q", got, want)
	}
}
